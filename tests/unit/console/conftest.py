"""The console over a real, at first empty, store, asked in process; a token for each role."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, get_args

import httpx
import pytest
from fastapi import FastAPI

from smsgw.config.passwords import hash_octets
from smsgw.config.people import PersonSettings, Role
from smsgw.config.site import Site
from smsgw.console.app import build_app
from smsgw.console.explaining import Imagined
from smsgw.services.desk import Desk
from smsgw.store.connection import Store
from tests.unit.services.conftest import Time
from tests.unit.services.conftest import desk as desk
from tests.unit.services.conftest import server as server
from tests.unit.services.conftest import site as example
from tests.unit.services.conftest import store as store
from tests.unit.services.conftest import time as time

__all__ = ["desk", "example", "server", "store", "time"]

SECRET = "s3cret" * 6


def token(name: str) -> str:
    return f"{name}~{SECRET}"


def person(name: str, *roles: str, enabled: bool = True) -> PersonSettings:
    """With a token that is quickly verified."""
    stored = hash_octets(token(name).encode(), n=2**10)
    accounts = ("shop",) if "application" in roles else ()
    return PersonSettings.model_validate(
        {"name": name, "roles": roles, "accounts": accounts, "token": stored, "enabled": enabled}
    )


@pytest.fixture(scope="session")
def site(example: Site) -> Site:
    """With one person of each role, ``root`` who has all, a second of them, and one who left."""
    roles = get_args(Role)
    people = [person(role, role) for role in roles]
    people += [person("root", *roles), person("boss", *roles), person("gone", *roles, enabled=False)]
    return replace(example, people={each.name: each for each in people})


class Asked:
    """One person's requests to the console."""

    def __init__(self, client: httpx.AsyncClient, name: str) -> None:
        self._client = client
        self._headers = {"authorization": f"Bearer {token(name)}"} if name else {}

    async def get(self, path: str, **query: str | int) -> httpx.Response:
        return await self._client.get(path, params=query, headers=self._headers)

    async def post(self, path: str, body: object = None, method: str = "POST", **query: str | int) -> httpx.Response:
        return await self._client.request(method, path, json=body, params=query, headers=self._headers)

    async def put(self, path: str, body: object) -> httpx.Response:
        return await self.post(path, body, "PUT")

    async def patch(self, path: str, body: object) -> httpx.Response:
        return await self.post(path, body, "PATCH")

    async def bring(self, path: str, data: bytes, kind: str = "text/csv", **query: str | int) -> httpx.Response:
        headers = {**self._headers, "content-type": kind}
        return await self._client.post(path, content=data, params=query, headers=headers)


@pytest.fixture
def app(site: Site, store: Store, time: Time) -> FastAPI:
    async def explain(desk: Desk, wanted: Imagined) -> dict[str, Any]:
        return {"account": wanted.account}

    return build_app(site, store, lambda: time.now_ms, explain=explain)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8776") as client:
        yield client


@pytest.fixture
def root(client: httpx.AsyncClient) -> Asked:
    """Somebody with every role."""
    return Asked(client, "root")


def ok(answer: httpx.Response) -> dict[str, Any]:
    """The object of an answer that must be good."""
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert isinstance(found, dict)
    return found


def problem(answer: httpx.Response, status: int) -> str:
    """The sentence of an answer that must be an error."""
    assert answer.status_code == status, answer.text
    found = answer.json()
    assert {"error", "error_zh"} <= set(found) <= {"error", "error_zh", "lines"}
    assert isinstance(found["error"], str)
    assert re.search(r"[\u4e00-\u9fff]", found["error_zh"]), f"there is no Chinese for: {found['error']}"
    return str(found["error"])
