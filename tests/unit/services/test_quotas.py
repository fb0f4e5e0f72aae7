"""What of an account's quota is used."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace

import pytest

from smsgw.errors import RequestError
from smsgw.policy.quota import buckets
from smsgw.services import quotas
from smsgw.services.desk import Desk, Person
from smsgw.store.quota import QuotaLeases
from tests.unit.services.conftest import NOW_MS


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """``shop`` has 1000 a day and 20,000 a month."""
    shop = desk.site.accounts["shop"]
    limited = shop.model_copy(update={"quota": shop.quota.model_copy(update={"day": 1000, "month": 20_000})})
    login = desk.site.accounts["login"]
    free = login.model_copy(update={"quota": login.quota.model_copy(update={"day": None, "month": None})})
    site = replace(desk.site, accounts={**desk.site.accounts, "shop": limited, "login": free})
    return Desk(site, desk.store, Person("root"), desk.now_ms)


async def test_used_and_left(desk: Desk) -> None:
    shop = desk.site.accounts["shop"]
    found = buckets(shop.policy().quota, NOW_MS, desk.site.profile_of(shop).zone)
    leases = QuotaLeases(desk.store)
    running = asyncio.create_task(leases.commit.run())
    granted = await leases.lease("shop", found, 30)
    assert granted
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    use = await quotas.get(desk, "shop")
    assert [(each.period, each.used, each.limit, each.left) for each in use.periods] == [
        ("day", granted, 1000, 1000 - granted), ("month", granted, 20_000, 20_000 - granted),
    ]  # fmt: skip
    assert [each.ends for each in use.periods] == ["2026-11-19 00:00:00+08:00", "2026-12-01 00:00:00+08:00"]


async def test_every_account(desk: Desk) -> None:
    found = {each.account: each for each in await quotas.list_(desk)}
    assert set(found) == set(desk.site.accounts)
    assert found["login"].periods == []
    assert [each.used for each in found["shop"].periods] == [0, 0]


async def test_an_account_that_is_none(desk: Desk) -> None:
    with pytest.raises(RequestError, match="did you mean 'shop'"):
        await quotas.get(desk, "shpo")
    nobody = Desk(desk.site, desk.store, Person("li", frozenset()), desk.now_ms)
    for look in (quotas.list_(nobody), quotas.get(nobody, "shop")):
        with pytest.raises(RequestError, match="needs one of the roles"):
            await look
