"""The edges when peers misbehave: every end is noticed, and nothing gathers in memory."""

from __future__ import annotations

import asyncio
import contextlib
import random
from types import SimpleNamespace
from typing import Any

from smsgw.carrier.bind import Bind
from smsgw.carrier.settings import CarrierSettings
from smsgw.esme.account import Account, AccountSettings
from smsgw.esme.listener import Listener, ListenerSettings
from smsgw.gateway.outbox import LEFT_S, Outbox
from smsgw.gateway.requests import Requests, _absolute
from smsgw.link.ticker import Ticker
from smsgw.policy.model import Refusal
from smsgw.policy.reasons import RATE
from smsgw.policy.retry import Backoff
from smsgw.smpp.codec import Pdu, encode
from smsgw.smpp.constants import CommandId
from smsgw.smpp.pdu import bind_resp
from smsgw.telemetry.metrics import Metrics

OCTETS = 32 * 2**20


async def test_a_handshake_that_fails_leaves_no_session_behind() -> None:
    nothing: Any = SimpleNamespace()
    listener = Listener(
        ListenerSettings(), {}, nothing, Ticker(), lambda stored, password: False, lambda event, fields: None,
        lambda account: None,
    )  # fmt: skip
    # What asyncio does for a TLS connection; connection_made follows only after the handshake.
    listener._accept()
    assert not listener.sessions


async def test_a_carrier_that_does_not_read_does_not_hold_up_the_end() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(bind_resp(int(CommandId.BIND_TRANSCEIVER), 0, 1, b"smsc", 0x34))
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1)
    port = server.sockets[0].getsockname()[1]
    handler: Any = SimpleNamespace(
        told=lambda event, fields: None, changed=lambda bind: None, unknown=lambda bind, flights, why: None
    )
    settings = CarrierSettings("alpha", "127.0.0.1", port, "s", "p")
    bind = Bind(settings, "transceiver", 0, handler, Ticker(), Backoff(1, 1, random.Random(1)))
    running = asyncio.create_task(bind.run())
    async with asyncio.timeout(5):
        while not bind.up:
            await asyncio.sleep(0.01)
    assert bind.link is not None
    bind.link.send(bytes(OCTETS))
    await asyncio.sleep(0.05)
    running.cancel()
    _, pending = await asyncio.wait([running], timeout=2)
    server.close()
    assert not pending


class Session:
    """A session of an application as the gateway sees it."""

    def __init__(self, account: Account, unanswered: int = 1) -> None:
        self.account = account
        self.unanswered = unanswered
        self.receives = True
        self.refused: list[Refusal] = []

    def refuse(self, command_id: int, sequence_number: int, refusal: Refusal) -> None:
        self.refused.append(refusal)


def test_queries_beyond_the_window_ask_nobody() -> None:
    spawned: list[Any] = []
    context: Any = SimpleNamespace(
        carrier_pdus=None,
        spawn=spawned.append,
        records=SimpleNamespace(append=None),
        clock=SimpleNamespace(now_ms=None),
        store=SimpleNamespace(recipients=SimpleNamespace(hash=None)),
    )
    requests = Requests(context, SimpleNamespace(), SimpleNamespace())  # type: ignore[arg-type]
    account = Account(AccountSettings("shop", "", 2, window=5))
    raw = encode(Pdu(int(CommandId.QUERY_SM), 0, 1, {"message_id": b"1"}))
    within: Any = Session(account, unanswered=5)
    beyond: Any = Session(account, unanswered=6)
    requests.take(within, int(CommandId.QUERY_SM), raw, 1)
    requests.take(beyond, int(CommandId.QUERY_SM), raw, 1)
    assert len(spawned) == 1
    assert [refusal.reason for refusal in beyond.refused] == [RATE]
    spawned[0].close()


def test_a_final_date_that_smpp_cannot_write() -> None:
    assert _absolute(0) == _absolute(9_999_999_999_999) == _absolute(1) == b""
    assert _absolute(1_800_000_000_000)


async def test_what_an_application_puts_off_counts_as_in_memory() -> None:
    account = Account(AccountSettings("shop", "", 2, deliver_window=2))
    session: Any = Session(account)
    session.can_deliver = False
    account.sessions.append(session)
    reader = SimpleNamespace(add=lambda stream: None, wake=lambda: None, remove=lambda stream: None)
    context: Any = SimpleNamespace(
        carrier_pdus=None,
        records=SimpleNamespace(append=lambda row: None),
        clock=SimpleNamespace(now_ms=lambda: 0),
        store=SimpleNamespace(partitions=1, recipients=SimpleNamespace(hash=str)),
        outbound=SimpleNamespace(when_acknowledged=lambda stream, then: then()),
        metrics=Metrics("0", str),
        closing=False,
    )
    outbox = Outbox(context)
    outbox.readers = [reader]  # type: ignore[list-item]
    outbox.bound(session)
    (stream,) = outbox._by_stream
    room = outbox.room(stream)
    assert room == 4
    outbox.arrived(stream, [(b"%d-0" % n, [b"m", b""]) for n in range(room)], False)
    box = outbox._by_stream[stream]
    for delivery in list(box.queue):
        box.queue.remove(delivery)
        outbox.delivered(session, delivery, 0x58)
    assert outbox.room(stream) == 0
    session.receives = False
    outbox.unbound(account)
    session.receives = True
    assert outbox.room(stream) == room


async def test_what_was_read_for_an_application_that_left_goes_back_unless_it_comes_again() -> None:
    account = Account(AccountSettings("shop", "", 2, deliver_window=2))
    session: Any = Session(account)
    reads: list[str] = []
    reader = SimpleNamespace(add=reads.append, wake=lambda: None, remove=lambda stream: reads.append(f"no {stream}"))
    context: Any = SimpleNamespace(
        carrier_pdus=None,
        records=SimpleNamespace(append=lambda row: None),
        clock=SimpleNamespace(now_ms=lambda: 0),
        store=SimpleNamespace(partitions=1, recipients=SimpleNamespace(hash=str)),
        outbound=SimpleNamespace(when_acknowledged=lambda stream, then: then()),
        metrics=Metrics("0", str),
        accounts={"shop": account},
        closing=False,
    )
    outbox = Outbox(context)
    outbox.readers = [reader]  # type: ignore[list-item]
    stream = "{p00}:out:shop"
    # Of an earlier life, before anybody has bound.
    assert outbox.begin_giving_back(False) == frozenset()
    assert outbox.begin_giving_back(True) == {stream}
    account.sessions.append(session)
    outbox.bound(session)
    assert reads == []  # not while it is being given back
    outbox.end_giving_back()
    assert reads == [stream]
    session.receives = False
    outbox.unbound(account)
    # What it has answered is acknowledged first.
    assert outbox.begin_giving_back(False) == frozenset()
    outbox._by_stream[stream].left_s -= LEFT_S
    assert outbox.begin_giving_back(False) == {stream}
    outbox.end_giving_back()
    assert reads == [stream, f"no {stream}"]
