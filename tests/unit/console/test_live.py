"""What happens now, over HTTP: of gateways that tell, of one that is silent, and to whom how much of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest

from smsgw.config.site import Site
from smsgw.console.app import build_app
from smsgw.console.watching import Remembered, Watcher, addresses, fetch_status
from smsgw.services.desk import Desk
from smsgw.store.connection import Store
from tests.unit.console.conftest import Asked, ok, problem
from tests.unit.services.conftest import Time

LINK = {"id": "alpha#0", "kind": "transceiver", "leased": True, "up": True, "why_down": "", "peer": "10.0.0.9:2775",
        "up_s": 7.0, "heard_ago_s": 0.4, "in_flight": 3, "window": 10}  # fmt: skip
PAUSES = [
    {"scope": scope, "reason": "r", "who": "li", "since_ms": 1, "ends_ms": 0}
    for scope in ("account:orders", "account:shop", "carrier:beta")
]


def account(**changed: Any) -> dict[str, Any]:
    return {
        "class": "notice", "in_force": True, "binds": 1, "accepted": 0, "refused": {}, "receipts_delivered": 0,
        "outbox": 0, "mo_delivered": 0, "fleet": {"binds": 1, "rate_per_s": 100.0, "rate_left": 90},
        "links": [{"id": "shop/1", "kind": "trx", "peer": "10.0.0.7:4000", "up_s": 3.0, "unanswered": 2,
                   "delivering": 1, "version": "3.4"}],
        **changed,
    }  # fmt: skip


def carrier(**changed: Any) -> dict[str, Any]:
    return {
        "binds_up": 1, "binds": 2, "in_flight": 3, "window": 20, "rate_per_s": 50.0, "full_rate_per_s": 100.0,
        "slowed": True, "waiting": {"otp": 1, "notice": 2, "marketing": 0}, "aged": ["notice"], "submitted": 0,
        "answered": {"0x00000000": 9}, "receipts": {"DELIVRD": 4}, "timeouts": 0, "throttled": 1, "rerouted": 0,
        "receipts_open": 5, "receipts_overdue": 2, "why_not": "", "drained": False, "codes_wait_s": 0.0,
        "links": [LINK, {**LINK, "id": "alpha#1", "up": False, "why_down": "connection refused", "in_flight": 0}],
        **changed,
    }  # fmt: skip


def status(**changed: Any) -> dict[str, Any]:
    return {
        "version": "1", "node": "n1", "role": "all", "site_version": 3, "business_time": "2026-11-18T10:30:00+08:00",
        "not_ready": {}, "store": {"up": True, "server": "7", "memory_used": 0.2, "memory_refused": ""},
        "pauses": PAUSES, "orders": [], "parked": {"review": 2},
        "accounts": {"shop": account(), "orders": account(in_force=False)},
        "carriers": {"alpha": carrier(), "beta": carrier(binds_up=0, links=[], why_not="no bind up")},
        "breakers": [{"carrier": "alpha", "province": "广东", "state": "open", "since_s": 5.0, "why": "3 of 10",
                      "good": 3, "outcomes": 10, "usual": 0.9}],
        "records": {"written": 10, "lost": 0, "failing": ""}, **changed,
    }  # fmt: skip


class Fleet:
    """What each address answers, and how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.page: Mapping[str, Any] | str = status()

    def fetch(self, _: str) -> Mapping[str, Any] | str:
        self.asked += 1
        return self.page


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


@pytest.fixture
def watcher(site: Site, store: Store, fleet: Fleet) -> Watcher:
    return Watcher(site, store, fleet.fetch)


@pytest.fixture
async def client(site: Site, store: Store, time: Time, watcher: Watcher) -> AsyncIterator[httpx.AsyncClient]:
    app = build_app(site, store, lambda: time.now_ms, watcher=watcher)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8776") as client:
        yield client


@pytest.fixture
def viewer(client: httpx.AsyncClient) -> Asked:
    return Asked(client, "viewer")


@pytest.fixture
def team(client: httpx.AsyncClient) -> Asked:
    """Of the account shop alone."""
    return Asked(client, "application")


async def test_rates_are_of_two_looks(viewer: Asked, fleet: Fleet, watcher: Watcher) -> None:
    first = ok(await viewer.get("/api/overview"))
    assert first["rates"] == {"accepted": 0.0, "refused": 0.0, "receipts": 0.0, "mo": 0.0, "out": 0.0}
    busy = account(accepted=50, refused={"quota": 3}, outbox=7)
    told = {"shop": busy, "orders": account()}
    carriers = {"alpha": carrier(submitted=40, receipts={"DELIVRD": 12, "UNDELIV": 2}), "beta": carrier()}
    fleet.page = status(accounts=told, carriers=carriers)
    watcher.forget()
    found = ok(await viewer.get("/api/overview"))
    assert all(found["rates"][name] > 0 for name in ("accepted", "refused", "out"))
    assert found["refused"][0]["rule"] == "quota"
    assert (found["refused"][0]["count"], found["refused"][0]["text_zh"]) == (3, "账号配额已用完")
    assert found["delivery"] == {"results": 10, "delivered": 8, "share": 0.8}
    assert (len(found["recent"]["at_ms"]), found["undelivered"], found["scoped"]) == (1, 7, False)


async def test_many_who_look_cost_one_question(viewer: Asked, team: Asked, fleet: Fleet) -> None:
    for path in ("/api/overview", "/api/carriers", "/api/carriers/alpha", "/api/accounts", "/api/accounts/shop"):
        assert (await viewer.get(path)).status_code == 200
    ok(await team.get("/api/overview"))
    assert fleet.asked == 1


