"""The template is valid, and its interface is as promised."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from local_cloud.document import Call, load
from local_cloud.template import Template
from measures.model import MODEL
from remodel.converge import OLDER_THAN
from remodel.fence import REQUEST
from remodel.settings import load_model, settings, table_names, variable
from remodel.store import INDEX_KEY, QUARANTINE_KEY
from runner.names import name_parameter
from tests.template.sam import sam

ROOT = Path(__file__).parents[2]
STREAMS = {f"Replicate{name.title()}": name for name in MODEL.old_tables}
CALLED = ("Backfill", "Reconcile", "Replay", "Sweep", "Fanout", "Watch")

DOCUMENT: Any = load(ROOT / "template.yaml")
RESOURCES: dict[str, Any] = DOCUMENT["Resources"]


def test_it_is_valid_and_lints_clean() -> None:
    assert "is a valid SAM Template" in sam("validate", "--lint", cwd=ROOT)


@pytest.mark.parametrize("function", STREAMS)
def test_a_stream_has_a_way_out_for_every_failure(function: str) -> None:
    (event,) = RESOURCES[function]["Properties"]["Events"].values()
    its = event["Properties"]

    assert (event["Type"], its["StartingPosition"]) == ("DynamoDB", "TRIM_HORIZON")
    assert its["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert its["BisectBatchOnFunctionError"] is True
    assert 1 <= its["BatchSize"] <= 1_000
    assert 0 < its["MaximumRetryAttempts"] <= 10_000
    left = 24 * 3_600 - its["MaximumRecordAgeInSeconds"]
    assert 0 < left <= 3_600, "given up, with its records, shortly before the stream would lose it, and not long before"
    assert its["DestinationConfig"]["OnFailure"]["Type"] == "S3", "only S3 keeps the records themselves"


def test_a_redeployment_does_not_restart_replication() -> None:
    """The fence is an item of the index, which outlives the stack. A mapping that a rollback has switched off stays off, since
    the template says nothing of that. (That functions of a new deployment meet the fence: tests/integration/test_fence.py.)"""
    index = RESOURCES["Index"]
    assert (index["DeletionPolicy"], index["UpdateReplacePolicy"]) == ("Retain", "Retain")
    for function in STREAMS:
        (event,) = RESOURCES[function]["Properties"]["Events"].values()
        assert "Enabled" not in event["Properties"]
    assert not [id for id, each in RESOURCES.items() if each["Type"].startswith(("Custom::", "AWS::CloudFormation::"))]


def test_a_fan_out_is_not_taken_for_a_loop_and_loses_no_message() -> None:
    """Lambda ends a function that feeds its own queue after 16 rounds. What a message is about stays in the index."""
    function, queue = RESOURCES["Fanout"]["Properties"], RESOURCES["Fanouts"]["Properties"]
    failed = RESOURCES["FailedFanouts"]["Properties"]

    assert function["RecursiveLoop"] == "Allow"
    assert queue["VisibilityTimeout"] > function["Timeout"]
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == Call("GetAtt", "FailedFanouts.Arn")
    assert queue["MessageRetentionPeriod"] == failed["MessageRetentionPeriod"] == 14 * 86_400, (
        "as long as SQS keeps any"
    )


@pytest.mark.parametrize(
    "part", ["Replicate{}", "Read{}StreamPolicy", "{}BehindAlarm", "{}AtRiskAlarm", "{}NotReadAlarm", "{}GivenUpAlarm"]
)
def test_all_streams_are_treated_alike(part: str) -> None:
    """Two loops say it, and differ in the condition that is on lookups."""
    told = set()
    for name in MODEL.old_tables:
        resource = RESOURCES[part.format(name.title())]
        same = {key: value for key, value in resource.items() if key not in ("Condition", "DependsOn")}
        told.add(repr(same).replace(name.title(), "Source").replace(repr(name), "'source'"))
    assert len(told) == 1


@pytest.mark.parametrize("function", [*CALLED, *STREAMS])
def test_the_environment_is_what_the_settings_ask_for(function: str) -> None:
    found = {each.name: each for each in Template(ROOT / "template.yaml", {"Stage": "sandbox"}).functions()}[function]

    assert {variable(name) for name in table_names(MODEL)} <= found.environment.keys()
    assert load_model(found.environment) is MODEL
    assert settings(found.environment, MODEL).live == set(MODEL.old_tables)
    assert STREAMS.get(function) == found.environment.get("SOURCE")
    assert found.handler == "app.handler"
    assert (found.code / "app.py").exists()


def test_python_and_architecture() -> None:
    everywhere = DOCUMENT["Globals"]["Function"]

    assert (everywhere["Runtime"], everywhere["Architectures"]) == ("python3.13", ["arm64"])
    assert RESOURCES["Layer"]["Metadata"] == {"BuildMethod": "makefile", "BuildArchitecture": "arm64"}


@pytest.mark.parametrize(
    ("table", "indexes"),
    [
        (
            "NewMeasureLinks",
            {"tenant-index", "measure-index", "person-index", "goal-index", "strategy-index", "uniqueness-index"},
        ),
        ("NewMeasureData", {"measure-link-index", "measure-link-category-index", "target-subtype-index"}),
    ],
)
def test_the_new_tables_have_their_indexes(table: str, indexes: set[str]) -> None:
    properties = RESOURCES[table]["Properties"]

    assert indexes == {index["IndexName"] for index in properties["GlobalSecondaryIndexes"]}
    assert RESOURCES[table]["Condition"] == "HasNewTables"


def test_the_old_tables_are_created_in_the_sandbox_alone() -> None:
    sandbox = {id for id, resource in RESOURCES.items() if resource.get("Condition") == "IsSandbox"}

    assert {
        "SandboxLinks",
        "SandboxMilestones",
        "SandboxActuals",
        "SandboxReadings",
        "SandboxMeasures",
        "SandboxPeople",
    } == sandbox
    dev = Template(ROOT / "template.yaml", {"Stage": "dev", "CreateNewTables": "false"})
    assert {"Index", "Quarantine"} == {table["TableName"] for table in dev.tables()}


@pytest.mark.parametrize("table", ["Index", "Quarantine", "NewMeasureLinks", "NewMeasureData"])
def test_what_must_not_be_lost_can_be_recovered(table: str) -> None:
    properties = RESOURCES[table]["Properties"]

    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["DeletionProtectionEnabled"] == Call("If", ["IsProtected", True, False])
    key = Call("If", ["HasKey", Call("Ref", "KmsKeyArn"), Call("Ref", "AWS::NoValue")])
    assert properties["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}


@pytest.mark.parametrize("table", ["Index", "Quarantine", "NewMeasureLinks", "NewMeasureData"])
def test_what_must_not_be_lost_outlives_the_stack(table: str) -> None:
    """The new tables outlive their condition as well: CloudFormation treats that as a deletion."""
    assert RESOURCES[table]["DeletionPolicy"] == RESOURCES[table]["UpdateReplacePolicy"] == "Retain"


def test_the_template_can_be_read_from_top_to_bottom() -> None:
    lines = (ROOT / "template.yaml").read_text().splitlines()

    assert len(lines) <= 900
    assert max(map(len, lines)) <= 120


def test_a_function_of_a_stream_waits_for_all_that_its_role_may_do() -> None:
    """Its stream is read as soon as it stands."""
    for function in STREAMS:
        role = Call("Ref", f"{function}Role")
        policies = {id for id, each in RESOURCES.items() if role in each.get("Properties", {}).get("Roles", [])}
        assert policies <= set(RESOURCES[function]["DependsOn"])


def test_failed_batches_are_kept_for_a_person_and_for_nobody_else() -> None:
    properties = RESOURCES["FailedBatches"]["Properties"]
    (policy,) = RESOURCES["FailedBatchesPolicy"]["Properties"]["PolicyDocument"]["Statement"]

    assert all(properties["PublicAccessBlockConfiguration"].values())
    assert len(properties["PublicAccessBlockConfiguration"]) == 4
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert properties["LifecycleConfiguration"]["Rules"][0]["ExpirationInDays"] == Call("Ref", "FailedBatchDays")
    (encryption,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert [each["ServerSideEncryptionByDefault"]["SSEAlgorithm"] for each in encryption.argument[1:]] == [
        "aws:kms",
        "AES256",
    ]
    assert (policy["Effect"], policy["Principal"], policy["Action"]) == ("Deny", "*", "s3:*")
    assert policy["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert policy["Resource"] == [Call("GetAtt", "FailedBatches.Arn"), Call("Sub", "${FailedBatches.Arn}/*")]


def test_what_costs_money_says_whose_it_is() -> None:
    """CloudFormation hands a stack's tags to every resource of it."""
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())

    for stage in DOCUMENT["Parameters"]["Stage"]["AllowedValues"]:
        assert config[stage]["deploy"]["parameters"]["tags"] == f"app=remodel stage={stage}"


