"""Operators: the product's cutover and its rollback, with what stands around them on a stage.

Played is what the verbs do from the gate on. The gate itself is a fact of the run here, since it reads what only AWS can tell;
and so are comparisons of whole tables, which the product drives side by side in threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from types import SimpleNamespace
from typing import Any, Protocol
from unittest.mock import patch

from remodel import compare, converge
from remodel.call import Place
from remodel.errors import Fenced, Unavailable
from remodel.findings import Report
from remodel.hints import Hint
from remodel.segments import Segment
from remodel_testing.simulation.parts import Killed, StepClock
from runner import cutover, handover, returned, rollback
from runner.check import Check, State
from runner.errors import Busy, CallFailed, LeaseLost, NotReady
from runner.journal import DONE, Step
from runner.world import OLD, Reader, World

REFUSALS = (NotReady, Busy, LeaseLost, CallFailed)


class Host(Protocol):
    """Where it all happens. `written`: every change of an old table, in order."""

    place: Place
    clock: StepClock
    written: list[Hint]

    def is_open(self) -> bool:
        """The gate."""

    def is_read(self) -> bool:
        """Whether a function on a stream is at work."""

    def is_behind(self) -> bool:
        """Whether a stream has records that no function has been given."""

    def sweep(self) -> None: ...

    def told(self, told: str) -> None: ...

    def flag_was_set(self, value: str, unread: list[Hint]) -> None:
        """`unread`: changes of the old tables that the operator has not seen."""


def _gate(world: Any, accepted: Any, thorough: bool = False) -> cutover.Gate:
    is_open = world.journal.host.is_open()
    return cutover.Gate([Check("gate", State.OK if is_open else State.BLOCKS, "", "", not is_open)], [])


def _compare(world: Any, asked: Any, segments: int) -> Any:
    """Everything, in one go."""
    call, report = world.call(converge.OLDER_THAN), Report()
    for table in compare.tables(call):
        report.add(compare.compare(call, Segment(table, 0, 1), 9e15, confirm=False))
    return report


PLAYED: list[tuple[Any, str, Any]] = [
    (cutover, "gate", _gate),
    (handover, "compare", _compare),
    (rollback, "what_is_new", lambda _: rollback.Back("", 0, 0, 0)),
]


@contextmanager
def played() -> Iterator[None]:
    with ExitStack() as stack:
        for target, name, value in PLAYED:
            stack.enter_context(patch.object(target, name, value))
        yield


class Desk:
    """What stands around the verbs of one stage: flag, journal, readers and functions, all in memory. `asked`: whether the
    application is to pause."""

    name = "the flag"
    must_resync = True

    def __init__(self, host: Host) -> None:
        self.host = host
        self.flag, self.on, self.asked = OLD, True, False
        self.holder: Operator | None = None
        self.notes: dict[str, dict[str, Any]] = {}
        compared = {"full": True, "compared": host.clock.START}
        self.done = [Step("validate", "", "", "0", "0", DONE, compared)]

    def look(self) -> list[Reader]:
        lag = 1e6 if self.host.is_behind() else 0.0
        return [Reader("every", self.on, lag, "", idle=not self.on and not self.host.is_read())]

    def switch(self, enabled: bool) -> None:
        self.on = enabled

    def invoke(self, name: str, payload: Mapping[str, Any]) -> Any:
        assert name == "Sweep"
        try:
            self.host.sweep()
        except (Unavailable, Fenced) as problem:
            raise CallFailed(str(problem)) from problem


def resynced(desk: Desk) -> None:
    """What a resync leaves behind, once a complete comparison has followed it."""
    if returned.BEGAN in desk.notes.get(returned.SUBJECT, {}):
        desk.notes[returned.SUBJECT][returned.RESYNCED] = desk.host.clock.now()


class Operator:
    """One who types a verb, as the verb sees it: a lease, and a place in the streams. `gone`: killed; `lost`: stopped for
    longer than the lease lasts."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.host = desk, desk.host
        self.gone = self.lost = self.asks = False
        self.read_to = 0
        nothing: Any = None
        one: Any = self
        around: Any = desk
        self.world = World(
            "dev", desk.host.place, nothing, {}, desk.invoke, around, one, one, nothing, nothing, self._at_the_tips
        )

    def cut_over(self) -> Any:
        """None where it is refused."""
        with suppress(*REFUSALS):
            return cutover.cutover(self.world, {}, self.tell)
        return None

    def roll_back(self) -> bool:
        with suppress(*REFUSALS):
            rollback.flip_back(self.world)
            return True
        return False

    def tell(self, told: str) -> None:
        self._lives()
        self.host.told(told)
        if told.startswith("pause"):
            self.asks = True

    def _lives(self) -> None:
        if self.gone:
            raise Killed

    # The tips

    def _at_the_tips(self) -> Any:
        self.read_to = len(self.host.written)
        return SimpleNamespace(read=self.read_tips)

    def read_tips(self) -> list[Hint]:
        found = self.host.written[self.read_to :]
        self.read_to = len(self.host.written)
        return found

    # The flag

    @property
    def name(self) -> str:
        return self.desk.name

    def read(self) -> str:
        return self.desk.flag

    def write(self, value: str) -> None:
        self.desk.flag = value
        self.host.flag_was_set(value, self.host.written[self.read_to :])

    # The journal

    @contextmanager
    def step(self, verb: str, *others: str) -> Iterator[dict[str, Any]]:
        """All verbs exclude each other. A lease runs out where its holder is killed, or is cut off for long."""
        holder = self.desk.holder
        if holder is not None and not (holder.gone or holder.lost):
            raise Busy("expected to be alone")
        self.desk.holder, facts = self, dict[str, Any]()
        try:
            yield facts
            self.desk.done.append(Step(verb, "", "", "1", "1", DONE, facts))
        finally:
            if self.desk.holder is self and not self.gone:
                self.desk.holder = None

    def check(self) -> None:
        self._lives()
        if self.desk.holder is not self:
            raise LeaseLost("expected to hold the lease still")

    def last_done(self, verb: str) -> Step | None:
        return next((each for each in reversed(self.desk.done) if each.verb == verb), None)

    def steps(self) -> list[Step]:
        return self.desk.done

    def recall(self, subject: str) -> dict[str, Any]:
        return dict(self.desk.notes.get(subject, {}))

    def remember(self, subject: str, name: str, facts: Any) -> None:
        self.desk.notes.setdefault(subject, {})[name] = facts

    def forget(self, subject: str, *names: str) -> None:
        for name in names or self.recall(subject):
            self.desk.notes.get(subject, {}).pop(name, None)
