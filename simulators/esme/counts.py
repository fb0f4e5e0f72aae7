"""What a load run saw: counts, latencies, and receipts matched to their messages by id.

The JSON keys are those of the C tool ``smppload``. Memory is bounded by what is unanswered: an id
is forgotten some time after its receipt came, and a receipt for a forgotten id counts as unmatched.
"""

from __future__ import annotations

import math
import resource
import time
from typing import Any

from simulators.histogram import Histogram
from smsgw.smpp.constants import status_name

#: Ids whose receipt came, kept to know a second one: between one and two times as many.
_DONE_KEPT = 200_000
#: Receipts kept whose id no response has named yet.
_EARLY_KEPT = 1_000_000


class Counts:
    """Plain counters; times are seconds of time.monotonic()."""

    def __init__(self) -> None:
        self.sent = 0
        self.answered = 0
        self.ok = 0
        self.ok_without_id = 0
        #: Accepted messages that asked for a receipt.
        self.wanted = 0
        #: Segments whose connection went before their turn came.
        self.unsent = 0
        self.statuses: dict[int, int] = {}
        self.lost = 0
        self.bad_pdus = 0
        self.disconnects = 0
        self.binds = 0
        self.binds_refused = 0
        self.receipts = 0
        self.matched = 0
        self.delivered = 0
        self.other_state = 0
        self.duplicates = 0
        self.before_response = 0
        self.receipts_without_id = 0
        self.id_tlv_differs = 0
        self.mo = 0
        self.started_s = 0.0
        self.sending_ended_s = 0.0
        self.last_answer_s = 0.0
        self.first_receipt_s = 0.0
        self.last_receipt_s = 0.0
        self.answer_latency = Histogram()
        self.receipt_latency = Histogram()
        self._cpu = resource.getrusage(resource.RUSAGE_SELF)
        self._waiting: dict[bytes, float] = {}
        self._early: dict[bytes, float] = {}
        self._forgotten = 0
        self._done: set[bytes] = set()
        self._done_before: set[bytes] = set()

    def start(self) -> None:
        """Sending begins now; CPU time counts from here."""
        self.started_s = time.monotonic()
        self._cpu = resource.getrusage(resource.RUSAGE_SELF)

    @property
    def unmatched(self) -> int:
        """Receipts for ids that no response has named."""
        return len(self._early) + self._forgotten

    def accepted(self, message_id: bytes, due_s: float) -> None:
        """A message whose receipt is wanted was answered ESME_ROK with this id."""
        early_s = self._early.pop(message_id, None) if self._early else None
        if early_s is not None:
            self.before_response += 1
            self._match(message_id, due_s, early_s)
        elif message_id in self._waiting:
            self.duplicates += 1
        else:
            self._waiting[message_id] = due_s

    def receipt(self, message_id: bytes, now_s: float) -> None:
        """A receipt that names this id came."""
        due_s = self._waiting.pop(message_id, None)
        if due_s is not None:
            self._match(message_id, due_s, now_s)
        elif message_id in self._done or message_id in self._done_before or message_id in self._early:
            self.duplicates += 1
        else:
            self._early[message_id] = now_s
            if len(self._early) > _EARLY_KEPT:
                del self._early[next(iter(self._early))]
                self._forgotten += 1

    def _match(self, message_id: bytes, due_s: float, now_s: float) -> None:
        self.matched += 1
        self.receipt_latency.add(now_s - due_s)
        self._done.add(message_id)
        if len(self._done) >= _DONE_KEPT:
            self._done_before, self._done = self._done, set()

    def to_json(self, unanswered: int) -> dict[str, Any]:
        """The result; ``unanswered`` requests are still open."""
        elapsed_s = max(0.0, self.last_answer_s - self.started_s)
        receipts_s = max(0.0, self.last_receipt_s - self.started_s)
        span_s = self.last_receipt_s - self.first_receipt_s
        usage = resource.getrusage(resource.RUSAGE_SELF)
        user_s, system_s = usage.ru_utime - self._cpu.ru_utime, usage.ru_stime - self._cpu.ru_stime
        return {
            "sent": self.sent,
            "answered": self.answered,
            "ok": self.ok,
            "unanswered": unanswered + self.lost,
            "status": {status_name(status): count for status, count in sorted(self.statuses.items())},
            "receipts": self.receipts,
            "wanted": self.wanted,
            "matched": self.matched,
            "delivrd": self.delivered,
            "other_stat": self.other_state,
            "dup": self.duplicates,
            "before_resp": self.before_response,
            "unmatched": self.unmatched,
            "receipt_no_id": self.receipts_without_id,
            "id_tlv_differs": self.id_tlv_differs,
            "mo": self.mo,
            "disconnects": self.disconnects,
            "binds": self.binds,
            "bind_refused": self.binds_refused,
            "ok_without_id": self.ok_without_id,
            "bad_pdus": self.bad_pdus,
            "send_s": round(max(0.0, self.sending_ended_s - self.started_s), 3),
            "elapsed_s": round(elapsed_s, 3),
            "ok_per_s": _rate(self.ok, elapsed_s),
            "receipts_elapsed_s": round(receipts_s, 3),
            "receipts_per_s": _rate(self.matched, receipts_s),
            "receipts_span_s": round(span_s, 3),
            "receipts_span_per_s": _rate(self.matched, span_s),
            "resp_ms": self.answer_latency.milliseconds(),
            "receipt_ms": self.receipt_latency.milliseconds(),
            "cpu_s": {"user": round(user_s, 2), "sys": round(system_s, 2)},
            "cpu_us_per_message": round((user_s + system_s) * 1e6 / self.sent, 2) if self.sent else 0.0,
        }

    def histograms(self) -> dict[str, list[tuple[float, int]]]:
        """(milliseconds, how many up to there and above the one before), for both latencies."""
        kept = (("resp_histogram", self.answer_latency), ("receipt_histogram", self.receipt_latency))
        return {name: [(round(up_to_s * 1e3, 3), count) for up_to_s, count in bars(each, 20)] for name, each in kept}


def bars(latency: Histogram, per_decade: int) -> list[tuple[float, int]]:
    """(seconds, count) of latencies in wider buckets: ``per_decade`` for a factor of ten; empty ones in between too."""
    rows: dict[int, int] = {}
    for up_to_s, count in latency.rows():
        row = math.ceil(math.log10(up_to_s) * per_decade)
        rows[row] = rows.get(row, 0) + count
    return [
        (10 ** (row / per_decade), rows.get(row, 0)) for row in range(min(rows, default=0), max(rows, default=-1) + 1)
    ]


def _rate(count: int, seconds: float) -> float:
    return round(count / seconds, 1) if seconds > 0 else 0.0
