"""Applications that never read, that come back all at once, and strangers who take every file descriptor."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import socket
import sys
import time
import tomllib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from smsgw.smpp import pdu
from smsgw.smpp.constants import CommandId
from tests.chaos import wording
from tests.chaos.scenario import Scenario, WorldSettings
from tests.chaos.world import BENCH, World
from tests.e2e.gateway import ROOT

_NONE: frozenset[str] = frozenset()
_STORM = 2000
_STORM_S = 120.0
_STORM_NAMES = ("storm-a", "storm-b", "storm-c", "storm-d")
_NEVER_READ = 4
_FILES = 150
_STRANGERS = 300
#: Requests of a client that reads no answer: some megabytes of answers are owed to it.
_FLOOD = pdu.enquire_link(7) * 50_000
_MOST_GROWTH_OCTETS = 80 << 20


# -- never read


async def _never_read(world: World, chance: random.Random) -> None:
    gateway = world.gateways[0]
    async for _ in world.moments(chance, 1):
        assert gateway.process is not None
        before = _resident_octets(gateway.process.pid)
        clients = [_deaf(gateway.port, name) for name in wording.CLASSES for _ in range(_NEVER_READ)]
        world.note(f"{len(clients)} clients are bound, ask without end and never read")
        flooding = [asyncio.create_task(asyncio.to_thread(_flood, client)) for client in clients]
        await world.traffic(100)
        cut = [await each for each in flooding]
        grown = _resident_octets(gateway.process.pid) - before
        world.note(f"{sum(cut)} of them were cut off; the gateway has {grown / 2**20:.0f} MiB more")
        world.promise(all(cut), f"{len(cut) - sum(cut)} clients that never read were not cut off")
        world.promise(grown < _MOST_GROWTH_OCTETS, f"the gateway has {grown / 2**20:.0f} MiB more for them")
        for client in clients:
            client.close()
        await world.traffic()


def _deaf(port: int, account: str) -> socket.socket:
    """A bound client with little room for what it does not read; its account's receipts come to it too."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(20)
    client.connect(("127.0.0.1", port))
    client.sendall(
        pdu.bind(
            int(CommandId.BIND_TRANSCEIVER), 1, system_id=account.encode(), password=wording.PASSWORD.encode(),
            interface_version=0x34,
        )
    )  # fmt: skip
    client.recv(16)
    return client


def _flood(client: socket.socket) -> bool:
    """Ask until the gateway has enough of it, 60 s at most; whether it had."""
    deadline_s = time.monotonic() + 60
    client.settimeout(1)
    while time.monotonic() < deadline_s:
        try:
            client.sendall(_FLOOD)
        except TimeoutError:
            continue
        except OSError:
            return True
    return False


def _resident_octets(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


# -- a storm


async def _come_back(world: World, chance: random.Random) -> None:
    async with _storming(world) as storm:
        await world.until(lambda: storm.told.get("bound") == _STORM, f"{_STORM} clients to be bound", _STORM_S)
        world.note(f"{_STORM} clients are bound")
        async for _ in world.moments(chance, 2):
            begun_s, wanted = time.monotonic(), storm.told["binds"] + _STORM
            storm.again()
            await world.until(
                lambda: storm.told["binds"] >= wanted and storm.told["bound"] == _STORM,  # noqa: B023
                f"all {_STORM} to be bound again",
                _STORM_S,
            )
            world.note(f"all {_STORM} were cut, and are bound again after {time.monotonic() - begun_s:.1f} s")
            await world.traffic()


class _Storm:
    """The process of ``tests.chaos.storm``; ``told`` is its last word."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.told: dict[str, Any] = {}
        self._process = process

    def again(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"again\n")

    async def read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            self.told = json.loads(line)


@contextlib.asynccontextmanager
async def _storming(world: World) -> AsyncIterator[_Storm]:
    with (world.directory / "storm.err").open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.chaos.storm",
            str(world.gateways[0].port), str(_STORM), wording.PASSWORD, *_STORM_NAMES,
            cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=errors,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
    storm = _Storm(process)
    reading = asyncio.create_task(storm.read())
    try:
        yield storm
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        await reading


def _storm_account(settings: WorldSettings) -> WorldSettings:
    account = tomllib.loads((BENCH / "accounts" / "load.toml").read_text(encoding="utf-8"))
    site: dict[str, Any] = {"smsgw.toml": {"listener": {"max_connections": 2 * _STORM + 500}}}
    for place, name in enumerate(_STORM_NAMES):
        number = {"number": f"106900014{place}", "signature": "示例商城"}
        storm = {"system_id": name, "class": "otp", "max_binds": 1000, "window": 5, "numbers": [number]}
        site[f"accounts/{name}.toml"] = {**account, **storm}
    return settings.override(site)


# -- file descriptors


async def _strangers(world: World, chance: random.Random) -> None:
    gateway = world.gateways[0]
    async for _ in world.moments(chance, 2):
        strangers = await asyncio.to_thread(_connect, gateway.port)
        world.note(f"{len(strangers)} strangers connected; the gateway may have {_FILES} files open")
        # A new hour: its file of records has to be opened with what is left.
        gateway.advance(3600)
        await world.traffic(100)
        failing = gateway.status()["records"]["failing"]
        world.promise(not failing, f"no record is written: {failing}")
        world.promise(gateway.is_ready, "/readyz says no")
        for stranger in strangers:
            stranger.close()
        world.note("they went")
        await world.traffic()
    lost = gateway.status()["records"]["lost"]
    world.promise(not lost, f"{lost} rows of records are lost")
    told = gateway.events("app.too_few_files")
    world.promise(told, "the log does not say that the limit of open files is too low")


def _connect(port: int) -> list[socket.socket]:
    """As many as there is room for, and then some: those are refused or closed again."""
    found = []
    for _ in range(_STRANGERS):
        stranger = socket.socket()
        stranger.settimeout(0.2)
        with contextlib.suppress(OSError):
            stranger.connect(("127.0.0.1", port))
        found.append(stranger)
    return found


async def _few_files(world: World) -> None:
    world.wrapper = ("prlimit", f"--nofile={_FILES}:{_FILES}", "--")


SCENARIOS = [
    Scenario(
        "clients-never-read",
        "twelve bound clients ask without end and never read an answer or a receipt: they are cut off",
        _never_read,
        lambda settings: settings.override({"smsgw.toml": {"listener": {"response": "3s"}}}),
        doubles=_NONE,
        least_seconds=20,
    ),
    Scenario(
        "reconnect-storm",
        f"{_STORM} clients are cut and bind again all at once, twice, beside the load",
        _come_back,
        _storm_account,
        doubles=_NONE,
        least_seconds=15,
    ),
    Scenario(
        "few-descriptors",
        f"{_STRANGERS} strangers connect to a gateway that may have {_FILES} files open: they go without",
        _strangers,
        lambda settings: replace(settings, prepare=_few_files),
        doubles=_NONE,
        least_seconds=15,
    ),
]
