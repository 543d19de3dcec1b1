"""The deployed stack as a whole: where its parameters are kept, what its roles allow, and how it is removed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, WaiterError

from runner import maker, samconfig
from runner.address import Address
from runner.errors import NotReady, SamconfigUnwritable
from runner.world import Denial, Stack

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_iam import IAMClient


MAKES = "CreateNewTables"
"""The template's parameter: whether the stack makes the new tables; where nothing is said, it does. A stack that stops making
them deletes those that it has made."""


def _several(one_or_more: Any) -> list[str]:
    return [one_or_more] if isinstance(one_or_more, str) else list(one_or_more)


class Deployment(Stack):
    """`names`: physical names by logical ids; empty before the first deployment. `new_tables`: those of the new tables, also
    where the stack does not make them."""

    def __init__(
        self,
        client: CloudFormationClient,
        iam: IAMClient,
        address: Address,
        names: Mapping[str, str],
        new_tables: Mapping[str, str],
    ) -> None:
        file = "" if address.config.name == "samconfig.toml" else f" --config-file {address.config.name}"
        deploy = f"sam build{file} && sam deploy{file} --config-env {address.stage}"
        super().__init__(deploy, address.stage == "sandbox")
        self._client, self._iam, self._address = client, iam, address
        self._names, self._new_tables = names, new_tables

    def missing(self, parameters: Mapping[str, str]) -> str:
        wanted = self._wanted(parameters)
        return (
            f"write {', '.join(sorted(wanted))} to {self._address.config.name}, for the next deployment"
            if wanted
            else ""
        )

    def connect(self, parameters: Mapping[str, str]) -> None:
        samconfig.write(self._address.config, self._address.stage, self._wanted(parameters))

    def denied(self) -> list[Denial]:
        """Each role is asked for all that its own policies allow: what denies it then stands elsewhere, in a boundary of the
        account or in a policy of its organisation."""
        roles = [name for logical, name in self._names.items() if logical.endswith("Role")]
        return [denial for role in roles for denial in self._denied_to(role)]

    def _denied_to(self, role: str) -> Iterator[Denial]:
        try:
            arn = self._iam.get_role(RoleName=role)["Role"]["Arn"]
            for name in self._iam.list_role_policies(RoleName=role)["PolicyNames"]:
                document: Any = self._iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
                for statement in document["Statement"]:
                    yield from self._simulated(role, arn, statement)
        except ClientError as problem:
            yield Denial(role, f"not checked: {problem}", known=False)

    def _simulated(self, role: str, arn: str, statement: Any) -> Iterator[Denial]:
        answer = self._iam.simulate_principal_policy(
            PolicySourceArn=arn,
            ActionNames=_several(statement["Action"]),
            ResourceArns=_several(statement["Resource"]),
        )
        for each in answer["EvaluationResults"]:
            if each["EvalDecision"] != "allowed":
                what = f"{each['EvalActionName']} on {each['EvalResourceName']}"
                yield Denial(role, f"expected to be allowed {what}, found {each['EvalDecision']}")

    def removals(self) -> list[str]:
        told = f"stack {self._address.stack}, with {len(self._names)} resources, its tables left out"
        return [told] if self._names else []

    def remove(self) -> None:
        if not self._names:
            return
        self._client.delete_stack(StackName=self._address.stack)
        try:
            self._client.get_waiter("stack_delete_complete").wait(StackName=self._address.stack)
        except (ClientError, WaiterError) as problem:
            found = self._stuck() or problem
            raise NotReady(
                f"expected stack {self._address.stack!r} to be deleted, found {found}: remove what holds it, then finish again"
            ) from problem

    def _stuck(self) -> str:
        """The resources that cannot be deleted, each with its reason."""
        pages = self._client.get_paginator("list_stack_resources").paginate(StackName=self._address.stack)
        stuck = [
            each for page in pages for each in page["StackResourceSummaries"] if "FAILED" in each["ResourceStatus"]
        ]
        return "; ".join(
            f"{each['LogicalResourceId']}: {each.get('ResourceStatusReason', 'no reason')}" for each in stuck
        )

    def _wanted(self, parameters: Mapping[str, str]) -> dict[str, str]:
        """What the next deployment is not told yet. A stage that makes everything itself needs none."""
        if self._address.stage == "sandbox":
            return {}
        if told := self._address.contradiction:
            raise SamconfigUnwritable(
                f"expected {self._address.config.name} to deploy the stage where the tables are, found {told}: "
                "correct it there, or leave the option out"
            )
        known = {MAKES: "true", **samconfig.settings(self._address.config, self._address.stage).parameters}
        given = dict(parameters)
        if self._names.keys() & self._new_tables:
            given[MAKES] = "true"
        elif MAKES in given:
            maker.check(self._client, self._address.stack, self._new_tables)
        return {name: value for name, value in given.items() if known.get(name) != value}
