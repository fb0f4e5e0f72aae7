"""The store as the rest of smsgw holds it: one object for one Redis, Sentinel set or Cluster.

Owns the connections (one to a server that all share, some for who waits for replicas, dedicated ones for blocking
reads), the loading of scripts, the check that Redis and the data in it fit, and the secrets in use. Knows no key but
``meta``.
``url``: ``unix:///path``, ``redis://host:port/0``, ``rediss://…``, ``sentinel://host:port,host:port/service``,
``cluster://host:port,host:port``.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import chain
from time import monotonic
from typing import Any, Final

from smsgw.errors import StoreAway, StoreError, StoreNotRun, StoreRefused
from smsgw.store import keys, schema
from smsgw.store.access import Access
from smsgw.store.channel import OWNER_CHANGED, Arg, Channel, bare
from smsgw.store.commit import CallId, NeverRan
from smsgw.store.scripts import Script, script, script_names
from smsgw.store.seal import Recipients, Sealer
from smsgw.store.topology import topology_of
from smsgw.store.wire import StoreBusy

OLDEST_SERVER: Final = (6, 2)
_HOUR_MS: Final = 3_600_000
_NO_CALL: Final = CallId("", 0, math.inf)
_DEADLINE_EARLY_S: Final = 0.05
_SAFE_SETTINGS: Final = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}
_SAFE_WHY: Final = {
    "appendonly": "accepted messages do not survive a restart of Redis",
    "appendfsync": "the last accepted messages do not survive a power cut",
    "maxmemory-policy": "Redis deletes accepted messages when its memory is full",
}


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """What the store keeps for how long (real time, ms) and how much. Defaults are the design's."""

    partitions: int = 1
    timeout_s: float = 2.0
    state_ttl_ms: int = 24 * _HOUR_MS
    receipt_ttl_ms: int = 72 * _HOUR_MS
    early_ttl_ms: int = 600_000
    duplicate_ttl_ms: int = 25 * _HOUR_MS
    """How long a finally reported carrier id is remembered; carriers resend for up to a day."""
    long_ttl_ms: int = 7 * 24 * _HOUR_MS
    """Segments nobody came back for; their business expiry is far shorter."""
    out_limit: int = 100_000
    """Entries of one account's out stream; the oldest go first."""
    event_limit: int = 100_000
    enroute_states: bool = True
    """Admission writes a state for every message, and later states only update it. False: a message id proves by
    itself whose it is, admission writes none, and only final states are kept."""

    access: Access = field(default_factory=Access)
    """Login and TLS, besides the URL."""
    replicas: int = 0
    """How many replicas must have what a script wrote before its answer counts; 0: none is asked."""
    replicas_timeout_s: float = 1.0
    memory_stages: tuple[float, float, float] = (0.90, 0.95, 0.98)
    """Used shares of Redis' memory at which marketing, then notices, then codes are refused."""

    @property
    def receipt_limits(self) -> tuple[int, int, int, int]:
        """As ``scripts/parts/match.lua`` takes them."""
        return self.duplicate_ttl_ms, self.out_limit, self.final_state_ttl_ms, self.receipt_ttl_ms

    @property
    def final_state_ttl_ms(self) -> int:
        """As ``scripts/parts/states.lua`` takes it: 0 to update only what admission has written."""
        return 0 if self.enroute_states else self.state_ttl_ms


class _TooFewReplicas(StoreAway):
    """The master has it. If it still is one: one that woke up after a failover has no replicas any more."""


class _NoReplicas(StoreNotRun):
    """The master has no replicas, and was not asked to write."""


