"""Routes of signatures, templates and channels: from a draft to active, by the people it takes."""

from __future__ import annotations

import httpx
import pytest

from tests.unit.console.conftest import Asked, ok, problem

SIGNATURE = {"account": "shop", "name": "新签名", "owner": "示例公司", "proof": "TM 1", "why": "asked"}
TEMPLATE = {
    "id": "welcome",
    "text": "您的包裹{no}已送达",
    "message_class": "notice",
    "variables": [{"name": "no", "kind": "digits", "max_chars": 6}],
    "why": "asked",
}
CHANNEL = {"channel": "account:shop", "licence": "B2-1", "licence_expires": "2027-12-31", "why": "asked"}


async def test_signatures(root: Asked, client: httpx.AsyncClient) -> None:
    assert "needs one of the roles" in problem(await Asked(client, "viewer").post("/api/signatures", SIGNATURE), 403)
    added = ok(await root.post("/api/signatures", SIGNATURE))
    assert (added["id"], added["state"], added["revision"]) == ("shop/新签名", "draft", 1)
    assert "is there already" in problem(await root.post("/api/signatures", SIGNATURE), 409)
    path = "/api/signatures/shop/新签名"
    assert ok(await Asked(client, "viewer").get(path))["owner"] == "示例公司"
    assert ok(await root.patch(path, {"proof": "TM 2", "why": "renewed"}))["proof"] == "TM 2"
    assert ok(await root.post(f"{path}/step", {"action": "activate", "why": "proved"}))["state"] == "active"
    assert problem(await root.post(f"{path}/step", {"action": "activate", "why": "again"}), 409)
    assert "action: " in problem(await root.post(f"{path}/step", {"action": "dance", "why": "x"}), 400)
    found = ok(await root.get("/api/signatures", account="shop", state="active"))
    assert (found["total"], found["offset"]) == (1, 0)
    assert ok(await root.get("/api/signatures", state="draft"))["items"] == []
    assert problem(await root.get("/api/signatures/shop/没有"), 404)
    assert "account: " in problem(await root.post("/api/signatures", {**SIGNATURE, "account": "nobody"}), 400)
    assert "limit: " in problem(await root.get("/api/signatures", limit=0), 400)


async def test_templates(root: Asked, client: httpx.AsyncClient) -> None:
    added = ok(await root.post("/api/templates", TEMPLATE))
    assert (added["id"], added["version"], added["state"]) == ("welcome", 1, "draft")
    assert added["next"]
    step = "/api/templates/welcome/step"
    who = {"approve-department": "department", "approve-market": "market", "activate": "boss"}
    own = await root.post(step, {"action": "approve-department", "why": "ok"})
    assert problem(own, 403)
    for action, name in who.items():
        done = ok(await Asked(client, name).post(step, {"action": action, "why": "ok"}))
    assert done["state"] == "active"
    assert "nothing is different" in problem(await root.patch("/api/templates/welcome", {"why": "x"}), 400)
    second = ok(await root.patch("/api/templates/welcome", {"text": "包裹{no}已到", "why": "shorter"}))
    assert (second["id"], second["version"]) == ("welcome", 2)
    versions = (await root.get("/api/templates/welcome/versions")).json()
    assert [each["state"] for each in versions] == ["active", "draft"]
    assert ok(await root.get("/api/templates/welcome", version=1))["state"] == "active"
    assert ok(await root.get("/api/templates", search="包裹", message_class="notice"))["total"] == 2
    assert problem(await root.get("/api/templates/nothing"), 404)
    assert problem(await root.get("/api/templates/nothing/versions"), 404)
    assert problem(await root.post("/api/templates", {**TEMPLATE, "id": "a b"}), 400)
    assert problem(await root.post("/api/templates", {**TEMPLATE, "variables": [{"name": "no", "x": 1}]}), 400)
    assert problem(await root.post("/api/templates", TEMPLATE), 409)


@pytest.mark.parametrize("channel", ["account:shop", "carrier:alpha"])
async def test_channels(root: Asked, client: httpx.AsyncClient, channel: str) -> None:
    added = ok(await root.post("/api/channels", {**CHANNEL, "channel": channel}))
    assert (added["id"], added["state"]) == (channel, "draft")
    path = f"/api/channels/{channel}"
    assert ok(await root.patch(path, {"licence": "B2-2", "why": "mistyped"}))["licence"] == "B2-2"
    for action, name in [
        ("review-market", "market"),
        ("review-legal", "legal"),
        ("review-technical", "technical"),
        ("approve", "management"),
        ("activate", "boss"),
    ]:
        done = ok(await Asked(client, name).post(f"{path}/step", {"action": action, "why": "ok"}))
    assert done["state"] == "active"
    assert ok(await root.get(path))["state"] == "active"
    assert ok(await root.get("/api/channels", state="active"))["total"] == 1
    assert problem(await root.patch(path, {"licence": "x", "why": "late"}), 409)
    assert problem(await Asked(client, "viewer").post(f"{path}/step", {"action": "suspend", "why": "x"}), 403)
    assert problem(await root.get("/api/channels/account:nobody"), 404)
    assert problem(await root.post("/api/channels", {**CHANNEL, "channel": "account:nobody"}), 400)


async def test_nothing_is_approved_that_was_changed_since_it_was_looked_at(
    root: Asked, client: httpx.AsyncClient
) -> None:
    seen = ok(await root.post("/api/channels", CHANNEL))
    ok(await root.patch("/api/channels/account:shop", {"licence": "B2-2", "why": "mistyped"}))
    step = {"action": "review-legal", "why": "ok", "revision": seen["revision"]}
    legal = Asked(client, "legal")
    said = problem(await legal.post("/api/channels/account:shop/step", step), 409)
    assert said == "channel account:shop has revision 2, not 1: it was changed; look at it again"
    assert ok(await legal.post("/api/channels/account:shop/step", {**step, "revision": 2}))["revision"] == 3
    assert problem(await legal.post("/api/channels/account:shop/step", {**step, "revision": -1}), 400)
    ok(await root.post("/api/templates", TEMPLATE))
    ok(await root.post("/api/signatures", SIGNATURE))
    for path in ("/api/templates/welcome/step", "/api/signatures/shop/新签名/step"):
        late = await root.post(path, {"action": "activate", "why": "ok", "revision": 7})
        assert "has revision 1, not 7" in problem(late, 409)
