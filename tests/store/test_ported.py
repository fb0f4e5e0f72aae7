"""Numbers that went to another network: known everywhere and after a restart, bounded, and sealed."""

from __future__ import annotations

from smsgw.store import keys
from smsgw.store.ported import PortedNumbers
from tests.store.kit import Kit


async def test_what_one_process_learns_all_know(kit: Kit) -> None:
    mine: dict[str, str] = {}
    theirs: dict[str, str] = {}
    one, other = PortedNumbers(kit.store, mine), PortedNumbers(kit.store, theirs)
    one.learn("8613912345678", "telecom")
    one.learn("8613912345678", "telecom")
    one.learn("8613912345679", "")
    assert mine == {"8613912345678": "telecom", "8613912345679": ""}
    await one.flush()
    await other.load()
    assert theirs == mine
    assert await kit.store.command(0, "XLEN", keys.ported()) == 2
    assert b"13912345678" not in repr(await kit.store.command(0, "XRANGE", keys.ported(), "-", "+")).encode()
    other.learn("8613912345678", "unicom")
    await other.flush()
    await one.load()
    assert mine["8613912345678"] == "unicom"
    await one.load()  # nothing new
    assert len(mine) == 2


async def test_only_so_many_and_what_cannot_be_read_is_left_out(kit: Kit) -> None:
    await kit.store.command(0, "XADD", keys.ported(), "*", "n", b"nothing of ours")
    known: dict[str, str] = {}
    numbers = PortedNumbers(kit.store, known, most=3)
    for last in range(5):
        numbers.learn(f"861391234567{last}", "telecom")
    assert list(known) == [f"861391234567{last}" for last in (2, 3, 4)]
    await numbers.flush()
    await numbers.load()
    assert list(known) == [f"861391234567{last}" for last in (2, 3, 4)]
