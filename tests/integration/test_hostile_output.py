"""What hostile rows hold reaches no terminal, log or journal but as text, and no log at all: through the verbs and functions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.hostile.values import MARKUP
from tests.integration.stand import Stand
from tests.places import replicate
from tests.records import Application
from tests.rows import actual, guid, link, measure, person, text
from tests.unit.test_output import is_text

ESCAPE = "[/]\x1b[2J\x1b]52;c;aGk=\x07\u202e\nstage sandbox: done " + "<script>" * 100
SECRET = "known-to-the-tenant-alone"


@pytest.fixture
def hostile(stand: Stand) -> Stand:
    """Rows whose ids, groups and values are hostile; some accepted, some rejected, one different in the new table."""
    stand.put("links", link(measure_id=text(ESCAPE), goal_id=text(ESCAPE)), link(id=text(ESCAPE[:500])))
    stand.put("links", link("other", tenant_id=text(ESCAPE[:300]), measure_id=text(ESCAPE)))
    stand.put("actuals", actual("a", measure_id=text(ESCAPE), tenant_id=text("t"), override_comment=text(ESCAPE * 100)))
    stand.put("actuals", *(actual(id=text(f"{n}{each}"), x=text(ESCAPE)) for n, each in enumerate(MARKUP)))
    stand.cloud.switch_streams_on()
    return stand


def test_every_verb_prints_text(hostile: Stand) -> None:
    hostile.run("backup", "--execute")
    hostile.cloud.start_pollers()
    hostile.run("backfill", "--segments", "1", "--execute")
    (row,) = hostile.cloud.dynamodb.query(
        TableName=hostile.cloud.tables["measure_data"],
        KeyConditionExpression="id = :id",
        ExpressionAttributeValues={":id": {"S": guid("a")}},
    )["Items"]
    hostile.put("measure_data", {**row, "override_comment": text(f"{ESCAPE * 99}{ESCAPE}!"), ESCAPE: text(ESCAPE)})
    typed = [
        (["plan", "--full"], 0),
        (["validate", "--full"], 1),
        (["quarantine", "list"], 0),
        (["quarantine", "show", f"0{MARKUP[0]}", "--table", "actuals"], 0),
        (["quarantine", "show", ESCAPE, "--table", "actuals"], 1),
        (["quarantine", "replay", "--all", "--execute"], 1),
        (["status"], 0),
        (["cutover"], 1),
        (["log"], 0),
    ]
    for words, ends in typed:
        told = hostile.run(*words, status=ends)
        assert is_text(told), words
        assert "\nstage sandbox: done" not in told and len(told) < 60_000, words
        if words[0] != "status" and ESCAPE not in words:
            assert json.dumps(hostile.ask(*words, status=ends)), words
    pages = [page.read_text() for page in Path(hostile.cloud.folder).rglob("*.html")]
    assert pages and all(is_text(page) and "<script>" not in page for page in pages)

    journal = json.dumps(hostile.cloud.dynamodb.scan(TableName=hostile.cloud.tables["migration"])["Items"], default=str)
    assert "script" not in journal


def test_no_log_has_keys_or_contents(application: Application, capsys: pytest.CaptureFixture[str]) -> None:
    """Of rows that are written, rejected, changed, compared, replayed; the index has keys, and no content."""
    key = text(f"key-{SECRET}")
    rows = {
        "measures": [measure(id=key, owner_id=key)],
        "people": [person(f"key-{SECRET}", f"key-{SECRET}")],
        "links": [
            link(measure_id=key, goal_id=key, tenant_id=key, created_by=key, link_type=text(SECRET)),
            link(id=key),
        ],
        "actuals": [
            actual(measure_id=key, override_comment=text(SECRET), tenant_id=key),
            actual("bad", measure_id=key, actual_value=text(SECRET)),
            actual(id=key, data_source=text(SECRET)),
        ],
    }
    for source, its_rows in rows.items():
        application.do(source, *its_rows)
    application.backfill()
    for event in ({"source": "actuals", "ids": [f"key-{SECRET}"]}, {"all": True}):
        application.handlers("Replay", event)
    application.place.remove("measure_data", {"id": text(guid("actual"))})
    for mode in ("counts", "sample", "full"):
        application.handlers("Reconcile", {"mode": mode, "repair": mode == "full"})
    application.handlers("Sweep", {"older_than": 0})
    application.undo("actuals", *rows["actuals"])
    with pytest.raises(Exception, match="expected"):
        application.handlers(replicate("links"), {"Records": SECRET})

    out, err = capsys.readouterr()
    assert '"service":"replicate"' in out and SECRET not in out + err
    index = json.dumps(application.place.rows("index"), default=str)
    assert SECRET in index and SECRET not in index.replace(f"key-{SECRET}", ""), "keys, and no content"
