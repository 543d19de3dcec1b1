"""Every few minutes: what dead calls began is finished, and pending fan-outs that nothing advances are taken up."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from typing import Any

import remodel.startup  # noqa: F401 (first, so that it holds for all other imports)
from remodel.converge import serve_stalled, sweep
from remodel.requests import SweepRequest, parse
from remodel.runtime import wire
from remodel.telemetry import Telemetry

telemetry = Telemetry("sweep")
wired = cache(wire)


def handler(event: Any, context: Any) -> dict[str, Any]:
    """`{"older_than": seconds}`, by default longer than any call can live. Answers `{"swept": n, "left": n, …}`."""
    request, runtime = parse(SweepRequest, event), wired()
    with telemetry.call():
        call = runtime.call(context)
        swept = sweep(call, request.older_than)
        stalled = serve_stalled(call, runtime.stop_at(context))
        telemetry.count(NotesSwept=swept.swept, NotesLeft=swept.left, FanoutsStalled=stalled)
        telemetry.seconds(OldestNote=swept.oldest)
    return {**asdict(swept), "stalled": stalled}
