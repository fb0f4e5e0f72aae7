"""What query_sm answers: ids that differ in their last digit share a hash; nobody notices but Redis."""

from __future__ import annotations

from smsgw.gateway.ids import MessageIds, with_tail
from smsgw.store import keys
from smsgw.store.packing import to_script
from smsgw.store.scripts import script
from smsgw.store.state import ENROUTE_HEADER, state_header, state_value
from tests.store.kit import DAY_MS, Kit

SECOND = 1_800_000_000
ENROUTE = state_value(ENROUTE_HEADER, "shop", "10690001")
DELIVERED = state_value(state_header(2), "shop", "10690001")


async def write(kit: Kit, ttl_ms: int, *states: tuple[str, bytes]) -> None:
    await kit.store.evaluate(0, script("state"), to_script((ttl_ms, *states)))


def made(count: int) -> list[str]:
    ids = MessageIds(1)
    return [ids.next(0, SECOND) for _ in range(count)]


async def test_neighbours_share_a_key_and_keep_their_own_states(kit: Kit) -> None:
    ids = made(40)
    await write(kit, DAY_MS, *((message_id, ENROUTE) for message_id in ids))
    assert len({keys.state(message_id, 1)[0] for message_id in ids}) == 3
    await write(kit, 0, (ids[5], DELIVERED))
    found = [await kit.states.query(message_id) for message_id in ids]
    assert [n for n, status in enumerate(found) if status and status.message_state == 2] == [5]
    assert None not in found


async def test_an_update_touches_only_what_is_there(kit: Kit) -> None:
    there, absent, expired = made(40)[4], made(40)[5], made(40)[30]
    await write(kit, DAY_MS, (there, ENROUTE))
    await write(kit, 0, (there, DELIVERED), (absent, DELIVERED), (expired, DELIVERED))
    status = await kit.states.query(there)
    assert status is not None
    assert status.message_state == 2
    assert await kit.states.query(absent) is None, "its neighbours are there, it is not"
    assert await kit.states.query(expired) is None
    assert await kit.command("EXISTS", keys.state(expired, 1)[0]) == 0


async def test_a_state_lives_as_long_as_its_newest_neighbour(kit: Kit) -> None:
    first, second = made(2)
    key, _ = keys.state(first, 1)
    await write(kit, DAY_MS, (first, ENROUTE))
    await kit.command("PEXPIRE", key, 50_000)
    await write(kit, 0, (first, DELIVERED))
    assert await kit.command("PTTL", key) <= 50_000, "a change prolongs nothing"
    await write(kit, DAY_MS, (second, ENROUTE))
    assert await kit.command("PTTL", key) > DAY_MS - 50_000


async def test_the_destinations_of_many_submit_multis_share_a_key_too(kit: Kit) -> None:
    ids = [with_tail(first, 0, index) for first in made(15) for index in range(1, 254)]
    await write(kit, DAY_MS, *((message_id, ENROUTE) for message_id in ids))
    await write(kit, 0, *((message_id, DELIVERED) for message_id in ids))
    for message_id in (ids[0], ids[1000], ids[-1]):
        status = await kit.states.query(message_id)
        assert status is not None
        assert status.message_state == 2
