"""What the application does to the old tables in a run, what their streams carry of it, and what is lost on the way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from remodel.hints import Hint, read_record
from remodel.items import Item
from remodel_testing.simulation.chance import Chance
from remodel_testing.simulation.scene import Running, Scene, brief
from remodel_testing.simulation.tasks import BackfillTask, StreamTask
from remodel_testing.simulation.world import World


class Application(Scene):
    """`changed`: how many of the world's changes were made. `written`: what they were about. The run has the tasks."""

    streams: list[StreamTask]
    fills: list[BackfillTask]
    resyncs: list[BackfillTask]
    comparisons: list[BackfillTask]

    def __init__(self, world: World, chance: Chance, trace: bool) -> None:
        super().__init__(world, chance, trace)
        self.changed, self.records = 0, 0
        self.needs_resync = self.rolled_back = False
        self.written: list[Hint] = []
        self._gaps, self._blind, self._rogues = world.gaps, world.blind, world.rogues

    def pauses(self) -> bool:
        """Whether the application is to write nothing to the old tables."""
        return self.owned or any(each.operator.asks for each in self.operating())

    def operating(self) -> list[Running]:
        return [each for each in self.running if each.operator is not None]

    def _change(self) -> None:
        table, text, item = self.world.changes[self.changed]
        self.changed += 1
        self._rogues -= self.pauses()
        self.change(table, text, item)

    def change(self, table: str, text: str, item: Item | None) -> None:
        held = self.store.tables[table]
        old = held.items.get(text)
        if item is None:
            if old is not None:
                held.delete(text)
        else:
            held.put(item)
        new = held.items.get(text)
        if old == new:
            return
        record = self._record(table, old, new)
        self.tell(
            f"application {record['dynamodb']['SequenceNumber'][-3:]}: {table} {text} {brief(old)} -> {brief(new)}"
        )
        hint = read_record(self.model, table, record).hint
        assert hint is not None
        self.written.append(hint)
        for stream in self.streams:
            if stream.takes(table, text):
                stream.records.append(record)

    def _record(self, table: str, old: Item | None, new: Item | None) -> Any:
        self.records += 1
        row = new or old
        assert row is not None
        body: dict[str, Any] = {
            "Keys": {name: row[name] for name in self.store.schema(table).names},
            "SequenceNumber": str(10**20 + self.records),
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        }
        body |= ({"OldImage": old} if old else {}) | ({"NewImage": new} if new else {})
        if self._blind and self.chance.happens(0.4):
            self._blind, self.needs_resync = self._blind - 1, True
            body.pop("OldImage", None)
            body.pop("NewImage", None)
        name = "INSERT" if old is None else "REMOVE" if new is None else "MODIFY"
        arn = f"arn:aws:dynamodb:eu-central-1:1:table/{table}/stream/one"
        return {"eventName": name, "eventSourceARN": arn, "dynamodb": body}

    def _skippable(self) -> Iterator[StreamTask]:
        return (each for each in self.streams if each.is_behind() and not each.calls)

    def _skip(self) -> None:
        """Records that the stream no longer has when its reader comes."""
        self._gaps -= 1
        stream = self.chance.one_of(list(self._skippable()))
        self.lose(stream, self.chance.number(1, 3))

    def lose(self, stream: StreamTask, count: int) -> None:
        stream.at = min(len(stream.records), stream.at + count)
        self.tell(f"{stream.name} has lost the records before its {stream.at}th")
        self.needs_resync = True

    def _resync(self) -> None:
        self.tell("resync begins")
        self.needs_resync = False
        self._forget_versions()
        for task in (*self.fills, *self.resyncs, *(self.comparisons if self.rolled_back else ())):
            task.start_again()
        self.rolled_back = False
