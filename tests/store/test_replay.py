"""A call that is sent again, or comes late, or overtakes a newer one: carried out once or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

import pytest

from smsgw.errors import StoreAway, StoreRefused
from smsgw.store import keys
from smsgw.store.admission import ACCEPTED, AdmitReply
from smsgw.store.commit import CallId
from smsgw.store.connection import StoreSettings
from smsgw.store.correlation import KIND_SUCCESS, Correlated, Receipt
from smsgw.store.facts import FactChange, FactOp, Facts
from smsgw.store.long import LongItem
from smsgw.store.quota import QuotaLeases
from smsgw.store.secrets import Secrets
from smsgw.store.server import EmbeddedServer
from smsgw.store.settlement import Settled
from smsgw.store.sharing import Target
from smsgw.store.streams import waiting_messages
from tests.store.kit import NOW_MS, NUMBER, Kit

T = TypeVar("T")
STREAM = "{p00}:mt:alpha:2"
CAPS = (["day", 0, 10_000, {}, NOW_MS, NOW_MS + 1000, 1000],)
SAME = [b"", 2, 1, {}, 0, 0, 1000]
CALL = CallId("slot", 1, math.inf)


async def dump(kit: Kit) -> dict[str, bytes]:
    """Every key's content."""
    return {key: await kit.command("DUMP", key) for key in await kit.keys()}


async def test_admission_replayed_changes_nothing_and_answers_the_same(kit: Kit) -> None:
    items = [kit.item(n=n, caps=([*CAPS[0][:2], 2, *CAPS[0][3:]],)) for n in range(3)]
    first = await kit.admission._send(0, CALL, items)
    assert [reply.code for reply in first] == [0, 0, 2]
    before = await dump(kit)
    assert await kit.admission._send(0, CALL, items) == first
    assert await dump(kit) == before


async def test_every_other_call_replayed_changes_nothing(kit: Kit) -> None:
    await kit.admit(*(kit.item(n=n) for n in range(5)))
    read = [message[1][0] for message in await kit.read(STREAM, 5)]
    await kit.receipt("early")
    receipt = Receipt(None, "alpha", "c", b"receipt", KIND_SUCCESS, True, b"")
    late = Receipt(None, "alpha", "late", b"receipt", KIND_SUCCESS, True, b"")
    value = b"0" + b"\x96\xa4shop\xa20a\xa5{p00}\x03\xa1o\xa11"
    held_id, other_id = "00" + "0" * 15 + "9", "00" + "0" * 15 + "a"
    await kit.admit(*(kit.item(message_ids=[each], due_ms=NOW_MS, at_ms=NOW_MS) for each in (held_id, other_id)))
    held = await kit.held.get(held_id)
    assert held is not None
    facts, quota = Facts(kit.store, print), QuotaLeases(kit.store)
    failed = FactChange(None, FactOp.FAILED, NUMBER, "", "UNDELIV", NOW_MS, threshold=9, within_ms=1000, keep_ms=1000)
    calls: list[tuple[Callable[..., Any], list[Any]]] = [
        (kit.settlement._send, [
            (None, 1, STREAM, read[0], "alpha:c", value, 60), (None, 1, STREAM, read[1], "alpha:early", value, 0),
            (None, 4, STREAM, read[2], 0, "beta:1", b"blob"), (None, 4, STREAM, read[3], NOW_MS, "00aa", b"blob"),
            (None, 4, STREAM, read[4], NOW_MS, "00ab", b"blob", "review", NOW_MS),
        ]),
        (kit.correlation._send, [receipt, late, receipt]),
        (kit.correlation.sharing._send, [
            (print, "shop", KIND_SUCCESS, True, b"receipt", [Target("00" + "0" * 16, 3, b"origin", part, 2)])
            for part in (0, 1)
        ]),
        (kit.outbound._send_appends, [("shop", (b"m", b"mo"), print), ("shop", (b"m", b"mo"), print)]),
        (kit.held._send, [
            (None, held_id, held.blob[:13], 1, "alpha:2", b"blob", "rhash", 0, [], NOW_MS),
            (None, other_id, b"", 6, "pause:global", NOW_MS, NOW_MS, b"blob"),
        ]),
        (facts._send, [failed, failed, failed._replace(op=FactOp.OPT_OUT)]),
        (quota._send, [(print, "shop", 10, 1, [("d1", 100)]), (print, "shop", -4, 0, [("d1", 100)])]),
        (kit.admission._send, [kit.item(n=77, lot="review", due_ms=NOW_MS, content=b"8 octets", caps=(SAME,))]),
        (kit.long._send, [LongItem(None, 0, "g", 1, 2, b"one", NOW_MS), LongItem(None, 0, "h", 1, 1, b"all", NOW_MS)]),
    ]  # fmt: skip
    for number, (send, items) in enumerate(calls):
        call_id = CallId(f"slot{number}", 7, math.inf)
        first = await send(0, call_id, items)
        before = await dump(kit)
        assert await send(0, call_id, items) == first, send
        assert await dump(kit) == before, send


async def test_a_call_that_comes_after_its_successor_is_refused(kit: Kit) -> None:
    await kit.admission._send(0, CallId("slot", 2, math.inf), [kit.item()])
    with pytest.raises(StoreRefused, match="STALE"):
        await kit.admission._send(0, CallId("slot", 1, math.inf), [kit.item(n=1)])
    assert await waiting_messages(kit.store, STREAM) == 1


async def test_a_call_nobody_waits_for_does_not_begin(kit: Kit) -> None:
    before = await kit.keys()
    with pytest.raises(StoreAway, match="too late"):
        await kit.admission._send(0, CallId("slot", 1, monotonic() - 1), [kit.item()])
    assert await kit.keys() == before
    assert await kit.admission._send(0, CallId("slot", 1, monotonic() + 5), [kit.item()]) == [AdmitReply(ACCEPTED)]


