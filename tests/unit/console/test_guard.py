"""What stands before every route: names, origins, sizes, and a log without numbers and secrets."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from starlette.exceptions import HTTPException

from smsgw.config.site import Site
from smsgw.console import guard
from smsgw.console.app import build_app
from smsgw.console.guard import MOST_JSON_OCTETS, Guard
from smsgw.store.connection import Store
from tests.unit.console.conftest import SECRET, Asked, ok, problem, token

JSON = {"content-type": "application/json"}
NUMBER = "13800138000"


def named(hosts: tuple[str, ...]) -> Guard:
    async def nothing(scope: object, receive: object, send: object) -> None:
        raise AssertionError

    return Guard(nothing, hosts)


@pytest.mark.parametrize("host", ["localhost:8776", "127.0.0.1", "[::1]:8776", "sms.example.com", "a.localhost"])
def test_names_it_goes_by(host: str) -> None:
    assert named(("192.0.2.1", "sms.example.com"))._is_known(host)


@pytest.mark.parametrize("host", ["", "evil.example", "192.0.2.9", "localhost.evil.example", "[::1", "0.0.0.0"])
def test_names_it_does_not_go_by(host: str) -> None:
    assert not named(("192.0.2.1",))._is_known(host)


def test_on_all_interfaces_any_address_but_no_foreign_name() -> None:
    everywhere = named(("0.0.0.0",))
    assert everywhere._is_known("192.0.2.9:8776")
    assert not everywhere._is_known("evil.example")


async def test_foreign_names_and_pages_are_refused(client: httpx.AsyncClient) -> None:
    assert "does not go by the name" in problem(await client.get("/healthz", headers={"host": "evil.example"}), 403)
    foreign = await client.get("/healthz", headers={"origin": "http://evil.example"})
    assert "pages of 'http://evil.example' are refused" in problem(foreign, 403)
    own = await client.get("/healthz", headers={"origin": "http://localhost:8776"})
    assert own.status_code == 200
    assert "access-control-allow-origin" not in own.headers
    assert own.headers["x-content-type-options"] == "nosniff"
    assert own.headers["cache-control"] == "no-store"


async def test_configured_names_are_taken(site: Site, store: Store) -> None:
    console = site.console.model_copy(update={"hosts": ("sms.example.com",)})
    named_site = replace(site, file=site.file.model_copy(update={"console": console}))
    transport = httpx.ASGITransport(build_app(named_site, store, lambda: 0))
    async with httpx.AsyncClient(transport=transport, base_url="https://sms.example.com") as client:
        assert (await client.get("/healthz")).status_code == 200


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data", ""])
async def test_forms_are_refused(client: httpx.AsyncClient, kind: str) -> None:
    answer = await client.post("/api/optouts/show", content=b"number=1", headers={"content-type": kind})
    assert "send JSON" in problem(answer, 415)


async def test_a_body_that_is_too_large_is_given_up(client: httpx.AsyncClient) -> None:
    headers = {**JSON, "authorization": f"Bearer {token('root')}"}
    told = await client.post("/api/optouts/show", content=b" " * (MOST_JSON_OCTETS + 1), headers=headers)
    assert problem(told, 413) == "the body has more than 1024 KiB"

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 100_000

    untold = await client.post("/api/optouts/show", content=pieces(), headers=headers)
    assert problem(untold, 413) == "the body has more than 1024 KiB"


async def test_a_body_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "BODY_TIMEOUT_S", 0.01)

    async def never() -> dict[str, object]:
        await asyncio.Event().wait()
        return {}

    with pytest.raises(guard.HTTPException) as caught:
        await guard._bounded(never, 100)()
    assert caught.value.status_code == 408


async def test_a_body_that_comes_octet_by_octet_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "BODY_TIMEOUT_S", 0.05)

    async def slowly() -> dict[str, object]:
        await asyncio.sleep(0.005)
        return {"type": "http.request", "body": b"1", "more_body": True}

    receive = guard._bounded(slowly, 10_000)

    async def take_all() -> None:
        while (await receive())["more_body"]:
            pass

    with pytest.raises(HTTPException) as caught:
        await take_all()
    assert caught.value.status_code == 408


async def test_the_log_has_no_number_no_secret_no_path(root: Asked, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    ok(await root.post("/api/optouts", {"number": NUMBER, "why": f"{NUMBER} called"}))
    await root.post("/api/optouts", {"number": NUMBER + "x", "why": "test"})
    await root.get(f"/api/review/{NUMBER}", who=NUMBER)
    await root.get(f"/{NUMBER}")
    told = [record for record in caplog.records if record.name.startswith("smsgw")]
    requests = [vars(record)["fields"] for record in told if record.msg == "console.request"]
    assert [(each["method"], each["route"], each["status"], each["who"]) for each in requests] == [
        ("POST", "/api/optouts", 200, "root"),
        ("POST", "/api/optouts", 400, "root"),
        ("GET", "/api/review/{message_id}", 404, "root"),
        ("GET", "unknown", 404, ""),
    ]
    shown = json.dumps([{**vars(record)} for record in told], default=str)
    assert NUMBER not in shown
    assert SECRET not in shown


async def test_only_where_lists_are_taken_a_body_may_be_as_large_as_a_list(client: httpx.AsyncClient) -> None:
    """The body of every other route is read before anybody knows who asks."""
    large = b"1" * (MOST_JSON_OCTETS + 1)
    for kind in ("text/csv", "application/octet-stream"):
        answer = await client.post("/api/optouts/show", content=b"1", headers={"content-type": kind})
        assert "send JSON" in problem(answer, 415)
        many = await client.post("/api/words/import", content=large, headers={"content-type": kind})
        assert "Bearer" in problem(many, 401)
    answer = await client.request("GET", "/api/me", content=large, headers={"content-type": "text/csv"})
    assert problem(answer, 413)


def test_lists_are_taken_where_the_guard_thinks(site: Site, store: Store) -> None:
    for path, operations in build_app(site, store, lambda: 0).openapi()["paths"].items():
        for operation in operations.values():
            kinds = operation.get("requestBody", {}).get("content", {})
            assert ("text/csv" in kinds) == path.endswith(guard.LIST_ROUTES), path
