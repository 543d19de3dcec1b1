"""The text of the first page: tables, kinds, and a mapping for each that carries every attribute over."""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import ConfigDict

from newmodel.kinds import GENERAL, PYTHON, Attribute, Kind, Sample, kinds, unique
from remodel.items import Item, to_event
from remodel.kinds import RESERVED

WIDTH = 120

MOST_TYPES = 3
"""That are named of one attribute."""

NAMES = {"Any", "Decimal", "Field", "Kind", "Mapping", "Model", "New", "Old", "Timestamp", "MODEL"}
"""What the page has names for already."""

NO_WORDS = {"of", "key", "indexes", *keyword.kwlist, *ConfigDict.__annotations__}
"""Names that no declaration takes as a word of its own."""


@dataclass(frozen=True)
class Named:
    """A kind with its names on the page: class, function, constant and logical name of its new table."""

    kind: Kind
    old: str
    cls: str
    function: str
    constant: str
    table: str


def page(name: str, samples: Sequence[Sample]) -> str:
    """`name`: of the model. The kinds take every row of the samples, but for those that a comment names."""
    taken = set(NAMES)
    parts: list[str] = []
    named: list[Named] = []
    logical = [slug(each.name) for each in samples]
    for sample, table in zip(samples, logical, strict=True):
        constant = unique(re.sub(r"\W+", "_", table.replace("-", "_")).upper(), taken)
        taken.add(constant)
        found, left = kinds(sample)
        parts.append(_old(sample, table, constant, left))
        for kind in found:
            named.append(_name(kind, table, constant, taken, [*logical, *(each.table for each in named)]))
            parts.append(_class(named[-1], len(sample.items)))
    tables = "\n".join(_new(each) for each in named)
    body = "\n\n\n".join(
        [*parts, f"{tables}\n\nMODEL = Model({json.dumps(name)})", *(_mapping(each) for each in named)]
    )
    return f"{_head(name, sum(len(each.items) for each in samples), body)}\n\n{body}\n"


def _head(name: str, rows: int, body: str) -> str:
    told = [
        f'"""The model {name}: a first page, made of {rows:,} sampled rows. It is yours to edit.',
        "",
        "What is missing in some rows may be None. A row that fits no kind, or has a value of another type, is quarantined.",
        'The new tables are only a proposal."""',
    ]
    lines = ["from __future__ import annotations", "", "from collections.abc import Mapping"]
    lines += ["from decimal import Decimal"] if "Decimal" in body else []
    lines += ["from typing import Any", ""]
    field = "Field, " if "Field(" in body else ""
    lines += [f"from remodel.kinds import {field}Kind, New, Old", "from remodel.model import Model"]
    lines += ["from remodel.timestamps import Timestamp"] if "Timestamp" in body else []
    return "\n".join([*told, "", *lines])


def _old(sample: Sample, table: str, constant: str, left: Sequence[Item]) -> str:
    lines = [f"{constant} = Old({json.dumps(table)}, {json.dumps(sample.name)}, {_key(dict(sample.key))})"]
    if left:
        example = json.dumps({name: to_event(left[0][name]) for name, _ in sample.key})
        lines += [
            f"# {len(left)} of {len(sample.items)} rows fit no kind below, such as {example}:"[:WIDTH],
            "# declare a kind for them, or name them in Model(ignore=[...]).",
        ]
    return "\n".join(lines)


def _key(key: Mapping[str, str]) -> str:
    pairs = {name: PYTHON.get(kind, kind) for name, kind in key.items()}
    if all(name.isidentifier() and name not in NO_WORDS for name in pairs):
        return ", ".join(f"{name}={kind}" for name, kind in pairs.items())
    return f"**{{{', '.join(f'{json.dumps(name)}: {kind}' for name, kind in pairs.items())}}}"


