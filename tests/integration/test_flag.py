"""Flag and fence say who owns the new tables. Where they do not fit together, one sentence names the verb that repairs it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from remodel.errors import Fenced, RemodelError
from runner import cutover, ownership, prepare, rollback, status
from runner.errors import NotReady
from runner.lease import LEASE
from runner.world import NEW, OLD
from tests.integration.stage import Killed, Stage, quietly, stops

BACK = "`remodel rollback --execute` sets the flag to old and lifts the fence"


def refused(verb: Callable[[], Any], error: type[RemodelError], *parts: str) -> None:
    with pytest.raises(error) as found:
        verb()
    told = str(found.value)
    assert told.startswith("expected ") and "\n" not in told and not told.endswith(".")
    for each in parts:
        assert each in told


def cut_over(stage: Stage) -> None:
    assert cutover.cutover(stage.world, {}, quietly).flag == NEW


def killed(stage: Stage) -> None:
    """A cutover, behind its fence."""

    def strike(told: str) -> None:
        if told.startswith("comparing what was touched meanwhile"):
            stage.assassin.after(0)

    with suppress(Killed):
        cutover.cutover(stage.world, {}, strike)
    stage.assassin.after(None)
    stage.clock.sleep(LEASE + 1)
    assert ownership.fenced_since(stage.world)


def test_a_flag_without_a_fence_is_repaired_by_a_rollback(ready: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody has set it by hand. Until the event sources are off, a fence keeps replication from writing."""
    ready.flag.value = NEW
    again = lambda: cutover.cutover(ready.world, {}, quietly)  # noqa: E731
    refused(again, NotReady, "expected the fence to be set while the flag says new, found none", BACK)
    refused(lambda: prepare.prepare(ready.world, quietly), Fenced, "found the flag at 'new'", "`remodel rollback`")
    assert status.status(ready.world).next.step == "`remodel rollback --stage sandbox --execute`"

    seen: list[bool] = []
    honest = rollback.what_is_new

    def looking(world: Any) -> rollback.Back:
        seen.append(bool(ownership.fenced_since(world)))
        return honest(world)

    monkeypatch.setattr(rollback, "what_is_new", looking)
    rollback.flip_back(ready.world)

    assert (seen, ready.flag.value, ready.readers.on) == ([True], OLD, False)
    assert not ownership.fenced_since(ready.world)


def test_the_fence_of_a_cutover_that_was_killed_is_repaired_by_either_verb(ready: Stage) -> None:
    killed(ready)

    (shut,) = stops(ready)
    assert shut.name == "fence"
    assert shut.remedy.startswith("`remodel cutover --stage sandbox --execute` goes on; `remodel rollback")
    cut_over(ready)


@pytest.mark.parametrize("value", [OLD, None, "New"], ids=["old by hand", "deleted", "unknown"])
def test_a_fence_whose_flag_was_lost_after_the_cutover_is_lifted_by_nothing_but_a_rollback(
    value: str | None, ready: Stage
) -> None:
    """It protects what the application has written."""
    cut_over(ready)
    ready.flag.value = value

    again = lambda: cutover.cutover(ready.world, {}, quietly)  # noqa: E731
    refused(again, NotReady, "to say new while the fence of", f"found {value or 'no flag'}: {BACK}")
    refused(lambda: prepare.prepare(ready.world, quietly), Fenced, "`remodel rollback`")
    assert ownership.fenced_since(ready.world)
    assert status.status(ready.world).next.step == "`remodel rollback --stage sandbox --execute` lifts it"

    rollback.flip_back(ready.world)
    assert (ready.flag.value, ownership.fenced_since(ready.world)) == (OLD, "")


def test_the_fence_of_a_rollback_that_was_killed_is_not_lifted_by_a_cutover(
    ready: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the streams have held back would overwrite what the application has written."""
    cut_over(ready)

    def dying(world: Any) -> rollback.Back:
        raise Killed

    with monkeypatch.context() as patch, suppress(Killed):
        patch.setattr(rollback, "what_is_new", dying)
        rollback.flip_back(ready.world)
    assert ready.flag.value == OLD

    refused(lambda: cutover.cutover(ready.world, {}, quietly), NotReady, BACK)

    assert ownership.fenced_since(ready.world)


def test_a_flag_of_another_value_is_repaired_by_prepare(ready: Stage) -> None:
    ready.flag.value = "New"

    (shut,) = stops(ready)
    assert (shut.name, shut.found) == ("read flag", "expected old or new, found 'New'")
    refused(lambda: cutover.cutover(ready.world, {}, quietly), NotReady, "`remodel prepare --stage sandbox --execute`")

    prepare.prepare(ready.world, quietly)
    assert ready.flag.value == OLD
    assert not stops(ready)
