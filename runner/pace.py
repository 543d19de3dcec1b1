"""How fast a backfill may write: what a person asked for, and what the tables and the streams can bear.

Plain figures in, figures out. Where tables throttle, the pace is halved, and grows again by a quarter a call; while a stream
is further behind than that, nothing is begun at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

SEGMENTS = 4
"""Parts of a table side by side, unless a person asks for others."""

BEHIND = 60.0
"""Seconds of lag at which a backfill waits for the streams: what changes now comes before what was there."""

SMALLEST = 1 / 64
"""Of what was asked for; less would look like standing still."""


@dataclass(frozen=True, slots=True)
class Pace:
    """asked: write units a second over all segments, None for as fast as it goes. share: of that, at present.

    seen: units a second that the last call reached alone, for want of anything asked for.
    """

    asked: float | None = None
    share: float = 1.0
    seen: float = 0.0

    def after(self, units: float, seconds: float, throttled: int) -> Pace:
        """What it is after a call that wrote so much in so long, and was turned away so often."""
        share = max(SMALLEST, self.share / 2) if throttled else min(1.0, self.share * 1.25)
        return replace(self, share=share, seen=max(self.seen, units / seconds) if seconds > 0 else self.seen)

    def each(self, segments: int) -> float | None:
        """Units a second for each of so many segments side by side; None for as fast as it goes."""
        if self.asked is not None:
            return max(1.0, self.asked * self.share / max(1, segments))
        return None if self.share == 1.0 or not self.seen else max(1.0, self.seen * self.share)


def furthest_behind(lags: Iterable[tuple[str, float | None]]) -> tuple[str, float] | None:
    """The source whose stream must be waited for, and its lag in seconds; None where all keep up, as far as is known."""
    late = [(source, lag) for source, lag in lags if lag is not None and lag > BEHIND]
    return max(late, key=lambda each: each[1], default=None)
