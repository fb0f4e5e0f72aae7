"""Keepers of the archive beside each other, and the one that comes with a console and ends with it."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from smsgw.config.load import load_site
from smsgw.config.site import Site
from smsgw.console.keeping import keeping
from tests.e2e.gateway import EXAMPLE

pytestmark = pytest.mark.e2e
_PATIENCE_S = 30.0


@pytest.fixture
def site(tmp_path: Path) -> Site:
    directory = tmp_path / "site"
    shutil.copytree(EXAMPLE, directory, ignore=shutil.ignore_patterns("state"))
    return load_site(directory)


def keeper(site: Site, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        command = [sys.executable, "-m", "smsgw", "archive", "keep", "--leashed", "--every", "1"]
        return subprocess.Popen(
            [*command, "--site", str(site.directory)], stdin=subprocess.PIPE, stdout=output, stderr=output
        )


def wait_for(condition: Callable[[], object], what: str) -> None:
    end_s = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < end_s, what
        time.sleep(0.02)


def test_one_keeps_and_the_other_stands_by_until_it_ends(site: Site, tmp_path: Path) -> None:
    logs = [tmp_path / f"{number}.log" for number in (1, 2)]
    first = keeper(site, logs[0])
    wait_for(lambda: "records.archive.started" in logs[0].read_text(), "the first keeps")
    second = keeper(site, logs[1])
    try:
        wait_for(lambda: "records.archive.standing_by" in logs[1].read_text(), "the second stands by")
        first.kill()
        wait_for(lambda: "records.archive.started" in logs[1].read_text(), "the second keeps")
        assert second.stdin is not None
        second.stdin.close()
        assert second.wait(_PATIENCE_S) == 0
        assert "records.archive.stopped" in logs[1].read_text()
    finally:
        for process in (first, second):
            process.kill()
            process.communicate()


async def test_it_lives_as_long_as_the_console(site: Site) -> None:
    lock = site.records_dir / "archive" / "keeper"

    def children() -> list[str]:
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                command = path.read_bytes().decode().split("\0")
            except OSError:
                continue
            if "keep" in command and str(site.directory) in command:
                found.append(path.parent.name)
        return found

    async with keeping(site):
        await asyncio.to_thread(wait_for, lock.exists, "the child keeps")
        (child,) = children()
        assert os.getpriority(os.PRIO_PROCESS, int(child)) >= 10
    assert not children()
    off = replace(
        site, file=site.file.model_copy(update={"console": site.console.model_copy(update={"keep_archive": False})})
    )
    async with keeping(off):
        assert not children()
