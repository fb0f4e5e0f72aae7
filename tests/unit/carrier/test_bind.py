"""A bind over its connections, and the pool that picks one: events in, what is told and when it tries again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest
import uvloop

from smsgw.carrier.bind import PERMANENT_RETRY_S, Bind
from smsgw.carrier.pool import PASS_ON_S, Pool
from smsgw.carrier.settings import CarrierSettings
from smsgw.link.link import Link
from smsgw.link.ticker import Ticker
from smsgw.policy.retry import Backoff
from smsgw.smpp import pdu
from smsgw.smpp.codec import Pdu, decode
from smsgw.smpp.constants import CommandId
from smsgw.smpp.framing import Framer

SETTINGS = CarrierSettings("alpha", "192.0.2.1", 2775, "smsgw", "secret", window=3)


class Transport:
    """The carrier's end: what was written to it, and ways to answer."""

    def __init__(self, link: Link[Any]) -> None:
        self.link = link
        self.written = b""
        self.closed = False
        link.connection_made(cast(asyncio.Transport, self))

    def set_write_buffer_limits(self, high: int) -> None: ...

    def get_extra_info(self, name: str) -> object:
        return ("192.0.2.1", 2775) if name == "peername" else None

    def write(self, octets: bytes) -> None:
        self.written += octets

    def close(self) -> None:
        self.abort()

    def abort(self) -> None:
        if not self.closed:
            self.closed = True
            asyncio.get_running_loop().call_soon(self.link.connection_lost, None)

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def pdus(self) -> list[Pdu]:
        frames, self.written = Framer(70_000).feed(self.written), b""
        return [decode(frame) for frame in frames]


