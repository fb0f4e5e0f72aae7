"""Settlement, correlation and out streams: every receipt finds its way, whichever comes first and wherever it lives."""

from __future__ import annotations

import asyncio
import time

import pytest

from smsgw.errors import StoreLocked
from smsgw.store import keys
from smsgw.store.admission import ACCEPTED
from smsgw.store.correlation import DUPLICATE, KIND_FAILURE, KIND_SUCCESS, MATCHED, PARKED, Correlated
from smsgw.store.entries import Entry
from smsgw.store.settlement import Settled
from smsgw.store.state import state_header, state_value
from smsgw.store.streams import waiting_messages
from tests.store.conftest import MakeKit
from tests.store.kit import NOW_MS, Kit, mapping, until

Read = tuple[str, Entry, bool]


@pytest.fixture(params=[1, 4])
async def any_kit(request: pytest.FixtureRequest, make_kit: MakeKit) -> Kit:
    return await make_kit(partitions=request.param)


async def accepted(kit: Kit, count: int) -> list[tuple[Read, str]]:
    """Messages to as many recipients, as read from their streams, with their ids."""
    items = [kit.item(str(8613800000000 + n), n) for n in range(count)]
    assert await kit.codes(*items) == [ACCEPTED] * count
    by_blob = {item.blob: item.message_ids[0] for item in items}
    found: list[tuple[Read, str]] = []
    for partition in range(kit.store.partitions):
        stream = keys.mt(partition, "alpha", 2)
        expected = await waiting_messages(kit.store, stream)
        found += [(message, by_blob[message[1][1][1]]) for message in await kit.read(stream, expected)]
    assert len(found) == count
    return found


async def check_out_entries(kit: Kit, count: int) -> list[Read]:
    """What waits for the application, of which there must be ``count``."""
    return await kit.read(keys.out("shop", kit.store.partitions), count)


async def test_a_message_that_was_sent_leaves_nothing_in_its_stream(any_kit: Kit) -> None:
    messages = await accepted(any_kit, 60)
    for number, (message, message_id) in enumerate(messages):
        any_kit.sent(message, f"c{number}", message_id, number)
    await any_kit.drain()
    assert sorted(context for context, _ in any_kit.settled) == list(range(60))  # type: ignore[type-var]
    assert {reply for _, reply in any_kit.settled} == {Settled(True)}
    for partition in range(any_kit.store.partitions):
        stream = keys.mt(partition, "alpha", 2)
        assert await any_kit.command("XLEN", stream, partition=partition) == 0
        assert await any_kit.command("HLEN", keys.part(stream), partition=partition) <= 1
        assert await waiting_messages(any_kit.store, stream) == 0


async def test_a_receipt_reaches_the_application_and_query_sm_knows_it(any_kit: Kit) -> None:
    messages = await accepted(any_kit, 8)
    for number, (message, message_id) in enumerate(messages):
        any_kit.sent(message, f"c{number}", message_id)
    await any_kit.drain()
    for number, (_, message_id) in enumerate(messages):
        assert await any_kit.receipt(f"c{number}") == Correlated(MATCHED, "shop", message_id, True)
    await any_kit.drain()
    waiting = {message[1][1][5]: message[1][1] for message in await check_out_entries(any_kit, 8)}
    for number, (_, message_id) in enumerate(messages):
        origin, receipt = b"origin-" + message_id.encode(), b"receipt-c%d" % number
        assert waiting[message_id.encode()] == [b"o", origin, b"r", receipt, b"i", message_id.encode()]
        status = await any_kit.states.query(message_id)
        assert status is not None
        assert (status.message_state, status.final_ms, status.account) == (2, NOW_MS, "shop")


async def test_a_final_state_is_final(any_kit: Kit) -> None:
    ((message, message_id),) = await accepted(any_kit, 1)
    any_kit.sent(message, "c", message_id)
    await any_kit.drain()
    assert (await any_kit.receipt("c")) == Correlated(MATCHED, "shop", message_id, True)
    for delivered, final in ((True, True), (False, True), (True, False)):
        again = await any_kit.receipt("c", delivered=delivered, final=final)
        assert again == Correlated(DUPLICATE, message_id=message_id)
    await any_kit.drain()
    await check_out_entries(any_kit, 1)


