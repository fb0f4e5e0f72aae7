"""Signing in by the company's identity provider: who comes in, and everything that is not believed."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from smsgw.clock import RealClock
from smsgw.config.people import PersonSettings
from smsgw.config.site import Site
from smsgw.console.app import build_app
from smsgw.console.people import FAILURES
from smsgw.services.oidc import PENDING_MS
from smsgw.store.connection import Store
from tests.unit.console.conftest import Asked, ok, person, problem
from tests.unit.console.oidc_provider import CLIENT, Provider
from tests.unit.services.conftest import Time

URL = "http://localhost:8776"


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as provider:
        yield provider


@dataclass
class House:
    """A console that knows the provider, with ``now_ms`` as real time."""

    site: Site
    store: Store
    provider: Provider
    time: Time
    now_ms: int

    def client(self, **known: str) -> httpx.AsyncClient:
        """A browser, at a console of its own; ``known``: other settings."""
        oidc = self.provider.settings(URL).model_copy(update=known)
        console = self.site.console.model_copy(update={"oidc": oidc})
        site = replace(self.site, file=self.site.file.model_copy(update={"console": console}))
        app = build_app(site, self.store, lambda: self.time.now_ms, real_ms=lambda: self.now_ms)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url=URL)

    async def back(self, browser: httpx.AsyncClient, sub: str = "5ub-li") -> str:
        """The browser goes to the provider, where somebody signs in: the path that it comes back with."""
        away = await browser.get("/api/session/oidc")
        assert away.status_code == 303, away.text
        return self.provider.answer(away.headers["location"], self.now_ms / 1000, sub)

    async def sign_in(self, browser: httpx.AsyncClient, sub: str = "5ub-li") -> str:
        """Where the browser is in the end."""
        return await landed(browser, await self.back(browser, sub))


async def landed(browser: httpx.AsyncClient, path: str) -> str:
    answer = await browser.get(path)
    assert answer.status_code == 303, answer.text
    assert "smsgw_oidc" not in browser.cookies
    where = answer.headers["location"]
    assert ("smsgw_session=" in str(answer.headers)) == (where == "/")
    return str(where)


@pytest.fixture
def house(site: Site, store: Store, time: Time, provider: Provider, tmp_path: Path) -> House:
    people = [
        PersonSettings(name="li", roles=("engineer", "viewer"), oidc="5ub-li"),
        PersonSettings(name="zhao", roles=("viewer",), oidc="Zhao@Example.com"),
        PersonSettings(name="left", roles=("viewer",), oidc="5ub-left", enabled=False),
        person("crm", "viewer"),
    ]
    staffed = replace(site, directory=tmp_path, people={each.name: each for each in people})
    return House(staffed, store, provider, time, RealClock().now_ms())


@pytest.fixture
async def browser(house: House) -> AsyncIterator[httpx.AsyncClient]:
    async with house.client() as browser:
        yield browser


async def test_who_is_known_comes_in(house: House, browser: httpx.AsyncClient) -> None:
    way = {"start": "/api/session/oidc", "label": ""}
    assert ok(await browser.get("/api/session/ways")) == {"password": False, "oidc": way}
    away = await browser.get(way["start"])
    said = away.headers["set-cookie"].lower()
    assert all(word in said for word in ("httponly", "samesite=lax", "path=/api/session/oidc;", "max-age=600"))
    back = await browser.get(house.provider.answer(away.headers["location"], house.now_ms / 1000, "5ub-li"))
    (said,) = [each.lower() for each in back.headers.get_list("set-cookie") if "smsgw_session" in each]
    assert all(word in said for word in ("httponly", "samesite=strict", "path=/;"))
    assert (back.status_code, back.headers["location"]) == (303, "/")
    mine = ok(await browser.get("/api/session"))
    assert (mine["name"], mine["roles"]) == ("li", ["engineer", "viewer"])
    pause = {"scope": "account:shop", "why": "test"}
    assert problem(await browser.post("/api/pauses", json=pause), 403)
    assert ok(await browser.post("/api/pauses", json=pause, headers={"x-csrf-token": mine["csrf"]}))["who"] == "li"
    log = ok(await browser.get("/api/audit", params={"action": "session."}))["items"]
    assert [(each["who"], each["why"]) for each in log] == [("li", "signed in with OpenID Connect")]


async def test_over_https_cookies_are_secure(house: House) -> None:
    async with house.client(url="https://localhost:8776") as browser:
        assert "secure" in (await browser.get("/api/session/oidc")).headers["set-cookie"].lower()


@pytest.mark.parametrize(
    "bent",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"iss": "https://id.example.com"},
        {"iss": None},
        {"aud": "another"},
        {"aud": None},
        {"aud": [CLIENT, "another"]},
        {"azp": "another"},
        {"exp": 1_700_000_000},
        {"exp": None},
        {"iat": 4_000_000_000},
        {"sub": None},
        {"at_hash": "AAAA"},
    ],
)
async def test_tokens_that_are_not_good(house: House, browser: httpx.AsyncClient, bent: dict[str, Any]) -> None:
    house.provider.claims = bent
    assert await house.sign_in(browser) == "/?oidc=refused"
    assert problem(await browser.get("/api/me"), 401)


@pytest.mark.parametrize("how", ["signed_by_another", "signed_with_what_everybody_knows", "not_signed"])
async def test_tokens_that_the_provider_did_not_sign(house: House, browser: httpx.AsyncClient, how: str) -> None:
    house.provider.sign = getattr(house.provider, how)
    assert await house.sign_in(browser) == "/?oidc=refused"
    house.provider.sign = None
    assert await house.sign_in(browser) == "/"


async def test_several_audiences_with_us_as_the_party(house: House, browser: httpx.AsyncClient) -> None:
    house.provider.claims = {"aud": [CLIENT, "another"], "azp": CLIENT}
    assert await house.sign_in(browser) == "/"


async def test_a_state_is_good_once_in_its_browser_and_for_a_while(house: House, browser: httpx.AsyncClient) -> None:
    path = await house.back(browser)
    kept = browser.cookies["smsgw_oidc"]
    async with house.client() as other:
        assert await landed(other, path) == "/?oidc=over"
        await house.back(other)
        assert await landed(other, path) == "/?oidc=over"
    assert await landed(browser, path) == "/"
    browser.cookies.set("smsgw_oidc", kept, "localhost.local", "/api/session/oidc")
    replayed = await browser.get(path)
    assert replayed.headers["location"] == "/?oidc=over"
    assert "smsgw_session=" not in str(replayed.headers)
    late = await house.back(browser)
    house.now_ms += PENDING_MS
    assert await landed(browser, late) == "/?oidc=over"


async def test_cookies_that_we_did_not_make(house: House, browser: httpx.AsyncClient) -> None:
    path = await house.back(browser)
    for made in ("", "x", "AAAA", "ä", house.store.sealer.seal(b"[]").hex()):
        answer = await browser.get(path, headers=[(b"cookie", f"smsgw_oidc={made}".encode())])
        assert answer.headers["location"] == "/?oidc=over"


async def test_what_the_provider_says_in_the_address(house: House, browser: httpx.AsyncClient) -> None:
    path = await house.back(browser)
    assert await landed(browser, path.replace("127.0.0.1", "127.0.0.2")) == "/?oidc=refused"
    path = await house.back(browser)
    assert await landed(browser, path.replace("code=", "error=access_denied&c=")) == "/?oidc=refused"
    path = await house.back(browser)
    assert await landed(browser, path.replace("code=code", "code=other")) == "/?oidc=refused"


async def test_nobody_we_know(house: House, browser: httpx.AsyncClient, caplog: pytest.LogCaptureFixture) -> None:
    for sub in ("stranger", "5ub-left", "5UB-LI", "zhao@example.com"):
        with caplog.at_level(logging.WARNING):
            assert await house.sign_in(browser, sub) == "/?oidc=unknown"
        assert f"people.toml has oidc = '{sub}'" in str(caplog.records[-1].__dict__)


async def test_by_verified_address(house: House) -> None:
    async with house.client(claim="email") as browser:
        house.provider.claims = {"email": "zhao@example.COM", "email_verified": True}
        assert await house.sign_in(browser, "any") == "/"
        assert ok(await browser.get("/api/me"))["name"] == "zhao"
        for unsure in ({}, {"email_verified": False}, {"email_verified": "yes"}):
            house.provider.claims = {"email": "zhao@example.com", **unsure}
            assert await house.sign_in(browser, "any") == "/?oidc=refused"
        house.provider.claims, house.provider.userinfo = {}, {"email": "zhao@example.com", "email_verified": True}
        for sub, where in (("any", "/"), ("another", "/?oidc=refused"), (None, "/?oidc=refused")):
            house.provider.userinfo["sub"] = sub
            assert await house.sign_in(browser, "any") == where
        house.provider.userinfo = {"sub": "any"}
        assert await house.sign_in(browser, "any") == "/?oidc=refused"


async def test_new_keys_are_learnt(house: House, browser: httpx.AsyncClient) -> None:
    assert await house.sign_in(browser) == "/"
    house.provider.turn_keys()
    assert await house.sign_in(browser) == "/"
    doors = [path.rpartition("/")[2] for path in house.provider.asked]
    assert doors == ["openid-configuration", "token", "keys", "token", "keys"]


async def test_a_secret_in_the_body_where_the_provider_wants_it_there(house: House, browser: httpx.AsyncClient) -> None:
    house.provider.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert await house.sign_in(browser) == "/"


async def test_the_wrong_secret(house: House) -> None:
    async with house.client(client_secret_file="wrong") as browser:
        assert await house.sign_in(browser) == "/?oidc=refused"


async def test_a_provider_that_is_away(house: House, browser: httpx.AsyncClient) -> None:
    house.provider.is_ill = True
    assert await landed(browser, "/api/session/oidc") == "/?oidc=away"
    house.provider.is_ill = False
    for _ in range(FAILURES + 1):  # its illness is nobody's failed attempt
        path = await house.back(browser)
        house.provider.is_ill = True
        assert await landed(browser, path) == "/?oidc=away"
        house.provider.is_ill = False
    assert await house.sign_in(browser) == "/"


@pytest.mark.parametrize(
    "said",
    [
        {"issuer": "https://id.example.com"},
        {"token_endpoint": "http://id.example.com/token"},
        {"jwks_uri": None},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
)
async def test_a_provider_that_is_somebody_else(house: House, browser: httpx.AsyncClient, said: dict[str, Any]) -> None:
    house.provider.metadata = said
    assert await landed(browser, "/api/session/oidc") == "/?oidc=away"


async def test_too_many_that_are_not_good(house: House, browser: httpx.AsyncClient) -> None:
    for _ in range(FAILURES):
        assert await house.sign_in(browser, "stranger") == "/?oidc=unknown"
    assert await house.sign_in(browser) == "/?oidc=wait"


async def test_a_session_ends_when_the_person_is_called_otherwise(house: House, browser: httpx.AsyncClient) -> None:
    assert await house.sign_in(browser) == "/"
    file = house.site.directory / "people.toml"
    for oidc, status in (("5ub-li", 200), ("another", 401), ("5ub-li", 401)):
        file.write_text(f'[[person]]\nname = "li"\nroles = ["viewer"]\noidc = "{oidc}"\n', encoding="utf-8")
        assert (await browser.get("/api/me")).status_code == status


async def test_a_session_ends_with_the_provider(house: House, browser: httpx.AsyncClient) -> None:
    assert await house.sign_in(browser) == "/"
    app = build_app(house.site, house.store, lambda: house.time.now_ms, real_ms=lambda: house.now_ms)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=URL, cookies=browser.cookies) as without:
        assert problem(await without.get("/api/me"), 401)
        assert ok(await without.get("/api/session/ways")) == {"password": False, "oidc": None}
        for path in ("/api/session/oidc", "/api/session/oidc/callback"):
            assert "this site has no identity provider; [console.oidc]" in problem(await without.get(path), 404)


async def test_there_is_no_password_of_such_a_person(house: House, browser: httpx.AsyncClient) -> None:
    for password in ("", "5ub-li"):
        answer = await browser.post("/api/session", json={"name": "li", "password": password})
        assert "name, password or code is not right" in problem(answer, 401)
    assert problem(await Asked(browser, "li").get("/api/me"), 401)
