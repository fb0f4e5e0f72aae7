"""One thing that happened in a simulation, as expectations, the control port and reports look at it.

Made on demand from what the simulators keep; nothing on the hot path builds one.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """A message, a receipt, an MO or a bind. Fields that make no sense for a kind are empty."""

    #: "submit", "receipt", "mo", "bind", "refused_bind", "unbind" or "lost" (a connection that went without unbind).
    kind: str
    #: Name of the simulated carrier or application.
    where: str
    #: Business time, milliseconds since 1970 UTC.
    at_ms: int
    #: Real time, seconds of time.monotonic().
    real_s: float
    account: str = ""
    #: Number of the connection.
    bind: int = 0
    source: str = ""
    destination: str = ""
    text: str = ""
    #: command_status with which it was answered; None while it is not, or never.
    status: int | None = None
    #: When, in seconds of time.monotonic().
    answered_s: float | None = None
    message_id: str = ""
    #: Of a receipt.
    stat: str = ""
    err: str = ""
    message_state: int | None = None
    data_coding: int = 0
    esm_class: int = 0
    registered_delivery: int = 0
    segments: int = 1
    #: (reference, total, index) of a segment.
    concat: tuple[int, int, int] | None = None
    #: Tag and value.
    tlvs: tuple[tuple[int, bytes], ...] = ()
    #: What became of it that its status does not say.
    fate: str = ""
    #: The whole PDU as received or sent.
    pdu: bytes = b""

    def to_json(self) -> dict[str, Any]:
        """Ready for JSON: octets in hexadecimal, time in ISO 8601."""
        shown = asdict(self)
        shown["at"] = datetime.fromtimestamp(self.at_ms / 1000, UTC).isoformat(timespec="milliseconds")
        shown["tlvs"] = [{"tag": tag, "hex": value.hex()} for tag, value in self.tlvs]
        shown["pdu"] = self.pdu.hex()
        return shown