def _class(named: Named, total: int) -> str:
    kind = named.kind
    forms = ", ".join(f"{name}={json.dumps(form, ensure_ascii=False)}" for name, form in kind.forms.items())
    if any(not name.isidentifier() or name in NO_WORDS for name in kind.forms):
        forms = f"key={json.dumps(kind.forms, ensure_ascii=False)}"
    head = f"class {named.cls}(Kind, of={named.old}, {forms}):"
    if len(head) > WIDTH:
        head = f"class {named.cls}(\n    Kind,\n    of={named.old},\n    {forms},\n):"
    told = f'    """{kind.rows:,} of {total:,} sampled rows."""'
    lines = [f"    {name}: {type_}" for name, type_ in kind.fields.items()]
    lines += [_field(each, kind.rows) for each in kind.attributes]
    return "\n".join([head, told, *([""] if lines else []), *lines])


def _field(each: Attribute, rows: int) -> str:
    type_ = " | ".join(each.types) if len(each.types) <= MOST_TYPES else "Any"
    is_missing = each.rows < rows
    default = ""
    if each.field != each.name:
        default = f" = Field({'default=None, ' if is_missing else ''}alias={json.dumps(each.name, ensure_ascii=False)})"
    elif is_missing:
        default = " = None"
    note = f"  # in {each.rows:,} of {rows:,} rows" if is_missing else ""
    return f"    {each.field}: {type_}{' | None' if is_missing else ''}{default}{note}"


def _new(named: Named) -> str:
    fields = named.kind.fields
    key = _key(fields) if 1 <= len(fields) <= 2 else "id=str"
    return f"{named.constant} = New({json.dumps(named.table)}, {key})"


def _mapping(named: Named) -> str:
    fields = list(named.kind.fields)
    form = "#".join(f"{{{name}}}" for name in fields) if fields else named.cls.upper()
    key = "" if 1 <= len(fields) <= 2 else f", id={json.dumps(form)}"
    lines = [f"@MODEL.becomes({named.constant}{key})", f"def {named.function}(it: {named.cls}) -> Mapping[str, Any]:"]
    if not named.kind.attributes:
        return "\n".join([*lines, "    return {}"])
    pairs = [f"        {json.dumps(each.name, ensure_ascii=False)}: it.{each.field}," for each in named.kind.attributes]
    return "\n".join([*lines, "    return {", *pairs, "    }"])


def _name(kind: Kind, table: str, old: str, taken: set[str], tables: Sequence[str]) -> Named:
    """By the last word of the key that says something; without one, by the table. `tables`: logical names of others."""
    words = [word for word in kind.words if word.upper() not in GENERAL] or list(kind.words) or _words(table)
    stem = words[-1:] if kind.words else [*words[:-1], _singular(words[-1])]
    base = "".join(each.capitalize() for each in stem)
    tries = (base, "".join(each.capitalize() for each in words), f"{base}Row", *(f"{base}{n}" for n in range(2, 1_000)))
    for cls in tries:
        snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls).lower()
        function = f"to_{snake}"
        if taken.isdisjoint((cls, function)):
            break
    constant = unique(_plural(snake).upper(), taken)
    taken |= {cls, constant, function}
    return Named(kind, old, cls, function, constant, _table(_plural(snake), tables))


def _table(plural: str, others: Sequence[str]) -> str:
    """Names that differ only in case, - and _ would be one in a template."""
    same = {re.sub(r"\W|_", "", each).lower() for each in others}
    while plural.replace("_", "") in same:
        plural = f"new_{plural}"
    return plural


def _words(text: str) -> list[str]:
    return re.findall(r"[A-Z]?[a-z]+|[A-Z]+|\d+", text) or ["row"]


def _singular(word: str) -> str:
    return f"{word[:-3]}y" if word.endswith("ies") else word[:-1] if re.search(r"[^su]s$", word) else word


def _plural(word: str) -> str:
    if re.search(r"[^aeiou]y$", word):
        return f"{word[:-1]}ies"
    return f"{word}es" if re.search(r"(s|x|ch|sh)$", word) else f"{word}s"


def slug(name: str) -> str:
    """A logical name made of a physical one."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-_")
    return plain if plain[:1].isalpha() and plain.lower() not in RESERVED else f"table-{plain}"
