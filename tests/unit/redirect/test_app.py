"""The redirect server: where it sends people, what it counts, and what it says when it can't."""

from __future__ import annotations

from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from smsgw.errors import StoreAway
from smsgw.records.log import Fsync, RecordLog
from smsgw.records.query import query
from smsgw.records.record import Record, Step
from smsgw.redirect import app
from smsgw.redirect.app import FRESH_S, Redirects
from smsgw.store.links import StoredLink

NOW_MS = 1_790_000_000_000
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile Safari/604.1"
LINK = StoredLink("aB3dE6gH", "shop", 2, "示例商城", "sale@1", "may", "https://example.com/a?b=%20", NOW_MS + 1_000_000)


class _World:
    """A server over links that a test sets, and a client that is a telephone."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.links: dict[str, StoredLink] = {LINK.token: LINK}
        self.asked: list[str] = []
        self.is_away = False
        self.now_s = 1000.0
        self.now_ms = NOW_MS
        self.log = RecordLog(directory, "node1-links", lambda: NOW_MS, fsync=Fsync.NEVER)
        self.made(path="/s", per_minute=50)

    def made(self, **options: object) -> None:
        self.app = Redirects(
            self,
            self.log,
            self.business_ms,
            lambda: self.now_ms,
            lambda: self.now_s,
            **options,  # type: ignore[arg-type]
        )
        transport = httpx.ASGITransport(self.app, client=("127.0.0.1", 1))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://s.cn", headers={"user-agent": PHONE})

    async def business_ms(self) -> int:
        return NOW_MS

    async def get(self, token: str) -> StoredLink | None:
        self.asked.append(token)
        if self.is_away:
            raise StoreAway("no connection")
        return self.links.get(token)

    async def status(self, path: str, method: str = "GET", **headers: str) -> int:
        return (
            await self.client.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
        ).status_code

    def clicks(self) -> list[Record]:
        return query(self.directory, step=int(Step.CLICKED))


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[_World]:
    world = _World(tmp_path)
    yield world
    world.log.close()
    await world.client.aclose()


async def test_a_person_is_sent_on_and_counted_before(world: _World) -> None:
    answer = await world.client.get("/s/aB3dE6gH")
    assert (answer.status_code, answer.headers["location"], answer.content) == (302, LINK.url, b"")
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert not {"set-cookie", "server"} & set(answer.headers)
    (click,) = world.clicks()
    assert (click.account, click.message_class, click.signature) == ("shop", 2, "示例商城")
    assert click.detail == ("sale@1", "may", "aB3dE6gH")
    assert (click.message_id, click.recipient_hash, click.recipient_masked) == ("", "", "")


@pytest.mark.parametrize(
    "path", ["/s/aB3dE6gH", "/aB3dE6gH", "/s/aB3dE6gH。看", "/s/aB3dE6gH%E7%9C%8B", "/s/aB3dE6gH,", "/s/aB3dE6gH?x=1"]
)
async def test_what_telephones_make_of_a_link_leads_there_too(world: _World, path: str) -> None:
    assert await world.status(path) == 302
    assert len(world.clicks()) == 1


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/s",
        "/s/",
        "/s/short",
        "/s/aB3dE6gHx",
        "/s/unknown0",
        "/s/../etc/passwd",
        "/s/https://evil.com",
        "//evil.com",
    ],
)
async def test_what_leads_nowhere(world: _World, path: str) -> None:
    answer = await world.client.get(path)
    assert answer.status_code == 404
    assert "链接无效或已过期" in answer.text
    assert "not known" in answer.text
    assert "location" not in answer.headers
    assert world.clicks() == []


@pytest.mark.parametrize("url", ["javascript:alert(1)", "ftp://example.com", "//example.com", "https://a@example.com/"])
async def test_nobody_is_sent_anywhere_but_to_the_web(world: _World, url: str) -> None:
    world.links[LINK.token] = LINK._replace(url=url)
    assert await world.status("/s/aB3dE6gH") == 404


async def test_machines_and_looks_are_no_clicks(world: _World) -> None:
    assert await world.status("/s/aB3dE6gH", "HEAD") == 302
    assert await world.status("/s/aB3dE6gH", user_agent="WhatsApp/2.23") == 302
    assert await world.status("/s/aB3dE6gH", user_agent="") == 302
    assert await world.status("/s/aB3dE6gH", sec_purpose="prefetch") == 302
    assert world.clicks() == []
    assert (world.app.clicks, world.app.machines) == (0, 3)


async def test_other_requests(world: _World) -> None:
    assert await world.status("/s/aB3dE6gH", "POST") == 405
    assert await world.status("/s/aB3dE6gH", "DELETE") == 405
    robots = await world.client.get("/robots.txt")
    assert "Disallow: /" in robots.text
    assert (await world.client.get("/healthz")).json() == {"status": "ok"}
    world.is_away = True
    assert await world.status("/healthz") == 503


async def test_what_was_followed_lately_leads_on_while_redis_is_away(world: _World) -> None:
    world.links["other000"] = LINK._replace(token="other000")
    assert await world.status("/s/aB3dE6gH") == 302
    world.is_away = True
    world.now_s += FRESH_S + 1
    assert await world.status("/s/aB3dE6gH") == 302
    assert await world.status("/s/aB3dE6gH") == 302
    assert world.asked == ["aB3dE6gH", "aB3dE6gH"]  # not again within a second
    away = await world.client.get("/s/other000")
    assert away.status_code == 503
    assert away.headers["retry-after"] == "5"
    assert "暂时不可用" in away.text
    assert len(world.clicks()) == 3
    world.now_ms = LINK.until_ms
    assert await world.status("/s/aB3dE6gH") == 503


async def test_a_link_is_looked_up_again_after_a_while(world: _World) -> None:
    for _ in range(2):
        assert await world.status("/s/aB3dE6gH") == 302
    assert world.asked == ["aB3dE6gH"]
    world.now_s += FRESH_S
    del world.links["aB3dE6gH"]
    assert await world.status("/s/aB3dE6gH") == 404


async def test_memory_is_bounded(world: _World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "MOST_KNOWN", 2)
    world.links = {token: LINK._replace(token=token) for token in ("link0001", "link0002", "link0003")}
    for token in world.links:
        assert await world.status(f"/{token}") == 302
    assert await world.status("/link0003") == 302
    assert await world.status("/link0001") == 302
    assert world.asked == ["link0001", "link0002", "link0003", "link0001"]


async def test_who_comes_too_often_is_told_to_wait_each_by_their_own_address(world: _World) -> None:
    world.made(proxies=(ip_network("127.0.0.1/32"),), per_minute=2)
    for status in (302, 302, 429):
        assert await world.status("/aB3dE6gH", x_forwarded_for="198.51.100.1") == status
    assert await world.status("/aB3dE6gH", x_forwarded_for="198.51.100.2") == 302
    world.now_s += 60
    assert await world.status("/aB3dE6gH", x_forwarded_for="198.51.100.1") == 302


async def test_nothing_of_who_came_is_written(world: _World) -> None:
    world.made(proxies=(ip_network("127.0.0.1/32"),))
    assert await world.status("/aB3dE6gH", x_forwarded_for="198.51.100.77", referer="https://mail.example.net") == 302
    world.log.close()
    written = b"".join(path.read_bytes() for path in world.directory.iterdir())
    assert b"aB3dE6gH" in written
    for secret in (b"198.51", b"iPhone", b"mail.example", b"example.com"):
        assert secret not in written
