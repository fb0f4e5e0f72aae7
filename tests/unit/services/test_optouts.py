"""Opt-outs by hand: in force at once, the newer word counts, each change audited and recorded."""

from __future__ import annotations

import time as clock

import pytest

from smsgw.errors import RequestError
from smsgw.records.query import query
from smsgw.records.record import Step
from smsgw.services import consent, optouts
from smsgw.services.csv_rows import WrongLines, digest_of
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
    with pytest.raises(RequestError, match="compliance"):
        await optouts.import_list(desk_of("li.na", "engineer"), b"13800138001\n", "moved")


LIST = """号码,范围,来源,退订时间
13800138001,公司,旧平台,2026-10-01 12:00
+86 13800138002,账号:shop,客服 13900139000,2026/10/02
13800138003,【示例商城】,,
"""


async def test_a_list_in_chinese(desk_of: MakeDesk) -> None:
    desk = desk_of("li.na", "compliance")
    data = LIST.encode("gb18030")
    done = await optouts.import_list(desk, data, "moved here")
    assert (done.lines, done.taken, done.known, done.subscribed, done.wrong) == (3, 3, 0, 0, 0)
    shown = [(await optouts.show(desk, f"1380013800{last}")).facts[0] for last in (1, 2, 3)]
    assert [(fact.kind, fact.scope, fact.source, fact.at) for fact in shown] == [
        ("optout", "company", "旧平台", "2026-10-01 12:00:00+08:00"),
        ("optout", "account shop", "客服 139****9000", "2026-10-02 00:00:00+08:00"),
        ("optout", "signature 示例商城", "staff:li.na", "2026-11-18 10:30:00+08:00"),
    ]
    assert {(fact.by, fact.digest) for fact in shown} == {("li.na", done.digest[:12])}

    again = await optouts.import_list(desk, data, "moved here")
    assert (again.taken, again.known) == (0, 3)
    began, ended, *_ = await desk.log.read()
    assert (began.action, began.subject) == ("optout.import", f"optout list {done.digest[:12]}")
    assert began.detail == {"scope": "company", "digest": digest_of(data), "lines": 3, "wrong": 0}
    assert (ended.action, ended.subject, ended.why) == ("optout.imported", began.subject, "moved here")
    assert ended.detail == {"digest": done.digest, "taken": 3, "known": 0, "subscribed": 0}


async def test_a_list_takes_nothing_from_who_subscribed_or_consented_later(desk: Desk, time: Time) -> None:
    await optouts.add(desk, "13800138001", "asked")
    time.pass_by(hours=1)
    await optouts.remove(desk, "13800138001", "asked again")
    await consent.add(desk, "13800138002", "form", "v1", "signed", account="shop")
    fair = "number,source,wording,time\n13800138003,fair,v1,2026-11-18 11:00\n"
    await consent.import_list(desk, fair.encode(), "fair")
    older = [f"1380013800{last},{scope},2026-11-18 11:00" for last, scope in ((1, ""), (2, "account:shop"), (3, ""))]
    done = await optouts.import_list(desk, ("number,scope,time\n" + "\n".join(older)).encode(), "moved here")
    assert (done.taken, done.known, done.subscribed) == (1, 0, 2)
    kinds = [[fact.kind for fact in (await optouts.show(desk, f"1380013800{last}")).facts] for last in (1, 2, 3)]
    assert kinds == [["subscribe"], [], ["optout"]]


async def test_numbers_alone_are_opted_out_of_what_is_said(desk: Desk) -> None:
    done = await optouts.import_list(desk, b"13800138001\n13800138002\n", "moved here", signature="示例商城")
    assert done.taken == 2
    (fact,) = (await optouts.show(desk, "13800138002")).facts
    assert (fact.scope, fact.source) == ("signature 示例商城", "staff:root")


async def test_a_wrong_line_keeps_the_list_out(desk: Desk) -> None:
    data = (
        b"number,scope,source,time\n13800138001,,,\n123,,,\n13800138002,account:shpo,,\n"
        b"13800138003,,,2026-12-01\n13800138004,,,soon\n"
    )
    with pytest.raises(WrongLines) as caught:
        await optouts.import_list(desk, data, "moved here")
    assert [(fault.line, fault.column) for fault in caught.value.faults] == [
        (3, "number"), (4, "scope"), (5, "time"), (6, "time"),
    ]  # fmt: skip
    assert await desk.log.read() == []
    done = await optouts.import_list(desk, data, "moved here", skip_wrong=True)
    assert (done.taken, done.wrong) == (1, 4)


async def test_a_hundred_thousand_lines_take_seconds(desk: Desk) -> None:
    lines = [f"1380{n:07d},account:shop,old system,2026-10-01 12:00:{n % 60:02d}" for n in range(100_000)]
    data = ("number,scope,source,time\n" + "\n".join(lines)).encode()
    began_s = clock.monotonic()
    done = await optouts.import_list(desk, data, "moved here")
    took_s = clock.monotonic() - began_s
    assert done.taken == 100_000
    assert took_s < 30, f"{took_s:.1f} s"
