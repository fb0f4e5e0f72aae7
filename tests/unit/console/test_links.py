"""Short links over HTTP: by template and campaign, of the accounts that somebody sees."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from smsgw.config.site import Site
from smsgw.console.app import build_app
from smsgw.records.archive import raw
from smsgw.records.record import Step
from smsgw.store.connection import Store
from smsgw.store.links import Links, NewLink, StoredLink, real_ms
from tests.unit.console.conftest import Asked, ok, problem
from tests.unit.records.archive.world import HOUR, World
from tests.unit.services.conftest import Time

URL = "https://shop.example.com/a?phone=13800138000"


async def remembered(store: Store, links: Iterable[StoredLink]) -> None:
    """In the store, as a gateway writes them."""
    each = Links(store, real_ms)
    writing = asyncio.create_task(each.commit.run())
    for link in links:
        each.put(NewLink(None, link.token.encode().ljust(16), link))
    await each.commit.drain()
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Three clicks of shop's campaign, one of a template whose links have ended, one of login's."""
    monkeypatch.setattr(raw, "LOCK_KEPT_S", 0.0)
    world = World(tmp_path / "state" / "records")
    clicks = [("shop", "sale@1", "may")] * 3 + [("shop", "gone@1", ""), ("login", "", "")]
    world.write(
        [
            (HOUR + n, int(Step.CLICKED), "", account, "", 2, "", "", 0, 0, "", "", 0, template, campaign, "token000")
            for n, (account, template, campaign) in enumerate(clicks)
        ]
    )
    return world


@pytest.fixture
async def here(site: Site, world: World, store: Store, time: Time) -> httpx.AsyncClient:
    records = site.file.records.model_copy(update={"directory": str(world.directory)})
    app = build_app(replace(site, file=site.file.model_copy(update={"records": records})), store, lambda: time.now_ms)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    until = real_ms() + 86_400_000
    await remembered(
        store,
        [
            StoredLink("link0001", "shop", 2, "示例商城", "sale@1", "may", URL, until),
            StoredLink("link0002", "shop", 2, "示例商城", "sale@1", "may", "https://shop.example.com/b", until),
            StoredLink("link0003", "login", 1, "示例科技", "", "", "https://example.com/c", until),
        ],
    )
    return httpx.AsyncClient(transport=transport, base_url="http://localhost:8776")


async def test_links_and_clicks_by_template_and_campaign(here: httpx.AsyncClient, world: World) -> None:
    before = ok(await Asked(here, "viewer").get("/api/links"))
    assert [(row["campaign"], row["clicked"], row["links"]) for row in before["rows"]] == [("may", 0, 2), ("", 0, 1)]
    world.round()
    found = ok(await Asked(here, "viewer").get("/api/links", days=366))
    assert (found["is_on"], found["base_url"], found["more"]) == (False, "", 0)
    rows = [(each["account"], each["template"], each["clicked"], each["links"]) for each in found["rows"]]
    assert rows == [("shop", "sale@1", 3, 2), ("login", "", 1, 0), ("shop", "gone@1", 1, 0), ("login", "", 0, 1)]
    first = found["rows"][0]
    assert first["targets"] == ["shop.example.com/a…", "shop.example.com/b"]
    assert (first["message_class"], first["delivered"], first["click_rate"]) == ("marketing", 0, None)
    assert "13800138000" not in str(found)


async def test_a_team_sees_only_its_own(here: httpx.AsyncClient, world: World) -> None:
    world.round()
    found = ok(await Asked(here, "application").get("/api/links", days=366))
    assert {each["account"] for each in found["rows"]} == {"shop"}
    problem(await Asked(here, "application").get("/api/links", account="login"), 403)
    only = ok(await Asked(here, "viewer").get("/api/links", account="shop", campaign="may", days=366))
    assert [(each["campaign"], each["clicked"]) for each in only["rows"]] == [("may", 3)]


@pytest.mark.parametrize("days", [0, 367, "many"])
async def test_other_times_are_refused(here: httpx.AsyncClient, days: int | str) -> None:
    problem(await Asked(here, "viewer").get("/api/links", days=days), 400)
