"""/status of several processes as that of one."""

from __future__ import annotations

from typing import Any

import pytest

from smsgw.merging import merged


def page(**changed: Any) -> dict[str, Any]:
    return {
        "version": "1", "role": "all", "site_version": 3, "business_time": "t", "other_nodes": ["n-2", "far"],
        "store": {"up": True, "server": "7", "embedded": True, "calls": {"admit": {"items": 5, "waiting": 1}}},
        "pauses": [{"scope": "a"}], "parked": {"review": 4}, "accounts": {}, "carriers": {}, "breakers": [],
        "records": {"written": 10, "lost": 0, "failing": ""}, **changed,
    }  # fmt: skip


def test_counts_are_added_and_what_the_store_says_is_taken_once() -> None:
    found = merged({"n-1": page(), "n-2": page(other_nodes=["n-1", "far"], records={"written": 5, "failing": "full"})})
    assert found["records"] == {"written": 15, "lost": 0, "failing": "full"}
    assert found["store"]["calls"] == {"admit": {"items": 10, "waiting": 2}}
    assert (found["pauses"], found["parked"], found["site_version"]) == ([{"scope": "a"}], {"review": 4}, 3)
    assert found["other_nodes"] == ["far", "n-1", "n-2"]


def test_versions_that_differ_in_an_upgrade() -> None:
    found = merged({"n-1": page(), "n-2": page(version="2", role="esme", store={"up": False})})
    assert (found["version"], found["role"], found["store"]["up"]) == ("1, 2", "all, esme", False)


def test_what_the_fleet_has_is_not_added_up() -> None:
    edge = {"fleet": {"binds": 5, "rate_per_s": 100}}
    other = {"fleet": {"binds": 0, "rate_per_s": 100}}
    store = {"up": True, "memory_used": 0.5, "memory_refused": "", "replicas": 2, "replicas_short": 3}
    full = {**store, "memory_used": 0.9, "memory_refused": "marketing"}
    found = merged({"1": page(accounts={"a": other}, store=store), "2": page(accounts={"a": edge}, store=full)})
    assert found["accounts"]["a"]["fleet"] == {"binds": 5, "rate_per_s": 100}
    assert found["store"] == {**full, "replicas_short": 6}


def test_accounts() -> None:
    one = {"binds": 1, "in_force": True, "quota": {"day": [7, 100]}, "refused": {"0x430": 2}, "links": [{"id": "a/1"}]}
    two = {"binds": 2, "in_force": True, "quota": {"day": [9, 100]}, "refused": {"0x58": 1}, "links": [{"id": "a/2"}]}
    found = merged({"n-1": page(accounts={"a": one}), "n-2": page(accounts={"a": two, "b": {"binds": 0}})})
    assert found["accounts"] == {
        "a": {
            "binds": 3, "in_force": True, "quota": {"day": [9, 100]}, "refused": {"0x430": 2, "0x58": 1},
            "links": [{"id": "a/1"}, {"id": "a/2"}],
        },
        "b": {"binds": 0},
    }  # fmt: skip


AWAY = "another process has it"


def carrier(leased: int, rate: float, *links: tuple[str, bool, str], **changed: Any) -> dict[str, Any]:
    return {
        "binds": 2, "binds_up": sum(up for _, up, _ in links), "leased": leased, "rate_per_s": rate,
        "full_rate_per_s": rate, "window": 20, "slowed": False, "codes_wait_s": leased * 1.5,
        "why_not": "", "waiting": {"otp": 1},
        "links": [
            {"id": name, "kind": "transceiver", "leased": why != AWAY, "up": up, "why_down": why}
            for name, up, why in links
        ],
        **changed,
    }  # fmt: skip


def test_of_each_bind_its_owner_is_believed() -> None:
    one = carrier(1, 50.0, ("c#0", True, ""), ("c#1", False, AWAY))
    two = carrier(1, 50.0, ("c#0", False, AWAY), ("c#1", False, "refused"), why_not="none of its binds is up")
    edge = carrier(0, 100.0, ("c#0", False, AWAY), ("c#1", False, AWAY))
    found = merged({name: page(carriers={"c": each}) for name, each in {"1": edge, "2": one, "3": two}.items()})
    c = found["carriers"]["c"]
    assert [(bind["id"], bind["up"], bind["why_down"]) for bind in c["links"]] == [
        ("c#0", True, ""), ("c#1", False, "refused"),
    ]  # fmt: skip
    assert (c["binds"], c["binds_up"], c["leased"], c["why_not"]) == (2, 1, 2, "")
    assert (c["rate_per_s"], c["full_rate_per_s"], c["codes_wait_s"]) == (100.0, 100.0, 1.5)
    assert (c["waiting"], c["slowed"], c["window"]) == ({"otp": 3}, False, 20)


def test_why_a_carrier_is_given_nothing_is_said_by_who_may_have_its_binds() -> None:
    edge = carrier(0, 100.0, why_not="none of its binds is up: another process has it")
    owner = carrier(1, 100.0, why_not="none of its binds is up: connection refused")
    found = merged({"1": page(carriers={"c": edge}), "2": page(carriers={"c": owner})})
    assert found["carriers"]["c"]["why_not"] == "none of its binds is up: connection refused"
    found = merged({"1": page(carriers={"c": edge}), "2": page(carriers={"c": edge})})
    assert found["carriers"]["c"]["why_not"] == edge["why_not"]


@pytest.mark.parametrize("says_leased", [True, False])
def test_the_rate_is_that_of_binds_which_send(says_leased: bool) -> None:
    sender = carrier(1, 100.0, ("c#0", True, ""), ("c#1", False, AWAY))
    receiver = carrier(1, 100.0, ("c#0", False, AWAY), ("c#1", True, ""))
    for each in (sender, receiver):
        for bind, kind in zip(each["links"], ("transmitter", "receiver"), strict=True):
            bind["kind"] = kind
            if not says_leased:  # an older worker
                del bind["leased"]
    found = merged({"1": page(carriers={"c": sender}), "2": page(carriers={"c": receiver})})
    assert (found["carriers"]["c"]["rate_per_s"], found["carriers"]["c"]["leased"]) == (100.0, 2)


def test_the_rate_of_a_carrier_of_which_nobody_has_a_bind() -> None:
    found = merged({"1": page(carriers={"c": carrier(0, 100.0)}), "2": page(carriers={"c": carrier(0, 100.0)})})
    assert found["carriers"]["c"]["rate_per_s"] == 100.0
