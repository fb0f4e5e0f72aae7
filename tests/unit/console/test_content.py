"""Routes of words, contacts and campaigns."""

from __future__ import annotations

import httpx

from tests.unit.console.conftest import Asked, ok, problem

WORD = {"list": "company", "word": "保本保息", "category": "finance", "action": "review", "why": "asked"}
CONTACT = {"account": "shop", "kind": "link", "value": "https://shop.example.com/a/", "why": "asked"}
CAMPAIGN = {"name": "double-eleven", "account": "shop", "slots": ["11:00-12:30"], "why": "asked"}


async def test_words(root: Asked, client: httpx.AsyncClient) -> None:
    assert problem(await Asked(client, "market").put("/api/words", WORD), 403)
    assert ok(await root.put("/api/words", WORD))["action"] == "review"
    assert ok(await root.put("/api/words", {**WORD, "action": "reject", "evasion": True}))["evasion"] is True
    assert "list: " in problem(await root.put("/api/words", {**WORD, "list": "mine"}), 400)
    found = ok(await Asked(client, "viewer").get("/api/words", list="company", search="保本"))
    assert found["total"] == 1
    assert ok(await root.get("/api/words", list="national"))["total"] == 0
    gone = {key: WORD[key] for key in ("list", "word", "why")}
    assert ok(await root.post("/api/words/remove", gone)) == {"removed": "保本保息"}
    assert problem(await root.post("/api/words/remove", gone), 404)


async def test_a_word_list(root: Asked, client: httpx.AsyncClient) -> None:
    data = "词,类别,处理,规避\n高收益理财,金融,拒绝,是\n返现,,审核,\n".encode("gb18030")
    path = "/api/words/import"
    assert problem(await root.bring(path, data, list="national"), 400)
    assert problem(await Asked(client, "viewer").bring(path, data, list="national", why="x"), 403)
    assert problem(await root.bring(path, data, "application/json", why="x"), 415)
    done = ok(await root.bring(path, data, list="national", name="2026.csv", why="yearly"))
    assert (done["list"], done["total"], done["added"]) == ("national", 2, 2)
    replaced = ok(await root.bring(path, "返现\n".encode(), list="national", replace="true", why="yearly"))
    assert (replaced["total"], replaced["removed"]) == (1, 1)
    bad = await root.bring(path, "返现,,dance\n".encode(), list="national", why="yearly")
    assert "1 line is wrong" in problem(bad, 400)
    assert bad.json()["lines"][0]["column"] == "action"


async def test_contacts(root: Asked, client: httpx.AsyncClient) -> None:
    assert problem(await Asked(client, "viewer").post("/api/contacts", CONTACT), 403)
    added = ok(await root.post("/api/contacts", CONTACT))
    assert (added["id"], added["state"]) == ("shop/link/shop.example.com/a", "active")
    assert problem(await root.post("/api/contacts", CONTACT), 409)
    assert problem(await root.post("/api/contacts", {**CONTACT, "kind": "fax"}), 400)
    assert ok(await root.patch("/api/contacts", {**CONTACT, "owner": "示例公司"}))["owner"] == "示例公司"
    assert ok(await root.post("/api/contacts/step", {**CONTACT, "action": "suspend"}))["state"] == "suspended"
    assert problem(await root.post("/api/contacts/step", {**CONTACT, "action": "suspend"}), 409)
    assert ok(await Asked(client, "viewer").get("/api/contacts", account="shop", kind="link"))["total"] == 1
    assert ok(await root.post("/api/contacts/remove", CONTACT)) == {"removed": "shop/link/shop.example.com/a"}
    for path in ("remove", "step"):
        body = {**CONTACT, "action": "resume"} if path == "step" else CONTACT
        assert problem(await root.post(f"/api/contacts/{path}", body), 404)
    assert problem(await root.patch("/api/contacts", CONTACT), 404)


async def test_campaigns(root: Asked, client: httpx.AsyncClient) -> None:
    assert problem(await Asked(client, "viewer").post("/api/campaigns", CAMPAIGN), 403)
    assert ok(await root.post("/api/campaigns", CAMPAIGN))["state"] == "active"
    assert problem(await root.post("/api/campaigns", CAMPAIGN), 409)
    assert "slots: " in problem(await root.post("/api/campaigns", {**CAMPAIGN, "slots": ["noon"]}), 400)
    path = "/api/campaigns/double-eleven"
    assert ok(await root.patch(path, {"ends": "2026-12-31", "why": "longer"}))["ends"] == "2026-12-31"
    assert ok(await root.post(f"{path}/step", {"action": "suspend", "why": "stop"}))["state"] == "suspended"
    assert len(ok(await Asked(client, "viewer").get(path))["history"]) == 3
    assert ok(await root.get("/api/campaigns", account="shop", state="suspended"))["total"] == 1
    assert problem(await root.get("/api/campaigns/nothing"), 404)
    assert problem(await root.patch("/api/campaigns/nothing", {"why": "x"}), 404)
    assert problem(await root.post("/api/campaigns/nothing/step", {"action": "resume", "why": "x"}), 404)
