"""Numbers, times and scopes as people write them, and what is known of a recipient."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from smsgw.clock import from_ms
from smsgw.errors import RequestError, StoreAway
from smsgw.services import blacklist, consent, dead_numbers, optouts, recipients, tiers
from smsgw.services.csv_rows import WrongCell
from smsgw.services.desk import Desk, Person
from smsgw.services.recipients import Scopes, digits_of, expiry_ms, parse_moment, scope_words, subject
from smsgw.store.recipients import RecipientFacts
from tests.unit.services.conftest import NOW_MS, MakeDesk

CONSENT = b"number,source,wording,time\n13800138001,a,1,2026-11-01\n"
Bring = Callable[[Desk, bytes, str], Awaitable[object]]

ZONE = ZoneInfo("Asia/Shanghai")
NUMBER = "13800138000"


@pytest.mark.parametrize(
    "number",
    [
        NUMBER, "+8613800138000", "0086 138 0013 8000", "138-0013-8000", "'13800138000", "１３８００１３８０００",
        "＋86（138）0013　8000", "\ufeff13800138000",
    ],
)  # fmt: skip
def test_spellings_of_a_number(desk: Desk, number: str) -> None:
    assert digits_of(desk, number) == "8613800138000"


@pytest.mark.parametrize(
    ("number", "digits"),
    [("(212) 555-0123", "12125550123"), ("+44 20 7123 4567", "442071234567"), ("+2125550123", "2125550123")],
)
def test_numbers_are_written_as_in_the_country_of_the_site(desk: Desk, number: str, digits: str) -> None:
    american = replace(desk.site, profiles={"us": desk.site.profiles["us"]})
    assert digits_of(Desk(american, desk.store, desk.person, desk.now_ms), number) == digits


@pytest.mark.parametrize("number", ["", "12345", "1.38E+10", "138001380001234567"])
def test_what_is_no_number_is_not_repeated(desk: Desk, number: str) -> None:
    with pytest.raises(RequestError) as caught:
        digits_of(desk, number)
    assert not number or number not in str(caught.value).replace("13800138000", "")


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-18 10:30",
        "2026-11-18T10:30:00",
        "2026/11/18 10:30:00",
        "2026年11月18日 10:30",
        "2026-11-18T02:30:00Z",
        "2026-11-18 11:30 +09:00",
        " 2026.11.18 10:30:00.000 ",
    ],
)
def test_spellings_of_a_time(text: str) -> None:
    assert parse_moment(text, ZONE) == NOW_MS


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-13-01", "2026-02-30", "2026-11-18 25:00", "18.11.2026", "0001-01-01"]
)
def test_what_is_no_time(text: str) -> None:
    assert parse_moment(text, ZONE) is None


def test_a_day_holds_to_its_end() -> None:
    assert expiry_ms("expires", "", ZONE, NOW_MS) == 0
    assert expiry_ms("expires", "2026-11-18", ZONE, NOW_MS) == parse_moment("2026-11-19", ZONE)
    assert expiry_ms("expires", "2026-11-18 10:31", ZONE, NOW_MS) == NOW_MS + 60_000
    for text in ("2026-11-17", "2026-11-18 10:30", "soon", "9999-12-31", "9999-12-31 23:59", "1969-12-31"):
        with pytest.raises(RequestError, match="expires: "):
            expiry_ms("expires", text, ZONE, NOW_MS)


@pytest.mark.parametrize("day", ["2027-03-14", "2027-11-07", "9999-12-29"])
def test_a_day_ends_where_the_next_begins_also_when_clocks_change(day: str) -> None:
    zone = ZoneInfo("America/New_York")
    ends_ms = expiry_ms("expires", day, zone, NOW_MS)
    assert from_ms(ends_ms).astimezone(zone).isoformat()[10:19] == "T00:00:00"


async def test_scopes_of_a_line(desk: Desk) -> None:
    scopes = await Scopes.of(desk)
    for text, scope in [
        ("", ":a:shop"),
        ("company", ""),
        ("全公司", ""),
        ("account:shop", ":a:shop"),
        ("账号：shop", ":a:shop"),
        ("签名:示例商城", ":s:示例商城"),
        ("【示例商城】", ":s:示例商城"),
        ("Signature: 【示例商城】", ":s:示例商城"),
    ]:
        assert scopes.cell({"scope": text}, ":a:shop") == scope
    for text, said in [
        ("account:shpo", "did you mean 'shop'"),
        ("签名:没有", "no signature '没有' is known"),
        ("carrier:x", "expected company"),
    ]:
        with pytest.raises(WrongCell, match=said):
            scopes.cell({"scope": text}, "")


async def test_registered_signatures_are_scopes_too(desk: Desk) -> None:
    await desk.put("signature", "shop/新签名", {"account": "shop", "name": "新签名"}, "signature.add", "test")
    assert (await Scopes.of(desk)).scope(signature="【新签名】") == ":s:新签名"


def test_scopes_in_words() -> None:
    assert [scope_words(scope) for scope in ("", ":a:shop", ":s:示例", ":c:alpha")] == [
        "company", "account shop", "signature 示例", "carrier alpha",
    ]  # fmt: skip


async def test_the_audit_names_a_recipient_by_mask_and_hash(desk: Desk) -> None:
    shown = subject(desk, "8613800138000")
    assert shown == f"recipient 138****8000 {desk.store.recipients.hash('8613800138000')}"


async def test_all_that_is_known(desk: Desk, desk_of: MakeDesk) -> None:
    await optouts.add(desk, NUMBER, "asked", account="shop")
    found = await recipients.show(desk_of("li", "viewer"), NUMBER)
    assert found.number == "138****8000"
    assert [(fact.kind, fact.scope) for fact in found.facts] == [("optout", "account shop")]
    with pytest.raises(RequestError, match="needs one of the roles"):
        await recipients.show(desk_of("li"), NUMBER)


@pytest.mark.parametrize(
    ("bring", "load", "data", "action"),
    [
        (blacklist.import_list, "load_blacklist", b"13800138001\n", "blacklist.import"),
        (dead_numbers.import_list, "load_dead", b"13800138001\n", "dead.import"),
        (tiers.import_list, "load_tiers", b"13800138001,loyal\n", "tier.import"),
        (consent.import_list, "load_consents", CONSENT, "consent.import"),
    ],
)  # fmt: skip
async def test_a_list_that_was_interrupted_is_in_the_log(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, bring: Bring, load: str, data: bytes, action: str
) -> None:
    """Lines may have been written before the store went, or before this process was killed."""

    async def away(self: RecipientFacts, rows: object) -> int:
        raise StoreAway("gone")

    monkeypatch.setattr(RecipientFacts, load, away)
    with pytest.raises(StoreAway):
        await bring(desk, data, "test")
    (entry,) = await desk.log.read()
    assert (entry.action, entry.detail["lines"]) == (action, 1)


async def test_a_team_is_told_what_counts_for_its_own_account(desk: Desk) -> None:
    await optouts.add(desk, NUMBER, "asked", account="orders")
    await optouts.add(desk, NUMBER, "asked", signature="示例物流")
    await optouts.add(desk, NUMBER, "asked", signature="示例会员")
    await blacklist.add(desk, NUMBER, "complained")
    team = Person("shop-team", frozenset({"application"}), accounts=frozenset({"shop"}))
    theirs = Desk(desk.site, desk.store, team, desk.now_ms)
    digits = digits_of(theirs, NUMBER)
    found = await recipients.known_for(theirs, digits, "shop")
    assert sorted(each.scope for each in found) == ["company", "signature 示例会员"]
    assert len(await recipients.known_for(desk, digits, "shop")) == 4
    with pytest.raises(RequestError, match="sees only the accounts shop"):
        await recipients.known_for(theirs, digits, "orders")
