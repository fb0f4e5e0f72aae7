"""The desk: roles, reasons, what goes into the audit log and what must not, pages, checks of single values."""

from __future__ import annotations

import pytest

from smsgw.errors import RequestError
from smsgw.services.desk import Desk, Person, checked_day, checked_text, difference, masked, named, one_of, page
from tests.unit.services.conftest import NOW_MS, MakeDesk, Time, fault


def test_only_who_has_the_role_may(desk_of: MakeDesk) -> None:
    desk = desk_of("li.na", "market")
    desk.require("legal", "market")
    with pytest.raises(RequestError) as caught:
        desk.require("legal", "management")
    assert fault(caught) == ("forbidden", "li.na needs one of the roles legal, management")
    with pytest.raises(RequestError) as caught:
        desk.require("legal")
    assert fault(caught) == ("forbidden", "li.na needs the role legal")
    with pytest.raises(RequestError, match="nobody needs one of the roles department, "):
        desk_of("nobody").require_reader()
    desk_of("guest", "viewer").require_reader()


@pytest.mark.parametrize(
    ("roles", "accounts", "departments", "seen"),
    [
        ((), (), (), frozenset()),
        (("application",), ("shop", "orders"), (), {"shop", "orders"}),
        (("department",), (), (), None),
        (("department",), (), ("retail",), {"shop", "ushop"}),
        (("department", "application"), ("login",), ("logistics",), {"login", "orders"}),
        (("department", "application"), ("login",), (), None),
        (("department", "viewer"), (), ("retail",), None),
        (("admin",), (), (), None),
    ],
)
def test_whose_accounts_one_sees(
    desk: Desk, roles: tuple[str, ...], accounts: tuple[str, ...], departments: tuple[str, ...], seen: set[str] | None
) -> None:
    person = Person("li", frozenset(roles), accounts=frozenset(accounts), departments=frozenset(departments))
    li = Desk(desk.site, desk.store, person, desk.now_ms)
    assert li.accounts == seen
    for account in (*desk.site.accounts, "", "nobody"):
        assert li.sees(account) == (seen is None or account in seen)


def test_who_sees_only_some_accounts_does_nothing_about_all(desk: Desk) -> None:
    person = Person("li", frozenset({"department"}), departments=frozenset({"retail"}))
    li = Desk(desk.site, desk.store, person, desk.now_ms)
    li.require_role("department", "market")
    too_much = "li sees only the accounts shop, ushop, and this is about more than them"
    with pytest.raises(RequestError, match=too_much):
        li.require("department")
    with pytest.raises(RequestError, match=too_much):
        li.require_reader()
    with pytest.raises(RequestError, match=r"li sees only the accounts shop, ushop$"):
        li.require_account("orders")
    with pytest.raises(RequestError, match=r"and this is for every account$"):
        li.require_account("")


def test_an_admin_has_every_role_but_in_reviews(desk_of: MakeDesk) -> None:
    admin = desk_of("ann", "admin")
    admin.require("legal", "management")
    admin.require_reader()
    with pytest.raises(RequestError, match="ann needs the role legal"):
        admin.require_own("legal")
    desk_of("both", "admin", "legal").require_own("legal")


def test_a_person_has_a_name(desk: Desk) -> None:
    for name in ("", "  ", "a\nb", "x" * 101):
        with pytest.raises(RequestError, match=r"^who: "):
            Desk(desk.site, desk.store, Person(name), desk.now_ms)


async def test_a_change_needs_a_reason_and_leaves_an_entry(desk_of: MakeDesk, time: Time) -> None:
    desk = desk_of("li.na", "market")
    for why in ("", "   ", "a\x00b", "x" * 501):
        with pytest.raises(RequestError, match=r"^why: "):
            await desk.audit("tier.set", "recipient", why)
    time.pass_by(hours=1)
    await desk.audit("tier.set", "recipient 138****8000", " asked for ", before="normal", after="loyal")
    (entry,) = await desk.log.read()
    assert entry[1:7] == (
        NOW_MS + 3_600_000, "li.na", "tier.set", "recipient 138****8000", "asked for",
        {"before": "normal", "after": "loyal"},
    )  # fmt: skip


@pytest.mark.parametrize(("os_user", "said"), [("", {}), ("li.na", {}), ("root", {"os_user": "root"})])
async def test_another_name_on_the_machine_is_written_down(desk: Desk, os_user: str, said: dict[str, str]) -> None:
    person = Person("li.na", frozenset({"market"}), os_user)
    await Desk(desk.site, desk.store, person, desk.now_ms).audit("tier.set", "recipient", "asked", tier="loyal")
    (entry,) = await desk.log.read()
    assert (entry.who, entry.detail) == ("li.na", {"tier": "loyal", **said})


async def test_no_full_number_reaches_the_log(desk: Desk) -> None:
    digest = "0" * 26 + "13800138000" + "a" * 27
    assert masked(digest) == digest
    await desk.audit(
        "x", "recipient 13800138000", "+8613800138000 asked (0086 no)", deep=[{"n": "tel13800138000,008613800138001"}],
        digest=digest, at=1_800_000_000_000, shop="400-800-1234 4008001234", abroad="+14155550123 12125550123",
        spelled="138 0013 8000/+86 138-0013-8000",
        thing="1440012345678", day="2026-11-18 10:30",
    )  # fmt: skip
    (entry,) = await desk.log.read()
    assert (entry.subject, entry.why) == ("recipient 138****8000", "138****8000 asked (0086 no)")
    assert entry.detail == {
        "deep": [{"n": "tel138****8000,138****8001"}],
        "digest": digest,
        "at": 1_800_000_000_000,
        "shop": "400-800-1234 4008001234",
        "abroad": "141****0123 121****0123",
        "spelled": "138****8000/138****8000",
        "thing": "144****5678",
        "day": "2026-11-18 10:30",
    }


