"""Signatures from draft to their end."""

from __future__ import annotations

from typing import Any

import pytest

from smsgw.errors import RequestError
from smsgw.policy.entries import SignatureEntry
from smsgw.services import signatures
from smsgw.services.desk import Desk
from tests.unit.services.conftest import NOW_MS, MakeDesk, Time, fault

GOOD: dict[str, Any] = {"owner": "示例公司", "proof": "trademark 123", "expires": "2027-06-30", "why": "new brand"}


async def test_a_signature_on_its_way(desk_of: MakeDesk) -> None:
    market, compliance = desk_of("ann", "market"), desk_of("bob", "compliance")
    added = await signatures.add(market, "shop", "【新品】", **GOOD)
    assert added.id == "shop/新品"
    assert SignatureEntry.from_document(added.document) == SignatureEntry(
        "shop", "新品", "示例公司", "trademark 123", "2027-06-30", "draft"
    )
    assert (await signatures.step(compliance, "shop", "新品", "activate", why="proof seen")).document[
        "state"
    ] == "active"
    await signatures.step(compliance, "shop", "新品", "suspend", why="complaint")
    await signatures.step(compliance, "shop", "新品", "resume", why="settled")
    ended = await signatures.step(compliance, "shop", "新品", "expire", why="brand sold")
    assert ended.document["state"] == "expired"
    again = await signatures.change(market, "shop", "新品", expires="2028-01-01", why="bought back")
    assert (again.document["state"], again.document["expires"], again.revision) == ("draft", "2028-01-01", 6)
    assert [(row["action"], row["who"]) for row in again.document["history"]] == [
        ("draft", "ann"), ("activate", "bob"), ("suspend", "bob"), ("resume", "bob"), ("expire", "bob"),
        ("change", "ann"),
    ]  # fmt: skip
    assert again.document["history"][0] == {"action": "draft", "who": "ann", "at_ms": NOW_MS, "note": "new brand"}
    entries = await market.log.read()
    assert [(entry.action, entry.who, entry.why) for entry in entries][:2] == [
        ("signature.add", "ann", "new brand"),
        ("signature.activate", "bob", "proof seen"),
    ]
    assert entries[1].detail == {"before": {"state": "draft"}, "after": {"state": "active"}}
    assert await signatures.get(market, "shop", "【新品】") == again


async def test_papers_of_an_active_one_are_changed_as_it_stands(desk: Desk) -> None:
    await signatures.add(desk, "shop", "新品", **GOOD)
    await signatures.step(desk, "shop", "新品", "activate", why="ok")
    changed = await signatures.change(desk, "shop", "新品", proof="trademark 9", why="renewed")
    assert (changed.document["state"], changed.document["proof"], changed.document["owner"]) == (
        "active", "trademark 9", "示例公司",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "kind", "why"),
    [
        ({"account": "shp"}, "invalid", "account: there is no account 'shp'; did you mean 'shop'"),
        ({"name": "好"}, "invalid", "name: 【好】 has 1 characters, 2–20 are allowed"),
        ({"name": "新 品"}, "invalid", "name: 【新 品】 has ' '"),
        ({"name": ""}, "invalid", "name: must not be empty"),
        ({"owner": ""}, "invalid", "owner: must not be empty"),
        ({"proof": " "}, "invalid", "proof: must say what proves"),
        ({"expires": "2026-01-01"}, "invalid", "expires: 2026-01-01 is over"),
        ({"expires": "soon"}, "invalid", "expires: 'soon' is not a day"),
        ({"why": ""}, "invalid", "why: every change needs a reason"),
    ],
)
async def test_what_is_wrong_is_named(desk: Desk, change: dict[str, str], kind: str, why: str) -> None:
    arguments = {"account": "shop", "name": "新品", **GOOD, **change}
    with pytest.raises(RequestError) as caught:
        await signatures.add(desk, **arguments)
    assert fault(caught)[0] == kind
    assert fault(caught)[1].startswith(why)
    assert await desk.ids("signature") == set()
    assert await desk.log.read() == []


async def test_what_can_not_be_done(desk: Desk, desk_of: MakeDesk) -> None:
    await signatures.add(desk, "shop", "新品", **GOOD)
    for work, kind, why in (
        (signatures.add(desk, "shop", "新品", **GOOD), "conflict", "signature shop/新品 is there already"),
        (
            signatures.add(desk_of("eva", "engineer"), "shop", "别的", **GOOD),
            "forbidden",
            "eva needs one of the roles",
        ),
        (signatures.step(desk, "shop", "新品", "suspend", why="x"), "conflict", "signature shop/新品: it is draft"),
        (signatures.step(desk, "shop", "新品", "bless", why="x"), "invalid", "action: a signature has no step 'bless'"),
        (signatures.step(desk, "shop", "新品", "activate", why=""), "invalid", "why: "),
        (signatures.step(desk, "shop", "旧品", "activate", why="x"), "missing", "there is no signature 'shop/旧品'"),
        (
            signatures.step(desk_of("dan", "department"), "shop", "新品", "activate", why="x"),
            "forbidden",
            "dan needs",
        ),
        (signatures.get(desk_of("guest"), "shop", "新品"), "forbidden", "guest needs"),
    ):
        with pytest.raises(RequestError) as caught:
            await work
        assert fault(caught)[0] == kind
        assert fault(caught)[1].startswith(why)


async def test_one_whose_last_day_is_over_is_shown_as_ended(desk: Desk, time: Time) -> None:
    await signatures.add(desk, "shop", "新品", **{**GOOD, "expires": "2026-11-19"})
    active = await signatures.step(desk, "shop", "新品", "activate", why="ok")
    time.pass_by(days=1)
    assert [active.ended, (await signatures.get(desk, "shop", "新品")).ended] == [False, False]
    time.pass_by(days=1)
    (found,) = (await signatures.list_(desk)).items
    assert found.ended
    assert found.as_json()["ended"]


async def test_lists(desk: Desk, time: Time) -> None:
    for account, name in (("shop", "甲甲"), ("shop", "乙乙"), ("orders", "丙丙")):
        await signatures.add(desk, account, name, **GOOD)
    await signatures.step(desk, "shop", "甲甲", "activate", why="ok")

    async def ids(**filters: Any) -> list[str]:
        return [each.id for each in (await signatures.list_(desk, **filters)).items]

    assert await ids() == ["orders/丙丙", "shop/乙乙", "shop/甲甲"]
    assert await ids(account="shop") == ["shop/乙乙", "shop/甲甲"]
    assert await ids(state="active") == ["shop/甲甲"]
    with pytest.raises(RequestError, match="state: 'actve' is not known; did you mean 'active'"):
        await ids(state="actve")
    assert await ids(search="丙") == ["orders/丙丙"]
    assert await ids(search="示例公司", limit=1, offset=1) == ["shop/乙乙"]


async def test_papers_that_ran_out_are_looked_at_anew(desk_of: MakeDesk, time: Time) -> None:
    department, compliance = desk_of("ann", "department"), desk_of("bob", "compliance")
    await signatures.add(department, "shop", "新品", **GOOD)
    await signatures.step(compliance, "shop", "新品", "activate", why="proof seen")
    later = await signatures.change(department, "shop", "新品", expires="2027-07-31", why="renewed in time")
    assert later.document["state"] == "active"
    time.pass_by(days=300)
    assert (await signatures.get(department, "shop", "新品")).ended
    late = await signatures.change(department, "shop", "新品", expires="2028-07-31", why="renewed too late")
    assert late.document["state"] == "draft"
