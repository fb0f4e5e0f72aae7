"""What is kept of a segment that a carrier has taken, so that its receipts find the application's message.

Owns: which of our messages a carrier's id stands for, under which keys it is found, and since when its last receipt is
waited for. Never ends a stream entry by itself, except in the one call that does both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from smsgw.gateway.reports import wanted_kinds
from smsgw.gateway.views import view_of
from smsgw.smpp.constants import CommandId
from smsgw.store.correlation import TAG_OCTETS, UNDECIDED, Mapping, SharedMapping, bucket_of
from smsgw.store.envelope import INTERNAL, ONE_RECEIPT, Envelope
from smsgw.store.sharing import Target

if TYPE_CHECKING:
    from smsgw.gateway.context import Context
    from smsgw.gateway.lanes import Job

_COMMAND_ID = slice(4, 8)
_DATA_SM = int(CommandId.DATA_SM).to_bytes(4, "big")

#: Index of one of the application's segments → its sealed origin.
Origins = Callable[[int], bytes]


class Taken(NamedTuple):
    """What settlement gives back with the receipts that had overtaken the answer."""

    carrier: str
    province: str


class Keeping:
    """One for all carriers."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def taken(
        self, carrier: str, job: Job, index: int, carrier_message_id: str, origin: Origins, ends: bool = False,
        is_kept: bool = False,
    ) -> None:  # fmt: skip
        """The carrier has taken PDU ``index``; ``ends``: that is the end of the stream entry too.

        ``is_kept``: the whole message lies in its origin, and may go elsewhere after a receipt.
        """
        envelope, shipment = job.envelope, job.shipment
        settlement = self._context.settlement
        forms = self._context.carrier_ids.of(carrier)
        cid = forms.kept_as(carrier_message_id)
        taken = Taken(carrier, envelope.province)
        self._aliases(taken, carrier_message_id, cid, envelope.recipient)
        kept: Mapping | SharedMapping
        if shipment is None or shipment.is_plain:
            plain = self._plain(envelope, index, origin)
            kept = plain._replace(mask=plain.mask | UNDECIDED) if is_kept else plain
        else:
            tells = shipment.tells[index]
            if not tells:
                # Another PDU tells of the message; what comes of this one is only recorded.
                settlement.remember_known(taken, carrier, cid, envelope.message_ids[job.original(index)])
                if ends:
                    settlement.done(taken, job.stream, job.entry_id, job.states)
                return
            targets = tuple(
                # Who is told of nothing needs no origin; whoever learns from a failure looks at the first.
                Target(
                    envelope.message_ids[each],
                    _mask(envelope, each),
                    origin(each) if each == tells[0].original or _mask(envelope, each) else b"",
                    part,
                    parts,
                )
                for each, part, parts in tells
            )
            kept = SharedMapping(envelope.account, envelope.source_addr, targets, self._due())
        if not _asks(job.pdus[index]):
            kept = kept._replace(due=0)
        if ends and not job.states:
            settlement.sent(taken, job.stream, job.entry_id, carrier, cid, kept)
        else:
            settlement.remember(taken, carrier, cid, kept)
            if ends:
                settlement.done(taken, job.stream, job.entry_id, job.states)

    def late(self, carrier: str, job: Job, index: int, carrier_message_id: str, origin: Origins) -> None:
        """The answer for a message that has gone elsewhere: its receipts are known, and not passed on."""
        cid = self._context.carrier_ids.of(carrier).kept_as(carrier_message_id)
        kept = self._plain(job.envelope, job.original(index), origin)._replace(mask=0, due=0)
        taken = Taken(carrier, job.envelope.province)
        self._aliases(taken, carrier_message_id, cid, job.envelope.recipient)
        self._context.settlement.remember(taken, carrier, cid, kept)

    def direct(self, carrier: str, carrier_message_id: str, mapping: Mapping, recipient: str) -> None:
        """A message that was in no stream."""
        cid = self._context.carrier_ids.of(carrier).kept_as(carrier_message_id)
        taken = Taken(carrier, "")
        self._aliases(taken, carrier_message_id, cid, recipient)
        self._context.settlement.remember(taken, carrier, cid, mapping._replace(due=self._due()))

    # -- inside

    def _plain(self, envelope: Envelope, index: int, origin: Origins) -> Mapping:
        return Mapping(
            envelope.account,
            envelope.message_ids[index],
            _mask(envelope, index),
            origin(index),
            envelope.source_addr,
            self._due(),
        )

    def _aliases(self, taken: Taken, carrier_message_id: str, cid: str, recipient: str) -> None:
        """While it isn't known how receipts will write the id, it is found by each way in which they may.

        Before the message itself is kept, for with that its stream entry may end.
        """
        carrier = taken.carrier
        aliases = self._context.carrier_ids.of(carrier).aliases(carrier_message_id)
        if aliases:
            tag = self._context.store.recipients.hash(recipient)[:TAG_OCTETS]
            for alias in aliases:
                self._context.settlement.remember_alias(taken, carrier, alias, cid, tag)

    def _due(self) -> int:
        return bucket_of(self._context.clock.now_ms() / 1000)


def _asks(pdu: bytes) -> bool:
    """Whether the carrier was asked for a receipt: of a submit_sm always, of a data_sm if the application did."""
    return pdu[_COMMAND_ID] != _DATA_SM or view_of(pdu).registered_delivery & 3 != 0


def _mask(envelope: Envelope, index: int) -> int:
    if envelope.flags & INTERNAL or (envelope.flags & ONE_RECEIPT and index):
        return 0
    return wanted_kinds(envelope.registered[index])
