"""Routes about recipients, good and bad: each reaches its service and answers what it gives."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from smsgw.services.desk import Desk
from smsgw.store.recipients import RecipientFacts
from tests.unit.console.conftest import Asked, ok, problem
from tests.unit.services.conftest import NOW_MS

NUMBER, DIGITS = "13800138000", "8613800138000"
CONSENTS = "号码,来源,文案版本,同意时间\n13800138001,门店,2026-03,2026-10-01\n".encode("gb18030")

CHANGES: list[tuple[str, dict[str, Any], str]] = [
    ("/api/optouts", {"account": "shop", "source": "hotline"}, "optout"),
    ("/api/optouts/remove", {"signature": "示例商城"}, "subscribe"),
    ("/api/consents", {"source": "app", "wording": "2026-03", "at": "2026-11-01"}, "consent"),
    ("/api/blacklist", {"expires": "2027-01-01"}, "blacklist"),
    ("/api/complaints", {"source": "12321"}, "blacklist"),
    ("/api/dead-numbers", {"expires": ""}, "dead"),
    ("/api/tiers", {"tier": "loyal"}, "tier"),
]
SHOWS = ["recipients", "optouts", "consents", "blacklist", "dead-numbers", "tiers"]
IMPORTS: list[tuple[str, bytes]] = [
    ("/api/optouts/import", b"13800138001,account:shop,old system,2026-10-01\n"),
    ("/api/consents/import", CONSENTS),
    ("/api/blacklist/import", b"13800138001\n"),
    ("/api/dead-numbers/import", b"13800138001\n"),
    ("/api/tiers/import", b"13800138001,loyal\n"),
]


@pytest.mark.parametrize(("path", "more", "kind"), CHANGES, ids=[path for path, _, _ in CHANGES])
async def test_changes(root: Asked, client: httpx.AsyncClient, path: str, more: dict[str, Any], kind: str) -> None:
    body = {"number": NUMBER, "why": "test", **more}
    for wrong, said in [
        ({"why": ""}, "why: every change needs a reason"),
        ({"number": "x"}, "number: is not a recipient's number"),
        ({"more": 1}, "more: there is no such key"),
    ]:
        assert said in problem(await root.post(path, {**body, **wrong}), 400)
    without = {key: value for key, value in body.items() if key != "why"}
    assert problem(await root.post(path, without), 400) == "why: is missing"
    assert "needs one of the roles" in problem(await Asked(client, "viewer").post(path, body), 403)
    assert ok(await root.post("/api/recipients/show", {"number": NUMBER}))["facts"] == []

    done = ok(await root.post(path, body))
    assert done["changed"] is True
    assert [fact["kind"] for fact in done["facts"]] == [kind]
    assert done["number"] == "138****8000"
    assert NUMBER not in str(done)


@pytest.mark.parametrize("what", SHOWS)
async def test_looks(root: Asked, client: httpx.AsyncClient, what: str) -> None:
    path = f"/api/{what}/show"
    assert ok(await Asked(client, "viewer").post(path, {"number": NUMBER}))["facts"] == []
    assert "number: is not" in problem(await root.post(path, {"number": "1"}), 400)
    assert "why: there is no such key" in problem(await root.post(path, {"number": NUMBER, "why": "x"}), 400)


async def test_undoing(root: Asked, desk: Desk) -> None:
    facts = RecipientFacts(desk.store)
    await facts.blacklist(DIGITS, "test", NOW_MS, "li")
    await facts.blacklist(DIGITS, "err", NOW_MS, "receipt", carrier="alpha")
    await facts.dead(DIGITS, "test", NOW_MS, "receipt")
    body = {"number": NUMBER, "why": "a mistake"}
    assert "did you mean 'alpha'" in problem(await root.post("/api/blacklist/remove", {**body, "carrier": "alfa"}), 400)
    for path, more in [
        ("/api/blacklist/remove", {}),
        ("/api/blacklist/remove", {"carrier": "alpha"}),
        ("/api/dead-numbers/forget", {}),
    ]:
        assert ok(await root.post(path, {**body, **more}))["changed"] is True
        assert ok(await root.post(path, {**body, **more}))["changed"] is False
    assert await facts.show(DIGITS) == []


@pytest.mark.parametrize(("path", "data"), IMPORTS, ids=[path for path, _ in IMPORTS])
async def test_imports(root: Asked, client: httpx.AsyncClient, path: str, data: bytes) -> None:
    assert problem(await root.bring(path, data), 400) == "why: every change needs a reason"
    assert "Content-Type: text/csv" in problem(await root.bring(path, data, "application/json", why="x"), 415)
    assert "the list is empty" in problem(await root.bring(path, b"", why="test"), 400)
    assert "viewer needs " in problem(await Asked(client, "viewer").bring(path, data, why="test"), 403)
    bad = await root.bring(path, data + b"12345\n", why="test")
    assert "nothing was written" in problem(bad, 400)
    (line,) = bad.json()["lines"]
    assert (line["line"], line["column"]) == (len(data.splitlines()) + 1, "number")

    skipped = ok(await root.bring(path, data + b"12345\n", why="test", skip_wrong="true"))
    assert (skipped["lines"], skipped["wrong"]) == (2, 1)
    again = ok(await root.bring(path, data, why="test"))
    assert again["lines"] == 1
    assert again.get("taken", again.get("changed")) == 0
    known = ok(await root.post("/api/recipients/show", {"number": "13800138001"}))
    assert known["facts"]


async def test_the_proof_of_an_imported_consent(root: Asked) -> None:
    done = ok(await root.bring("/api/consents/import", CONSENTS, why="fair", signature="示例商城"))
    assert (done["taken"], done["known"], done["opted_out"]) == (1, 0, 0)
    proof = ok(await root.post("/api/consents/show", {"number": "13800138001"}))
    (fact,) = proof["facts"]
    assert fact == {
        "kind": "consent",
        "scope": "signature 示例商城",
        "source": "门店",
        "wording": "2026-03",
        "at": "2026-10-01 00:00:00+08:00",
        "by": "root",
        "digest": str(done["digest"])[:12],
        "expires": "",
        "in_force": True,
        "count": 0,
    }
    assert "exclude each other" in problem(
        await root.bring("/api/consents/import", CONSENTS, why="fair", signature="示例商城", account="shop"), 400
    )


async def test_the_scope_of_imported_opt_outs(root: Asked, client: httpx.AsyncClient) -> None:
    path = "/api/optouts/import"
    data = b"number\n13800138001\n13800138002\n"
    body = {"number": "13800138002", "signature": "示例商城", "why": "test"}
    assert ok(await root.post("/api/optouts/remove", body))["changed"] is True
    done = ok(await root.bring(path, b"number,time\n13800138002,2026-11-01\n", why="moved", signature="示例商城"))
    assert (done["taken"], done["known"], done["subscribed"]) == (0, 0, 1)
    ok(await root.bring(path, data, why="moved", account="shop"))
    (fact,) = ok(await root.post("/api/optouts/show", {"number": "13800138001"}))["facts"]
    assert (fact["kind"], fact["scope"], fact["by"]) == ("optout", "account shop", "root")
    assert problem(await Asked(client, "engineer").bring(path, data, why="moved"), 403)
