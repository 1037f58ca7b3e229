"""Where the processor time goes: laps, each charged to a part of the work.

Time is that of the whole process, all threads together: a library that starts threads of its own
hides nothing.
"""

from __future__ import annotations

import time


class Stopwatch:
    """Charges the time since the last lap to a part; no time is lost between laps."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Begins anew: what happened before is charged to nothing."""
        self.seconds: dict[str, float] = {}
        self._started = time.perf_counter()
        self._last = time.process_time()

    def lap(self, part: str) -> None:
        now = time.process_time()
        self.seconds[part] = self.seconds.get(part, 0.0) + now - self._last
        self._last = now

    def elapsed(self) -> float:
        """Seconds by the clock on the wall, for comparison: more if others had the processor."""
        return time.perf_counter() - self._started
