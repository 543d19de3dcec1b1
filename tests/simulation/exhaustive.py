"""Small worlds in which *every* interleaving of two or three calls is played, with the product's own code.

A step is one read or write of an item, the choice of a page's keys, or a change that the application makes before its record is
received. Two neighbouring steps of different calls that touch no common item, or only read, commute; orders that differ by such
neighbours alone are one interleaving, and in a world without a bound exactly one of them is played (source sets and sleep sets:
Abdulla et al., POPL 2014). With a bound, calls are interrupted at most so often, as in CHESS (Musuvathi and Qadeer, PLDI 2007);
where one is killed, once less. What needs more interruptions is not seen. Notes are young for as long as the calls run.

Each world is also played with each of its calls killed right after each of its writes; killed after a read, a call leaves what
it left after the write before. A call that fails, or dies before it wrote a new row, is made again, as Lambda would; of one that
dies later, the note alone must do. In the end everything is swept, the new tables must be what an oracle says, and no note is
open.

What stays in one order: the items of one request, and requests that a call makes in parallel. `make simulate` shuffles these.
"""

from __future__ import annotations

import itertools
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from measures.model import MODEL as MEASURES
from remodel import backfill, converge, replicate
from remodel.call import Call
from remodel.errors import Unavailable
from remodel.items import Item, Wire
from remodel.keys import Key
from remodel.model import Model
from remodel.segments import Segment
from remodel.store import INDEX, INDEX_KEY, QUARANTINE, Page
from remodel_testing.simulation.world import small
from shop.model import MODEL as SHOP
from tests.simulation.library import MODEL as LIBRARY
from tests.simulation.stage import Actor, Stage, StageStore, actual, guid, link, reading, refused, text

Death = tuple[int, int]
"""Which call dies, and after how many of its writes."""


class Access(NamedTuple):
    """What a step touches: an item, or all items of a table whose key's text begins so."""

    table: str
    text: str
    is_range: bool = False
    writes: bool = False

    def meets(self, other: Access) -> bool:
        """Whether it matters which of the two comes first."""
        if self.table != other.table or not (self.writes or other.writes):
            return False
        if self.is_range or other.is_range:
            return self.text.startswith(other.text) or other.text.startswith(self.text)
        return self.text == other.text


NOTHING = Access("", "")


# Acts: what a call of a world does, after changes of the application


class Act:
    """`rows`: what the application does to a table first: puts, and keys whose rows are deleted. `late`: whether the records
    that the world has from before are received, too."""

    def __init__(self, table: str, *rows: Item | str, late: bool = False) -> None:
        self.table, self.rows, self.late = table, rows, late

    def work(self, call: Call, records: Sequence[Any]) -> Any:
        """Answers the first record that is not done; None where all are."""
        raise NotImplementedError

    def again(self, stage: Stage, records: Sequence[Any], answer: Any) -> None:
        """What follows where the call failed or died."""
        stage.start(lambda call: self.work(call, records)).finish()


class Stream(Act):
    """A batch of a table's stream."""

    def work(self, call: Call, records: Sequence[Any]) -> Any:
        return replicate.replicate(call, self.table, self.table, {"Records": list(records)}).failed

    def again(self, stage: Stage, records: Sequence[Any], answer: Any) -> None:
        stage.deliver_until_done(records, answer or records[0]["dynamodb"]["SequenceNumber"])


class Backfill(Act):
    def work(self, call: Call, records: Sequence[Any]) -> Any:
        assert backfill.backfill(call, Segment(self.table, 0, 1), 9e15).done


class Sweep(Act):
    def work(self, call: Call, records: Sequence[Any]) -> Any:
        converge.sweep(call, 0.0)


# Worlds


@dataclass(frozen=True)
class World:
    """`before`: what has happened, and the records of it that were not received. `bound`: how often a call may be interrupted;
    None means as often as can be."""

    acts: tuple[Act, ...]
    before: Callable[[Stage], Sequence[Any]]
    model: Model = MEASURES
    small: Mapping[str, int] = field(default_factory=dict)
    bound: int | None = None


def done(*puts: tuple[str, Item]) -> Callable[[Stage], Sequence[Any]]:
    """These rows were there before, and their records were received."""

    def before(stage: Stage) -> Sequence[Any]:
        for table, row in puts:
            stage.deliver(stage.put(table, row))
        return ()

    return before


def undone(table: str, row: Item) -> Callable[[Stage], Sequence[Any]]:
    """There is a link, and a row whose record is not done."""

    def before(stage: Stage) -> Sequence[Any]:
        stage.deliver(stage.put("links", link(1)))
        return [stage.put(table, row)]

    return before