async def test_what_needs_somebody(viewer: Asked) -> None:
    found = ok(await viewer.get("/api/overview"))
    told = [(each["level"], each["kind"], each["subject"]) for each in found["attention"]]
    assert told[0] == ("bad", "down", "beta")
    assert ("warn", "partly", "alpha") in told
    assert ("warn", "account", "orders") in told
    assert ("warn", "slowed", "alpha") in told
    assert ("warn", "breaker", "alpha 广东") in told
    assert told[-1] == ("info", "review", "")


async def test_a_silent_gateway_is_named(viewer: Asked, fleet: Fleet) -> None:
    fleet.page = "does not answer: connection refused"
    found = ok(await viewer.get("/api/overview"))
    assert [(each["answers"], each["why"]) for each in found["gateways"]] == [(False, fleet.page)]
    assert found["attention"][0]["kind"] == "gateway"
    assert {each["state"] for each in found["carriers"]} == {"unknown"}
    assert ok(await viewer.get("/api/carriers/alpha"))["links"] == []
    assert ok(await viewer.get("/api/accounts/shop"))["binds"] is None


async def test_a_team_sees_its_own_accounts_only(team: Asked) -> None:
    found = ok(await team.get("/api/overview"))
    assert found["scoped"]
    assert (found["rates"]["out"], found["queues"], found["parked"], found["store"]) == (None, None, None, None)
    assert [each["scope"] for each in found["pauses"]] == ["account:shop"]
    assert [each["subject"] for each in found["attention"]] == []
    assert {each["binds"] for each in found["carriers"]} == {None}
    listed = (await team.get("/api/accounts")).json()
    assert [each["account"] for each in listed] == ["shop"]
    assert ok(await team.get("/api/accounts/shop"))["account"] == "shop"
    assert "sees only the accounts shop" in problem(await team.get("/api/accounts/orders"), 403)
    assert "orders" not in problem(await team.get("/api/accounts/ordesr"), 404)
    assert "sees only the accounts shop" in problem(await team.get("/api/map", account="orders"), 403)
    assert problem(await team.get("/api/carriers"), 403)


async def test_a_carrier_with_binds_lanes_and_orders(root: Asked, desk: Desk) -> None:
    found = ok(await root.get("/api/carriers/alpha"))
    assert [(each["id"], each["node"], each["up"], each["heard_ago_s"]) for each in found["links"]] == [
        ("alpha#0", "n1", True, 0.4), ("alpha#1", "n1", False, 0.4),
    ]  # fmt: skip
    assert (found["state"], found["rate"], found["full_rate"], found["slowed"]) == ("partly", 50.0, 100.0, True)
    assert [(each["lane"], each["aged"]) for each in found["lanes"]] == [
        ("otp", False), ("notice", True), ("marketing", False),
    ]  # fmt: skip
    assert found["breakers"][0]["province"] == "广东"
    assert found["answers"] == {"ESME_ROK": 9}
    given = ok(await root.post("/api/carriers/alpha/suspend", {"why": "complaints", "expires": "2h"}))
    assert (given["action"], given["expires_ms"] - given["at_ms"]) == ("suspend", 7_200_000)
    row = (await root.get("/api/carriers")).json()[0]
    assert (row["name"], row["state"], row["order"]["reason"]) == ("alpha", "suspended", "complaints")
    assert "ordered already" in problem(
        await root.post("/api/carriers/alpha/suspend", {"why": "x", "expires": "2h"}), 409
    )
    assert ok(await root.post("/api/carriers/alpha/resume", {"why": "mended"}))["action"] == "suspend"
    assert "nothing is ordered" in problem(await root.post("/api/carriers/alpha/resume", {"why": "x"}), 404)
    assert (await desk.log.head()).seq == 2


async def test_names_that_nobody_has(root: Asked) -> None:
    assert "did you mean 'alpha'" in problem(await root.get("/api/carriers/alpa"), 404)
    assert "did you mean 'shop'" in problem(await root.get("/api/accounts/shpo"), 404)
    assert "carrier" in problem(await root.post("/api/carriers/x/drain", {"why": "x"}), 400)
    assert "hours: expected" in problem(await root.get("/api/map", hours=0), 400)
    assert "did you mean 'alpha'" in problem(await root.get("/api/map", carrier="alpa"), 400)
    assert "hours: expected" in problem(await root.get("/api/accounts/shop/refusals", hours=1000), 400)


async def test_an_account_with_what_it_may_do(root: Asked) -> None:
    found = ok(await root.get("/api/accounts/shop"))
    assert (found["window_used"], found["window"], found["rate_left"]) == (2, 50, 90)
    assert found["links"][0]["peer"] == "10.0.0.7:4000"
    assert found["capabilities"]["signatures"] == ["示例商城", "示例会员"]
    assert found["capabilities"]["bind_types"] == ["transmitter", "receiver", "transceiver"]


async def test_where_gateways_are_asked(site: Site) -> None:
    assert addresses(site) == (f"http://127.0.0.1:{site.ops.port}",)
    assert "port is 0" in str(fetch_status("http://127.0.0.1:0"))
    assert "does not answer" in str(fetch_status("http://127.0.0.1:1"))


async def test_the_same_answer_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s, made = 100.0, []
    monkeypatch.setattr("smsgw.console.watching.time.monotonic", lambda: now_s)
    remembered: Remembered[str] = Remembered(life_s=5)

    async def make() -> str:
        made.append(now_s)
        return f"at {now_s}"

    assert [await remembered.get("a", make), await remembered.get("a", make)] == ["at 100.0", "at 100.0"]
    await remembered.get("b", make)
    now_s = 105.0
    assert await remembered.get("a", make) == "at 105.0"
    assert made == [100.0, 100.0, 105.0]
