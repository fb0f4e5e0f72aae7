"""Campaigns with their days and slots."""

from __future__ import annotations

from typing import Any

import pytest

from smsgw.errors import RequestError
from smsgw.policy.entries import CampaignEntry
from smsgw.services import campaigns
from smsgw.services.desk import Desk
from tests.unit.services.conftest import MakeDesk, fault

GOOD: dict[str, Any] = {
    "account": "shop", "slots": ["11:00-12:30", " 17:00-18:00 "], "starts": "2026-12-01", "ends": "2026-12-12",
    "why": "12.12",
}  # fmt: skip


async def test_a_campaign_is_active_at_once_and_can_be_stopped(desk: Desk) -> None:
    added = await campaigns.add(desk, "双十二", **GOOD)
    assert CampaignEntry.from_document(added.document) == CampaignEntry(
        "双十二", "shop", ["11:00-12:30", "17:00-18:00"], "2026-12-01", "2026-12-12", "active"
    )  # fmt: skip
    assert (await campaigns.step(desk, "双十二", "suspend", why="x")).document["state"] == "suspended"
    assert (await campaigns.step(desk, "双十二", "resume", why="x")).document["state"] == "active"
    changed = await campaigns.change(desk, "双十二", slots=[], ends="2026-12-13", why="longer")
    assert (changed.document["slots"], changed.document["ends"], changed.document["starts"]) == (
        [], "2026-12-13", "2026-12-01",
    )  # fmt: skip
    assert [row["action"] for row in changed.document["history"]] == ["add", "suspend", "resume", "change"]
    assert (await desk.log.read_back(limit=1))[0].detail == {
        "before": {"slots": ["11:00-12:30", "17:00-18:00"], "ends": "2026-12-12"},
        "after": {"slots": [], "ends": "2026-12-13"},
    }


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"name": "a b"}, "name: 'a b': expected up to 64"),
        ({"account": "shp"}, "account: there is no account 'shp'"),
        ({"slots": ["11-12"]}, "slots: '11-12' is not a time range such as 09:00-21:00"),
        ({"slots": ["11:00-11:00"]}, "slots: a time range must not be empty"),
        ({"starts": "1 Dec"}, "starts: '1 Dec' is not a day"),
        ({"ends": "2026-11-30"}, "ends: 2026-11-30 is before it starts, 2026-12-01"),
        ({"why": ""}, "why: "),
    ],
)
async def test_what_is_wrong_is_named(desk: Desk, change: dict[str, Any], why: str) -> None:
    with pytest.raises(RequestError) as caught:
        await campaigns.add(desk, **{"name": "spring", **GOOD, **change})
    assert fault(caught)[1].startswith(why)
    assert await desk.ids("campaign") == set()


async def test_who_may_and_lists(desk: Desk, desk_of: MakeDesk) -> None:
    await campaigns.add(desk, "spring", **GOOD)
    await campaigns.add(desk, "summer", why="any account")
    with pytest.raises(RequestError, match="cai needs one of the roles"):
        await campaigns.add(desk_of("cai", "legal"), "autumn", why="x")
    assert [each.id for each in (await campaigns.list_(desk, account="orders")).items] == ["summer"]
    assert [each.id for each in (await campaigns.list_(desk, account="shop", search="sp")).items] == ["spring"]
    assert (await campaigns.list_(desk, state="suspended")).items == []
    assert (await campaigns.get(desk, "spring")).document["account"] == "shop"


async def test_slots_are_few(desk: Desk) -> None:
    """Each message of the campaign is looked at with all of them."""
    with pytest.raises(RequestError, match="slots: there are 25, at most 24 are allowed"):
        await campaigns.add(desk, "spring", slots=["11:00-12:30"] * 25, why="test")
    assert await desk.log.read() == []
