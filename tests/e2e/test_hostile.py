"""Hostile and broken clients beside a well-behaved one: it goes on, and the gateway stays alive, quiet and small.

Whatever they do, the steady application's messages are all answered ESME_ROK and all reported, the process has
written no traceback, and its memory has not grown by more than what connections cost. All chance is seeded.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import resource
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from simulators.carrier.settings import CarrierSettings
from simulators.carrier.sim import CarrierSim
from simulators.esme.settings import EsmeSettings
from simulators.esme.sim import EsmeSim
from smsgw.smpp import pdu
from smsgw.smpp.constants import CommandId, CommandStatus
from tests.chaos.judge import complaints
from tests.e2e.gateway import PASSWORDS, GatewayProcess
from tests.e2e.hostile import Raw, bind_octets, mutants, raw, submit_octets

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

RATE = 50
MAX_CONNECTIONS = 400
SESSION_INIT_S = 1.0
#: What all tests together may cost: two slow hashes of 16 MiB at a time, buffers of connections, caches that fill.
MORE_MEMORY_OCTETS = 72 * 2**20
GENERIC_NACK = int(CommandId.GENERIC_NACK)
BOUND_PASSWORD = PASSWORDS["orders"]


class Steady:
    """The well-behaved application: ``RATE`` messages a second, each with its answer and its receipt."""

    def __init__(self, esme: EsmeSim) -> None:
        self._esme = esme
        self._numbers = itertools.count()
        self.slowest_s = 0.0
        self.sent = 0

    @contextlib.asynccontextmanager
    async def goes_on(self) -> AsyncIterator[None]:
        """Send all the while; at the end everything must have been answered and reported."""
        ending = asyncio.Event()
        sending = asyncio.create_task(self._send(ending))
        try:
            yield
        finally:
            ending.set()
            ids = await sending
        receipts = self._esme.receipts
        await self._esme.wait_for(lambda: ids <= {came.message_id for came in receipts}, 10, "all receipts")
        assert {came.receipt.stat for came in receipts if came.receipt} == {"DELIVRD"}
        receipts.clear()

    async def _send(self, ending: asyncio.Event) -> set[str]:
        ids = set()
        while not ending.is_set() or len(ids) < 5:
            begun_s = time.monotonic()
            recipient = f"86139{next(self._numbers):08d}"
            async with asyncio.timeout(10):
                answer = await self._esme.submit("1069000110", recipient, "【示例科技】您的验证码是135790")
            assert answer.ok, answer
            ids.add(answer.message_id)
            self.slowest_s = max(self.slowest_s, time.monotonic() - begun_s)
            await asyncio.sleep(max(0.0, 1 / RATE - (time.monotonic() - begun_s)))
        return ids


class Scene:
    """A gateway, its carrier and the steady application."""

    def __init__(self, gateway: GatewayProcess, steady: Steady) -> None:
        self.gateway = gateway
        self.port = gateway.port
        self.steady = steady
        self.memory_at_start = self.memory_octets()

    def memory_octets(self) -> int:
        """Resident memory of the gateway."""
        assert self.gateway.process is not None
        pages = Path(f"/proc/{self.gateway.process.pid}/statm").read_text().split()[1]
        return int(pages) * resource.getpagesize()

    async def bound(self, receive_octets: int = 0) -> Raw:
        """A connection that is bound as the account ``orders``; those that were cut may still hold its places."""
        async with asyncio.timeout(20):
            while True:
                connection = await Raw.open(self.port, receive_octets)
                await connection.send(bind_octets("orders", BOUND_PASSWORD))
                frames = await connection.read(1)
                assert frames, "closed instead of bound"
                status = pdu.HEADER.unpack_from(frames[0])[2]
                if status != CommandStatus.ESME_RBINDFAIL:
                    break
                connection.close()
                await asyncio.sleep(0.05)
        assert status == 0
        frames.clear()
        return connection


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    overrides = {
        "smsgw.toml": {"listener": {"max_connections": MAX_CONNECTIONS, "session_init": f"{SESSION_INIT_S:g}s"}},
        "accounts/orders.toml": {"max_binds": 50, "window": 200},
    }
    async with CarrierSim(CarrierSettings()) as alpha:
        gateway = GatewayProcess(
            tmp_path_factory.mktemp("hostile"), carriers={"alpha": alpha.port}, overrides=overrides
        )
        try:
            await gateway.start()
            settings = EsmeSettings(port=gateway.port, system_id="login", password=PASSWORDS["login"], enquire_s=0.5)
            async with EsmeSim(settings) as esme:
                yield Scene(gateway, Steady(esme))
        finally:
            gateway.close()


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def unharmed(scene: Scene) -> AsyncIterator[None]:
    """Around every test: the steady application goes on, nothing leaks, nothing is complained about."""
    async with scene.steady.goes_on():
        yield
    process = scene.gateway.process
    assert process is not None
    assert process.poll() is None
    # Records that could not be written for want of a file are written later.
    assert [line for line in complaints(scene.gateway) if not line.startswith("records.write.failed")] == []
    assert scene.gateway.status()["records"]["lost"] == 0
    assert scene.memory_octets() - scene.memory_at_start < MORE_MEMORY_OCTETS
    # Connections that were cut or are overdue are gone soon; only the steady one stays.
    await scene.gateway.wait_for(
        lambda: scene.gateway.metric("smsgw_connections_open") == 1, SESSION_INIT_S + 5, "no connection left over"
    )


def spread(count: int, seed: int) -> Iterator[random.Random]:
    for number in range(count):
        yield random.Random(f"{seed} {number}")


async def test_garbage_before_a_bind(scene: Scene) -> None:
    for chance in spread(150, seed=1):
        async with raw(scene.port) as connection:
            await connection.send(chance.randbytes(chance.randint(1, 3000)))
            if chance.random() < 0.5:
                await connection.send(chance.randbytes(chance.randint(1, 3000)))
            if chance.random() < 0.1:
                assert all(status(frame) for frame in await connection.read_until_closed())


async def test_garbage_on_a_bound_session(scene: Scene) -> None:
    for chance in spread(60, seed=2):
        connection = await scene.bound()
        try:
            # A first octet other than 0 is a length of 16 MiB and more: the stream has lost its place.
            await connection.send(bytes((chance.randint(1, 255),)) + chance.randbytes(chance.randint(15, 5000)))
            await connection.read_until_closed()
            assert [pdu.HEADER.unpack_from(frame)[1:3] for frame in answers(connection)] == [
                (GENERIC_NACK, CommandStatus.ESME_RINVCMDLEN)
            ]
        finally:
            connection.close()


async def test_mutants_of_every_vector(scene: Scene) -> None:
    """Each is answered, nacked, or rightly ignored; the session ends only where an unbind or a length says so."""
    todo = list(mutants(seed=3, count=4000))
    while todo:
        connection = await scene.bound()
        try:
            while todo:
                lot, todo = todo[:40], todo[40:]
                if not await connection.send(b"".join(lot)):
                    break
                # The gateway reads in order: its answer says that the lot before was taken.
                await connection.send(pdu.enquire_link(0x7FFF0000))
                # After a length that is wrong but possible the gateway rightly waits for the rest.
                is_framed = all(int.from_bytes(frame[:4]) == len(frame) for frame in lot)
                try:
                    if not await until_enquired(connection, 5.0 if is_framed else 0.2):
                        break
                except TimeoutError:
                    assert not is_framed
                    break
                connection.frames.clear()
        finally:
            connection.close()


async def until_enquired(connection: Raw, deadline_s: float) -> bool:
    """Read until the enquire_link_resp to 0x7FFF0000; False when the peer closed first."""
    seen = 0
    while True:
        frames = await connection.read(seen + 1, deadline_s)
        if len(frames) == seen:
            return False
        for frame in frames[seen:]:
            _, command_id, _, sequence = pdu.HEADER.unpack_from(frame)
            if command_id == CommandId.ENQUIRE_LINK_RESP and sequence == 0x7FFF0000:
                return True
        seen = len(frames)


async def test_a_stream_cut_at_every_octet(scene: Scene) -> None:
    begun = bind_octets("orders", BOUND_PASSWORD)
    message = submit_octets(2, "8613800000001", "【示例物流】您的包裹已送达")
    leaving = pdu.enquire_link(3) + pdu.unbind(4)
    stream = begun + message + leaving
    for cut in range(len(stream) + 1):
        async with raw(scene.port) as connection:
            await connection.send(stream[:cut])
    # Whole it is taken, also from somebody who leaves without waiting for the answer to his message.
    connection = await scene.bound()
    try:
        await connection.send(message + leaving)
        while len(answers(connection)) < 3:
            before = len(connection.frames)
            assert len(await connection.read(before + 1)) > before, "closed before it answered"
    finally:
        connection.close()
    asked = ((CommandId.ENQUIRE_LINK, 3), (CommandId.SUBMIT_SM, 2), (CommandId.UNBIND, 4))
    answered = [pdu.HEADER.unpack_from(frame)[1:] for frame in answers(connection)]
    assert answered == [(each | GENERIC_NACK, 0, sequence) for each, sequence in asked]


async def test_one_octet_at_a_time(scene: Scene) -> None:
    """Slow is no offence: a bind and a message in single octets work, as long as the bind is there in time."""
    connections = [await Raw.open(scene.port) for _ in range(60)]
    try:
        bind = bind_octets("orders", BOUND_PASSWORD)
        for at in range(len(bind)):
            # All but the first ten stop halfway.
            for connection in connections[: None if at < 20 else 10]:
                await connection.send(bind[at : at + 1])
        for connection in connections[:10]:
            # Receipts of earlier tests may follow at once.
            assert status((await connection.read(1))[0]) == 0
        for connection in connections[10:]:
            await connection.read_until_closed(SESSION_INIT_S + 3)
        message = submit_octets(2, "8613800000002", "【示例物流】您的包裹已送达")
        for at in range(len(message)):
            await connections[0].send(message[at : at + 1])
        async with asyncio.timeout(5):
            while (header := pdu.HEADER.unpack_from(connections[0].frames[-1]))[1] != CommandId.SUBMIT_SM_RESP:
                await connections[0].read(len(connections[0].frames) + 1)
        assert header[2:] == (0, 2)
    finally:
        for connection in connections:
            connection.close()


@pytest.mark.parametrize("length", [0, 1, 15, 1025, 70_001, 0x7FFFFFFF, 0xFFFFFFFF])
async def test_lengths_that_cant_be(scene: Scene, length: int) -> None:
    """Nothing is kept for them: the session is over at the header, whatever would follow."""
    header = length.to_bytes(4) + pdu.submit_sm(7, source_addr=b"1", destination_addr=b"2", short_message=b"x")[4:16]
    async with raw(scene.port) as stranger:
        await stranger.send(header)
        assert [status(frame) for frame in await stranger.read_until_closed()] == [CommandStatus.ESME_RINVCMDLEN]
    connection = await scene.bound()
    try:
        await connection.send(header)
        if length == 1025:
            return  # a sound length once bound; the rest never comes
        await connection.read_until_closed()
        assert [status(frame) for frame in answers(connection)] == [CommandStatus.ESME_RINVCMDLEN]
    finally:
        connection.close()


async def test_clients_that_never_read(scene: Scene) -> None:
    """The gateway stops reading from them; what it keeps for each is bounded."""
    connections = [await scene.bound(receive_octets=4096) for _ in range(10)]
    try:
        lot = b"".join(pdu.enquire_link(number) for number in range(1, 1000))
        before = scene.memory_octets()
        sent = await asyncio.gather(*(push(connection, lot, 1.0) for connection in connections))
        # Each came to a standstill long before everything was taken.
        assert max(sent) < 20 * 2**20
        assert scene.memory_octets() - before < 30 * 2**20
    finally:
        for connection in connections:
            connection.close()


async def test_floods_that_are_read(scene: Scene) -> None:
    """One connection's flood takes its own share of the gateway and no more; a stranger's ends at once."""
    lot = b"".join(pdu.enquire_link(number) for number in range(1, 4000))
    connections = [await scene.bound() for _ in range(6)]
    scene.steady.slowest_s = 0.0
    try:
        async with asyncio.TaskGroup() as floods:
            for connection in connections:
                floods.create_task(flood(connection, lot, 1.5))
        assert scene.steady.slowest_s < 2.0
        async with raw(scene.port) as stranger:
            await stranger.send(20 * lot)
            await stranger.read_until_closed()
    finally:
        for connection in connections:
            connection.close()


async def flood(connection: Raw, lot: bytes, for_s: float) -> None:
    """Write as fast as it goes and read the answers beside it."""
    reading = asyncio.create_task(connection.read_until_closed(60))
    end_s = time.monotonic() + for_s
    while time.monotonic() < end_s and await connection.send(lot):
        await asyncio.sleep(0)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)


async def push(connection: Raw, lot: bytes, stalled_s: float) -> int:
    """Write the lot again and again until the peer takes no more for so long; returns the octets it took."""
    sent = 0
    with contextlib.suppress(TimeoutError):
        while sent < 50 * 2**20:
            async with asyncio.timeout(stalled_s):
                if not await connection.send(lot):
                    break
            sent += len(lot)
    return sent


async def test_thousands_of_connections_without_a_bind(scene: Scene) -> None:
    """Beyond the limit they are cut at once, within it when session_init is over."""
    open_ones: list[Raw] = []
    try:
        open_ones += [await Raw.open(scene.port) for _ in range(3000)]
        # Those that are just being cut count still.
        assert scene.gateway.metric("smsgw_connections_open") <= MAX_CONNECTIONS + 20
        await asyncio.gather(*(connection.read_until_closed(SESSION_INIT_S + 8) for connection in open_ones))
    finally:
        for connection in open_ones:
            connection.close()
    # And there is room again.
    (await scene.bound()).close()


async def test_more_connections_than_files(scene: Scene) -> None:
    """The process may have fewer files than connections are allowed: it goes on and recovers."""
    assert scene.gateway.process is not None
    pid = scene.gateway.process.pid
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (files + 50, limits[1]))
    open_ones: list[Raw] = []
    try:
        for _ in range(200):
            with contextlib.suppress(OSError):
                open_ones.append(await Raw.open(scene.port))
        await asyncio.sleep(SESSION_INIT_S / 2)
    finally:
        for connection in open_ones:
            connection.close()
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(AssertionError, OSError, TimeoutError):
                (await scene.bound()).close()
                return
            await asyncio.sleep(0.1)


async def test_a_storm_of_binds_with_wrong_passwords(scene: Scene) -> None:
    """Each costs the gateway a slow hash; who is bound goes on, and who knows the password still gets in."""
    (await scene.bound()).close()
    scene.steady.slowest_s = 0.0
    connections = []
    try:
        for number in range(300):
            connection = await Raw.open(scene.port)
            connections.append(connection)
            await connection.send(bind_octets(("orders", "nobody")[number % 2], f"x{number}"))
        begun_s = time.monotonic()
        (await scene.bound()).close()
        assert time.monotonic() - begun_s < 1.0, "a right password does not wait behind wrong ones"
        for connection in connections:
            frames = await connection.read_until_closed(20)
            assert all(status(frame) for frame in frames)
    finally:
        for connection in connections:
            connection.close()
    assert scene.steady.slowest_s < 1.0


def answers(connection: Raw) -> list[bytes]:
    """What came on it but for the receipts of earlier tests: they are the account's, so any bind of it gets them."""
    return [frame for frame in connection.frames if pdu.HEADER.unpack_from(frame)[1] != CommandId.DELIVER_SM]


def status(frame: bytes) -> int:
    """The command_status of a PDU."""
    return int(pdu.HEADER.unpack_from(frame)[2])
