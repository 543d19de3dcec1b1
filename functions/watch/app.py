"""Every few minutes: is each stream read? A sighting is stored; a gap in which records may have been trimmed is kept."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import Any

import remodel.startup  # noqa: F401 (first, so that it holds for all other imports)
from remodel.client import make_plain_client
from remodel.runtime import Runtime, wire
from remodel.settings import variable
from remodel.streams import gaps, sighted
from remodel.telemetry import Telemetry
from runner.mappings import Mappings

telemetry = Telemetry("watch")


@dataclass(frozen=True, slots=True)
class Watching:
    runtime: Runtime
    mappings: Mappings


@cache
def wired() -> Watching:
    """The functions on streams are named in variables that end in `_FUNCTION`."""
    runtime = wire()
    found = {name: os.environ.get(variable(name, "FUNCTION"), "") for name in runtime.place.model.old_tables}
    names = {name: function for name, function in found.items() if function}
    return Watching(runtime, Mappings(make_plain_client("lambda"), make_plain_client("cloudwatch"), names, list(names)))


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Answers the old tables whose streams were shown to be read, and the gaps that nothing has covered yet."""
    watching = wired()
    call = watching.runtime.call(context)
    with telemetry.call():
        read = {each.source: each.polled for each in watching.mappings.look() if each.polled is not None}
        for source, seconds in read.items():
            sighted(call, source, "", at=call.now() - seconds)
        open_ = [each.source for each in gaps(call)]
        telemetry.count(StreamsRead=len(read), Gaps=len(open_))
    return {"read": sorted(read), "gaps": sorted(open_)}
