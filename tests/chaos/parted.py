"""A Sentinel set whose servers are reached over proxies, so that the network between any two of them can be broken.

    servers = PartedSentinels(directory)
    servers.swallow("node0", REPLICAS)               # what the replicas say to node0, and it to them, is lost
    servers.swallow("node0", REPLICAS | SENTINELS)   # and what sentinels and it say; gateways still reach it
    servers.cut("node0", GATEWAYS)                   # connections of the gateways to it are reset
    servers.heal()

Each server announces the port of a proxy before it, and speaks to others from an address of its own, by which the
proxy knows who is there: so sides of a network are sets of addresses. Redis 7 or Valkey is needed for that.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tests.chaos.proxy import Proxy
from tests.chaos.scenario import Skipped
from tests.chaos.servers import SentinelSet

_ADDRESSES: Final = {
    **{f"node{number}": f"127.0.0.{10 + number}" for number in range(3)},
    **{f"sentinel{number}": f"127.0.0.{20 + number}" for number in range(3)},
}
#: Sides: who asks a server for something. Of data servers those that follow it do.
REPLICAS: Final = frozenset(address for name, address in _ADDRESSES.items() if name.startswith("node"))
SENTINELS: Final = frozenset(_ADDRESSES.values()) - REPLICAS
GATEWAYS: Final = frozenset(("127.0.0.1",))
_OLDEST: Final = 7


class PartedSentinels(SentinelSet):
    """See above; ``proxies`` by the name of the server behind each."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.proxies: dict[str, Proxy] = {}

    async def start(self) -> None:
        said = subprocess.run([self._binary, "--version"], capture_output=True, text=True, check=True).stdout
        found = re.search(r"v=(\d+)", said)
        if found is None or int(found[1]) < _OLDEST:
            raise Skipped(f"needs a Redis from {_OLDEST} on, which can choose the address that it speaks from: {said}")
        await super().start()

    async def stop(self) -> None:
        await super().stop()
        for proxy in self.proxies.values():
            proxy.stop()

    def swallow(self, name: str, sides: Iterable[str]) -> None:
        """From now on nothing arrives between a server and those who connect to it from these addresses."""
        self.proxies[name].only(*sides)
        self.proxies[name].blackhole()

    def cut(self, name: str, sides: Iterable[str]) -> None:
        """Reset those connections once."""
        self.proxies[name].only(*sides)
        self.proxies[name].cut()

    def heal(self) -> None:
        """A good network everywhere."""
        for proxy in self.proxies.values():
            proxy.restore()

    @staticmethod
    def side(name: str) -> frozenset[str]:
        """What one server speaks from."""
        return frozenset((_ADDRESSES[name],))

    # -- inside

    def _reached_at(self, name: str, port: int) -> int:
        proxy = self.proxies[name] = Proxy(0, ("127.0.0.1", port))
        proxy.start()
        return proxy.port

    def _lines(self, name: str) -> tuple[str, ...]:
        source = f"bind-source-addr {_ADDRESSES[name]}"
        if name.startswith("sentinel"):
            return source, "sentinel announce-ip 127.0.0.1"
        return source, "replica-announce-ip 127.0.0.1", f"replica-announce-port {self.reached_at[name]}"
