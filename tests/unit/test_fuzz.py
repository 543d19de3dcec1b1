"""Tens of thousands of spoilt stream records, from one seed: each is accounted for, alone, and its neighbour gets through.

A record that the model can make a row of is in the new table; every other one is in quarantine with its image and a
reason, or is a named error of the whole stream (a wrong view). Nothing of a row's content reaches a log.
"""

from __future__ import annotations

import importlib.util
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.records import Stream
from tests.rows import actual, guid, link, number, text
from tests.worlds import NAMES, engine, patience, store

from local_cloud.worker import Context
from remodel.core.errors import WrongStreamView
from remodel.core.record import Bad, Good, Understood, understand
from remodel.flow.engine import Engine, Patience
from remodel.flow.quarantine import all_held, image
from remodel.flow.replicate import replicate

ROOT = Path(__file__).resolve().parents[2]
RECORDS = 30_000
SEED = 20_261_122

Json = Any


def deep(levels: int) -> Json:
    value: Json = {"S": "bottom"}
    for _ in range(levels):
        value = {"L": [value]}
    return value


TEXTS = [
    "",
    " ",
    "\x00",
    "\ud800",
    "\u202e",
    "é" * 20,
    "e\u0301",
    "𝒳",
    "ﷺ" * 400,
    "NULL",
    "{}",
    "../..",
    "٣",
    "x" * 2_500,
]
NUMBERS = [
    "NaN",
    "Infinity",
    "-0",
    "1E+125",
    "1E+126",
    "1E-131",
    "9" * 38,
    "9" * 39,
    "0." + "1" * 38,
    "1e",
    "",
    "0x1f",
    "١",
]
VALUES: list[Json] = [
    *({"S": each} for each in TEXTS),
    *({"N": each} for each in NUMBERS),
    *(
        {"SS": []},
        {"NS": []},
        {"BS": []},
        {"L": []},
        {"M": {}},
        {"NS": ["1", "NaN"]},
        {"SS": ["a", "a"]},
        {"BS": ["?"]},
    ),
    *({"B": ""}, {"B": "AAEC"}, {"B": "not base64"}, {"B": 7}, {"BOOL": "true"}, {"BOOL": 1}, {"NULL": False}),
    *(
        {"S": 7},
        {"N": 7},
        {"S": None},
        {"L": "x"},
        {"M": []},
        {"X": 1},
        {},
        {"S": "a", "N": "1"},
        None,
        0,
        "S",
        [],
        1.5,
    ),
    *(deep(32), deep(400)),
]
LARGE: list[Json] = [{"S": "x" * 400_000}, {"B": "QUJD" * 130_000}, {"L": [{"S": "y" * 1_000}] * 400}, deep(3_000)]


class Spoiler:
    """Spoils a record in one to three places; now and then it is of another table, or no record at all."""

    def __init__(self, seed: int) -> None:
        self.r = random.Random(seed)
        self.stream = Stream({**NAMES, "foreign": "somebody-elses"})

    def record(self) -> Json:
        r = self.r
        name = f"row {r.randint(0, 9)}"
        old = r.choice([None, actual(name), self.image(name)])
        new = r.choice([actual(name), self.image(name), self.image(name), None if old else actual(name)])
        record = self.stream.record(r.choice(["actuals"] * 9 + ["foreign"]), old, new)
        for _ in range(r.choice([0, 0, 1, 2])):
            self.spoil(record)
        return r.choice([record] * 60 + [None, [], "", {"dynamodb": record}])

    def image(self, name: str) -> Json:
        row = dict(actual(name, tenant_id=text("t"), original_value=number(1), data_source=text("api")))
        for _ in range(self.r.randint(1, 3)):
            row[self.r.choice([*row, "kpi_id", "unknown", *TEXTS[4:8]])] = self.value()
        return row

    def value(self) -> Json:
        value = self.r.choice(LARGE if self.r.random() < 0.003 else VALUES)
        return dict(value) if isinstance(value, dict) else value

    def spoil(self, record: Json) -> None:
        """Replaces, renames or removes something at a random depth."""
        place = record
        while True:
            names = sorted(place)
            name = self.r.choice(names)
            if isinstance(place[name], dict) and place[name] and self.r.random() < 0.7:
                place = place[name]
                continue
            what = self.r.random()
            if what < 0.3:
                del place[name]
            elif what < 0.4:
                place[self.r.choice(TEXTS)] = place.pop(name)
            else:
                place[name] = self.value()
            return


