"""The table of errors of docs/your-own-model.md: the guide's own model with one mistake says what its row says.

In the table, `…` stands for any text.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from remodel.backfill import backfill
from remodel.items import Item, to_item
from remodel.model import Model
from remodel.segments import Segment
from remodel.settings import MODEL, load_model
from remodel.store import QUARANTINE
from remodel_testing import check
from runner.cli import app
from tests.still import memory_place

GUIDE = (Path(__file__).parents[2] / "docs/your-own-model.md").read_text()
BLOCKS = dict(re.findall(r"`([\w/.]+)`:\n\n```\w+\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL))
PAGE = BLOCKS["src/clinic/model.py"]
NAMED = "clinic.model:MODEL"
ROWS = re.findall(r"^\| (.*?) \|", GUIDE.partition("## Errors that you will meet")[2], re.MULTILINE)[1:]
"""What it says, in the words of each row."""

PATIENT = {"PK": "PATIENT#17", "SK": "CARD", "name": "Ann", "born": "1990-02-03", "phone": ""}


@dataclass(frozen=True)
class Place:
    """A folder like the guide's; its page has a mistake."""

    folder: Path

    def typed(self, *words: str) -> str:
        """What a command says that is refused."""
        with chdir(self.folder):
            done = CliRunner().invoke(app, words)
        assert done.exit_code == 1, (done.exit_code, done.stdout, done.stderr, done.exception)
        return done.stderr

    def model(self) -> Model:
        return load_model({MODEL: NAMED})


Case = Callable[[Place], str]


def declared(place: Place) -> str:
    return place.typed("new-template", "--model", NAMED)


def checked(place: Place) -> str:
    with pytest.raises(Exception) as caught:
        check(place.model())
    problems = caught.value.exceptions if isinstance(caught.value, ExceptionGroup) else [caught.value]
    return "\n".join(f"{type(each).__name__}: {each}" for each in problems)


def quarantined(**row: str) -> Case:
    """The reason for which a backfill refuses an old row of the guide's."""

    def refused(place: Place) -> str:
        model = place.model()
        engine, store = memory_place(model)
        item: Item = to_item({**PATIENT, **row})
        store.tables["clinic"].put(item)
        call = engine.call(600.0)
        assert backfill(call, Segment("clinic", 0, 1), call.deadline).quarantined == 1
        return "".join(each["reason"]["S"] for each in store.tables[QUARANTINE].items.values())

    return refused


def without_the_folder(place: Place) -> str:
    sys.path.remove(str(place.folder))
    return declared(place)


def without_a_key(place: Place) -> str:
    (place.folder / "clinic.json").write_text(BLOCKS["clinic.json"])
    return place.typed("new-model", "clinic.json")


SAME: dict[str, str] = {}
CASES: dict[str, tuple[Case, dict[str, str]]] = {
    "`ModelNotFound: expected module clinic.model on Python's path`": (without_the_folder, SAME),
    "`NoSample: expected --key`": (without_a_key, SAME),
    "`expected key forms for PK, SK`": (declared, {', SK="CARD"': ""}),
    "`expected text between the fields of the key form`": (
        declared,
        {"{visited_at}#{patient_id}": "{visited_at}{patient_id}"},
    ),
    "`kind Visit of clinic: expected key forms that differ`": (declared, {'SK="VISIT#{visited_at}"': 'SK="CARD"'}),
    "`expected … in the key of visits, found none: the old row of a new row could not be told`": (
        declared,
        {"{visited_at}#{patient_id}": "{visited_at}"},
    ),
    "`expected a field that every row has in the key, found …, which may be None`": (
        declared,
        {"{visited_at}#{patient_id}": "{visited_at}#{patient_id}#{fee}"},
    ),
    "`expected a field of type N for key attribute …`": (
        declared,
        {'New("patients", id=str)': 'New("patients", id=int)'},
    ),
    "`expected Decimal for 'fee', found float`": (declared, {"fee: Decimal": "fee: float"}),
    "`expected fields or properties of Patient in sees`": (
        declared,
        {'one(Patient, on="patient_id", sees=["name"])': 'one(Patient, on="patient_id", sees=["surname"])'},
    ),
    "`join …: expected one(...) for a join on the other row's whole key`": (
        declared,
        {"one(Patient": "all_(Patient"},
    ),
    "`expected one table with the logical name 'clinic', found two`": (declared, {'New("patients"': 'New("clinic"'}),
    "`KindsOverlap`, from `check`": (checked, {"VISIT#{visited_at}": "{visited_at}"}),
    "`SeesNotSufficient`, from `check`": (checked, {"who and who.name": "who and who.phone"}),
    "`NoRow: expected a row that kind … accepts`": (
        checked,
        {
            "fee: Decimal | None = None": "fee: Decimal = Field(multiple_of=97)",
            "from remodel.joins": "from pydantic import Field\nfrom remodel.joins",
        },
    ),
    "in quarantine: `expected a key of exactly one kind`": (quarantined(SK="FILE"), SAME),
    "in quarantine: `phone: expected 1 to 2048 bytes for by-phone, found 0`": (
        quarantined(),
        {'New("patients", id=str)': 'New("patients", id=str, indexes=[Index("by-phone", "phone")])'},
    ),
}
"""By the words of a row: what provokes the error, and the mistake in the guide's page."""


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    page = PAGE
    for right, wrong in request.param.items():
        assert right in page
        page = page.replace(right, wrong)
    (tmp_path / "clinic").mkdir()
    (tmp_path / "clinic/__init__.py").touch()
    (tmp_path / "clinic/model.py").write_text(page)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield Place(tmp_path)
    for name in ("clinic", "clinic.model"):
        sys.modules.pop(name, None)


def test_every_row_has_its_case() -> None:
    assert len(ROWS) > 10
    assert set(ROWS) == CASES.keys()


@pytest.mark.parametrize(("place", "words"), [(CASES[row][1], row) for row in ROWS if row in CASES], indirect=["place"])
def test_it_says_so(place: Place, words: str) -> None:
    said = CASES[words][0](place)
    text = re.search("`(.+?)`", words)
    assert text is not None
    assert re.search(".+".join(map(re.escape, text[1].split("…"))), said), said
