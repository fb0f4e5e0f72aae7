"""``load --histogram``: the latencies of a run as bars, for a terminal."""

from __future__ import annotations

import math

from simulators.esme.counts import Counts, bars
from simulators.histogram import Histogram

_WIDTH = 50
#: Rows for a factor of ten.
_PER_DECADE = 6


def chart(counts: Counts) -> str:
    """Both latencies; what was not seen is left out."""
    titled = (("answers", counts.answer_latency), ("receipts", counts.receipt_latency))
    return "\n".join(_bars(title, latency) for title, latency in titled if latency.count)


def _bars(title: str, latency: Histogram) -> str:
    rows = bars(latency, _PER_DECADE)
    most = max(count for _, count in rows)
    lines = [f"{title}, milliseconds up to"]
    seen = 0
    for up_to_s, count in rows:
        seen += count
        bar = "█" * math.ceil(count / most * _WIDTH)
        lines.append(f"{up_to_s * 1e3:10.3g} {bar:{_WIDTH}} {count:8} {seen / latency.count:7.2%}")
    return "\n".join(lines)
