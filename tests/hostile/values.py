"""Texts, values and damaged records that somebody may hope a program trips over. Everything is drawn from a random generator."""

from __future__ import annotations

import random
from typing import Any

from remodel.items import Item, Wire

GUIDS = ("aaaaaaaa-0000-4000-8000-00000000000{}", "AAAAAAAA-0000-4000-8000-00000000000{}")

MARKUP = (
    "[/]",
    "[red]red[/red]",
    "[link=x]y[/link]",
    "<script>alert(1)</script>",
    "</td><img src=x>",
    "\x1b[2J\x1b[31m",
    "\x1b]52;c;aGk=\x07",
    "\x1b]8;;file:///etc/passwd\x07x\x1b]8;;\x07",
    "\u202egnp.exe",
    "{{7*7}}",
    "%s%n{0}",
    "'; DROP TABLE links; --",
    "=cmd|' /C calc'!A0",
)
"""What a terminal, a page or a spreadsheet might take for more than text."""

INDEX = (
    "row/links.Link/x",
    "set/links.Link/0",
    "notes",
    "notes/498704",
    "fanouts",
    "claims/measure_data",
    "complete",
    "fence",
    "streams",
    "gaps",
    "measure_id=smeasure",
    "measure_id#" + "0" * 64,
    "#" + "0" * 64,
    "a#b",
    "X#0#1",
    "long:" + "0" * 64,
    "5:links",
    "0:",
    "99:",
    "-1:x",
)
"""What looks like the index's own keys, of this engine or the one before it."""

ODD = (
    " ",
    "\n" * 900,
    "\n",
    "\x00",
    "\x7f\x80\x9f",
    "\ufeffx",
    "\uffff",
    "\ud7ff",
    "é",
    "e\u0301",
    "ſ",
    "İ",
    "ß",
    "\u2028\u2029",
    "\u200b",
    "\u3000",
    "٢٠٢٥-٠١-٠١",
    "𝟎𝟏",
    "NaN",
    "Infinity",
    "null",
    "None",
    "true",
    "0",
    "-0",
    "1e400",
    "__class__",
    "../../etc/passwd",
    "00000000-0000-0000-0000-000000000000",
    "person\nX",
    "\nX",
    "system",
)

LENGTHS = (1, 899, 900, 901, 1_016, 1_023, 1_024, 1_025, 2_047, 2_048)
"""Bytes at which something is cut off, hashed or refused."""


class Values:
    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def text(self) -> str:
        r = self.random
        kind = r.random()
        if kind < 0.25:
            return r.choice(MARKUP)
        if kind < 0.45:
            return r.choice(INDEX)
        if kind < 0.7:
            return r.choice(ODD)
        if kind < 0.9:
            return self.long(r.choice(LENGTHS))
        return "".join(chr(self.character()) for _ in range(r.randint(1, 40)))

    def character(self) -> int:
        """Any code point but a surrogate."""
        found = self.random.choice((self.random.randrange(0x100), self.random.randrange(0x10000), 0x1F600))
        return 0xFFFD if 0xD800 <= found < 0xE000 else found

    def long(self, length: int) -> str:
        """So many bytes."""
        unit = self.random.choice(("a", "\n", "é", "😀", "\x00", "#"))
        whole = unit * (length // len(unit.encode()))
        return whole + "x" * (length - len(whole.encode()))

    def guid(self) -> str:
        r = self.random
        found = r.choice(GUIDS).format(r.randrange(10))
        if self.chance(0.2):
            return r.choice(
                (found + "\n", found.replace("0", "０", 1), f"{{{found}}}", found.replace("-", ""), found[:-1])
            )
        return found

    def id(self) -> str:
        return self.guid() if self.chance(0.5) else self.text()

    def value(self, depth: int = 0) -> Wire:
        """Of any type that DynamoDB has."""
        r = self.random
        kind = r.randrange(12 if depth < 3 else 8)
        if kind < 3:
            return {"S": self.text()}
        if kind == 3:
            return {"S": r.choice(("", "x" * 100_000, "é" * 190_000))} if depth == 0 and self.chance(0.1) else {"S": ""}
        if kind == 4:
            return {
                "N": r.choice(("0", "-0", "1E+125", "-9.9E+125", "1E-130", "9" * 38, "0." + "3" * 38, "0.10", "2.5"))
            }
        if kind == 5:
            return {"BOOL": self.chance(0.5)}
        if kind == 6:
            return {"NULL": True}
        if kind == 7:
            return {"B": r.choice((b"\x00", b"\xff\xfe", b"x" * 3_000))}
        if kind == 8:
            return {"L": [self.value(depth + 1) for _ in range(r.randrange(3))]}
        if kind == 9:
            return {"M": {self.text(): self.value(depth + 1) for _ in range(r.randrange(3))}}
        if kind == 10:
            return r.choice(({"SS": ["a", "\x00"]}, {"NS": ["1", "2"]}, {"BS": [b"\x00", b"1"]}))
        return nested(30)

    def impossible(self) -> Any:
        """What JSON can carry and DynamoDB cannot: no stream would send it."""
        return self.random.choice(
            (
                {"S": "\ud800"},
                {"S": "x\udfff"},
                {"S": None},
                {"S": 1},
                {"S": ["x"]},
                {"N": "NaN"},
                {"N": "1E+126"},
                {"N": 1},
                {"N": ""},
                {"BOOL": "true"},
                {"B": "not base64!"},
                {"B": None},
                {"SS": []},
                {"SS": [1]},
                {"SS": [{}]},
                {"BS": ["\ud800"]},
                {"NS": ["x"]},
                {"L": {}},
                {"M": []},
                {"L": [None]},
                {"M": {"x": 1}},
                {"M": {"\ud800": {"S": "x"}}},
                {"X": "x"},
                {},
                {"S": "x", "N": "1"},
                None,
                [],
                "x",
                1.5,
                nested(3_000),
            )
        )

    def damaged(self, record: dict[str, Any]) -> Any:
        """The record of a row that does not exist, with something wrong in it."""
        r, body = self.random, record["dynamodb"]
        name = r.choice(("NewImage", "OldImage", "Keys"))
        key = next(iter(body["Keys"]))
        # Not the ARN of the stream: that is Lambda's, and a record of another stream holds the shard on purpose.
        wrong: tuple[Any, ...] = (
            None,
            [],
            "x",
            {},
            {**record, "dynamodb": None},
            {**record, "dynamodb": "x"},
            {**record, "eventName": r.choice((None, "", "TRUNCATE", ["INSERT"], {}))},
            {**record, "dynamodb": {**body, "SequenceNumber": r.choice((None, "", 1, {}))}},
            {**record, "dynamodb": {**body, "ApproximateCreationDateTime": r.choice((None, "x", -1, 1e400, 10**400))}},
            {**record, "dynamodb": {**body, name: self.impossible()}},
            {**record, "dynamodb": {**body, name: {key: self.impossible()}}},
            {**record, "dynamodb": {**body, name: {**body["Keys"], self.text(): self.impossible()}}},
            {**record, "dynamodb": {**body, "Keys": {**body["Keys"], key: {"S": r.choice(("", self.long(2_049)))}}}},
            {**record, "dynamodb": {k: v for k, v in body.items() if k != name}},
        )
        return r.choice(wrong)


def nested(depth: int) -> Wire:
    found: Wire = {"S": "x"}
    for _ in range(depth):
        found = {"L": [found]}
    return found


def changed(row: Item, name: str, value: Any) -> Item:
    return {**row, name: value}