def test_the_command_line_expands_the_loops_at_every_stage() -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())

    assert DOCUMENT["Transform"] == ["AWS::LanguageExtensions", "AWS::Serverless-2016-10-31"]
    for stage in ("default", *DOCUMENT["Parameters"]["Stage"]["AllowedValues"]):
        assert config[stage]["global"]["parameters"]["language_extensions"] is True


def test_the_engines_own_tables_have_the_keys_that_it_asks_for() -> None:
    for id, schema in (("Index", INDEX_KEY), ("Quarantine", QUARANTINE_KEY)):
        keys = RESOURCES[id]["Properties"]["KeySchema"]
        types = {
            each["AttributeName"]: each["AttributeType"] for each in RESOURCES[id]["Properties"]["AttributeDefinitions"]
        }
        assert tuple((each["AttributeName"], types[each["AttributeName"]]) for each in keys) == schema.attributes


def test_the_new_tables_are_those_that_the_model_declares() -> None:
    tables = {each["TableName"]: each for each in Template(ROOT / "template.yaml", {"Stage": "sandbox"}).tables()}
    for name, new in MODEL.new_tables.items():
        table = tables[f"purposepath-{name.replace('_', '-')}"]
        indexes = {each["IndexName"]: each["KeySchema"] for each in table["GlobalSecondaryIndexes"]}
        declared = {each.name: [key for key, _ in each.attributes] for each in new.indexes}
        assert {index: [each["AttributeName"] for each in keys] for index, keys in indexes.items()} == declared
        assert [each["AttributeName"] for each in table["KeySchema"]] == list(new.schema.names)


