"""The audit log: who changed what, when and why, one chain of entries that nobody can change unseen.

Owns: the chain. Each entry holds its number and the hash of the one before; its own hash is keyed with a secret of the
site (BLAKE2b), so whoever can write to Redis but has not the secrets can't make one. Entries are never trimmed.
Beside the chain lies its head, number and hash of the last entry; ``verify`` finds with it that the tail is cut. A tail
that is cut together with the head shows only against a head that was kept elsewhere, such as in an export: hand it in.
Entries hold no full phone number and no secret; whoever writes one sees to that.
What can go wrong: after StoreAway an entry may have been written; a call that is tried again under its id writes none.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from hashlib import blake2b
from hmac import compare_digest
from itertools import count
from time import monotonic
from typing import Any, Final, NamedTuple

from smsgw.errors import RequestError, StoreAway, StoreError
from smsgw.store import keys
from smsgw.store.commit import CallId
from smsgw.store.connection import Store
from smsgw.store.packing import from_script, pack, to_script, unpack
from smsgw.store.scripts import script
from smsgw.store.seal import Recipients

WHOLE, BEGINS, GOES_ON, ENDS = range(4)
"""Phase of a write: by itself, or of a bulk its first, a middle and its last call."""

_OK, _MOVED, _CONFLICT = range(3)
_HASH_OCTETS: Final = 32
_FEED_EVENTS: Final = 10_000
"""Kept for those who lost their connection; whoever missed more reads everything again."""
_PURPOSE: Final = "audit log"
_READ_AT_ONCE: Final = 500
_TRY_FOR_S: Final = 10.0
_BACKOFF_S: Final = 0.05
_PROCESS: Final = os.urandom(6).hex()
_next_slot: Final = count(1).__next__

Row = tuple[str, int, bytes]


class AuditEntry(NamedTuple):
    """What is to be written. ``subject`` names what was changed, such as ``template welcome@2``; ``detail`` holds what
    msgpack can: the values before and after, counts. ``at_ms`` is business time."""

    at_ms: int
    who: str
    action: str
    subject: str
    why: str
    detail: Mapping[str, Any] = {}


class Audited(NamedTuple):
    """An entry as it stands in the log; ``hash`` and ``previous`` are hex."""

    seq: int
    at_ms: int
    who: str
    action: str
    subject: str
    why: str
    detail: Mapping[str, Any]
    previous: str
    hash: str


class Head(NamedTuple):
    """The last entry's number (0: the log is empty) and hash in hex."""

    seq: int
    hash: str


class Fault(NamedTuple):
    """What is wrong at an entry, in a sentence."""

    seq: int
    why: str


class Verdict(NamedTuple):
    """``entries`` were looked at; without ``faults`` the chain up to ``head`` is whole."""

    entries: int
    head: Head
    faults: list[Fault]


class Copied(NamedTuple):
    """An entry in a copy of the log: number, packed entry, hash."""

    seq: int
    packed: bytes
    hash: bytes


class _Raw(NamedTuple):
    """An entry as it lies in the stream."""

    id: bytes
    seq: int
    packed: bytes
    hash: bytes


