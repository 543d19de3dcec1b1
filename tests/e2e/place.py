"""Where a run takes place: the AWS of the environment, the stack in it, and everything that a run leaves there, to be removed.

Endpoint, credentials and Region come from the environment, as every AWS SDK reads them. Nothing here knows who answers.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from local_cloud.template import Template
from remodel.settings import MODEL, load_model, table_names, variable
from runner.model import DEFAULT
from runner.names import flag, name_parameter, stream_parameter
from stack.template import stem, template

ROOT = Path(__file__).parents[2]
SAM = ROOT / ".cache/sam/bin/sam"
HERE = ROOT / ".aws-sam/e2e"
COPY = ROOT / "template.e2e.yaml"
"""The template of the model, for the machine's architecture: beside `template.yaml`, since its paths are relative."""

PATIENCE = 900.0
"""Seconds for whatever must happen by itself: metrics of AWS come minutes late."""

CONFIG = Config(read_timeout=910, retries={"mode": "standard", "total_max_attempts": 4})

T = TypeVar("T")


class StepFailed(Exception):
    """Says what was expected, what was found, and what to look at."""


class Place:
    """`name`: of the stack, and the beginning of its tables' names, so that no other table is touched. `named`: the model.

    `migration`, `flag`: what belongs to the stage, not to the stack: the migration's own table, and the read flag.
    """

    def __init__(self, name: str, stage: str, architecture: str, named: str = DEFAULT) -> None:
        self.name, self.stage, self.architecture, self.named = name, stage, architecture, named
        self.model, begin = load_model({MODEL: named}), stem(named)
        self.migration, self.flag = f"{begin}-{stage}", flag(begin, stage)
        self.endpoint = os.environ.get("AWS_ENDPOINT_URL")
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = boto3.client(service, config=CONFIG)  # type: ignore[call-overload]
        return self._clients[service]

    # ------------------------------------------------------------------------------------------ coming

    def check(self) -> None:
        """Nothing may be there that a run would take over, and then take away."""
        if boto3.Session().region_name is None:
            raise StepFailed("expected a Region in the environment, found none: set AWS_DEFAULT_REGION")
        there = {f"stack {self.name}": self._status() is not None, f"parameter {self.flag}": self._is_parameter()}
        there |= {f"table {self.migration}": self._is_table(self.migration)}
        if found := [what for what, is_there in there.items() if is_there]:
            raise StepFailed(
                f"expected an account without a migration of stage {self.stage}, found {', '.join(found)}: if an earlier run "
                "has left them, `python -m tests.e2e --delete` removes them"
            )

    def build(self) -> None:
        HERE.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "samconfig.toml", HERE)
        COPY.write_text(template(self.named).replace("arm64", self.architecture))
        self._sam(
            "build",
            *("--template-file", str(COPY), "--build-dir", str(HERE / "build")),
            *("--cached", "--cache-dir", str(HERE / f"cache-{self.architecture}")),
        )

    def deploy(self) -> None:
        bucket, region = self._artefacts, boto3.Session().region_name
        with suppress(self.client("s3").exceptions.BucketAlreadyOwnedByYou):
            place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
            self.client("s3").create_bucket(Bucket=bucket, **place)
        parameters = {"Stage": self.stage} | self._table_names()
        if self.stage != "sandbox":
            parameters |= self._old_tables(parameters)
            parameters |= {"ReaderAlarms": "false"} if self.endpoint else {}
        self._sam(
            "deploy",
            *("--template-file", str(HERE / "build/template.yaml"), "--stack-name", self.name),
            *("--s3-bucket", bucket, "--s3-prefix", self.name),
            *("--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"),
            *("--parameter-overrides", " ".join(f"{name}={value}" for name, value in parameters.items())),
            *("--region", str(region), "--no-confirm-changeset", "--no-progressbar"),
        )

    def _table_names(self) -> dict[str, str]:
        """By parameter."""
        names = (*self.model.old_tables, *self.model.new_tables)
        return {name_parameter(name): f"{self.name}-{name.replace('_', '-')}" for name in names}

    def _old_tables(self, names: Mapping[str, str]) -> dict[str, str]:
        """Makes them, as the application's own stack would; the ARNs of their streams, by parameter."""
        found, dynamodb = {}, self.client("dynamodb")
        declared = Template(COPY, {**names, "Stage": "sandbox"}).tables()
        by_name = {each["TableName"]: each for each in declared}
        for name in self.model.old_tables:
            parameter = name_parameter(name)
            dynamodb.create_table(**by_name[names[parameter]])
            dynamodb.get_waiter("table_exists").wait(TableName=names[parameter])
            table = dynamodb.describe_table(TableName=names[parameter])["Table"]
            found[stream_parameter(name)] = table["LatestStreamArn"]
        return found

    # ------------------------------------------------------------------------------------------ being there

    @cached_property
    def names(self) -> Mapping[str, str]:
        """Physical names by logical ids."""
        return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in self.resources()}

    def resources(self) -> list[Any]:
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=self.name)
        return [each for page in pages for each in page["StackResourceSummaries"]]

    def environment(self, function: str) -> dict[str, str]:
        answer = self.client("lambda").get_function_configuration(FunctionName=self.names[function])
        found: dict[str, str] = answer["Environment"]["Variables"]
        return found

    @cached_property
    def tables(self) -> dict[str, str]:
        """Physical names by logical ones."""
        found = self.environment("Backfill")
        return {name: found[variable(name)] for name in table_names(self.model)}

    def remodel(self, *words: str, status: tuple[int, ...] = (0,), quiet: bool = False) -> str:
        """One verb, as a person types it; what it says. Raises StepFailed where its exit status is another one.

        quiet: what it says is for the caller alone, unless it fails.
        """
        aside = subprocess.PIPE if quiet else subprocess.STDOUT
        command = self._command(words, quiet)
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=aside, text=True, check=False)
        if not quiet or done.returncode not in status:
            said = (done.stdout + (done.stderr or "")).splitlines()
            print("".join(f"  {line}\n" for line in said), end="", flush=True)
        _ended(words, done.returncode, status)
        return done.stdout

    def follow(self, *words: str) -> Iterator[str]:
        """What a verb says, line by line. Raises StepFailed where it does not end well."""
        command = self._command(words, quiet=False)
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert process.stdout is not None
        for line in process.stdout:
            print(f"  {line}", end="", flush=True)
            yield line.strip()
        _ended(words, process.wait(), (0,))

    def _command(self, words: tuple[str, ...], quiet: bool) -> list[str]:
        where = ["--stage", self.stage, "--stack", self.name]
        where += ["--endpoint-url", self.endpoint] if self.endpoint else []
        if not quiet:
            print(f"$ remodel {' '.join([*words, *where])}", flush=True)
        return [sys.executable, "-m", "tests.e2e.late", *words, *where]

    # ------------------------------------------------------------------------------------------ going

    def delete(self) -> None:
        """Whatever there is of it, with the tables that the stack leaves. Raises StepFailed where something stays."""
        if self._status() is not None:
            for bucket in [each["PhysicalResourceId"] for each in self.resources() if each["ResourceType"] == _BUCKET]:
                self._empty(bucket)
            self.client("cloudformation").delete_stack(StackName=self.name)
            self.until(lambda: self._is_gone() or None, f"stack {self.name} to be gone")
        for table in self._own_tables():
            self.client("dynamodb").delete_table(TableName=table)
        self._backups()
        with suppress(self.client("dynamodb").exceptions.ResourceNotFoundException):
            self.client("dynamodb").update_table(TableName=self.migration, DeletionProtectionEnabled=False)
            self.client("dynamodb").delete_table(TableName=self.migration)
        with suppress(self.client("ssm").exceptions.ParameterNotFound):
            self.client("ssm").delete_parameter(Name=self.flag)
        with suppress(self.client("s3").exceptions.NoSuchBucket):
            self._empty(self._artefacts)
            self.client("s3").delete_bucket(Bucket=self._artefacts)
        COPY.unlink(missing_ok=True)
        self.until(lambda: not self._is_table(self.migration) or None, f"table {self.migration} to be gone")
        self.until(lambda: not list(self._own_tables()) or None, f"the tables that stack {self.name} leaves to be gone")

    def until(self, look: Callable[[], T | None], what: str, within: float = PATIENCE, pause: float = 2.0) -> T:
        """What `look` says once it says something. Raises StepFailed."""
        deadline = time.monotonic() + within
        while (found := look()) is None:
            if time.monotonic() > deadline:
                raise StepFailed(
                    f"expected {what} within {within:.0f} s, found it not to be so: see the functions' logs"
                )
            time.sleep(pause)
        return found

    def _is_gone(self) -> bool:
        status = self._status()
        if status == "DELETE_FAILED":
            events = self.client("cloudformation").describe_stack_events(StackName=self.name)["StackEvents"]
            told = [
                f"{each['LogicalResourceId']}: {each.get('ResourceStatusReason', '')}"
                for each in events
                if each["ResourceStatus"] == "DELETE_FAILED"
            ]
            raise StepFailed(f"expected stack {self.name} to go, found it stuck: {'; '.join(told)}: delete it by hand")
        return status is None

    def _status(self) -> str | None:
        try:
            found = self.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        except ClientError as problem:
            if problem.response["Error"]["Code"] == "ValidationError":
                return None
            raise
        status: str = found[0]["StackStatus"]
        return None if status == "DELETE_COMPLETE" else status

    def _is_table(self, name: str) -> bool:
        try:
            self.client("dynamodb").describe_table(TableName=name)
        except self.client("dynamodb").exceptions.ResourceNotFoundException:
            return False
        return True

    def _is_parameter(self) -> bool:
        try:
            self.client("ssm").get_parameter(Name=self.flag)
        except self.client("ssm").exceptions.ParameterNotFound:
            return False
        return True

    def _own_tables(self) -> Iterator[str]:
        pages = self.client("dynamodb").get_paginator("list_tables").paginate()
        return (name for page in pages for name in page["TableNames"] if name.startswith(f"{self.name}-"))

    def _empty(self, bucket: str) -> None:
        """Of every version that it keeps."""
        for page in self.client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket):
            found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            keys = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
            if keys:
                self.client("s3").delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})

    def _backups(self) -> None:
        """Those that `remodel backup` has made of the stack's tables; a place may know no backups at all."""
        try:
            pages = self.client("dynamodb").get_paginator("list_backups").paginate()
            found = [each for page in pages for each in page["BackupSummaries"]]
        except ClientError:
            return
        for each in found:
            if each["TableName"].startswith(f"{self.name}-") and each["BackupName"].startswith(f"{self.migration}-"):
                self.client("dynamodb").delete_backup(BackupArn=each["BackupArn"])

    @cached_property
    def _artefacts(self) -> str:
        account = self.client("sts").get_caller_identity()["Account"]
        return f"{self.name}-artefacts-{account}-{boto3.Session().region_name}"

    def _sam(self, *arguments: str) -> None:
        print(f"$ sam {' '.join(arguments)}", flush=True)
        environment = {**os.environ, "SAM_CLI_TELEMETRY": "0", "SAM_CLI_ENABLE_LANGUAGE_EXTENSIONS": "1"}
        done = subprocess.run(
            [str(SAM), *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise StepFailed(f"expected `sam {arguments[0]}` to succeed, found\n{(done.stdout + done.stderr)[-4_000:]}")


def _ended(words: tuple[str, ...], found: int, wanted: tuple[int, ...]) -> None:
    if found not in wanted:
        told = " or ".join(map(str, wanted))
        raise StepFailed(f"expected `remodel {words[0]}` to end with {told}, found {found}: see above")


_BUCKET = "AWS::S3::Bucket"
