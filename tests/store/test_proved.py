"""Passwords that one process has proved are known to the others and after a restart, and to nobody without the key."""

from __future__ import annotations

import asyncio

from smsgw.config.passwords import PasswordChecker, hash_password
from smsgw.gateway.proof_desk import ProofDesk
from smsgw.store.proved import ProvedPasswords
from tests.store.kit import Kit

KEY = b"k" * 32
STORED = hash_password("secret", n=1024)


async def _desk(kit: Kit, key: bytes = KEY, most: int = 100) -> tuple[PasswordChecker, ProofDesk]:
    checker = PasswordChecker(key=key)
    desk = ProofDesk(ProvedPasswords(kit.store, most), checker.mark, checker.remember)
    await desk.load()
    kit.run(desk.run())
    return checker, desk


async def _recalled(desk: ProofDesk) -> None:
    heard = asyncio.Event()
    desk.recall(heard.set)
    async with asyncio.timeout(10):
        await heard.wait()


async def test_what_one_has_proved_the_others_learn_when_they_ask(kit: Kit) -> None:
    one, desk_of_one = await _desk(kit)
    other, desk_of_other = await _desk(kit)
    assert one.verify(STORED, b"secret")
    desk_of_one.proved(STORED, b"secret")
    await _recalled(desk_of_one)
    assert not other.knows(STORED, b"secret")
    await _recalled(desk_of_other)
    assert other.knows(STORED, b"secret")
    assert not other.knows(STORED, b"guess")
    assert not other.knows(hash_password("secret", n=1024), b"secret"), "another stored form is another password"


async def test_a_new_life_knows_it_and_a_stranger_does_not(kit: Kit) -> None:
    one, desk = await _desk(kit)
    assert one.verify(STORED, b"secret")
    desk.proved(STORED, b"secret")
    await _recalled(desk)
    again, _ = await _desk(kit)
    assert again.knows(STORED, b"secret")
    stranger, _ = await _desk(kit, b"other".ljust(32, b"."))
    assert not stranger.knows(STORED, b"secret")


async def test_the_store_keeps_so_many(kit: Kit) -> None:
    _, desk = await _desk(kit, most=5)
    for number in range(20):
        desk.proved(f"stored{number}", b"secret")
        await _recalled(desk)
    assert int(await kit.command("ZCARD", "{p00}:proved")) == 5
    later, _ = await _desk(kit, most=5)
    known = [number for number in range(20) if later.knows(f"stored{number}", b"secret")]
    assert len(known) == 5
    assert 19 in known


async def test_without_the_store_it_goes_on_alone(kit: Kit) -> None:
    checker = PasswordChecker()
    desk = ProofDesk(None, checker.mark, checker.remember)
    await desk.load()
    await _recalled(desk)
    desk.proved(STORED, b"secret")
    await desk.run()
    assert int(await kit.command("EXISTS", "{p00}:proved")) == 0
