"""Which version a process starts with: its files, or the one in force."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from smsgw.config.bundle import Bundle
from smsgw.config.load import load_node, load_site
from smsgw.config.site import Site
from smsgw.errors import ConfigError
from smsgw.in_force import Builder, choose
from smsgw.store.audit import AuditEntry
from smsgw.store.connection import Store
from smsgw.store.publishing import publish
from smsgw.store.versions import Process, Version, VersionStore
from tests.unit.services.conftest import EXAMPLE, NOW_MS


def entry(action: str, number: int, why: str) -> AuditEntry:
    return AuditEntry(NOW_MS, "amy", action, f"version {number}", why)


class Start:
    """A site directory and one store; ``edit`` changes a file, ``start`` chooses as a process would."""

    def __init__(self, store: Store, directory: Path) -> None:
        self.store = store
        self.directory = directory
        self.versions = VersionStore(store)

    def edit(self, old: str, new: str, name: str = "carriers/alpha.toml") -> None:
        path = self.directory / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    async def start(self, applied: bool = False) -> tuple[Site, int]:
        site = load_node(self.directory) if applied else load_site(self.directory)
        return await choose(site, Builder(site), self.store, lambda: NOW_MS, applied)

    async def runs(self, number: int, window: int, applied: bool = False) -> None:
        site, found = await self.start(applied)
        assert (found, site.carriers["alpha"].window) == (number, window)

    async def roll_back(self, to: int) -> None:
        await self.versions.roll_back(await self.versions.now(), to, "bad", entry("version.rollback", 0, "bad"))


@pytest.fixture
def start(store: Store, tmp_path: Path) -> Start:
    directory = tmp_path / "site"
    shutil.copytree(EXAMPLE, directory, ignore=shutil.ignore_patterns("state"))
    return Start(store, directory)


async def test_new_files_are_a_new_version_and_the_same_files_are_none(start: Start) -> None:
    await start.runs(1, 10)
    await start.runs(1, 10)
    start.edit("window = 10", "window = 20")
    await start.runs(2, 20)
    start.edit("2775", "2999", "smsgw.toml")
    await start.runs(2, 20)
    newest = (await start.versions.all())[0]
    assert (newest.who, newest.why, newest.state) == ("smsgw node1", "start", "confirmed")


async def test_files_that_were_rolled_back_do_not_come_back(start: Start) -> None:
    await start.runs(1, 10)
    start.edit("window = 10", "window = 20")
    await start.runs(2, 20)
    await start.roll_back(1)
    await start.runs(1, 10)
    start.edit("window = 20", "window = 30")
    await start.runs(3, 30)


async def test_who_is_alone_may_bring_former_files_back_and_one_of_several_not(start: Start) -> None:
    await start.runs(1, 10)
    start.edit("window = 10", "window = 20")
    await start.runs(2, 20)
    start.edit("window = 20", "window = 10")
    await start.versions.tell(Process("node2", 0, running=2))
    await start.runs(2, 20)
    await start.versions.leave("node2")
    start.edit("window = 10", "window = 30")
    await start.runs(3, 30)
    start.edit("window = 30", "window = 10")
    await start.runs(4, 10)


async def test_old_files_that_only_lay_there_take_nothing_back(start: Start) -> None:
    """Another machine applied a newer version; this one starts first after a failure of all."""
    await start.runs(1, 10)
    files = Bundle.read(start.directory)
    newer = {
        **files.files,
        "carriers/alpha.toml": files.files["carriers/alpha.toml"].replace("window = 10", "window = 20"),
    }
    version = Version(0, Bundle(newer).digest, "amy", "from there", NOW_MS, "proposed")
    await publish(start.versions, version, newer, "", 0.0, entry)
    await start.runs(2, 20)
    await start.runs(2, 20)


async def test_a_start_that_was_killed_halfway_is_in_nobodys_way(start: Start) -> None:
    await start.runs(1, 10)
    files = Bundle.read(start.directory)
    half = Version(2, "half", "smsgw node1", "start", NOW_MS, "proposed")
    await start.versions.propose(await start.versions.now(), half, files.files, entry("version.propose", 2, "start"))
    start.edit("window = 10", "window = 20")
    await start.runs(3, 20)


async def test_the_version_in_force_runs_while_the_files_are_broken(start: Start) -> None:
    with pytest.raises(ConfigError, match="no version was ever in force"):
        await start.start(applied=True)
    await start.runs(1, 10)
    start.edit("window = 10", "window = ten")
    await start.runs(1, 10, applied=True)


async def test_nothing_else_starts_while_a_version_is_on_trial(start: Start) -> None:
    await start.runs(1, 10)
    start.edit("window = 10", "window = 20")
    files = Bundle.read(start.directory)
    version = Version(0, files.digest, "amy", "trial", NOW_MS, "proposed")
    await publish(start.versions, version, files.files, "roll back", 60.0, entry)
    start.edit("window = 20", "window = 30")
    await start.runs(2, 20)


async def test_a_process_that_follows_nobody_runs_its_own_files(start: Start) -> None:
    await start.runs(1, 10)
    start.edit("# follow = false", "follow = false", "smsgw.toml")
    start.edit("window = 10", "window = 20")
    await start.runs(0, 20)
    assert (await start.versions.now()).last == 1
