"""Connections that the simulated carrier makes itself, with an outbind (SMPP 3.4 §2.2.1).

One task for each application: connect, send outbind, wait until the connection is gone, and again;
with a back-off that doubles while the application is not there or goes without having bound.
"""

from __future__ import annotations

import asyncio
import functools
import ssl
from collections.abc import Callable

from simulators.carrier.link import CarrierLink
from simulators.carrier.settings import Outbind
from smsgw.smpp.codec import Pdu, encode
from smsgw.smpp.constants import CommandId

_FIRST_S = 0.1
_LONGEST_S = 30.0
_CONNECT_S = 10.0


class Outbinds:
    """Owns the tasks; ``make_link`` makes the connection's protocol."""

    def __init__(self, make_link: Callable[[], CarrierLink]) -> None:
        self._make_link = make_link
        self._wanted: tuple[Outbind, ...] = ()
        self._tasks: dict[Outbind, asyncio.Task[None]] = {}
        self._ending: list[asyncio.Task[None]] = []

    def use(self, wanted: tuple[Outbind, ...]) -> None:
        """Connect to these from now on, and no more to others; connections that are there stay."""
        loop = asyncio.get_running_loop()
        for gone in [outbind for outbind in self._tasks if outbind not in wanted]:
            task = self._tasks.pop(gone)
            task.cancel()
            self._ending.append(task)
        for outbind in wanted:
            if outbind not in self._tasks:
                self._tasks[outbind] = loop.create_task(self._keep(outbind))

    async def stop(self) -> None:
        """Connect to nobody any more."""
        tasks = [*self._tasks.values(), *self._ending]
        self._tasks.clear()
        self._ending.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, outbind: Outbind) -> None:
        pause_s = _FIRST_S
        while True:
            if await self._once(outbind):
                pause_s = _FIRST_S
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_S)

    async def _once(self, outbind: Outbind) -> bool:
        """One connection, to its end; returns whether anybody bound on it."""
        link = self._make_link()
        link.outbind = _pdu(outbind)
        link.gone = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(_CONNECT_S):
                await asyncio.get_running_loop().create_connection(
                    lambda: link, outbind.host, outbind.port, ssl=_any_certificate() if outbind.tls else None
                )
        except (OSError, TimeoutError):
            return False
        await link.gone
        return link.account is not None


@functools.cache
def _any_certificate() -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


def _pdu(outbind: Outbind) -> bytes:
    fields: dict[str, object] = {
        "system_id": outbind.system_id.encode(),
        "password": outbind.password.encode(),
    }
    return encode(Pdu(int(CommandId.OUTBIND), 0, 1, fields))