async def test_of_two_final_receipts_in_one_batch_one_is_passed_on(any_kit: Kit) -> None:
    ((message, message_id),) = await accepted(any_kit, 1)
    any_kit.sent(message, "c", message_id)
    await any_kit.drain()
    for context in ("first", "second"):
        any_kit.correlation.put(context, "alpha", "c", b"receipt", KIND_SUCCESS, True, b"")
    await any_kit.drain()
    outcomes = sorted(result.outcome for _, result in any_kit.correlated if isinstance(result, Correlated))
    assert outcomes == [DUPLICATE, MATCHED]
    await check_out_entries(any_kit, 1)


async def test_a_receipt_that_overtakes_its_response_is_passed_on_by_the_response(any_kit: Kit) -> None:
    messages = await accepted(any_kit, 8)
    for number in range(0, 8, 2):
        assert await any_kit.receipt(f"c{number}") == Correlated(PARKED)
    for number, (message, message_id) in enumerate(messages):
        any_kit.sent(message, f"c{number}", message_id, number)
    await any_kit.drain()
    for context, reply in any_kit.settled:
        assert isinstance(reply, Settled)
        assert isinstance(context, int)
        message_id = messages[context][1]
        met = [early.result for early in reply.early]
        assert met == ([Correlated(MATCHED, "shop", message_id, True)] if context % 2 == 0 else [])
    await check_out_entries(any_kit, 4)
    for partition in range(any_kit.store.partitions):
        assert not await any_kit.command("KEYS", "*:early:*", partition=partition)
        assert await waiting_messages(any_kit.store, keys.mt(partition, "alpha", 2)) == 0
    assert (await any_kit.receipt("c0")) == Correlated(DUPLICATE, message_id=messages[0][1])


async def test_several_early_receipts_are_met_in_order(any_kit: Kit) -> None:
    ((message, message_id),) = await accepted(any_kit, 1)
    await any_kit.receipt("c", final=False)
    await any_kit.receipt("c")
    await any_kit.receipt("c")
    any_kit.sent(message, "c", message_id)
    await any_kit.drain()
    (_, reply), *_ = any_kit.settled
    assert isinstance(reply, Settled)
    outcomes = [early.result.outcome for early in reply.early]
    assert outcomes[0] == MATCHED
    assert outcomes.count(DUPLICATE) == 1


async def test_an_unwanted_receipt_is_recorded_and_not_passed_on(kit: Kit) -> None:
    ((message, message_id),) = await accepted(kit, 1)
    stream, (entry_id, _), _ = message
    kit.settlement.sent(None, stream, entry_id, "alpha", "c", mapping(message_id, KIND_FAILURE))
    await kit.drain()
    assert await kit.receipt("c") == Correlated(MATCHED, "shop", message_id, False)
    assert not [key for key in await kit.keys() if ":out:" in key]
    status = await kit.states.query(message_id)
    assert status is not None
    assert status.message_state == 2


async def test_segments_are_remembered_one_by_one_and_the_entry_ends_with_the_last(any_kit: Kit) -> None:
    ((message, message_id),) = await accepted(any_kit, 1)
    stream = message[0]
    any_kit.settlement.remember("first", "alpha", "c0", mapping(message_id))
    await any_kit.drain()
    partition = keys.partition_of_key(stream)
    assert await waiting_messages(any_kit.store, stream) == 1
    any_kit.sent(message, "c1", message_id, "last")
    await any_kit.drain()
    assert await any_kit.command("XLEN", stream, partition=partition) == 0
    assert [context for context, _ in any_kit.settled] == ["first", "last"]
    for cid in ("c0", "c1"):
        result = await any_kit.receipt(cid)
        assert isinstance(result, Correlated)
        assert result.outcome == MATCHED


