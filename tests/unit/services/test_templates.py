"""Templates: versions, two approvers who are neither each other nor the author, one version in force."""

from __future__ import annotations

from typing import Any

import pytest

from smsgw.errors import RequestError
from smsgw.policy.entries import TemplateEntry, Variable
from smsgw.services import campaigns, templates
from smsgw.services.desk import Desk, Registered
from tests.unit.services.conftest import MakeDesk, Time, fault

GOOD: dict[str, Any] = {
    "text": "您的订单{order}已发货,快递单号{number}。",
    "message_class": "notice",
    "account": "orders",
    "variables": [{"name": "order", "kind": "digits", "max_chars": 12}, "number:letters:6-20"],
    "why": "new text",
}


async def approve(desk_of: MakeDesk, name: str, version: int = 0) -> Registered:
    """As far as active, by two people of theirs."""
    ann, bob = desk_of("ann", "department"), desk_of("bob", "market")
    await templates.step(ann, name, "approve-department", version=version, why="fits us")
    await templates.step(bob, name, "approve-market", version=version, why="fits the brand")
    return await templates.step(bob, name, "activate", version=version, why="go")


async def states(desk: Desk, name: str) -> list[str]:
    return [each.document["state"] for each in await templates.versions(desk, name)]


async def test_a_template_on_its_way(desk: Desk, desk_of: MakeDesk) -> None:
    added = await templates.add(desk, "shipped", **GOOD)
    assert added.id == "shipped@1"
    assert TemplateEntry.from_document(added.document) == TemplateEntry(
        "shipped", 1, "notice", GOOD["text"], "orders",
        variables=(Variable("order", "digits", 1, 12), Variable("number", "letters", 6, 20)),
    )  # fmt: skip
    assert templates.waits_for(added) == ["approve-department"]
    active = await approve(desk_of, "shipped")
    assert active.document["state"] == "active"
    assert [(row["action"], row["who"], row["note"]) for row in active.document["history"]] == [
        ("draft", "root", "new text"),
        ("approve-department", "ann", "fits us"),
        ("approve-market", "bob", "fits the brand"),
        ("activate", "bob", "go"),
    ]
    assert [entry.action for entry in await desk.log.read()] == [
        "template.add", "template.approve-department", "template.approve-market", "template.activate",
    ]  # fmt: skip


async def test_two_different_people_approve_and_none_of_them_wrote_it(desk_of: MakeDesk) -> None:
    author = desk_of("ann", "department", "market")
    bob = desk_of("bob", "department", "market")
    await templates.add(author, "shipped", **GOOD)
    with pytest.raises(RequestError) as caught:
        await templates.step(author, "shipped", "approve-department", why="mine")
    assert fault(caught) == ("forbidden", "template shipped@1: ann wrote it; approve-department needs somebody else")
    await templates.step(bob, "shipped", "approve-department", why="ok")
    with pytest.raises(RequestError) as caught:
        await templates.step(bob, "shipped", "approve-market", why="ok")
    assert fault(caught)[0] == "forbidden"
    assert "bob has done approve-department" in fault(caught)[1]
    with pytest.raises(RequestError, match="cai needs the role market"):
        await templates.step(desk_of("cai", "legal"), "shipped", "approve-market", why="ok")
    with pytest.raises(RequestError, match="it is department-approved; activate is for market-approved"):
        await templates.step(bob, "shipped", "activate", why="go")


async def test_the_old_version_goes_on_until_the_new_one_is_activated(desk: Desk, desk_of: MakeDesk) -> None:
    await templates.add(desk, "shipped", **GOOD)
    await approve(desk_of, "shipped")
    second = await templates.change(desk, "shipped", text="您的订单{order}已发出,单号{number}。", why="shorter")
    assert (second.id, second.document["state"], second.document["account"]) == ("shipped@2", "draft", "orders")
    assert await states(desk, "shipped") == ["active", "draft"]
    await templates.change(desk, "shipped", message_class="marketing", why="it is")
    assert await states(desk, "shipped") == ["active", "superseded", "draft"]
    active = await approve(desk_of, "shipped")
    assert active.id == "shipped@3"
    assert await states(desk, "shipped") == ["superseded", "superseded", "active"]
    first = await templates.get(desk, "shipped", 1)
    assert (first.document["history"][-1]["action"], first.document["history"][-1]["note"]) == (
        "supersede",
        "by version 3",
    )
    assert (await desk.log.read_back(limit=1))[0].detail["ends"] == ["shipped@1"]


