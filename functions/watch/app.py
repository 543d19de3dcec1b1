"""Every few minutes: is each stream being read? A sighting is noted; a gap in which records may have been trimmed is kept."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import Any

import remodel.startup  # noqa: F401 (first, so that it holds for all other imports)
from measures import MODEL
from remodel.adapters.client import make_plain_client
from remodel.adapters.telemetry import Telemetry
from remodel.flow.streams import gaps, sighted
from remodel.wiring import Wired, wire
from runner.mappings import Mappings

telemetry = Telemetry("watch")


@dataclass(frozen=True, slots=True)
class Watching:
    it: Wired
    mappings: Mappings


@cache
def wired() -> Watching:
    """The functions on streams, by their logical ids, are named in variables that end in `_FUNCTION`."""
    it = wire(MODEL)
    sources = [name for name in MODEL.every if os.environ.get(f"{name.upper()}_FUNCTION")]
    names = {f"Replicate{name.title()}": os.environ[f"{name.upper()}_FUNCTION"] for name in sources}
    mappings = Mappings(make_plain_client("lambda"), make_plain_client("cloudwatch"), names, sources)
    return Watching(it, mappings)


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Answers the sources whose streams were shown to be read, and the gaps that nobody has covered yet."""
    watching = wired()
    engine, patience = watching.it.engine, watching.it.patience(context)
    with telemetry.call():
        read = {each.source: each.polled for each in watching.mappings.look() if each.polled is not None}
        for source, seconds in read.items():
            sighted(engine, source, engine.clock.now() - seconds, patience)
        open_ = [gap.source for gap in gaps(engine, patience)]
        telemetry.count(StreamsRead=len(read), Gaps=len(open_))
    return {"read": sorted(read), "gaps": sorted(open_)}
