"""Two processes that follow versions on one real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import pytest

from smsgw.errors import ConfigError
from smsgw.gateway import reload
from smsgw.gateway.reload import Reloader
from smsgw.policy.error_watch import ErrorWatch, Totals
from smsgw.store.publishing import publish
from smsgw.store.versions import Trial, Version, VersionStore
from tests.store.kit import NOW_MS, Kit, until
from tests.store.test_versions import entry


class Follower:
    """A process whose site is only the text of one file; ``cannot`` is text that it can't run."""

    def __init__(self, kit: Kit, node: str, running: int = 1, cannot: str = "") -> None:
        self.put: list[tuple[str, int]] = []
        self.events: list[str] = []
        self.totals = Totals()
        self.cannot = cannot
        self.reloader: Reloader[str] = Reloader(
            kit.store, node, running, {}, self._build, self._put,
            lambda: self.totals, ErrorWatch(0.1, 10), lambda: NOW_MS, lambda event, fields: self.events.append(event),
        )  # fmt: skip

    def _build(self, files: Mapping[str, str]) -> str:
        if self.cannot and self.cannot in files["routes.toml"]:
            raise ConfigError("routes.toml", 3, "ca", "there is no such file here")
        return files["routes.toml"]

    def _put(self, site: str, number: int) -> None:
        self.put.append((site, number))
        if site == "poison":
            raise KeyError(site)

    @property
    def running(self) -> int:
        return self.reloader.running


Follow = Callable[..., Awaitable[Follower]]


@pytest.fixture
async def follow(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Follow]:
    """Makes running followers; version 1, "one", is in force."""
    monkeypatch.setattr(reload, "PERIOD_S", 0.05)
    versions = VersionStore(kit.store)
    await apply(versions, "one")
    tasks: list[asyncio.Task[None]] = []

    async def start(node: str, running: int = 1, cannot: str = "") -> Follower:
        follower = Follower(kit, node, running, cannot)
        tasks.append(asyncio.ensure_future(follower.reloader.run()))
        while node not in [each.node for each in await versions.fleet()]:
            await asyncio.sleep(0.001)
        return follower

    yield start
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def apply(versions: VersionStore, text: str, trial: Trial = "", for_s: float = 60.0) -> str:
    """Empty when it is in force."""
    version = Version(0, text, "amy", text, NOW_MS, "proposed")
    return (await publish(versions, version, {"routes.toml": text}, trial, for_s, entry)).refused


async def test_every_process_changes_over(kit: Kit, follow: Follow) -> None:
    a, b = await follow("a"), await follow("b")
    assert await apply(VersionStore(kit.store), "two") == ""
    assert a.put == b.put == [("two", 2)]
    assert (a.running, b.running) == (2, 2)


async def test_what_one_process_cannot_run_no_process_runs(kit: Kit, follow: Follow) -> None:
    a, b = await follow("a"), await follow("b", cannot="two")
    refused = await apply(VersionStore(kit.store), "two")
    assert refused == "b can't run it: routes.toml:3: ca: there is no such file here"
    assert a.put == b.put == []
    assert await apply(VersionStore(kit.store), "three") == ""
    assert a.put == b.put == [("three", 3)]


async def test_errors_that_rise_on_one_process_take_it_back_from_all(kit: Kit, follow: Follow) -> None:
    a, b = await follow("a"), await follow("b")
    versions = VersionStore(kit.store)
    await apply(versions, "two", "confirm")
    b.totals = Totals(refused=20, asked=20)
    await until(lambda: a.running == b.running == 1)
    assert a.put == b.put == [("two", 2), ("one", 1)]
    ended = await versions.get(2)
    assert ended is not None
    assert ended.ended.startswith("b: messages refused to applications: 100.0% of 20")
    assert b.events.count("site.rolled_back") + a.events.count("site.rolled_back") == 1


async def test_a_version_that_breaks_a_running_process_is_taken_back_and_the_one_before_put_again(
    kit: Kit, follow: Follow
) -> None:
    a = await follow("a")
    await apply(VersionStore(kit.store), "two")
    await apply(VersionStore(kit.store), "poison", "confirm")
    await until(lambda: a.put == [("two", 2), ("poison", 3), ("two", 2)])
    ended = await VersionStore(kit.store).get(3)
    assert ended is not None
    assert ended.ended == "a can't run it: KeyError: 'poison'"


async def test_a_confirmed_version_is_not_watched_any_more(kit: Kit, follow: Follow) -> None:
    a = await follow("a")
    versions = VersionStore(kit.store)
    await apply(versions, "two", "roll back")
    await versions.confirm(await versions.now(), entry("version.confirm", 2, "good"))
    a.totals = Totals(refused=20, asked=20)
    await asyncio.sleep(0.05)
    await apply(versions, "three")
    assert a.put == [("two", 2), ("three", 3)]


async def test_whoever_was_away_catches_up(kit: Kit, follow: Follow) -> None:
    await apply(VersionStore(kit.store), "two")
    late = await follow("late", running=1)
    await until(lambda: late.put)
    assert late.put == [("two", 2)]


async def test_a_version_on_trial_that_a_late_process_cannot_run_goes_back(kit: Kit, follow: Follow) -> None:
    a = await follow("a")
    await apply(VersionStore(kit.store), "two", "roll back")
    late = await follow("late", cannot="two")
    await until(lambda: a.running == 1)
    assert late.put == []
    assert "site.unusable" in late.events
