"""Opt-outs by hand: in force at once, the newer word counts, each change audited and recorded."""

from __future__ import annotations

import pytest

from smsgw.errors import RequestError
from smsgw.records.query import query
from smsgw.records.record import Step
from smsgw.services import optouts
from smsgw.services.desk import Desk
from smsgw.services.recipients import RECORDS_NODE
from smsgw.store.recipients import RecipientFacts
from tests.unit.services.conftest import NOW_MS, MakeDesk, Time, fault

NUMBER, DIGITS = "138 0013 8001", "8613800138001"


async def test_opt_out_and_back(desk: Desk, time: Time) -> None:
    done = await optouts.add(desk, NUMBER, "called", signature="示例商城", source="hotline")
    assert done.changed
    assert done.number == "138****8001"
    (fact,) = await RecipientFacts(desk.store).show(DIGITS)
    assert (fact.kind, fact.scope, fact.source, fact.at_ms) == ("optout", ":s:示例商城", "hotline", NOW_MS)

    again = await optouts.remove(desk, NUMBER, "called again", signature="示例商城")
    assert not again.changed
    assert again.why_not == "something as new or newer is known"
    time.pass_by(hours=1)
    back = await optouts.remove(desk, NUMBER, "called again", signature="示例商城")
    assert back.changed
    assert [(each.kind, each.source) for each in back.facts] == [("subscribe", "staff:root")]
    assert [each.kind for each in (await optouts.show(desk, NUMBER)).facts] == ["subscribe"]


async def test_each_change_is_audited_without_the_number(desk: Desk) -> None:
    await optouts.add(desk, NUMBER, f"{NUMBER.replace(' ', '')} called")
    (entry,) = await desk.log.read()
    assert (entry.who, entry.action, entry.why) == ("root", "optout.add", "138****8001 called")
    assert entry.subject == f"recipient 138****8001 {desk.store.recipients.hash(DIGITS)}"
    assert entry.detail == {"scope": "company", "source": "staff:root"}


async def test_each_change_leaves_a_record(desk: Desk) -> None:
    await optouts.add(desk, "13800138009", "called", account="shop")
    rhash = desk.store.recipients.hash("8613800138009")
    found = [each for each in query(desk.site.records_dir) if each.recipient_hash == rhash]
    assert [(each.step, each.account, each.detail) for each in found] == [
        (int(Step.OPTOUT), "shop", (":a:shop", "staff:root"))
    ]
    assert list(desk.site.records_dir.glob(f"*.{RECORDS_NODE}*.rec"))


@pytest.mark.parametrize(
    ("arguments", "kind", "said"),
    [
        ({"number": "12345"}, "invalid", "number: is not a recipient's number"),
        ({"why": " "}, "invalid", "why: every change needs a reason"),
        ({"account": "shpo"}, "invalid", "did you mean 'shop'"),
        ({"signature": "示例商成"}, "invalid", "did you mean '示例商城'"),
        ({"account": "shop", "signature": "示例商城"}, "invalid", "exclude each other"),
        ({"source": "a\nb"}, "invalid", "source: has a character that can't be printed"),
        ({"source": "x" * 101}, "invalid", "source: has 101 characters"),
    ],
)
async def test_what_is_wrong_changes_nothing(desk: Desk, arguments: dict[str, str], kind: str, said: str) -> None:
    given = {"number": NUMBER, "why": "called", **arguments}
    with pytest.raises(RequestError) as caught:
        await optouts.add(desk, **given)
    assert fault(caught)[0] == kind
    assert said in str(caught.value)
    assert await RecipientFacts(desk.store).show(DIGITS) == []
    assert await desk.log.read() == []


async def test_only_those_who_may(desk_of: MakeDesk) -> None:
    with pytest.raises(RequestError) as caught:
        await optouts.add(desk_of("li.na", "market", "viewer"), NUMBER, "called")
    assert caught.value.kind == "forbidden"
    assert (await optouts.show(desk_of("li.na", "viewer"), NUMBER)).facts == []
