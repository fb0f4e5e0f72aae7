"""A receipt that comes while its message is still being settled waits for that, here and not in the store."""

from __future__ import annotations

from smsgw.errors import StoreAway
from smsgw.store import keys
from smsgw.store.correlation import KIND_SUCCESS, MATCHED, PARKED, Correlated
from smsgw.store.settlement import Settled
from smsgw.store.state import state_header
from tests.store.kit import NOW_MS, Kit, until

HEADER = state_header(2, 0, NOW_MS)


async def test_it_is_matched_and_not_parked(kit: Kit) -> None:
    item = kit.item()
    await kit.admit(item)
    (message,) = await kit.read(keys.mt(0, "alpha", 2), 1)
    kit.sent(message, "c", item.message_ids[0], context="sent")
    for blob in (b"first", b"second"):
        kit.correlation.put(blob, "alpha", "c", blob, KIND_SUCCESS, blob == b"second", HEADER)
    assert kit.correlation.commit.waiting == 0, "nothing is asked before the id is known"
    await until(lambda: len(kit.correlated) == 2)
    assert kit.settled == [("sent", Settled(True))]
    assert [(context, result.outcome) for context, result in kit.correlated if isinstance(result, Correlated)] == [
        (b"first", MATCHED),
        (b"second", MATCHED),
    ]
    assert await kit.command("EXISTS", keys.early(0, "alpha", "c")) == 0


async def test_it_is_asked_about_when_the_settlement_fails_too(kit: Kit) -> None:
    kit.correlation.coming("alpha:c")
    kit.correlation.put("receipt", "alpha", "c", b"blob", KIND_SUCCESS, True, HEADER)
    item = ("sent", 1, "{p00}:mt:alpha:2", b"1-1", "alpha:c", b"", 0)
    kit.settlement._answered([item], StoreAway("gone"))
    await until(lambda: kit.correlated)
    ((context, result),) = kit.correlated
    assert context == "receipt"
    assert isinstance(result, Correlated)
    assert result.outcome == PARKED
