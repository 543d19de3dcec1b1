"""A stage for named interleavings: calls that stop at a named step, while others do all of their work, and go on or die there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from greenlet import getcurrent, greenlet

from measures.model import MODEL
from remodel import converge, fanout, fence, replicate, resync
from remodel.backfill import backfill
from remodel.call import Call, Place
from remodel.compare import compare
from remodel.errors import Fenced, Unanswered, Unavailable
from remodel.hints import Hint, read_record
from remodel.items import Item
from remodel.keys import Key
from remodel.model import Model
from remodel.notes import OPEN
from remodel.segments import Segment
from remodel.store import INDEX, NAME, Change, Page
from remodel_testing.limits import stored
from remodel_testing.memory import Fault, MemoryStore
from remodel_testing.simulation.cutover import Desk, Operator
from remodel_testing.simulation.parts import Killed, Messages, StepClock, is_fence, is_note, place_in_index, tables_of
from runner.world import NEW
from tests.simulation.worlds import SUBJECTS

FENCE = fence.fence("2026-11-26T08:00:00Z")

STEPS = 5_000
"""After which a story does not end."""


class Actor:
    """A call that goes on only when it is told to."""

    def __init__(self, stage: Stage, work: Callable[[Call], Any]) -> None:
        self._stage = stage
        self._main = getcurrent()
        self._thread = greenlet(lambda: self._run(work))
        self._stops: Callable[[str, Key | None], bool] = lambda operation, key: False
        self._at: tuple[str, Key | None] | None = None
        self.value: Any = None
        self.error: Exception | None = None
        self.operator: Operator | None = None
        self.notes: set[str] = set()

    @property
    def over(self) -> bool:
        return bool(self._thread.dead)

    def until(self, operation: str, table: str, text: str = "") -> Actor:
        """Goes on to just before the next such step: of an item whose key contains the text."""
        self._stops = lambda found, key: _matches(found, key, (operation, table, text))
        self._go()
        assert not self.over, f"expected a {operation} of {table} {text}, found the end: {self.error or self.value}"
        return self

    def past(self, operation: str, table: str, text: str = "") -> Actor:
        """Goes on to just after such a step, which may be the one that it has stopped at: before whatever comes next."""
        if self._at is None or not _matches(*self._at, (operation, table, text)):
            self.until(operation, table, text)
        self._stops = lambda operation, key: True
        self._go()
        return self

    def finish(self) -> Any:
        if self.over:
            return self.value
        self._stops = lambda operation, key: False
        self._go()
        assert self.over
        if self.error is not None and not isinstance(self.error, Unavailable | Fenced):
            raise self.error
        return self.value

    def kill(self) -> None:
        assert not self.over, "expected it to be under way, found that it has ended"
        if self.operator is not None:
            self.operator.gone = True
        self._thread.throw(Killed())

    def step(self, operation: str, key: Key | None) -> None:
        if self._stops(operation, key):
            self._at = operation, key
            self._main.switch()
            self._at = None

    def _go(self) -> None:
        before, self._stage.current = self._stage.current, self
        self._main = getcurrent()
        self._thread.parent = self._main
        self._thread.switch()
        self._stage.current = before

    def _run(self, work: Callable[[Call], Any]) -> None:
        try:
            self.value = work(self._stage.place.call(9e9))
        except Killed:
            pass
        except Exception as problem:
            self.error = problem


def _matches(operation: str, key: Key | None, wanted: tuple[str, str, str]) -> bool:
    table, text = key or ("", "")
    return (operation, table) == wanted[:2] and wanted[2] in text


class StageStore(MemoryStore):
    """To a sweeper, notes of calls that live are young."""

    stage: Stage

    def query(self, group: str, prefix: str, start: str | None, limit: int) -> Page:
        page = super().query(group, prefix, start, limit)
        current = self.stage.current
        if group != OPEN or (current is not None and current.operator is not None):
            return page
        living = self.stage.living()
        return Page([item for item in page.items if item[NAME]["S"] not in living], page.next)

    def scan_order(self, table: str, text: str) -> int:
        """The place of a row in a scan of its table."""
        schema = self.schema(table)
        return [schema.encode(item) for item in self.scan(table, (0, 1), None, 100).items].index(text)

    def write(self, changes: Sequence[Change]) -> list[Change]:
        if any(change.key.table in self.stage.unanswered for change in changes):
            self.stage.unanswered.clear()
            kept = [(change.key, self._kept(change)) for change in changes]
            self.stage.astray.append(lambda: [self._apply(*each) for each in kept])
            raise Unanswered("no answer came")
        return super().write(changes)

    def _apply(self, key: Key, item: Item | None) -> None:
        super()._apply(key, item)
        if key.table in self.stage.model.new_tables:
            self.stage.expect(not self.stage.flipped, f"nothing to be written after the flip, found {key}")
        if is_note(key) and item is not None and self.stage.current is not None:
            self.stage.current.notes.add(place_in_index(key)[1])


class Stage:
    """`faults`: what the next requests for an item meet, by operation and table. `unanswered`: tables of which the next write
    gets no answer; `astray`: lets such a request be carried out. `noted`: what a story has seen to be wrong on its way."""

    def __init__(self, model: Model = MODEL, queue: bool = False, live: frozenset[str] | None = None) -> None:
        self.model = model
        self.current: Actor | None = None
        self.actors: list[Actor] = []
        self.store = StageStore(tables_of(model), self._hook)
        self.store.stage = self
        self.clock = StepClock("stage", self._sleep)
        self.queue = Messages(lambda operation, key: None)
        live = frozenset(model.old_tables) if live is None else live
        self.place = Place(model, self.store, self.clock, live, self.queue if queue else None)
        self.unanswered: set[str] = set()
        self.astray: list[Callable[[], object]] = []
        self.noted: list[str] = []
        self.flipped = False
        self.written: list[Hint] = []
        self.desk = Desk(self)
        self.befalls: dict[str, Callable[[], object]] = {}
        self.due: list[Any] = []
        self.faults: dict[tuple[str, str], list[Fault]] = {}
        self._records = self._steps = 0

    def _hook(self, operation: str, key: Key | None) -> Fault | None:
        self._steps += 1
        assert self._steps < STEPS, "expected the story to end, found that it does not"
        if self.current is not None:
            self.current.step(operation, key)
        waiting = self.faults.get((operation, key.table if key else ""))
        return waiting.pop(0) if waiting else None

    def _sleep(self, seconds: float) -> None:
        """Whoever waits for as long as a call may still write sees all of them end."""
        if 0 < fence.BOUND <= seconds:
            for actor in self.actors:
                if actor.operator is None:
                    actor.finish()
        self.clock.time += seconds

    def living(self) -> set[str]:
        """The notes of calls that are not over: to a sweeper they are young."""
        return {note for actor in self.actors if not actor.over for note in actor.notes}

    # The application

    def put(self, table: str, item: Item) -> Any:
        """The old table changes; the record that says so."""
        text = self.store.schema(table).encode(item)
        old = self.store.tables[table].items.get(text)
        self.store.tables[table].put(item)
        return self._record(table, old, item)

    def delete(self, table: str, text: str) -> Any:
        old = self.store.tables[table].items[text]
        self.store.tables[table].delete(text)
        return self._record(table, old, None)

    def _record(self, table: str, old: Item | None, new: Item | None) -> Any:
        self._records += 1
        row = new or old
        assert row is not None
        body: dict[str, Any] = {
            "Keys": {name: row[name] for name in self.store.schema(table).names},
            "SequenceNumber": str(10**20 + self._records),
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        }
        body |= ({"OldImage": old} if old else {}) | ({"NewImage": new} if new else {})
        name = "INSERT" if old is None else "REMOVE" if new is None else "MODIFY"
        record = {
            "eventName": name,
            "eventSourceARN": f"arn:aws:dynamodb:r:1:table/{table}/stream/one",
            "dynamodb": body,
        }
        hint = read_record(self.model, table, record).hint
        assert hint is not None
        self.written.append(hint)
        return record

    # Calls

    def start(self, work: Callable[[Call], Any]) -> Actor:
        made = Actor(self, work)
        self.actors.append(made)
        return made

    def receiving(self, *records: Any) -> Actor:
        """A stream's function with a batch."""
        table = records[0]["eventSourceARN"].split("/")[1]
        return self.start(lambda call: replicate.replicate(call, table, table, {"Records": list(records)}).failed)

    def deliver(self, *records: Any) -> None:
        assert self.receiving(*records).finish() is None

    def deliver_until_done(self, records: Sequence[Any], answer: str | None) -> None:
        """What Lambda does with the answer to a batch."""
        if answer is not None:
            numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
            self.deliver(*records[numbers.index(answer) :])

    def backfill(self, *tables: str) -> None:
        for table in tables:
            assert self.start(lambda call, table=table: backfill(call, Segment(table, 0, 1), 9e15).done).finish()  # type: ignore[misc]

    def walk(self, *tables: str) -> None:
        for table in tables:
            assert self.start(lambda call, table=table: resync.resync(call, Segment(table, 0, 1), 9e15).done).finish()  # type: ignore[misc]

    def repair(self, *tables: str) -> None:
        for table in tables:
            part = Segment(table, 0, 1)
            assert self.start(lambda call, part=part: compare(call, part, 9e15, True).done).finish()  # type: ignore[misc]

    def set_fence(self) -> None:
        self.store.tables["index"].put(self.store.schema("index").decode(FENCE.text))

    def lift_fence(self) -> None:
        self.store.tables["index"].delete(FENCE.text)

    # Operators

    def cutting_over(self) -> Actor:
        """`befalls`: what happens when it says something that begins so. `due`: records that are delivered while it waits for the
        last changes."""
        operator = Operator(self.desk)
        made = self.start(lambda call: operator.cut_over())
        made.operator = operator
        return made

    def rolling_back(self) -> Actor:
        operator = Operator(self.desk)
        made = self.start(lambda call: operator.roll_back())
        made.operator = operator
        return made

    def lambda_goes_on(self) -> None:
        """With what was held, where the event sources are on."""
        for record in self.due if self.desk.on else ():
            one = self.receiving(record)
            one.finish()
            if one.error is None:
                self.due.remove(record)

    @property
    def is_fenced(self) -> bool:
        return any(is_fence(Key(INDEX, text)) for text in self.store.tables[INDEX].items)

    def is_open(self) -> bool:
        return True

    def is_behind(self) -> bool:
        return bool(self.due)

    def is_read(self) -> bool:
        return False

    def told(self, told: str) -> None:
        for moment in [each for each in self.befalls if told.startswith(each)]:
            self.befalls.pop(moment)()

    def flag_was_set(self, value: str, unread: list[Hint]) -> None:
        self.flipped = value == NEW
        if self.flipped:
            self.expect(self.is_fenced, "the fence to be set before the flag")
            self.expect(not self.wrong(), "no difference at the flip")

    def sweeping(self) -> Actor:
        return self.start(lambda call: converge.sweep(call, 0.0))

    def sweep(self) -> None:
        while self.due:
            self.deliver(self.due.pop(0))
        self.sweeping().finish()

    def working(self, stop_at: float = 9e15) -> Actor:
        """A worker with the message that waits longest."""
        name = self.queue.waiting[0]
        return self.start(lambda call: fanout.work(call, name, stop_at))

    # The end

    def wrong(self) -> list[str]:
        """What the new tables and quarantine have and should not, or should and have not."""
        tables = self.store.tables
        wanted = SUBJECTS[self.model.name].oracle(
            {name: list(tables[name].items.values()) for name in self.model.old_tables}
        )
        found = []
        for name, rows in wanted.rows.items():
            found += _differences(name, rows, tables[name].items)
        held = {(item["source"]["S"], item["row_id"]["S"]) for item in tables["quarantine"].items.values()}
        return self.noted + found + [f"misfiled {row}" for row in held ^ wanted.quarantine]

    def expect(self, is_so: bool, what: str) -> None:
        if not is_so:
            self.noted.append(f"expected {what}")

    @property
    def open_notes(self) -> int:
        return sum(text.startswith("5:notes") for text in self.store.tables["index"].items)


