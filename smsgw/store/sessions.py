"""Who is signed in to the console: sessions, found by a keyed hash of what the browser holds, and codes once used.

A session's key expires when it was idle for too long; asking for it puts that off in the same command, so one that was
ended meanwhile does not come back. A person's sorted set names all theirs, and may name some that are over. Nobody
who reads Redis can make a cookie of it. Knows nothing of passwords or of how long a session may last in all.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from smsgw.errors import StoreRefused
from smsgw.store import keys
from smsgw.store.connection import Store
from smsgw.store.packing import pack, unpack


class Session(NamedTuple):
    """``mark``: hash of the browser's secret. ``credentials``: hash of what it was begun with. Times: real, Unix ms."""

    person: str
    mark: str
    began_ms: int
    credentials: str
    address: str
    idle_ms: int = 0


class SessionStore:
    """Every method raises StoreError."""

    def __init__(self, store: Store, idle_ms: int, most_ms: int) -> None:
        self._store = store
        self._idle_ms = idle_ms
        self._most_ms = most_ms

    async def begin(self, session: Session) -> None:
        """Remember it. It is named before it is there, so that whoever ends all sessions finds it."""
        index = keys.sessions(session.person)
        await self._command("ZADD", index, session.began_ms, session.mark)
        await self._command("ZREMRANGEBYSCORE", index, "-inf", session.began_ms - self._most_ms)
        await self._command("PEXPIRE", index, self._most_ms)
        value = pack([session.began_ms, session.credentials, session.address])
        await self._command("SET", keys.session(session.person, session.mark), value, "PX", self._idle_ms)

    async def touch(self, person: str, mark: str) -> Session | None:
        """The session, which is not idle now; None when there is none."""
        value = await self._command("GETEX", keys.session(person, mark), "PX", self._idle_ms)
        return None if value is None else _session(person, mark, value)

    async def all_of(self, person: str) -> list[Session]:
        """A person's sessions, the oldest first, with how long they are idle."""
        found = []
        for mark in await self._marks(person):
            key = keys.session(person, mark)
            value, left_ms = await self._command("GET", key), int(await self._command("PTTL", key))
            if value is not None and left_ms > 0:
                found.append(_session(person, mark, value)._replace(idle_ms=max(0, self._idle_ms - left_ms)))
        return found

    async def end(self, person: str, *marks: str) -> int:
        """End these; how many there were."""
        if not marks:
            return 0
        gone = int(await self._command("DEL", *(keys.session(person, mark) for mark in marks)))
        await self._command("ZREM", keys.sessions(person), *marks)
        return gone

    async def end_all(self, person: str) -> int:
        """End all of a person; how many there were."""
        return await self.end(person, *await self._marks(person))

    async def use_code(self, person: str, number: int, for_ms: int) -> bool:
        """Whether this is the first use of a person's code; ``for_ms``: how long it could be tried again."""
        return await self._command("SET", keys.code(person, number), b"", "NX", "PX", for_ms) is not None

    async def _marks(self, person: str) -> list[str]:
        return [mark.decode() for mark in await self._command("ZRANGE", keys.sessions(person), 0, -1)]

    async def _command(self, *parts: str | int | bytes) -> Any:
        return await self._store.command(keys.REGISTERS, *parts)


def _session(person: str, mark: str, value: bytes) -> Session:
    try:
        began_ms, credentials, address = unpack(value)
    except (TypeError, ValueError):
        raise StoreRefused(f"a session of {person} can't be read") from None
    return Session(person, mark, began_ms, credentials, address)
