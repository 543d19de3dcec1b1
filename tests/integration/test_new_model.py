"""`remodel new-model` asks a real DynamoDB for keys and rows."""

from __future__ import annotations

import re
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from local_cloud.cloud import client
from local_cloud.emulator import credentials
from runner.cli import app


@pytest.fixture
def tables(endpoint: str) -> Any:
    dynamodb, made = client(endpoint), ("new-model-scores", "new-model-empty")
    for name in made:
        dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "game", "KeyType": "HASH"}, {"AttributeName": "rank", "KeyType": "RANGE"}],
            AttributeDefinitions=[
                {"AttributeName": "rank", "AttributeType": "N"},
                {"AttributeName": "game", "AttributeType": "B"},
            ],
        )
    for n in range(30):
        dynamodb.put_item(
            TableName=made[0], Item={"game": {"B": bytes([n])}, "rank": {"N": str(n)}, "by": {"S": "ann"}}
        )
    yield made
    for name in made:
        dynamodb.delete_table(TableName=name)


def asked(endpoint: str, *words: str) -> Result:
    return CliRunner(env=credentials()).invoke(app, ["new-model", *words, "--endpoint-url", endpoint])


def test_a_table_is_asked_for_its_key_and_some_rows(endpoint: str, tables: tuple[str, str]) -> None:
    done = asked(endpoint, tables[0], "--name", "scores", "--sample", "20")

    assert done.exit_code == 0, done.stderr
    (rows,) = re.findall(r"^    \"\"\"(\d+) of \1 sampled rows\.", done.stdout, re.MULTILINE)
    assert 10 < int(rows) <= 20
    for line in (
        'NEW_MODEL_SCORES = Old("new-model-scores", "new-model-scores", game=bytes, rank=Decimal)',
        'class NewModelScore(Kind, of=NEW_MODEL_SCORES, game="{game}", rank="{rank}"):',
        "    by: str",
        'NEW_MODEL_SCORES_2 = New("new_new_model_scores", game=bytes, rank=Decimal)',
        'MODEL = Model("scores")',
    ):
        assert line in done.stdout.splitlines(), done.stdout


def test_a_table_without_rows_and_one_that_is_not_there(endpoint: str, tables: tuple[str, str]) -> None:
    empty, absent = asked(endpoint, tables[1]), asked(endpoint, "new-model-nowhere")

    assert (empty.exit_code, absent.exit_code) == (1, 1)
    assert empty.stderr.startswith("NoSample: expected rows in new-model-empty, found none: ")
    assert absent.stderr.startswith("NoSample: expected a table or a file 'new-model-nowhere', found neither: ")
