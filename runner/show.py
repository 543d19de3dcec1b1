"""Answers as a person reads them: tables and sentences, which turn plain where the output is not a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from time import sleep
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from runner.figures import count, duration, moment, number, time
from runner.legible import Excerpt, legible, plain, shortened, side_by_side
from runner.tables import Cell, Facts, Table

if TYPE_CHECKING:
    from pathlib import Path

    from remodel.backfill import Kinds
    from remodel.streams import Gap
    from runner.backfill import Backfilled
    from runner.check import Check
    from runner.forecast import Use
    from runner.journal import Step
    from runner.plan import Plan
    from runner.status import Status
    from runner.validate import Validation

EXAMPLES, FIELDS, SHOWN = 5, 3, 60
"""How many differences a validation shows on the screen, fields of each, and characters of a value; the report has more."""

CLAIMS = 20
"""Keys that a plan shows; all of them are in the JSON."""

SHOWN_CHECKS = 5
"""Of a status: what stops the next steps."""

WATCHED = 2.0
"""Seconds between two looks of `status --watch`."""


@cache
def console() -> Console:
    return Console(highlight=False)


def lines(*told: str, style: str = "") -> None:
    """Each wrapped at words on a terminal, and whole elsewhere, so that it can be searched and copied."""
    for each in told:
        console().print(Text(legible(each), style), soft_wrap=not console().is_terminal)


def rows(title: str, columns: tuple[str, ...], cells: Sequence[Sequence[Cell]], *told: str) -> None:
    """A table, and sentences below it."""
    console().print(Table(title, columns, cells))
    lines(*told)


def plan(found: Plan) -> None:
    counts = [
        (name, rows, found.read[name], sum(found.refused.get(name, {}).values())) for name, rows in found.tables.items()
    ]
    spread, cost = found.fanout, found.forecast
    told = {
        "fan-out": f"{count(spread.links, 'row')} that others are linked to, in {count(spread.groups, 'group')}: median "
        f"{number(spread.median)}, 90 % up to {number(spread.p90)}, 99 % up to {number(spread.p99)}, at the most "
        f"{number(spread.most)}",
        "writes": f"{count(cost.new_rows, 'new row')}; {number(cost.index_units)} units for the index, "
        f"{number(cost.new_units)} for the new tables",
        "reads": "; ".join(f"{_use(each)} of {name}" for name, each in cost.reads.items()),
        "cost": f"${cost.dollars:,.2f} ({found.prices})",
        "duration": f"{duration(cost.seconds)} at {number(cost.rate.units)} write units a second ({cost.rate.why})",
        "lookups": found.lookups,
    }
    refused = [(name, n, why) for name, whys in found.refused.items() for why, n in whys.items()]
    console().print(Table(f"plan for stage {found.stage}", ("table", "rows", "read", "rejected of these"), counts))
    console().print(Facts(told))
    if refused:
        rows("rejected", ("table", "rows", "reason"), refused)
    if found.claims:
        claims = [(each.new.table, shortened(each.new.text), _and(each.rows)) for each in found.claims[:CLAIMS]]
        rows("keys that several rows claim", ("table", "key", "rows"), claims)
    checks("readiness", found.checks)


def _use(found: Use) -> str:
    capacity = "on demand" if found.capacity is None else f"{number(found.capacity)} a second are provisioned"
    return f"{number(found.units)} units ({capacity})"


def backfilled(done: Backfilled) -> None:
    figures = ("scanned", "written", "quarantined", "units")
    cells = [
        (name, *(round(each[figure]) for figure in figures), done.drift.get(name, ""))
        for name, each in done.tables.items()
    ]
    rows("backfilled", ("table", "rows", "written", "rejected", "write units", "differ"), cells)
    for each in _by_kind(done.kinds):
        console().print(each)


def _by_kind(found: Mapping[str, Kinds]) -> list[Table]:
    """What a backfill has counted; no table where none has several kinds."""
    columns = ("table", "kind", "rows", "written", "rejected")
    cells = [
        (table, kind, each["scanned"], each["written"], each["quarantined"])
        for table, kinds in found.items()
        for kind, each in kinds.items()
    ]
    return [Table("backfilled by kind", columns, cells)] if cells else []


def status(found: Status) -> RenderableType:
    cells = [
        (
            each.table,
            each.rows,
            each.backfilled,
            each.scanned,
            each.reader,
            "unknown" if each.lag is None else duration(each.lag),
            each.quarantined,
        )
        for each in found.tables
    ]
    columns = ("table", "rows", "backfill", "scanned", "stream", "lag", "quarantined")
    by_kind = _by_kind({each.table: each.kinds for each in found.tables})
    return Group(Table(f"stage {found.stage}", columns, cells), *by_kind, Facts(dict(_status(found))))


def _status(found: Status) -> Iterator[tuple[str, str]]:
    if found.gaps:
        yield "not read in time", f"{'; '.join(found.gaps)}: `remodel resync --execute`"
    oldest = f", the oldest for {duration(found.oldest_note)}" if found.notes else ""
    yield "open notes", number(found.notes) + oldest
    yield "pending fan-outs", number(found.fanouts)
    if found.large:
        yield "large groups", "; ".join(found.large)
    if found.compared:
        told = ((found.drift, "drift"), (found.unlinked, "unlinked"), (found.claims, "claims on one key"))
        yield "compared", ", ".join([time(found.compared), *(f"{number(n or 0)} {what}" for n, what in told)])
    else:
        yield "compared", "never, or not since the last rollback"
    yield "application reads", found.reads
    if found.fence:
        cut_over = found.milestones["cut over"]
        yield (
            "cut over" if cut_over else "fence",
            f"since {time(found.fence)}: nothing but the application writes a new row",
        )
    if found.uncovered:
        yield "since the rollback", "not covered: `remodel resync --execute`"
    yield "done", ", ".join(name for name, done in found.milestones.items() if done) or "nothing yet"
    if found.checks:
        yield "not ready", "; ".join(f"{each.name}: {each.found}" for each in found.checks[:SHOWN_CHECKS])
    yield "lookups", found.lookups
    yield "rate", found.rate
    yield "last step", found.last_step


def validation(done: Validation, page: Path) -> None:
    cells = [(Text("ok") if each.passed else Text("FAILED", "red"), each.name, each.told) for each in done.checks]
    rows("validation", ("result", "check", "found"), cells)
    if done.since:
        lines(
            f"the application owns the new tables since {time(done.since)}: they are compared with what follows from the old "
            "tables, so what it has written since then differs, and nothing is repaired"
        )
    if done.examples:
        columns = ("difference", "table", "key", "field", "expected", "found")
        rows("examples", columns, [row for each in done.examples[:EXAMPLES] for row in _example(each)])
    if done.repaired:
        lines(f"repaired: {count(done.repaired, 'new row')}")
    lines(f"report: {page}")


def _example(each: Mapping[str, Any]) -> Iterator[Sequence[Cell]]:
    head = (each["what"], each["table"], shortened(each["key"]))
    if each["others"]:
        wanted, rows = (
            ("one old row", [each["origin"]]) if each["what"] == "claims" else ("rows that belong with it", [])
        )
        yield (*head, "", wanted, _and((*rows, *each["others"])))
    fields = list(each["fields"].items())[:FIELDS]
    for name, both in fields:
        expected, found = side_by_side(both["expected"], both["found"])
        yield (*head, name, _brief(expected), _brief(found))
    if not fields and not each["others"]:
        yield (*head, "", "", "")


def _and(found: Iterable[Sequence[str]]) -> str:
    return " and ".join(f"{table} {shortened(key)}" for table, key in found)


def _brief(value: Excerpt) -> str:
    text = shortened(value.alike[-SHOWN // 3 :] + value.differs + value.alike_again, SHOWN)
    return f"{value.kind} {text}" if value.kind else "nothing"


def checks(title: str, found: Iterable[Check]) -> None:
    cells = [(Text(each.state, "red" if each.stops else ""), each.name, each.found, each.remedy) for each in found]
    rows(title, ("", "check", "found", "to do"), cells)


def gate(found: Iterable[Check], effect: str) -> None:
    checks("gate", found)
    lines(effect)


def gaps(found: Iterable[Gap], effect: str) -> None:
    cells = [(each.source, time(each.since), time(each.until), each.reason) for each in found]
    rows("gaps to be covered", ("stream", "read until", "read again from", "reason"), cells, effect)


def rejected(found: Mapping[str, Any]) -> None:
    told = {
        "table": found["source"],
        "id": shortened(found["id"]),
        "since": time(found["seen"]),
        "reason": found["reason"],
    }
    console().print(Facts(told))
    if (image := found["image"]) is None:
        lines("the old table no longer has this row")
        return
    cells = [
        (shortened(name), kind, shortened(value)) for name in sorted(image) for kind, value in [plain(image[name])]
    ]
    rows("the row as it is now", ("attribute", "type", "value"), cells)


def held(found: Iterable[Mapping[str, str]]) -> None:
    cells = [
        (each["source"], each["kind"], shortened(each["id"]), time(each["seen"]), each["reason"]) for each in found
    ]
    rows("quarantine", ("table", "kind", "id", "since", "reason"), cells)


def replayed(said: Mapping[str, Any], batches: bool) -> None:
    if "would_replay" in said:
        what = ("batch", "batches") if batches else ("row", "rows")
        lines(f"would replay {count(said['would_replay'], *what)}")
        return
    of = f" from {count(said['batches'], 'batch', 'batches')}" if batches else ""
    lines(f"{count(said['corrected'], 'row')} corrected{of}, {number(len(said['rejected']))} still rejected")
    if said["rejected"]:
        cells = [(*shortened(key).split(" ", 1), reason) for key, reason in said["rejected"].items()]
        rows("still rejected", ("table", "id", "reason"), cells)


def live(found: Status, look: Callable[[], Status]) -> None:
    """Shown with the next command, and renewed until Ctrl-C."""
    with Live(console=console(), auto_refresh=False) as shown:
        while True:
            shown.update(Group(status(found), f"next: {found.next}"), refresh=True)
            sleep(WATCHED)
            found = look()


TOLD = {
    "backup": ("backups",),
    "prepare": ("done",),
    "backfill": ("tables", "drift"),
    "validate": ("drift", "repaired", "quarantined"),
    "resync": ("written", "repaired", "gaps"),
    "cutover": ("flag",),
    "rollback": ("cleared", "flag", "added", "changed", "removed"),
    "finish": ("removed",),
    "quarantine replay": ("corrected", "rejected", "batches"),
}
"""Which facts of a step stand in its line."""


def log(stage: str, steps: Iterable[Step]) -> None:
    cells = [
        (
            time(each.began, "%Y-%m-%d %H:%M"),
            each.verb.split()[-1],
            each.outcome or "not ended",
            _took(each),
            each.by.split("@")[0][:12],
            each.facts.get("problem") or ", ".join(_facts(each)),
        )
        for each in steps
    ]
    columns = ("when (UTC)", "step", "outcome", "took", "by", "facts")
    console().print(Table(f"log of stage {stage}", columns, cells, cropped=True))


def _took(step: Step) -> str:
    began, ended = moment(step.began), moment(step.ended)
    return duration((ended - began).total_seconds()) if began and ended else ""


def _facts(step: Step) -> Iterator[str]:
    for name in TOLD.get(step.verb, ()):
        match step.facts.get(name):
            case int(amount):
                yield f"{number(amount)} {name}"
            case str(word):
                yield f"{name} {word}"
            case dict(amounts) if amounts and all(isinstance(each, int) for each in amounts.values()):
                yield f"{number(sum(amounts.values()))} {name}"
            case dict(several) | list(several) if several:
                yield f"{number(len(several))} {name}"
