"""What query_sm answers: one short value a message id.

Owns its form: 17 ASCII octets (message_state digit, error code of 3 digits, final time in ms of 13 digits, zeros when
there is none), then account, NUL, source_addr. Written by admission, by settlement of failures and by final receipts;
gone after ``state_ttl_ms`` together with its neighbours, for ids that differ in their last digit share a hash. Updates
never bring an expired value back. It lies in the home of its message id (``keys.home``), which is its recipient's
partition but for ids from before the number of partitions was changed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from smsgw.errors import StoreError
from smsgw.store import keys
from smsgw.store.commit import CallId, GroupCommit
from smsgw.store.connection import Store
from smsgw.store.packing import to_script
from smsgw.store.scripts import script

HEADER_OCTETS: Final = 17
ENROUTE_HEADER: Final = b"10000000000000000"
_LARGEST_MS: Final = 9_999_999_999_999


class MessageStatus(NamedTuple):
    """``message_state`` as in SMPP 3.4 §5.2.28; ``final_ms`` business time, 0 while not final."""

    message_state: int
    error_code: int
    final_ms: int
    account: str
    source_addr: str


def state_header(message_state: int, error_code: int = 0, final_ms: int = 0) -> bytes:
    """The 17 octets. ``message_state`` 0–9, ``error_code`` 0–999 (cut to its last three digits)."""
    return b"%d%03d%013d" % (message_state % 10, error_code % 1000, min(max(final_ms, 0), _LARGEST_MS))


def state_value(header: bytes, account: str, source_addr: str) -> bytes:
    """The whole value of a message id."""
    return header + account.encode() + b"\0" + source_addr.encode()


class States:
    """Queries, and updates whose message lies in another partition than the call that decided them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._script = script("state")
        self.commit: GroupCommit[tuple[str, bytes], None] = GroupCommit(
            "state", self._send, self._written, retry_for_s=math.inf
        )

    async def query(self, message_id: str) -> MessageStatus | None:
        """What is known of a message id; None for an unknown, foreign or expired one. Raises StoreError."""
        try:
            key, field = keys.state(message_id, self._store.partitions)
            partition = keys.partition_of_key(key)
        except ValueError:
            return None
        value = await self._store.command(partition, "HGET", key, field)
        return parse_state(value) if value else None

    def write(self, message_id: str, value: bytes) -> None:
        """Update a value if it is still there. Nobody waits for it."""
        self.commit.put(keys.home(message_id, self._store.partitions), (message_id, value))

    async def _send(self, partition: int, call_id: CallId, items: list[tuple[str, bytes]]) -> list[None]:
        payload = to_script((self._store.settings.final_state_ttl_ms, *items))
        await self._store.evaluate(partition, self._script, payload, call_id)
        return [None] * len(items)

    def _written(self, items: list[tuple[str, bytes]], replies: list[None] | StoreError) -> None:
        """A lost update only makes query_sm answer what was true before; the counter of failures tells."""


Flat = Sequence[str | bytes]
"""Message id, value, message id, value …"""


def away_from(flat: Flat, partition: int, store: Store) -> list[str | bytes]:
    """Those states that don't belong to this partition: of messages from before the store was migrated."""
    if not store.migrated_s:
        return []
    return [
        part
        for at in range(0, len(flat), 2)
        if keys.home(str(flat[at]), store.partitions) != partition
        for part in flat[at : at + 2]
    ]


def without(flat: Flat, away: Flat) -> Flat:
    """The others."""
    if not away:
        return flat
    ids = set(away[::2])
    return [part for at in range(0, len(flat), 2) if flat[at] not in ids for part in flat[at : at + 2]]


async def write_at_home(store: Store, flat: Flat, ttl_ms: int) -> None:
    """Write states where their ids say; ``ttl_ms`` 0: only those that are there. Raises StoreError; repeat it then."""
    by_home: dict[int, list[Flat]] = {}
    for at in range(0, len(flat), 2):
        by_home.setdefault(keys.home(str(flat[at]), store.partitions), []).append(flat[at : at + 2])
    for partition, states in by_home.items():
        await store.evaluate(partition, script("state"), to_script((ttl_ms, *states)))


def parse_state(value: bytes) -> MessageStatus:
    """Reverse of ``state_value``. Raises StoreError for anything else."""
    try:
        account, source = (value[HEADER_OCTETS:].decode() + "\0").split("\0")[:2]
        return MessageStatus(int(value[:1]), int(value[1:4]), int(value[4:HEADER_OCTETS]), account, source)
    except ValueError as error:
        raise StoreError(f"not a message's state: {error}") from error
