"""The machine's clock."""

from __future__ import annotations

import random
import time


class SystemClock:
    def now(self) -> float:
        """Seconds since 1970, in UTC."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def jitter(self) -> float:
        """A random number from 0 to 1."""
        return random.random()
