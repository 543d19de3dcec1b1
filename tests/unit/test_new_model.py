"""The first page of a model: sound for linter, type checker and Python, and it takes every row that it was made of."""

from __future__ import annotations

import gzip
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from measures.model import MODEL as MEASURES
from newmodel import samples
from newmodel.kinds import Sample, kinds
from newmodel.page import page
from remodel.items import Item, to_event, to_item
from remodel.model import Model
from remodel_testing.plain import expected
from remodel_testing.rows import Rows
from runner.cli import app
from shop.model import MODEL as SHOP

ROOT = Path(__file__).parents[2]
COMPOSITE = (("PK", "S"), ("SK", "S"))


def generated(model: Model) -> list[Sample]:
    rows = Rows(model, seed=4, span=30)
    return [
        Sample(
            f"our-{name}", table.schema.attributes, [to_item_of(rows, kind) for kind in table.kinds for _ in range(20)]
        )
        for name, table in model.old_tables.items()
    ]


def to_item_of(rows: Rows, kind: Any) -> Item:
    return rows.row(kind)


def sample(key: Sequence[tuple[str, str]], *rows: Mapping[str, Any], name: str = "things") -> Sample:
    return Sample(name, tuple(key), [to_item(row) for row in rows])


SAMPLES = {
    "shop": generated(SHOP),
    "measures": generated(MEASURES),
    "one row": [sample(COMPOSITE, {"PK": "CUST#1", "SK": "PROFILE", "name": "Ann"})],
    "a number and bytes": [
        sample([("year", "N"), ("hash", "B")], *({"year": n, "hash": bytes([n]), "size": n} for n in range(5)))
    ],
    "a number alone": [sample([("id", "N")], {"id": Decimal("1.5"), "on": True}, {"id": 2, "on": None})],
    "every type": [
        sample(
            [("id", "S")],
            {
                "id": "a",
                "l": [1],
                "m": {"a": None},
                "ss": {"x"},
                "ns": {1},
                "bs": {b"x"},
                "b": b"x",
                "day": "2026-01-01",
            },
            {"id": "b", "l": "text", "never": None, "day": "2026-01-01T10:00:00Z"},
        )
    ],
    "names that Python does not take": [
        sample(
            [("user-id", "S"), ("title", "S")],
            {"user-id": "1", "title": "x", "placedAt": "soon", "class": 1, "model_x": 1, "_v": 1, "größe": 1, "a.b": 1},
            {"user-id": "2", "title": "x", "copy": 1, "Class": 2, "schema": "s", "2nd": 1, "table": 1, "it": 1},
        )
    ],
    "names of the page itself": [
        sample(
            COMPOSITE, {"PK": "MODEL#1", "SK": "KIND#1"}, {"PK": "FIELD#1", "SK": "NEW#1"}, {"PK": "x", "SK": "OLD#1"}
        ),
        sample(COMPOSITE, {"PK": "OLD#1", "SK": "KIND#1", "of": 1}, {"PK": "OLD", "SK": "ANY"}, name="model"),
    ],
    "tables named as kinds": [
        sample([("id", "S")], {"id": "a"}, name="orders"),
        sample([("id", "S")], {"id": "a"}, name="index"),
        sample(COMPOSITE, {"PK": "ORDER#1", "SK": "NEW#ORDERS"}, name="new_orders"),
    ],
    "a few odd keys among plain ones": [
        sample([("id", "S")], *({"id": f"{n}-x"} for n in range(9)), {"id": "ADMIN#1"}, {"id": "ADMIN#2"})
    ],
    "three values in a key": [
        sample(COMPOSITE, {"PK": "A#1#B#2", "SK": "C#3", "a_id": "1"}, {"PK": "A#2#B#2", "SK": "C#3", "a_id": "2"})
    ],
    "a row of one kind, with nothing in it": [sample(COMPOSITE, {"PK": "CONFIG", "SK": "MAIN"})],
}


def loaded(path: Path) -> Model:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    found: Model = module.MODEL
    return found


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    paths = {name: folder / f"page_{n}.py" for n, name in enumerate(SAMPLES)}
    for name, path in paths.items():
        path.write_text(page("ours", SAMPLES[name]))
    return paths


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sampled_row_becomes_a_new_row(pages: dict[str, Path], name: str) -> None:
    model, rows = loaded(pages[name]), SAMPLES[name]
    tables = dict(zip({own.own: logical for logical, own in model.old_tables.items()}.items(), rows, strict=True))

    found = expected(model, {logical: each.items for (_, logical), each in tables.items()})

    assert [own for own, _ in tables] == [each.name for each in rows]
    assert found.reasons == {}
    made = [row for table in found.rows.values() for claimants in table.values() for row in claimants]
    assert len(made) == sum(len(each.items) for each in rows)


