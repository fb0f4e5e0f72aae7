"""Which server holds a partition: one Redis, the master that Sentinel names, or a Cluster's master.

Owns the discovery and its cache; ``forget()`` after a lost connection or a MOVED makes it ask again.
The connections themselves are ``channel``'s.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from redis.crc import key_slot

from smsgw.errors import StoreAway, StoreError, StoreRefused
from smsgw.store import keys
from smsgw.store.channel import Channel, Connect, connection_maker, host_maker


class Topology(ABC):
    """Names the server of each partition."""

    @abstractmethod
    async def maker(self, partition: int) -> Connect:
        """What makes connections to the partition's server. Raises StoreAway when nobody knows it."""

    def forget(self) -> None:  # noqa: B027 - one server has nothing to forget
        """Ask again next time."""


class OneServer(Topology):
    """A single Redis, also the embedded one."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._connect = connection_maker(url, timeout_s)

    async def maker(self, partition: int) -> Connect:
        return self._connect


class _Discovered(Topology):
    """Shared by Sentinel and Cluster: the site's URL lists hosts to ask."""

    def __init__(self, url: str, timeout_s: float, default_port: int) -> None:
        parts = urlsplit(url)
        login, _, hosts = parts.netloc.rpartition("@")
        self._timeout_s = timeout_s
        self._seeds = [_host_and_port(host, default_port) for host in hosts.split(",") if host]
        if not self._seeds:
            raise StoreRefused(f"{url}: no host is named")
        query = parse_qs(parts.query)
        self._tls = query.get("tls", ["no"])[0] in ("yes", "true", "1")
        username, _, password = login.partition(":")
        self._login: dict[str, Any] = {"username": unquote(username) or None, "password": unquote(password) or None}
        self.path = parts.path.strip("/")

    async def _ask(self, *command: str, with_login: bool) -> Any:
        """The first answer of any host asked. Raises StoreAway when none answers."""
        last: StoreError = StoreAway("no host answers")
        for host, port in self._seeds:
            login = self._login if with_login else {}
            channel = Channel(host_maker(host, port, login, tls=self._tls, timeout_s=self._timeout_s), self._timeout_s)
            try:
                answer = await channel.call(*command)
                if answer:
                    return answer
            except StoreError as error:
                last = error
            finally:
                await channel.close()
        raise StoreAway(f"no server is known: {last}")

    def _to(self, host: str, port: int) -> Connect:
        return host_maker(host, port, self._login, tls=self._tls, timeout_s=self._timeout_s)


class SentinelMaster(_Discovered):
    """The master that the sentinels name; ``sentinel://[user:password@]host:port,…/service``."""

    def __init__(self, url: str, timeout_s: float) -> None:
        super().__init__(url, timeout_s, default_port=26379)
        if not self.path:
            raise StoreRefused(f"{url}: the service's name is missing after the hosts")
        self._connect: Connect | None = None

    async def maker(self, partition: int) -> Connect:
        if self._connect is None:
            answer = await self._ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.path, with_login=False)
            self._connect = self._to(answer[0].decode(), int(answer[1]))
        return self._connect

    def forget(self) -> None:
        self._connect = None


class ClusterMasters(_Discovered):
    """The master of each partition's slot; ``cluster://[user:password@]host:port,…``."""

    def __init__(self, url: str, timeout_s: float) -> None:
        super().__init__(url, timeout_s, default_port=6379)
        self._ranges: list[tuple[int, int, Connect]] = []

    async def maker(self, partition: int) -> Connect:
        if not self._ranges:
            answer = await self._ask("CLUSTER", "SLOTS", with_login=True)
            self._ranges = [
                (int(first), int(last), self._to(master[0].decode(), int(master[1])))
                for first, last, master, *_replicas in answer
            ]
        slot = key_slot(keys.TAGS[partition].encode())
        for first, last, connect in self._ranges:
            if first <= slot <= last:
                return connect
        self.forget()
        raise StoreAway(f"no server of the Cluster holds slot {slot} of partition {partition}")

    def forget(self) -> None:
        self._ranges = []


def _host_and_port(text: str, default_port: int) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    return (host, int(port)) if colon and port.isdecimal() else (text, default_port)


def topology_of(url: str, timeout_s: float) -> Topology:
    """The topology that a store URL names. Raises StoreRefused for an unknown scheme."""
    scheme = urlsplit(url).scheme
    if scheme == "sentinel":
        return SentinelMaster(url, timeout_s)
    if scheme == "cluster":
        return ClusterMasters(url, timeout_s)
    if scheme in ("unix", "redis", "rediss"):
        return OneServer(url, timeout_s)
    raise StoreRefused(f"{url}: expected unix://, redis://, rediss://, sentinel:// or cluster://")
