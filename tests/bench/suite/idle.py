"""Sessions that bind and then only answer enquire_link, and what a gateway uses meanwhile."""

from __future__ import annotations

import asyncio
import resource
import time
import tomllib
from collections.abc import Awaitable, Callable
from pathlib import Path

from smsgw.smpp.constants import CommandId
from smsgw.smpp.pdu import bind
from tests.bench.bench_sessions import Client
from tests.bench.suite import machine
from tests.bench.suite.errors import BenchError
from tests.bench.suite.machine import Conditions
from tests.bench.suite.site import BenchSite, Used
from tests.site_files import override

#: No account and no address has more than a part of them.
_PER_ACCOUNT = 500
_PER_ADDRESS = 50
_AT_ONCE = 50
_BIND_S = 30.0
#: After the last bind, before anything counts.
_SETTLE_S = 2.0


def write_accounts(site: Path, count: int) -> None:
    """Accounts like ``load``, with its password, for so many sessions."""
    usual = tomllib.loads((site / "accounts" / "load.toml").read_text(encoding="utf-8"))
    for number in range(-(-count // _PER_ACCOUNT)):
        own = {"system_id": _name(number), "max_binds": _PER_ACCOUNT, "allow_ips": ["127.0.0.0/8"], "numbers": []}
        override(site, {f"accounts/{_name(number)}.toml": {**usual, **own}})


class Sessions:
    """So many, over the accounts that ``write_accounts`` has written."""

    def __init__(self, port: int, count: int) -> None:
        self._port, self._count = port, count
        self._bound: list[Client] = []
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = count + 500
        if soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))

    async def watch(self, site: BenchSite, seconds: float) -> tuple[dict[str, float], Conditions]:
        """Bind all, wait, and say what share of a core each process used. Raises BenchError when one does not bind."""
        for first in range(0, self._count, _AT_ONCE):
            await _all(self._bind, range(first, min(first + _AT_ONCE, self._count)))
        await asyncio.sleep(_SETTLE_S)
        before, began, began_s = site.used(), machine.times(), time.monotonic()
        await asyncio.sleep(seconds)
        after, took_s = site.used(), time.monotonic() - began_s
        conditions = machine.since(began)
        if any(client.transport.is_closing() for client in self._bound):
            raise BenchError("sessions were closed while nobody did anything")
        for client in self._bound:
            client.transport.abort()
        return {name: _share(before[name], after[name], took_s) for name in after}, conditions

    async def _bind(self, number: int) -> None:
        loop = asyncio.get_running_loop()
        system_id = _name(number // _PER_ACCOUNT).encode()
        pdu = bind(int(CommandId.BIND_TRANSCEIVER), 1, system_id=system_id, password=b"load1234")
        done: asyncio.Future[int] = loop.create_future()
        client = Client(pdu, done)
        address = f"127.0.1.{1 + number // _PER_ADDRESS % 250}"
        await loop.create_connection(lambda: client, "127.0.0.1", self._port, local_addr=(address, 0))
        async with asyncio.timeout(_BIND_S):
            status = await done
        if status:
            raise BenchError(f"session {number + 1} was refused with 0x{status & 0xFFFFFFFF:08X}")
        self._bound.append(client)


async def _all(work: Callable[[int], Awaitable[None]], numbers: range) -> None:
    try:
        await asyncio.gather(*(work(number) for number in numbers))
    except (OSError, TimeoutError) as error:
        raise BenchError(f"a session could not bind: {error or type(error).__name__}") from None


def _name(number: int) -> str:
    return f"idle{number}"


def _share(before: Used, after: Used, took_s: float) -> float:
    return round((after.cpu_s - before.cpu_s) / took_s, 5)