async def test_a_suspended_version_resumes_unless_it_was_superseded(desk: Desk, desk_of: MakeDesk) -> None:
    await templates.add(desk, "shipped", **GOOD)
    await approve(desk_of, "shipped")
    await templates.step(desk, "shipped", "suspend", why="complaints")
    await templates.change(desk, "shipped", text="您的订单{order}已发出,单号{number}。", why="milder")
    await approve(desk_of, "shipped", version=2)
    assert await states(desk, "shipped") == ["superseded", "active"]
    with pytest.raises(RequestError, match="it is superseded"):
        await templates.step(desk, "shipped", "resume", version=1, why="x")
    with pytest.raises(RequestError, match="has no version 7"):
        await templates.step(desk, "shipped", "suspend", version=7, why="x")
    with pytest.raises(RequestError, match="by activating another one"):
        await templates.step(desk, "shipped", "supersede", why="x")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"name": "发货"}, "id: '发货': expected up to 64 letters"),
        ({"name": "a@1"}, "id: "),
        ({"message_class": "news"}, "class: 'news' is not known"),
        ({"account": "order"}, "account: there is no account 'order'; did you mean 'orders'"),
        ({"campaign": "spring"}, "campaign: there is no campaign 'spring'"),
        ({"text": "  "}, "text: "),
        ({"text": "x" * 2_001}, "text: has 2001 characters"),
        ({"text": "{order}{number}"}, "text: "),
        ({"text": "订单{order}", "variables": []}, "text: "),
        ({"variables": ["order:words"]}, "variables: order: kind: 'words' is not known"),
        ({"variables": ["order:digits:9-3"]}, "variables: order: expected 0 to 1000 characters"),
        ({"variables": [{"name": "order", "size": 3}]}, "variables: order: 'size' is not known"),
        ({"variables": ["or der:text"]}, "variables: 'or der': a name has"),
        ({"variables": ["::"]}, "variables: '::' is not a variable"),
        ({"expires": "2026-01-01"}, "expires: 2026-01-01 is over"),
        ({"why": " "}, "why: every change needs a reason"),
    ],
)
async def test_what_is_wrong_is_named(desk: Desk, change: dict[str, Any], why: str) -> None:
    with pytest.raises(RequestError) as caught:
        await templates.add(desk, **{"name": "shipped", **GOOD, **change})
    assert fault(caught)[0] == "invalid"
    assert fault(caught)[1].startswith(why)
    assert await desk.ids("template") == set()


async def test_a_campaign_of_another_account(desk: Desk) -> None:
    await campaigns.add(desk, "spring", account="shop", why="x")
    with pytest.raises(RequestError, match="campaign: spring belongs to account shop; the template must, too"):
        await templates.add(desk, "shipped", **GOOD, campaign="spring")


async def test_what_can_not_be_done(desk: Desk, desk_of: MakeDesk, time: Time) -> None:
    await campaigns.add(desk, "spring", why="x")
    await templates.add(desk, "shipped", **GOOD, campaign="spring", expires="2026-11-20")
    with pytest.raises(RequestError, match="is there already; change it") as caught:
        await templates.add(desk, "shipped", **GOOD)
    assert caught.value.kind == "conflict"
    with pytest.raises(RequestError, match="there is no template 'shiped'; did you mean 'shipped'"):
        await templates.change(desk, "shiped", text="x", why="x")
    with pytest.raises(RequestError, match="nothing is different from version 1"):
        await templates.change(desk, "shipped", account="orders", why="x")
    time.pass_by(days=3)
    with pytest.raises(RequestError, match="it expired on 2026-11-20") as late:
        await approve(desk_of, "shipped")
    assert late.value.kind == "conflict"


def test_variables_as_text() -> None:
    assert templates.parse_variable("name") == Variable("name", "text", 1, 20)
    assert templates.parse_variable("code:code:6") == Variable("code", "code", 1, 6)
    assert templates.parse_variable("城市:text:2-10") == Variable("城市", "text", 2, 10)
    assert templates.parse_variable("n:amount") == Variable("n", "amount", 1, 20)


async def test_lists(desk: Desk, desk_of: MakeDesk) -> None:
    await templates.add(desk, "shipped", **GOOD)
    await templates.add(
        desk, "code", text="验证码{code},请勿泄露。", message_class="otp", variables=["code:code:4-8"], why="x"
    )
    await approve(desk_of, "code")

    async def ids(**filters: Any) -> list[str]:
        return [each.id for each in (await templates.list_(desk, **filters)).items]

    assert await ids() == ["code@1", "shipped@1"]
    assert await ids(account="shop") == ["code@1"]
    assert await ids(state="draft") == ["shipped@1"]
    assert await ids(message_class="otp") == ["code@1"]
    assert await ids(search="快递") == ["shipped@1"]
