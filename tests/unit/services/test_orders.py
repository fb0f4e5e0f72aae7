"""Orders: a scope that exists, an action that it may be ordered, a reason, an end; acts: who asked for them."""

from __future__ import annotations

import pytest

from smsgw.errors import RequestError
from smsgw.policy.entries import OrderEntry
from smsgw.policy.registers import compile_register
from smsgw.services import acts, orders
from smsgw.services.desk import Desk
from smsgw.services.orders import TIDY_MS, Order
from tests.unit.services.conftest import NOW_MS, MakeDesk, Time, fault

HOUR_MS = 3_600_000


async def test_an_order_from_its_beginning_to_its_end(desk_of: MakeDesk, time: Time) -> None:
    desk = desk_of("li.na", "engineer")
    put = await orders.give(desk, "carrier:alpha", "suspend", why="fibre cut, ask 13800138000", expires="2h")
    assert put == Order(
        "carrier:alpha", "suspend", "fibre cut, ask 138****8000", "li.na", NOW_MS, NOW_MS + 2 * HOUR_MS, True, "", 1
    )
    stored = await desk.registers.get("order", "carrier:alpha")
    assert stored is not None
    entry = OrderEntry("carrier:alpha", "suspend", put.reason, "li.na", NOW_MS, NOW_MS + 2 * HOUR_MS)
    assert compile_register("order", {"carrier:alpha": stored.body}).entries == (entry,)
    drained = await orders.give(desk, "carrier:alpha", "drain", why="for good")
    assert (drained.action, drained.expires_ms, drained.revision) == ("drain", 0, 2)
    with pytest.raises(RequestError) as caught:
        await orders.give(desk, "carrier:alpha", "drain", why="again")
    assert fault(caught) == ("conflict", "carrier:alpha: drain was ordered already, by li.na: for good")
    assert await orders.end(desk, "carrier:alpha", why="mended") == [drained]
    assert (await orders.list_(desk)).items == []
    with pytest.raises(RequestError, match="nothing is ordered of carrier:alpha"):
        await orders.end(desk, "carrier:alpha", why="again")
    assert [entry.action for entry in await desk.log.read()] == ["order.suspend", "order.drain", "order.end"]


async def test_an_order_ends_by_itself(desk: Desk, time: Time) -> None:
    await orders.give(desk, "account:shop", "suspend", why="x", expires="30m")
    time.pass_by(hours=1)
    assert (await orders.list_(desk)).items == []
    assert [each.in_force for each in (await orders.list_(desk, scope="account:", ended=True)).items] == [False]
    with pytest.raises(RequestError, match="nothing is ordered"):
        await orders.end(desk, "account:shop", "sessions:shop", why="x")
    await orders.give(desk, "account:shop", "suspend", why="x", expires="30m")


async def test_sessions_are_closed_once_or_for_a_time(desk: Desk, time: Time) -> None:
    once = await orders.give(desk, "sessions:shop", "close", why="stuck")
    assert (once.in_force, once.expires_ms) == (False, NOW_MS)
    time.pass_by(hours=1)
    again = await orders.give(desk, "sessions:shop", "close", why="stuck again")
    assert again.at_ms > once.at_ms
    await orders.give(desk, "account:shop", "suspend", why="x")
    await orders.give(desk, "sessions:shop", "close", why="x", expires="1h")
    ended = await orders.end(desk, "account:shop", "sessions:shop", why="settled")
    assert [each.scope for each in ended] == ["account:shop", "sessions:shop"]


