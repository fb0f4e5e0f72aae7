"""What the guard measures behind admission: a carrier that answers at once, a store that says yes, no Redis between.

Owns the gateway's own journeys from the stream to the carrier, from its receipt to the out stream, and from there to
the application. Links are real and write into a list; the store's calls are packed by the store's own classes and what
they would send is thrown away. What the script would have answered is said here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

from smsgw.carrier.pool import Pool
from smsgw.esme.session import EsmeSession
from smsgw.gateway.context import Context
from smsgw.gateway.gateway import Gateway
from smsgw.gateway.reports import Report, pack_origin, pack_report
from smsgw.link.link import Link
from smsgw.link.ticker import Ticker
from smsgw.policy.retry import Backoff
from smsgw.smpp.constants import V34, CommandId
from smsgw.smpp.pdu import deliver_sm, response
from smsgw.smpp.session import Role
from smsgw.smpp.timers import SessionTimers
from smsgw.smpp.views import HEADER
from smsgw.store.correlation import MATCHED
from smsgw.store.envelope import Envelope
from smsgw.store.keys import mt, out
from smsgw.store.outbound import FIELD_MESSAGE_ID, FIELD_ORIGIN, FIELD_RECEIPT

_LANE = 2
_STREAM = mt(0, "alpha", _LANE)
_OUT = out("load", 1)
_SUBMIT_RESP, _DELIVER_SM = int(CommandId.SUBMIT_SM_RESP), int(CommandId.DELIVER_SM)
_DELIVER_RESP, _TRANSCEIVER = int(CommandId.DELIVER_SM_RESP), int(CommandId.BIND_TRANSCEIVER)
_PDUS_OF_TEXT = "id:{:010d} sub:001 dlvrd:001 submit date:2611181030 done date:2611181030 stat:DELIVRD err:000"


class Carried:
    """The gateway with one carrier and one application; each part does its work for the messages it is given."""

    def __init__(self, gateway: Gateway, context: Context, pdus: Sequence[bytes], settings: Any) -> None:
        self._gateway, self._context = gateway, context
        self._count = len(pdus)
        account = context.accounts["load"]
        self._turn = _Turn()
        # The store is not asked again of a recipient, however long it is measured.
        context.settings = replace(context.settings, look_again_s=86_400.0)
        now_ms = context.clock.now_ms()
        seal = context.store.sealer.seal
        context.marks = cast(Any, SimpleNamespace(advance=lambda stream, target, durable: durable(None)))
        reader = cast(Any, SimpleNamespace(add=lambda stream: None, wake=lambda: None))
        context.mt_readers = gateway.outbox.readers = [reader]
        self._commits = [
            context.settlement.commit, context.correlation.commit, context.outbound.acks, context.outbound.appends,
            context.facts.commit, context.states.commit,
        ]  # fmt: skip
        pool = Pool(settings, gateway, Ticker(), lambda each: cast(Backoff, None))
        gateway.carriers.put(pool)
        pool.take_share(1.0)
        self._queue = gateway.queues["alpha"]
        cast(Any, self._queue)._loop = self._turn
        self._queue._pump_due = False  # what it asked of the real loop never comes
        self._bind = pool.binds[0]
        self._wire = _Wire()
        self._bind.link = self._link(Role.ESME, self._bind, settings.window)
        self._bind.leased, self._bind.up = True, True
        pool.changed(self._bind)
        self._entries = [
            (
                b"1795000000000-%d:%d" % divmod(number, 32),
                [b"m", seal(_envelope(number, raw, now_ms).pack())],
            )
            for number, raw in enumerate(pdus)
        ]
        self._receipts = _receipts(self._count)
        self._session = EsmeSession(cast(Any, None), gateway)
        self._session.link = self._link(Role.SMSC, self._session, 500)
        self._session.account, self._session.version, self._session.receives = account, V34, True
        account.sessions.append(self._session)
        cast(Any, gateway.outbox)._loop = self._turn
        report = pack_report(Report(2, "000", now_ms))
        self._out = [
            (
                b"1795000000000-%d" % number,
                [
                    FIELD_ORIGIN, seal(pack_origin(raw, now_ms)), FIELD_RECEIPT, report, FIELD_MESSAGE_ID,
                    _id_of(number).encode(),
                ],
            )
            for number, raw in enumerate(pdus)
        ]  # fmt: skip
        gateway.outbox.bound(self._session)
        self._turn.run()

    def _link(self, role: Role, owner: Any, window: int) -> Link[object]:
        link: Link[object] = Link(role, owner, Ticker(), SessionTimers(9, 9, 9, 9), window, 60.0)
        cast(Any, link)._loop = self._turn
        cast(Any, link)._transport = self._wire if role is Role.ESME else _Wire()
        link.writable = True
        if role is Role.ESME:
            link.session.bind_sent(_TRANSCEIVER)
        link.session.bound(_TRANSCEIVER)
        return link

    def carry(self) -> None:
        """From the entries of a stream to PDUs that are written, and from their answers to what goes into settle."""
        self.send()
        self.settle()

    def send(self) -> None:
        """Read, marked, looked at once more and written."""
        self._gateway.carriers.arrived(_STREAM, self._entries, False)
        self._turn.run()

    def settle(self) -> None:
        """Every PDU that was written is answered ESME_ROK."""
        written = self._wire.take()
        received = self._bind.received
        answers = [
            response(_SUBMIT_RESP, 0, HEADER.unpack_from(raw)[3], b"%010d" % number)
            for number, raw in enumerate(written)
        ]
        for raw in answers:
            received(_SUBMIT_RESP, 0, HEADER.unpack_from(raw)[3], raw)
        self._turn.run()
        items = _taken(self._context.settlement.commit, self._count)
        self._context.settlement._answered(items, [1] * self._count)

    def correlate(self) -> None:
        """From a carrier's receipts to what goes into correlate, and from its replies to the carrier's answers."""
        received = self._bind.received
        for number, raw in enumerate(self._receipts, 1):
            received(_DELIVER_SM, 0, number, raw)
        items = _taken(self._context.correlation.commit, self._count)
        replies = [[MATCHED, b"load", _id_of(number).encode(), 1, False] for number in range(self._count)]
        self._context.correlation._answered(items, replies)
        self._turn.run()
        self._wire.take()
        _empty(self._context.facts.commit)

    def deliver(self) -> None:
        """From the entries of an out stream to deliver_sm that are written, and from their answers to what is acked."""
        self._gateway.outbox.arrived(_OUT, self._out, False)
        self._turn.run()
        link = self._session.link
        for sequence_number in list(cast(Any, link.window)._waiting):
            self._session.received(_DELIVER_RESP, 0, sequence_number, b"")
        self._turn.run()
        _taken(self._context.outbound.acks, self._count)


class _Wire:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def write(self, octets: bytes) -> None:
        """One joined write."""
        self._written.append(octets)

    def take(self) -> list[bytes]:
        """The PDUs since the last call."""
        pdus, octets, at = [], b"".join(self._written), 0
        self._written.clear()
        while at < len(octets):
            end = at + HEADER.unpack_from(octets, at)[0]
            pdus.append(octets[at:end])
            at = end
        return pdus


class _Turn:
    """The event loop, as far as the journeys ask it: what is to be called soon is called by ``run``."""

    def __init__(self) -> None:
        self.time = asyncio.get_running_loop().time
        self._soon: list[tuple[Callable[..., object], tuple[object, ...]]] = []

    def call_soon(self, call: Callable[..., object], *arguments: object) -> None:
        """As the loop's."""
        self._soon.append((call, arguments))

    def call_later(self, delay_s: float, call: Callable[..., object], *arguments: object) -> None:
        """Nothing that is measured waits for a time."""

    call_at = call_later

    def run(self) -> None:
        """Turns until nothing is left to do."""
        while self._soon:
            soon, self._soon = self._soon, []
            for call, arguments in soon:
                call(*arguments)


def _envelope(number: int, raw: bytes, now_ms: int) -> Envelope:
    return Envelope(
        [_id_of(number)], [raw], "load", _LANE, f"86138{number:08d}", "1069000130", "示例商城", [1], now_ms,
        carriers=["alpha", "beta"], route="bench",
    )  # fmt: skip


def _receipts(count: int) -> list[bytes]:
    return [
        deliver_sm(
            number + 1, source_addr=f"86138{number:08d}".encode(), destination_addr=b"1069000130", esm_class=4,
            short_message=_PDUS_OF_TEXT.format(number).encode(),
        )
        for number in range(count)
    ]  # fmt: skip


def _id_of(number: int) -> str:
    return f"00{number:018x}"


def _taken(commit: Any, count: int) -> list[Any]:
    items = _empty(commit)
    if len(items) != count:
        raise AssertionError(f"{len(items)} of {count} messages reached {commit.name}")
    return items


def _empty(commit: Any) -> list[Any]:
    """What waits for a call; the call is never made."""
    items = []
    for lane in commit._lanes.values():
        items += lane.waiting
        lane.waiting = []
    commit.waiting = 0
    return items