def test_the_sweeper_runs_every_few_minutes() -> None:
    (event,) = RESOURCES["Sweep"]["Properties"]["Events"].values()

    assert event["Type"] == "ScheduleV2"
    assert event["Properties"]["ScheduleExpression"] == "rate(5 minutes)"


def test_no_call_lives_as_long_as_a_note_has_an_owner() -> None:
    """Beside its time limit, a call has requests under way: `fence.REQUEST` bounds each."""
    timeouts = [each.timeout for each in Template(ROOT / "template.yaml", {"Stage": "sandbox"}).functions()]

    assert max(timeouts) + REQUEST < OLDER_THAN


def test_notes_expire() -> None:
    assert RESOURCES["Index"]["Properties"]["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}


def test_the_stages_of_samconfig_are_those_of_the_template() -> None:
    stages = set(re.findall(r"^\[(\w+)\.deploy\.parameters]", (ROOT / "samconfig.toml").read_text(), re.MULTILINE))

    assert set(DOCUMENT["Parameters"]["Stage"]["AllowedValues"]) == stages


def refused(parameters: dict[str, str]) -> bool:
    """Whether an assertion of the rule about tables' names does not hold."""
    template = Template(ROOT / "template.yaml", {"Stage": "dev", **parameters})
    return not all(template._value(each["Assert"]) for each in DOCUMENT["Rules"]["TablesDiffer"]["Assertions"])


def test_a_new_table_cannot_have_the_name_of_another() -> None:
    new = [name_parameter(name) for name in MODEL.new_tables]
    others = {name: each["Default"] for name, each in DOCUMENT["Parameters"].items() if name.endswith("Table")}

    assert not refused({})
    assert len(others) == len(MODEL.old_tables) + len(new)
    for one in new:
        assert all(refused({one: name}) for other, name in others.items() if other != one), one


def test_no_partition_is_assumed() -> None:
    """China's and the government's Regions have others than `aws`."""
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    examples = ("tests/", "events/", "benchmarks/", "local_cloud/", "remodel_testing/")
    assumed = [
        name
        for name in files
        if not name.startswith(examples) and re.search(r"\barn:aws\b", (ROOT / name).read_text(errors="ignore"))
    ]

    assert "template.yaml" in files
    assert assumed == []
