"""The cutover and its rollback, as far as the fence is concerned: drain, fence, wait, verify, compare, flip; lift, resync.

The application writes nothing from before the drain to the flip. Then it owns the new tables, and what it does there is carried
back to the old ones at once, so that both say the same when the rollback comes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from remodel import compare, fence, notes
from remodel_testing.simulation import verdict

if TYPE_CHECKING:
    from remodel_testing.simulation.run import Run

RULES = frozenset({"drain", "bound", "verify", "lift", "resync"})


class Cutover:
    """`is_set`: the fence. `until`: the end of a wait."""

    rules = RULES

    def __init__(self, run: Run) -> None:
        self._run, self._left = run, run.world.cutovers
        self.is_set = self.flipped = False
        self.until = 0.0
        self._stays = 0

    def is_ready(self) -> bool:
        run = self._run
        if self.flipped:
            return True
        if self.is_set:
            return run.clock.time >= self.until
        if not self.pauses():
            return False
        return self._quiet() if "drain" in self.rules else True

    def pauses(self) -> bool:
        """Whether the application pauses its writes; what is `held` it does after the cutovers."""
        run = self._run
        return self._left > 0 and run.changed >= len(run.world.changes) - run.world.held

    def waits(self) -> bool:
        return self.is_set and not self.flipped

    def _quiet(self) -> bool:
        run = self._run
        return run.drained and not run.owners and not run.pending and not run.queue.waiting

    def go_on(self) -> None:
        if self.flipped:
            self._stays -= 1
            if self._stays <= 0:
                self._roll_back()
        elif not self.is_set:
            self._set()
        elif "verify" in self.rules and not self._quiet():
            if "lift" not in self.rules:
                self._run.problems.append("stuck behind the fence")
                return
            self._lift()
        else:
            self._flip()

    def _set(self) -> None:
        run = self._run
        run.tell("the fence is set")
        run.store.tables["index"].put({**run.store.schema("index").decode(fence.FENCE.text), "since": {"S": "now"}})
        self.is_set = True
        self.until = run.clock.time + (fence.BOUND if "bound" in self.rules else 0.0)

    def _lift(self) -> None:
        self._run.tell("the fence is lifted")
        self._run.store.tables["index"].delete(fence.FENCE.text)
        self.is_set = self.flipped = False
        for task in self._run.tasks:
            task.held = False

    def _flip(self) -> None:
        run = self._run
        run.tell("the flip")
        self.flipped, self._stays = True, run.chance.number(1, 9)
        wrong = verdict.problems(run, final=False)
        run.problems += [f"flipped over a difference: {each}" for each in wrong]
        call = run.place.call(9e9)
        found = compare.touched(call, notes.touched(call, run.clock.START))
        if found.drift and not wrong:
            run.problems.append(f"the comparison of what was touched sees a difference that is none: {found.examples}")

    def _roll_back(self) -> None:
        run = self._run
        self._left -= 1
        verdict.carry_back(run)
        for stream in run.streams:
            if stream.has_work() and not stream.calls and run.chance.happens(0.5):
                run.lose(stream, len(stream.records))
        self._lift()
        run.needs_resync = run.rolled_back = "resync" in self.rules
