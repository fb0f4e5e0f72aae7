"""Orders: which there are, when they hold, and what a suspended account is told."""

from __future__ import annotations

from smsgw.policy.entries import OrderEntry
from smsgw.policy.orders import Orders, account_refusal
from smsgw.policy.registers import Registers, compile_register

DAY_MS = 86_400_000


def order(scope: str, action: str = "suspend", expires_ms: int = 0) -> OrderEntry:
    return OrderEntry(scope, action, "fibre cut", "li", 1, expires_ms)


def test_nothing_is_ordered_usually() -> None:
    orders = Registers().orders
    assert not orders.any
    assert orders.of("carrier:alpha", 5) is None
    assert account_refusal(orders, "account:shop", 5) is None


def test_an_order_is_of_one_scope_and_ends_by_itself() -> None:
    orders = Orders((order("carrier:alpha", "drain", 100), order("account:shop")))
    drained = orders.of("carrier:alpha", 99)
    assert drained is not None
    assert drained.action == "drain"
    assert orders.of("carrier:alpha", 100) is None
    assert orders.of("carrier:beta", 99) is None
    assert orders.of("account:shop", DAY_MS) is not None
    assert [each.scope for each in orders.entries] == ["carrier:alpha", "account:shop"]


def test_what_a_scope_can_not_be_ordered_is_left_out() -> None:
    orders = Orders((order("account:shop", "drain"), order("global"), order("bind:alpha#0", "close")))
    assert [each.scope for each in orders.entries] == ["bind:alpha#0"]


def test_a_suspended_account_is_told_why_and_until_when() -> None:
    orders = Orders((order("account:shop", expires_ms=10_001),))
    refusal = account_refusal(orders, "account:shop", 5_000)
    assert refusal is not None
    assert (refusal.reason.rule_id, refusal.reason.status, refusal.retry_after_s) == ("account.suspended", 0x401, 6)
    assert refusal.detail == "account:shop was ordered to suspend: fibre cut"
    assert account_refusal(orders, "account:shop", 10_001) is None


def test_the_register_is_compiled_from_documents() -> None:
    documents = {
        "account:shop": {
            "scope": "account:shop",
            "action": "suspend",
            "reason": "x",
            "who": "li",
            "at_ms": 1,
            "new": 2,
        },
        "account:bad": {"scope": "account:bad"},
    }
    orders = compile_register("order", documents)
    assert [each.scope for each in orders.entries] == ["account:shop"]
