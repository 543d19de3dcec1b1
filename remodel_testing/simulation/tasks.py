"""Who calls the engine: streams, backfill, workers, sweepers, repair, replay, and resync; each a source of calls.

A task says whether a call of it may begin, what the call does, and what follows from its end. A call that was killed, failed,
or was taken for lost is made again, as Lambda, the queue, and the runner do.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any

from remodel import compare, converge, fanout, quarantine, replicate, resync
from remodel.backfill import backfill
from remodel.call import Call
from remodel.hints import Hint
from remodel.segments import Segment
from remodel.store import INDEX, QUARANTINE
from remodel_testing.simulation.cutover import Operator

if TYPE_CHECKING:
    from remodel_testing.simulation.run import Run
    from remodel_testing.simulation.scene import Running

Body = Callable[[Call], Any]

FOREVER = 9e15

REFUSED = 3
"""Refusals after which somebody follows them."""


class End(Enum):
    DONE = "done"
    FAILED = "failed"
    FENCED = "fenced"
    KILLED = "killed"


class Task:
    """`most`: calls of it at the same time."""

    most = 1

    def __init__(self, run: Run, name: str) -> None:
        self.run, self.name = run, name
        self.calls: list[Running] = []
        self.failures = 0
        self.held = False

    def has_work(self) -> bool:
        raise NotImplementedError

    def begin(self) -> Body:
        raise NotImplementedError

    def ended(self, running: Running, end: End) -> None:
        """The call has ended; `running.value` is what it answered."""


class StreamTask(Task):
    """A shard, or a part of one that Lambda reads in parallel. `at`: the checkpoint, which survives a kill."""

    def __init__(self, run: Run, table: str, lane: int) -> None:
        super().__init__(run, f"stream {table}/{lane}")
        self.table, self.lane = table, lane
        self.records: list[Any] = []
        self.at = 0

    def takes(self, table: str, text: str) -> bool:
        return table == self.table and zlib.crc32(text.encode()) % self.run.world.lanes == self.lane

    def has_work(self) -> bool:
        return self.run.desk.on and self.is_behind()

    def is_behind(self) -> bool:
        return self.at < len(self.records)

    def begin(self) -> Body:
        first = self.at
        records = self.records[first : first + self.run.chance.number(1, self.run.world.batch)]
        numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
        self.run.tell(f"{self.name} receives {', '.join(number[-3:] for number in numbers)}")

        def body(call: Call) -> int:
            failed = replicate.replicate(call, self.table, self.table, {"Records": records}).failed
            return first + (len(records) if failed is None else numbers.index(failed))

        return body

    def ended(self, running: Running, end: End) -> None:
        if end is End.DONE:
            self.failures = self.failures + 1 if running.value == self.at else 0
            self.at = max(self.at, running.value)
        elif end is End.KILLED and self.run.may_rewind():
            self.at = max(0, self.at - self.run.chance.number(1, 2))


class BackfillTask(Task):
    def __init__(self, run: Run, table: str, number: int, before: Sequence[BackfillTask]) -> None:
        super().__init__(run, f"backfill {table}/{number}")
        self.table, self.number, self._before = table, number, before
        self.most = 2 if run.world.twins else 1
        self.cursor: str | None = None
        self.done, self.age = False, 0

    def start_again(self) -> None:
        self.cursor, self.done, self.age = None, False, self.age + 1

    def has_work(self) -> bool:
        if self.done or not all(each.done for each in self._before):
            return False
        return not self.calls or self.run.may_twin(self.name)

    def begin(self) -> Body:
        segment = Segment(self.table, self.number, self.run.world.segments, self.cursor)
        stop_at, age = self.run.stop_at(), self.age

        def body(call: Call) -> Any:
            made = self._work(call, segment, stop_at)
            return age, segment.cursor, made.cursor, made.done

        return body

    def _work(self, call: Call, segment: Segment, stop_at: float) -> Any:
        return backfill(call, segment, stop_at)

    def ended(self, running: Running, end: End) -> None:
        if end is not End.DONE:
            return
        age, start, cursor, done = running.value
        if age == self.age and start == self.cursor and not self.done:
            self.cursor, self.done = cursor, done


class WalkTask(BackfillTask):
    """Resync of the index or of quarantine."""

    def __init__(self, run: Run, table: str, before: Sequence[BackfillTask]) -> None:
        super().__init__(run, table, 0, before)
        self.name = f"resync {table}"

    def _work(self, call: Call, segment: Segment, stop_at: float) -> Any:
        return resync.resync(call, Segment(self.table, 0, 1, segment.cursor), stop_at)


class SweepTask(Task):
    """`older_than`: where the harness hides the notes of calls that live, any age is old enough."""

    most = 2

    def has_work(self) -> bool:
        return self.run.has_dead_notes()

    def begin(self) -> Body:
        life = self.run.world.life
        older_than = 0.0 if life is None else life + self.run.LATEST
        return lambda call: converge.sweep(call, older_than)


class WorkerTask(Task):
    """The workers of pending fan-outs; two may hold one message."""

    most = 2

    def __init__(self, run: Run) -> None:
        super().__init__(run, "worker")
        self.holding: dict[int, str] = {}

    def has_work(self) -> bool:
        waiting = self.run.queue.waiting
        return bool(waiting) and (len(self.calls) < 1 or len(waiting) > 1 or self.run.may_twin(self.name))

    def begin(self) -> Body:
        name, stop_at = self.run.chance.one_of(self.run.queue.waiting), self.run.stop_at()

        def body(call: Call) -> str:
            if not fanout.work(call, name, stop_at):
                self.run.queue.send(name)
            return name

        return body

    def ended(self, running: Running, end: End) -> None:
        waiting = self.run.queue.waiting
        if end is End.DONE and running.value in waiting and not self.run.may_rewind():
            waiting.remove(running.value)


class StalledTask(Task):
    """What the sweep's function does for pending fan-outs that nobody advances."""

    def has_work(self) -> bool:
        return bool(self.run.pending) and not self.run.queue.waiting and not self.run.is_working("worker")

    def begin(self) -> Body:
        stop_at = self.run.stop_at()
        return lambda call: converge.serve_stalled(call, stop_at)