async def test_what_was_settled_stays_settled(kit: Kit) -> None:
    messages = await accepted(kit, 3)
    for (stream, (entry_id, _), _), _ in messages:
        kit.settlement.done("once", stream, entry_id)
    await kit.drain()
    for (stream, (entry_id, _), _), message_id in messages:
        states = [(message_id, state_value(state_header(5), "shop", "1"))]
        kit.settlement.done("again", stream, entry_id, states)
        kit.settlement.hold("again", stream, entry_id, NOW_MS, message_id, b"blob")
        kit.settlement.move("again", stream, entry_id, "beta:1", b"blob")
    await kit.drain()
    assert [reply for context, reply in kit.settled if context == "again"] == [Settled(False)] * 9
    assert not [key for key in await kit.keys() if ":held" in key or "beta" in key]
    status = await kit.states.query(messages[0][1])
    assert status is not None
    assert status.message_state == 1


async def test_an_entry_of_one_message_is_settled_once_as_well(kit: Kit) -> None:
    ((message, _),) = await accepted(kit, 1)
    stream, (entry_id, _), _ = message
    assert b":" not in entry_id
    for context in ("once", "again"):
        kit.settlement.done(context, stream, entry_id)
    await kit.drain()
    assert kit.settled == [("once", Settled(True)), ("again", Settled(False))]
    assert await waiting_messages(kit.store, stream) == 0


async def test_a_failure_leaves_its_state(kit: Kit) -> None:
    ((message, message_id),) = await accepted(kit, 1)
    stream, (entry_id, _), _ = message
    value = state_value(state_header(8, 1034, NOW_MS), "shop", "10690001")
    kit.settlement.done(None, stream, entry_id, [(message_id, value)])
    await kit.drain()
    status = await kit.states.query(message_id)
    assert status is not None
    assert (status.message_state, status.error_code, status.final_ms) == (8, 34, NOW_MS)


async def test_hold_and_move_take_a_message_elsewhere(kit: Kit) -> None:
    messages = await accepted(kit, 2)
    (stream, (first, _), _), first_id = messages[0]
    (_, (second, _), _), _ = messages[1]
    kit.settlement.hold(None, stream, first, NOW_MS + 5, first_id, b"later")
    kit.settlement.move(None, stream, second, "beta:1", b"elsewhere")
    await kit.drain()
    assert [(each.held_id, each.blob) for each in await kit.held.due(0, NOW_MS + 5)] == [(first_id, b"later")]
    assert [each[1][1] for each in await kit.read("{p00}:mt:beta:1", 1)] == [[b"m", b"elsewhere"]]
    assert await waiting_messages(kit.store, stream) == 0


async def test_mo_come_in_order(any_kit: Kit) -> None:
    done: list[object] = []
    for number in range(3):
        any_kit.outbound.append_mo("shop", b"mo-%d" % number, done.append)
    any_kit.outbound.append_mo("shop", b"mo", done.append)
    await any_kit.drain()
    assert done == [None] * 4
    fields = [each[1][1] for each in await check_out_entries(any_kit, 4)]
    assert fields == [[b"m", b"mo-0"], [b"m", b"mo-1"], [b"m", b"mo-2"], [b"m", b"mo"]]


async def test_what_the_application_took_is_gone_and_the_rest_comes_again(any_kit: Kit) -> None:
    for number in range(5):
        any_kit.outbound.append_mo("shop", b"mo-%d" % number, lambda _: None)
    await any_kit.drain()
    entries = await check_out_entries(any_kit, 5)
    for stream, (entry_id, _), _ in entries[:3]:
        any_kit.outbound.ack(stream, entry_id)
    await any_kit.drain()
    again = await any_kit.read(entries[0][0], 2)
    assert [(message[1][1], message[2]) for message in again] == [([b"m", b"mo-3"], True), ([b"m", b"mo-4"], True)]
    for stream, (entry_id, _), _ in again:
        any_kit.outbound.ack(stream, entry_id)
    await any_kit.drain()
    assert await waiting_messages(any_kit.store, entries[0][0]) == 0


async def test_who_reads_again_waits_for_what_was_acknowledged(kit: Kit) -> None:
    kit.outbound.append_mo("shop", b"mo", lambda _: None)
    await kit.drain()
    ((stream, (entry_id, _), _),) = await check_out_entries(kit, 1)
    waiting: list[int] = []
    kit.outbound.ack(stream, entry_id)
    kit.outbound.when_acknowledged(stream, lambda: waiting.append(kit.outbound.acks.waiting))
    assert waiting == []
    await kit.drain()
    kit.outbound.when_acknowledged(stream, lambda: waiting.append(kit.outbound.acks.waiting))
    assert waiting == [0, 0]
    assert await waiting_messages(kit.store, stream) == 0