def dead(stage: Stage) -> Sequence[Any]:
    """A call died before it wrote the row that it had noted."""
    stage.deliver(stage.put("links", link(1)))
    stage.receiving(stage.put("readings", reading(9))).until("write", "measure_data").kill()
    return ()


def known_people(stage: Stage) -> Sequence[Any]:
    """The index has every person, so it is not looked up in the old table's own index."""
    stage.backfill("people")
    return ()


def profile(name: str) -> Item:
    return {"PK": text("CUST#1"), "SK": text("PROFILE"), "name": text(name)}


ORDER: Item = {"PK": text("CUST#1"), "SK": text("ORDER#1"), "placed_at": text("2025-03-31")}
BOOK: Item = {"id": text("b"), "shelf": text("s"), "title": text("One"), "author_id": text("a")}
AUTHOR: Item = {"id": text("a"), "name": text("Ann")}
PERSON: Item = {"id": text("p1"), "linked_user_id": text("u")}

WORLDS: dict[str, World] = {
    "a row and its link appear": World((Stream("readings", reading(9)), Stream("links", link(1))), done()),
    "a row moves to a measure where a link appears": World(
        (Stream("readings", reading(9, "Y")), Stream("links", link(2, "Y"))),
        done(("links", link(1)), ("links", link(3)), ("readings", reading(9))),
    ),
    "a link goes while a row appears": World(
        (Stream("readings", reading(9)), Stream("links", guid(2))), done(("links", link(1)), ("links", link(2)))
    ),
    "two links become first": World(
        (Stream("links", link(3)), Stream("links", link(2))), done(("links", link(5)), ("readings", reading(9)))
    ),
    "a row goes while the other claimant of its key appears": World(
        (Stream("readings", guid(9)), Stream("actuals", actual(9))), done(("links", link(1)), ("readings", reading(9)))
    ),
    "a backfill page beside a row that changes and goes": World(
        (Backfill("readings"), Stream("readings", reading(9, value=2), guid(9))), undone("readings", reading(9))
    ),
    "a backfill page beside a row that is refused and corrected": World(
        (Backfill("readings"), Stream("readings", refused(reading(9)), reading(9))), undone("readings", reading(9))
    ),
    "a second delivery beside the row's deletion": World(
        (Stream("readings", late=True), Stream("readings", guid(9), late=True)), undone("readings", reading(9))
    ),
    "a second delivery beside the row's correction": World(
        (Stream("readings", late=True), Stream("readings", reading(9), late=True)),
        undone("readings", refused(reading(9))),
    ),
    "a sweep beside the deletion of the row that it finishes": World((Sweep(INDEX), Stream("readings", guid(9))), dead),
    "a link appears beside its user's person": World(
        (Stream("links", link(1)), Stream("people", PERSON)), known_people
    ),
    "a set goes on in a further item while a row appears": World(
        (Stream("links", link(2)), Stream("readings", reading(9))), done(("links", link(1))), small={"set bytes": 1}
    ),
    "shop: a customer appears and is renamed beside an order": World(
        (Stream("shop", profile("Ann"), profile("Bob")), Stream("shop", ORDER)), done(), SHOP
    ),
    "library: a book and its author appear": World((Stream("books", BOOK), Stream("authors", AUTHOR)), done(), LIBRARY),
    "two deliveries of a record beside the row's deletion": World(
        (Stream("readings", late=True), Stream("readings", late=True), Stream("readings", guid(9))),
        undone("readings", reading(9)),
        bound=2,
    ),
    "two sweeps beside the deletion of the row that they finish": World(
        (Sweep(INDEX), Sweep(INDEX), Stream("readings", guid(9))), dead, bound=2
    ),
    "a row and two links appear": World(
        (Stream("readings", reading(9)), Stream("links", link(2)), Stream("links", link(1))), done(), bound=2
    ),
    "a row moves beside a link of each measure": World(
        (Stream("readings", reading(9, "Y")), Stream("links", link(1)), Stream("links", link(2, "Y"))),
        done(("readings", reading(9))),
        bound=2,
    ),
}


# One way through a world


