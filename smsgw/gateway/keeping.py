"""What is kept of a segment that a carrier has taken, so that its receipts find the application's message.

Owns: which of our messages a carrier's id stands for, under which keys it is found, and since when its last receipt is
waited for. Never ends a stream entry by itself, except in the one call that does both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from smsgw.gateway.reports import pack_origin, wanted_kinds
from smsgw.gateway.views import view_of
from smsgw.smpp.constants import CommandId
from smsgw.store.correlation import TAG_OCTETS, UNDECIDED, Mapping, SharedMapping, bucket_of
from smsgw.store.envelope import INTERNAL, ONE_RECEIPT, Envelope
from smsgw.store.sharing import Target

if TYPE_CHECKING:
    from smsgw.gateway.context import Context
    from smsgw.gateway.dispatch import CarrierQueue
    from smsgw.gateway.lanes import Job

_COMMAND_ID = slice(4, 8)
_DATA_SM = int(CommandId.DATA_SM).to_bytes(4, "big")


class Taken(NamedTuple):
    """What settlement gives back with the receipts that had overtaken the answer."""

    carrier: str
    province: str


class Keeping:
    """One for all carriers."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def taken(self, queue: CarrierQueue, job: Job, index: int, carrier_message_id: str, now_ms: int) -> None:
        """The carrier has taken PDU ``index``; without ``open_segments`` left that is the end of the stream entry."""
        envelope, shipment, carrier = job.envelope, job.shipment, queue.name
        settlement = self._context.settlement
        ends = job.open_segments == 0
        forms = self._context.carrier_ids.of(carrier)
        cid = forms.kept_as(carrier_message_id)
        taken = Taken(carrier, envelope.province)
        if forms.learnt is None:
            self._aliases(taken, carrier_message_id, cid, envelope.recipient)
        due = bucket_of(now_ms / 1000) if _asks(job.pdus[index]) else 0
        kept: Mapping | SharedMapping
        if shipment is None or shipment.is_plain:
            mask = _mask(envelope, index) | (UNDECIDED if self._is_kept(queue, job) else 0)
            origin = self._origin(queue, job, index, now_ms)
            kept = Mapping(
                envelope.account, envelope.message_ids[index], mask, origin, envelope.source_addr, due,
                self._rhash(envelope.recipient),
            )  # fmt: skip
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
                    self._origin(queue, job, each, now_ms)
                    if each == tells[0].original or _mask(envelope, each)
                    else b"",
                    part,
                    parts,
                )
                for each, part, parts in tells
            )
            rhash = self._rhash(envelope.recipient)
            kept = SharedMapping(envelope.account, envelope.source_addr, targets, due, rhash)
        if ends and not job.states:
            settlement.sent(taken, job.stream, job.entry_id, carrier, cid, kept)
        else:
            settlement.remember(taken, carrier, cid, kept)
            if ends:
                settlement.done(taken, job.stream, job.entry_id, job.states)

    def late(self, queue: CarrierQueue, job: Job, index: int, carrier_message_id: str) -> None:
        """The answer for a message that has gone elsewhere: its receipts are known, and not passed on."""
        envelope, carrier, original = job.envelope, queue.name, job.original(index)
        cid = self._context.carrier_ids.of(carrier).kept_as(carrier_message_id)
        origin = self._origin(queue, job, original, self._context.clock.now_ms())
        rhash = self._rhash(envelope.recipient)
        kept = Mapping(envelope.account, envelope.message_ids[original], 0, origin, envelope.source_addr, 0, rhash)
        taken = Taken(carrier, envelope.province)
        self._aliases(taken, carrier_message_id, cid, envelope.recipient)
        self._context.settlement.remember(taken, carrier, cid, kept)

    def direct(self, carrier: str, carrier_message_id: str, mapping: Mapping, recipient: str) -> None:
        """A message that was in no stream."""
        cid = self._context.carrier_ids.of(carrier).kept_as(carrier_message_id)
        taken, due = Taken(carrier, ""), bucket_of(self._context.clock.now_ms() / 1000)
        self._aliases(taken, carrier_message_id, cid, recipient)
        self._context.settlement.remember(taken, carrier, cid, mapping._replace(due=due, rhash=self._rhash(recipient)))

    # -- inside

    def _rhash(self, recipient: str) -> str:
        """Whom a delivery is about; see ``Mapping`` and ``Learning.delivered``."""
        store = self._context.store
        return store.recipients.hash(recipient) if store.partitions == 1 else ""

    @staticmethod
    def _is_kept(queue: CarrierQueue, job: Job) -> bool:
        """The whole message is kept until its receipt, which may send it elsewhere."""
        if not queue.pool.settings.failover.on_receipt:
            return False
        envelope, shipment = job.envelope, job.shipment
        alone = len(envelope.pdus) == 1 and (shipment is None or shipment.is_plain)
        return alone and bool(wanted_kinds(envelope.registered[0])) and not envelope.flags & INTERNAL

    def _origin(self, queue: CarrierQueue, job: Job, index: int, now_ms: int) -> bytes:
        """Of segment ``index`` as the application sent it, sealed."""
        envelope = job.envelope
        policy = queue.pool.settings.failover
        if policy.breaker is None and not policy.codes and not policy.on_receipt:
            packed = pack_origin(envelope.pdus[index], envelope.accepted_at_ms)
        else:
            whole = envelope.pack() if self._is_kept(queue, job) else b""
            self._context.health.taken(queue.name, policy, envelope, index)
            packed = pack_origin(envelope.pdus[index], envelope.accepted_at_ms, now_ms, envelope.signature, whole)
        return self._context.store.sealer.seal(packed)

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


def _asks(pdu: bytes) -> bool:
    """Whether the carrier was asked for a receipt: of a submit_sm always, of a data_sm if the application did."""
    return pdu[_COMMAND_ID] != _DATA_SM or view_of(pdu).registered_delivery & 3 != 0


def _mask(envelope: Envelope, index: int) -> int:
    if envelope.flags & INTERNAL or (envelope.flags & ONE_RECEIPT and index):
        return 0
    return wanted_kinds(envelope.registered[index])
