"""Versions of the site's files: which one is in force for the whole fleet, which came before, who runs which.

Owns: the documents of register ``version`` (one for each version, its files sealed beside it, and ``now``, which says
what is in force), and the list of processes that are alive. Every step names the revision of ``now`` that it was
decided on, so of two who decide at once one wins and the other gets RequestError ``conflict``; each step brings its
audit entry and its event along, all or nothing. Deadlines are by Redis' clock: no process's own clock decides.
Knows nothing of what stands in the files.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from hashlib import sha256
from typing import Any, Final, Literal

from smsgw.errors import RequestError, StoreError
from smsgw.store import keys
from smsgw.store.audit import AuditEntry
from smsgw.store.connection import Store
from smsgw.store.packing import pack, unpack
from smsgw.store.registers import RegisterChange, RegisterStore

KIND: Final = "version"
KEPT: Final = 100
"""Versions whose files are kept; those of older ones are forgotten, what was said of them is not."""
ALIVE_MS: Final = 5_000
"""A process that has not told anything for this long is not waited for."""
PROPOSAL_MS: Final = 60_000
"""A proposal that nobody decided within this time (its command was killed) is over."""
BIG_CHARS: Final = 64 * 1024
"""A longer file, such as a list of ported numbers, is stored once for all versions that have it."""
NOW: Final = "now"
"""The document that says which version is in force."""
_FILES_OF: Final = "files/"
"""No node's name has a slash."""

State = Literal["proposed", "refused", "on trial", "confirmed", "rolled back"]
Trial = Literal["", "confirm", "roll back"]
"""What happens to the version in force when its time is over; empty: it stays."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version. ``before``: the one that was in force when this was put in its place, 0 for none.

    ``ended``: why it was refused or rolled back; ``carriers``: those that it has; ``big``: digests of files that lie
    apart, because several versions share them. ``later`` is what a later smsgw wrote beside it, and stays. Times are
    business time in ms.
    """

    number: int
    digest: str
    who: str
    why: str
    at_ms: int
    state: State
    before: int = 0
    ended: str = ""
    ended_ms: int = 0
    carriers: Sequence[str] = ()
    big: Mapping[str, str] = field(default_factory=dict)
    later: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Now:
    """What is in force. ``number`` 0: nothing yet. ``until_ms`` (Redis' clock) ends its trial.

    ``proposed``: a version that every process is asked to prepare, 0 for none; ``last`` is the newest one's number.
    """

    number: int = 0
    last: int = 0
    trial: Trial = ""
    until_ms: int = 0
    proposed: int = 0
    proposed_ms: int = 0
    revision: int = 0
    later: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Process:
    """What a process last told. ``ready``: the proposed version it has prepared; ``fault``: why it can't.

    ``own``: digests of the tables of smsgw.toml that it was started with, see ``config.bundle``.
    """

    node: str
    at_ms: int
    running: int = 0
    ready: int = 0
    fault_of: int = 0
    fault: str = ""
    own: Mapping[str, str] = field(default_factory=dict)