def made_for(spoilt: Json) -> tuple[Engine, str | None]:
    """A new engine that has taken the record and a good neighbour, and what became of the record."""
    made = engine()
    links = Stream(NAMES, "2026-11-21T00:00:00.000")
    replicate(made, "links", "links", {"Records": [links.record("links", None, link())]}, patience(made))
    after = Stream(NAMES, "2026-11-23T00:00:00.000")
    neighbour = after.record("actuals", None, actual("neighbour"))
    try:
        batch = replicate(made, "actuals", "actuals", {"Records": [spoilt, neighbour]}, patience(made))
    except WrongStreamView:
        return made, "wrong view"
    assert batch.failed is None, "the shard moves on"
    assert (guid("neighbour"),) in store(made).tables["measure_data"].items
    return made, fate(made, understand(spoilt, made.model.sources["actuals"], "actuals"))


def fate(made: Engine, understood: Json) -> str | None:
    held = list(all_held(made))
    for each in held:
        assert each.reason
        json.dumps(image(made, each, patience(made)))
    if not isinstance(understood, Understood) or isinstance(understood.new, Bad):
        return "quarantined" if len(held) == 1 else None
    rows = store(made).tables["measure_data"].items
    if understood.new is None:
        return "removed" if (understood.id,) not in rows and not held else None
    assert isinstance(understood.new, Good)
    entered = any(key[1] == f"actuals#{understood.id}" for key in store(made).tables["index"].items)
    return "taken" if entered and not held else None


@pytest.mark.timeout(400)
def test_every_spoilt_record_is_accounted_for() -> None:
    spoiler, fates = Spoiler(SEED), Counter[str]()
    for n in range(RECORDS):
        spoilt = spoiler.record()
        _, became = made_for(spoilt)
        assert became is not None, f"record {n} of seed {SEED} is lost: {repr(spoilt)[:2_000]}"
        fates[became] += 1

    print(dict(fates))
    assert all(fates[each] > 100 for each in ("quarantined", "taken", "removed", "wrong view"))


MARK = "zzmarkzz"


def marked(value: Json) -> Json:
    """The same record with a mark in every text of its images."""
    match value:
        case {"S": str(it)} if len(it) < 1_000:
            return {"S": it + MARK}
        case dict():
            return {name: marked(each) for name, each in value.items()}
        case list():
            return [marked(each) for each in value]
        case _:
            return value


@pytest.mark.parametrize("level", ["INFO", "WARNING"])
def test_no_content_of_a_row_is_logged(
    level: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The deployed handler, on spoilt records with a mark in every text of their images and in their numbers."""
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", level)
    spec = importlib.util.spec_from_file_location("replicate_app", ROOT / "functions/replicate/app.py")
    assert spec is not None and spec.loader is not None
    app = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(app)
    spoiler = Spoiler(SEED + 1)
    calls = 0
    for _ in range(300):
        made = engine()
        monkeypatch.setattr(app, "wired", lambda made=made: (Local(made), "actuals"))
        records = [marked_record(spoiler.record()) for _ in range(3)]
        try:
            app.handler({"Records": records}, Context("replicate", 0.0))
        except WrongStreamView:
            continue
        calls += 1

    logged = capsys.readouterr()
    assert calls > 200
    assert ("quarantined" in logged.out.lower()) or level == "WARNING"
    assert MARK not in logged.out + logged.err


def marked_record(record: Json) -> Json:
    if not isinstance(record, dict) or not isinstance(record.get("dynamodb"), dict):
        return record
    body = record["dynamodb"]
    try:
        images = {name: marked(body[name]) for name in ("OldImage", "NewImage", "Keys") if name in body}
    except RecursionError:
        return record
    return {**record, "dynamodb": {**body, **images}}


class Local:
    """What the handler is wired with, on the store in memory."""

    class settings:  # noqa: N801
        tables = NAMES

    def __init__(self, made: Engine) -> None:
        self.engine = made

    def patience(self, _context: object) -> Patience:
        return patience(self.engine)