class World:
    """What a bind connects to: each connection succeeds or fails as told; waits end at once and are counted."""

    def __init__(self) -> None:
        self.connections: list[Transport] = []
        self.refused = 0
        self.waits: list[float] = []
        self.told: list[tuple[str, dict[str, object]]] = []
        self.answers: list[tuple[object, int]] = []
        self.lost: list[tuple[list[object], str]] = []
        self.inbound_pdus: list[int] = []
        self.changes = 0
        self._awake = asyncio.Event()

    # -- in place of the loop's

    async def create_connection(self, make: Any, host: str, port: int, **options: Any) -> None:
        if self.refused:
            self.refused -= 1
            raise ConnectionRefusedError(111, "Connection refused")
        self.connections.append(Transport(make()))

    async def pause(self, bind: Bind, seconds: float) -> None:
        """A wait between two tries, which may be cut short."""
        self.waits.append(seconds)
        self._awake.clear()
        hurried = asyncio.ensure_future(bind._hurry.wait())
        awake = asyncio.ensure_future(self._awake.wait())
        await asyncio.wait((hurried, awake), return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        awake.cancel()

    async def awake(self) -> None:
        """The wait is over."""
        self._awake.set()
        await turns()

    # -- Handler and Dispatch

    def answered(self, *arguments: Any) -> None:
        self.answers.append((arguments[-3], arguments[-2]))

    def unknown(self, *arguments: Any) -> None:
        self.lost.append((arguments[-2], arguments[-1]))

    def inbound(self, *arguments: Any) -> None:
        self.inbound_pdus.append(arguments[-3])

    def changed(self, *arguments: Any) -> None:
        self.changes += 1

    def told_(self, event: str, fields: dict[str, object]) -> None:
        self.told.append((event, fields))


class Handler:
    """A World as the pool or the gateway sees it."""

    def __init__(self, world: World) -> None:
        self.answered, self.unknown, self.inbound = world.answered, world.unknown, world.inbound
        self.changed, self.told = world.changed, world.told_


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    world = World()
    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", world.create_connection, raising=False)
    monkeypatch.setattr(Bind, "_pause", lambda bind, seconds: world.pause(bind, seconds))
    yield world
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        if task.get_name() == "bind":
            task.cancel()


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def running(world: World, kind: str = "transceiver") -> Bind:
    rng = random.Random(1)
    bind = Bind(SETTINGS, kind, 0, cast(Any, Handler(world)), Ticker(), Backoff(1.0, 60.0, rng, 0.5))
    asyncio.get_running_loop().create_task(bind.run(), name="bind")
    await turns()
    return bind


async def answer(world: World, status: int = 0, kind: CommandId = CommandId.BIND_TRANSCEIVER_RESP) -> Transport:
    """Answer the bind request of the latest connection."""
    connection = world.connections[-1]
    (request,) = connection.pdus()
    body = None if status else b"carrier"
    connection.link.data_received(pdu.response(int(kind), status, request.sequence_number, body))
    await turns()
    return connection


def events(world: World, name: str) -> list[dict[str, object]]:
    return [fields for event, fields in world.told if event == name]


async def test_it_connects_binds_and_is_up(world: World) -> None:
    bind = await running(world)
    (request,) = world.connections[0].pdus()
    assert (request.command_id, request.fields["system_id"]) == (CommandId.BIND_TRANSCEIVER, b"smsgw")
    assert request.fields["interface_version"] == 0x34
    assert (bind.up, bind.free) == (False, 0)
    world.connections[0].link.data_received(
        pdu.response(int(CommandId.BIND_TRANSCEIVER_RESP), 0, request.sequence_number, b"carrier")
    )
    assert (bind.up, bind.free) == (True, 3)
    assert [event for event, _ in world.told] == ["carrier.bound"]


async def test_answers_find_their_flights_and_unknown_ones_nobody(world: World) -> None:
    bind = await running(world)
    connection = await answer(world)
    for name in ("a", "b", "c"):
        number = bind.next_sequence()
        bind.submit(pdu.submit_sm(number, source_addr=b"1", destination_addr=b"2", short_message=b"x"), number, name)
    assert (bind.free, bind.in_flight) == (0, 3)
    numbers = [each.sequence_number for each in (await _written(connection))]
    link = connection.link
    link.data_received(pdu.response(int(CommandId.SUBMIT_SM_RESP), 0, numbers[1], b"id"))
    link.data_received(pdu.response(int(CommandId.SUBMIT_SM_RESP), 0x58, numbers[0]))
    link.data_received(pdu.response(int(CommandId.SUBMIT_SM_RESP), 0, numbers[1], b"id"))  # again
    link.data_received(pdu.generic_nack(0, numbers[2]))
    assert world.answers == [("b", 0), ("a", 0x58), ("c", 0x08)]


async def _written(connection: Transport) -> list[Pdu]:
    await turns()
    return connection.pdus()


async def test_what_is_unanswered_when_the_link_goes_is_unknown_in_order(world: World) -> None:
    bind = await running(world)
    connection = await answer(world)
    for name in ("a", "b"):
        number = bind.next_sequence()
        bind.submit(pdu.enquire_link(number), number, name)
    connection.link.connection_lost(None)
    assert world.lost == [(["a", "b"], "peer closed the connection")]
    assert (bind.up, bind.free) == (False, 0)
    await turns()
    assert len(world.waits) == 1
    await world.awake()
    assert len(world.connections) == 2


@pytest.mark.parametrize("steady_s", [0.0, 10.0])
async def test_a_connection_that_is_refused_is_tried_again_later_and_later(
    world: World, steady_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smsgw.carrier.bind.STEADY_S", steady_s)
    world.refused = 8
    bind = await running(world)
    for _ in range(8):
        await world.awake()
    assert len(world.connections) == 1
    assert len(events(world, "carrier.connect_failed")) == 8
    for number, wait in enumerate(world.waits):
        assert 0.5 <= wait <= min(60.0, 2.0**number)
    await answer(world)
    world.connections[-1].link.connection_lost(None)
    await turns()
    # A bind that lasted begins the back-off anew; one that did not is one more failure.
    assert 0.5 <= world.waits[-1] <= (1.0 if steady_s == 0.0 else 60.0)
    assert bind._backoff.attempts == (1 if steady_s == 0.0 else 9)


@pytest.mark.parametrize("status", [0x0E, 0x0F, 0x04])
async def test_what_retrying_does_not_mend_is_tried_again_slowly(world: World, status: int) -> None:
    await running(world)
    await answer(world, status)
    assert world.waits == [PERMANENT_RETRY_S]
    assert [each["permanent"] for each in events(world, "carrier.bind_refused")] == [True]
    assert world.connections[0].closed


@pytest.mark.parametrize("status", [0x05, 0x0D, 0x08])
async def test_an_old_session_that_is_still_held_is_a_reason_to_back_off(world: World, status: int) -> None:
    await running(world)
    for _ in range(3):
        await answer(world, status)
        await world.awake()
    assert all(0.5 <= wait <= 4.0 for wait in world.waits)
    assert [each["permanent"] for each in events(world, "carrier.bind_refused")] == [False] * 3


async def test_a_carrier_that_hangs_up_instead_of_answering_the_bind(world: World) -> None:
    bind = await running(world)
    world.connections[0].link.connection_lost(None)
    await turns()
    assert len(world.waits) == 1
    assert not bind.up
    assert events(world, "carrier.unbound") == []  # it never was bound


async def test_unbind_from_the_carrier_is_answered_and_bound_again(world: World) -> None:
    await running(world)
    connection = await answer(world)
    connection.link.data_received(pdu.unbind(9))
    assert [each.command_id for each in await _written(connection)] == [CommandId.UNBIND_RESP]
    assert connection.closed
    await world.awake()
    assert len(world.connections) == 2


async def test_stop_unbinds_and_does_not_come_back(world: World) -> None:
    bind = await running(world)
    connection = await answer(world)
    bind.stop()
    (asked,) = await _written(connection)
    assert asked.command_id == CommandId.UNBIND
    connection.link.data_received(pdu.unbind_resp(asked.sequence_number))
    await turns()
    assert (connection.closed, len(world.connections), world.waits) == (True, 1, [])


async def test_rebinding_waits_for_what_is_unanswered_and_then_for_nothing(world: World) -> None:
    bind = await running(world)
    connection = await answer(world)
    number = bind.next_sequence()
    bind.submit(pdu.enquire_link(number), number, "a")
    bind.rebind()
    assert bind.free == 0
    assert [each.command_id for each in await _written(connection)] == [CommandId.ENQUIRE_LINK]
    connection.link.data_received(pdu.response(int(CommandId.SUBMIT_SM_RESP), 0, number, b"id"))
    bind.rebind()  # asked again, it looks again
    (asked,) = await _written(connection)
    connection.link.data_received(pdu.unbind_resp(asked.sequence_number))
    await turns()
    assert (len(world.connections), world.lost) == (2, [])
    await answer(world)
    assert bind.free


async def test_rebinding_does_not_wait_for_the_next_try(world: World) -> None:
    world.refused = 1
    bind = await running(world)
    assert (len(world.connections), len(world.waits)) == (0, 1)
    bind.rebind()
    await turns()
    assert len(world.connections) == 1


async def test_a_bind_that_is_closed_by_order_comes_back_when_that_is_over(world: World) -> None:
    bind = await running(world)
    connection = await answer(world)
    bind.keep_closed(True)
    (asked,) = await _written(connection)
    connection.link.data_received(pdu.unbind_resp(asked.sequence_number))
    await turns()
    await world.awake()
    await turns()
    assert (len(world.connections), bind.why_down) == (1, "closed by order")
    bind.keep_closed(False)
    await turns()
    assert (len(world.connections), bind.why_down) == (2, "")


async def test_a_bind_that_goes_to_another_process_was_not_lost(world: World) -> None:
    bind = await running(world)
    connection = await answer(world)
    bind.leaving = True
    bind.let_go()
    (asked,) = await _written(connection)
    connection.link.data_received(pdu.unbind_resp(asked.sequence_number))
    await turns()
    assert events(world, "carrier.handed_over") == [{"carrier": "alpha", "bind": "transceiver#0", "unanswered": 0}]
    assert events(world, "carrier.unbound") == []


@pytest.mark.parametrize("unwanted", [Bind.let_go, Bind.stop, lambda bind: bind.keep_closed(True)])
async def test_a_bind_that_nobody_wants_any_more_when_it_is_answered_is_unbound(
    world: World, unwanted: Callable[[Bind], None]
) -> None:
    bind = await running(world)
    unwanted(bind)
    connection = await answer(world)
    (asked,) = await _written(connection)
    assert asked.command_id == CommandId.UNBIND
    connection.link.data_received(pdu.unbind_resp(asked.sequence_number))
    await turns()
    assert (bind.up, bind.is_connected, len(world.connections)) == (False, False, 1)


async def test_of_the_end_of_a_bind_it_is_told_whether_we_wished_it(world: World) -> None:
    bind = await running(world)
    connection = await answer(world)
    bind.rebind()
    (asked,) = await _written(connection)
    connection.link.data_received(pdu.unbind_resp(asked.sequence_number))
    await turns()
    await answer(world)
    bind.lose()
    await turns()
    bind.take()
    await world.awake()
    connection = await answer(world)
    bind.let_go()  # as when its answers have come; but the carrier is quicker
    connection.link.connection_lost(None)
    await turns()
    told = [(each["reason"], each["by_us"]) for each in events(world, "carrier.unbound")]
    assert told == [("bound again by order", True), ("another process has its lease", False)]
    assert len(events(world, "carrier.handed_over")) == 1


async def test_a_cancellation_is_heeded_also_when_it_comes_with_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", world.create_connection, raising=False)
    world.refused = 100
    bind = await running(world)
    (task,) = [each for each in asyncio.all_tasks() if each.get_name() == "bind"]
    bind.rebind()
    await asyncio.sleep(0)  # the wait has ended, and nobody knows yet
    task.cancel()
    await asyncio.wait((task,), timeout=5)
    assert task.cancelled()


@pytest.mark.parametrize("says", ["", "its bind"])
def test_cut_short_in_the_moment_when_its_connection_is_made_it_ends(says: str) -> None:
    """uvloop closes such a connection and tells nobody: who waits to hear of its end waits for ever."""

    async def scene() -> list[str]:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
        world = World()
        port = server.sockets[0].getsockname()[1]
        settings = CarrierSettings("alpha", "127.0.0.1", port, "smsgw", "secret")
        backoff = Backoff(1.0, 60.0, random.Random(1), 0.5)
        bind = _Cut(settings, "transceiver", 0, cast(Any, Handler(world)), Ticker(), backoff)
        bind.says, bind.task = says, loop.create_task(bind.run())
        await asyncio.wait((bind.task,), timeout=10)
        server.close()
        ended = bind.task.cancelled()
        bind._gone.set()  # this test is to end in any case
        return ["ended" if ended else "hangs", *(event for event, _ in world.told)]

    assert uvloop.run(scene()) == ["ended"]


class _Cut(Bind):
    """It is cancelled as soon as it is connected."""

    __slots__ = ("says", "task")
    says: str
    task: asyncio.Task[None]

    def connected(self) -> None:
        if self.says:
            super().connected()
        self.task.cancel()


async def test_what_carriers_send_by_themselves(world: World) -> None:
    await running(world)
    connection = await answer(world)
    link = connection.link
    link.data_received(pdu.deliver_sm(4, source_addr=b"1", destination_addr=b"2", short_message=b"x"))
    link.data_received(pdu.HEADER.pack(16, CommandId.ALERT_NOTIFICATION, 0, 5))
    link.data_received(pdu.HEADER.pack(16, CommandId.DATA_SM, 0, 6))
    assert world.inbound_pdus == [CommandId.DELIVER_SM, CommandId.DATA_SM]
    assert await _written(connection) == []


async def test_an_answer_to_what_came_on_an_earlier_connection_is_not_given_on_the_next(world: World) -> None:
    """Both connections count from 1: it would take an answer for a receipt that is not durable yet."""
    bind = await running(world)
    first = await answer(world)
    origin = bind.link
    first.link.connection_lost(None)
    await turns()
    await world.awake()
    second = await answer(world)
    bind.respond(pdu.response(int(CommandId.DELIVER_SM_RESP), 0, 4, b""), origin)
    assert await _written(second) == []
    bind.respond(pdu.response(int(CommandId.DELIVER_SM_RESP), 0, 4, b""), bind.link)
    assert len(await _written(second)) == 1


# -- the pool


class _Bound:
    """As much of a bind as a pool looks at."""

    def __init__(self, transmits: bool, up: bool, free: int) -> None:
        self.transmits, self.up, self.free, self.in_flight = transmits, up, free, 0
        self.leaving = False
        self.bucket = None


def pool_of(world: World, *binds: _Bound) -> Pool:
    pool = Pool(SETTINGS, cast(Any, Handler(world)), Ticker(), lambda of: Backoff(1.0, 60.0, random.Random(1)))
    pool.binds = cast("list[Bind]", list(binds))
    return pool


async def test_the_bind_with_most_room_is_picked_and_a_receiver_never(world: World) -> None:
    small, large, receiver = _Bound(True, True, 2), _Bound(True, True, 5), _Bound(False, True, 9)
    pool = pool_of(world, small, large, receiver)
    assert pool.pick(0.0) is cast(Any, large)
    large.free = 0
    assert pool.pick(0.0) is cast(Any, small)
    small.free = 0
    assert pool.pick(0.0) is None


async def test_a_carrier_is_up_while_one_bind_transmits(world: World) -> None:
    transmitter, receiver = _Bound(True, False, 0), _Bound(False, True, 9)
    pool = pool_of(world, transmitter, receiver)
    pool.changed(cast(Any, receiver))
    assert not pool.up
    transmitter.up = True
    pool.changed(cast(Any, transmitter))
    assert (pool.up, pool.down_since_s) == (True, None)
    transmitter.up = False
    pool.changed(cast(Any, transmitter))
    down_since_s = pool.down_since_s
    assert down_since_s is not None
    pool.changed(cast(Any, receiver))
    assert pool.down_since_s == down_since_s  # since it went, not since the last event


class _Running(_Bound):
    """A bind that runs until it is stopped; ``stubborn`` ones until they are cancelled."""

    def __init__(self, stubborn: bool = False) -> None:
        super().__init__(True, False, 1)
        self.stopping = self.stubborn = stubborn
        self.number = self.runs = 0
        self.over = asyncio.Event()

    async def run(self) -> None:
        self.runs += 1
        self.up = True
        self.over.clear()
        try:
            await self.over.wait()
        finally:
            self.up = False

    def stop(self) -> None:
        self.stopping = True
        if not self.stubborn:
            self.over.set()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(2):
        while not condition():
            await asyncio.sleep(0.001)


async def test_a_carrier_that_is_not_allowed_has_no_binds(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smsgw.carrier.pool.LEAVE_S", 0.01)
    polite, stubborn = _Running(), _Running(stubborn=True)
    pool = pool_of(world, polite, stubborn)
    pool.allow(False)
    running = asyncio.create_task(pool.run())
    await turns()
    assert (polite.runs, pool.up, pool.pick(0.0)) == (0, False, None)
    pool.allow(True)
    await until(lambda: polite.up and stubborn.up)
    pool.changed(cast(Any, polite))
    assert pool.up
    assert pool.pick(0.0) is not None
    polite.in_flight = 1
    pool.allow(False)
    assert (pool.up, pool.pick(0.0)) == (False, None)
    await turns()
    assert polite.up  # what it carries is answered first
    polite.in_flight = 0
    await until(lambda: not polite.up and not stubborn.up)
    pool.allow(True)
    await until(lambda: polite.up and stubborn.up)
    assert (polite.runs, stubborn.runs) == (2, 2)
    assert not polite.stopping
    stubborn.stubborn = False
    pool.stop()
    await asyncio.wait_for(running, 2)


async def test_a_bind_connects_only_while_its_lease_is_ours(world: World) -> None:
    bind = await running(world)
    connection = await answer(world)
    number = bind.next_sequence()
    bind.submit(pdu.enquire_link(number), number, "a")
    bind.lose()
    await turns()
    assert connection.closed
    assert (bind.up, world.lost, world.waits) == (False, [(["a"], "another process has its lease")], [])
    await turns()
    assert len(world.connections) == 1
    bind.take()
    await turns()
    assert len(world.connections) == 2


async def test_a_bind_that_is_let_go_says_goodbye(world: World) -> None:
    bind = await running(world)
    connection = await answer(world)
    await _written(connection)
    bind.leaving = True
    bind.let_go()
    (goodbye,) = await _written(connection)
    assert goodbye.command_id == CommandId.UNBIND
    connection.link.data_received(pdu.unbind_resp(goodbye.sequence_number))
    await turns()
    assert (bind.up, bind.is_connected, len(world.connections), world.waits) == (False, False, 1, [])


def leased_pool(world: World) -> Pool:
    settings = CarrierSettings(
        "alpha", "192.0.2.1", 2775, "smsgw", "secret", binds=("transmitter", "transmitter"), rate_per_s=100.0
    )
    return Pool(settings, cast(Any, Handler(world)), Ticker(), lambda of: Backoff(1.0, 60.0, random.Random(1)))


async def test_a_pool_follows_its_leases_and_its_part_of_the_rate(world: World) -> None:
    pool = leased_pool(world)
    pool.lease(frozenset(), True, 1.0)
    assert [bind.leased for bind in pool.binds] == [False, False]
    assert (pool.up, pool.elsewhere, pool.down_since_s) == (False, True, None)
    pool.lease(frozenset((1,)), True, 0.5)
    assert [bind.leased for bind in pool.binds] == [False, True]
    assert pool.throttle.full_rate_per_s == 50.0
    pool.lease(frozenset((0, 1)), False, 1.0)
    assert pool.throttle.full_rate_per_s == 100.0
    assert pool.down_since_s is not None
    assert pool.let_go == []
    pool.allow(False)
    assert (pool.wanted, pool.let_go) == (False, [0, 1])


async def test_a_bind_that_is_left_goes_when_its_answers_have_come(world: World) -> None:
    pool = leased_pool(world)
    leaving, staying = _Leased(0, 1), _Leased(1, 1)
    pool.binds = cast("list[Bind]", [leaving, staying])
    task = asyncio.get_running_loop().create_task(pool.leave(frozenset((0,))), name="bind")
    await turns()
    assert (leaving.leaving, leaving.leased, staying.leaving) == (True, True, False)
    leaving.in_flight = 0
    await task
    assert (leaving.leased, pool.let_go) == (False, [0])


async def test_a_bind_that_fails_for_long_is_passed_on_and_not_taken_again_at_once(world: World) -> None:
    pool = leased_pool(world)
    failing, fresh = _Leased(0, 0), _Leased(1, 0)
    pool.binds = cast("list[Bind]", [failing, fresh])
    now_s = asyncio.get_running_loop().time()
    failing.failing_since_s, fresh.failing_since_s = now_s - PASS_ON_S, now_s
    pool.pass_on()
    assert (failing.leased, fresh.leased, pool.let_go) == (False, True, [0])
    pool.lease(frozenset((1,)), False, 1.0)
    assert (failing.leaving, pool.let_go) == (False, [0])


class _Leased(_Bound):
    """As much of a bind as leases concern."""

    def __init__(self, number: int, in_flight: int) -> None:
        super().__init__(True, True, 3)
        self.number, self.in_flight, self.kind = number, in_flight, "transmitter"
        self.leased, self.is_connected = True, False
        self.failing_since_s: float | None = None

    def let_go(self) -> None:
        self.leased = False

    def take(self) -> None:
        self.leased, self.leaving = True, False

    def lose(self) -> None:
        self.leased = self.leaving = False


@pytest.mark.parametrize("runs_first", [True, False])
async def test_a_lease_that_comes_later_leaves_the_first_wait_as_it_is(world: World, runs_first: bool) -> None:
    rng = random.Random(1)
    bind = Bind(SETTINGS, "transceiver", 0, cast(Any, Handler(world)), Ticker(), Backoff(1.0, 60.0, rng, 0.5))
    bind.lose()
    if not runs_first:
        bind.take()
    asyncio.get_running_loop().create_task(bind.run(), name="bind")
    await turns()
    assert len(world.connections) == (0 if runs_first else 1)
    bind.take()
    await turns()
    await answer(world, 0x0E)
    assert (world.waits, len(world.connections)) == ([PERMANENT_RETRY_S], 1)
