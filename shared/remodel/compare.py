"""Comparison: do the new tables say what the old ones make expect? In parts, with the memory of a page, resumable.

A part of an old table is compared forward: are the new rows of a page of old rows there, and equal? A part of a new table is
compared backward: is each new row expected by an old row? A difference counts if it is still there at every further look,
when the streams had time to bring the change. What is expected comes from the same functions as everything that is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from remodel import claims, index, mapping, newkeys, reading
from remodel.call import Call
from remodel.converge import converge, remove_orphan
from remodel.errors import BadRequest, Unavailable
from remodel.findings import DRIFT, EXAMPLES, Finding, Report, fields
from remodel.hints import NONE, Hint, merge
from remodel.index import SetKey
from remodel.items import Item
from remodel.joins import Bound, Group
from remodel.keys import Key
from remodel.mapping import Expected, Snapshot
from remodel.materialize import PAIRS, weight_of
from remodel.segments import Segment
from remodel.store import QUARANTINE

PAGE = 500
"""Rows of a page."""

CONFIRM = 5.0
"""Seconds between two looks at a difference: what a stream and its function take to bring a change."""

LOOKS = 3
"""Further looks at a difference: the last one after 15 seconds, which is as late as the gate of a cutover lets a stream be."""


def tables(call: Call) -> tuple[str, ...]:
    """All tables of a complete comparison: those of the old model whose rows are migrated or indexed, then the new ones."""
    live = [name for name in call.model.order if name in call.place.live]
    return (*live, *call.model.new_tables, QUARANTINE)


def compare(call: Call, part: Segment, stop_at: float, repair: bool = False, confirm: bool = True) -> Report:
    """Page after page until the segment ends or the clock passes `stop_at`. Raises BadRequest, Unavailable, and Fenced."""
    if part.table not in tables(call):
        raise BadRequest(f"expected table to be one of {', '.join(tables(call))}, found {part.table!r}")
    report = Report(cursor=part.cursor)
    while not report.done and (not report.rows or call.now() < stop_at):
        try:
            page = call.scan(part.table, (part.number, part.total), report.cursor, PAGE)
            keys = [Key(part.table, call.store.schema(part.table).encode(item)) for item in page.items]
            report.add(look(call, part.table, keys, confirm, repair))
        except Unavailable:
            if report.rows:
                break
            raise
        report.cursor, report.done = page.next, page.next is None
        report.rows[part.table] += 0
    return report


def look(call: Call, table: str, keys: Iterable[Key], confirm: bool = True, repair: bool = False) -> Report:
    """Compares the rows with these keys of one table."""
    wanted = list(keys)
    report, findings = _look(call, table, wanted)
    for _ in range(LOOKS if confirm else 0):
        if findings:
            call.place.clock.sleep(CONFIRM)
            findings = _still(call, table, findings)
    findings = _without_claims(call, findings)
    for each in findings:
        report.counts[each.what] += max(1, len(each.others))
    report.name(findings)
    if repair:
        for finding in (each for each in findings if each.what in DRIFT):
            _repair(call, finding)
            report.counts["repaired"] += 1
    return report


def _still(call: Call, table: str, findings: list[Finding]) -> list[Finding]:
    """Those that another look has, too."""
    suspects = [each.origin if each.origin and table in call.model.old_tables else each.new for each in findings]
    _, again = _look(call, table, list(dict.fromkeys(suspects)))
    known = {(each.what, each.new) for each in again}
    return [each for each in findings if (each.what, each.new) in known]


def _look(call: Call, table: str, keys: list[Key]) -> tuple[Report, list[Finding]]:
    report = Report(rows=Counter({table: len(keys)}))
    if table in call.model.old_tables:
        return report, list(_forward(call, dict.fromkeys(keys, NONE), report))
    return report, list(_backward(call, keys))


def touched(call: Call, hints: Iterable[Hint]) -> Report:
    """Compares what these hints could have touched, without a scan: their rows, and every key that these could have had."""
    report, every = Report(), list(merge(hints).values())
    for n in range(0, len(every), PAGE):
        report.add(_touched(call, {hint.key: hint.groups for hint in every[n : n + PAGE]}))
    return report


def _touched(call: Call, wanted: Mapping[Key, frozenset[Group]]) -> Report:
    report = Report(rows=Counter(key.table for key in wanted))
    findings = _without_claims(call, _forward(call, wanted, report, whole=True), named=True)
    claiming = _claiming(call, [each for each in findings if each.what == "orphaned"])
    findings = [each for each in findings if each.what != "orphaned" or not _others(each, claiming)]
    report.counts.update(each.what for each in findings)
    report.differing.update(each.origin for each in findings if each.origin)
    report.name(findings)
    return report


def _forward(
    call: Call, wanted: Mapping[Key, frozenset[Group]], report: Report, whole: bool = False
) -> Iterator[Finding]:
    """Old rows: their new rows, their membership in the index, and what is counted of them. `whole`: also the keys that they
    could have had, and rows that are gone."""
    snapshots = reading.read(call, wanted)
    present = {key: each for key, each in snapshots.items() if each.item is not None or whole}
    yield from _unindexed(call, present)
    report.counts["uniqueness_violations"] += _not_unique(call, present)
    step: list[_Wanted] = []
    room = PAIRS
    for key, snapshot in present.items():
        want, weight = mapping.expected(call.model, key, snapshot), weight_of(snapshot.item)
        _count(key, want, report)
        rows: dict[Key, Item | None] = dict(want.rows)
        if whole:
            possible = {mapping.quarantine_key(key), *newkeys.possible_keys(call.model, key, snapshot, wanted[key])}
            rows |= dict.fromkeys(possible - rows.keys())
        news, at_once = list(rows.items()), max(1, PAIRS // weight)
        for n in range(0, len(news), at_once):
            step.append(_Wanted(key, dict(news[n : n + at_once])))
            room -= len(step[-1].rows) * weight
            if room <= 0:
                yield from _differences(call, step)
                step, room = [], PAIRS
    yield from _differences(call, step)


def _count(key: Key, want: Expected, report: Report) -> None:
    if want.apart and len(report.apart) < EXAMPLES:
        report.apart.append(Finding("tenant_violations", key, key, others=want.apart))
    report.counts["unlinked"] += want.unlinked
    report.counts["quarantined"] += want.reason is not None and bool(want.rows)
    report.counts["tenant_violations"] += len(want.apart)
    report.counts["ambiguous_lookups"] += want.ambiguous
    report.counts["left_out"] += want.left_out
    report.counts["expected"] += len(want.rows)


class _Wanted(NamedTuple):
    """Some of the new keys of an old row, and what should be under each; None for nothing."""

    row: Key
    rows: Mapping[Key, Item | None]


def _differences(call: Call, step: Sequence[_Wanted]) -> Iterator[Finding]:
    found = call.read(new for wanted in step for new in wanted.rows)
    yield from _contested(call, step, found)
    for row, news in step:
        for new, item in news.items():
            if item is None:
                if new in found:
                    yield Finding("orphaned", new, row, None, found[new])
            elif new not in found:
                yield Finding("missing", new, row, item)
            elif fields(item, found[new]):
                yield Finding("different", new, row, item, found[new])


def _contested(call: Call, step: Sequence[_Wanted], found: Mapping[Key, Item]) -> Iterator[Finding]:
    """Shared keys that some other row has as its own key: the new row there names only one of the two."""
    wanted = {
        new: (row, item)
        for row, news in step
        for new, item in news.items()
        if item is not None and newkeys.is_contested(call.model, row, new)
    }
    known = claims.remembered(call, wanted)
    for new, (key, item) in wanted.items():
        others = known.get(new, set())
        if new in found and fields(item, found[new]):
            others |= claims.member_origins(call, {new: found[new]})[new]
        others = others - newkeys.origins(call.model, new, None)
        if claiming := claims.expected_by(call, {new: others}).get(new):
            yield Finding("claims", new, key, others=tuple(sorted(claiming)))


def _unindexed(call: Call, snapshots: Mapping[Key, Snapshot]) -> Iterator[Finding]:
    """Rows that the index does not know as members of their groups: changes of the other side would not reach them."""
    items: dict[Key, Key] = {}
    sets: dict[SetKey, list[Key]] = {}
    for key, snapshot in snapshots.items():
        kind = snapshot.parsed.kind
        for group in snapshot.groups if kind else ():
            assert kind is not None
            if group.name in call.model.plans[kind].provider_names:
                sets.setdefault(SetKey(group, kind), []).append(key)
            else:
                items[index.member_key(group, kind, key)] = key
    there = call.read(items)
    known = index.read_sets(call, sets)
    yield from (Finding("unindexed", member, row) for member, row in items.items() if member not in there)
    for each, rows in sets.items():
        texts = known[each].texts
        yield from (Finding("unindexed", each.part(0), row) for row in rows if row.text not in texts)


def _not_unique(call: Call, snapshots: Mapping[Key, Snapshot]) -> int:
    """Rows that repeat what a row with a smaller key of the same group has: one a repetition, whatever the pages."""
    asked: list[tuple[Key, Any, Bound, SetKey]] = []
    for key, snapshot in snapshots.items():
        kind, row = snapshot.parsed.kind, snapshot.parsed.row
        for join in call.model.plans[kind].unique if kind and row is not None else ():
            group = join.group(join.provider_value(row))
            if group is not None and kind is not None:
                asked.append((key, row, join, SetKey(group, kind)))
    sets = index.read_sets(call, [each for *_, each in asked])

    def identities(key: Key, item: Item) -> dict[Bound, Any]:
        kind, row, *_ = mapping.parse(call.model, key, item)
        return (
            {join: _identity(join, row) for join in call.model.plans[kind].unique} if kind and row is not None else {}
        )

    known = call.read_as(identities, dict.fromkeys(member for each in sets.values() for member in each.keys))
    return sum(
        any(m < key and known.get(m, {}).get(join) == _identity(join, row) for m in sets[each].keys)
        for key, row, join, each in asked
    )


def _identity(join: Bound, row: Any) -> tuple[Any, ...]:
    return join.provider_value(row), *(getattr(row, name) for name in join.join.unique)


def _backward(call: Call, keys: list[Key]) -> Iterator[Finding]:
    """New rows: whether an old row expects them, and whether several do."""
    stored = call.read(keys)
    left = dict(stored)
    for origins in (claims.member_origins, _by_key):
        for new, claiming in claims.expected_by(call, origins(call, left)).items():
            first, *others = sorted(claiming)
            if others:
                yield Finding("claims", new, first, found=left[new], others=tuple(others))
            del left[new]
    yield from (Finding("orphaned", new, None, None, item) for new, item in left.items())


def _by_key(call: Call, left: Mapping[Key, Item]) -> dict[Key, set[Key]]:
    return {new: newkeys.origins(call.model, new, item) for new, item in left.items()}


Claiming = Mapping[Key, Mapping[Key, Item]]
"""By new key, the old rows that expect it, and what each expects there."""


def _claiming(call: Call, findings: Iterable[Finding]) -> Claiming:
    """Who expects the stored new rows of these findings."""
    stored = {each.new: each.found for each in findings if each.found is not None and each.new.table != QUARANTINE}
    by_member, by_key = claims.member_origins(call, stored), _by_key(call, stored)
    return claims.expected_by(call, {new: by_key[new] | by_member[new] for new in stored})


def _others(finding: Finding, claiming: Claiming) -> dict[Key, Item]:
    """A key that an old row could have had is right as it is where another old row expects it."""
    return {row: want for row, want in claiming.get(finding.new, {}).items() if row != finding.origin}


def _without_claims(call: Call, findings: Iterable[Finding], named: bool = False) -> list[Finding]:
    """Without rows that are there as another old row wants them: no repair can serve both, and the backward comparison counts
    them. `named`: with them, once a key."""
    every, left = list(findings), dict[tuple[str, Key, Key | None], Finding]()
    claiming = _claiming(call, [each for each in every if each.what == "different"])
    for each in every:
        claimed = _claimed(each, claiming) if each.what == "different" else each
        if named or claimed is each:
            left.setdefault((claimed.what, claimed.new, None if claimed.others else claimed.origin), claimed)
    return list(left.values())


def _claimed(finding: Finding, claiming: Claiming) -> Finding:
    others, found = _others(finding, claiming), finding.found
    if found is None or all(fields(want, found) for want in others.values()):
        return finding
    return finding._replace(what="claims", others=tuple(sorted(others)))


def _repair(call: Call, finding: Finding) -> None:
    if finding.origin is not None:
        converge(call, [Hint(finding.origin)])
    elif finding.found is not None:
        remove_orphan(call, finding.new, finding.found)
