"""From the gate to the flip: the application pauses, everything is proved to have arrived, and the fence is set.

The proofs come from the streams and from the index. Own readers at the tips of the streams show that the application is quiet.
What they read is compared with everything that it affects, so a change that no function has processed is a difference. The
functions go on reading the streams all the while, because behind the fence nothing could be finished. What their calls have
touched since the last complete comparison is compared as well: the notes say what that was. Most of it is compared before the
pause, in rounds of which each leaves less to the next one. So the pause depends on how fast the application writes, and neither
on how large the tables are nor on how long ago they were compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain

from remodel import fence
from remodel.call import Call, when
from remodel.compare import touched
from remodel.converge import OLDER_THAN
from remodel.fanout import affected, pending
from remodel.findings import Report
from remodel.hints import Hint
from remodel.notes import ended, open_notes
from remodel.notes import touched as noted
from runner.calls import call
from runner.comparison import Asked, both_ways, compare
from runner.errors import NotReady
from runner.gate import LAG
from runner.legible import shortened
from runner.pace import SEGMENTS
from runner.watch import Tell
from runner.world import Tips, World

QUIET = 5.0
"""Seconds without a record after which the application counts as quiet; a record reaches the stream within a second."""

LOOK = 0.5
"""Seconds between two looks at the tips."""

ASKED = 900.0
"""Seconds that the application is given to pause."""

ROUNDS = 5
"""Rounds before the pause at most."""

DRAIN = 60.0
"""Seconds of pause for what the application wrote last to reach the new tables. A call that dies then leaves a note that has no
owner only after a quarter of an hour: too long for a pause, so the cutover is given up and typed again later."""


@dataclass(frozen=True, slots=True)
class HandedOver:
    """`quiet`: when the application's last change was seen, or it was asked to pause, in seconds since the epoch. `compared`:
    old rows that were looked at during the pause."""

    quiet: float
    compared: int


def hand_over(world: World, tips: Tips, since: float, tell: Tell) -> HandedOver:
    """`since`: when the last complete comparison began. On its return the fence is set, and all is the same in both models.
    Raises NotReady, CallFailed and LeaseLost."""
    # A call stores its note before it writes: one that ran when the comparison began may have been noted before.
    since -= OLDER_THAN
    _cover_what_was_before(world, tell)
    known = _rehearse(world, since, tips, tell)
    tell(f"the pause will take about {QUIET + fence.BOUND + known.took + 2 * LOOK:.0f} s")
    tell(
        f"pause the application's writes to the old tables now; waiting up to {ASKED:.0f} s for {QUIET:.0f} s without one"
    )
    quiet, last = _quiet(world, tips)
    hints = [*known.hints, *last]
    tell("the application is quiet; waiting until its last changes have arrived")
    _drain(world, hints)
    tell(f"setting the fence; no call writes any more {fence.BOUND:.0f} s from now")
    world.journal.check()
    world.call().set_fence(when(world.clock.now()))
    world.clock.sleep(fence.BOUND)
    if left := unfinished(world.call()):
        raise NotReady(f"expected nothing to be under way behind the fence, found {left}: cut over again")
    tell("comparing what was touched meanwhile")
    compared = _compare(world, since, known, hints)
    _still_quiet(tips)
    return HandedOver(quiet, compared)


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """`known`: parts of notes that need not be compared in the pause, since their calls had ended and their rows were right
    after it. They are known by name, because the clock of this machine is not Lambda's. `hints`: what the tips have read and
    is to be compared still. `took`: seconds of the last round."""

    known: frozenset[str] = frozenset()
    hints: tuple[Hint, ...] = ()
    took: float = 0.0


def _cover_what_was_before(world: World, tell: Tell) -> None:
    """The tips show what is written after they were opened. How late the streams were read before that is measured, and known a
    while later. Raises NotReady."""
    if wait := max((each.late for each in world.readers.look()), default=0.0):
        tell(f"waiting {wait:.0f} s until it is known that all before has been read; the application goes on writing")
        world.clock.sleep(wait)
    lags = {each.source: each.lag for each in world.readers.look() if not each.blind}
    if behind := ", ".join(name for name, lag in lags.items() if lag is None or lag > LAG):
        raise NotReady(
            f"expected every stream to be read within {LAG:.0f} s, found {behind} later than that: cut over again"
        )


def _rehearse(world: World, since: float, tips: Tips, tell: Tell) -> Rehearsed:
    """Compares what was touched while the application still writes, until a round is short. What differs is compared again."""
    tell("comparing in advance what was touched since the last complete comparison; the application goes on writing")
    done = Rehearsed()
    for _ in range(ROUNDS):
        done = _round(world, since, tips, done)
        if done.took < QUIET or not _all_is_noted(world):
            break
    return done


def _round(world: World, since: float, tips: Tips, before: Rehearsed) -> Rehearsed:
    it, began = world.call(OLDER_THAN), world.clock.now()
    hints = list(affected(it, [*before.hints, *tips.read()]))
    parts = _parts(it, since, before)
    over = ended(it, parts)
    differing = _touched(world, parts, hints).differing
    right = {part for part in over if differing.isdisjoint(hint.key for hint in parts[part])}
    left = tuple(hint for hint in hints if hint.key in differing)
    return Rehearsed(before.known | right, left, world.clock.now() - began)


def _parts(it: Call, since: float, rehearsed: Rehearsed) -> dict[str, list[Hint]]:
    return {part: hints for part, hints in noted(it, since).items() if part not in rehearsed.known}


def _quiet(world: World, tips: Tips) -> tuple[float, list[Hint]]:
    """When the last change was seen, and all that were. Raises NotReady."""
    began = last = world.clock.now()
    hints: list[Hint] = []
    while world.clock.now() - last < QUIET:
        if found := tips.read():
            hints, last = [*hints, *found], world.clock.now()
        if world.clock.now() - began > ASKED:
            raise NotReady(
                f"expected the application to pause its writes to the old tables within {ASKED:.0f} s, found that it still "
                f"writes ({_few(hints[-5:])}): pause it everywhere, then cut over again"
            )
        world.clock.sleep(LOOK)
    return last, hints


def _drain(world: World, hints: list[Hint]) -> None:
    """Until nothing is under way and what the tips have read is in the new tables. Raises NotReady."""
    deadline = world.clock.now() + DRAIN
    while left := unfinished(world.call()) or _differs(touched(world.call(), affected(world.call(), hints))):
        if world.clock.now() > deadline:
            raise NotReady(
                f"expected the last changes to have arrived within {DRAIN:.0f} s, found {left}: see the functions' logs, then "
                "cut over again"
            )
        call(world, "Sweep")
        world.clock.sleep(LOOK)


def unfinished(it: Call) -> str:
    """What is under way, as a person reads it; empty for nothing."""
    notes, fanouts = len(open_notes(it)), len(pending(it))
    return f"{notes} open notes and {fanouts} pending fan-outs" if notes or fanouts else ""


def _compare(world: World, since: float, known: Rehearsed, hints: list[Hint]) -> int:
    """How many old rows. Raises NotReady where any differs."""
    it = world.call(OLDER_THAN)
    found = _touched(world, _parts(it, since, known), affected(it, hints))
    if told := _differs(found):
        raise NotReady(
            f"expected both models to say the same behind the fence, found {told}: `remodel validate --full`"
        )
    return found.rows.total()


def _all_is_noted(world: World) -> bool:
    """Lookups whose streams are not connected leave no notes."""
    return set(world.sources) >= set(world.model.order)


def _touched(world: World, parts: Mapping[str, list[Hint]], hints: Iterable[Hint]) -> Report:
    """Where not all is noted, everything is compared; then any row may be what differs."""
    if _all_is_noted(world):
        return touched(world.call(OLDER_THAN), [*chain(*parts.values()), *hints])
    found = compare(world, Asked("cutover", both_ways(world)), SEGMENTS)
    report = Report(examples=found.examples)
    report.counts.update(found.counts)
    report.rows.update(found.rows)
    if _differs(report):
        report.differing.update(hint.key for hint in hints)
    return report


def _differs(found: Report) -> str:
    wrong = found.drift + found.counts["claims"]
    shown = ", ".join(f"{each['what']} {each['table']} {each['key']}" for each in found.examples[:5])
    return f"{wrong} rows that differ ({shown})" if wrong else ""


def _still_quiet(tips: Tips) -> None:
    if found := tips.read():
        raise NotReady(
            f"expected the application to write nothing to the old tables during the pause, found that it wrote "
            f"{_few(found)}: pause it everywhere, then cut over again"
        )


def named(hints: list[Hint]) -> list[str]:
    """Table and key of each row."""
    return list(dict.fromkeys(f"{hint.key.table} {shortened(hint.key.text)}" for hint in hints))


def _few(hints: list[Hint]) -> str:
    names = named(hints)
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
