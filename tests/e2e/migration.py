"""The steps of a run, in their order: each does one thing to the stack from outside, and raises StepFailed where that shows
something else than it must. Old rows, and every change of them, come from boto3; the verdict is computed from the tables.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from demo.application import Application
from demo.cast import cast_of
from demo.newversion import NewVersion
from demo.story import ASKED, KEPT
from demo.verdict import Verdict, scan, verdict
from remodel import call, fanout
from remodel.clock import SystemClock
from remodel.dynamodb import DynamoStore
from remodel.hints import of_row
from remodel.items import Item
from remodel.runtime import tables_of
from remodel.sqs import SqsQueue
from runner.names import replicator
from tests.e2e.picks import arrival, has_joins, seen
from tests.e2e.place import HERE, Place, StepFailed

ROWS, CHANGES, SEGMENTS = 400, 250, 2

METRICS = 420.0
"""Seconds for which the gate is asked again: metrics come minutes late, and what they say is looked back at for five."""

TRIES = 3
"""Comparisons of tables that the application changes."""

WRITES = 9
"""Of the application in its new version."""


@dataclass
class NewVersionOnAws(NewVersion):
    """`flag`: reads the read flag."""

    flag: Callable[[], str] = str

    def reads_new(self) -> bool:
        return self.flag() == "new"


class Migration:
    def __init__(self, place: Place, seed: int) -> None:
        self.place = place
        self._cast = cast_of(place.model, seed)
        self._seeded: dict[str, dict[str, Item]] = {}

    def steps(self) -> Iterator[tuple[str, Callable[[], object]]]:
        yield "the build", self.place.build
        yield "the deployment", self.place.deploy
        yield "old rows", self.seed
        yield "the state machine", self.backfill_all
        yield "backup and prepare", self.prepare
        yield "backfill while the old tables are written to", self.backfill
        yield "status, quarantine, comparison", self.look
        yield "schedules", self.schedules
        if has_joins(self.place.model):
            yield "a large fan-out", self.fanout
        yield "the failure destination", self.failure
        yield "rollback, dry", self.rollback
        yield "cutover", self.cutover
        yield "the verdict", lambda: print(self.converged("at the end", within=60))

    # ------------------------------------------------------------------------------------------ steps

    def seed(self) -> None:
        """What was there before. Nobody reads the streams yet, so that only a backfill brings it over."""
        self._switch(False)
        for name, items in self._cast.seeded(ROWS).items():
            self._put(name, items)
            schema = self.place.model.old_tables[name].schema
            self._seeded[name] = {schema.encode(row): row for row in items}
        print("  " + ", ".join(f"{len(rows)} of {name}" for name, rows in self._seeded.items()))

    def backfill_all(self) -> None:
        states = self.place.client("stepfunctions")
        begun = states.start_execution(
            stateMachineArn=self.place.names["BackfillAll"], input=json.dumps({"segments": SEGMENTS})
        )

        def ended() -> Any:
            found = states.describe_execution(executionArn=begun["executionArn"])
            return None if found["status"] == "RUNNING" else found

        found = self.place.until(ended, "the state machine to end")
        if found["status"] != "SUCCEEDED":
            raise StepFailed(f"expected the state machine to succeed, found {found['status']}: {found.get('cause')}")
        print(f"  {self.converged('after the state machine', within=0)}")

    def prepare(self) -> None:
        self.place.remodel("backup", "--execute")
        self.place.remodel("prepare", "--execute")
        if off := [source for source in self.place.model.order if self._mapping(source)["State"] != "Enabled"]:
            raise StepFailed(f"expected `remodel prepare` to switch every event source on, found off: {', '.join(off)}")
        if (flag := self._flag()) != "old":
            raise StepFailed(f"expected {self.place.flag} to say 'old' once prepared, found {flag!r}")
        self.place.remodel("prepare")
        planned = json.loads(self.place.remodel("plan", "--json", quiet=True))
        left = [
            f"{each['name']}: {each['found']}" for each in planned["checks"] if each["state"] not in ("ok", "unknown")
        ]
        print("".join(f"  {each}\n" for each in left), end="")
        if other := [each for each in left if not each.startswith("point-in-time recovery")]:
            raise StepFailed(f"expected nothing to do but the sandbox's missing recovery, found {'; '.join(other)}")

    def backfill(self) -> None:
        """1 is allowed, too: its comparison may meet a row whose change is still on its way."""
        application = self._begin_to_write(1_000_000)
        writer = application.writer
        self.place.remodel("backfill", "--segments", str(SEGMENTS), "--execute", status=(0, 1))
        self.place.until(
            lambda: writer.problem is not None or writer.done.total() >= CHANGES or None, f"{CHANGES} changes"
        )
        application.pause()
        self._seeded = writer.mine
        print(f"  {', '.join(f'{n} {kind}' for kind, n in sorted(writer.done.items()))}")
        print(f"  {self.converged('once the streams are read')}")

    def look(self) -> None:
        said = json.loads(self.place.remodel("status", "--json", quiet=True))
        if open_ := [each["table"] for each in said["tables"] if each["backfilled"] != "done"]:
            raise StepFailed(f"expected `remodel status` to say that every table is backfilled, found {open_} open")
        self.place.remodel("status")
        listed = json.loads(self.place.remodel("quarantine", "list", "--json", quiet=True))
        refused = self.converged("before it is compared", within=0).counts["quarantined"]
        if not refused or len(listed) != refused:
            raise StepFailed(f"expected `quarantine list` to have the {refused} rows refused, found {len(listed)}")
        self._validate()

    def schedules(self) -> None:
        """They are on, and what they call takes what they send."""
        scheduler, functions = self.place.client("scheduler"), self.place.client("lambda")
        kinds = [each for each in self.place.resources() if each["ResourceType"] == "AWS::Scheduler::Schedule"]
        inputs = []
        for each in kinds:
            schedule = scheduler.get_schedule(Name=each["PhysicalResourceId"])
            if schedule["State"] != "ENABLED":
                raise StepFailed(f"expected schedule {schedule['Name']} to be on, found {schedule['State']}")
            sent = schedule["Target"].get("Input") or "{}"
            answer = functions.invoke(FunctionName=schedule["Target"]["Arn"], Payload=sent)
            said = answer["Payload"].read().decode()
            print(f"  {each['LogicalResourceId']}, {schedule['ScheduleExpression']}: {sent} → {said[:160]}")
            if "FunctionError" in answer:
                raise StepFailed(f"expected {each['LogicalResourceId']} to be answered, found {said}")
            found = json.loads(said)
            if drift := sum(found.get(name, 0) for name in ("missing", "different", "orphaned")):
                raise StepFailed(f"expected the schedule {sent} to find nothing, found {drift} rows")
            inputs.append(sent)
        modes = [json.loads(each).get("mode", "") for each in inputs]
        if sorted(modes) != ["", "", "full", "sample"]:
            raise StepFailed(f"expected schedules of a comparison, a sample, the sweep and the watch, found {inputs}")

    def fanout(self) -> None:
        """A new row is taken away behind the replicator's back; the worker that is handed its group puts it back."""
        if (found := seen(self._cast, self._old())) is None:
            raise StepFailed("expected a new row that shows another old row than its own, found none")
        dynamodb, table = self._dynamodb(), self.place.tables[found.new.table]
        gone = self.place.model.new_tables[found.new.table].schema.decode(found.new.text)
        dynamodb.delete_item(TableName=table, Key=gone)
        if self._verdict().missing != [(found.new.table, found.new.text)]:
            raise StepFailed("expected a new row that was taken away to be missing, and nothing else")
        url, sqs = self.place.names["Fanouts"], self.place.client("sqs")
        groups = of_row(self.place.model, found.row, found.item).groups
        for spread in fanout.spreads(self._call(), {found.row: groups}):
            fanout.request(self._call(SqsQueue(url)), spread)
        self.place.until(
            lambda: dynamodb.get_item(TableName=table, Key=gone, ConsistentRead=True).get("Item"), "the row to be back"
        )
        self.place.until(lambda: not fanout.pending(self._call()) or None, "no fan-out to be pending")
        kinds = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

        def is_empty() -> bool | None:
            found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=kinds)["Attributes"]
            return not any(int(found[each]) for each in kinds) or None

        self.place.until(is_empty, "the queue to be empty")
        print(f"  {self.converged('after the fan-out', within=0)}")

    def failure(self) -> None:
        """A function that fails for good leaves its batch in the bucket; replay brings it over once the fault is mended."""
        if (found := arrival(self._cast, self._old())) is None:
            raise StepFailed("expected to insert a row of which a new row comes, found none")
        (source, row), bucket = found, self.place.names["FailedBatches"]
        with self._broken(source):
            self._put(source, [row])
            self.place.until(lambda: self._objects(bucket) or None, "a failed batch in the bucket")
        if not self._verdict().missing:
            raise StepFailed("expected the row of a failed batch to be missing, found it brought over")
        self.place.remodel("quarantine", "replay", "--failed")
        if not self._objects(bucket):
            raise StepFailed("expected a dry run to leave the failed batch where it is, found it gone")
        self.place.remodel("quarantine", "replay", "--failed", "--execute")
        if left := self._objects(bucket):
            raise StepFailed(f"expected the replay to empty the failure destination, found {left}")
        print(f"  {self.converged('after the replay', within=0)}")

    def rollback(self) -> None:
        """Every new row there is was replicated, so every one would be cleared, and none is."""
        before = self._verdict().new
        said = json.loads(self.place.remodel("rollback", "--json", quiet=True))
        if said["would be cleared"] != before:
            raise StepFailed(f"expected `remodel rollback` to name {before} new rows, found {said}")
        self.place.remodel("rollback")
        if (after := self._verdict().new) != before:
            raise StepFailed(f"expected a dry run to leave {before} new rows, found {after}")

    def cutover(self) -> None:
        """Through the gate and back, while the application writes, but for the pause."""
        application = self._begin_to_write(0)
        writer, cast = application.writer, self._cast
        writer.correct(KEPT)
        self.place.until(lambda: not writer.to_correct() or None, "the rows to be corrected")
        accept = self._open_gate()
        new = NewVersionOnAws(self._dynamodb(), self.place.tables, cast.model, cast.random, flag=self._flag)
        new.start()
        self._cut_over(application, accept)
        if (flag := self._flag()) != "new":
            raise StepFailed(f"expected the cutover to set the read flag to 'new', found {flag!r}")
        self.place.until(lambda: len(new.told) >= WRITES or None, f"{WRITES} writes of the new version")
        new.stop()
        print(
            f"  the application made {writer.done.total()} changes up to the pause, and {len(new.told)} after it",
            flush=True,
        )
        self.place.remodel("status")
        self.place.remodel("validate", "--full", status=(0, 1))
        self.place.remodel("rollback", "--execute")
        if (flag := self._flag()) != "old":
            raise StepFailed(f"expected the rollback to set the read flag to 'old', found {flag!r}")
        self.place.remodel("prepare", "--execute")
        self.place.remodel("resync", "--execute")
        # What the new version has written is in no old table.
        self.place.remodel("validate", "--full", "--repair", "--execute", status=(0, 1))

    def _open_gate(self) -> list[str]:
        """Waits for it. What was refused is accepted, reason by reason: in these words."""
        self._validate()
        refused = self._gate()["refused"]
        accept = [word for each in refused for word in ("--accept", each["accept"])]
        self._wait_for_gate(accept)
        return accept

    def _cut_over(self, application: Application, accept: list[str]) -> None:
        for left in reversed(range(TRIES)):
            asked = False
            try:
                for line in self.place.follow("cutover", *accept, "--execute"):
                    if line.startswith(ASKED):
                        asked = True
                        application.pause()
                return
            except StepFailed:
                # A stream may be late again since the gate was looked at.
                if asked or not left:
                    raise
            self._wait_for_gate(accept)

    def _wait_for_gate(self, accept: list[str]) -> None:
        deadline, before = time.monotonic() + METRICS, None
        while shut := [each["name"] for each in self._gate(*accept)["checks"] if each["stops"]]:
            if shut != before:
                print(f"  the gate is shut: {', '.join(shut)}", flush=True)
                before = shut
            if time.monotonic() > deadline:
                self.place.remodel("cutover", *accept)
            time.sleep(15)

    def _begin_to_write(self, brisk: int) -> Application:
        """`brisk`: changes before it slows down to two a second: a comparison passes where few changes are on their way."""
        mine = {name: dict(items) for name, items in self._seeded.items()}
        application = Application(self._dynamodb(), self.place.tables, self._cast)
        application.start(mine, pause=0.1, brisk=brisk)
        return application

    # ------------------------------------------------------------------------------------------ what they look at

    def converged(self, when: str, within: float = 600.0) -> Verdict:
        deadline = time.monotonic() + within
        while not (found := self._verdict()).converged:
            if time.monotonic() > deadline:
                told = [
                    *found.missing[:5],
                    *found.orphaned[:5],
                    *found.misfiled[:5],
                    *list(found.different.items())[:5],
                ]
                raise StepFailed(f"expected both models to say the same {when}, found {found}: {told}")
            time.sleep(3)
        return found

    def _verdict(self) -> Verdict:
        return verdict(self._dynamodb(), self.place.tables, self._cast)

    def _call(self, queue: call.Queue | None = None) -> call.Call:
        """The engine on the stack's tables, as one of its functions has it."""
        store = DynamoStore(self._dynamodb(), tables_of(self.place.model, dict(self.place.tables)))
        live = frozenset(self.place.model.old_tables)
        return call.Place(self.place.model, store, SystemClock(), live, queue).call(300.0)

    def _dynamodb(self) -> Any:
        return self.place.client("dynamodb")

    def _validate(self) -> None:
        page = HERE / "report.html"
        page.unlink(missing_ok=True)
        for left in reversed(range(TRIES)):
            # A change may be on its way for longer than the comparison waits for it.
            said = self.place.remodel("validate", "--full", "--report", str(page), status=(0, 1) if left else (0,))
            if "FAILED" not in said:
                break
        if not page.exists() or "<html" not in page.read_text():
            raise StepFailed(f"expected a report at {page}, found none")

    def _gate(self, *accept: str) -> Any:
        return json.loads(self.place.remodel("cutover", *accept, "--json", status=(0, 1), quiet=True))

    def _flag(self) -> str:
        found: str = self.place.client("ssm").get_parameter(Name=self.place.flag)["Parameter"]["Value"]
        return found

    def _objects(self, bucket: str) -> list[str]:
        return [each["Key"] for each in self.place.client("s3").list_objects_v2(Bucket=bucket).get("Contents", ())]

    def _old(self) -> dict[str, list[Item]]:
        return {name: scan(self._dynamodb(), self.place.tables[name]) for name in self.place.model.old_tables}

    def _put(self, source: str, items: list[Item]) -> None:
        for n in range(0, len(items), 25):
            left = {self.place.tables[source]: [{"PutRequest": {"Item": item}} for item in items[n : n + 25]]}
            while left:
                left = self._dynamodb().batch_write_item(RequestItems=left).get("UnprocessedItems")

    # ------------------------------------------------------------------------------------------ event sources

    def _mapping(self, source: str) -> Any:
        name = self.place.names[replicator(source)]
        return self.place.client("lambda").list_event_source_mappings(FunctionName=name)["EventSourceMappings"][0]

    def _change(self, source: str, state: str, **change: Any) -> None:
        """One that is still being changed takes no other change."""
        self.place.until(
            lambda: self._mapping(source)["State"] in ("Enabled", "Disabled") or None, f"the event source of {source}"
        )
        self.place.client("lambda").update_event_source_mapping(UUID=self._mapping(source)["UUID"], **change)
        self.place.until(
            lambda: self._mapping(source)["State"] == state or None, f"the event source of {source} to be {state}"
        )

    def _switch(self, enabled: bool) -> None:
        for source in self.place.model.order:
            self._change(source, "Enabled" if enabled else "Disabled", Enabled=enabled)

    @contextlib.contextmanager
    def _broken(self, source: str) -> Iterator[None]:
        """A function with an index that is not there, whose batches are tried twice only; as it was, afterwards."""
        function = replicator(source)
        tries = self._mapping(source)["MaximumRetryAttempts"]
        environment = self.place.environment(function)
        self._change(source, "Enabled", MaximumRetryAttempts=1)
        try:
            self._configure(function, {**environment, "INDEX_TABLE": f"{self.place.name}-nowhere"})
            yield
        finally:
            self._configure(function, environment)
            self._change(source, "Enabled", MaximumRetryAttempts=tries)

    def _configure(self, function: str, environment: dict[str, str]) -> None:
        functions, name = self.place.client("lambda"), self.place.names[function]
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": environment})
        functions.get_waiter("function_updated_v2").wait(FunctionName=name)
