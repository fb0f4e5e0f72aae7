"""Signing in with a browser: passwords and codes, the cookie and its header, when a session is over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from pyotp import TOTP

from smsgw.clock import RealClock
from smsgw.config.passwords import hash_octets
from smsgw.config.people import PersonSettings
from smsgw.config.site import Site
from smsgw.console.app import build_app
from smsgw.console.people import FAILURES
from smsgw.services.sessions import IDLE_MS, MOST_MS, enrol
from smsgw.store.connection import Store
from tests.unit.console.conftest import Asked, ok, person, problem, token
from tests.unit.services.conftest import Time

PASSWORD = "correct horse 电池"
OTHER = "another secret 1"
WHY = {"scope": "account:shop", "why": "test"}


def stored(password: str) -> str:
    return hash_octets(password.encode(), n=2**10)


@dataclass
class Browser:
    """Keeps its cookie as a browser does, and sends the header as the page does."""

    client: httpx.AsyncClient
    csrf: str = ""

    async def sign_in(self, name: str, password: str = PASSWORD, code: str = "") -> httpx.Response:
        body = {"name": name, "password": password, "code": code}
        answer = await self.client.post("/api/session", json=body)
        if answer.status_code == 200:
            self.csrf = answer.json()["csrf"]
        return answer

    async def get(self, path: str) -> httpx.Response:
        return await self.client.get(path)

    async def post(self, path: str, body: object) -> httpx.Response:
        return await self.client.post(path, json=body, headers={"x-csrf-token": self.csrf})


class Office:
    """A console whose people.toml and real time a test changes."""

    def __init__(self, site: Site, store: Store, time: Time, directory: Path) -> None:
        self.now_ms = RealClock().now_ms()
        enrolled = enrol("zhao", store.sealer)
        self.totp = TOTP(parse_qs(urlsplit(enrolled.uri).query)["secret"][0])
        self.uri = enrolled.uri
        self.people: dict[str, PersonSettings] = {
            "li": PersonSettings(name="li", roles=("engineer", "viewer"), password=stored(PASSWORD)),
            "zhao": PersonSettings(name="zhao", roles=("viewer",), password=stored(PASSWORD), totp=enrolled.stored),
            "crm": person("crm", "viewer"),
        }
        self.file = directory / "people.toml"
        self.write()
        self.site = replace(site, directory=directory, people=dict(self.people))
        self.app = build_app(self.site, store, lambda: time.now_ms, real_ms=lambda: self.now_ms)
        self.clients: list[httpx.AsyncClient] = []

    def write(self) -> None:
        """People.toml as ``people`` is now."""
        lines = []
        for each in self.people.values():
            keys = {"token": each.token, "password": each.password, "totp": each.totp}
            lines += ["[[person]]", f'name = "{each.name}"', f"roles = {list(each.roles)}"]
            lines += [f'{key} = "{value}"' for key, value in keys.items() if value]
        self.file.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def browser(self, scheme: str = "http") -> Browser:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        client = httpx.AsyncClient(transport=transport, base_url=f"{scheme}://localhost:8776")
        self.clients.append(client)
        return Browser(client)

    def code(self, steps: int = 0) -> str:
        return self.totp.at(self.now_ms // 1000 + 30 * steps)


@pytest.fixture
async def office(site: Site, store: Store, time: Time, tmp_path: Path) -> AsyncIterator[Office]:
    office = Office(site, store, time, tmp_path)
    yield office
    for client in office.clients:
        await client.aclose()


async def test_signing_in_and_out(office: Office) -> None:
    browser = office.browser()
    answer = await browser.sign_in("li")
    found = ok(answer)
    assert {"GET /api/pauses", "POST /api/pauses", "GET /api/audit"} < set(found.pop("rights"))
    assert found == {"name": "li", "roles": ["engineer", "viewer"], "accounts": None, "csrf": browser.csrf}
    said = answer.headers["set-cookie"].lower()
    assert all(word in said for word in ("httponly", "samesite=strict", "path=/"))
    assert "secure" not in said
    assert ok(await browser.get("/api/me"))["name"] == "li"
    assert ok(await browser.get("/api/session"))["csrf"] == browser.csrf
    kept = dict(browser.client.cookies)
    assert ok(await browser.post("/api/session/end", {})) == {"ended": 1}
    assert not browser.client.cookies
    assert "sign in, or send" in problem(await browser.get("/api/me"), 401)
    browser.client.cookies.update(kept)
    assert "the session is over" in problem(await browser.get("/api/me"), 401)


async def test_over_tls_the_cookie_is_for_tls_alone(office: Office) -> None:
    answer = await office.browser("https").sign_in("li")
    assert "secure" in answer.headers["set-cookie"].lower()


async def test_a_change_needs_the_header_beside_the_cookie(office: Office) -> None:
    browser, other = office.browser(), office.browser()
    await other.sign_in("li")
    await browser.sign_in("li")
    right, wrong = browser.csrf, ["", "x", other.csrf, "é"]
    for csrf in wrong:
        headers = {"x-csrf-token": csrf.encode()}
        assert "X-CSRF-Token" in problem(await browser.client.post("/api/pauses", json=WHY, headers=headers), 403)
    assert (await browser.get("/api/pauses")).json()["items"] == []
    browser.csrf = right
    ok(await browser.post("/api/pauses", WHY))
    assert len(ok(await browser.get("/api/pauses"))["items"]) == 1


@pytest.mark.parametrize(
    ("name", "password"),
    [("li", OTHER), ("li", ""), ("nobody", PASSWORD), ("crm", PASSWORD), ("crm", ""), ("", ""), ("l\ni", PASSWORD)],
)
async def test_who_is_not_let_in(office: Office, name: str, password: str) -> None:
    answer = await office.browser().sign_in(name, password)
    assert problem(answer, 401) == "name, password or code is not right"
    assert "set-cookie" not in answer.headers


async def test_guessing_closes_the_door_but_not_for_who_is_in(office: Office) -> None:
    browser, guesser = office.browser(), office.browser()
    ok(await browser.sign_in("li"))
    for _ in range(FAILURES):
        problem(await guesser.sign_in("li", OTHER), 401)
    assert "too many failed attempts" in problem(await guesser.sign_in("li"), 429)
    ok(await browser.get("/api/me"))


async def test_a_code_is_good_once_and_for_a_little_while(office: Office) -> None:
    assert "issuer=smsgw" in office.uri
    for code in ("", "000000x", office.code(-3), office.code(3)):
        problem(await office.browser().sign_in("zhao", code=code), 401)
    problem(await office.browser().sign_in("zhao", OTHER, office.code()), 401)
    ok(await office.browser().sign_in("zhao", code=office.code()[:3] + " " + office.code()[3:]))
    problem(await office.browser().sign_in("zhao", code=office.code()), 401)
    ok(await office.browser().sign_in("zhao", code=office.code(1)))
    ok(await office.browser().sign_in("zhao", code=office.code(-1)))


async def test_a_secret_of_codes_made_for_somebody_else_is_told(office: Office) -> None:
    office.people["li"] = office.people["li"].model_copy(update={"totp": office.people["zhao"].totp})
    office.write()
    said = problem(await office.browser().sign_in("li", code=office.code()), 409)
    assert "was not made by `smsgw console totp li` here" in said


async def test_a_session_has_an_end(office: Office) -> None:
    browser = office.browser()
    await browser.sign_in("li")
    office.now_ms += MOST_MS - 1
    ok(await browser.get("/api/me"))
    office.now_ms += 1
    assert (await browser.get("/api/sessions")).status_code == 401
    office.now_ms -= MOST_MS
    problem(await browser.get("/api/me"), 401)


async def test_an_idle_session_is_forgotten_and_a_used_one_is_not(office: Office, store: Store) -> None:
    browser = office.browser()
    await browser.sign_in("li")
    (key,) = await store.command(0, "KEYS", "*:session:*")
    assert browser.client.cookies["smsgw_session"].partition("~")[2].encode() not in key
    await store.command(0, "PEXPIRE", key, 60_000)
    assert ok_list(await browser.get("/api/sessions"))[0]["idle_s"] < 60
    assert IDLE_MS - 60_000 < await store.command(0, "PTTL", key) <= IDLE_MS
    await store.command(0, "DEL", key)
    problem(await browser.get("/api/me"), 401)


def ok_list(answer: httpx.Response) -> list[dict[str, Any]]:
    """The list of an answer that must be good."""
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert isinstance(found, list)
    return found


async def test_sessions_are_listed_and_ended_each_or_all(office: Office) -> None:
    one, two, three, other = (office.browser() for _ in range(4))
    for browser in (one, two, three):
        await browser.sign_in("li")
        office.now_ms += 1000
    await other.sign_in("zhao", code=office.code())
    rows = ok_list(await one.get("/api/sessions"))
    assert [row["here"] for row in rows] == [True, False, False]
    assert all(row["address"] == "127.0.0.1" for row in rows)
    assert "no such session of zhao" in problem(await other.post("/api/session/end", {"which": rows[1]["id"]}), 404)
    assert ok(await one.post("/api/session/end", {"which": rows[1]["id"]})) == {"ended": 1}
    problem(await two.get("/api/me"), 401)
    ok(await three.get("/api/me"))
    assert ok(await one.post("/api/session/end", {"which": "all"})) == {"ended": 2}
    problem(await three.get("/api/me"), 401)
    problem(await one.get("/api/me"), 401)
    ok(await other.get("/api/me"))


@pytest.mark.parametrize("change", [{"password": stored(OTHER)}, {"enabled": False}, {"password": ""}, None])
async def test_who_is_changed_in_the_file_is_out_at_once(office: Office, change: dict[str, object] | None) -> None:
    browser = office.browser()
    await browser.sign_in("li")
    if change is None:
        del office.people["li"]
    else:
        office.people["li"] = office.people["li"].model_copy(update={"token": person("li", "viewer").token, **change})
    office.write()
    if change == {"enabled": False}:
        office.file.write_text(office.file.read_text().replace('"li"', '"li"\nenabled = false'))
    problem(await browser.get("/api/me"), 401)


async def test_another_role_is_in_force_without_signing_in_again(office: Office) -> None:
    browser = office.browser()
    await browser.sign_in("li")
    office.people["li"] = office.people["li"].model_copy(update={"roles": ("viewer",)})
    office.write()
    assert ok(await browser.get("/api/me"))["roles"] == ["viewer"]
    problem(await browser.post("/api/pauses", WHY), 403)


async def test_programs_with_tokens_have_no_session_and_need_no_header(office: Office) -> None:
    asked = Asked(office.browser().client, "crm")
    assert "has no session" in problem(await asked.get("/api/session"), 404)
    assert ok_list(await asked.get("/api/sessions")) == []
    assert ok(await asked.post("/api/session/end", {"which": "all"})) == {"ended": 0}
    assert "no such session" in problem(await asked.post("/api/session/end", {}), 404)


async def test_a_token_beside_a_cookie_is_what_counts(office: Office) -> None:
    browser = office.browser()
    await browser.sign_in("li")
    headers = {"authorization": f"Bearer {token('crm')}"}
    assert ok(await browser.client.get("/api/me", headers=headers))["name"] == "crm"
    problem(await browser.client.get("/api/me", headers={"authorization": "Bearer li~x"}), 401)


async def test_the_audit_log_tells_who_was_in_and_nothing_secret(office: Office) -> None:
    browser = office.browser()
    await browser.sign_in("li")
    page = await browser.get("/api/audit?action=session.&who=li")
    await browser.post("/api/session/end", {})
    await browser.sign_in("li")
    after = await browser.get("/api/audit?action=session.&who=li")
    assert [row["action"] for row in ok(page)["items"]][:1] == ["session.begin"]
    assert [row["action"] for row in ok(after)["items"]][:3] == ["session.begin", "session.end", "session.begin"]
    assert ok(after)["items"][0]["detail"] == {"address": "127.0.0.1"}
    assert PASSWORD not in after.text
    assert browser.client.cookies["smsgw_session"] not in after.text
