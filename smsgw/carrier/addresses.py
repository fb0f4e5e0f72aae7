"""Where a carrier is: the addresses that its host's name has, and which of them is tried first.

An attempt goes through all of them, each with the whole time to connect, beginning with the one that worked last.
One that takes connections but no bind, or drops it at once, comes last the next time. A name that can't be looked
up now has the addresses that it had before.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable

from smsgw.carrier.settings import CarrierSettings
from smsgw.errors import ConnectFailed


class Addresses:
    """Those of one bind's carrier."""

    __slots__ = ("_known", "_latest")

    def __init__(self) -> None:
        self._known: list[str] = []
        #: Index of the one to begin with.
        self._latest = 0

    async def connect(
        self, make: Callable[[], asyncio.Protocol], settings: CarrierSettings, wanted: Callable[[], bool]
    ) -> None:
        """Connect to the first one that can be reached. Raises ConnectFailed when none can, or it is wanted no more."""
        await self._look_up(settings)
        loop = asyncio.get_running_loop()
        name = (settings.tls_server_name or settings.host) if settings.tls is not None else None
        failures = []
        first = self._latest
        for turn in range(len(self._known)):
            number = (first + turn) % len(self._known)
            address = self._known[number]
            if not wanted():
                failures.append("not wanted any more")
                break
            try:
                async with asyncio.timeout(settings.connect_timeout_s):
                    await loop.create_connection(make, address, settings.port, ssl=settings.tls, server_hostname=name)
            except TimeoutError:
                failures.append(f"no connection to {address}:{settings.port} in {settings.connect_timeout_s:g} s")
            except OSError as error:
                failures.append(f"{address}:{settings.port}: {error.strerror or error}")
            else:
                self._latest = number
                return
        raise ConnectFailed("; ".join(failures))

    def failed(self) -> None:
        """The one that was connected to is no good at present: the next one is tried first."""
        if self._known:
            self._latest = (self._latest + 1) % len(self._known)

    async def _look_up(self, settings: CarrierSettings) -> None:
        host = settings.host
        try:
            ipaddress.ip_address(host)
        except ValueError:
            pass
        else:
            self._known = [host]
            return
        try:
            async with asyncio.timeout(settings.connect_timeout_s):
                found = await asyncio.get_running_loop().getaddrinfo(host, settings.port, type=socket.SOCK_STREAM)
        except OSError as error:  # TimeoutError is one
            if not self._known:
                raise ConnectFailed(f"{host}: {error.strerror or 'its address can not be looked up'}") from error
            return
        addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
        latest = self._known[self._latest] if self._known else ""
        self._known = addresses
        self._latest = addresses.index(latest) if latest in addresses else 0
