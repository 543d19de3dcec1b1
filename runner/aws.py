"""A stage on AWS as a verb's world: its stack found by name, its functions invoked, its tables as they were named to it.

Before the stack is deployed, the names are those that `samconfig.toml` gives the stage, and what only a stack has says so.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ProfileNotFound
from botocore.parsers import ResponseParserError
from botocore.session import Session

from local_cloud.emulator import ROOT
from local_cloud.template import Template
from remodel.call import Place
from remodel.client import CONFIG
from remodel.clock import SystemClock
from remodel.dynamodb import DynamoStore
from remodel.model import Model
from remodel.runtime import tables_of
from remodel.settings import settings, table_names, variable
from runner import names as named
from runner.address import Address
from runner.bucket import Bucket
from runner.errors import CallFailed, NoSuchProfile, NoSuchStack, StackOfAnotherStage
from runner.failed import Batches
from runner.journal import Journal
from runner.lease import myself
from runner.mappings import Mappings
from runner.model import chosen
from runner.model import named as model_name
from runner.recovery import keeping, listed
from runner.stack import Deployment
from runner.tips import Tips
from runner.world import Invoke, World
from stack.template import stem
from stack.template import template as text

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_ssm import SSMClient

TEMPLATE = ROOT / "template.yaml"

LONGEST = 900
"""Seconds that a call of a function may last."""


def world(address: Address) -> World:
    """Raises NoSuchProfile, NoSuchStack, ClientError and BotoCoreError."""
    model, client = chosen(), clients(address)
    stage, stack, begin = address.stage, address.stack, stem(model_name())
    cloudformation, functions = client("cloudformation", _PATIENT), client("lambda", _LONG)
    names = _resources(cloudformation, stack)
    found = settings(_environment(functions, names, model, {"Stage": stage, **address.parameters}), model)
    tables = {**found.tables, "migration": f"{begin}-{stage}"}
    dynamodb, clock = client("dynamodb"), SystemClock()
    kept = keeping(address.parameters.get("KmsKeyArn", ""), address.tags, stage != "sandbox")
    journal = Journal(dynamodb, tables["migration"], clock, myself(), kept)
    store = DynamoStore(dynamodb, tables_of(model, dict(found.tables)))
    streams = client("dynamodbstreams")
    batches = Batches({tables[each]: each for each in model.old_tables}, streams)
    readers = {each: names[id] for each in model.order if (id := named.replicator(each)) in names}
    new_tables = {named.new_table(each): tables[each] for each in model.new_tables}
    return World(
        stage=stage,
        place=Place(model, store, clock, found.live),
        dynamodb=dynamodb,
        tables=tables,
        invoke=_deployed(functions, names, stack),
        readers=Mappings(
            functions, client("cloudwatch"), readers, [each for each in model.order if each in found.live]
        ),
        journal=journal,
        flag=Parameter(client("ssm"), named.flag(begin, stage), address.tags),
        failures=Bucket(client("s3"), names.get("FailedBatches"), batches),
        tips=lambda: Tips(dynamodb, streams, model, {each: tables[each] for each in found.live}),
        stack=Deployment(cloudformation, client("iam"), address, names, new_tables),
        declared=_declared(tables),
    )


_PATIENT = Config(connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 2})
_LONG = Config(read_timeout=LONGEST + 10, retries={"total_max_attempts": 1})


def _deployed(client: LambdaClient, names: Mapping[str, str], stack: str) -> Invoke:
    """Functions by their logical ids in the template."""

    def invoke(name: str, payload: Mapping[str, Any]) -> Any:
        if name not in names:
            raise NoSuchStack(f"expected stack {stack!r} with function {name}, found none: deploy the stage first")
        try:
            answer = client.invoke(FunctionName=names[name], Payload=json.dumps(payload))
            said = json.loads(answer["Payload"].read())
        except (ClientError, BotoCoreError) as problem:
            raise CallFailed(f"expected {name} to answer, but: {problem}: see its logs, then try again") from problem
        if "FunctionError" in answer:
            found = f"{said.get('errorType')}: {said.get('errorMessage')}"
            raise CallFailed(f"expected {name} to answer, found {found}: see its logs, then try again")
        return said

    return invoke


class Parameter:
    """The read flag, as the application reads it."""

    def __init__(self, client: SSMClient, name: str, tags: Mapping[str, str]) -> None:
        self._client, self.name, self._tags = client, name, tags

    def read(self) -> str | None:
        try:
            return self._client.get_parameter(Name=self.name)["Parameter"]["Value"]
        except self._client.exceptions.ParameterNotFound:
            return None

    def write(self, value: str) -> None:
        """AWS takes tags for a new parameter only."""
        more: Any = {"Tags": listed(self._tags)} if self.read() is None else {"Overwrite": True}
        self._client.put_parameter(Name=self.name, Value=value, Type="String", **more)


def clients(address: Address) -> Callable[..., Any]:
    """Makes clients of services there. Without boto3, which takes long to import. Raises NoSuchProfile."""
    session = Session(profile=address.profile)
    session.set_config_variable("region", address.region)

    def client(service: Any, config: Config = CONFIG) -> Any:
        return session.create_client(service, endpoint_url=address.endpoint, config=config)

    try:
        session.get_scoped_config()
    except ProfileNotFound as problem:
        raise NoSuchProfile(
            f"expected profile {address.profile!r} in AWS's configuration of this machine, found none: make it, correct it in "
            f"{address.config.name}, or name another as --profile"
        ) from problem
    return client


def _resources(client: Any, stack: str) -> dict[str, str]:
    """Physical names by logical ids; empty where there is no such stack. Raises NoSuchStack where something else answers, and
    what botocore raises where nothing does, or it refuses."""
    try:
        pages = client.get_paginator("list_stack_resources").paginate(StackName=stack)
        found = [each for page in pages for each in page["StackResourceSummaries"]]
    except ClientError as problem:
        if problem.response["Error"]["Code"] == "ValidationError":
            return {}
        raise
    except ResponseParserError as problem:
        raise NoSuchStack(
            f"expected to be told of stack {stack!r}, found an answer that is not CloudFormation's: correct --endpoint-url"
        ) from problem
    there = [each for each in found if each["ResourceStatus"] not in _GONE]
    return {each["LogicalResourceId"]: each.get("PhysicalResourceId", "") for each in there}


_GONE = ("DELETE_COMPLETE", "DELETE_SKIPPED")
"""Still listed, for as long as the stack is that failed to be made."""


def _environment(
    client: LambdaClient, names: Mapping[str, str], model: Model, parameters: Mapping[str, str]
) -> Mapping[str, str]:
    """What the functions find in theirs; before they are deployed, what they would find."""
    if "Backfill" in names:
        found = client.get_function_configuration(FunctionName=names["Backfill"])["Environment"]["Variables"]
        _check_stage(parameters["Stage"], found)
        return found
    template = Template(TEMPLATE, dict(parameters), text=text(model_name()))
    backfill = next(each for each in template.functions() if each.name == "Backfill")
    return {**{variable(name): name for name in table_names(model)}, **backfill.environment}


def _check_stage(stage: str, environment: Mapping[str, str]) -> None:
    """Raises StackOfAnotherStage. The metrics' namespace has the stage in it."""
    deployed = environment.get("POWERTOOLS_METRICS_NAMESPACE", "").rpartition("/")[2]
    if deployed not in ("", stage):
        raise StackOfAnotherStage(
            f"expected a stack of stage {stage}, found one of stage {deployed}: give --stage {deployed}, or correct --stack or "
            "`stack_name` in the samconfig"
        )


def _declared(tables: Mapping[str, str]) -> tuple[dict[str, Any], ...]:
    """The tables of this checkout's template, under the stage's own names."""
    names = {named.name_parameter(name): table for name, table in tables.items()}
    return tuple(Template(TEMPLATE, {"Stage": "sandbox", **names}, text=text(model_name())).tables())