@pytest.mark.parametrize(
    ("scope", "action", "said"),
    [
        ("carrier:alfa", "suspend", "there is no carrier 'alfa'; did you mean 'alpha'"),
        ("carrier:alpha", "close", "action: 'close' is not known"),
        ("account:shp", "suspend", "there is no account 'shp'; did you mean 'shop'"),
        ("bind:alpha", "close", "alpha has alpha#0 to alpha#1, not ''"),
        ("bind:alpha#2", "close", "alpha has alpha#0 to alpha#1, not '2'"),
        ("global", "suspend", "scope: 'global' is not known"),
    ],
)
async def test_what_can_not_be_ordered(desk: Desk, scope: str, action: str, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        await orders.give(desk, scope, action, why="x")
    assert await desk.ids("order") == set()


async def test_who_may_order_what(desk_of: MakeDesk) -> None:
    compliance = desk_of("li", "compliance")
    await orders.give(compliance, "account:shop", "suspend", why="x")
    with pytest.raises(RequestError) as caught:
        await orders.give(compliance, "carrier:alpha", "suspend", why="x")
    assert fault(caught)[0] == "forbidden"
    await orders.tidy(compliance, "purge", why="x", account="shop")
    with pytest.raises(RequestError, match="needs one of the roles engineer, management"):
        await orders.tidy(compliance, "move", why="x", carrier="alpha", target="beta")
    with pytest.raises(RequestError, match="every change needs a reason"):
        await orders.give(desk_of("zhou", "engineer"), "carrier:alpha", "suspend", why=" ")


async def test_a_queue_is_tidied_for_ten_minutes(desk: Desk) -> None:
    put = await orders.tidy(desk, "move", why="x", carrier="alpha", lane="notice", account="shop", target="beta")
    assert (put.scope, put.target, put.expires_ms) == ("queue:alpha/notice/shop", "beta", NOW_MS + TIDY_MS)
    assert (await orders.tidy(desk, "purge", why="x")).scope == "queue:*/*/*"
    assert (await orders.tidy(desk, "purge", why="x", carrier="held")).scope == "queue:held/*/*"
    await orders.give(desk, "carrier:beta", "drain", why="gone tonight")
    for target, said in (
        ("alpha", "to be taken from"),
        ("beta", "root ordered drain of beta: gone tonight"),
        ("x", "x"),
    ):
        with pytest.raises(RequestError, match=said):
            await orders.tidy(desk, "move", why="x", carrier="alpha", target=target)
    with pytest.raises(RequestError, match="there is no carrier 'held'"):
        await orders.tidy(desk, "move", why="x", carrier="held", target="alpha")


async def test_acts_are_audited_before_they_are_done(desk_of: MakeDesk) -> None:
    desk = desk_of("zhou", "engineer")
    assert await acts.rebind(desk, "alpha", why="x") == ("alpha", None)
    assert await acts.rebind(desk, "alpha#1", why="x") == ("alpha", 1)
    assert await acts.close_session(desk, "shop/3", why="x") == "shop/3"
    asked = await acts.trace(desk, recipient="13800138000", reveal=True, why="ticket 1")
    assert (asked.recipient, asked.reveal) == ("8613800138000", True)
    assert (await acts.trace(desk_of("he", "viewer"), account="shop")).account == "shop"
    told = [(entry.action, entry.subject.partition(" 138")[0]) for entry in await desk.log.read()]
    assert told == [
        ("carrier.rebind", "carrier alpha"), ("carrier.rebind", "carrier alpha"), ("session.close", "session shop/3"),
        ("trace.reveal", "recipient"),
    ]  # fmt: skip


async def test_what_is_not_acted_upon(desk_of: MakeDesk) -> None:
    desk, viewer = desk_of("zhou", "engineer"), desk_of("he", "viewer")
    for asked, said in (
        (acts.rebind(desk, "alpha#7", why="x"), "not '7'"),
        (acts.rebind(viewer, "alpha", why="x"), "needs one of the roles"),
        (acts.close_session(desk, "shop", why="x"), "sessions are named like shop/3"),
        (acts.trace(viewer, account="shop", reveal=True, why="x"), "needs one of the roles"),
        (acts.trace(desk, reveal=True, why="x"), "say of which account"),
        (acts.trace(desk, account="shop", reveal=True), "every change needs a reason"),
    ):
        with pytest.raises(RequestError, match=said):
            await asked
    assert await desk.log.read() == []
