"""What became of a replay as carrier: what was asked for, what was not, what was delivered."""

from __future__ import annotations

from typing import Any

from simulators.capture.application_report import LISTED, shown_request
from simulators.capture.script import Delivery, Request, Script
from smsgw.smpp.constants import status_name


class CarrierReport:
    """Grows while a replay runs. ``unmatched_status`` is what unknown requests are answered with."""

    def __init__(self, script: Script, unmatched_status: int) -> None:
        self._script = script
        self._unmatched_status = unmatched_status
        self._asked: set[int] = set()
        #: Requests that were recognised by less than everything in them.
        self.loosely = 0
        self.unmatched = 0
        self.unmatched_requests: list[Request] = []
        self.binds = 0
        self.deliveries = sum(session.deliveries for session in script.sessions)
        self.sent = 0
        self.answered = 0
        self.answered_otherwise: list[dict[str, Any]] = []
        #: Deliveries whose connection went before the answer.
        self.unanswered = 0

    def asked(self, request: Request, exactly: bool) -> None:
        """A recorded request came again."""
        self._asked.add(id(request))
        self.loosely += not exactly

    def is_asked(self, request: Request) -> bool:
        """Whether a recorded request came again."""
        return id(request) in self._asked

    def unknown(self, request: Request) -> None:
        """A request came that was not recorded, or came oftener."""
        self.unmatched += 1
        if len(self.unmatched_requests) < LISTED:
            self.unmatched_requests.append(request)

    def delivery_answered(self, delivery: Delivery, status: int) -> None:
        """The application answered a delivery."""
        self.answered += 1
        if delivery.status is not None and status != delivery.status and len(self.answered_otherwise) < LISTED:
            recorded, now = status_name(delivery.status), status_name(status)
            self.answered_otherwise.append({"recorded": recorded, "now": now, "pdu": delivery.pdu.octets.hex()})

    @property
    def matched(self) -> int:
        """How many recorded requests came again."""
        return len(self._asked)

    @property
    def is_complete(self) -> bool:
        """Whether everything was asked for, delivered and answered."""
        return self.matched == len(self._script.requests) and self.answered + self.unanswered >= self.deliveries

    @property
    def is_same(self) -> bool:
        """Whether it went as recorded."""
        return self.is_complete and not (self.unmatched or self.unanswered or self.answered_otherwise)

    def to_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        never = [request for request in self._script.requests if id(request) not in self._asked]
        return {
            "tool": "replay-carrier",
            "same": self.is_same,
            "requests": len(self._script.requests),
            "matched": self.matched,
            "matched_loosely": self.loosely,
            "unmatched": self.unmatched,
            "unmatched_answer": status_name(self._unmatched_status),
            "never_asked": len(never),
            "deliveries": self.deliveries,
            "deliveries_sent": self.sent,
            "deliveries_answered": self.answered,
            "deliveries_unanswered": self.unanswered,
            "deliveries_answered_otherwise": self.answered_otherwise,
            "binds": self.binds,
            "unmatched_requests": [shown_request(request) for request in self.unmatched_requests],
            "never_asked_requests": [shown_request(request) for request in never[:LISTED]],
        }
