"""What became of a replay as application, compared with the recording."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from simulators.capture.script import Request, Script, Session, receipt_id_of, text_of
from smsgw.smpp.constants import command_name, status_name

#: So many of a kind are listed; all are counted.
LISTED: Final = 100


@dataclass(frozen=True, slots=True)
class Difference:
    """A request that was answered otherwise than recorded; None: not answered."""

    request: Request
    recorded: int | None
    now: int | None

    def to_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {**shown_request(self.request), "recorded": _name(self.recorded), "now": _name(self.now)}


class ApplicationReport:
    """Grows while a replay runs."""

    def __init__(self, script: Script) -> None:
        self.requests = len(script.requests)
        self.sent = 0
        self.same = 0
        self.differences: list[Difference] = []
        self.statuses: Counter[str] = Counter()
        self.recorded_statuses: Counter[str] = Counter(_name(each.status) for each in script.requests)
        #: Connections that came to nothing or broke: number → why.
        self.troubles: dict[int, str] = {}
        self.unsent = 0
        self.binds_different: list[dict[str, Any]] = []
        self.deliveries = 0
        self.receipts = 0
        self.deliveries_recorded = sum(session.deliveries for session in script.sessions)
        self.elapsed_s = 0.0

    def answered(self, request: Request, status: int | None) -> None:
        """A request has its answer, or will have none."""
        self.statuses[_name(status)] += 1
        if status == request.status:
            self.same += 1
        else:
            self.differences.append(Difference(request, request.status, status))

    def bound(self, session: Session, status: int | None) -> None:
        """A bind was answered; None when it was not."""
        if status != session.bind_status:
            self.binds_different.append({
                "connection": session.conversation.connection,
                "account": session.account,
                "recorded": _name(session.bind_status),
                "now": _name(status),
            })  # fmt: skip

    def delivered(self, octets: bytes) -> None:
        """A deliver_sm or data_sm came."""
        self.deliveries += 1
        self.receipts += receipt_id_of(octets) is not None

    def trouble(self, session: Session, why: str, unsent: int) -> None:
        """A connection broke or never was; ``unsent`` requests were left."""
        self.troubles.setdefault(session.conversation.connection, why)
        self.unsent += unsent

    @property
    def is_same(self) -> bool:
        """Whether everything was sent, and answered and delivered as recorded."""
        return self.same == self.requests and not self.binds_different and self.deliveries == self.deliveries_recorded

    def to_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "tool": "replay-application",
            "same": self.is_same,
            "requests": self.requests,
            "sent": self.sent,
            "unsent": self.unsent,
            "answered_as_recorded": self.same,
            "answered_otherwise": len(self.differences),
            "statuses": dict(sorted(self.statuses.items())),
            "recorded_statuses": dict(sorted(self.recorded_statuses.items())),
            "deliveries": self.deliveries,
            "deliveries_recorded": self.deliveries_recorded,
            "receipts": self.receipts,
            "binds_different": self.binds_different,
            "troubles": {str(number): why for number, why in self.troubles.items()},
            "differences": [difference.to_json() for difference in self.differences[:LISTED]],
            "elapsed_s": round(self.elapsed_s, 3),
        }


def shown_request(request: Request) -> dict[str, Any]:
    """A request for people, ready for JSON."""
    return {
        "connection": request.pdu.connection,
        "account": request.account,
        "pdu": command_name(request.pdu.command_id),
        "source": request.source,
        "destination": request.destination,
        "text": text_of(request.pdu),
    }


def _name(status: int | None) -> str:
    return "none" if status is None else status_name(status)
