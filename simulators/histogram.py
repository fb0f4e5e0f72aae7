"""Latencies in logarithmic buckets, as HdrHistogram keeps them: a fixed memory, an error below 1 %.

A bucket is 1 % wide and answers with its middle, so a quantile is within 0.5 % of the true one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

_WIDTH = math.log(1.01)
_SCALE = 1.0 / _WIDTH
_LOWEST_S = 1e-6
_SHIFT = -math.log(_LOWEST_S) * _SCALE
_BUCKETS = int(math.log(1e6 / _LOWEST_S) * _SCALE) + 2

_log = math.log


class Histogram:
    """Seconds from 1 microsecond to 10 days; what lies outside counts in the end buckets."""

    __slots__ = ("_counts", "count", "max_s", "total_s")

    def __init__(self) -> None:
        self._counts = [0] * _BUCKETS
        self.count = 0
        self.total_s = 0.0
        self.max_s = 0.0

    def add(self, seconds: float) -> None:
        """Count one value; negative ones count as the lowest."""
        self.count += 1
        if seconds > self.max_s:
            self.max_s = seconds
        if seconds > _LOWEST_S:
            self.total_s += seconds
            index = int(_log(seconds) * _SCALE + _SHIFT)
            self._counts[index if index < _BUCKETS else -1] += 1
        else:
            self._counts[0] += 1

    def quantile(self, q: float) -> float:
        """Seconds below which the share ``q`` of all values lies; 0.0 when there is none."""
        wanted = max(1, math.ceil(q * self.count))
        seen = 0
        for index, count in enumerate(self._counts):
            seen += count
            if count and seen >= wanted:
                return min(math.exp((index + 0.5 - _SHIFT) * _WIDTH), self.max_s)
        return 0.0

    def rows(self) -> Iterator[tuple[float, int]]:
        """Upper bound in seconds and count of each bucket that holds any, from below."""
        for index, count in enumerate(self._counts):
            if count:
                yield math.exp((index + 1 - _SHIFT) * _WIDTH), count

    def milliseconds(self) -> dict[str, float]:
        """The summary as the load tools print it, in milliseconds."""
        mean = self.total_s / self.count if self.count else 0.0
        summary: dict[str, float] = {"n": self.count, "mean": round(mean * 1e3, 3)}
        for name, q in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999)):
            summary[name] = round(self.quantile(q) * 1e3, 3)
        summary["max"] = round(self.max_s * 1e3, 3)
        return summary
