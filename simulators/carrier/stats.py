"""Counts of a simulated carrier, as plain integers; the JSON keys are those of the C tool ``smppsink``."""

from __future__ import annotations

import resource
import time
from typing import Any

from simulators.histogram import Histogram
from smsgw.smpp.constants import status_name


class Stats:
    """What happened since the start or the last ``reset``."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Count from 0 again."""
        self.submits = 0
        self.ok = 0
        self.statuses: dict[int, int] = {}
        self.unanswered = 0
        self.malformed = 0
        self.wrong_state = 0
        self.unknown_pdus = 0
        self.text_octets = 0
        self.first_s = 0.0
        self.last_s = 0.0
        self.receipts_wanted = 0
        self.receipts_sent = 0
        self.receipts_acked = 0
        self.receipts_nacked = 0
        self.receipts_resent = 0
        self.receipts_given_up = 0
        self.first_ack_s = 0.0
        self.last_ack_s = 0.0
        self.receipt_ack = Histogram()
        self.mo_sent = 0
        self.mo_acked = 0
        self.mo_nacked = 0
        self.mo_resent = 0
        self.mo_given_up = 0
        self.binds = 0
        self.binds_refused = 0
        self.unbinds = 0
        self.enquire_links = 0
        self.connections = 0
        self.drops = 0
        #: Malformed and unknown PDUs that were sent, and by status what was answered to them.
        self.faults_sent = 0
        self.faults_answered: dict[int, int] = {}
        self._cpu = resource.getrusage(resource.RUSAGE_SELF)

    def refused(self, status: int) -> None:
        """One submit_sm was answered with an error."""
        self.statuses[status] = self.statuses.get(status, 0) + 1

    def to_json(self, waiting: int, connections_now: int) -> dict[str, Any]:
        """The summary; ``waiting`` receipts are not answered yet."""
        active_s = self.last_s - self.first_s
        ack_s = self.last_ack_s - self.first_ack_s
        usage = resource.getrusage(resource.RUSAGE_SELF)
        user_s, system_s = usage.ru_utime - self._cpu.ru_utime, usage.ru_stime - self._cpu.ru_stime
        return {
            "tool": "carrier-sim",
            "submits": self.submits,
            "ok": self.ok,
            "failed": sum(self.statuses.values()),
            "status": {status_name(status): count for status, count in sorted(self.statuses.items())},
            "never_answered": self.unanswered,
            "malformed": self.malformed,
            "wrong_state": self.wrong_state,
            "unknown_pdus": self.unknown_pdus,
            "text_octets": self.text_octets,
            "active_s": round(active_s, 3),
            "submits_per_s": round((self.submits - 1) / active_s, 1) if active_s > 0 else 0.0,
            "dlr_wanted": self.receipts_wanted,
            "dlr_sent": self.receipts_sent,
            "dlr_acked": self.receipts_acked,
            "dlr_nacked": self.receipts_nacked,
            "dlr_resent": self.receipts_resent,
            "dlr_given_up": self.receipts_given_up,
            "dlr_waiting": waiting,
            "dlr_acked_per_s": round((self.receipts_acked - 1) / ack_s, 1) if ack_s > 0 else 0.0,
            "dlr_ack_ms": self.receipt_ack.milliseconds(),
            "mo_sent": self.mo_sent,
            "mo_acked": self.mo_acked,
            "mo_nacked": self.mo_nacked,
            "mo_resent": self.mo_resent,
            "mo_given_up": self.mo_given_up,
            "binds": self.binds,
            "bind_refused": self.binds_refused,
            "unbinds": self.unbinds,
            "enquire_links": self.enquire_links,
            "connections": self.connections,
            "connections_now": connections_now,
            "drops": self.drops,
            "faults_sent": self.faults_sent,
            "faults_answered": {status_name(status): n for status, n in sorted(self.faults_answered.items())},
            "cpu_s": {"user": round(user_s, 2), "sys": round(system_s, 2)},
            "cpu_us_per_message": round((user_s + system_s) * 1e6 / self.submits, 2) if self.submits else 0.0,
        }

    def submitted(self, octets: int) -> None:
        """One well-formed submit_sm came."""
        now_s = time.monotonic()
        self.submits += 1
        self.text_octets += octets
        self.last_s = now_s
        if not self.first_s:
            self.first_s = now_s