async def test_a_call_that_ran_is_answered_also_when_it_is_late_by_then(kit: Kit) -> None:
    await kit.admission._send(0, CallId("slot", 1, monotonic() + 5), [kit.item()])
    again = await kit.admission._send(0, CallId("slot", 1, monotonic() - 5), [kit.item()])
    assert again == [AdmitReply(ACCEPTED)]
    assert await waiting_messages(kit.store, STREAM) == 1


async def test_scripts_are_loaded_again_when_redis_forgot_them(kit: Kit) -> None:
    await kit.command("SCRIPT", "FLUSH")
    assert await kit.codes(kit.item()) == [ACCEPTED]


async def test_lost_replies_double_and_lose_nothing(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call runs, and every other reply is lost on its way."""
    command, lost = kit.store.command, 0

    async def losing(partition: int, *parts: Any) -> Any:
        nonlocal lost
        reply = await command(partition, *parts)
        if parts[0] == "EVALSHA" and parts[4]:
            lost += 1
            if lost % 2:
                raise StoreAway("the reply was lost")
        return reply

    monkeypatch.setattr(kit.store, "command", losing)
    await check_whole_way(kit, 30)
    assert lost > 4


async def check_whole_way(kit: Kit, count: int, trouble: Callable[[], None] | None = None) -> None:
    """Admission to the application, one message a turn; asserts that nothing was lost or doubled."""
    step = trouble or (lambda: None)
    items = [kit.item(n=n, caps=CAPS) for n in range(count)]
    for item in items:
        kit.admission.submit(item)
        step()
        await asyncio.sleep(0)
    await kit.drain()
    assert [reply.code for reply in kit.admitted if isinstance(reply, AdmitReply)] == [ACCEPTED] * count
    report = await persistently(lambda: kit.admission.dry(kit.item(caps=CAPS)))
    assert report.seen == [count]
    read = await kit.read(STREAM, count)
    # Between batches there is no order: two are under way at once.
    assert sorted(message[1][1][1] for message in read) == sorted(item.blob for item in items)
    for number, message in enumerate(read):
        kit.sent(message, f"c{number}", items[number].message_ids[0])
        step()
        await asyncio.sleep(0)
    await kit.drain()
    assert [reply for _, reply in kit.settled] == [Settled(True)] * count
    for number in range(count):
        kit.correlation.put(None, "alpha", f"c{number}", b"r%d" % number, KIND_SUCCESS, True, b"")
        step()
        await asyncio.sleep(0)
    await kit.drain()
    assert [result.outcome for _, result in kit.correlated if isinstance(result, Correlated)] == [1] * count
    out = await kit.read(keys.out("shop", 1), count)
    assert sorted(message[1][1][3] for message in out) == sorted(b"r%d" % number for number in range(count))
    for stream, (entry_id, _), _ in out:
        kit.outbound.ack(stream, entry_id)
    await kit.drain()
    assert await persistently(lambda: waiting_messages(kit.store, keys.out("shop", 1))) == 0


async def persistently(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask until a connection lives long enough."""
    async with asyncio.timeout(5):
        while True:
            with contextlib.suppress(StoreAway):
                return await ask()
            await asyncio.sleep(0)


@pytest.fixture
async def own_server(tmp_path: Path) -> AsyncIterator[EmbeddedServer]:
    server = EmbeddedServer(tmp_path)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def patient(own_server: EmbeddedServer, secrets: Secrets) -> AsyncIterator[Kit]:
    """A kit whose admission waits for Redis as long as everything else does."""
    kit = Kit(own_server.url, secrets, StoreSettings())
    kit.admission.commit._retry_for_s = math.inf
    await kit.start()
    yield kit
    await kit.stop()


async def test_connections_cut_at_any_moment(patient: Kit) -> None:
    cutter = Kit(patient.url, patient.secrets, patient.settings)
    cuts: list[asyncio.Task[Any]] = []

    def cut() -> None:
        if len(cuts) < 60:
            cuts.append(asyncio.ensure_future(cutter.store.command(0, "CLIENT", "KILL", "TYPE", "normal")))

    await check_whole_way(patient, 100, cut)
    # They cut each other off as well.
    await asyncio.gather(*cuts, return_exceptions=True)
    await cutter.store.close()


async def test_a_killed_server_comes_back_with_all_it_answered(patient: Kit, own_server: EmbeddedServer) -> None:
    for n in range(300):
        patient.admission.submit(patient.item(n=n, caps=CAPS))
        await asyncio.sleep(0)
    assert patient.admission.commit.waiting
    own_server.kill()
    answered = [reply for reply in patient.admitted if isinstance(reply, AdmitReply)]
    await own_server.restart()
    await patient.drain()
    assert len(answered) < 300
    assert [reply.code for reply in patient.admitted if isinstance(reply, AdmitReply)] == [ACCEPTED] * 300
    bodies = [message[1][1][1] for message in await patient.read(STREAM, 300)]
    assert sorted(bodies) == sorted(b"body-%d" % n for n in range(300))
    assert (await patient.admission.dry(patient.item(caps=CAPS))).seen == [300]


async def test_what_waits_too_long_is_given_up_and_does_not_happen_later(
    own_server: EmbeddedServer, secrets: Secrets
) -> None:
    kit = Kit(own_server.url, secrets, StoreSettings(timeout_s=0.3))
    await kit.start()
    await kit.admit(kit.item())
    await kit.command("CLIENT", "PAUSE", 600)
    (reply,) = await kit.admit(kit.item(n=1))
    assert isinstance(reply, StoreAway)
    assert await persistently(lambda: waiting_messages(kit.store, STREAM)) == 1
    await kit.stop()
