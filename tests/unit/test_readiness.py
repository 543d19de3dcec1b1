"""The list of readiness checks: which one stops which step, and what follows from the first that does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from remodel.hints import VIEW
from remodel.streams import Gap
from runner import gate, readiness
from runner.check import Check, State, Step
from runner.facts import Facts, Run, Stack, Table
from runner.readiness import checks, next_step
from runner.world import Denial, Reader

DAY = 86_400.0


def described(name: str, view: str | None = VIEW, key: str = "id", **more: Any) -> dict[str, Any]:
    stream = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": view}} if view else {}
    return {
        "TableName": name,
        "TableStatus": "ACTIVE",
        "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"}],
        **stream,
        **more,
    }


OLD = Table(
    "rows", "app-rows", "migrated", described("app-rows"), described("app-rows"), follows=True, recovery="ENABLED"
)
NEW = Table("new", "app-new", "new", described("app-new", None), described("app-new", None), recovery="ENABLED")
ENGINE = Table("index", "index", "engine", None, described("index", None))
READER = Reader("rows", True, 0.0, "enabled", polled=3.0)
RUN = Run(compared=60.0)
READY = Facts("--stage dev", [OLD, NEW, ENGINE], [READER], Stack("sam deploy", denied=()), 60.0, True, "old", RUN)
"""Nothing in the way of a cutover."""


def old(**changes: Any) -> Facts:
    return replace(READY, tables=[replace(OLD, **changes), NEW, ENGINE])


def new(**changes: Any) -> Facts:
    return replace(READY, tables=[OLD, replace(NEW, **changes), ENGINE])


def reader(**changes: Any) -> Facts:
    return replace(READY, readers=[replace(READER, **changes)])


def run(**changes: Any) -> Facts:
    return replace(READY, run=replace(RUN, **changes))


def wrong(facts: Facts, step: Step = Step.CUTOVER) -> list[Check]:
    return [each for each in checks(facts, step) if each.state != State.OK]


def only(facts: Facts, step: Step = Step.CUTOVER) -> Check:
    (found,) = wrong(facts, step)
    return found


def test_where_everything_holds_the_next_step_is_the_cutover() -> None:
    assert all(each.state == State.OK and not each.stops and not each.remedy for each in checks(READY, Step.CUTOVER))
    assert next_step(READY).step == "pause the application's writes, then `remodel cutover --stage dev --execute`"


STOPPED_FROM = {
    "name app-new": (
        Step.PLAN,
        [old(physical="app-new"), replace(READY, tables=[OLD, NEW, replace(ENGINE, physical="app-new")])],
    ),
    "old table app-rows": (Step.PLAN, [old(found=None), old(found=described("app-rows", key="number"))]),
    "rights of WatchRole": (Step.PLAN, [replace(READY, stack=Stack("sam deploy", denied=[Denial("WatchRole", "no")]))]),
    "backup": (Step.PREPARE, [replace(READY, backup=None)]),
    "new table app-new": (
        Step.BACKFILL,
        [new(found=None), new(found=described("app-new", None, TableStatus="UPDATING"))],
    ),
    "stream of rows": (Step.BACKFILL, [old(found=described("app-rows", None))]),
    "stack": (Step.BACKFILL, [replace(READY, tables=[OLD, NEW, replace(ENGINE, found=None)])]),
    "reader of rows": (Step.BACKFILL, [reader(enabled=False), reader(enabled=False, deployed=False)]),
    "read flag": (Step.CUTOVER, [replace(READY, flag=None)]),
    "fence": (Step.CUTOVER, [run(fenced="2026-11-22T08:00:00Z")]),
    "time since a rollback": (Step.CUTOVER, [run(uncovered=True)]),
    "gaps in streams": (Step.CUTOVER, [run(gaps=[Gap("rows", 0.0, 1.0, "")])]),
    "backfill": (Step.CUTOVER, [run(open=["rows"])]),
    "full comparison": (Step.CUTOVER, [run(compared=None), run(compared=3_601.0), run(drift=1)]),
    "keys claimed twice": (Step.CUTOVER, [run(claims=2)]),
    "quarantine": (Step.CUTOVER, [run(refused={"why": 1})]),
    "rows kept apart": (Step.CUTOVER, [run(violations=2), run(violations=2, accepted={gate.APART: 1})]),
    "failure destination": (Step.CUTOVER, [run(failed=1)]),
    "fan-outs": (Step.CUTOVER, [run(fanouts=1)]),
    "notes of calls": (Step.CUTOVER, [run(notes=[31.0])]),
    "lag of rows": (Step.CUTOVER, [reader(lag=15.1)]),
    "expiry of rows": (Step.ADVICE, [old(expires="ttl")]),
    "point-in-time recovery of rows": (Step.ADVICE, [old(recovery="DISABLED")]),
    "lookups": (Step.ADVICE, [old(role="looked up", follows=False)]),
}


@pytest.mark.parametrize("name", STOPPED_FROM)
def test_a_failure_stops_its_step_and_all_later_ones_and_is_to_be_done_before(name: str) -> None:
    first, worlds = STOPPED_FROM[name]
    for facts in worlds:
        for step in (Step.PLAN, Step.PREPARE, Step.BACKFILL, Step.CUTOVER):
            found = only(facts, step)
            assert found.name == name
            assert found.stops == (step >= first)
            assert found.state == (State.BLOCKS if step >= first else State.TODO)
            assert found.remedy


def test_a_backup_that_is_too_old_stops_the_cutover_only() -> None:
    facts = replace(READY, backup=DAY + 1)
    assert not only(facts, Step.BACKFILL).stops
    assert only(facts).stops


def test_what_nothing_can_answer_is_unknown_and_stops_nothing() -> None:
    """DynamoDB Local has no backups, and some emulators publish no metrics."""
    for facts in (replace(READY, has_backups=False), old(recovery="")):
        found = only(facts)
        assert (found.state, found.stops) == (State.UNKNOWN, False)
    found = wrong(reader(polled=None, lag=None, blind=True))
    assert [each.name for each in found] == ["reader of rows", "lag of rows", "time left in the streams"]
    assert {(each.state, each.stops) for each in found} == {(State.UNKNOWN, False)}


def test_what_is_not_known_although_it_could_be_stops_the_cutover() -> None:
    found = wrong(reader(polled=None, lag=None))
    assert {(each.state, each.stops) for each in found} == {(State.UNKNOWN, True)}


def test_a_right_that_cannot_be_asked_for_is_unknown() -> None:
    denied = [Denial("WatchRole", "not checked: AccessDenied", known=False)]
    assert only(replace(READY, stack=Stack("sam deploy", denied=denied))).state == State.UNKNOWN


@pytest.mark.parametrize("lag", [12 * 3_600.0 + 1])
def test_a_stream_far_behind_has_no_time_left(lag: float) -> None:
    assert [each.name for each in wrong(reader(lag=lag))] == ["lag of rows", "time left in the streams"]


def test_a_view_type_says_how_it_is_really_changed_and_who_else_reads_the_stream() -> None:
    found = only(old(found=described("app-rows", "KEYS_ONLY"), consumers=["search", "audit"]), Step.PLAN)

    assert (found.stops, found.found) == (True, f"expected {VIEW}, found KEYS_ONLY")
    for words in (
        "a view type cannot be changed",
        "search, audit",
        "aws dynamodb update-table --table-name app-rows --stream-specification StreamEnabled=false",
        "`remodel prepare --stage dev --execute`",
        "new ARN",
    ):
        assert words in found.remedy


def test_two_other_readers_of_a_stream_are_worth_knowing() -> None:
    assert not wrong(old(consumers=["search"]))
    assert only(
        old(found=described("app-rows", Replicas=[{"RegionName": "eu-west-2"}]), consumers=["search"])
    ).remedy == ("a shard of it has room for 1, and the migration is one more: move one of them")
    found = only(old(consumers=["search", "audit"]))
    assert (found.state, found.stops) == (State.TODO, False)


def test_what_prepare_changes_comes_from_the_list() -> None:
    bare = replace(
        READY,
        tables=[replace(OLD, found=described("app-rows", None)), replace(NEW, found=None), ENGINE],
        readers=[replace(READER, enabled=False)],
        stack=Stack("sam deploy", parameters="write RowsStreamArn to samconfig.toml"),
        flag=None,
    )
    changes = [each.change for each in checks(bare, Step.PREPARE) if each.change]
    assert [each.procedure for each in changes] == ["table", "stream", "flag", "parameters", "event sources"]


def test_an_index_that_is_missing_is_added_and_one_on_another_key_is_refused() -> None:
    index = {"IndexName": "by-day", "KeySchema": [{"AttributeName": "day", "KeyType": "HASH"}], "IndexStatus": "ACTIVE"}
    other = {**index, "KeySchema": [{"AttributeName": "month", "KeyType": "HASH"}]}
    declared = described("app-new", None, GlobalSecondaryIndexes=[index])

    missing = only(new(declared=declared), Step.PLAN)
    assert missing.change is not None
    assert (missing.change.procedure, missing.change.index, missing.stops) == ("index", "by-day", False)
    found = only(new(declared=declared, found=described("app-new", None, GlobalSecondaryIndexes=[other])), Step.PLAN)
    assert (found.found, found.stops) == ("expected index by-day on day HASH, found month HASH", True)


# ----------------------------------------------------------------------------------------------- accepted reasons


def test_a_reason_is_accepted_whole_and_up_to_its_count() -> None:
    refused = {"period: expected a=b, found c": 12, "weight": 3}

    def open_reasons(*words: str) -> list[str]:
        found = gate.refusals(replace(RUN, refused=refused, accepted=gate.accepted(words)))
        return [each.reason for each in found if not each.accepted]

    assert open_reasons("period: expected a=b, found c=12", "weight=4") == []
    assert open_reasons("period: expected a=b, found c=11", "weight=3") == ["period: expected a=b, found c"]
    assert open_reasons("period=12", "weigh=3", "Weight=3") == ["period: expected a=b, found c", "weight"]


def test_pairs_of_different_tenants_are_accepted_like_reasons() -> None:
    (pairs,) = gate.refusals(replace(RUN, violations=2))
    accepted = gate.accepted([pairs.accept])

    assert [
        each.stops
        for each in checks(run(violations=2, accepted=accepted), Step.CUTOVER)
        if each.name == "rows kept apart"
    ] == [False]
    assert "--full` names them" in only(run(violations=2)).remedy


@pytest.mark.parametrize("word", ["weight", "=3", "weight=", "weight=x", "weight=-1", "weight=1.5"])
def test_what_accepts_no_reason_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match="expected --accept 'REASON=COUNT'"):
        gate.accepted([word])


def test_the_gate_prints_the_words_that_would_open_it() -> None:
    found = only(run(refused={"it's 'odd' = so": 2, "weight": 1}, accepted={"weight": 1}))
    assert found.found == "2 × it's 'odd' = so; 1 accepted"
    import shlex

    words = shlex.split(found.remedy.rpartition("`--accept ")[2].rstrip("`"))
    assert not wrong(run(refused={"it's 'odd' = so": 2}, accepted=gate.accepted(words)))


# -------------------------------------------------------------------------------------------------- the next step

NOTHING = Facts(
    "--stage dev",
    [replace(OLD, found=described("app-rows", None)), replace(NEW, found=None), replace(ENGINE, found=None)],
    [Reader("rows", False, None, "not deployed", idle=True, deployed=False)],
    Stack("sam build && sam deploy --config-env dev", parameters="write CreateNewTables to samconfig.toml"),
    None,
    True,
    None,
    Run(open=["rows"]),
)
"""Old tables, and nothing else."""


CUT = Run(fenced="2026-11-22T08:00:00Z", interrupted=False)


def test_the_whole_way() -> None:
    """Each step is the next one, once what was told before has been done."""
    backed_up = replace(NOTHING, backup=60.0)
    prepared = replace(
        backed_up, tables=[OLD, NEW, replace(ENGINE, found=None)], flag="old", stack=Stack(NOTHING.stack.deploy)
    )
    deployed = replace(prepared, tables=READY.tables, readers=[replace(READER, enabled=False, polled=None)])
    streaming = replace(deployed, readers=READY.readers)
    backfilled = replace(streaming, run=Run())
    different = replace(backfilled, run=Run(compared=1.0, drift=2))
    cut = replace(READY, flag="new", readers=deployed.readers, run=replace(CUT, cut_over=0.5))
    way = [
        (NOTHING, "`remodel backup --stage dev --execute`"),
        (backed_up, "`remodel prepare --stage dev --execute`"),
        (prepared, "`sam build && sam deploy --config-env dev`"),
        (deployed, "`remodel prepare --stage dev --execute`"),
        (streaming, "`remodel backfill --stage dev --execute`"),
        (backfilled, "`remodel validate --stage dev --full`"),
        (different, "`remodel validate --stage dev --full --repair --execute`"),
        (READY, "pause the application's writes, then `remodel cutover --stage dev --execute`"),
        (cut, "watch the application for 6.5 more days; `remodel rollback --stage dev --execute` goes back"),
        (replace(cut, run=replace(CUT, cut_over=7.0)), "`remodel finish --stage dev`"),
        (replace(cut, run=replace(CUT, cut_over=7.0, finished=True)), "nothing"),
    ]
    assert [next_step(facts).step for facts, _ in way] == [step for _, step in way]


def test_ways_back() -> None:
    off = [replace(READER, enabled=False)]
    killed = replace(READY, readers=off, run=replace(RUN, fenced="2026-11-22T08:00:00Z"))
    assert next_step(killed).step.startswith("`remodel cutover --stage dev --execute` goes on; `remodel rollback")
    back = replace(READY, readers=off, run=replace(RUN, uncovered=True))
    assert next_step(back).step == "`remodel prepare --stage dev --execute`"
    assert next_step(replace(back, readers=READY.readers)).step == "`remodel resync --stage dev --execute`"


def test_a_flag_without_a_fence_is_what_comes_first_after_the_cutover() -> None:
    assert (
        next_step(replace(READY, flag="new", run=Run(cut_over=0.5))).step == "`remodel rollback --stage dev --execute`"
    )


def test_a_fence_that_protects_the_application_is_lifted_by_a_rollback_alone() -> None:
    for facts in (replace(READY, run=CUT), replace(READY, flag=None, run=replace(CUT, interrupted=True))):
        assert next_step(facts).step == "`remodel rollback --stage dev --execute` lifts it"


@pytest.mark.parametrize("flag", ["New", "", "old "])
def test_a_flag_of_another_value_is_no_flag(flag: str) -> None:
    found = only(replace(READY, flag=flag))
    assert (found.found, found.remedy) == (
        f"expected old or new, found {flag!r}",
        "`remodel prepare --stage dev --execute`",
    )


def test_a_missing_old_table_comes_first() -> None:
    missing = replace(NOTHING, tables=[replace(OLD, found=None), *NOTHING.tables[1:]])
    assert "`RowsTable=…`" in next_step(missing).step
    sandbox = replace(missing, stack=Stack("sam deploy --config-env sandbox", makes_old_tables=True))
    assert next_step(sandbox).step == "`sam deploy --config-env sandbox` creates it"


def test_nothing_stops_a_cutover_that_has_been_made() -> None:
    cut = replace(READY, flag="new", readers=[replace(READER, enabled=False)])
    assert readiness.pending(cut) == []
