"""Only this machine's own pages and programs get through."""

from __future__ import annotations

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from simulators.control.guard import Guard


async def _behind(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("through")(scope, receive, send)


async def _ask(method: str, headers: dict[str, str], hosts: tuple[str, ...] = ()) -> httpx.Response:
    transport = httpx.ASGITransport(Guard(_behind, hosts))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8780") as client:
        return await client.request(method, "/", headers=headers)


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8780", "localhost:8780", "localhost", "[::1]:8780", "127.8.0.1", "a.localhost"]
)
async def test_names_of_this_machine_are_taken(host: str) -> None:
    assert (await _ask("GET", {"host": host})).text == "through"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:8780",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "192.168.1.5:8780",
        "",
        "[::1",
        "x@localhost.evil",
    ],
)
async def test_other_names_are_refused_in_words(host: str) -> None:
    answer = await _ask("GET", {"host": host})
    assert answer.status_code == 403
    assert answer.json()["where"] == "Host"
    assert "--http-host" in answer.json()["error"]


async def test_names_that_were_allowed() -> None:
    assert (await _ask("GET", {"host": "sim.lab:8780"}, ("sim.lab",))).status_code == 200
    assert (await _ask("GET", {"host": "192.168.1.5:8780"}, ("0.0.0.0",))).status_code == 200
    assert (await _ask("GET", {"host": "evil.example"}, ("0.0.0.0",))).status_code == 403
    assert (await _ask("GET", {"host": "anything"}, ("*",))).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:9999"])
async def test_pages_of_others_are_refused(origin: str) -> None:
    headers = {"origin": origin, "content-type": "application/json"}
    assert (await _ask("POST", headers)).status_code == 403
    assert (await _ask("GET", headers)).status_code == 403


async def test_our_own_page_is_taken() -> None:
    headers = {"origin": "http://127.0.0.1:8780", "content-type": "application/json; charset=utf-8"}
    assert (await _ask("POST", headers)).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_changes_must_be_json(method: str, kind: str) -> None:
    answer = await _ask(method, {"content-type": kind} if kind else {})
    assert answer.status_code == 415
    assert answer.json()["where"] == "Content-Type"


async def test_what_gets_through_is_strict() -> None:
    headers = (await _ask("GET", {})).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in headers