class AuditLog:
    """Appends to the log, reads and verifies it. Every method raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._script = script("register")
        self._key = store.recipients.key_for(_PURPOSE)
        self._slot = f"register.{_PROCESS}.{_next_slot()}"
        self._number = 0
        self._one_at_a_time = asyncio.Lock()
        self._head = (0, b"")

    async def append(self, entry: AuditEntry) -> None:
        """Write an entry by itself."""
        await self.write(entry, "", ())

    async def write(
        self, entry: AuditEntry | None, kind: str, rows: Sequence[Row], phase: int = WHOLE, told: bytes = b""
    ) -> list[int]:
        """Write an entry with the documents of a register that it is about, all or nothing; ``RegisterStore`` calls it.

        Gives the documents' new revisions. Raises RequestError ``conflict`` when one has another revision than
        expected. However many write at once, each gets its place in the chain.
        """
        async with self._one_at_a_time:
            while True:
                seq, head = self._head
                link = () if entry is None else self._link(seq + 1, head, entry)
                reply = await self._call(to_script((kind, rows, phase, told, _FEED_EVENTS, link)))
                if link and reply[0] != _MOVED:
                    self._head = (seq, head) if reply[0] == _CONFLICT else (seq + 1, link[2])
                if reply[0] == _OK:
                    return [int(revision) for revision in reply[1:]]
                if reply[0] == _CONFLICT:
                    name = rows[int(reply[1])][0]
                    is_new = rows[int(reply[1])][1] == 0
                    why = "is there already" if is_new else "was changed by somebody else meanwhile; look at it again"
                    raise RequestError("conflict", f"{kind} {name} {why}")
                self._head = (int(reply[1]), reply[2])

    async def head(self) -> Head:
        """The last entry's number and hash, as the store says."""
        seq, digest = await self._store.command(keys.REGISTERS, "HMGET", keys.audit_head(), "seq", "hash")
        return Head(int(seq or 0), (digest or b"").hex())

    async def read(self, after: int = 0, limit: int = 100) -> list[Audited]:
        """Entries behind number ``after``, oldest first."""
        return [_audited(raw) for raw in await self._range("XRANGE", f"({after}-0", "+", limit)]

    async def read_back(self, before: int = 0, limit: int = 100) -> list[Audited]:
        """Entries in front of number ``before`` (0: the last ones), newest first."""
        return [_audited(raw) for raw in await self._range("XREVRANGE", f"({before}-0" if before else "+", "-", limit)]

    async def verify(self, kept: Head | None = None) -> Verdict:
        """Look at every entry and its place in the chain, up to what is the last one now: it ends, however many write
        meanwhile. ``kept``: a head that was noted down earlier, elsewhere."""
        chain = _Chain(self._key, kept)
        last = await self._last()
        head = await self.head()  # asked after the last entry, so it can't be older
        async for entries in self._pages(max(last, head.seq)):
            for raw in entries:
                chain.take(raw)
        chain.end(head)
        return Verdict(chain.entries, head, chain.faults)

    async def all(self) -> AsyncIterator[Audited]:
        """Every entry that there is now, oldest first."""
        async for entries in self._pages(await self._last()):
            for raw in entries:
                yield _audited(raw)

    async def raw(self) -> AsyncIterator[Copied]:
        """Every entry that there is now as it lies there, oldest first, for a copy that can be put back."""
        async for entries in self._pages(await self._last()):
            for raw in entries:
                yield Copied(raw.seq, raw.packed, raw.hash)

    async def put_back(self, entries: Sequence[Copied]) -> bool:
        """Append entries of a checked copy with the numbers and hashes that they had; False when the log is at another
        place, or holds others. What is there already is passed over, so it may be repeated after an error."""
        head = await self.head()
        if any(each.seq == head.seq and each.hash.hex() != head.hash for each in entries):
            return False
        wanted = [each for each in entries if each.seq > head.seq]
        if not wanted:
            return True
        payload = to_script((head.seq, bytes.fromhex(head.hash), [tuple(each) for each in wanted]))
        return bool(from_script(await self._store.evaluate(keys.REGISTERS, script("restore_audit"), payload)))

    async def _last(self) -> int:
        """The number of the last entry, 0 for none, whatever the head says."""
        found = await self._range("XREVRANGE", "+", "-", 1)
        return found[0].seq if found else 0

    async def _pages(self, until: int) -> AsyncIterator[list[_Raw]]:
        behind = b"0-0"
        while entries := await self._range("XRANGE", b"(" + behind, str(until), _READ_AT_ONCE):
            yield entries
            behind = entries[-1].id

    def _link(self, seq: int, head: bytes, entry: AuditEntry) -> tuple[int, bytes, bytes, bytes]:
        """The entry with its place in the chain, as the script takes it."""
        packed = pack((seq, entry.at_ms, entry.who, entry.action, entry.subject, entry.why, dict(entry.detail), head))
        return seq, head, _digest(self._key, packed), packed

    async def _call(self, payload: bytes) -> Any:
        """Run the script once, however often it takes. The lock is held."""
        self._number += 1
        call_id = CallId(self._slot, self._number, monotonic() + _TRY_FOR_S)
        while True:
            try:
                return from_script(await self._store.evaluate(keys.REGISTERS, self._script, payload, call_id))
            except StoreAway:
                if monotonic() >= call_id.give_up_at:
                    raise
                await asyncio.sleep(_BACKOFF_S)

    async def _range(self, command: str, first: str | bytes, last: str, limit: int) -> list[_Raw]:
        reply = await self._store.command(keys.REGISTERS, command, keys.audit(), first, last, "COUNT", limit)
        return [_raw(entry_id, fields) for entry_id, fields in reply or ()]


