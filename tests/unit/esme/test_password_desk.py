"""Who waits for a password check, who does not, and who is sent away."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from smsgw.esme.password_desk import MOST_IN_ALL, MOST_OF_ADDRESS, PasswordDesk


class Clerk:
    """A check that stands still until ``gate`` is opened."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.checked: list[tuple[str, bytes]] = []
        self.known: set[tuple[str, bytes]] = set()
        self.answers: list[bool | None] = []
        self.desk = PasswordDesk(self._check, lambda stored, password: (stored, password) in self.known)

    def _check(self, stored: str, password: bytes) -> bool:
        assert self.gate.wait(10)
        self.checked.append((stored, password))
        return password == b"right"

    def ask(self, password: bytes, address: str = "192.0.2.1") -> None:
        self.desk.ask(address, "stored", password, self.answers.append)

    async def answered(self, count: int) -> list[bool | None]:
        async with asyncio.timeout(10):
            while len(self.answers) < count:
                await asyncio.sleep(0)
        return self.answers


@pytest.fixture
def clerk() -> Clerk:
    return Clerk()


async def test_equal_questions_cost_one_check(clerk: Clerk) -> None:
    for _ in range(100):
        clerk.ask(b"right")
    clerk.ask(b"wrong")
    clerk.gate.set()
    assert sorted(map(bool, await clerk.answered(101))) == [False] + [True] * 100
    assert sorted(clerk.checked) == [("stored", b"right"), ("stored", b"wrong")]
    clerk.desk.close()


async def test_what_is_known_does_not_wait(clerk: Clerk) -> None:
    clerk.known.add(("stored", b"right"))
    clerk.ask(b"wrong")
    clerk.ask(b"right")
    assert clerk.answers == [True]
    clerk.gate.set()
    assert await clerk.answered(2) == [True, False]
    clerk.desk.close()


async def test_an_address_may_have_so_many_open_and_others_go_on(clerk: Clerk) -> None:
    for number in range(MOST_OF_ADDRESS + 3):
        clerk.ask(b"wrong%d" % number)
    assert clerk.answers == [None] * 3
    clerk.ask(b"right", "192.0.2.2")
    clerk.gate.set()
    assert (await clerk.answered(MOST_OF_ADDRESS + 4)).count(True) == 1
    clerk.ask(b"right")
    assert (await clerk.answered(MOST_OF_ADDRESS + 5))[-1] is True, "room again"
    clerk.desk.close()


async def test_addresses_take_turns(clerk: Clerk) -> None:
    for number in range(20):
        clerk.ask(b"wrong%d" % number)
    clerk.ask(b"right", "192.0.2.2")
    clerk.gate.set()
    await clerk.answered(21)
    assert [password for _, password in clerk.checked].index(b"right") <= 3, "the threads had two, and one came between"
    clerk.desk.close()


async def test_who_has_gone_is_not_computed(clerk: Clerk) -> None:
    for number in range(4):
        clerk.ask(b"wrong%d" % number)
    answers: list[bool | None] = []
    clerk.desk.ask("192.0.2.1", "stored", b"right", answers.append, lambda: False)
    clerk.ask(b"wrong4")
    clerk.gate.set()
    await clerk.answered(5)
    assert answers == []
    assert b"right" not in [password for _, password in clerk.checked]
    clerk.desk.close()


async def test_what_another_process_has_proved_is_not_computed(clerk: Clerk) -> None:
    class Others:
        def __init__(self) -> None:
            self.told: list[bytes] = []
            self.asked: list[Callable[[], None]] = []

        def recall(self, then: Callable[[], None]) -> None:
            self.asked.append(then)

        def proved(self, stored: str, password: bytes) -> None:
            self.told.append(password)

    others = Others()
    desk = PasswordDesk(clerk._check, lambda stored, password: (stored, password) in clerk.known, others)
    clerk.gate.set()
    for password in (b"theirs", b"right", b"wrong"):
        desk.ask("192.0.2.1", "stored", password, clerk.answers.append)
    assert clerk.answers == []
    clerk.known.add(("stored", b"theirs"))
    for then in others.asked:
        then()
    assert clerk.answers == [True]
    assert await clerk.answered(3) in ([True, True, False], [True, False, True])
    assert b"theirs" not in [password for _, password in clerk.checked]
    assert others.told == [b"right"]
    desk.close()


async def test_all_addresses_together_have_a_limit(clerk: Clerk) -> None:
    for number in range(MOST_IN_ALL + 2):
        clerk.ask(b"wrong%d" % number, f"address {number}")
    assert clerk.answers == [None] * 2
    clerk.gate.set()
    await clerk.answered(MOST_IN_ALL + 2)
    clerk.desk.close()