def test_the_pages_pass_linter_and_type_checker(pages: dict[str, Path]) -> None:
    files = [str(path) for path in pages.values()]
    config = ["--config", str(ROOT / "pyproject.toml")]
    environment = {**os.environ, "MYPYPATH": str(ROOT / "shared")}
    for command in (
        ["ruff", "check", "--isolated", *files],
        ["ruff", "check", *config, *files],
        ["ruff", "format", "--check", *config, *files],
        ["mypy", "--strict", "--config-file=", *files],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command],
            capture_output=True,
            text=True,
            check=False,
            cwd=pages["shop"].parent,
            env=environment,
        )
        assert done.returncode == 0, (command[:3], done.stdout + done.stderr)


def test_what_the_page_of_the_shop_says(pages: dict[str, Path]) -> None:
    text = pages["shop"].read_text()

    for line in (
        'OUR_SHOP = Old("our-shop", "our-shop", PK=str, SK=str)',
        'class Cust(Kind, of=OUR_SHOP, PK="CUST#{cust_id}", SK="PROFILE"):',
        'class Order(Kind, of=OUR_SHOP, PK="CUST#{cust_id}", SK="ORDER#{order_id}"):',
        'class Item(Kind, of=OUR_SHOP, PK="ORDER#{order_id}", SK="ITEM#{item_id}"):',
        '    """20 of 60 sampled rows."""',
        "    placed_at: Timestamp",
        "    quantity: Decimal",
        'ORDERS = New("orders", cust_id=str, order_id=str)',
        "def to_order(it: Order) -> Mapping[str, Any]:",
    ):
        assert line in text.splitlines(), (line, text)
    assert "    email: str | None = None  # in " in text


def test_rows_that_fit_no_kind_are_named() -> None:
    rows = [{"PK": f"CUST#{n}", "SK": "PROFILE"} for n in range(9)]
    odd = sample(COMPOSITE, *rows, {"PK": "what", "SK": "ever it is"})

    text = page("ours", [odd])

    assert [kind.forms for kind in kinds(odd)[0]] == [{"PK": "CUST#{cust_id}", "SK": "PROFILE"}]
    assert '# 1 of 10 rows fit no kind below, such as {"PK": {"S": "what"}, "SK": {"S": "ever it is"}}:' in text


# Where rows come from -------------------------------------------------------------------------------------------------

ROWS = [{"PK": "CUST#1", "SK": "PROFILE", "age": 7}, {"PK": "CUST#2", "SK": "PROFILE", "age": 8}]
TYPED: list[Any] = [to_event(to_item(row)) for row in ROWS]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(ROWS).encode(),
        json.dumps(TYPED).encode(),
        json.dumps({"Items": TYPED, "Count": 2}).encode(),
        "\n".join(json.dumps(row) for row in ROWS).encode(),
        gzip.compress("\n".join(json.dumps({"Item": row}) for row in TYPED).encode(), mtime=0),
    ],
)
def test_rows_are_read_from_files(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "customers.json.gz"
    path.write_bytes(content)

    found = samples.of_file(path, ["PK", "SK"], 10)

    assert found == Sample("customers", COMPOSITE, [to_item(row) for row in ROWS])


@pytest.mark.parametrize(
    ("content", "key", "told"),
    [
        ("[]", "PK,SK", "expected rows in x.json, found none: put one row of each kind there"),
        ("", "PK,SK", "expected rows in x.json, found none"),
        ("[1]", "PK,SK", "expected rows as JSON in x.json, found something else"),
        ("oops", "PK,SK", "expected rows as JSON in x.json, found something else"),
        (json.dumps(ROWS), "", "expected --key for x.json, found none: name its key attributes"),
        (json.dumps(ROWS), "PK,SK,age", "expected one or two key attributes in --key, found 3"),
        (
            json.dumps(ROWS),
            "PK,name",
            "expected 'name' as text, a number, or bytes in every row of x.json, found no value",
        ),
        (json.dumps(ROWS), "SK", "expected one row for each key in x.json, found several"),
    ],
)
def test_a_file_that_says_too_little(tmp_path: Path, content: str, key: str, told: str) -> None:
    (tmp_path / "x.json").write_text(content)

    done = CliRunner().invoke(app, ["new-model", str(tmp_path / "x.json"), "--key", key])

    assert done.exit_code == 1
    assert done.stderr.startswith(f"NoSample: {told}"), done.stderr
    assert done.stdout == ""