class Performer(Actor):
    """A call that stops at each of its steps. `asked`: what it looks for on a page. `writes`, `rows`: how many of its steps were
    writes, and of these writes of new rows."""

    def __init__(self, stage: SteppedStage, act: Act, records: Sequence[Any]) -> None:
        super().__init__(stage, self._perform)
        self._act, self._records = act, [*records] if act.late else []
        self._stops = lambda operation, key: True
        self.asked = NOTHING
        self.writes = self.rows = 0
        self.is_dead = False

    def _perform(self, call: Call) -> Any:
        stage, table = self._stage, self._act.table
        for row in self._act.rows:
            key = Key(table, row if isinstance(row, str) else stage.store.schema(table).encode(row))
            self.step("write", key)
            self._records.append(stage.delete(*key) if isinstance(row, str) else stage.put(table, row))
        return self._act.work(call, self._records)

    @property
    def access(self) -> Access:
        """What it is about to touch."""
        assert self._at is not None
        operation, key = self._at
        if key is not None:
            return Access(*key, writes=operation in ("write", "update"))
        return NOTHING if operation == "stream" else self.asked

    def go(self) -> None:
        model = self._stage.model
        if self._at is not None and self.access.writes and self.access.table not in model.old_tables:
            self.writes += 1
            self.rows += self.access.table in (*model.new_tables, QUARANTINE)
        self._go()

    def die(self) -> None:
        self.is_dead = True
        self.kill()

    def settle(self) -> list[str]:
        """What is done about a failure: of a call that died after it wrote, nothing; its note is swept."""
        if self.error is not None and not isinstance(self.error, Unavailable):
            return [f"raised {self.error!r}"]
        if self.error is not None or self.value is not None or (self.is_dead and not self.rows):
            self._act.again(self._stage, self._records, self.value)
        return []


class SteppedStore(StageStore):
    """Says which keys a page is chosen from."""

    def query(self, group: str, prefix: str, start: str | None, limit: int) -> Page:
        self._ask(INDEX, INDEX_KEY.of_texts(group, prefix))
        return super().query(group, prefix, start, limit)

    def find(self, table: str, index: str, attribute: str, value: Wire) -> list[Item]:
        self._ask(table, "")
        return super().find(table, index, attribute, value)

    def scan(self, table: str, segment: tuple[int, int], start: str | None, limit: int) -> Page:
        self._ask(table, "")
        return super().scan(table, segment, start, limit)

    def _ask(self, table: str, text: str) -> None:
        if isinstance(self.stage.current, Performer):
            self.stage.current.asked = Access(table, text, is_range=True)


class SteppedStage(Stage):
    """Where equal steps of a call have equal results, whatever others do: also the names of its notes."""

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self.store = SteppedStore(self.store.tables, self._hook)
        self.store.stage = self
        self.place = replace(self.place, store=self.store)
        self.clock.jitter = self._jitter
        self.is_racing = False
        self._draws = Counter[int]()

    def _jitter(self) -> float:
        name = self.actors.index(self.current) if self.current is not None else -1
        self._draws[name] += 1
        return random.Random(f"{name} {self._draws[name]}").random()

    def living(self) -> set[str]:
        return {note for actor in self.actors for note in actor.notes} if self.is_racing else super().living()


class Play:
    """A world from its start on."""

    def __init__(self, stage: SteppedStage, performers: Sequence[Performer], death: Death | None) -> None:
        self._stage, self._performers, self._death = stage, performers, death
        stage.actors += performers
        stage.is_racing = True
        for each in performers:
            each.go()

    def pending(self) -> dict[int, Access]:
        """The next step of each call that is not over."""
        return {n: each.access for n, each in enumerate(self._performers) if not each.over}

    def go(self, n: int) -> None:
        actor = self._performers[n]
        actor.go()
        if self._death == (n, actor.writes) and not actor.over:
            actor.die()

    @property
    def counts(self) -> bool:
        """Whether the call has died that was to die."""
        return self._death is None or self._performers[self._death[0]].is_dead

    def end(self) -> list[str]:
        """What is wrong when all is done."""
        stage = self._stage
        stage.is_racing = False
        raised = [problem for each in self._performers for problem in each.settle()]
        stage.sweep()
        return raised + stage.wrong() + ["a note stays open"] * stage.open_notes


def plays(world: World) -> Callable[[Death | None], Play]:
    """Makes plays of a world, all from one and the same start, when notes of dead calls are old enough to be swept."""
    first = SteppedStage(world.model)
    records = world.before(first)
    tables = {name: dict(table.items) for name, table in first.store.tables.items()}

    def play(death: Death | None) -> Play:
        stage = SteppedStage(world.model)
        stage.clock.time += converge.OLDER_THAN
        stage._records = first._records
        for name, items in tables.items():
            stage.store.tables[name].items = dict(items)
        return Play(stage, [Performer(stage, act, records) for act in world.acts], death)

    return play


# All ways


