"""The template of any model: what follows from the model, and nothing of the one that `template.yaml` is for."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_cloud.document import Call, expanded, read
from local_cloud.template import Template
from remodel.errors import ModelError
from remodel.kinds import Kind, New, Old
from remodel.model import Model
from remodel.runtime import tables_of
from remodel.settings import load_model, settings, table_names
from runner.address import config
from runner.model import DEFAULT
from runner.names import camel, flag, new_table, replicator
from stack.parts import LONGEST, MOST, Parts
from stack.samconfig import samconfig, template_file
from stack.template import rewritten, stem, template
from tests.template.sam import ROOT, sam
from tests.template.test_build import copied, interpreter

STRANGERS = ROOT / "tests/strangers"
OTHERS = ["shop.model:MODEL", "lending.model:MODEL"]
NAMED = [DEFAULT, *OTHERS]
TEXT = (ROOT / "template.yaml").read_text()


@pytest.fixture(autouse=True)
def on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(STRANGERS))


def model(named: str) -> Model:
    return load_model({"REMODEL_MODEL": named})


def document(named: str) -> Any:
    return expanded(read(template(named)))


def at(named: str, stage: str = "sandbox", **more: str) -> Template:
    return Template(ROOT / "template.yaml", {"Stage": stage, **more}, text=template(named))


def test_for_its_own_model_every_part_says_what_the_template_says() -> None:
    """So nothing that the template says of its model is unknown to the rules."""
    written = rewritten(TEXT, DEFAULT)

    assert written != TEXT
    assert expanded(read(written)) == expanded(read(TEXT))
    assert template(DEFAULT) == TEXT
    assert read(TEXT)["Globals"]["Function"]["Environment"]["Variables"]["REMODEL_MODEL"] == DEFAULT


@pytest.mark.parametrize("named", OTHERS)
def test_nothing_is_left_of_the_model_that_the_template_is_for(named: str) -> None:
    own = [*model(DEFAULT).old_tables, *model(DEFAULT).new_tables]
    words = {word for name in own for word in (name, camel(name), name.upper())} | {"purposepath", "measure"}
    found = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[A-Za-z_]+", template(named))

    assert sorted(set(found) & words) == []


@pytest.mark.parametrize("named", OTHERS)
def test_what_no_model_decides_stays_the_same_text(named: str) -> None:
    """Comments included."""
    lines = TEXT.splitlines()
    kept = sum(line in set(template(named).splitlines()) for line in lines)

    assert kept > 0.6 * len(lines)
    assert "# Fn::ForEach repeats a part for each name in its list." in template(named)


@pytest.mark.parametrize("named", NAMED)
def test_a_function_finds_in_its_environment_what_it_asks_for(named: str) -> None:
    found = {each.name: each for each in at(named).functions()}
    sources = {name: each.environment["SOURCE"] for name, each in found.items() if each.mapping is not None}

    assert sources == {replicator(name): name for name in model(named).old_tables}
    for each in found.values():
        assert load_model(each.environment) is model(named)
        assert settings(each.environment, model(named)).live == set(model(named).old_tables)
        assert (each.code / "app.py").exists()
    watched = document(named)["Resources"]["Watch"]["Properties"]["Environment"]["Variables"]
    assert len(watched) == len(model(named).old_tables)


def test_without_their_streams_lookups_are_not_live() -> None:
    (backfill,) = [each for each in at("lending.model:MODEL", "dev").functions() if each.name == "Backfill"]

    assert settings(backfill.environment, model("lending.model:MODEL")).live == {"loan-events", "stock-items"}
    assert "ReplicateBorrowers" not in {each.name for each in at("lending.model:MODEL", "dev").functions()}


@pytest.mark.parametrize("named", NAMED)
def test_tables_are_as_the_model_declares_them(named: str) -> None:
    its, backfill = model(named), {each.name: each for each in at(named).functions()}["Backfill"]
    names = settings(backfill.environment, its).tables
    declared = {each["TableName"]: each for each in at(named).tables()}
    for logical, table in tables_of(its, dict(names)).items():
        found = declared[table.physical]
        types = {each["AttributeName"]: each["AttributeType"] for each in found["AttributeDefinitions"]}
        keys = tuple((each["AttributeName"], types[each["AttributeName"]]) for each in found["KeySchema"])
        assert keys == table.schema.attributes
        assert ("StreamSpecification" in found) == (logical in its.old_tables)
        indexes = {each["IndexName"]: each for each in found.get("GlobalSecondaryIndexes", ())}
        wanted = its.new_tables[logical].indexes if logical in its.new_tables else ()
        assert {each.name for each in wanted} <= indexes.keys()
        for each in wanted:
            assert each.attributes == tuple(
                (key["AttributeName"], types[key["AttributeName"]]) for key in indexes[each.name]["KeySchema"]
            )
    assert declared.keys() == {names[name] for name in table_names(its)}


def test_indexes_have_the_attributes_that_are_asked_for() -> None:
    (table,) = [each for each in at("lending.model:MODEL").tables() if each["TableName"].endswith("-loan-history")]
    projected = {each["IndexName"]: each["Projection"] for each in table["GlobalSecondaryIndexes"]}

    assert projected == {
        "by-card": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["town"]},
        "by-town": {"ProjectionType": "KEYS_ONLY"},
    }


def test_an_index_that_a_join_looks_up_is_there_in_a_sandbox() -> None:
    (table,) = [each for each in at("lending.model:MODEL").tables() if each["TableName"].endswith("-borrowers")]

    assert [each["IndexName"] for each in table["GlobalSecondaryIndexes"]] == ["by-card"]
    assert {"AttributeName": "card", "AttributeType": "N"} in table["AttributeDefinitions"]


def test_new_tables_are_kept_and_encrypted_as_the_engines_own() -> None:
    resources = document("shop.model:MODEL")["Resources"]
    like = resources["Quarantine"]
    for name in model("shop.model:MODEL").new_tables:
        table = resources[new_table(name)]
        assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"
        assert table["Condition"] == "HasNewTables"
        for key in ("SSESpecification", "PointInTimeRecoverySpecification", "DeletionProtectionEnabled"):
            assert table["Properties"][key] == like["Properties"][key]


def test_the_state_machine_goes_through_the_tables_in_order() -> None:
    def tables(named: str) -> Any:
        return document(named)["Resources"]["BackfillAll"]["Properties"]["DefinitionSubstitutions"]["Tables"]

    assert tables("shop.model:MODEL") == "shop"
    of_lending = tables("lending.model:MODEL")
    assert of_lending.name == "If"
    assert of_lending.argument[1].split(",") == list(model("lending.model:MODEL").order)
    assert of_lending.argument[2].split(",") == ["loan-events", "stock-items"]


def test_a_package_of_its_own_comes_in_a_layer_of_its_own() -> None:
    layer = document("lending.model:MODEL")["Resources"]["ModelLayer"]

    assert (ROOT / layer["Properties"]["ContentUri"]).resolve() == STRANGERS
    assert document("lending.model:MODEL")["Globals"]["Function"]["Layers"] == [
        Call("Ref", "Layer"),
        Call("Ref", "ModelLayer"),
    ]
    assert "ModelLayer" not in document("shop.model:MODEL")["Resources"]


# Two models in one account

NAMES = {
    "FunctionName",
    "TableName",
    "AlarmName",
    "DashboardName",
    "BucketName",
    "QueueName",
    "RoleName",
    "TopicName",
    "DisplayName",
}
NAMES |= {"LogGroupName", "StateMachineName", "LayerName", "ManagedPolicyName", "Namespace"}


def explicit(named: str, stage: str) -> set[str]:
    """Every name that a stack of the model takes in its account, with what it writes beside the stack."""
    stack = tomllib.loads(samconfig(named) if named != DEFAULT else (ROOT / "samconfig.toml").read_text())
    name = stack[stage]["deploy"]["parameters"]["stack_name"]
    its = at(named, stage, **{"AWS::StackName": name})
    variables = {"Namespace": its.functions()[0].environment["POWERTOOLS_METRICS_NAMESPACE"]}
    properties = [variables, *(each.get("Properties", {}) for each in document(named)["Resources"].values())]
    properties += [event["Properties"] | {"QueueName": event["Properties"]["Name"]} for event in _schedules(named)]
    found = {str(its._value(each[key])) for each in properties for key in NAMES & each.keys()}
    aws = {each for each in found if each.startswith("AWS/")}
    exports = {
        str(its._value(each["Export"]["Name"])) for each in document(named)["Outputs"].values() if "Export" in each
    }
    return (found - aws) | exports | {name, f"{stem(named)}-{stage}", flag(stem(named), stage)}


def _schedules(named: str) -> Iterator[Any]:
    for each in document(named)["Resources"].values():
        for event in each.get("Properties", {}).get("Events", {}).values():
            if event["Type"] == "ScheduleV2":
                yield event


@pytest.mark.parametrize("stage", ["sandbox", "dev", "prod"])
def test_two_models_stand_side_by_side_in_one_account(stage: str) -> None:
    taken: dict[str, str] = {}
    for named in NAMED:
        names = explicit(named, stage)
        assert len(names) > 10
        for name in names:
            assert taken.setdefault(name, named) == named, name


def test_two_stages_of_a_model_stand_side_by_side_in_one_account() -> None:
    tables = {each["TableName"] for each in at("shop.model:MODEL").tables()}

    assert explicit("shop.model:MODEL", "dev") & explicit("shop.model:MODEL", "prod") <= tables


def test_a_deployment_of_its_own() -> None:
    found = tomllib.loads(samconfig("lending.model:MODEL"))

    assert config(stem("lending.model:MODEL")).name == "samconfig-lending-library.toml"
    assert config(stem(DEFAULT)).name == "samconfig.toml"
    assert found["default"]["build"]["parameters"]["template_file"] == template_file("lending.model:MODEL")
    for stage in ("sandbox", "dev", "staging", "prod"):
        its = found[stage]["deploy"]["parameters"]
        assert its["stack_name"] == f"remodel-lending-library-{stage}"
        assert its["template_file"] == f"{found['default']['build']['parameters']['build_dir']}/template.yaml"
        assert its["tags"] == f"app=remodel-lending-library stage={stage}"


# What does not fit into a template


def _model(tables: list[Old], new: New) -> Model:
    made = Model("made")
    for n, table in enumerate(tables):
        kind = type(f"Row{n}", (Kind,), {"__annotations__": {"id": str}, "__module__": __name__}, of=table, id="{id}")

        def becomes(it: Any) -> dict[str, Any]:
            return {}

        becomes.__annotations__["it"] = kind
        made.becomes(new)(becomes)
    return made


def test_names_that_the_template_cannot_tell_apart_are_refused() -> None:
    with pytest.raises(ModelError, match="found aB and a_b"):
        Parts(_model([Old("aB", id=str), Old("a_b", id=str)], New("c", id=str)), "remodel")


def test_a_function_with_a_long_name_has_a_short_one() -> None:
    long = [Old("customer-support-ticket-attachments-of-" + end, id=str) for end in ("january", "february")]
    parts = Parts(_model(long, New("c", id=str)), "remodel-customer-support")
    names = {parts.function_name(each.name, stage) for each in long for stage in ("sandbox", "staging")}

    assert len(names) == 4
    assert max(map(len, names)) <= LONGEST


def test_a_condition_over_many_tables_is_divided() -> None:
    parts = Parts(_model([Old(f"old{n}", id=str) for n in range(25)], New("c", id=str)), "remodel")

    def widest(call: Any) -> int:
        if not isinstance(call, Call) or call.name != "And":
            return 0
        return max(len(call.argument), *map(widest, call.argument))

    assert 2 <= widest(parts.streams_given()) <= MOST


# What SAM makes of it


@pytest.mark.parametrize("named", [OTHERS[0], *(pytest.param(each, marks=pytest.mark.slow) for each in OTHERS[1:])])
def test_it_is_valid_and_lints_clean(named: str, tmp_path: Path) -> None:
    path = _written(named, tmp_path)

    assert "is a valid SAM Template" in sam("validate", "--lint", "--template", template_file(named), cwd=path)


@pytest.mark.parametrize("named", OTHERS)
@pytest.mark.slow
def test_it_builds(named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _written(named, tmp_path)

    sam("build", "--config-file", str(path / config(stem(named)).name), cwd=path, path=interpreter().folder)

    built = path / ".aws-sam" / stem(named)
    package = named.partition(".")[0]
    assert [each for each in built.glob("*Layer/python") if (each / package).exists()]
    assert (built / "Layer/python/remodel").exists()
    assert {replicator(name) for name in model(named).old_tables} <= {each.name for each in built.iterdir()}


def _written(named: str, folder: Path) -> Path:
    """A copy of what a build reads, with template and samconfig of the model as a person writes them there."""
    source = copied(folder / "source")
    text = template(named)
    if (found := re.search(r"ContentUri: (\S*strangers/)", text)) is not None:
        text = text.replace(found[1], os.path.relpath(STRANGERS, source) + "/")
    (source / template_file(named)).write_text(text.replace("python3.13", interpreter().name))
    (source / config(stem(named)).name).write_text(samconfig(named))
    return source