async def test_an_out_stream_is_bounded_and_loses_its_oldest(make_kit: MakeKit) -> None:
    kit = await make_kit(out_limit=50)
    for number in range(120):
        kit.outbound.append_mo("shop", b"%d" % number, lambda _: None)
        if number % 7 == 0:
            await asyncio.sleep(0)
    await kit.drain()
    stream = keys.out("shop", 1)
    left = await waiting_messages(kit.store, stream)
    assert 10 < left <= 50
    bodies = [each[1][1][1] for each in await kit.read(stream, left)]
    assert bodies == [b"%d" % number for number in range(120 - left, 120)]


async def test_a_settled_mapping_is_short_afterwards(kit: Kit) -> None:
    ((message, message_id),) = await accepted(kit, 1)
    kit.sent(message, "c", message_id)
    await kit.drain()
    await kit.receipt("c")
    assert await kit.command("GET", keys.rcpt(0, "alpha", "c")) == b"1" + message_id.encode()
    left_ms = await kit.command("PTTL", keys.rcpt(0, "alpha", "c"))
    assert 0 < left_ms <= kit.settings.duplicate_ttl_ms


async def test_everything_that_can_expire_does(kit: Kit) -> None:
    messages = await accepted(kit, 2)
    kit.sent(messages[0][0], "c", messages[0][1])
    await kit.receipt("unknown")
    await kit.drain()
    lasting = (":mt:", ":part:", ":held", ":out:", ":meta", ":hwm:", ":who:", ":longdue", ":events")
    for key in await kit.keys():
        if not any(part in key for part in lasting):
            assert await kit.command("PTTL", key) > 0, key


async def test_work_goes_on_while_redis_is_full(kit: Kit) -> None:
    """Only admission is refused: settling and receipts are what frees memory."""
    messages = await accepted(kit, 2)
    await kit.command("CONFIG", "SET", "maxmemory", "1")
    try:
        (refused,) = await kit.admit(kit.item("8613800000099", 99))
        assert "OOM" in str(refused)
        for number, (message, message_id) in enumerate(messages):
            kit.sent(message, f"c{number}", message_id)
        await kit.drain()
        result = await kit.receipt("c0")
        assert isinstance(result, Correlated)
        assert result.outcome == MATCHED
        kit.outbound.append_mo("shop", b"mo", lambda error: kit.admitted.append(error) if error else None)
        await kit.drain()
        assert await kit.store.memory_share() > 1
    finally:
        await kit.command("CONFIG", "SET", "maxmemory", "0")
    assert all(isinstance(reply, Settled) for _, reply in kit.settled)
    await until(lambda: len(kit.admitted) == 3)


async def test_how_far_a_clock_is_ahead_of_the_stores(kit: Kit) -> None:
    for ahead_s in (3600.0, -3600.0):
        found_s = await kit.store.clock_ahead_s(lambda ahead_s=ahead_s: time.time() + ahead_s)  # type: ignore[misc]
        assert abs(found_s - ahead_s) < 60


async def test_a_password_that_is_being_changed_loses_no_receipt(kit: Kit) -> None:
    """What became of messages is told until Redis lets us in again; nobody else would."""
    ((message, message_id),) = await accepted(kit, 1)
    admin = await kit.store.dedicated(0)
    await admin.call("CONFIG", "SET", "requirepass", "other")
    try:
        await kit.store._shared.pop(0).close()
        kit.sent(message, "c0", message_id)
        with pytest.raises(StoreLocked, match=r"store\.password_file|NOAUTH"):
            await kit.store.command(0, "PING")
        assert kit.settled == []
    finally:
        await admin.call("CONFIG", "SET", "requirepass", "")
        await admin.close()
    await until(lambda: kit.settled)
    assert isinstance(kit.settled[0][1], Settled)
    result = await kit.receipt("c0")
    assert isinstance(result, Correlated)
    assert (result.outcome, result.message_id) == (MATCHED, message_id)
