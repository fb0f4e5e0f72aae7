"""Who may come in, when they last did, and ending their sessions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from smsgw.config.passwords import hash_octets
from smsgw.config.people import PersonSettings
from smsgw.config.site import Site
from smsgw.console.app import build_app
from smsgw.services import people
from smsgw.store.connection import Store
from tests.unit.console.conftest import Asked, ok, person, problem
from tests.unit.services.conftest import Time

PASSWORD = "correct horse 电池"
STORED = hash_octets(PASSWORD.encode(), n=2**10)
WHY = {"why": "left her telephone in a taxi"}


@pytest.fixture
def office(site: Site, store: Store, time: Time, tmp_path: Path) -> httpx.ASGITransport:
    li = PersonSettings(name="li", roles=("department",), departments=("retail",), password=STORED, oidc="5ub-li")
    team = PersonSettings(name="team", roles=("application",), accounts=("shop",), password=STORED)
    staff = [li, team, person("ann", "admin"), person("olga", "auditor"), person("gone", "viewer", enabled=False)]
    staffed = replace(site, directory=tmp_path, people={each.name: each for each in staff})
    return httpx.ASGITransport(build_app(staffed, store, lambda: time.now_ms), raise_app_exceptions=False)


def client(office: httpx.ASGITransport) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=office, base_url="http://localhost:8776")


async def sign_in(browser: httpx.AsyncClient, name: str) -> None:
    ok(await browser.post("/api/session", json={"name": name, "password": PASSWORD}))


async def test_everybody_by_name(office: httpx.ASGITransport) -> None:
    async with client(office) as browser, client(office) as other:
        await sign_in(browser, "li")
        await sign_in(other, "li")
        found = ok(await Asked(browser, "olga").get("/api/people"))
    assert found["since"] == ""
    rows = {each.pop("name"): each for each in found["items"]}
    assert list(rows) == ["ann", "gone", "li", "olga", "team"]
    assert rows["li"] == {
        "roles": ["department"],
        "accounts": ["shop", "ushop"],
        "departments": ["retail"],
        "ways": ["password", "oidc"],
        "enabled": True,
        "last_sign_in": "2026-11-18T10:30:00+08:00",
        "last_address": "127.0.0.1",
        "sessions": 2,
    }
    assert (rows["team"]["accounts"], rows["team"]["last_sign_in"], rows["team"]["sessions"]) == (["shop"], "", 0)
    assert (rows["ann"]["accounts"], rows["ann"]["ways"], rows["gone"]["enabled"]) == (None, ["token"], False)
    assert not any(secret in str(found) for secret in ("scrypt", "5ub-li", STORED))


async def test_how_far_back_was_looked(office: httpx.ASGITransport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "_READ_AT_ONCE", 2)
    monkeypatch.setattr(people, "_LOOKED_THROUGH", 4)
    async with client(office) as browser:
        await sign_in(browser, "li")
        ann = Asked(browser, "ann")
        for count in range(4):
            ok(
                await ann.post(
                    "/api/pauses", {"scope": f"account:{('shop', 'orders', 'login', 'ushop')[count]}", **WHY}
                )
            )
        found = ok(await ann.get("/api/people"))
    assert found["since"] == "2026-11-18T10:30:00+08:00"
    assert not any(each["last_sign_in"] for each in found["items"])


async def test_an_admin_signs_others_out(office: httpx.ASGITransport) -> None:
    async with client(office) as browser, client(office) as other, client(office) as desk:
        ann = Asked(desk, "ann")
        await sign_in(browser, "li")
        await sign_in(other, "li")
        path = "/api/people/li/sessions"
        first, second = (await ann.get(path)).json()
        assert (first["address"], first["here"]) == ("127.0.0.1", False)
        assert problem(await ann.post(f"{path}/end", {"which": "x", **WHY}), 404)
        assert "why: " in problem(await ann.post(f"{path}/end", {"why": " "}), 400)
        assert ok(await ann.post(f"{path}/end", {"which": first["id"], **WHY})) == {"ended": 1}
        assert problem(await browser.get("/api/me"), 401)
        assert ok(await other.get("/api/me"))["name"] == "li"
        assert [each["id"] for each in (await ann.get(path)).json()] == [second["id"]]
        assert ok(await ann.post(f"{path}/end", WHY)) == {"ended": 1}
        assert problem(await other.get("/api/me"), 401)
        assert ok(await ann.post(f"{path}/end", WHY)) == {"ended": 0}
        log = ok(await ann.get("/api/audit", action="session.end"))["items"]
    assert [(each["who"], each["subject"], each["why"]) for each in log] == [("ann", "session li", WHY["why"])] * 3


async def test_who_may_and_whom_there_is(office: httpx.ASGITransport) -> None:
    async with client(office) as desk:
        olga, ann = Asked(desk, "olga"), Asked(desk, "ann")
        assert (await olga.get("/api/people/li/sessions")).json() == []
        assert "olga needs the role admin" in problem(await olga.post("/api/people/li/sessions/end", WHY), 403)
        for asked in (ann.get("/api/people/olgaa/sessions"), ann.post("/api/people/olgaa/sessions/end", WHY)):
            assert problem(await asked, 404) == "people.toml has no 'olgaa'; did you mean 'olga'?"
