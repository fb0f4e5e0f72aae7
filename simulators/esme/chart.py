"""``load --histogram``: the latencies of a run as bars, for a terminal."""

from __future__ import annotations

import math

from simulators.esme.counts import Counts
from simulators.histogram import Histogram

_WIDTH = 50
#: Rows for a factor of ten.
_PER_DECADE = 6


def chart(counts: Counts) -> str:
    """Both latencies; what was not seen is left out."""
    titled = (("answers", counts.answer_latency), ("receipts", counts.receipt_latency))
    return "\n".join(_bars(title, latency) for title, latency in titled if latency.count)


def _bars(title: str, latency: Histogram) -> str:
    rows: dict[int, int] = {}
    for up_to_s, count in latency.rows():
        row = math.ceil(math.log10(up_to_s) * _PER_DECADE)
        rows[row] = rows.get(row, 0) + count
    most = max(rows.values())
    lines = [f"{title}, milliseconds up to"]
    seen = 0
    for row in range(min(rows), max(rows) + 1):
        count = rows.get(row, 0)
        seen += count
        bar = "█" * math.ceil(count / most * _WIDTH)
        up_to_ms = 10 ** (row / _PER_DECADE) * 1e3
        lines.append(f"{up_to_ms:10.3g} {bar:{_WIDTH}} {count:8} {seen / latency.count:7.2%}")
    return "\n".join(lines)
