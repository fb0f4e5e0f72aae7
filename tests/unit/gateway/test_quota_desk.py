"""Quotas of a process: spent from slices, waited for in order, given back; the store answers when it is told to."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from smsgw.errors import StoreAway
from smsgw.gateway.quota_desk import QuotaDesk
from smsgw.policy.model import Refusal
from smsgw.policy.profile import Quota
from smsgw.policy.reasons import QUOTA, STORE_AWAY

NOON_MS = 1_795_000_000_000  # 2026-11-18, about noon in China
DAY_MS = 86_400_000


class Leases:
    """What the store was asked for. ``answer`` grants."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.returned: list[tuple[str, int]] = []

    def ask(self, account: str, buckets: Any, want: int, then: Any, least: int) -> None:
        self.asked.append((buckets[0].name, want, then))

    def give_back(self, account: str, buckets: Any, count: int) -> None:
        self.returned.append((buckets[0].name, count))

    def answer(self, granted: int | StoreAway) -> None:
        _, want, then = self.asked.pop(0)
        then(min(granted, want) if isinstance(granted, int) else granted)


class World:
    def __init__(self, quota: Quota) -> None:
        self.leases = Leases()
        self.now_ms = NOON_MS
        self.said: list[Refusal | None] = []
        rules = SimpleNamespace(
            account=SimpleNamespace(quota=quota), profile=SimpleNamespace(zone=ZoneInfo("Asia/Shanghai"))
        )
        clock: Any = SimpleNamespace(now_ms=lambda: self.now_ms)
        known: Any = {"shop": SimpleNamespace(rules=rules, has_quota=True)}
        leases: Any = self.leases
        self.desk = QuotaDesk(leases, known, clock)

    def take(self, at_ms: int = NOON_MS) -> None:
        self.desk.take("shop", at_ms, self.said.append)


@pytest.fixture
def world() -> World:
    return World(Quota(day=100))


def test_messages_wait_for_the_first_slice_and_go_in_order(world: World) -> None:
    for _ in range(3):
        world.take()
    assert (world.said, world.desk.waiting, len(world.leases.asked)) == ([], 3, 1)
    world.leases.answer(2)
    assert (world.said, world.desk.waiting) == ([None, None], 1)
    world.leases.answer(10)
    assert (world.said, world.desk.waiting) == ([None] * 3, 0)


def test_where_there_is_plenty_nothing_is_asked_and_nobody_overtakes(world: World) -> None:
    assert not world.desk.spend("shop", NOON_MS)  # nothing is known of this day yet
    world.take()
    assert not world.desk.spend("shop", NOON_MS)
    world.leases.answer(100)
    assert world.desk.spend("shop", NOON_MS)
    assert world.leases.asked == []
    left = sum(world.desk.spend("shop", NOON_MS) for _ in range(100))
    assert 0 < left < 100  # before the slice ends more is asked for, by those who come
    assert not world.desk.spend("shop", NOON_MS + 86_400_000)


def test_used_up(world: World) -> None:
    world.take()
    world.leases.answer(0)
    (refusal,) = world.said
    assert refusal is not None
    assert refusal.reason is QUOTA
    assert 0 < (refusal.retry_after_s or 0) <= 86_400


def test_with_the_store_away_what_waits_is_refused_and_asks_again(world: World) -> None:
    world.take()
    world.leases.answer(StoreAway("no answer"))
    assert [each and each.reason for each in world.said] == [STORE_AWAY]
    world.take()
    world.leases.answer(5)
    assert world.said[1:] == [None]


def test_a_refused_message_gives_back(world: World) -> None:
    world.take()
    world.leases.answer(1)
    world.desk.give_back("shop", NOON_MS)
    world.take()
    assert world.said == [None, None]


def test_today_and_tomorrow_have_a_slice_each(world: World) -> None:
    for _ in range(2):
        world.take()
        world.take(NOON_MS + DAY_MS)
    assert sorted(name for name, _, _ in world.leases.asked) == ["d20261118", "d20261119"]
    world.leases.answer(16)
    world.leases.answer(16)
    for _ in range(8):
        world.take()
        world.take(NOON_MS + DAY_MS)
    assert world.said == [None] * 20
    assert world.leases.returned == []


def test_a_day_that_is_over_is_given_back_and_forgotten(world: World) -> None:
    world.take()
    world.leases.answer(16)
    world.now_ms += DAY_MS
    world.desk._tidy("shop", world.now_ms)
    assert world.leases.returned == [("d20261118", 15)]
    assert world.desk._days["shop"] == {}


def test_a_day_to_come_that_was_full_asks_again(world: World) -> None:
    world.take(NOON_MS + DAY_MS)
    world.leases.answer(0)
    world.take(NOON_MS + DAY_MS)
    assert [each and each.reason for each in world.said] == [QUOTA, QUOTA]
    world.desk._tidy("shop", NOON_MS)
    world.take(NOON_MS + DAY_MS)
    assert len(world.leases.asked) == 1


def test_everything_is_given_back_at_the_end(world: World) -> None:
    world.take()
    world.leases.answer(16)
    world.desk.close()
    assert world.leases.returned == [("d20261118", 15)]
