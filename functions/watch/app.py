"""Every few minutes: is each stream read? A sighting is stored; a gap in which records may have been trimmed is kept."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import Any

import remodel.startup  # noqa: F401 (first, so that it holds for all other imports)
from remodel.call import Call
from remodel.client import make_plain_client
from remodel.runtime import Runtime, wire
from remodel.settings import variable
from remodel.sources import Source, Sources
from remodel.streams import RETENTION, Gap, gap, gaps, sighted, sightings
from remodel.telemetry import Telemetry

telemetry = Telemetry("watch")


@dataclass(frozen=True, slots=True)
class Watching:
    """`functions`: on the streams, by old table."""

    runtime: Runtime
    sources: Sources
    functions: dict[str, str]


@cache
def wired() -> Watching:
    """The functions on streams are named in variables that end in `_FUNCTION`."""
    runtime = wire()
    found = {name: os.environ.get(variable(name, "FUNCTION"), "") for name in runtime.place.model.old_tables}
    sources = Sources(make_plain_client("lambda"), make_plain_client("cloudwatch"))
    return Watching(runtime, sources, {name: function for name, function in found.items() if function})


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Answers the old tables whose streams were shown to be read, and the gaps that nothing has covered yet."""
    watching = wired()
    call = watching.runtime.call(context)
    with telemetry.call():
        read = [
            name for name, function in watching.functions.items() if _is_read(call, name, watching.sources, function)
        ]
        open_ = [each.source for each in gaps(call)]
        telemetry.count(StreamsRead=len(read), Gaps=len(open_))
    return {"read": sorted(read), "gaps": sorted(open_)}


def _is_read(call: Call, table: str, sources: Sources, function: str) -> bool:
    """Stores that the stream is read, or that another one is, or that records of it were lost."""
    source = sources.find(function)
    if source is None:
        return False
    if lost := sources.dropped(source):
        at = lost.timestamp()
        gap(call, Gap(table, at - RETENTION, at, "Lambda has given up records and could not keep them"))
    polled = sources.polled(source)
    if _is_another(call, table, source) or polled is None:
        return False
    sighted(call, table, source.label, at=call.now() - polled)
    return True


def _is_another(call: Call, table: str, source: Source) -> bool:
    """A stream that was switched off and on again has a new label, and a mapping goes on reading the one before."""
    latest = call.store.stream(table)
    if latest is not None and latest.label == source.label:
        return False
    known = sightings(call).get(table)
    found = latest.label if latest else "none"
    reason = f"the event source mapping reads stream {source.label}, and the latest one of the table is {found}"
    gap(call, Gap(table, known.at if known else call.now(), call.now(), reason))
    return True
