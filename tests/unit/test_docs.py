"""Documents that stay true: docs/cli.md is what the command line says of itself, and what the others print can be typed."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.cli import get_docs_for_click

from demo.measures import Measures
from demo.verdict import Verdict
from measures import old
from measures.model import MODEL
from remodel.compare import compare, tables
from remodel.keys import Key
from remodel.kinds import Kind
from remodel.mapping import parse
from remodel.segments import Segment
from runner.cli import app
from tests.printed import NotTyped, check, command, parts, printed
from tests.unit.test_cost import Replicated
from tests.unit.test_scale import DOLLARS_PER_MILLION_READS

ROOT = Path(__file__).parents[2]
GENERATED = "docs/cli.md"
DOCUMENTS = sorted(
    str(path.relative_to(ROOT)) for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")) if path != ROOT / GENERATED
)
"""Those that people write."""

MEMORY, A_PROCESSOR = 1_024, 1_769
"""Megabytes of the function that compares, and of one that has a whole processor."""

LONGEST = 120
"""Characters of a line of prose."""

PRIVATE = re.compile(
    r"\b(anew|beside|dear|mend(?:s|ed|ing)?|nil|nobody|somebody|whoever|whomever|thereby|wherein|whence)\b",
    re.IGNORECASE,
)
"""Words that plain technical English does without."""


@pytest.mark.parametrize("name", [*DOCUMENTS, "benchmarks/README.md", "tests/cases/README.md"])
def test_what_a_document_prints_can_be_typed(name: str) -> None:
    for words in printed((ROOT / name).read_text()):
        check(words)


def test_the_alarms_print_what_can_be_typed() -> None:
    found = re.findall(r"`(remodel [^`]+)`", (ROOT / "template.yaml").read_text())

    assert len(found) > 10
    for line in found:
        check(command(" ".join(line.split())))


def test_the_commands_of_the_documents_are_found() -> None:
    """The test above has something to look at."""
    count: dict[str, int] = defaultdict(int)
    for name in DOCUMENTS:
        for words in printed((ROOT / name).read_text()):
            count[words[0]] += 1

    assert count["remodel"] > 50
    assert min(count[program] for program in ("make", "sam", "aws")) > 5


@pytest.mark.parametrize(
    "text",
    [
        "Run `remodel plann`.",
        "Run `remodel validate --ful`.",
        "Run `remodel rate much`.",
        "| it says | run `remodel quarantine lst` |",
        "    .venv/bin/remodel backfill --stage dev --segments 0",
        "A line that\nends in `remodel\nvalidate --oops`.",
        "Run `make dmo`.",
        "Run `make test SEED=1`.",
        '    make demo ARGS="--raws 1"',
        "Run `sam build && sam deploy --config-env nowhere`.",
        "    sam delete --config-env dev --force",
        "    aws dynamodb update-tables --table-name …",
        "    aws dynamodb update-table --tables …",
        "    .venv/bin/python -m tests.unit.nothing",
    ],
)
def test_what_cannot_be_typed_is_noticed(text: str) -> None:
    with pytest.raises(NotTyped):
        for words in printed(text):
            check(words)


# How it is written ----------------------------------------------------------------------------------------------------


def too_long(text: str) -> list[int]:
    return [number for number, line in parts(text).prose if len(line) > LONGEST]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_prose_is_wrapped(name: str) -> None:
    assert too_long((ROOT / name).read_text()) == []


def test_a_long_line_is_noticed() -> None:
    long = "word " * 30

    assert too_long(f"{long}\n\n    {long}\n\n| {long} |\n\n- a list\n    {long}") == [1, 8]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_words_are_plain(name: str) -> None:
    text = (ROOT / name).read_text()

    assert [found[0] for found in PRIVATE.finditer(re.sub(r"`[^`]*`", "", text))] == []


def anchors(text: str) -> set[str]:
    """The headings of a document, as GitHub makes links of them."""
    headings = (line.lstrip("#") for _, line in parts(text).prose if line.startswith("#"))
    return {re.sub(r"[^\w -]", "", each.strip().lower()).replace(" ", "-") for each in headings}


def links(text: str) -> list[str]:
    return [each for each in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in each]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name: str) -> None:
    path = ROOT / name
    for link in links(path.read_text()):
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text()), link


# What docs/deploy.md says of the application --------------------------------------------------------------------------

DEPLOY = (ROOT / "docs/deploy.md").read_text()
KINDS: dict[str, type[Kind]] = {
    "links": old.Link,
    "milestones": old.Milestone,
    "actuals": old.Actual,
    "readings": old.Reading,
    "measures": old.Measure,
    "people": old.Person,
}


def described(table: str) -> tuple[set[str], set[str]]:
    """The required and the optional attributes of a table in docs/deploy.md."""
    (row,) = re.findall(rf"^\| {table} \| (.+) \| (.+) \|$", DEPLOY, re.MULTILINE)
    return set(re.findall(r"`(\w+)`", row[0])), set(re.findall(r"`(\w+)`", row[1]))


@pytest.mark.parametrize("table", KINDS)
def test_the_old_rows_are_described(table: str) -> None:
    fields = KINDS[table].model_fields

    required = {name for name, field in fields.items() if field.is_required()}
    assert described(table) == (required, fields.keys() - required)


def test_the_rows_to_try_are_accepted() -> None:
    found = [words for words in printed(DEPLOY) if words[:3] == ["aws", "dynamodb", "put-item"]]
    tables = {"purposepath-goal-measure-links": "links", "purposepath-measure-actuals": "actuals"}

    assert [tables[words[words.index("--table-name") + 1]] for words in found] == ["links", "actuals"]
    for words in found:
        item = json.loads(words[words.index("--item") + 1])
        table = tables[words[words.index("--table-name") + 1]]
        assert parse(MODEL, Key(table, MODEL.old_tables[table].schema.encode(item)), item).reason is None


class Parameters:
    """A client of Parameter Store that counts what it is asked."""

    def __init__(self) -> None:
        self.value, self.asked = "old", list[str]()

    def get_parameter(self, **given: str) -> Any:
        self.asked.append(given["Name"])
        return {"Parameter": {"Value": self.value}}


def test_the_application_reads_the_flag_as_described() -> None:
    (code,) = [block for language, block in parts(DEPLOY).blocks if language == "python"]
    given: dict[str, Any] = {}
    exec(compile(code, "docs/deploy.md", "exec"), given)
    ssm, now = Parameters(), [100.0]
    flag = given["ReadFlag"](ssm, "dev", clock=lambda: now[0])

    assert [flag.reads_new(), flag.reads_new()] == [False, False]
    assert ssm.asked == ["/remodel/dev/read"], "the second answer is remembered"
    ssm.value = "new"
    now[0] += given["CACHED"]
    assert flag.reads_new()
    ssm.value = "neither"
    now[0] += given["CACHED"]
    with pytest.raises(ValueError, match="neither"):
        flag.reads_new()


# Figures and terms ----------------------------------------------------------------------------------------------------


def test_the_order_is_the_same_everywhere() -> None:
    order = "plan, backup, prepare, deploy, backfill, validate, cutover, watch, finish"
    for name in ("README.md", "docs/deploy.md"):
        assert order in " ".join((ROOT / name).read_text().split()), name

    steps = re.findall(r"^### (\d)\. (\w+) ?(\w*)", (ROOT / "docs/runbook.md").read_text(), re.MULTILINE)
    assert [int(number) for number, *_ in steps] == list(range(1, 10))
    verbs = [f"{verb}{more}" if more in ("up", "over") else verb for _, verb, more in steps]
    assert ", ".join(verbs).lower() == order


def test_each_word_of_the_glossary_is_used() -> None:
    words = re.findall(r"^\| \*\*(.+?)\*\* \|", (ROOT / "docs/glossary.md").read_text(), re.MULTILINE)
    others = "\n".join((ROOT / name).read_text() for name in DOCUMENTS if name != "docs/glossary.md").lower()

    assert len(words) >= 20
    assert words == sorted(words)
    for word in words:
        assert all(re.search(rf"\b{each}", others) for each in word.split(", ")), word


def test_the_terms_of_the_verdict_are_explained() -> None:
    found = str(Verdict([], {}, [], [], dict.fromkeys(Measures.terms, 0), {}, {}))

    table = (ROOT / "docs/glossary.md").read_text().split("## The verdict")[1]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == re.findall(r"(\w+)=", found)


def test_a_comparison_costs_what_is_said() -> None:
    made = Replicated(links=1, spread=100)
    made.deliver("actuals", [made.change("actuals", None, made.row(n, 1)) for n in range(1_000)])
    before = made.store.read_units

    for table in tables(made.call()):
        report = compare(made.call(), Segment(table, 0, 1), 9e9)
        assert report.done
        assert not report.drift

    units = made.store.read_units - before
    assert f"{units:,.0f} for 1,000 actuals and 100 links" in " ".join((ROOT / "docs/cost.md").read_text().split())
    dollars = f"${units / 1_000 * DOLLARS_PER_MILLION_READS:.2f}"
    assert all(dollars in (ROOT / name).read_text() for name in ("README.md", "docs/cost.md"))


def test_the_pause_is_computed_as_said() -> None:
    text = (ROOT / "docs/scale.md").read_text()
    said = re.search(r"take\s([\d,]+)\sµs\sof\sprocessor", text)
    assert said, "the time of a row"
    seconds = float(said[1].replace(",", "")) / 1e6

    for rows, shown in ((10**3, "1 thousand"), (10**4, "10 thousand"), (10**6, "1 million")):
        took = rows * seconds
        assert f"| {shown} | {took:.0f} s |" in text or f"| {shown} | {took / 60:.0f} min |" in text


# The rest -------------------------------------------------------------------------------------------------------------


def generated() -> str:
    """What `python -m tests.unit.test_docs` writes to docs/cli.md."""
    parser = typer.main.get_command(app)
    context = typer.Context(parser, info_name="remodel")
    return get_docs_for_click(obj=parser, ctx=context, name="remodel").strip() + "\n"


def test_the_reference_of_the_command_line_is_current() -> None:
    told = (ROOT / GENERATED).read_text()

    assert told == generated(), "run `.venv/bin/python -m tests.unit.test_docs`"


def test_every_verb_has_an_example_that_it_takes() -> None:
    examples = re.findall(r"^Example: (remodel .+)$", generated(), re.MULTILINE)

    assert len(examples) >= 8
    for example in examples:
        check(command(example))


def test_the_first_screen_says_what_was_not_shown() -> None:
    """Above the first heading after the title."""
    text = (ROOT / "README.md").read_text()

    first = text.split("\n## ")[0]
    assert "**It has never run on AWS itself.**" in first
    assert "**Terms of use.** The owner has not chosen them yet." in " ".join(first.split())
    assert len(text.splitlines()) <= 100


if __name__ == "__main__":
    (ROOT / GENERATED).write_text(generated())
