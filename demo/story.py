"""The migration of the demo, step by step, as its screen tells it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from demo.application import Application
from demo.cast import Cast
from demo.newversion import NewVersion
from demo.screen import Screen
from demo.verbs import Verbs
from demo.verdict import Id, Verdict, held, scan, verdict
from local_cloud.cloud import Cloud
from local_cloud.heartbeat import Heartbeat, heartbeats
from remodel.items import Item
from runner.figures import count

KILL, REPEAT = 6.0, 10.0
"""Percent of calls of the functions on the streams that are killed, and of batches that are delivered twice."""

PAUSE = 0.05
"""Seconds between two changes of a writer in a hurry."""

TRIES = 3
"""Comparisons and looks at the gate, before it counts that they fail."""

ENDS = 600.0
"""Seconds after which something hangs."""

LOOK = 0.2

ASKED = "pause the application's writes"
"""How `remodel cutover` asks for it."""

KEPT = 2
"""Rejected rows that are accepted at the cutover."""

SHOWN = 3
"""Writes of the new version."""


class StoryFailed(Exception):
    """Something took too long, or ended as it must not."""


@dataclass(frozen=True, slots=True)
class Ending:
    """`pause`: seconds without a write. `failed`: batches that were given up."""

    verdict: Verdict
    pause: float
    kills: int
    repeats: int
    failed: int

    @property
    def complete(self) -> bool:
        return self.verdict.converged and self.kills > 0 and self.repeats > 0 and not self.failed


class Story:
    def __init__(self, screen: Screen, cloud: Cloud, cast: Cast) -> None:
        self._screen, self._cloud, self._cast = screen, cloud, cast
        self._verbs, self._old = Verbs(cloud), Application(cloud.dynamodb, cloud.tables, cast)
        self._new = NewVersion(cloud.dynamodb, cloud.tables, cast.model, cast.random)
        self._looked, self._seen = 0.0, ""

    def run(self, rows: int, changes: int) -> Ending:
        """Raises StoryFailed, VerbFailed, and what the application meets."""
        try:
            return self._run(rows, changes)
        finally:
            self._screen.watched = lambda: "cleaning up"

    def _run(self, rows: int, changes: int) -> Ending:
        self._begin(rows, changes)
        self._plan()
        with self._verbs.local(self._cloud.folder / "local.log", KILL, REPEAT):
            self._prepare()
            self._backfill()
            self._correct()
            self._validate()
            accepted = self._gate(changes)
            pause = self._cut_over(accepted)
            beats, (kills, repeats) = self._beats(), self._faults()
        return Ending(
            verdict=self._verdict(),
            pause=pause,
            kills=kills,
            repeats=repeats,
            failed=sum(len(list(folder.glob("*.json"))) for folder in {each.failed for each in beats}),
        )

    # ------------------------------------------------------------------------------------------ steps

    def _begin(self, count: int, changes: int) -> None:
        self._screen.watched = lambda: "filling the old tables"
        rows = self._old.seed(count)
        self._old.start(rows, PAUSE, int(0.8 * changes))
        self._screen.watched = lambda: self._now("")
        self._screen.step(
            f"The application has {sum(map(len, rows.values())):,} rows in {self._of_old}, with the oddities of "
            "real data. It goes on changing them, until the cutover."
        )

    def _plan(self) -> None:
        self._screen.command(["remodel", "plan"])
        _, said = self._verbs.ask("plan", statuses=(0, 1))
        rejected = sum(sum(each.values()) for each in said["refused"].values())
        forecast = said["forecast"]
        self._screen.tell(
            f"{forecast['new_rows']:,} new rows will be written, for ${forecast['dollars']:.2f}. {rejected} old rows do not "
            "fit the new model: they will be rejected, with a reason."
        )
        self._screen.command(["remodel", "backup", "--execute"])
        self._verbs.ask("backup", "--execute")
        self._screen.tell("Nothing begins without a backup. (DynamoDB Local has none; on AWS each table gets one.)")

    def _prepare(self) -> None:
        self._screen.command(["remodel", "prepare", "--execute"])
        self._verbs.ask("prepare", "--execute")
        new = count(len(self._cast.model.new_tables), "new table")
        self._screen.tell(f"{new} created, and the streams of {self._of_old} switched on.")
        self._screen.command(["remodel", "local", f"--kill {KILL:g}", f"--repeat {REPEAT:g}"])
        self._screen.tell(
            "In place of `sam deploy`: the functions of the template read the streams and bring every change to the new "
            f"tables. To show that nothing is lost, {KILL:g} % of calls are killed while they write, and {REPEAT:g} % of "
            "batches are delivered twice."
        )
        self._until("the streams to be read", lambda: len(self._beats()) == len(self._cast.model.old_tables))

    def _backfill(self) -> None:
        self._screen.command(["remodel", "backfill", "--execute"])
        began = self._old.changes.total()
        self._verbs.ask("backfill", "--execute", statuses=(0, 1))  # 1: it compared a row whose change was on its way
        rejected, changes = len(self._held()), self._old.changes.total() - began
        self._screen.tell(
            f"The rows from before are copied: {self._new_rows():,} new rows. The application made {changes} changes "
            f"meanwhile. {count(rejected, 'rejected row')} in quarantine, each with its reason."
        )

    def _correct(self) -> None:
        self._old.writer.correct(KEPT)
        self._until("the rows to be corrected", lambda: not self._old.writer.to_correct())
        corrected = count(self._old.changes["correction"], "rejected row")
        self._until("quarantine to follow", self._quarantine_is_right)
        self._screen.step(
            f"The application has corrected {corrected}. Each left quarantine by itself; "
            f"{len(self._held())} are left, on purpose."
        )

    def _validate(self) -> None:
        for _ in range(TRIES):
            self._screen.command(["remodel", "validate", "--full"])
            began, report = self._old.changes.total(), str(self._cloud.folder / "report.html")
            status, said = self._verbs.ask("validate", "--full", "--report", report, statuses=(0, 1))
            changes = self._old.changes.total() - began
            (_, found), *_ = said["rows"].values()
            self._screen.tell(
                f"{found:,} new rows compared with the old ones, both ways, while the application made {changes} changes: "
                f"{said['drift']} differences."
            )
            if not status:
                return
        raise StoryFailed(f"expected no difference in the last of {TRIES} comparisons, found {said['drift']}")

    def _gate(self, changes: int) -> list[str]:
        """The options that accept what is left in quarantine."""
        self._until(f"{changes} changes", lambda: self._old.changes.total() >= changes)
        self._until("faults", lambda: all(self._faults()))
        _, said = self._verbs.ask("cutover", statuses=(0, 1))
        left_out = sum(each["count"] for each in said["refused"])
        accepted = [word for each in said["refused"] for word in ("--accept", each["accept"])]
        self._screen.command(["remodel", "cutover", *_quoted(accepted)])
        for _ in range(TRIES):
            status, said = self._verbs.ask("cutover", *accepted, statuses=(0, 1))
            if not status:
                break
        else:
            raise StoryFailed(f"expected the gate to be open, found: {said}")
        self._screen.tell(
            f"A dry run: every condition of the gate is met. {left_out} rejected rows and pairs of rows that the model "
            "keeps apart are accepted by reason and count; they stay in the old tables."
        )
        return accepted

    def _cut_over(self, accepted: list[str]) -> float:
        """Seconds without a write. The verb says when the application must pause; the read flag says when it may write."""
        self._screen.command(["remodel", "cutover", *(["--accept …"] if accepted else []), "--execute"])
        self._new.start()
        last, told = 0.0, list[str]()
        for line in self._verbs.follow("cutover", *accepted, "--execute"):
            if any(line.startswith(each) for each in told):
                continue  # the verb says again what it is doing
            told.append(line)
            self._screen.tell(line)
            if line.startswith(ASKED):
                last = self._old.pause()
                self._screen.step(f"The application pauses its writes, after {self._old.changes.total()} changes.")
        self._until("the new version to write", lambda: len(self._new.told) >= SHOWN)
        self._screen.step("The application has read the flag. From now on it reads and writes the new tables:")
        self._screen.tell(*self._new.told[:SHOWN])
        return self._new.first - last

    def _verdict(self) -> Verdict:
        self._screen.step("The verdict is computed from the old tables alone, by code that the engine does not use.")
        return verdict(self._cloud.dynamodb, self._cloud.tables, self._cast, self._written)

    def _written(self) -> dict[Id, Item | None]:
        self._new.stop()
        return self._new.before

    # ------------------------------------------------------------------------------------------ looks

    def _until(self, what: str, reached: Callable[[], bool]) -> None:
        deadline = time.monotonic() + ENDS
        self._screen.watched = lambda: self._now(f"waiting for {what}")
        while not reached():
            self._old.check()
            self._new.check()
            if time.monotonic() > deadline:
                raise StoryFailed(f"expected {what} within {ENDS:.0f} s: see {self._cloud.folder}")
            time.sleep(LOOK)
        self._screen.watched = lambda: self._now("")

    def _now(self, waiting: str) -> str:
        """What the changing line says; asked often, answered once a second."""
        if time.monotonic() > self._looked + 1:
            self._looked = time.monotonic()
            with contextlib.suppress(ClientError, BotoCoreError):
                kills, repeats = self._faults()
                self._seen = f"{self._new_rows():,} new rows · {kills} calls killed · {repeats} batches twice"
        changes = f"{self._old.changes.total()} changes"
        return " · ".join(each for each in (waiting, changes, self._seen) if each)

    def _beats(self) -> list[Heartbeat]:
        with contextlib.suppress(self._cloud.dynamodb.exceptions.ResourceNotFoundException):
            return list(heartbeats(self._cloud.dynamodb, self._cloud.tables["migration"]).values())
        return []

    def _faults(self) -> tuple[int, int]:
        """Calls killed, and batches delivered twice."""
        beats = self._beats()
        return sum(each.kills for each in beats), sum(each.repeats for each in beats)

    def _new_rows(self) -> int:
        with contextlib.suppress(self._cloud.dynamodb.exceptions.ResourceNotFoundException):
            names = [self._cloud.tables[name] for name in self._cast.model.new_tables]
            return sum(self._cloud.dynamodb.describe_table(TableName=each)["Table"]["ItemCount"] for each in names)
        return 0

    @property
    def _of_old(self) -> str:
        return count(len(self._cast.model.old_tables), "old table")

    def _quarantine_is_right(self) -> bool:
        """A row may also be rejected because of those that it is joined with, which only a look at all rows tells."""
        found = held(self._cloud.dynamodb, self._cloud.tables)
        if found == self._old.writer.rejected:
            return True
        old = {name: scan(self._cloud.dynamodb, self._cloud.tables[name]) for name in self._cast.model.old_tables}
        return found == self._cast.expected(old).quarantine

    def _held(self) -> list[Item]:
        return scan(self._cloud.dynamodb, self._cloud.tables["quarantine"])


def _quoted(words: Iterable[str]) -> list[str]:
    return [f"'{each}'" if " " in each else each for each in words]
