"""Blacklists: by hand, by complaint, by list; what was learnt of carriers can be taken away."""

from __future__ import annotations

import pytest

from smsgw.errors import RequestError
from smsgw.services import blacklist
from smsgw.services.csv_rows import WrongLines
from smsgw.services.desk import Desk
from smsgw.store.facts import LEARNT
from smsgw.store.recipients import RecipientFacts
from tests.unit.services.conftest import NOW_MS, MakeDesk, Time

NUMBER, DIGITS = "13800138000", "8613800138000"


async def test_on_the_list_and_off_again(desk: Desk) -> None:
    done = await blacklist.add(desk, NUMBER, "threatened staff", expires="2026-12-31")
    assert done.changed
    (fact,) = done.facts
    assert (fact.kind, fact.scope, fact.source, fact.by) == ("blacklist", "company", "threatened staff", "root")
    assert (fact.expires, fact.in_force) == ("2027-01-01 00:00:00+08:00", True)
    assert not (await blacklist.add(desk, NUMBER, "threatened staff", expires="2026-12-31")).changed
    gone = await blacklist.remove(desk, NUMBER, "settled")
    assert (gone.changed, gone.facts) == (True, [])
    assert not (await blacklist.remove(desk, NUMBER, "settled")).changed
    assert [entry.action for entry in await desk.log.read()] == [
        "blacklist.add", "blacklist.add", "blacklist.remove", "blacklist.remove",
    ]  # fmt: skip


async def test_an_entry_ends(desk: Desk, time: Time) -> None:
    await blacklist.add(desk, NUMBER, "test", expires="2026-11-18 12:00")
    time.pass_by(hours=2)
    (fact,) = (await blacklist.show(desk, NUMBER)).facts
    assert not fact.in_force


async def test_what_was_learnt_of_a_carrier_is_shown_and_removable(desk: Desk) -> None:
    facts = RecipientFacts(desk.store)
    await facts.blacklist(DIGITS, "err 771", NOW_MS, LEARNT, NOW_MS + 1000, carrier="alpha")
    (fact,) = (await blacklist.show(desk, NUMBER)).facts
    assert (fact.scope, fact.by) == ("carrier alpha", "receipt")
    assert not (await blacklist.remove(desk, NUMBER, "theirs")).changed
    assert (await blacklist.remove(desk, NUMBER, "theirs", carrier="alpha")).changed
    with pytest.raises(RequestError, match="did you mean 'alpha'"):
        await blacklist.remove(desk, NUMBER, "theirs", carrier="alpah")


async def test_a_complaint_blacklists_at_once(desk: Desk) -> None:
    done = await blacklist.complain(desk, NUMBER, "never agreed", source="12321")
    assert done.changed
    assert [(fact.source, fact.expires) for fact in done.facts] == [("complaint: never agreed", "")]
    again = await blacklist.complain(desk, NUMBER, "and again", expires="2026-12-01")
    assert (again.changed, again.why_not) == (False, "the recipient is on the blacklist already")
    first, _ = await desk.log.read()
    assert (first.action, first.detail["source"]) == ("complaint", "12321")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"number": "x"}, "number: "),
        ({"why": ""}, "why: every change"),
        ({"why": "x" * 201}, "why: has 201"),
        ({"expires": "2026-11-17"}, "expires: lies in the past"),
        ({"expires": "never"}, "expires: expected a day"),
    ],
)
async def test_what_is_wrong(desk: Desk, changes: dict[str, str], said: str) -> None:
    for put in (blacklist.add, blacklist.complain):
        with pytest.raises(RequestError, match=said):
            await put(desk, **{"number": NUMBER, "why": "test", **changes})
    assert await desk.log.read() == []


async def test_a_list(desk: Desk) -> None:
    data = "号码,原因,到期\n13800138001,骚扰,2026-12-31\n13800138002,,\n".encode()
    done = await blacklist.import_list(desk, data, "from the old system")
    assert (done.lines, done.changed, done.unchanged) == (2, 2, 0)
    assert (await blacklist.show(desk, "13800138001")).facts[0].source == "骚扰"
    assert (await blacklist.show(desk, "13800138002")).facts[0].source == "from the old system"
    began, ended = await desk.log.read()
    assert (began.action, ended.action) == ("blacklist.import", "blacklist.imported")
    assert began.detail == {"digest": done.digest, "lines": 2, "wrong": 0}
    assert ended.detail == {"digest": done.digest, "changed": 2, "unchanged": 0}
    numbers_alone = await blacklist.import_list(desk, b"13800138003\n13800138004\n", "plain")
    assert numbers_alone.changed == 2
    with pytest.raises(WrongLines, match="line 2: expires: lies in the past"):
        await blacklist.import_list(desk, b"13800138005\n13800138006,x,2020-01-01\n", "plain")
    assert (await blacklist.show(desk, "13800138005")).facts == []


async def test_only_those_who_may(desk_of: MakeDesk) -> None:
    for role, put in [("viewer", blacklist.add), ("viewer", blacklist.complain), ("engineer", blacklist.remove)]:
        with pytest.raises(RequestError, match="li needs "):
            await put(desk_of("li", role), NUMBER, "test")
    with pytest.raises(RequestError, match="li needs "):
        await blacklist.import_list(desk_of("li", "market"), b"13800138000\n", "test")


async def test_a_list_never_makes_an_entry_end_sooner(desk: Desk, time: Time) -> None:
    await blacklist.complain(desk, NUMBER, "never agreed")
    time.pass_by(hours=1)
    done = await blacklist.import_list(
        desk, f"{NUMBER},test,2026-12-31\n13800138001,test,2026-12-31\n".encode(), "a test"
    )
    assert (done.changed, done.unchanged) == (1, 1)
    (fact,) = (await blacklist.show(desk, NUMBER)).facts
    assert (fact.source, fact.expires) == ("complaint: never agreed", "")
    later = await blacklist.import_list(desk, b"13800138001,for good,\n", "decided")
    assert later.changed == 1
    (fact,) = (await blacklist.show(desk, "13800138001")).facts
    assert (fact.source, fact.expires) == ("for good", "")


async def test_who_may_not_take_an_entry_away_may_not_make_it_end_sooner(desk_of: MakeDesk) -> None:
    engineer, compliance = desk_of("li", "engineer"), desk_of("wang", "compliance")
    assert (await blacklist.add(engineer, NUMBER, "complained")).changed
    sooner = await blacklist.add(engineer, NUMBER, "by mistake", expires="2026-11-19")
    assert (sooner.changed, sooner.facts[0].expires) == (False, "")
    assert sooner.why_not == "the same entry is there, or one that ends later"
    agreed = await blacklist.add(compliance, NUMBER, "until then", expires="2026-11-19")
    assert (agreed.changed, agreed.facts[0].source) == (True, "until then")
    assert (await blacklist.add(engineer, NUMBER, "again", expires="2026-11-20")).changed