class VersionStore:
    """Reads and changes which version is in force. Every method raises StoreError, steps also RequestError."""

    def __init__(self, store: Store, registers: RegisterStore | None = None) -> None:
        self._store = store
        self._registers = registers or RegisterStore(store)

    # -- reading

    async def now(self) -> Now:
        """What is in force."""
        stored = await self._registers.get(KIND, NOW)
        return Now() if stored is None else Now(**_known(Now, stored.body), revision=stored.revision)

    async def get(self, number: int) -> Version | None:
        """One version without its files."""
        stored = await self._registers.get(KIND, _id(number))
        return None if stored is None else Version(**_known(Version, stored.body))

    async def all(self, most: int = KEPT) -> list[Version]:
        """The last versions, newest first."""
        last = (await self.now()).last
        ids = [_id(number) for number in range(max(1, last - most + 1), last + 1)]
        found = await self._registers.get_some(KIND, ids)
        return [Version(**_known(Version, each.body)) for each in reversed(found.values()) if each is not None]

    async def newest_like(self, digest: str) -> Version | None:
        """The newest version with these files that was not only proposed."""
        return next((each for each in await self.all() if each.digest == digest and each.state != "proposed"), None)

    async def files(self, number: int) -> dict[str, str]:
        """A version's files. Raises RequestError ``missing`` when they are not kept."""
        version = await self.get(number)
        stored = await self._registers.get(KIND, _files_id(number))
        if stored is None or version is None:
            raise RequestError("missing", f"the files of version {number} are not kept")
        try:
            files: dict[str, str] = self._opened(stored.body)
            for name, digest in version.big.items():
                there = await self._registers.get(KIND, _big_id(digest))
                files[name] = self._opened(there.body if there is not None else {})
        except (ValueError, KeyError, zlib.error) as error:
            raise StoreError(f"the files of version {number} can't be read: {error}") from error
        return files

    def _opened(self, body: Mapping[str, Any]) -> Any:
        return unpack(zlib.decompress(self._store.sealer.open(body["sealed"])))

    def _sealed(self, name: str, value: object) -> RegisterChange:
        return RegisterChange(name, {"sealed": self._store.sealer.seal(zlib.compress(pack(value)))})

    async def former_carriers(self) -> set[str]:
        """Every carrier of the versions that are remembered: messages may wait for one that is there no more."""
        return {name for version in await self.all() for name in version.carriers}

    # -- steps

    async def propose(self, now: Now, version: Version, files: Mapping[str, str], audit: AuditEntry) -> Now:
        """Write a new version down and ask every process to prepare it; its ``number`` is ``now.last + 1``."""
        big = {name: _digest(text) for name, text in files.items() if len(text) > BIG_CHARS}
        version = replace(version, state="proposed", before=now.number, big=big)
        changes = [_written(version)]
        changes.append(
            self._sealed(_files_id(version.number), {name: files[name] for name in files if name not in big})
        )
        kept = {digest for each in await self.all(KEPT - 1) for digest in each.big.values()}
        changes += [self._sealed(_big_id(digest), files[name]) for name, digest in big.items() if digest not in kept]
        if over := await self.get(version.number - KEPT):
            changes.append(RegisterChange(_files_id(over.number), None))
            gone = set(over.big.values()) - kept - set(big.values())
            changes += [RegisterChange(_big_id(digest), None) for digest in gone]
        after = replace(now, last=version.number, proposed=version.number, proposed_ms=await self.clock_ms())
        return await self._step(now, after, changes, audit)

    async def refuse(self, now: Now, version: Version, why: str, audit: AuditEntry) -> Now:
        """A process can't run it: it never comes into force."""
        ended = replace(await self._stored(version), state="refused", ended=why, ended_ms=audit.at_ms)
        return await self._step(now, replace(now, proposed=0, proposed_ms=0), [_written(ended)], audit)

    async def put_in_force(self, now: Now, version: Version, trial: Trial, for_s: float, audit: AuditEntry) -> Now:
        """From now on every process runs it; after ``for_s`` seconds happens what ``trial`` says."""
        until_ms = await self.clock_ms() + round(for_s * 1000) if trial else 0
        after = replace(now, number=version.number, trial=trial, until_ms=until_ms, proposed=0, proposed_ms=0)
        put = replace(await self._stored(version), state="on trial" if trial else "confirmed", before=now.number)
        changes = [_written(put)]
        before = await self.get(now.number) if now.number else None
        if before is not None and before.state == "on trial":
            changes.append(_written(replace(before, state="confirmed")))
        return await self._step(now, after, changes, audit)

    async def confirm(self, now: Now, audit: AuditEntry) -> Now:
        """The version in force stays."""
        version = await self._in_force(now)
        after = replace(now, trial="", until_ms=0)
        return await self._step(now, after, [_written(replace(version, state="confirmed"))], audit)

    async def roll_back(self, now: Now, to: int, why: str, audit: AuditEntry) -> Now:
        """An earlier version is in force again, for good."""
        version = await self._in_force(now)
        target = await self.get(to)
        if target is None:
            raise RequestError("missing", f"there is no version {to}")
        ended = replace(version, state="rolled back", ended=why, ended_ms=audit.at_ms)
        after = replace(now, number=to, trial="", until_ms=0, proposed=0, proposed_ms=0)
        changes = [_written(ended), _written(replace(target, state="confirmed", ended="", ended_ms=0))]
        return await self._step(now, after, changes, audit)

    # -- the fleet

    async def clock_ms(self) -> int:
        """Redis' clock."""
        seconds, microseconds = await self._store.command(keys.REGISTERS, "TIME")
        return int(seconds) * 1000 + int(microseconds) // 1000

    async def tell(self, process: Process) -> None:
        """What a process runs; tell it again every second or so. ``at_ms`` is set here."""
        body = pack(asdict(replace(process, at_ms=await self.clock_ms())))
        await self._store.command(keys.REGISTERS, "HSET", keys.fleet(), process.node, body)

    async def leave(self, node: str) -> None:
        """A process ends."""
        await self._store.command(keys.REGISTERS, "HDEL", keys.fleet(), node)

    async def saw_files(self, node: str, digest: str) -> None:
        """What lies in a process's directory, as it was looked at just now."""
        await self._store.command(keys.REGISTERS, "HSET", keys.fleet(), _FILES_OF + node, digest)

    async def files_seen(self, node: str) -> str:
        """What ``saw_files`` was told last; empty for nothing."""
        found = await self._store.command(keys.REGISTERS, "HGET", keys.fleet(), _FILES_OF + node)
        return (found or b"").decode()

    async def fleet(self) -> list[Process]:
        """The processes that are alive, by name."""
        alive_from_ms = await self.clock_ms() - ALIVE_MS
        reply = await self._store.command(keys.REGISTERS, "HGETALL", keys.fleet())
        told = zip(reply[::2], reply[1::2], strict=True)
        found = [_process(unpack(body)) for name, body in told if not name.startswith(_FILES_OF.encode())]
        return sorted((each for each in found if each.at_ms >= alive_from_ms), key=lambda each: each.node)

    # -- inside

    async def _stored(self, version: Version) -> Version:
        """As it was written down when it was proposed."""
        return await self.get(version.number) or version

    async def _in_force(self, now: Now) -> Version:
        version = await self.get(now.number)
        if version is None:
            raise RequestError("missing", "no version is in force yet; the first one is made when the gateway starts")
        return version

    async def _step(self, now: Now, after: Now, changes: Iterable[RegisterChange], audit: AuditEntry) -> Now:
        body = _body(after)
        del body["revision"]
        written = [RegisterChange(NOW, body, now.revision), *changes]
        try:
            revisions = await self._registers.write(KIND, written, audit)
        except RequestError as error:
            if error.kind == "conflict":
                raise RequestError("conflict", "somebody else changed what is in force meanwhile; look again") from None
            raise
        return replace(after, revision=revisions[0])


def _written(version: Version) -> RegisterChange:
    return RegisterChange(_id(version.number), _body(version))


def _known(kind: type[Now | Version], body: Mapping[str, Any]) -> dict[str, Any]:
    """What a document says, with what only a later smsgw knows under ``later``."""
    names = {each.name for each in fields(kind)}
    found = {name: value for name, value in body.items() if name in names}
    return {**found, "later": {name: value for name, value in body.items() if name not in names}}


def _body(document: Now | Version) -> dict[str, Any]:
    """The reverse of ``_known``."""
    body = asdict(document)
    return {**body.pop("later"), **body}


def _process(told: Mapping[str, Any]) -> Process:
    return Process(**{each.name: told[each.name] for each in fields(Process) if each.name in told})


def _id(number: int) -> str:
    return f"{number:06}"


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _big_id(digest: str) -> str:
    return f"file/{digest}"


def _files_id(number: int) -> str:
    return f"files/{number}"
