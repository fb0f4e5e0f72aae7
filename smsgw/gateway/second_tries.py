"""After a receipt that says "not delivered": the message is sent again over another carrier, if its code allows it.

Owns: which codes do (``flow``, ``no_route``, ``ported``; ``time`` waits for the carrier's hours), until when, and the
order of steps that loses nothing: the message is in another stream, or its failure in the account's out stream, before
the receipt map is marked and the carrier answered. After a crash in between the carrier says it again, and nothing is
moved a second time. Of the same receipt twice, here or at two processes, the store asks about one. Only messages of one
segment whose carrier asks for it (``[failover] on_receipt``); they lie whole, sealed, in the receipt map.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from smsgw.errors import StoreError
from smsgw.gateway.journal import Journal
from smsgw.gateway.reports import Report, unpack_origin, unpack_report
from smsgw.policy.code_classes import MOVES, CodeClass
from smsgw.policy.model import MessageClass
from smsgw.records.record import Step
from smsgw.store.admission import ACCEPTED, AdmitItem
from smsgw.store.envelope import Envelope
from smsgw.store.keys import mt_suffix
from smsgw.store.state import ENROUTE_HEADER, state_value

if TYPE_CHECKING:
    from smsgw.carrier.pool import Pool
    from smsgw.gateway.context import Context
    from smsgw.gateway.moves import Moves
    from smsgw.store.correlation import Receipt

_HELD = int(Step.HELD)
#: True: it goes on elsewhere, nothing is reported; False: report it; an error: ask the carrier to say it again.
Decided: TypeAlias = Callable[["bool | StoreError"], None]


class SecondTries:
    """One for all carriers; ``decide`` is asked by the store's correlation."""

    def __init__(self, context: Context, moves: Moves) -> None:
        self._context = context
        self._moves = moves
        self._journal = Journal(context)

    def decide(self, receipt: Receipt, message_id: str, origin: bytes, decided: Decided) -> None:
        """What becomes of a message of which ``receipt`` says that it was not delivered."""
        pool = self._context.pools.get(receipt.carrier)
        try:
            envelope = Envelope.unpack(unpack_origin(self._context.store.sealer.open(origin)).envelope)
            report = unpack_report(receipt.blob)
        except (StoreError, ValueError, TypeError) as error:
            self._context.log("receipt.origin_unreadable", {"message_id": message_id, "why": str(error)})
            decided(False)
            return
        codes = (report.stat, report.err)
        code_class = pool.settings.failover.codes.classify(codes) if pool is not None else None
        if pool is None or code_class is None or not self._is_allowed(pool, envelope):
            decided(False)
        elif code_class is CodeClass.TIME:
            due_ms = pool.settings.failover.opens_ms(self._context.clock.now_ms(), self._context.settings.zone)
            self._journal.step(_HELD, envelope, 0, pool.name, 0, 0, due_ms, "the carrier's hours")
            self._send(receipt, envelope, pool.name, due_ms, decided)
        elif code_class in MOVES:
            self._move(pool, receipt, envelope, code_class, report, decided)
        else:
            decided(False)

    # -- inside

    def _is_allowed(self, pool: Pool, envelope: Envelope) -> bool:
        """Not when it would come too late, nor once the carrier's file says so no more."""
        now_ms = self._context.clock.now_ms()
        if not pool.settings.failover.on_receipt or 0 < envelope.expires_at_ms <= now_ms:
            return False
        limit_s = self._context.settings.otp_limit_s
        return (
            envelope.message_class != MessageClass.OTP
            or not limit_s
            or now_ms - envelope.accepted_at_ms < limit_s * 1000
        )

    def _move(
        self,
        pool: Pool,
        receipt: Receipt,
        envelope: Envelope,
        code_class: CodeClass,
        report: Report,
        decided: Decided,
    ) -> None:
        codes = (report.stat, report.err)
        if code_class is CodeClass.FLOW:
            pool.throttle.on_throttled(asyncio.get_running_loop().time())
        elif code_class is CodeClass.PORTED:
            network = pool.settings.failover.codes.ported_to(codes)
            if network:
                self._context.ported.learn(envelope.recipient, network)
                self._moves.route_again(envelope)
        target = self._moves.target(envelope, pool.name, only_up=True)
        if target is None:
            decided(False)
            return
        envelope.tried = [*envelope.tried, pool.name]
        why = f"its receipt says {code_class.value} ({next((code for code in codes if code), '')})"
        self._moves.told(envelope, pool.name, target, why, "receipt")
        self._send(receipt, envelope, target, 0, decided)

    def _send(self, receipt: Receipt, envelope: Envelope, carrier: str, due_ms: int, decided: Decided) -> None:
        """Into a carrier's stream, or the held set; with the state that query_sm answers set back.

        Once for each id that a carrier gave: whoever is told so again, here or elsewhere, after a crash too, has the
        answer of the first time.
        """
        context = self._context
        envelope.due_ms = due_ms
        item = AdmitItem(
            None,
            context.store.recipients.hash(envelope.recipient),
            envelope.message_ids,
            context.store.sealer.seal(envelope.pack()),
            mt_suffix(carrier, envelope.lane_or_class),
            context.clock.now_ms(),
            state_value(ENROUTE_HEADER, envelope.account, envelope.source_addr),
            message_class=envelope.message_class,
            due_ms=due_ms,
        )

        async def admit() -> None:
            try:
                reply = await context.admission.once(f"{envelope.message_ids[0]}:{receipt.carrier}:{receipt.cid}", item)
            except StoreError as error:
                decided(error)
            else:
                decided(reply.code == ACCEPTED)

        context.spawn(admit())
