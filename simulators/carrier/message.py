"""One submit_sm as the simulated carrier keeps it: the received octets and what became of them.

Everything readable is decoded on demand, because most messages of a load run are never looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulators.carrier.states import ENROUTE
from smsgw.smpp.alphabet import decode_text
from smsgw.smpp.pdu import DataSm, Sm

if TYPE_CHECKING:
    from simulators.carrier.account import Account
    from simulators.carrier.link import CarrierLink
    from simulators.carrier.plan import Plan

_PRINTABLE = bytes(octet if 32 <= octet < 127 else ord(".") for octet in range(256))
_UDHI = 0x40
_UCS2 = 8


class Message:
    """A received message; ``status`` 0 means accepted, ``message_id`` is then what the response carries."""

    __slots__ = (
        "account", "cancelled", "done_s", "link", "message_id", "number", "plan", "replaced", "response_id",
        "sequence_number", "sm", "state", "status", "wall_s",
    )  # fmt: skip

    def __init__(
        self,
        link: CarrierLink,
        account: Account,
        sm: Sm | DataSm,
        sequence_number: int,
        response_id: int,
        plan: Plan,
        wall_s: float,
    ) -> None:
        self.link = link
        self.account = account
        self.sm = sm
        self.sequence_number = sequence_number
        #: command_id of its response.
        self.response_id = response_id
        self.plan = plan
        self.status = plan.status
        #: Seconds since the epoch when it came.
        self.wall_s = wall_s
        self.number = 0
        self.message_id = b""
        #: What its receipts said so far; the first final state stays.
        self.state = ENROUTE
        #: Seconds since the epoch when it reached a final state; 0 until then.
        self.done_s = 0.0
        self.cancelled = False
        #: The short_message of a replace_sm.
        self.replaced: bytes | None = None

    @property
    def system_id(self) -> str:
        """The account it came from."""
        return self.account.system_id

    @property
    def source(self) -> str:
        """source_addr as text."""
        return self.sm.source_addr.decode("latin-1")

    @property
    def recipient(self) -> str:
        """destination_addr as text."""
        return self.sm.destination_addr.decode("latin-1")

    @property
    def payload(self) -> bytes:
        """short_message or message_payload as received, with its user data header."""
        return self.sm.payload

    @property
    def user_data(self) -> bytes:
        """The payload without its user data header."""
        if self.replaced is not None:
            return self.replaced
        payload = self.sm.payload
        if self.sm.esm_class & _UDHI and payload:
            return payload[payload[0] + 1 :]
        return payload

    @property
    def text(self) -> str:
        """The decoded text of this one message or segment."""
        return decode_text(self.user_data, self.sm.data_coding)

    def head(self) -> bytes:
        """The first 20 characters in printable ASCII, for the ``text:`` of a receipt."""
        data = self.user_data
        if self.sm.data_coding == _UCS2:
            return data[:40].decode("utf-16-be", "replace").encode("ascii", "replace").translate(_PRINTABLE)
        return data[:20].translate(_PRINTABLE)

    def to_json(self) -> dict[str, Any]:
        """What the control line says of it; the log has the same keys."""
        sm = self.sm
        return {
            "time": round(self.wall_s, 6),
            "system_id": self.system_id,
            "bind": self.link.number,
            "sequence": self.sequence_number,
            "status": self.status,
            "id": self.message_id.decode("latin-1"),
            "source": self.source,
            "destination": self.recipient,
            "data_coding": sm.data_coding,
            "esm_class": sm.esm_class,
            "registered_delivery": sm.registered_delivery,
            "fate": self.plan.fate,
            "text": self.text,
            "hex": sm.payload.hex(),
        }