def _differences(name: str, wanted: Mapping[str, Sequence[Item]], stored_: Mapping[str, Item]) -> list[str]:
    found = [f"missing {name} {text}" for text in wanted.keys() - stored_.keys()]
    found += [f"orphaned {name} {text}" for text in stored_.keys() - wanted.keys()]
    both = wanted.keys() & stored_.keys()
    return found + [f"different {name} {text}" for text in both if stored_[text] not in map(stored, wanted[text])]


# Rows


def text(value: str) -> Any:
    return {"S": value}


def guid(n: int) -> str:
    return f"00000000-0000-4000-8000-{n:012}"


def link(n: int, measure: str = "X", day: int | None = None, tenant: str = "t1", user: str = "u") -> Item:
    """Links with a smaller number are older, unless the day says otherwise."""
    return {
        "id": text(guid(n)),
        "measure_id": text(measure),
        "tenant_id": text(tenant),
        "goal_id": text(f"g{n}"),
        "linked_at": text(f"2025-01-{day or n:02}"),
        "created_by": text(user),
        "created_at": text("2025-01-01"),
    }


def reading(n: int, measure: str = "X", value: int = 1) -> Item:
    row = {"id": text(guid(n)), "measure_id": text(measure), "tenant_id": text("t1"), "period": text("2025-03")}
    return row | {"value": {"N": str(value)}, "created_at": text("2025-01-01")}


def actual(n: int, measure: str = "X", value: int = 1) -> Item:
    row = {"id": text(guid(n)), "measure_id": text(measure), "tenant_id": text("t1"), "recorded_by": text("x")}
    row |= {"measurement_date": text("2025-03-31"), "actual_value": {"N": str(value)}}
    return row | {"recorded_at": text("2025-01-01")}


def refused(row: Item) -> Item:
    return {**row, "measure_id": {"BOOL": True}}
