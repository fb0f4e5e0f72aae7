"""One submit_multi: many messages under the rules, one answer (SMPP 3.4 §4.5).

The client sees one message_id, that of the first destination; the others have it with a tail inside, so that
every receipt names the id that the client knows. The answer waits until all destinations are decided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smsgw.gateway.ids import with_tail
from smsgw.smpp.codec import Pdu, encode
from smsgw.smpp.constants import CommandId
from smsgw.smpp.layout import SmeAddress, UnsuccessSme
from smsgw.smpp.tlv import NO_TLVS

if TYPE_CHECKING:
    from smsgw.esme.account import Account
    from smsgw.esme.session import EsmeSession
    from smsgw.gateway.context import Context
    from smsgw.policy.model import Refusal

_STATUS = slice(8, 12)


class Multi:
    """The destinations of one request and what became of them."""

    def __init__(self, session: EsmeSession, sequence_number: int, context: Context, destinations: int) -> None:
        self.session = session
        self._context = context
        self._sequence_number = sequence_number
        self._undecided = destinations
        self._accepted = 0
        self._made = 0
        self._first_id = ""
        self._failures: list[UnsuccessSme] = []

    def sender(self, destination: SmeAddress) -> Destination:
        """Who asks for one destination."""
        return Destination(self, destination)

    def next_id(self, partition: int) -> str:
        """The message id of the next destination."""
        self._made += 1
        if not self._first_id:
            self._first_id = self._context.ids.next(partition, int(self._context.wall_s()))
            return self._first_id
        return with_tail(self._first_id, partition, self._made - 1)

    def accepted(self) -> None:
        """One destination is durable."""
        self._accepted += 1
        self._decided()

    def refused(self, destination: SmeAddress, command_status: int) -> None:
        """One destination was refused."""
        ton, npi, address = destination
        self._failures.append(UnsuccessSme(ton, npi, address, command_status))
        self._decided()

    def _decided(self) -> None:
        """Answer once all are; when none was accepted the first refusal is the status of the whole."""
        self._undecided -= 1
        if self._undecided:
            return
        status = 0 if self._accepted else self._failures[0].error_status_code
        fields: dict[str, object] = {}
        if self._accepted:
            fields = {"message_id": self._first_id.encode(), "unsuccess_smes": self._failures}
        answer = Pdu(int(CommandId.SUBMIT_MULTI_RESP), status, self._sequence_number, fields, NO_TLVS)
        self.session.answer(encode(answer))


class Destination:
    """Asks for one destination in the place of a session; see ``submission.Sender``."""

    __slots__ = ("_destination", "_multi")

    def __init__(self, multi: Multi, destination: SmeAddress) -> None:
        self._multi = multi
        self._destination = destination

    @property
    def account(self) -> Account | None:
        """The account that asks."""
        return self._multi.session.account

    @property
    def unanswered(self) -> int:
        """Its unanswered requests; the whole submit_multi is one of them."""
        return self._multi.session.unanswered

    @property
    def now_s(self) -> float:
        """Loop time of the request."""
        return self._multi.session.now_s

    def next_id(self, partition: int) -> str:
        """The message id to use."""
        return self._multi.next_id(partition)

    def answer(self, raw: bytes) -> None:
        """What would be the answer to a submit_sm."""
        status = int.from_bytes(raw[_STATUS], "big")
        if status:
            self._multi.refused(self._destination, status)
        else:
            self._multi.accepted()

    def refuse(self, command_id: int, sequence_number: int, refusal: Refusal) -> None:
        """A rule says no to this destination."""
        account = self.account
        vendor = account is not None and account.settings.vendor_codes
        self._multi.refused(self._destination, refusal.reason.command_status(vendor))
