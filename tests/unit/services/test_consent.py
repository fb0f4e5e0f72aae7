"""Consent: one lifts an older opt-out, a list never does; the proof is whole."""

from __future__ import annotations

import time as clock

import pytest

from smsgw.errors import RequestError
from smsgw.services import consent, optouts
from smsgw.services.csv_rows import WrongLines, digest_of
from smsgw.services.desk import Desk
from smsgw.services.recipients import RecipientKnown
from tests.unit.services.conftest import MakeDesk, Time

NUMBER = "13800138000"
LIST = """号码,来源,文案版本,同意时间,范围
13800138001,官网表单,2026-03,2026-10-01 12:00,公司
+86 13800138002,门店,2026-03,2026/10/02,账号:shop
13800138003,门店,2026-03,2026年10月3日 09:15,【示例商城】
"""


def kinds(known: RecipientKnown) -> list[str]:
    return [fact.kind for fact in known.facts]


async def test_one_consent_with_its_proof(desk_of: MakeDesk) -> None:
    desk = desk_of("li.na", "compliance")
    done = await consent.add(desk, NUMBER, "shop app", "2026-03", "ticket 12", at="2026-11-01 08:00", account="shop")
    assert done.changed
    (fact,) = (await consent.show(desk, NUMBER)).facts
    assert (fact.kind, fact.scope, fact.source, fact.wording) == ("consent", "account shop", "shop app", "2026-03")
    assert (fact.at, fact.by, fact.digest) == ("2026-11-01 08:00:00+08:00", "li.na", "")
    (entry,) = await desk.log.read()
    assert (entry.action, entry.why) == ("consent.add", "ticket 12")
    assert entry.detail["wording"] == "2026-03"
    assert NUMBER not in str(entry)


async def test_a_newer_consent_lifts_an_opt_out_an_older_one_does_not(desk: Desk, time: Time) -> None:
    await optouts.add(desk, NUMBER, "asked", account="shop")
    old = await consent.add(desk, NUMBER, "app", "1", "test", at="2026-11-18 10:00", account="shop")
    assert not old.changed
    assert old.why_not == "the recipient opted out after that"
    assert kinds(await consent.show(desk, NUMBER)) == ["optout"]
    time.pass_by(hours=1)
    assert (await consent.add(desk, NUMBER, "app", "1", "test", account="shop")).changed
    assert kinds(await consent.show(desk, NUMBER)) == ["consent"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"source": ""}, "source: must not be empty"),
        ({"wording": " "}, "wording: name the version"),
        ({"why": ""}, "why: every change needs a reason"),
        ({"at": "2026-11-19"}, "at: lies in the future"),
        ({"at": "soon"}, "at: is no time"),
        ({"number": "1"}, "number: is not a recipient's number"),
        ({"account": "nobody"}, "account: there is no account"),
    ],
)
async def test_a_consent_without_proof_is_none(desk: Desk, changes: dict[str, str], said: str) -> None:
    given = {"number": NUMBER, "source": "app", "wording": "1", "why": "test", **changes}
    with pytest.raises(RequestError, match=said):
        await consent.add(desk, **given)
    assert await desk.log.read() == []


async def test_a_list_in_chinese(desk_of: MakeDesk) -> None:
    desk = desk_of("li.na", "compliance")
    data = LIST.encode("gb18030")
    done = await consent.import_list(desk, data, "autumn fair")
    assert (done.lines, done.taken, done.known, done.opted_out, done.wrong) == (3, 3, 0, 0, 0)
    assert done.digest == digest_of(data)
    shown = [(await consent.show(desk, f"1380013800{last}")).facts[0] for last in (1, 2, 3)]
    assert [(fact.scope, fact.source, fact.at) for fact in shown] == [
        ("company", "官网表单", "2026-10-01 12:00:00+08:00"),
        ("account shop", "门店", "2026-10-02 00:00:00+08:00"),
        ("signature 示例商城", "门店", "2026-10-03 09:15:00+08:00"),
    ]
    assert {(fact.by, fact.digest) for fact in shown} == {("li.na", done.digest[:12])}

    again = await consent.import_list(desk, data, "autumn fair")
    assert (again.taken, again.known) == (0, 3)
    began, ended, _, second = await desk.log.read()
    assert (began.action, began.subject) == ("consent.import", f"consent list {done.digest[:12]}")
    assert began.detail == {"scope": "company", "digest": done.digest, "lines": 3, "wrong": 0}
    assert (ended.action, ended.subject, ended.why) == ("consent.imported", began.subject, "autumn fair")
    assert ended.detail == {"digest": done.digest, "taken": 3, "known": 0, "opted_out": 0}
    assert second.detail["known"] == 3


