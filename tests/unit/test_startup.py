"""A function starts without looking for garbage that is not there, and answers from the leanest client that there is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.parsers import JSONParser
from botocore.serialize import JSONSerializer

from local_cloud.cloud import Cloud
from local_cloud.emulator import credentials
from remodel.adapters import client
from remodel.adapters.client import make_client

FUNCTIONS = sorted((Path(__file__).parents[2] / "functions").glob("*/app.py"))

TOLD = """
import gc, json, sys
sys.path.insert(0, sys.argv[1])
import app
walks = gc.get_stats()[0]["collections"]
app.wired()
print(json.dumps({"walks": walks, "frozen": gc.get_freeze_count()}))
"""

WALKS = 40
"""Of the young objects, while a function is imported; 100 where the first import is not the one that says how often."""


@pytest.mark.parametrize("app", FUNCTIONS, ids=lambda each: each.parent.name)
def test_imports_are_not_searched_for_garbage(app: Path, tmp_path: Path) -> None:
    functions = Cloud("http://localhost:1", tmp_path).functions.values()
    around = next(each.function.environment for each in functions if each.function.code.name == app.parent.name)

    said = _python(TOLD, str(app.parent), environment=around)

    assert said["walks"] < WALKS
    assert said["frozen"] > 50_000


def _python(code: str, *arguments: str, environment: Mapping[str, str]) -> Any:
    command = [sys.executable, "-c", code, *arguments]
    around = {**os.environ, **credentials(), **environment}
    return json.loads(subprocess.run(command, env=around, capture_output=True, text=True, check=True).stdout)


class Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        yield self._content


def test_items_are_not_walked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in credentials().items():
        monkeypatch.setenv(name, value)
    lean, sent = make_client("http://localhost:1"), []

    def answer(request: Any, **_: Any) -> AWSResponse:
        sent.append(request)
        said = {"Items": [{"id": {"S": "1"}, "list": {"L": [{"N": "2"}]}}], "Count": 1, "ScannedCount": 1}
        return AWSResponse(request.url, 200, {}, Body(json.dumps(said).encode()))

    lean.meta.events.register("before-send.dynamodb", answer)
    for kind, walk in ((JSONSerializer, "_serialize_type_map"), (JSONParser, "_handle_map"), (client, "decoded")):
        monkeypatch.setattr(kind, walk, None)

    page = lean.scan(TableName="t", ExclusiveStartKey={"id": {"S": "ö"}})

    assert page["Items"] == [{"id": {"S": "1"}, "list": {"L": [{"N": "2"}]}}]
    assert json.loads(sent[0].body) == {"TableName": "t", "ExclusiveStartKey": {"id": {"S": "ö"}}}
    assert sent[0].headers["User-Agent"].startswith(b"remodel")  # Powertools, where it is there, adds itself


def test_the_whole_of_both_models_is_compared_on_disk(tmp_path: Path) -> None:
    function = Cloud("http://localhost:1", tmp_path).functions["Reconcile"].function
    code = "import json, sys; sys.path.insert(0, sys.argv[1]); import app; print(json.dumps(app.wired().engine.ledger.__name__))"

    assert _python(code, str(function.code), environment=function.environment) == "DiskLedger"
