"""Channels: three reviews by three people, then management, and only then in use."""

from __future__ import annotations

from typing import Any

import pytest

from smsgw.errors import RequestError
from smsgw.policy.entries import ChannelEntry
from smsgw.services import channels
from smsgw.services.desk import Desk, Registered
from tests.unit.services.conftest import MakeDesk, Time, fault

GOOD: dict[str, Any] = {
    "licence": "B2-20260001", "licence_expires": "2028-12-31", "expires": "2027-12-31", "why": "new shop",
}  # fmt: skip
WAY = (
    ("review-market", "ann", "market"), ("review-technical", "bob", "technical"), ("review-legal", "cai", "legal"),
    ("approve", "dan", "management"), ("activate", "eva", "engineer"),
)  # fmt: skip


async def walk(desk_of: MakeDesk, channel: str, steps: int = len(WAY)) -> list[Registered]:
    return [
        await channels.step(desk_of(who, role), channel, action, why=f"{action} done")
        for action, who, role in WAY[:steps]
    ]


async def test_a_channel_on_its_way(desk: Desk, desk_of: MakeDesk) -> None:
    added = await channels.add(desk, "account:shop", **GOOD)
    assert ChannelEntry.from_document(added.document) == ChannelEntry(
        "account:shop", "B2-20260001", "2028-12-31", "2027-12-31", "draft"
    )
    assert channels.waits_for(added) == ["review-market", "review-legal", "review-technical"]
    found = await walk(desk_of, "account:shop")
    assert [each.document["state"] for each in found] == ["draft", "draft", "reviewed", "approved", "active"]
    assert channels.waits_for(found[0]) == ["review-legal", "review-technical"]
    assert channels.waits_for(found[-1]) == ["suspend", "expire"]
    assert [(row["action"], row["who"]) for row in found[-1].document["history"]][1:] == [
        (action, who) for action, who, _ in WAY
    ]
    assert [(entry.action, entry.who, entry.why) for entry in await desk.log.read()][1:3] == [
        ("channel.review-market", "ann", "review-market done"),
        ("channel.review-technical", "bob", "review-technical done"),
    ]


async def test_one_person_reviews_once_whatever_roles_they_have(desk: Desk, desk_of: MakeDesk) -> None:
    await channels.add(desk, "carrier:alpha", **GOOD)
    everything = desk_of("ann", "market", "legal", "technical", "management")
    await channels.step(everything, "carrier:alpha", "review-market", why="ok")
    with pytest.raises(RequestError) as caught:
        await channels.step(everything, "carrier:alpha", "review-legal", why="ok")
    assert fault(caught)[0] == "forbidden"
    with pytest.raises(RequestError, match="it is draft; approve is for reviewed"):
        await channels.step(everything, "carrier:alpha", "approve", why="ok")
    with pytest.raises(RequestError, match="root wrote it"):
        await channels.step(desk, "carrier:alpha", "review-legal", why="ok")


async def test_a_changed_application_is_reviewed_again(desk: Desk, desk_of: MakeDesk) -> None:
    await channels.add(desk, "account:shop", **GOOD)
    await walk(desk_of, "account:shop", 2)
    changed = await channels.change(desk, "account:shop", licence="B2-20260002", why="typing error")
    assert len(channels.waits_for(changed)) == 3
    await walk(desk_of, "account:shop")
    with pytest.raises(RequestError, match="it is active; only a draft can be changed; reopen it first") as caught:
        await channels.change(desk, "account:shop", licence="B2-20260003", why="x")
    assert caught.value.kind == "conflict"


async def test_what_ended_is_not_put_into_use(desk: Desk, desk_of: MakeDesk, time: Time) -> None:
    await channels.add(desk, "account:shop", **{**GOOD, "licence_expires": "2026-11-20", "expires": ""})
    await walk(desk_of, "account:shop", 4)
    time.pass_by(days=3)
    with pytest.raises(RequestError, match="its licence ended with 2026-11-20") as caught:
        await channels.step(desk, "account:shop", "activate", why="go")
    assert caught.value.kind == "conflict"
    await channels.step(desk, "account:shop", "reject", why="licence is over")
    again = await channels.step(desk, "account:shop", "reopen", why="licence renewed")
    assert again.document["state"] == "draft"
    renewed = await channels.change(desk, "account:shop", licence_expires="2028-01-01", why="renewed")
    assert renewed.document["licence_expires"] == "2028-01-01"
    await walk(desk_of, "account:shop")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"channel": "shop"}, "channel: expected account:<name> or carrier:<name>, found 'shop'"),
        ({"channel": "account:shp"}, "channel: there is no account 'shp'; did you mean 'shop'"),
        ({"channel": "carrier:shop"}, "channel: there is no carrier 'shop'"),
        ({"licence": ""}, "licence: the number of the qualification must not be empty"),
        ({"licence_expires": ""}, "licence_expires: must not be empty"),
        ({"licence_expires": "2026-01-01"}, "licence_expires: 2026-01-01 is over"),
        ({"expires": "never"}, "expires: 'never' is not a day"),
    ],
)
async def test_what_is_wrong_is_named(desk: Desk, change: dict[str, str], why: str) -> None:
    with pytest.raises(RequestError) as caught:
        await channels.add(desk, **{"channel": "account:shop", **GOOD, **change})
    assert fault(caught)[1].startswith(why)
    assert await desk.ids("channel") == set()


async def test_lists(desk: Desk, desk_of: MakeDesk) -> None:
    await channels.add(desk, "account:shop", **GOOD)
    await channels.add(desk, "carrier:alpha", **GOOD)
    await walk(desk_of, "carrier:alpha")
    assert [each.id for each in (await channels.list_(desk, state="active")).items] == ["carrier:alpha"]
    assert [each.id for each in (await channels.list_(desk, search="account:")).items] == ["account:shop"]
    assert (await channels.get(desk, "account:shop")).document["state"] == "draft"