async def test_a_list_never_undoes_an_opt_out(desk: Desk, time: Time) -> None:
    await optouts.add(desk, "13800138001", "asked")
    time.pass_by(days=1)
    data = b"number,source,wording,time\n13800138001,app,1,2026-11-19 09:00\n13800138002,app,1,2026-11-19 09:00\n"
    done = await consent.import_list(desk, data, "test")
    assert (done.taken, done.opted_out) == (1, 1)
    assert kinds(await consent.show(desk, "13800138001")) == ["optout"]


async def test_every_wrong_line_is_told_and_nothing_written(desk: Desk) -> None:
    data = (
        b"number,source,wording,time,scope\n"
        b"13800138001,app,1,2026-11-01,\n"
        b"123,app,1,2026-11-01,\n"
        b"13800138002,,1,2026-11-01,\n"
        b"13800138003,app,,2026-11-01,\n"
        b"13800138004,app,1,,\n"
        b"13800138005,app,1,2026-12-01,\n"
        b"13800138006,app,1,2026-11-01,account:nobody\n"
    )
    with pytest.raises(WrongLines) as caught:
        await consent.import_list(desk, data, "test")
    assert [(fault.line, fault.column, fault.why[:24]) for fault in caught.value.faults] == [
        (3, "number", "is not a recipient's num"),
        (4, "source", "is missing"),
        (5, "wording", "is missing"),
        (6, "time", "is missing"),
        (7, "time", "lies in the future"),
        (8, "scope", "no account is named 'nob"),
    ]
    assert kinds(await consent.show(desk, "13800138001")) == []
    assert await desk.log.read() == []
    done = await consent.import_list(desk, data, "test", skip_wrong=True)
    assert (done.taken, done.wrong, done.faults[0].line) == (1, 6, 3)


async def test_no_number_gets_into_the_proof(desk: Desk) -> None:
    await consent.import_list(
        desk, f"number,source,wording,time\n{NUMBER},tel {NUMBER},{NUMBER},2026-11-01\n".encode(), "t"
    )
    (fact,) = (await consent.show(desk, NUMBER)).facts
    assert (fact.source, fact.wording) == ("tel 138****8000", "138****8000")
    await consent.add(desk, NUMBER, f"tel {NUMBER}", NUMBER, "test", account="shop")
    assert NUMBER not in str(await consent.show(desk, NUMBER)) + str(await desk.log.read())


async def test_the_scope_of_lines_that_have_none(desk: Desk) -> None:
    data = b"number,source,wording,time\n13800138001,app,1,2026-11-01\n"
    await consent.import_list(desk, data, "test", signature="示例商城")
    assert (await consent.show(desk, "13800138001")).facts[0].scope == "signature 示例商城"


async def test_a_hundred_thousand_lines_take_seconds(desk: Desk) -> None:
    lines = [f"1380{n:07d},app,2026-03,2026-10-01 12:00:{n % 60:02d}" for n in range(100_000)]
    data = ("number,source,wording,time\n" + "\n".join(lines)).encode()
    began_s = clock.monotonic()
    done = await consent.import_list(desk, data, "test")
    took_s = clock.monotonic() - began_s
    assert done.taken == 100_000
    assert took_s < 30, f"{took_s:.1f} s"


async def test_only_those_who_may(desk_of: MakeDesk) -> None:
    with pytest.raises(RequestError, match="needs one of the roles"):
        await consent.add(desk_of("li", "viewer", "department"), NUMBER, "app", "1", "test")
    with pytest.raises(RequestError, match="needs one of the roles"):
        await consent.import_list(desk_of("li", "engineer", "department"), LIST.encode(), "test")
    assert (await consent.add(desk_of("li", "market"), NUMBER, "app", "1", "test")).changed
