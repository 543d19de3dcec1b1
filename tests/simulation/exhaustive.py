"""Small worlds, of which *every* interleaving is walked: at each read or write of an item, each worker may be the next, or die.

Two ways that lead to the same state are walked on once. A state is what the store holds and, for each worker, all that it
has read since it started: the code is deterministic, so that is all that it can know.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from greenlet import getcurrent

from remodel.adapters.memory import Handle
from remodel.core.wire import Item
from remodel.ports import Outcome
from tests.rows import guid, number, text
from tests.simulation.run import Run, fresh
from tests.simulation.world import World

Choice = tuple[str, str]
"""`go` or `kill`, and whom."""


def link(name: str, day: int, measure: str = "measure-a", tenant: str = "s") -> Item:
    return {
        "id": text(guid(name)),
        "tenant_id": text(tenant),
        "goal_id": text("goal"),
        "measure_id": text(measure),
        "linked_at": text(f"2025-01-{day:02}"),
        "created_by": text("user"),
        "created_at": text("2025-01-01"),
    }


def reading(name: str, value: int, measure: str = "measure-a") -> Item:
    return {
        "id": text(guid(name)),
        "measure_id": text(measure),
        "period": text("2025-03"),
        "value": number(value),
        "created_at": text("2025-01-01"),
    }


def measure(owner: str) -> Item:
    return {"id": text("measure-a"), "owner_id": text(owner)}


def person(user: str) -> Item:
    return {"id": text(guid("people-0")), "linked_user_id": text(user)}


LINK = link("links-0", 5)
ROW, MOVED = reading("readings-0", 1), reading("readings-0", 2, "measure-b")

WORLDS: dict[str, World] = {
    "a row and its link arrive, one is killed": World(
        (), (("readings", "readings-0", ROW), ("links", "links-0", link("links-0", 5))), segments=0, kills=1
    ),
    "two links and a row arrive, one is killed": World(
        (),
        (
            ("links", "links-0", link("links-0", 5)),
            ("links", "links-1", link("links-1", 3)),
            ("readings", "readings-0", ROW),
        ),
        segments=0,
        batch=1,
        kills=1,
    ),
    "a removal passes a backfill page, one is killed": World(
        (("readings", "readings-0", ROW),), (("readings", "readings-0", None),), kills=1
    ),
    "a link is removed while it is backfilled": World(
        (("links", "links-0", link("links-0", 5)),), (("links", "links-0", None),)
    ),
    "a row moves while it is backfilled": World(
        (("readings", "readings-0", ROW),), (("readings", "readings-0", MOVED),)
    ),
    "an owner changes while a link arrives": World(
        (),
        (
            ("measures", "measure-a", measure("user")),
            ("links", "links-0", LINK),
            ("measures", "measure-a", measure("another")),
        ),
        segments=0,
        batch=1,
    ),
    "an owner comes while a link arrives, one is killed": World(
        (), (("measures", "measure-a", measure("another")), ("links", "links-0", LINK)), segments=0, kills=1
    ),
    "a person is linked while a link arrives, one is killed": World(
        (), (("people", "people-0", person("user")), ("links", "links-0", LINK)), segments=0, kills=1
    ),
    "a person moves to another user while a link arrives": World(
        (),
        (
            ("people", "people-0", person("user")),
            ("links", "links-0", LINK),
            ("people", "people-0", person("another")),
        ),
        segments=0,
        batch=1,
    ),
    "a repair meets a change": World(
        (),
        (("readings", "readings-0", ROW), ("readings", "readings-0", MOVED)),
        segments=0,
        syncs=(("readings", "readings-0"),),
        batch=1,
    ),
}


LARGE = {
    "a person moves to another user while a link arrives",
    "a person is linked while a link arrives, one is killed",
    "two links and a row arrive, one is killed",
    "a repair meets a change",
    "an owner changes while a link arrives",
    "an owner comes while a link arrives, one is killed",
}
"""Walked by `make simulate-all` alone."""


class Scripted:
    """Follows a script of choices, then says which there are."""

    def __init__(self) -> None:
        self.kill = False

    def choose(self, workers: list[str]) -> str:
        raise AssertionError("the walk chooses")

    def strikes(self, worker: str) -> bool:
        return self.kill

    def fault(self, operation: str) -> Outcome | None:
        return None

    def again(self) -> bool:
        return False

    def number(self, most: int) -> int:
        return most


class Walked(Run):
    """A run that fingerprints what each worker has read."""

    def __init__(self, world: World) -> None:
        self.script = Scripted()
        super().__init__(world, self.script)
        self.kills = world.kills

    def take(self, choice: Choice) -> None:
        what, name = choice
        self.script.kill = what == "kill"
        self.kills -= what == "kill"
        self.step(name)
        if name in self.workers and self.workers[name].thread is None:
            self.workers[name].seen = fresh()

    def choices(self) -> Iterator[Choice]:
        for name, worker in self.workers.items():
            if not self._waits(name):
                yield "go", name
            if self.kills and worker.thread is not None and name != "application" and worker.asks != "start":
                yield "kill", name

    def _waits(self, name: str) -> bool:
        """A consumer with nothing to read would only go round."""
        worker = self.workers[name]
        if not name.startswith("stream of ") or worker.asks != "idle":
            return False
        source = name.removeprefix("stream of ")
        return len(self.records[source]) == self.read[source] and not self.application_done

    def _hook(self, operation: str, table: str, handle: Handle) -> Outcome | None:
        thread = getcurrent()
        if thread is not self.main:
            self.workers[self._name(thread)].asks = repr((operation, table, handle))
        found = super()._hook(operation, table, handle)
        if thread is not self.main:
            worker = self.workers[self._name(thread)]
            items = self.store.tables[table].items
            worker.seen.update(
                repr((operation, table, handle, items.get(handle) if handle else sorted(items))).encode()
            )
        return found

    def _deliver(self, source: str, records: list[Any]) -> int | None:
        self.workers[f"stream of {source}"].seen.update(
            repr([r["dynamodb"]["SequenceNumber"] for r in records]).encode()
        )
        return super()._deliver(source, records)

    def fingerprint(self) -> bytes:
        tables = {name: sorted((h, _plain(it)) for h, it in t.items.items()) for name, t in self.store.tables.items()}
        workers = {name: (w.thread is None, w.asks, w.seen.digest()) for name, w in self.workers.items()}
        progress = (
            self.changed,
            self.application_done,
            self.read,
            self.cursors,
            self.kills,
            sorted(self.engine.complete),
            self.engine.clock.now(),
        )
        return hashlib.blake2b(repr((tables, workers, progress)).encode(), digest_size=12).digest()


def _plain(item: Any) -> str:
    return repr(sorted(item.items()))


def walk(world: World) -> tuple[int, list[list[Choice]]]:
    """The number of different states, and the ways to those ends that are wrong."""
    seen: set[bytes] = set()
    diverged: list[list[Choice]] = []
    open_: list[list[Choice]] = [[]]
    while open_:
        way = open_.pop()
        run = Walked(world)
        for choice in way:
            run.take(choice)
        while True:
            state = run.fingerprint()
            if state in seen:
                break
            seen.add(state)
            choices = list(run.choices())
            if not choices:
                if run.finish():
                    diverged.append(way)
                break
            open_ += [[*way, other] for other in choices[1:]]
            way = [*way, choices[0]]
            run.take(choices[0])
    return len(seen), diverged


if __name__ == "__main__":
    with ProcessPoolExecutor() as pool:
        walks = dict(zip(WORLDS, pool.map(walk, WORLDS.values()), strict=True))
    for name, (count, wrong) in walks.items():
        print(f"{name}: {count} states, {len(wrong)} diverged")
    sys.exit(any(wrong for _count, wrong in walks.values()))
