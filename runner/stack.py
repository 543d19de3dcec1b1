"""The deployed stack as a whole: where its parameters are kept, what its roles allow, and how it is removed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from runner import samconfig
from runner.errors import NotReady

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_iam import IAMClient


def _several(one_or_more: Any) -> list[str]:
    return [one_or_more] if isinstance(one_or_more, str) else list(one_or_more)


class Deployment:
    """`names`: physical names by logical ids; empty before the first deployment. `new_tables`: logical ids of the new tables,
    where the stack has made them."""

    def __init__(
        self,
        client: CloudFormationClient,
        iam: IAMClient,
        config: Path,
        stage: str,
        name: str,
        names: Mapping[str, str],
        new_tables: Sequence[str],
    ) -> None:
        self._client, self._iam, self._config = client, iam, config
        self._stage, self._name, self._names, self._new_tables = stage, name, names, new_tables

    def missing(self, parameters: Mapping[str, str]) -> str:
        wanted = self._wanted(parameters)
        return f"write {', '.join(sorted(wanted))} to {self._config.name}, then deploy the stage" if wanted else ""

    def connect(self, parameters: Mapping[str, str]) -> None:
        samconfig.write(self._config, self._stage, self._wanted(parameters))

    def denied(self) -> list[str]:
        """Each role is asked for all that its own policies allow: what denies it then stands elsewhere, in a boundary of the
        account or in a policy of its organisation."""
        roles = [name for logical, name in self._names.items() if logical.endswith("Role")]
        return [told for role in roles for told in self._denied_to(role)]

    def _denied_to(self, role: str) -> Iterator[str]:
        try:
            arn = self._iam.get_role(RoleName=role)["Role"]["Arn"]
            for name in self._iam.list_role_policies(RoleName=role)["PolicyNames"]:
                document: Any = self._iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
                for statement in document["Statement"]:
                    yield from self._simulated(role, arn, statement)
        except ClientError as problem:
            yield f"{role}: expected to be told what it may do, but: {problem}: see your own permissions"

    def _simulated(self, role: str, arn: str, statement: Any) -> Iterator[str]:
        answer = self._iam.simulate_principal_policy(
            PolicySourceArn=arn,
            ActionNames=_several(statement["Action"]),
            ResourceArns=_several(statement["Resource"]),
        )
        for each in answer["EvaluationResults"]:
            if each["EvalDecision"] != "allowed":
                what = f"{each['EvalActionName']} on {each['EvalResourceName']}"
                yield f"{role}: expected to be allowed {what}, found {each['EvalDecision']}: see the account's boundaries"

    def removals(self) -> list[str]:
        if not self._names:
            return []
        if kept := self._holds_new_tables():
            return [f"nothing of stack {self._name}: it has made {kept}, and would take them along"]
        return [f"stack {self._name}, with {len(self._names)} resources"]

    def remove(self) -> None:
        if not self._names or self._holds_new_tables():
            return
        self._client.delete_stack(StackName=self._name)
        try:
            self._client.get_waiter("stack_delete_complete").wait(StackName=self._name)
        except ClientError as problem:
            raise NotReady(
                f"expected stack {self._name!r} to go, but: {problem}: see its events, then finish again"
            ) from problem

    def _wanted(self, parameters: Mapping[str, str]) -> dict[str, str]:
        """A stage that makes everything itself needs none."""
        if self._stage == "sandbox":
            return {}
        known = samconfig.parameters(self._config, self._stage)
        given = dict(parameters)
        if self._holds_new_tables():
            given.pop("CreateNewTables", None)
        return {name: value for name, value in given.items() if known.get(name) != value}

    def _holds_new_tables(self) -> str:
        return ", ".join(self._names[each] for each in self._new_tables if each in self._names)
