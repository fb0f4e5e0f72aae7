"""Those who see only some accounts: what they are shown of lists, and that nothing of others is told or changed."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from smsgw.config.site import Site
from smsgw.console.rights import BY_ACCOUNT, RIGHTS
from smsgw.services.desk import EVERYBODY
from tests.unit.console.conftest import Asked, ok, person, problem
from tests.unit.console.conftest import site as everyone

__all__ = ["everyone"]
WHY = {"why": "test"}


@pytest.fixture(scope="session", name="site")
def bounded(everyone: Site) -> Site:
    """Department heads of retail, who has shop and ushop, and of nobody; an engineer who is of an application, too."""
    li = person("li", "department").model_copy(update={"departments": ("retail",)})
    several = [li, person("both", "application", "engineer")]
    return replace(everyone, people={**everyone.people, **{each.name: each for each in several}})


@pytest.fixture
def team(client: httpx.AsyncClient) -> Asked:
    """The application team of shop."""
    return Asked(client, "application")


@pytest.fixture
def head(client: httpx.AsyncClient) -> Asked:
    """The head of retail."""
    return Asked(client, "li")


async def test_who_one_is_says_what_one_may(client: httpx.AsyncClient, team: Asked, head: Asked) -> None:
    mine, hers = ok(await team.get("/api/me")), ok(await head.get("/api/me"))
    assert (mine["accounts"], hers["accounts"]) == (["shop"], ["shop", "ushop"])
    assert {"GET /api/quotas", "GET /api/templates", "POST /api/explain"} < set(mine["rights"])
    assert not {"GET /api/audit", "POST /api/recipients/show", "POST /api/templates"} & set(mine["rights"])
    assert {"POST /api/templates", "POST /api/channels", "GET /api/channels"} < set(hers["rights"])
    assert not {"GET /api/audit", "POST /api/tiers", "POST /api/recipients/show"} & set(hers["rights"])
    every = {f"{method} {route}" for route, methods in RIGHTS.items() for method in methods}
    for name in ("admin", "root"):
        found = ok(await Asked(client, name).get("/api/me"))
        assert (set(found["rights"]), found["accounts"]) == (every, None)
    assert ok(await Asked(client, "both").get("/api/me"))["accounts"] is None


async def test_every_right_that_is_told_is_one(client: httpx.AsyncClient, team: Asked, head: Asked) -> None:
    for who in (team, head):
        rights = ok(await who.get("/api/me"))["rights"]
        for route, methods in RIGHTS.items():
            for method in methods:
                path = route.replace("{account}", "shop").replace("{", "").replace("}", "")
                kind = {"kind": "text/csv"} if path.endswith("/import") else {}
                answer = (
                    await who.bring(path, b"x", **kind) if kind else await who.post(path, {}, method)
                )  # fmt: skip
                place = f"{method} {path}: {answer.status_code} {answer.text}"
                assert (answer.status_code == 403) == (f"{method} {route}" not in rights), place


async def test_quotas(root: Asked, team: Asked, head: Asked) -> None:
    assert [each["account"] for each in (await team.get("/api/quotas")).json()] == ["shop"]
    assert [each["account"] for each in (await head.get("/api/quotas")).json()] == ["shop", "ushop"]
    assert len((await root.get("/api/quotas")).json()) == 4
    assert ok(await team.get("/api/quotas/shop"))["account"] == "shop"
    for other in ("orders", "nobody"):
        assert problem(await team.get(f"/api/quotas/{other}"), 403) == "application sees only the accounts shop"


async def test_signatures(root: Asked, team: Asked, head: Asked) -> None:
    for account in ("shop", "orders"):
        papers = {"account": account, "name": "新签名", "owner": "示例公司", "proof": "B1", **WHY}
        ok(await root.post("/api/signatures", papers))
    assert [each["id"] for each in ok(await team.get("/api/signatures"))["items"]] == ["shop/新签名"]
    assert ok(await team.get("/api/signatures", account="orders"))["total"] == 0
    assert ok(await team.get("/api/signatures/shop/新签名"))["owner"] == "示例公司"
    assert problem(await team.get("/api/signatures/orders/新签名"), 403)
    assert problem(await team.patch("/api/signatures/shop/新签名", {"owner": "x", **WHY}), 403)
    assert ok(await head.patch("/api/signatures/shop/新签名", {"owner": "零售", **WHY}))["owner"] == "零售"
    told = problem(await head.patch("/api/signatures/orders/新签名", {"owner": "x", **WHY}), 404)
    assert told == "there is no signature 'orders/新签名'"
    new = {"account": "orders", "name": "别人", "owner": "示例公司", "proof": "B1", **WHY}
    assert "li sees only the accounts shop, ushop" in problem(await head.post("/api/signatures", new), 403)


async def test_templates_of_all_accounts_are_shown_and_not_changed(root: Asked, team: Asked, head: Asked) -> None:
    for name, account in (("mine", "shop"), ("theirs", "orders"), ("all", "")):
        body = {"id": name, "account": account, "message_class": "notice", "text": f"{name}的通知", **WHY}
        ok(await root.post("/api/templates", body))
    for who in (team, head):
        assert {each["id"] for each in ok(await who.get("/api/templates"))["items"]} == {"all", "mine"}
        assert ok(await who.get("/api/templates/all"))["text"] == "all的通知"
        assert (await who.get("/api/templates/mine/versions")).status_code == 200
        for path in ("/api/templates/theirs", "/api/templates/theirs/versions"):
            assert problem(await who.get(path), 404) == "there is no template 'theirs'"
        assert "did you mean" not in problem(await who.get("/api/templates/their"), 404)
    approve = {"action": "approve-department", **WHY}
    assert ok(await head.post("/api/templates/mine/step", approve))["state"] == "department-approved"
    assert "this is for every account" in problem(await head.post("/api/templates/all/step", approve), 403)
    assert problem(await head.post("/api/templates/theirs/step", approve), 404)
    assert "for every account" in problem(await head.patch("/api/templates/all", {"account": "shop", **WHY}), 403)
    assert "sees only" in problem(await head.patch("/api/templates/mine", {"account": "orders", **WHY}), 403)
    assert ok(await head.patch("/api/templates/mine", {"text": "新的通知", **WHY}))["version"] == 2


async def test_an_admin_reviews_nothing_and_may_do_the_rest(client: httpx.AsyncClient, root: Asked) -> None:
    admin = Asked(client, "admin")
    body = {"id": "t", "account": "shop", "message_class": "notice", "text": "您的通知已到", **WHY}
    ok(await root.post("/api/templates", body))
    approve = {"action": "approve-department", **WHY}
    assert "admin needs the role department" in problem(await admin.post("/api/templates/t/step", approve), 403)
    for name, action in (("department", "approve-department"), ("market", "approve-market")):
        ok(await Asked(client, name).post("/api/templates/t/step", {"action": action, **WHY}))
    assert ok(await admin.post("/api/templates/t/step", {"action": "activate", **WHY}))["state"] == "active"


async def test_campaigns_and_contacts(root: Asked, team: Asked, head: Asked) -> None:
    for name, account in (("mine", "shop"), ("theirs", "orders"), ("all", "")):
        ok(await root.post("/api/campaigns", {"name": name, "account": account, **WHY}))
        contact = {"account": account or "*", "kind": "link", "value": f"{name}.example.com", **WHY}
        ok(await root.post("/api/contacts", contact))
    for path in ("/api/campaigns", "/api/contacts"):
        assert ok(await team.get(path))["total"] == 2
        assert "theirs" not in (await team.get(path)).text
    assert problem(await team.get("/api/campaigns/theirs"), 404)
    change = {"slots": ["11:00-12:00"], **WHY}
    assert ok(await head.patch("/api/campaigns/mine", change))["slots"] == ["11:00-12:00"]
    assert problem(await head.patch("/api/campaigns/theirs", change), 404)
    for take in ({"account": "shop"}, {"starts": "2026-12-01"}):
        assert "every account" in problem(await head.patch("/api/campaigns/all", {**take, **WHY}), 403)
    assert problem(await head.post("/api/campaigns", {"name": "new", "account": "login", **WHY}), 403)
    text = {"id": "t", "account": "shop", "message_class": "notice", "text": "您的通知已到", **WHY}
    assert "there is no campaign" in problem(await head.post("/api/templates", {**text, "campaign": "theirs"}), 404)
    assert ok(await head.post("/api/templates", {**text, "campaign": "mine"}))["campaign"] == "mine"


async def test_channels(root: Asked, team: Asked, head: Asked) -> None:
    papers = {"licence": "B2", "licence_expires": "2027-01-01", **WHY}
    for channel in ("account:orders", "carrier:alpha"):
        ok(await root.post("/api/channels", {"channel": channel, **papers}))
        assert problem(await head.post("/api/channels", {"channel": channel, **papers}), 403)
        assert problem(await head.get(f"/api/channels/{channel}"), 404)
    assert ok(await head.post("/api/channels", {"channel": "account:shop", **papers}))["state"] == "draft"
    assert [each["id"] for each in ok(await head.get("/api/channels"))["items"]] == ["account:shop"]
    assert problem(await team.get("/api/channels"), 403)


async def test_explaining_is_for_ones_own_accounts(team: Asked) -> None:
    imagined = {"account": "shop", "number": "13800138000", "text": "【示例商城】你好"}
    assert ok(await team.post("/api/explain", imagined)) == {"account": "shop"}
    for other in ("orders", "nobody"):
        assert "sees only" in problem(await team.post("/api/explain", {**imagined, "account": other}), 403)


async def test_pauses_that_concern_one(root: Asked, team: Asked, head: Asked) -> None:
    for scope in ("global", "account:shop", "account:orders", "department:retail", "department:logistics",
                  "carrier:alpha"):  # fmt: skip
        ok(await root.post("/api/pauses", {"scope": scope, **WHY}))
    for who in (team, head):
        shown = [each["scope"] for each in ok(await who.get("/api/pauses"))["items"]]
        assert shown == ["account:shop", "department:retail", "global"]


async def test_what_is_by_account_is_a_request() -> None:
    assert set(RIGHTS) >= BY_ACCOUNT
    assert "application" in EVERYBODY
