"""Who is let in: tokens, roles, and what guessing gets."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from smsgw.config.passwords import PasswordChecker
from smsgw.config.site import Site
from smsgw.console.app import build_app
from smsgw.console.people import FAILURES, WITHIN_S, Attempts
from smsgw.store.connection import Store
from tests.unit.console.conftest import Asked, ok, problem, token


async def test_a_token_says_who_it_is(client: httpx.AsyncClient) -> None:
    assert ok(await Asked(client, "root").get("/api/me"))["name"] == "root"
    legal = ok(await Asked(client, "legal").get("/api/me"))
    assert (legal["name"], legal["roles"], legal["accounts"]) == ("legal", ["legal"], None)
    assert "GET /api/audit" in legal["rights"]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic cm9vdDpyb290",
        "Bearer",
        "Bearer x",
        "Bearer root",
        "Bearer root~",
        "Bearer root~wrong",
        f"Bearer legal~{token('root').partition('~')[2]}x",
        f"Bearer {token('nobody')}",
        f"Bearer {token('gone')}",
        "Bearer root~" + "x" * 5000,
        "Bearer rööt~x",
    ],
)
async def test_without_a_known_token_nobody_is_let_in(client: httpx.AsyncClient, header: str) -> None:
    headers = {"authorization": header.encode("latin-1")} if header else {}
    answer = await client.get("/api/me", headers=headers)
    assert problem(answer, 401)
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "~" not in answer.text


async def test_a_token_is_verified_slowly_once(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = 0
    verify = PasswordChecker.verify

    def counted(self: PasswordChecker, stored: str, password: bytes) -> bool:
        nonlocal slow
        slow += 1
        return verify(self, stored, password)

    monkeypatch.setattr(PasswordChecker, "verify", counted)
    for _ in range(5):
        ok(await Asked(client, "root").get("/api/me"))
    assert slow == 1


async def test_guessing_closes_the_door_but_not_for_who_is_known(client: httpx.AsyncClient) -> None:
    root = Asked(client, "root")
    ok(await root.get("/api/me"))
    guesses = [client.get("/api/me", headers={"authorization": f"Bearer root~{n}"}) for n in range(FAILURES + 5)]
    statuses = sorted([answer.status_code for answer in await asyncio.gather(*guesses)])
    assert statuses == [401] * FAILURES + [429] * 5
    late = await client.get("/api/me", headers={"authorization": f"Bearer {token('legal')}"})
    assert "too many failed attempts" in problem(late, 429)
    assert 1 <= int(late.headers["retry-after"]) <= WITHIN_S + 1
    ok(await root.get("/api/me"))


def test_the_door_opens_again() -> None:
    now_s = 100.0
    attempts = Attempts(lambda: now_s)
    for _ in range(FAILURES - 1):
        attempts.failed("192.0.2.1")
    assert attempts.wait_s("192.0.2.1") == 0
    attempts.failed("192.0.2.1")
    now_s += 10
    assert attempts.wait_s("192.0.2.1") == WITHIN_S - 10
    assert attempts.wait_s("192.0.2.2") == 0
    now_s += WITHIN_S - 10
    assert attempts.wait_s("192.0.2.1") == 0
    attempts.failed("192.0.2.1")
    assert attempts.wait_s("192.0.2.1") == 0


def test_what_is_remembered_of_addresses_is_bounded() -> None:
    attempts = Attempts(lambda: 0.0)
    for n in range(20_000):
        attempts.failed(str(n))
    assert len(attempts._failed) == 10_000


async def test_a_change_of_the_file_is_in_force_with_the_next_request(
    site: Site, store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = replace(site, directory=tmp_path, people={name: site.people[name] for name in ("root", "legal")})
    file = tmp_path / "people.toml"
    transport = httpx.ASGITransport(build_app(own, store, lambda: 0))

    def write(*people: tuple[str, str]) -> None:
        tables = [f'[[person]]\nname = "{n}"\nroles = {r}\ntoken = "{site.people[n].token}"\n' for n, r in people]
        file.write_text("\n".join(tables), encoding="utf-8")

    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        root, legal, market = (Asked(client, name) for name in ("root", "legal", "market"))
        assert ok(await root.get("/api/me"))
        assert ok(await legal.get("/api/me"))["roles"] == ["legal"]
        write(("legal", '["legal", "viewer"]'), ("market", '["market"]'))
        assert problem(await root.get("/api/me"), 401)
        assert ok(await legal.get("/api/me"))["roles"] == ["legal", "viewer"]
        assert ok(await market.get("/api/me"))["roles"] == ["market"]
        file.write_text("[[person]]\nname = 1\n", encoding="utf-8")
        assert ok(await legal.get("/api/me"))
        assert "console.people_unusable" in caplog.messages
        file.unlink()
        assert problem(await legal.get("/api/me"), 401)
