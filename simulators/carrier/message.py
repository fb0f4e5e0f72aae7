"""One submit_sm as the simulated carrier keeps it: the received octets and what became of them.

Everything readable is decoded on demand, because most messages of a load run are never looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulators.carrier.states import ENROUTE
from simulators.entry import Entry
from smsgw.errors import RecoverableError
from smsgw.smpp.alphabet import decode_text
from smsgw.smpp.constants import RESPONSE_BIT, CommandId
from smsgw.smpp.pdu import DataSm, Sm
from smsgw.smpp.segments import count_segments
from smsgw.smpp.udh import concat_of

if TYPE_CHECKING:
    from simulators.carrier.account import Account
    from simulators.carrier.link import CarrierLink
    from simulators.carrier.plan import Plan, Words

_PRINTABLE = bytes(octet if 32 <= octet < 127 else ord(".") for octet in range(256))
_UDHI = 0x40
_UCS2 = 8
_SUBMIT_MULTI_RESP = int(CommandId.SUBMIT_MULTI) | RESPONSE_BIT


class Message:
    """A received message; ``status`` 0 means accepted, ``message_id`` is then what the response carries."""

    __slots__ = (
        "account", "answered_s", "cancelled", "delays", "done_s", "link", "message_id", "nth", "number", "plan",
        "real_s", "replaced", "response_id", "sequence_number", "sm", "state", "status", "wall_s", "words",
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
        real_s: float = 0.0,
        nth: int = -1,
        words: Words = (),
    ) -> None:
        self.link = link
        self.account = account
        self.sm = sm
        self.sequence_number = sequence_number
        #: command_id of its response.
        self.response_id = response_id
        self.plan = plan
        self.status = plan.status
        #: Business time when it came, in seconds since the epoch.
        self.wall_s = wall_s
        #: When it came and was answered, in seconds of time.monotonic(); 0 while it is not answered.
        self.real_s = real_s
        self.answered_s = 0.0
        #: How many messages its recipient had before; -1 when a limit, or somebody's hand, refused it.
        self.nth = nth
        #: What was drawn for it, until all that hangs on it is known.
        self.words = words
        #: How long each receipt of its plan waits, in seconds.
        self.delays: tuple[float, ...] = plan.draw_delays(words) if plan.delays is None else plan.delays
        self.number = 0
        self.message_id = b""
        #: What its receipts said so far; the first final state stays.
        self.state = ENROUTE
        #: Business time when it reached a final state; 0 until then.
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
        sm = self.sm
        data = self.user_data if self.replaced is not None or sm.esm_class & _UDHI else sm.payload
        if sm.data_coding == _UCS2:
            return data[:40].decode("utf-16-be", "replace").encode("ascii", "replace").translate(_PRINTABLE)
        return data[:20].translate(_PRINTABLE)

    def to_entry(self, where: str) -> Entry:
        """What expectations and the control port look at; ``where`` is the carrier's name."""
        sm = self.sm
        answered = self.answered_s != 0 or self.response_id == _SUBMIT_MULTI_RESP
        concat = tlvs = None
        try:
            tlvs = tuple(sm.tlvs)
            concat = concat_of(sm)
        except RecoverableError:
            pass  # broken TLVs or a broken header: the message stands alone
        return Entry(
            kind="submit",
            where=where,
            at_ms=round(self.wall_s * 1000),
            real_s=self.real_s,
            account=self.system_id,
            bind=self.link.number,
            source=self.source,
            destination=self.recipient,
            text=self.text,
            status=self.status if answered else None,
            answered_s=self.answered_s or None,
            message_id=self.message_id.decode("latin-1"),
            data_coding=sm.data_coding,
            esm_class=sm.esm_class,
            registered_delivery=sm.registered_delivery,
            segments=count_segments(self.user_data, sm.data_coding),
            concat=(concat.reference, concat.total, concat.index) if concat is not None else None,
            tlvs=tlvs or (),
            fate=self.plan.fate,
            pdu=sm.raw,
        )

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
