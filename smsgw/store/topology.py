"""Which server holds a partition: one Redis, the master that Sentinel names, or a Cluster's master.

Owns the discovery and its cache; ``forget()`` after a lost connection or a MOVED makes it ask again. All hosts are
asked at once, so one that hangs costs nothing, and the newest word counts: sentinels and nodes that were cut off know
an older epoch. Whoever Sentinel names must say itself that it is the master, or the next one's word is taken.
The connections themselves are ``channel``'s. What can go wrong: nobody answers or nobody knows (StoreAway; ask again).
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from time import monotonic
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from redis.crc import key_slot

from smsgw.errors import StoreAway, StoreError, StoreRefused
from smsgw.store import keys
from smsgw.store.access import Access, Tls, login_of
from smsgw.store.channel import Arg, Channel, Target, bare, host_target, target_of

_Host = tuple[str, int]

OTHERS_S: Final = 0.3
"""How long the others may take to say what they know, once one has."""
AGAIN_S: Final = 0.2
"""Not asked again sooner: all callers of a server that went forget it, one after the other, as they find out."""
_FRESH_S: Final = 0.5
_TRIES: Final = 3
_OK: Final = b"cluster_state:ok"


class Topology(ABC):
    """Names the server of each partition."""

    is_one = True
    """Whether one server has all partitions."""

    @abstractmethod
    async def target(self, partition: int) -> Target:
        """The partition's server. Raises StoreAway when nobody knows it."""

    def forget(self) -> None:  # noqa: B027 - one server has nothing to forget
        """Ask again next time."""


class OneServer(Topology):
    """A single Redis, also the embedded one."""

    def __init__(self, url: str, timeout_s: float, access: Access) -> None:
        self._target = target_of(url, timeout_s, access)

    async def target(self, partition: int) -> Target:
        return self._target


class _Word(NamedTuple):
    """What one of the hosts said."""

    host: _Host
    replies: list[Any]


