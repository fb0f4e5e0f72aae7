"""Trouble made by hand on open connections: raw octets, malformed and unknown PDUs, floods.

Which fault comes next is drawn from the seed and how many were sent before. What the application answers
to a fault is counted (``stats.faults_answered``), not taken for an answer to a receipt.
"""

from __future__ import annotations

from datetime import UTC, datetime

from simulators.carrier.account import Account
from simulators.carrier.desk import Desk
from simulators.carrier.faults import fault_named, malformed_pdu, unknown_pdu
from simulators.carrier.link import CarrierLink
from simulators.carrier.outbox import Delivery, Outbox
from simulators.carrier.settings import CarrierSettings
from simulators.clock import SimClock
from simulators.draws import Draws
from smsgw.documents.names import with_hint
from smsgw.smpp import pdu
from smsgw.smpp.constants import ESM_RECEIPT, HEADER_OCTETS, CommandId, MessageState, Tag
from smsgw.smpp.receipt import build_receipt_text
from smsgw.smpp.tlv import tlv

FLOODS = ("enquire_link", "mo", "receipt", "unknown")
#: Ids of receipts about nothing, far from those that are given out.
_STRANGE = 7_000_000_000
_FLOODED = b"10690001"


class Trouble:
    """Sends what was asked for, at once."""

    def __init__(self, settings: CarrierSettings, desk: Desk, outbox: Outbox, clock: SimClock) -> None:
        self._desk = desk
        self._outbox = outbox
        self._clock = clock
        self._draws = Draws(settings.seed or 0)
        self._made = 0
        self._flooded = 0

    def reset(self) -> None:
        """Draw from the beginning again."""
        self._made = self._flooded = 0

    def send_raw(self, octets: bytes, system_id: str = "", bind: int = 0) -> int:
        """Write any octets; returns on how many connections."""
        links = self._desk.chosen(system_id, bind)
        for link in links:
            link.write(octets)
        return len(links)

    def send_malformed(self, kind: str = "", system_id: str = "", bind: int = 0) -> int:
        """Send one fault to each chosen connection; returns to how many. Raises ValueError for an unknown kind."""
        fault = fault_named(kind) if kind else None
        links = self._desk.chosen(system_id, bind)
        for link in links:
            word = self._word()
            sequence_number = link.session.next_sequence()
            octets = fault.make(word, sequence_number) if fault is not None else malformed_pdu(word, sequence_number)
            link.send_fault(octets, sequence_number)
        return len(links)

    def flood(self, kind: str, count: int, system_id: str = "", bind: int = 0) -> int:
        """Send ``count`` PDUs, spread over the chosen binds; returns how many.

        Receipts are about messages that never were. MO and receipts keep to the windows and wait for
        room in them. Raises ValueError for an unknown kind and LookupError when there is no such bind.
        """
        if kind not in FLOODS:
            raise ValueError(with_hint(f"kind: {kind!r} is no flood", kind, FLOODS))
        links = [link for link in self._desk.chosen(system_id, bind) if link.account is not None]
        if kind in ("mo", "receipt"):
            links = [link for link in links if link.can_receive]
        if not links:
            raise LookupError("no bind to flood" + (f" of {system_id!r}" if system_id else ""))
        for nth in range(count):
            link = links[nth % len(links)]
            if kind == "enquire_link":
                link.write(pdu.enquire_link(link.session.next_sequence()))
            elif kind == "unknown":
                sequence_number = link.session.next_sequence()
                link.send_fault(unknown_pdu(self._word(), sequence_number), sequence_number)
            else:
                assert link.account is not None
                self._deliver(link, link.account, kind)
        return count

    def _deliver(self, link: CarrierLink, account: Account, kind: str) -> None:
        self._flooded += 1
        nth = self._flooded
        if kind == "mo":
            self._outbox.send_mo(account, f"86139{nth:08}", _FLOODED.decode(), f"flood {nth}", origin=link)
            return
        message_id = b"%d" % (_STRANGE + nth)
        now = datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC)
        tlvs = tlv(Tag.RECEIPTED_MESSAGE_ID, message_id + b"\0")
        octets = pdu.deliver_sm(
            1,
            source_addr=b"86139%08d" % nth,
            destination_addr=_FLOODED,
            esm_class=ESM_RECEIPT,
            short_message=build_receipt_text(message_id.decode(), 1, 1, now, now, "DELIVRD"),
            tlvs=tlvs + tlv(Tag.MESSAGE_STATE, bytes([MessageState.DELIVERED])),
        )
        self._outbox.send(
            Delivery(account, int(CommandId.DELIVER_SM), octets[HEADER_OCTETS:], link, message_id=message_id)
        )

    def _word(self) -> int:
        self._made += 1
        return self._draws.words(b"fault", self._made)[0]