async def test_a_document_is_put_found_and_removed(desk: Desk) -> None:
    first = await desk.put("campaign", "spring", {"name": "spring"}, "campaign.add", "why")
    assert (await desk.find("campaign", "spring"), first.as_json()) == (
        first,
        {"id": "spring", "revision": 1, "ended": False, "name": "spring"},
    )
    second = await desk.put("campaign", "spring", {"name": "spring", "ends": "2027-01-01"}, "c", "why", first)
    with pytest.raises(RequestError, match="changed by somebody else") as caught:
        await desk.put("campaign", "spring", {"name": "spring"}, "c", "why", first)
    assert caught.value.kind == "conflict"
    with pytest.raises(RequestError, match="is there already"):
        await desk.put("campaign", "spring", {"name": "spring"}, "campaign.add", "why")
    with pytest.raises(RequestError) as missing:
        await desk.find("campaign", "sprnig")
    assert fault(missing) == ("missing", "there is no campaign 'sprnig'; did you mean 'spring'?")
    await desk.remove("campaign", second, "campaign.remove", "why")
    assert await desk.ids("campaign") == set()
    assert [entry.detail for entry in await desk.log.read()] == [
        {"before": {}, "after": {"name": "spring"}},
        {"before": {}, "after": {"ends": "2027-01-01"}},
        {"before": {"name": "spring", "ends": "2027-01-01"}, "after": {}},
    ]


async def test_lists_are_sorted_and_paged(desk: Desk) -> None:
    for name in ("c", "a", "b"):
        await desk.put("campaign", name, {"name": name}, "campaign.add", "why")
    found = await desk.rows("campaign", lambda document: document["name"] != "b", 0, 50)
    assert ([each.id for each in found.items], found.total) == (["a", "c"], 2)
    assert [each.id for each in (await desk.rows("campaign", lambda _: True, 1, 1)).items] == ["b"]
    for offset, limit in ((-1, 1), (0, 0), (0, 1001)):
        with pytest.raises(RequestError, match="expected"):
            page([1, 2], offset, limit)
    assert page([1, 2, 3], 2, 5).items == [3]


def test_only_what_changed_and_never_the_history() -> None:
    before = {"a": 1, "b": 2, "gone": 3, "history": [1]}
    assert difference(before, {"a": 1, "b": 4, "new": 5, "history": [1, 2]}) == {
        "before": {"b": 2, "gone": 3},
        "after": {"b": 4, "new": 5},
    }


def test_single_values_are_named_when_they_are_wrong(desk: Desk) -> None:
    with pytest.raises(RequestError, match=r"^owner: must not be empty"):
        checked_text("owner", " ")
    with pytest.raises(RequestError, match=r"^owner: expected text, found 3"):
        checked_text("owner", 3)
    assert checked_day("expires", "20270630") == "2027-06-30"
    for day in ("2027-02-30", "soon", "2027-06-30T10:00"):
        with pytest.raises(RequestError, match=r"^expires: .* is not a day such as 2027-06-30"):
            checked_day("expires", day)
    with pytest.raises(RequestError, match=r"^expires: 2026-11-17 is over"):
        desk.future_day("expires", "2026-11-17")
    assert desk.future_day("expires", "2026-11-18") == "2026-11-18"
    with pytest.raises(RequestError, match=r"^class: 'notise' is not known; did you mean 'notice'"):
        one_of("class", "notise", ("otp", "notice"))
    with pytest.raises(RequestError, match=r"^account: there is no account 'shp'; did you mean 'shop'"):
        named("account", "shp", desk.site.accounts, "account")


@pytest.mark.parametrize(
    "spelled",
    [
        "１３８００１３８０００", "+８６１３８００１３８０００", "＋86 138－0013－8000", "138.0013.8000",
        "138\u30000013\u00a08000", "1380 013 8000", "138-001-38000", "1380 0138 000",
        "+86 (138) 0013 8000", "138--0013--8000", "138 – 0013 – 8000",
    ],
)  # fmt: skip
def test_other_spellings_of_a_number_are_masked_too(spelled: str) -> None:
    assert masked(f"号码{spelled}，来电") == "号码138****8000，来电"


@pytest.mark.parametrize("spelled", ["+1 (212) 555-0123", "(212) 555-0123", "212-555-0123", "1-212-555-0123"])
def test_american_spellings_are_masked(spelled: str) -> None:
    assert masked(f"call {spelled}") in ("call 121****0123", "call 212****0123")


@pytest.mark.parametrize(
    "text",
    [
        "400-800-1234", "95588", "010-12345678", "2026-11-18T10:30:00+08:00", "1500.00 2000.00", "192.168.10.200",
        "message 5f13800138000abc", "号码０１", "ticket 2026110201",
    ],
)  # fmt: skip
def test_what_is_no_ones_number_stays(text: str) -> None:
    assert masked(text) == text


async def test_a_name_that_no_store_can_hold_is_told(desk: Desk) -> None:
    with pytest.raises(RequestError, match="is no text in UTF-8") as caught:
        await desk.find("word", "company/\ud800")
    assert caught.value.kind == "invalid"