class _Discovered(Topology):
    """Shared by Sentinel and Cluster: the site's URL lists hosts to ask."""

    def __init__(self, url: str, timeout_s: float, access: Access, default_port: int) -> None:
        parts = urlsplit(url)
        login, _, hosts = parts.netloc.rpartition("@")
        self._timeout_s = timeout_s
        self._seeds = [_host_and_port(host, default_port) for host in hosts.split(",") if host]
        if not self._seeds:
            raise StoreRefused(f"{bare(url)}: no host is named")
        wanted = parse_qs(parts.query).get("tls", ["no"])[0] in ("yes", "true", "1")
        user, _, password = login.partition(":")
        self._access = access
        self._tls = access.tls or (Tls() if wanted else None)
        self._login = access.login or login_of(unquote(user), unquote(password))
        self.path = parts.path.strip("/")
        self._one_asks = asyncio.Lock()
        self._asked_at = -math.inf
        self._forgotten = True
        self._failed: StoreAway | None = None

    def forget(self) -> None:
        self._forgotten = True

    async def _found(self) -> None:
        """Find out, once for all who want to know now; raises as ``_find`` did, also to those who only waited."""
        if not self._forgotten:
            return
        async with self._one_asks:
            if self._forgotten and monotonic() - self._asked_at >= AGAIN_S:
                self._failed = None
                try:
                    await self._find()
                    self._forgotten = False
                except StoreAway as error:
                    self._failed = error
                self._asked_at = monotonic()
        if self._failed is not None:
            raise StoreAway(str(self._failed))

    @abstractmethod
    async def _find(self) -> None: ...

    async def _words(
        self, hosts: Sequence[_Host], login: dict[str, Any], tls: Tls | None, *commands: Sequence[Arg]
    ) -> list[_Word]:
        """Of those who answer all commands in time. Raises StoreAway when none does, with what one of them said."""
        words: list[_Word] = []
        why: StoreError = StoreAway("no host answers")
        deadline = monotonic() + self._timeout_s
        async with asyncio.TaskGroup() as group:
            asked = {group.create_task(self._word(host, login, tls, commands)) for host in hosts}
            while asked and (left_s := deadline - monotonic()) > 0:
                done, asked = await asyncio.wait(asked, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
                for said in (task.result() for task in done):
                    if isinstance(said, _Word):
                        words.append(said)
                        deadline = min(deadline, monotonic() + OTHERS_S)
                    else:
                        why = said
            for task in asked:
                task.cancel()
        if not words:
            raise StoreAway(f"no server is known: {why}")
        return words

    async def _word(
        self, host: _Host, login: dict[str, Any], tls: Tls | None, commands: Sequence[Sequence[Arg]]
    ) -> _Word | StoreError:
        channel = Channel(host_target(*host, login, tls, self._timeout_s), self._timeout_s)
        try:
            replies = await channel.calls(commands)
        except StoreError as error:
            return StoreAway(f"{host[0]}:{host[1]}: {error}")
        finally:
            await channel.close()
        for reply in replies:
            if isinstance(reply, StoreError) or not reply:
                return StoreAway(f"{host[0]}:{host[1]}: {reply or 'does not know'}")
        return _Word(host, replies)

    def _to(self, host: _Host) -> Target:
        return host_target(*host, self._login, self._tls, self._timeout_s)


class SentinelMaster(_Discovered):
    """The master that the sentinels name; ``sentinel://[user:password@]host:port,…/service``."""

    def __init__(self, url: str, timeout_s: float, access: Access) -> None:
        super().__init__(url, timeout_s, access, default_port=26379)
        if not self.path:
            raise StoreRefused(f"{bare(url)}: the service's name is missing after the hosts")
        self._target: Target | None = None
        self._epoch = 0

    async def target(self, partition: int) -> Target:
        await self._found()
        assert self._target is not None
        return self._target

    async def _find(self) -> None:
        why = ""
        for _ in range(_TRIES):
            asked_at = monotonic()
            for master, epoch in await self._named():
                if epoch < self._epoch:
                    why = f"only {master[0]}:{master[1]} is named, which was the master before"
                    continue
                try:
                    (word,) = await self._words([master], self._login, self._tls, ("ROLE",))
                except StoreAway as error:
                    # Whoever was the master before it may be there and think it still is.
                    why = str(error)
                    break
                role = word.replies[0][0]
                if role != b"master":
                    why = f"{master[0]}:{master[1]}, which a sentinel names, is a {role.decode()}"
                    continue
                if monotonic() - asked_at > _FRESH_S:
                    # It may have slept until now while another took its place: who named it must name it still.
                    why = f"{master[0]}:{master[1]} answers too slowly"
                    break
                self._target, self._epoch = self._to(master), epoch
                return
        raise StoreAway(f"no master of {self.path} is known: {why}")

    async def _named(self) -> list[tuple[_Host, int]]:
        """Whom sentinels name and since which epoch, the newest word first."""
        words = await self._words(
            self._seeds, self._access.sentinel_login, self._access.sentinel_tls or self._tls_by_url(),
            ("SENTINEL", "MASTER", self.path),
        )  # fmt: skip
        named: dict[_Host, int] = {}
        for word in words:
            told = _pairs(word.replies[0])
            master = (told.get(b"ip", b"").decode(), int(told.get(b"port", 0)))
            named[master] = max(named.get(master, 0), int(told.get(b"config-epoch", 0)))
        if len(words) == len(self._seeds):
            # Nobody is left who could know better: the sentinels were set up anew, and count from the beginning.
            self._epoch = min(self._epoch, max(named.values()))
        return sorted(named.items(), key=lambda each: each[1], reverse=True)

    def _tls_by_url(self) -> Tls | None:
        """``?tls=yes`` means the sentinels too; in the site's file they are asked as ``[store.sentinel]`` says."""
        return None if self._access.tls is not None else self._tls


class ClusterMasters(_Discovered):
    """The master of each partition's slot; ``cluster://[user:password@]host:port,…``."""

    is_one = False

    def __init__(self, url: str, timeout_s: float, access: Access) -> None:
        super().__init__(url, timeout_s, access, default_port=6379)
        self._ranges: list[tuple[int, int, Target]] = []
        self._nodes: list[_Host] = []

    async def target(self, partition: int) -> Target:
        await self._found()
        slot = key_slot(keys.TAGS[partition].encode())
        for first, last, target in self._ranges:
            if first <= slot <= last:
                return target
        self.forget()
        raise StoreAway(f"no server of the Cluster holds slot {slot} of partition {partition}")

    async def _find(self) -> None:
        # Nodes that joined later are asked too: those of the URL may all be gone one day.
        hosts = list(dict.fromkeys((*self._seeds, *self._nodes)))
        words = await self._words(hosts, self._login, self._tls, ("CLUSTER", "INFO"), ("CLUSTER", "SLOTS"))
        best = max(words, key=lambda word: _standing(word.replies[0]))
        targets: dict[_Host, Target] = {}
        self._ranges = []
        nodes: list[_Host] = []
        for first, last, *holders in best.replies[1]:
            at = [_announced(holder, best.host) for holder in holders]
            nodes += at
            if at:
                self._ranges.append((int(first), int(last), targets.setdefault(at[0], self._to(at[0]))))
        self._nodes = list(dict.fromkeys(nodes))
        if not self._ranges:
            raise StoreAway("no server of the Cluster holds any slot")


def _standing(info: bytes) -> tuple[bool, int]:
    """Whose word counts: a node that sees the Cluster whole, then the newest epoch."""
    found = dict(line.split(b":", 1) for line in info.splitlines() if b":" in line)
    epoch = 0
    with contextlib.suppress(ValueError):
        epoch = int(found.get(b"cluster_current_epoch", 0))
    return _OK in info, epoch


def _announced(holder: Sequence[Any], asked: _Host) -> _Host:
    """Where a node is; one that does not know its own name is where it was asked."""
    name = holder[0].decode() if holder[0] else ""
    return (asked[0] if name in ("", "?") else name), int(holder[1])


def _pairs(flat: Sequence[bytes]) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=False))


def _host_and_port(text: str, default_port: int) -> _Host:
    host, colon, port = text.rpartition(":")
    found, number = (host, int(port)) if colon and port.isdecimal() else (text, default_port)
    return found.removeprefix("[").removesuffix("]"), number


def topology_of(url: str, timeout_s: float, access: Access | None = None) -> Topology:
    """The topology that a store URL names. Raises StoreRefused for an unknown scheme."""
    scheme = urlsplit(url).scheme
    access = access or Access()
    if scheme == "sentinel":
        return SentinelMaster(url, timeout_s, access)
    if scheme == "cluster":
        return ClusterMasters(url, timeout_s, access)
    if scheme in ("unix", "redis", "rediss"):
        return OneServer(url, timeout_s, access)
    raise StoreRefused(f"{bare(url)}: expected unix://, redis://, rediss://, sentinel:// or cluster://")
