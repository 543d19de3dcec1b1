"""Which model the command line works with, what it says where there is none, and what the template calls parts of tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from remodel.errors import ModelError, ModelNotFound
from runner import names
from runner.model import chosen

PAGES = {
    "sound": "from shop.model import MODEL\nother = {}\n",
    "broken": "MODEL = 1 +\n",
    "raising": "MODEL = {}['x']\n",
    "importing": "import nothing_there.at_all\n",
    "contradicting": 'from remodel.kinds import Old\nSHOP = Old("shop")\n',
}


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package of theirs, anywhere on the path."""
    package = tmp_path / f"theirs_{tmp_path.name}"
    package.mkdir()
    for name, page in PAGES.items():
        (package / f"{name}.py").write_text(page)
    monkeypatch.syspath_prepend(tmp_path)
    return package.name


def test_the_setting_says_which_model(monkeypatch: pytest.MonkeyPatch, pages: str) -> None:
    monkeypatch.delenv("REMODEL_MODEL", raising=False)
    assert chosen().name == "measures"
    monkeypatch.setenv("REMODEL_MODEL", "shop.model:MODEL")
    assert chosen().name == "shop"
    monkeypatch.setenv("REMODEL_MODEL", f"{pages}.sound:MODEL")
    assert chosen().name == "shop"


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("shop.model", "expected REMODEL_MODEL as package.module:NAME, found 'shop.model': name"),
        (".model:MODEL", "expected REMODEL_MODEL as package.module:NAME, found '.model:MODEL': name"),
        ("shop.model:", "expected REMODEL_MODEL as package.module:NAME, found 'shop.model:': name"),
        ("nowhere.model:MODEL", "expected module nowhere.model on Python's path, found no 'nowhere': put the folder"),
        ("{}.absent:MODEL", "expected module {}.absent on Python's path, found no '{}.absent': put the folder"),
        ("{}.importing:MODEL", "expected what {}.importing imports, found no 'nothing_there': install it"),
        ("{}.broken:MODEL", "expected module {}.broken to be imported, found SyntaxError: .*: correct the module"),
        ("{}.raising:MODEL", "expected module {}.raising to be imported, found KeyError: 'x': correct the module"),
        (
            "{}.sound:SHOP",
            r"expected a Model as SHOP in {}.sound, found nothing of that name: .*sound.py declares MODEL; correct",
        ),
        ("{}.sound:other", r"expected a Model as other in {}.sound, found dict: .*sound.py declares MODEL; correct"),
    ],
)
def test_a_setting_that_leads_to_no_model(monkeypatch: pytest.MonkeyPatch, pages: str, named: str, told: str) -> None:
    monkeypatch.setenv("REMODEL_MODEL", named.replace("{}", pages))

    with pytest.raises(ModelNotFound, match=told.replace("{}", pages)):
        chosen()


def test_what_contradicts_itself_keeps_its_name(monkeypatch: pytest.MonkeyPatch, pages: str) -> None:
    monkeypatch.setenv("REMODEL_MODEL", f"{pages}.contradicting:MODEL")

    with pytest.raises(ModelError, match="table 'shop': expected one or two key attributes"):
        chosen()


def test_names_in_the_template_follow_from_the_logical_name() -> None:
    assert names.replicator("links") == "ReplicateLinks"
    assert names.new_table("measure_data") == "NewMeasureData"
    assert names.name_parameter("order-items") == "OrderItemsTable"
    assert names.stream_parameter("links") == "LinksStreamArn"