class Playable(Protocol):
    @property
    def counts(self) -> bool:
        """Whether this one is asked for."""

    def pending(self) -> dict[int, Access]: ...
    def go(self, n: int) -> None: ...


@dataclass(slots=True)
class Node:
    """A point on the way. `pending`: the step of each call that may be next. `open`: calls to be tried here; `asleep`: those that
    need not be tried, or were. `used`: interruptions until here. Of the step that was `chosen`: its `bit`, those of all steps that
    must come `before` it, and `past`, which is the same for all orders of the steps until then that are one interleaving."""

    pending: dict[int, Access]
    open: set[int]
    asleep: set[int] = field(default_factory=set)
    used: int = 0
    chosen: int = -1
    access: Access = NOTHING
    bit: int = 0
    before: int = 0
    past: tuple[int, ...] = ()


P = TypeVar("P", bound=Playable)


class Walk(Generic[P]):
    """All interleavings, depth first; each way is played from the start. `way`: where it is. `played`: interleavings so far.

    Whenever two steps that meet could have come in the other order, the call that would bring that about is opened at the point
    of the first of them.
    """

    def __init__(self, start: Callable[[], P]) -> None:
        self._start = start
        self.way: list[Node] = []
        self.played = 0

    def __iter__(self) -> Iterator[P]:
        """Each play, when all of its calls are over."""
        is_left = True
        while is_left:
            play = self._start()
            for node in self.way:
                assert play.pending()[node.chosen] == node.pending[node.chosen], "expected the same step as before"
                play.go(node.chosen)
            if self._goes_on(play):
                self.played += play.counts
                yield play
            is_left = self._turns()

    def _goes_on(self, play: P) -> bool:
        """To the end; False where it becomes clear on the way that this was played before."""
        while pending := play.pending():
            node = self._node(pending)
            if node is None:
                return False
            self.way.append(node)
            self._choose(self.way[-2].chosen if len(self.way) > 1 else min(node.open))
            play.go(node.chosen)
        return True

    def _turns(self) -> bool:
        """Back to the last point where something is open."""
        while self.way:
            node = self.way[-1]
            node.asleep.add(node.chosen)
            if left := node.open - node.asleep:
                self._choose(min(left))
                return True
            self.way.pop()
        return False

    def _node(self, pending: dict[int, Access]) -> Node | None:
        asleep: set[int] = set()
        if self.way:
            last = self.way[-1]
            asleep = {n for n in last.asleep if n in pending and not last.pending[n].meets(last.access)}
        awake = [n for n in pending if n not in asleep]
        if not awake:
            return None
        same = self.way[-1].chosen if self.way else -1
        return Node(pending, {same if same in awake else awake[0]}, asleep)

    def _choose(self, wanted: int) -> None:
        """The wanted call goes on, if it is open."""
        way, node = self.way, self.way[-1]
        node.chosen = wanted if wanted in node.open else min(node.open)
        node.access = node.pending[node.chosen]
        earlier, node.before, races = way[:-1], 0, []
        for other in reversed(earlier):
            is_own = other.chosen == node.chosen
            if is_own or other.access.meets(node.access):
                if not is_own and not node.before & other.bit:
                    races.append(other)
                node.before |= other.before | other.bit
        count = sum(other.chosen == node.chosen for other in earlier)
        node.bit = 1 << (count * len(way[0].pending) + node.chosen)
        for other in races:
            self._races(other)

    def _races(self, first: Node) -> None:
        """The last step of the way could come before this one: a call that can begin what leads there is opened."""
        start = next(n for n, each in enumerate(self.way) if each is first)
        after = [each for each in self.way[start + 1 :] if not each.before & first.bit or each is self.way[-1]]
        met, beginners = 0, dict[int, bool]()
        for each in after:
            beginners.setdefault(each.chosen, not each.before & met)
            met |= each.bit
        able = {n for n, begins in beginners.items() if begins}
        if not able & first.open:
            first.open.add(self.way[-1].chosen if self.way[-1].chosen in able else min(able))