class _Chain:
    """Follows the chain from its first entry and gathers what is wrong."""

    def __init__(self, key: bytes, kept: Head | None) -> None:
        self.entries = 0
        self.faults: list[Fault] = []
        self._key = key
        self._kept = kept
        self.seq = 0
        self._hash = b""

    def take(self, raw: _Raw) -> None:
        """The next entry as it lies there."""
        seq = raw.seq
        self.entries += 1
        self._look_for_gap(seq)
        written, previous = _place(raw)
        if not compare_digest(_digest(self._key, raw.packed), raw.hash):
            self._fault(seq, f"entry {seq} was changed, or made without the site's secrets")
        elif written != seq:
            self._fault(seq, f"entry {seq} was written as number {written}: entries were moved or copied")
        elif seq == self.seq + 1 and previous != self._hash:
            self._fault(seq, f"entry {seq} does not follow entry {self.seq}: one of them was replaced")
        if self._kept is not None and seq == self._kept.seq and raw.hash.hex() != self._kept.hash:
            self._fault(seq, f"entry {seq} is not the one that was kept elsewhere")
        self.seq, self._hash = seq, raw.hash

    def end(self, head: Head) -> None:
        """No more entries: compare the last one with the head, and with what was kept elsewhere."""
        kept = self._kept.seq if self._kept is not None else 0
        if self.seq < max(head.seq, kept):
            self._look_for_gap(max(head.seq, kept) + 1)
        elif self.seq == head.seq and self._hash.hex() != head.hash:
            self._fault(head.seq, f"the head does not fit entry {head.seq}, the last one")
        elif self.seq > head.seq:
            self._fault(self.seq, f"entry {self.seq} is behind the head, which is {head.seq}")

    @property
    def head(self) -> Head:
        """The entry that was taken last."""
        return Head(self.seq, self._hash.hex())

    def _look_for_gap(self, seq: int) -> None:
        first, last = self.seq + 1, seq - 1
        if seq <= self.seq:
            self._fault(seq, f"entry {seq} stands there twice")
        if first < last:
            self._fault(first, f"entries {first} to {last} are missing")
        elif first == last:
            self._fault(first, f"entry {first} is missing")

    def _fault(self, seq: int, why: str) -> None:
        self.faults.append(Fault(seq, why))


class CopyChecker:
    """Looks at the entries of a copy of the log in their order; ``fault`` says what is wrong, empty: nothing so far.

    A copy begins with entry 1, or is no whole one.
    """

    def __init__(self, key: bytes) -> None:
        self._chain = _Chain(key, None)

    def take(self, entry: Copied) -> None:
        """The next entry."""
        self._chain.take(_Raw(b"%d-0" % entry.seq, entry.seq, entry.packed, entry.hash))

    @property
    def head(self) -> Head:
        """The last entry so far."""
        return self._chain.head

    @property
    def fault(self) -> str:
        """The first fault in a sentence."""
        return self._chain.faults[0].why if self._chain.faults else ""


def copy_checker(recipients: Recipients) -> CopyChecker:
    """For a copy that was made with these secrets."""
    return CopyChecker(recipients.key_for(_PURPOSE))


def _digest(key: bytes, packed: bytes) -> bytes:
    return blake2b(packed, digest_size=_HASH_OCTETS, key=key).digest()


def _raw(entry_id: bytes, fields: Any) -> _Raw:
    named = dict(zip(fields[::2], fields[1::2], strict=False))
    return _Raw(entry_id, int(entry_id.partition(b"-")[0]), named.get(b"e", b""), named.get(b"h", b""))


def _place(raw: _Raw) -> tuple[int, bytes]:
    """Number and previous hash that an entry says it has."""
    try:
        fields = unpack(raw.packed)
        return int(fields[0]), bytes(fields[7])
    except (ValueError, TypeError, IndexError):
        return 0, b""


def _audited(raw: _Raw) -> Audited:
    try:
        _, at_ms, who, action, subject, why, detail, previous = unpack(raw.packed)[:8]
        return Audited(raw.seq, at_ms, who, action, subject, why, detail, previous.hex(), raw.hash.hex())
    except (ValueError, TypeError, AttributeError) as error:
        raise StoreError(f"audit entry {raw.seq} can't be read ({error}); verify the log") from error
