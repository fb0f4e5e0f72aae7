"""Links and phone numbers that messages may name."""

from __future__ import annotations

import pytest

from smsgw.errors import RequestError
from smsgw.policy.entries import ContactEntry
from smsgw.services import contacts
from smsgw.services.desk import Desk
from tests.unit.services.conftest import MakeDesk, Time, fault


@pytest.mark.parametrize(
    ("kind", "written", "kept"),
    [
        ("link", "https://Shop.Example.com/", "shop.example.com"),
        ("link", "example.cn/Act/1", "example.cn/Act/1"),
        ("link", "HTTP://example.com.", "example.com"),
        ("link", "例子.中国", "例子.中国"),
        ("phone", "400-800-1234", "4008001234"),
        ("phone", "+86 10 (8888) 7777", "861088887777"),
        ("phone", "95188", "95188"),
    ],
)
async def test_the_form_that_it_is_kept_in(desk: Desk, kind: str, written: str, kept: str) -> None:
    added = await contacts.add(desk, "shop", kind, written, owner="hotline", why="asked for")
    assert added.id == f"shop/{kind}/{kept}"
    assert ContactEntry.from_document(added.document) == ContactEntry("shop", kind, kept, "hotline")
    assert await contacts.get(desk, "shop", kind, written) == added


@pytest.mark.parametrize(
    ("account", "kind", "value", "why"),
    [
        ("shp", "link", "example.com", "account: there is no account 'shp'"),
        ("shop", "mail", "a@b.c", "kind: 'mail' is not known; valid: link, phone"),
        ("shop", "link", "example", "value: 'example' is not a host"),
        ("shop", "link", "exa mple.com", "value: 'exa mple.com' is not a host"),
        ("shop", "link", "example.com?x=1", "value: "),
        ("shop", "link", "example.com:8080", "value: 'example.com:8080' is not a host"),
        ("shop", "link", "com", "value: 'com' is not a host"),
        ("shop", "link", "https://com.cn/", "value: com.cn is no domain of one owner"),
        ("shop", "link", "", "value: must not be empty"),
        ("shop", "phone", "12", "value: expected a phone number of 3 to 20 digits"),
        ("shop", "phone", "400-CALL-NOW", "value: expected a phone number"),
    ],
)
async def test_what_is_wrong_is_named(desk: Desk, account: str, kind: str, value: str, why: str) -> None:
    with pytest.raises(RequestError) as caught:
        await contacts.add(desk, account, kind, value, why="x")
    assert fault(caught)[0] == "invalid"
    assert fault(caught)[1].startswith(why)


async def test_its_life(desk: Desk, desk_of: MakeDesk, time: Time) -> None:
    await contacts.add(desk, "*", "link", "example.com", expires="2026-11-20", why="x")
    await contacts.step(desk, "*", "link", "example.com", "expire", why="over")
    changed = await contacts.change(desk, "*", "link", "example.com", expires="2027-01-01", owner="web", why="longer")
    assert (changed.document["state"], changed.document["owner"]) == ("active", "web")
    with pytest.raises(RequestError, match="needs one of the roles"):
        await contacts.remove(desk_of("ann", "department"), "*", "link", "example.com", why="x")
    await contacts.remove(desk, "*", "link", "example.com", why="site closed")
    assert await desk.ids("contact") == set()
    assert [entry.action for entry in await desk.log.read()] == [
        "contact.add", "contact.expire", "contact.change", "contact.remove",
    ]  # fmt: skip


async def test_a_mobile_is_masked_in_the_audit_log(desk: Desk) -> None:
    await contacts.add(desk, "shop", "phone", "13800138000", why="the manager's")
    (entry,) = await desk.log.read()
    assert "13800138000" not in str(entry)
    assert entry.subject == "contact shop/phone/138****8000"


async def test_lists(desk: Desk) -> None:
    await contacts.add(desk, "shop", "link", "example.com", owner="web", why="x")
    await contacts.add(desk, "*", "phone", "95188", why="x")
    await contacts.add(desk, "orders", "phone", "95555", why="x")
    assert [each.id for each in (await contacts.list_(desk, account="shop")).items] == [
        "*/phone/95188",
        "shop/link/example.com",
    ]
    assert [each.id for each in (await contacts.list_(desk, kind="phone", search="955")).items] == [
        "orders/phone/95555",
    ]
    assert (await contacts.list_(desk, state="suspended")).total == 0
