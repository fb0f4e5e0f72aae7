"""The application as a whole: what it refuses to start with, its errors, its OpenAPI, every route's door."""

from __future__ import annotations

import re
from dataclasses import replace

import httpx
import pytest

from smsgw.config.site import Site
from smsgw.console.app import build_app
from smsgw.console.guard import MOST_JSON_OCTETS
from smsgw.errors import ConfigError
from smsgw.services import quotas
from smsgw.store.connection import Store, StoreSettings
from smsgw.store.secrets import new_secrets
from tests.unit.console.conftest import Asked, ok, problem

CHINESE = re.compile("[\u4e00-\u9fff]")
OPEN = {
    ("get", "/healthz"),
    ("post", "/api/session"),
    ("get", "/api/session/ways"),
    ("get", "/api/session/oidc"),
    ("get", "/api/session/oidc/callback"),
}


def test_it_does_not_start_without_people(site: Site, store: Store) -> None:
    with pytest.raises(ConfigError, match=r"people\.toml: is missing or names nobody.*smsgw console token NAME"):
        build_app(replace(site, people={}), store, lambda: 0)


async def test_health_needs_no_token(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).json() == {"status": "ok"}


async def test_what_is_not_there(root: Asked) -> None:
    assert "there is nothing at this path" in problem(await root.get("/api/nothing"), 404)
    assert "PUT can't be used here" in problem(await root.put("/api/me", {}), 405)
    assert problem(await root.get("/docs"), 404)
    assert "there is nothing at this path" in problem(await root.get("/api/quotas/"), 404)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the body is missing; expected JSON"),
        (b"{", "the body is no JSON"),
        (b"\xff", "the body can't be read; expected JSON"),
        (b"[" * 100_000, "the body"),
        (b"[]", "body: "),
        (b"{}", "number: is missing"),
        (b'{"number": 1}', "number: Input should be a valid string"),
        (b'{"number": "1", "nummer": "2"}', "nummer: there is no such key"),
        (b'{"number": "\\ud800"}', "number: is not a recipient's number; expected 11 digits"),
    ],
)
async def test_bodies_that_make_no_sense(client: httpx.AsyncClient, root: Asked, content: bytes, said: str) -> None:
    assert len(content) < MOST_JSON_OCTETS
    headers = {**root._headers, "content-type": "application/json"}
    assert said in problem(await client.post("/api/optouts/show", content=content, headers=headers), 400)


async def test_an_error_never_repeats_the_body(client: httpx.AsyncClient, root: Asked) -> None:
    for body in (
        {"number": ["13912345678"]},
        {"number": "13912345678x"},
        [{"number": "13912345678"}],
        {"number": "13800138000", "13912345678": ""},
    ):
        assert "13912345678" not in problem(await root.post("/api/optouts/show", body), 400)
    for put in ({"account": "13912345678"}, {"signature": "139 1234 5678"}):
        told = problem(await root.post("/api/optouts", {"number": "13800138000", "why": "test", **put}), 400)
        assert "139****5678" in told


async def test_the_store_is_away(site: Site) -> None:
    secrets = new_secrets()
    settings = StoreSettings(timeout_s=0.2)
    away = Store("unix:///nowhere/redis.sock", sealer=secrets.sealer(), recipients=secrets.hasher(), settings=settings)
    transport = httpx.ASGITransport(build_app(site, away, lambda: 0))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await Asked(client, "root").post("/api/optouts/show", {"number": "13800138000"})
        copy = await Asked(client, "root").get("/api/audit/export")
    assert problem(copy, 503)
    assert "the store can't be reached" in problem(answer, 503)
    assert answer.headers["retry-after"] == "1"


async def test_a_mistake_of_ours_is_told_without_its_words(root: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(desk: object) -> list[object]:
        raise KeyError("13800138000")

    monkeypatch.setattr(quotas, "list_", broken)
    assert problem(await root.get("/api/quotas"), 500) == "smsgw made a mistake (KeyError); its log says where"


async def test_every_route_is_described_in_both_languages(client: httpx.AsyncClient) -> None:
    page = (await client.get("/openapi.json")).json()
    tags = {tag["name"] for tag in page["tags"]}
    assert all(CHINESE.search(tag["description"]) for tag in page["tags"])
    for path, methods in page["paths"].items():
        for method, operation in methods.items():
            place = f"{method} {path}"
            english, separator, chinese = operation["summary"].partition(" · ")
            assert english, place
            assert separator, place
            assert CHINESE.search(chinese), place
            assert operation.get("description"), place
            assert set(operation["tags"]) <= tags, place
            if (method, path) in OPEN:
                continue
            assert operation["security"], place
            assert {"400", "401", "403", "503"} <= set(operation["responses"]), place
            if method != "get":
                assert "requestBody" in operation, place


async def test_every_route_has_a_door(client: httpx.AsyncClient) -> None:
    page = (await client.get("/openapi.json")).json()
    tried = 0
    for path, methods in page["paths"].items():
        for method in methods:
            if (method, path) in OPEN:
                continue
            where = re.sub(r"\{\w+\}", "x", path)
            kind = "text/csv" if path.endswith("/import") else "application/json"
            answer = await client.request(method, where, content=b"{}", headers={"content-type": kind})
            assert problem(answer, 401) == "sign in, or send the header Authorization: Bearer <token>"
            tried += 1
    assert tried > 60


async def test_every_error_is_documented_as_it_is(client: httpx.AsyncClient) -> None:
    page = (await client.get("/openapi.json")).json()
    assert "ValidationError" not in str(page)
    assert not [path for path, found in page["paths"].items() for each in found.values() if "422" in each["responses"]]
    assert set(page["components"]["schemas"]["Problem"]["properties"]) == {"error", "error_zh", "lines"}


async def test_me(root: Asked) -> None:
    assert ok(await root.get("/api/me"))["name"] == "root"