class RepairTask(BackfillTask):
    """A comparison of one table that repairs; as whoever asked for it would, once more where it failed."""

    def __init__(self, run: Run, table: str, name: str, before: Sequence[BackfillTask] = ()) -> None:
        super().__init__(run, table, 0, before)
        self.name = name

    def _work(self, call: Call, segment: Segment, stop_at: float) -> Any:
        confirm = self.run.chance.happens(0.5)
        return compare.compare(call, Segment(self.table, 0, 1, segment.cursor), stop_at, True, confirm)


class ReplayTask(Task):
    def __init__(self, run: Run, name: str) -> None:
        super().__init__(run, name)
        self._done = False

    def has_work(self) -> bool:
        return not self._done

    def begin(self) -> Body:
        return lambda call: quarantine.replay(call, [Hint(each.row) for each in quarantine.held(call)])

    def ended(self, running: Running, end: End) -> None:
        self._done = self._done or end is End.DONE


class OperatorTask(Task):
    """One of two who type `cutover`. `left`: how often; where a fence has been left over the old model, once more."""

    def __init__(self, run: Run, name: str) -> None:
        super().__init__(run, name)
        self.operator: Operator | None = None
        self.left = 2 * run.world.cutovers

    def has_work(self) -> bool:
        run = self.run
        if self.calls or run.changed < len(run.world.changes) - run.world.held:
            return False
        if run.fenced and not run.owned:
            return self.left > 0 or not run.operating()
        return self.left > 0 and (run.owned or (run.is_open() and not run.is_behind()))

    def begin(self) -> Body:
        operator = self.operator = Operator(self.run.desk)
        self.left -= 1
        return lambda _: operator.cut_over()

    def ended(self, running: Running, end: End) -> None:
        if end is End.DONE and running.value is not None:
            self.run.cut_over(running.value)


class RollbackTask(OperatorTask):
    def has_work(self) -> bool:
        return not self.calls and (self.run.owned or self._is_asked_for())

    def _is_asked_for(self) -> bool:
        """Whether a fence stands over the old model that no cutover takes up: a request to set it came from a rollback that was
        taken over long before. Who is refused again and again types what the refusal says."""
        run = self.run
        return (
            run.fenced
            and not run.operating()
            and all(each.left < -REFUSED for each in run.operators if each is not self)
        )

    def begin(self) -> Body:
        operator = self.operator = Operator(self.run.desk)
        return lambda _: operator.roll_back()

    def ended(self, running: Running, end: End) -> None:
        if end is End.DONE and running.value:
            self.run.returned()


WALKED = (INDEX, QUARANTINE)
