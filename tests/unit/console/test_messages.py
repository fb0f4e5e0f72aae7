"""Routes of the review queue and the quotas."""

from __future__ import annotations

import httpx
import pytest

from smsgw.services.desk import Desk
from tests.unit.console.conftest import Asked, ok, problem
from tests.unit.services.test_review import NUMBER, TEXT, park


async def test_the_queue(root: Asked, client: httpx.AsyncClient, desk: Desk) -> None:
    staff = Asked(client, "compliance")
    assert ok(await staff.get("/api/review")) == {"items": [], "total": 0, "next": ""}
    message_id = await park(desk.store, 1)
    (item,) = (await staff.get("/api/review", limit=10)).json()["items"]
    assert (item["id"], item["text"], item["number"]) == (message_id, TEXT, "138****8000")
    assert ok(await staff.get(f"/api/review/{message_id}")) == item
    assert "limit: expected" in problem(await staff.get("/api/review", limit=0), 400)
    assert "limit: " in problem(await staff.get("/api/review", limit="many"), 400)
    assert "after: expected" in problem(await staff.get("/api/review", after="x:y"), 400)
    assert "no message of this id waits" in problem(await staff.get("/api/review/00ff"), 404)
    for path in ("/api/review", f"/api/review/{message_id}"):
        assert TEXT not in problem(await Asked(client, "viewer").get(path), 403)


@pytest.mark.parametrize("decision", ["release", "reject"])
async def test_decisions(root: Asked, client: httpx.AsyncClient, desk: Desk, decision: str) -> None:
    message_id = await park(desk.store, 1)
    path = f"/api/review/{message_id}/{decision}"
    assert "viewer needs the role compliance" in problem(await Asked(client, "viewer").post(path, {"why": "test"}), 403)
    assert "every change needs a reason" in problem(await root.post(path, {"why": " "}), 400)
    assert ok(await root.post(path, {"why": "test"})) == {"id": message_id, "decision": decision, "who": "root"}
    assert "no message of this id waits" in problem(await root.post(path, {"why": "test"}), 404)


async def test_a_full_number_on_request(root: Asked, client: httpx.AsyncClient, desk: Desk) -> None:
    path = f"/api/review/{await park(desk.store, 1)}/reveal"
    assert problem(await Asked(client, "viewer").post(path, {"why": "curious"}), 403)
    assert problem(await root.post(path, {}), 400)
    assert ok(await root.post(path, {"why": "court order"}))["full_number"] == NUMBER
    (entry,) = await desk.log.read()
    assert (entry.who, entry.action) == ("root", "review.reveal")


async def test_quotas(root: Asked, client: httpx.AsyncClient) -> None:
    every = (await Asked(client, "viewer").get("/api/quotas")).json()
    assert {each["account"] for each in every} >= {"shop", "orders", "login"}
    assert ok(await root.get("/api/quotas/shop"))["account"] == "shop"
    assert "did you mean 'shop'" in problem(await root.get("/api/quotas/shpo"), 400)
