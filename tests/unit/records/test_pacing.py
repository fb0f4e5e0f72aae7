"""Turns of a child: when it may run freely, that it stands meanwhile, and that it never stays so."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from smsgw.records import pacing
from smsgw.records.pacing import Spent, has_room, paced, spent

BUSY = "while True: pass"
ASKS_AND_DIES = """
import asyncio, os, signal, sys
from functools import partial
from smsgw.records import pacing
from smsgw.records.worker import Worker
from tests.unit.records.test_pacing import _state
from tests.unit.records.test_worker import Source, endless, whole
pacing.has_room = lambda *_: False

async def main():
    worker = Worker(partial(Source, "all"))
    print((await worker.ask(whole))[2], flush=True)
    task = asyncio.create_task(worker.ask(endless, sys.argv[1]))
    await _state(worker.pid, "T")
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""

pytestmark = pytest.mark.skipif(not Path("/proc/stat").exists(), reason="turns need Linux's /proc")


@asynccontextmanager
async def busy() -> AsyncIterator[int]:
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", BUSY)
    try:
        yield child.pid
    finally:
        child.kill()
        await child.wait()


@pytest.mark.parametrize(
    ("cores", "idle_cores", "own_cores", "expected"),
    [
        (2, 1.0, 1.0, True),  # nobody else is there
        (2, 0.6, 1.0, True),
        (2, 0.3, 1.0, False),
        (2, 0.9, 0.1, False),  # in turns: others use a whole core
        (2, 1.45, 0.1, True),
        (8, 0.6, 1.0, True),
        (1, 0.0, 1.0, True),
        (1, 0.5, 0.1, False),
    ],
)
def test_it_runs_freely_where_a_core_and_a_half_are_left(
    cores: int, idle_cores: float, own_cores: float, expected: bool
) -> None:
    assert has_room(Spent(10, 100, 7), Spent(12, 100 + 2 * idle_cores, 7 + 2 * own_cores), cores) is expected


async def test_accounts_are_of_the_child_and_of_the_machine() -> None:
    async with busy() as pid:
        before = spent(pid)
        async with asyncio.timeout(60):
            while spent(pid).own < before.own + 0.05:
                await asyncio.sleep(0.01)
        now = spent(pid)
        assert now.at > before.at
        assert now.idle >= before.idle


async def test_it_stands_between_turns_and_runs_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "has_room", lambda *_: False)
    async with busy() as pid:
        async with paced(pid):
            for _ in range(3):
                await _state(pid, "T")
                await _state(pid, "RS")
        await _state(pid, "RS")
        await asyncio.sleep(2 * pacing.BREAK_S)
        assert _state_of(pid) in "RS"


async def test_it_runs_where_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = asyncio.Event()

    def room(*_: object) -> bool:
        looked.set()
        return True

    monkeypatch.setattr(pacing, "has_room", room)
    async with busy() as pid, paced(pid):
        await looked.wait()
        for _ in range(20):
            await asyncio.sleep(pacing.BREAK_S / 10)
            assert _state_of(pid) in "RS"


async def test_a_child_that_has_ended_is_nobodys_mistake() -> None:
    async with busy() as pid:
        pass
    async with paced(pid):
        await asyncio.sleep(0.01)


async def test_a_child_that_stands_ends_with_who_asked_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ASKS_AND_DIES, str(tmp_path / "began")]
    asking = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert asking.stdout is not None
    with asking.stdout:
        pid = int(await asyncio.to_thread(asking.stdout.readline))
    await asyncio.to_thread(asking.wait)
    async with asyncio.timeout(60):
        while _exists(pid):
            await asyncio.sleep(0.01)


def _state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return _state_of(pid) != "Z"


async def _state(pid: int, wanted: str) -> None:
    async with asyncio.timeout(60):
        while _state_of(pid) not in wanted:
            await asyncio.sleep(0.001)