class Store:
    """All of Redis. Make one, ``await ready()``, share it, ``await close()`` last."""

    def __init__(
        self, url: str, *, sealer: Sealer, recipients: Recipients, settings: StoreSettings | None = None
    ) -> None:
        self.url = url
        self.settings = settings or StoreSettings()
        self.partitions = self.settings.partitions
        if not 1 <= self.partitions <= keys.MAX_PARTITIONS:
            raise StoreRefused(f"{self.partitions} partitions: expected 1 to {keys.MAX_PARTITIONS}")
        self.sealer = sealer
        self.recipients = recipients
        self.timeout_s = self.settings.timeout_s
        self.server_version = ""
        self.warnings: list[str] = []
        """Found by ``ready``: settings of Redis under which an accepted message may be lost."""
        self.migrated_s = 0
        """Found by ``ready``: messages with ids from before this second may lie elsewhere than they say; 0: none."""
        self._topology = topology_of(url, self.timeout_s, self.settings.access)
        self.replicas_short = 0
        """Calls so far that fewer replicas had in time than the site asks for."""
        self._losses: dict[int, int] = {}
        self._replicated: set[int] = set()
        """Partitions whose last write had its replicas. Of others it is asked first whether there are any."""
        self._shared: dict[int, Channel] = {}
        """Of each partition; one server's partitions have the same."""
        self._free: dict[int, list[Channel]] = {}
        """Connections that waited for replicas, and wait for the next who has to."""
        self._clocks: dict[int, float] = {}
        self._closed = False

    async def ready(self) -> None:
        """Check the server and the data in it, load the scripts.

        Raises StoreAway when Redis can't be reached, StoreRefused when it is older than 6.2 or holds
        another schema or number of partitions.
        """
        try:
            info = _info(await self.command(0, "INFO", "server"))
        except StoreRefused as error:
            raise StoreRefused(f"{bare(self.url)}: {error}") from error
        except StoreAway as error:
            raise StoreAway(f"{bare(self.url)}: {error}") from error
        self.server_version = info.get("valkey_version") or info.get("redis_version", "0")
        # Valkey reports the Redis version that it is compatible with under redis_version.
        version = tuple(int(part) for part in info.get("redis_version", "0.0").split(".")[:2])
        if version < OLDEST_SERVER:
            raise StoreRefused(f"Redis {self.server_version} is too old: smsgw needs 6.2 or later")
        self.warnings = await self._warnings()
        migrating, migrated = await self.command(0, "HMGET", keys.meta(0), "migrating", "migrated")
        if migrating:
            raise StoreRefused("what is in this store was not moved to its end: run `smsgw store migrate` once more")
        self.migrated_s = int(migrated or 0)
        await schema.check(self)
        form = await self.command(0, "HGET", keys.meta(0), "schema")
        for partition in range(self.partitions):
            for name in script_names():
                await self.command(partition, "SCRIPT", "LOAD", script(name).text)
            await self.command(partition, "HSETNX", keys.meta(partition), "schema", form)
            await self.command(partition, "HSETNX", keys.meta(partition), "partitions", self.partitions)
            found = (await self.command(partition, "HGET", keys.meta(partition), "partitions")).decode()
            if found != str(self.partitions):
                raise StoreRefused(
                    f"the store was made with partitions {found}, this smsgw has {self.partitions}: write partitions = "
                    f"{found} under [store] of smsgw.toml; `smsgw store migrate` moves it to another number"
                )

    async def _warnings(self) -> list[str]:
        found = []
        for name, value in _SAFE_SETTINGS.items():
            try:
                reply = await self.command(0, "CONFIG", "GET", name)
            except StoreRefused:
                # Hosted servers often forbid CONFIG; what they promise is in their own papers.
                return []
            if reply and reply[1].decode() != value:
                found.append(f"{name} is {reply[1].decode()}, not {value}: {_SAFE_WHY[name]}")
        return found

    async def close(self) -> None:
        """Close all connections. Dedicated ones belong to whoever opened them."""
        self._closed = True
        for channel in (*self._shared.values(), *chain.from_iterable(self._free.values())):
            await channel.close()
        self._shared.clear()
        self._free.clear()

    async def command(self, partition: int, *command: Arg) -> Any:
        """Run one command on the server of a partition; raw reply. Raises StoreError."""
        channel = self._shared.get(partition)
        if channel is None:
            channel = await self._share(partition)
        try:
            return await channel.call(*command)
        except StoreAway as error:
            # Everybody who shares it comes here when it is lost; the first counts.
            if _is_elsewhere(error) and self._shared.get(partition) is channel:
                await self._lost(partition)
            raise
        finally:
            if self._closed:
                await channel.close()

    async def _share(self, partition: int) -> Channel:
        """The connection that all callers of a partition's server share."""
        try:
            made = await self.dedicated(partition)
        except StoreAway as error:
            raise StoreNotRun(str(error)) from error
        channel = self._shared.setdefault(partition, made)  # others may have come here first
        for each in range(self.partitions) if self._topology.is_one else ():
            channel = self._shared.setdefault(each, channel)
        return channel

    async def write(self, partition: int, *command: Arg) -> Any:
        """The same for a write that must not be lost with a master: as many replicas have it as the site asks for.

        Raises StoreAway also when too few have, though the master has written it.
        """
        if not self.settings.replicas:
            return await self.command(partition, *command)
        within_s = self.settings.replicas_timeout_s
        wanted = self.settings.replicas
        async with self._borrowed(partition) as channel:
            if partition not in self._replicated:
                role, _, replicas, *_ = await channel.call("ROLE")
                if role != b"master":
                    raise StoreBusy("READONLY", f"it is a {role.decode()} now")
                if len(replicas) < wanted:
                    raise _NoReplicas(f"fewer than {wanted} replicas are connected")
            wait = ("WAIT", wanted, round(within_s * 1000))
            reply, have = await channel.calls((command, wait), wait_s=within_s)
            if isinstance(reply, StoreError):
                raise reply
            if isinstance(have, StoreError):  # it ran, and a master that became a replica ended the waiting
                self._replicated.discard(partition)
                raise StoreAway(f"nobody knows which replicas have it: {have}")
            if have < wanted:
                self.replicas_short += 1
                self._replicated.discard(partition)
                raise _TooFewReplicas(f"{have} of {wanted} replicas had it within {within_s:g} s")
        self._replicated.add(partition)
        return reply

    @asynccontextmanager
    async def _borrowed(self, partition: int) -> AsyncIterator[Channel]:
        """A connection for one exchange that ends in WAIT, which would hold up others on theirs."""
        free = self._free.get(partition)
        try:
            channel = free.pop() if free else await self.dedicated(partition)
        except StoreAway as error:
            raise StoreNotRun(str(error)) from error
        try:
            yield channel
        except BaseException as error:  # also when cancelled: WAIT may still be on its way
            await channel.close()
            if isinstance(error, StoreAway) and _is_elsewhere(error):
                await self._lost(partition)
            raise
        if self._closed:
            await channel.close()
        else:
            self._give_back(partition, channel)

    def _give_back(self, partition: int, channel: Channel) -> None:
        self._free.setdefault(partition, []).append(channel)

    async def evaluate(
        self, partition: int, code: Script, payload: bytes, call_id: CallId | None = None, *, durable: bool = True
    ) -> bytes:
        """Run a script on a partition and give its reply.

        With ``call_id`` a second run of the same call gives the reply of the first and changes nothing, and
        the script refuses to begin once nobody waits for it any more. ``durable`` false: it only looks, and no replica
        is waited for. Raises StoreError; StoreAway also when it ran and too few replicas have what it wrote.
        """
        slot, number, give_up_at = call_id or _NO_CALL
        run = self.write if durable else self.command
        deadline_ms = 0 if give_up_at == math.inf else await self._deadline_ms(partition, give_up_at)
        arguments = (1, keys.TAGS[partition], slot, number, deadline_ms, payload)
        try:
            reply = await run(partition, "EVALSHA", code.sha, *arguments)
        except StoreRefused as error:
            if "LATE" in str(error):
                # Truly late, or Redis' clock was set: measure again, and let the caller try while it waits.
                self._clocks.pop(partition, None)
                raise NeverRan(f"{code.name}: Redis came to the call too late") from None
            if "NOSCRIPT" not in str(error) and "No matching script" not in str(error):
                raise
            # Not loaded first: while it is unclear who is master, two commands may come to two servers.
            reply = await run(partition, "EVAL", code.text, *arguments)
        if not isinstance(reply, bytes):
            raise StoreRefused(f"script {code.name} answered {reply!r}")
        return reply

    async def dedicated(self, partition: int) -> Channel:
        """A connection of the caller's own to the server of a partition; opened at its first call."""
        return Channel(await self._topology.target(partition), self.timeout_s)

    def losses(self, partition: int) -> int:
        """How often the server of a partition went, or had no replicas any more, so far.

        Whoever keeps a dedicated connection opens it anew when that has changed: the server that it has may be one that
        lives cut off, and does not know that another is the master by now.
        """
        return self._losses.get(partition, 0)

    async def _lost(self, partition: int) -> None:
        """The server went or changed: whatever else is connected to it is no better."""
        self._topology.forget()
        for each in range(self.partitions) if self._topology.is_one else (partition,):
            self._losses[each] = self.losses(each) + 1
            self._clocks.pop(each, None)
            self._replicated.discard(each)
            shared = self._shared.pop(each, None)
            for channel in (*self._free.pop(each, ()), *((shared,) if shared else ())):
                await channel.close()

    async def _deadline_ms(self, partition: int, give_up_at: float) -> int:
        """``give_up_at`` on Redis' clock, a little early: what we have given up must not begin afterwards."""
        ahead_s = self._clocks.get(partition)
        if ahead_s is None:
            before = monotonic()
            try:
                seconds, microseconds = await self.command(partition, "TIME")
            except StoreAway as error:
                raise StoreNotRun(str(error)) from error
            ahead_s = int(seconds) + int(microseconds) / 1e6 - (before + monotonic()) / 2
            self._clocks[partition] = ahead_s
        return int((give_up_at - _DEADLINE_EARLY_S + ahead_s) * 1000)

    async def clock_ahead_s(self, wall_s: Callable[[], float]) -> float:
        """How far a wall clock, told by ``wall_s``, is ahead of Redis'; below 0 behind. Raises StoreError."""
        before_s = wall_s()
        seconds, microseconds = await self.command(keys.LEASES, "TIME")
        return (before_s + wall_s()) / 2 - int(seconds) - int(microseconds) / 1e6

    async def memory_share(self) -> float:
        """Used share of Redis' ``maxmemory``, the fullest server counting; 0.0 without a limit. Raises StoreError."""
        fullest = 0.0
        # A server that holds several partitions is asked once.
        for partition in {await self._topology.target(each): each for each in range(self.partitions)}.values():
            info = _info(await self.command(partition, "INFO", "memory"))
            limit = int(info.get("maxmemory", "0"))
            if limit:
                fullest = max(fullest, int(info.get("used_memory", "0")) / limit)
        return fullest


def _is_elsewhere(error: StoreAway) -> bool:
    """Whether the server that was asked may be gone, or not the one to ask."""
    return not isinstance(error, StoreBusy) or error.code in OWNER_CHANGED


def _info(reply: bytes) -> dict[str, str]:
    pairs = (line.split(":", 1) for line in reply.decode().splitlines() if ":" in line)
    return dict(pair for pair in pairs if len(pair) == 2)
