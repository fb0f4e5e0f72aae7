"""The table of rights, cell by cell: every request by every role, and the services' own opinion of the same."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI

from smsgw.config.site import Site
from smsgw.console import rights
from smsgw.console.people import COOKIE, People
from smsgw.console.rights import RIGHTS, roles_of
from smsgw.services.desk import ROLES
from tests.unit.console.conftest import Asked, token
from tests.unit.console.conftest import site as everyone
from tests.unit.console.test_app import OPEN
from tests.unit.console.test_audited import CHANGES, path_of

__all__ = ["everyone"]


@pytest.fixture(scope="session", name="site")
def who_may_sign_in(everyone: Site) -> Site:
    """As everywhere here, and everybody has a password."""
    people = {name: each.model_copy(update={"password": each.token}) for name, each in everyone.people.items()}
    return replace(everyone, people=people)


@pytest.fixture
def signed_in(site: Site, app: FastAPI) -> Callable[[str], Awaitable[dict[str, str]]]:
    """Gives the headers of a session of somebody with that one role."""
    people: People = app.state.people

    async def begin(role: str) -> dict[str, str]:
        known = site.people[role]
        cookie = await people.sessions.begin(people.desk_of(known), known, "127.0.0.1")
        return {"cookie": f"{COOKIE}={cookie}", "x-csrf-token": people.sessions.csrf(cookie)}

    return begin


def anything(path: str) -> str:
    """A path of the pattern; its account is one that everybody here sees."""
    return re.sub(r"\{\w+\}", "x", path.replace("{account}", "shop"))


async def requests(client: httpx.AsyncClient) -> list[tuple[str, str]]:
    """Every request that needs to know who asks: method and path."""
    paths = (await client.get("/openapi.json")).json()["paths"]
    return [(method, path) for path, found in paths.items() for method in found if (method, path) not in OPEN]


async def test_the_table_has_every_request_and_no_other(client: httpx.AsyncClient) -> None:
    there = {(method.upper(), path) for method, path in await requests(client)}
    assert there == {(method, path) for path, found in RIGHTS.items() for method in found}


@pytest.mark.parametrize("role", ROLES)
async def test_every_cell(client: httpx.AsyncClient, role: str) -> None:
    for method, path in await requests(client):
        kind = "text/csv" if path.endswith("/import") else "application/json"
        headers = {"authorization": f"Bearer {token(role)}", "content-type": kind}
        answer = await client.request(method, anything(path), content=b"{}", headers=headers)
        place = f"{method} {path} by {role}: {answer.status_code} {answer.text}"
        if role in roles_of(method.upper(), path):
            assert answer.status_code in (200, 400, 404), place
        else:
            assert answer.status_code == 403, place
            assert f"{role} needs " in answer.json()["error"], place


async def test_sessions_are_as_bounded_and_change_nothing_without_their_header(
    client: httpx.AsyncClient, signed_in: Callable[[str], Awaitable[dict[str, str]]]
) -> None:
    for role in ROLES:
        headers = await signed_in(role)
        del headers["x-csrf-token"]
        for method, path in await requests(client):
            if method == "get" and role in roles_of("GET", path):
                continue
            headers["content-type"] = "text/csv" if path.endswith("/import") else "application/json"
            answer = await client.request(method, anything(path), content=b"{}", headers=headers)
            place = f"{method} {path} by {role}: {answer.status_code} {answer.text}"
            assert answer.status_code == 403, place
            assert (f"{role} needs " if method == "get" else "send the header X-CSRF-Token") in answer.text, place


async def test_with_its_header_a_session_may_what_its_role_may(
    client: httpx.AsyncClient, signed_in: Callable[[str], Awaitable[dict[str, str]]]
) -> None:
    pause = {"scope": "account:shop", "why": "test"}
    for role in ROLES:
        answer = await client.post("/api/pauses", json=pause, headers=await signed_in(role))
        assert (answer.status_code == 403) == (role not in roles_of("POST", "/api/pauses")), answer.text


async def test_services_think_the_same(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rights, "check", lambda desk, method, route: None)
    for method, route, body in CHANGES:
        if route.endswith("/step"):
            continue  # some steps are for some of the roles
        for role in ROLES:
            answer = await Asked(client, role).post(path_of(route), body, method)
            is_forbidden = answer.status_code == 403
            assert is_forbidden == (role not in roles_of(method, route)), f"{method} {route} by {role}: {answer.text}"
