"""Routes of pauses and of the audit log."""

from __future__ import annotations

import json

import httpx

from tests.unit.console.conftest import Asked, ok, problem
from tests.unit.services.conftest import NOW_MS

PAUSE = {"scope": "account:shop", "expires": "2h", "why": "complaints gather"}


async def test_pauses(root: Asked, client: httpx.AsyncClient) -> None:
    assert problem(await Asked(client, "market").post("/api/pauses", PAUSE), 403)
    assert "scope: " in problem(await root.post("/api/pauses", {**PAUSE, "scope": "account:nobody"}), 400)
    assert "expires: " in problem(await root.post("/api/pauses", {**PAUSE, "expires": "soon"}), 400)
    made = ok(await root.post("/api/pauses", PAUSE))
    assert made == {
        "scope": "account:shop",
        "reason": "complaints gather",
        "who": "root",
        "at_ms": NOW_MS,
        "expires_ms": NOW_MS + 7_200_000,
        "in_force": True,
        "revision": 1,
    }
    assert "is paused already, by root" in problem(await root.post("/api/pauses", PAUSE), 409)
    assert ok(await root.patch("/api/pauses", {**PAUSE, "expires": ""}))["expires_ms"] == 0
    found = ok(await Asked(client, "viewer").get("/api/pauses", scope="account:"))
    assert (found["total"], ok(await root.get("/api/pauses", scope="carrier:"))["total"]) == (1, 0)
    resumed = {"scope": "account:shop", "why": "mended"}
    assert ok(await root.post("/api/pauses/resume", resumed))["scope"] == "account:shop"
    assert problem(await root.post("/api/pauses/resume", resumed), 404)
    assert problem(await root.patch("/api/pauses", PAUSE), 404)


async def test_the_audit_log(root: Asked, client: httpx.AsyncClient) -> None:
    viewer = Asked(client, "viewer")
    ok(await root.post("/api/pauses", PAUSE))
    ok(await root.post("/api/optouts", {"number": "13800138000", "why": "13800138000 called"}))
    page = ok(await viewer.get("/api/audit"))
    assert [each["action"] for each in page["items"]] == ["optout.add", "pause.add"]
    assert "13800138000" not in json.dumps(page)
    one = ok(await viewer.get("/api/audit", action="pause.", who="root", limit=1))
    assert [each["subject"] for each in one["items"]] == ["pause account:shop"]
    assert problem(await viewer.get("/api/audit", limit=0), 400)
    assert problem(await viewer.get("/api/audit", since="soon"), 400)

    verified = ok(await viewer.get("/api/audit/verify"))
    assert (verified["whole"], verified["entries"], verified["faults"]) == (True, 2, [])
    assert ok(await viewer.get("/api/audit/verify", kept=str(verified["head"])))["whole"] is True
    forged = ok(await viewer.get("/api/audit/verify", kept="2:" + "0" * 64))
    assert forged["whole"] is False
    assert problem(await viewer.get("/api/audit/verify", kept="x"), 400)

    copy = (await viewer.get("/api/audit/export")).text.splitlines()
    assert [json.loads(line).get("seq") for line in copy] == [1, 2, None]
    assert json.loads(copy[-1]) == {"head": verified["head"]}