class Bounded(Walk[P]):
    """All interleavings in which calls are interrupted at most so often.

    A call is interrupted before a step that meets some step of another call: before any other step it is as good to wait. Which
    steps there are is learned on the way, with lower bounds first; the last round has learned nothing new. Ways that are one
    interleaving until a point go on from there once.
    """

    def __init__(self, start: Callable[[], P], bound: int) -> None:
        super().__init__(start)
        self._bound, self._limit = bound, 0
        self._known: dict[int, set[Access]] = {}
        self._met: set[tuple[tuple[int, ...], int, int]] = set()

    def __iter__(self) -> Iterator[P]:
        for limit in itertools.chain(range(self._bound), itertools.repeat(self._bound)):
            self._limit, known, self.played = limit, self._learned, 0
            self._met.clear()
            yield from super().__iter__()
            if limit == self._bound and self._learned == known:
                return

    @property
    def _learned(self) -> int:
        return sum(map(len, self._known.values()))

    def _node(self, pending: dict[int, Access]) -> Node | None:
        for n, access in pending.items():
            self._known.setdefault(n, set()).add(access)
        if not self.way:
            return Node(pending, set(pending))
        last = self.way[-1]
        used = last.used + self._is_interruption()
        if (point := (last.past, last.chosen, used)) in self._met:
            return None
        self._met.add(point)
        may_turn = last.chosen not in pending or (used < self._limit and self._meets(last.chosen, pending))
        return Node(pending, set(pending) if may_turn else {last.chosen}, used=used)

    def _is_interruption(self) -> bool:
        """Whether the last step of the way is another call's than the one before it, which could have gone on."""
        if len(self.way) < 2:
            return False
        before, last = self.way[-2:]
        return before.chosen != last.chosen and before.chosen in last.pending

    def _meets(self, n: int, pending: dict[int, Access]) -> bool:
        return any(pending[n].meets(each) for other, touched in self._known.items() if other != n for each in touched)

    def _choose(self, wanted: int) -> None:
        super()._choose(wanted)
        node, calls = self.way[-1], len(self.way[0].pending)
        past = [*(self.way[-2].past if len(self.way) > 1 else (0,) * calls)]
        past[node.chosen] = hash((past[node.chosen], node.before))
        node.past = tuple(past)

    def _races(self, first: Node) -> None:
        """What may come first is open already."""


# All worlds


@dataclass
class Found:
    """`whole`: interleavings of calls that all live. `dying`: those in which one is killed. `wrong`: how each that ended wrong
    came about."""

    whole: int = 0
    dying: int = 0
    wrong: list[str] = field(default_factory=list)


def explore(world: World, kills: bool = True, enough: int | None = None) -> Found:
    """Every interleaving, or until so many have ended wrong."""
    found = Found()
    with small(world.small):
        found.whole = _walk(world, None, found.wrong, enough)
        for n in range(len(world.acts) if kills else 0):
            for writes in itertools.count(1):
                if enough is not None and len(found.wrong) >= enough:
                    return found
                played = _walk(world, (n, writes), found.wrong, enough)
                found.dying += played
                if not played:
                    break
    return found


def _walk(world: World, death: Death | None, wrong: list[str], enough: int | None) -> int:
    """Answers how many interleavings there were; with a death, those in which it came to it."""
    start = partial(plays(world), death)
    ways: Walk[Play] = Walk(start) if world.bound is None else Bounded(start, world.bound - (death is not None))
    for play in ways:
        if play.counts and (problems := play.end()):
            dies = f"call {death[0]} dies after {death[1]} writes, " if death else ""
            wrong.append(f"{dies}{_in_words(ways.way)}: {'; '.join(problems)}")
            if enough is not None and len(wrong) >= enough:
                break
    return ways.played


def _in_words(way: Sequence[Node]) -> str:
    """The steps after which another call goes on."""
    steps = itertools.groupby(way, key=lambda node: node.chosen)
    turns = [(n, [node.access for node in nodes]) for n, nodes in steps]
    return ", ".join(f"call {n} to its {len(its)}. step ({its[-1].table} {its[-1].text})" for n, its in turns)


def main(names: Sequence[str]) -> int:
    diverged = 0
    for name in names or WORLDS:
        began, found, bound = time.monotonic(), explore(WORLDS[name]), WORLDS[name].bound
        limits = "no bound" if bound is None else f"interrupted at most {bound} times, {bound - 1} with a kill"
        counts = f"{found.whole} interleavings, {found.dying} with a kill, {len(found.wrong)} diverged"
        print(f"{name}: {counts}; {limits}; {time.monotonic() - began:.0f} s", flush=True)
        print(*(f"  {each}\n" for each in found.wrong[:3]), sep="", end="")
        diverged += len(found.wrong)
    return 1 if diverged else 0


if __name__ == "__main__":
    # The order of sets, and so of the keys of a request, is the same each time.
    if os.environ.get("PYTHONHASHSEED") != "0":
        command = [sys.executable, "-m", "tests.simulation.exhaustive", *sys.argv[1:]]
        os.execve(sys.executable, command, {**os.environ, "PYTHONHASHSEED": "0"})
    sys.exit(main(sys.argv[1:]))
