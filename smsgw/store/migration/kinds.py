"""Every kind of key, and what becomes of it when a store is moved. The table of ``keys`` has the same kinds.

Owns: where a key that moves as it is belongs among another number of partitions. What can go wrong: a key of a kind
that is not here was written by a newer smsgw, which has to move it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final, NamedTuple
from zlib import crc32

from smsgw.store import keys


class Way(Enum):
    """How a kind is moved."""

    WHOLE = "as it is, to where its name belongs"
    REGISTER = "as it is, partition 0"
    QUEUE = "message by message"
    HELD = "message by message, by its recipient"
    OWN = "by a way of its own"
    LEFT = "left behind"


class Unit(Enum):
    """What is counted of a kind."""

    KEYS = "keys"
    FIELDS = "fields"
    MEMBERS = "members"
    ENTRIES = "entries"
    MESSAGES = "messages"
    NOTHING = ""


class Kind(NamedTuple):
    """``left``: why it, or a part of it, is left behind. ``partition`` of what follows the kind in the key, and P."""

    way: Way
    title: str
    unit: Unit = Unit.KEYS
    left: str = ""
    partition: Callable[[bytes, int], int] | None = None


def spread(text: bytes, partitions: int) -> int:
    """As ``keys.spread``."""
    return crc32(text) % partitions


def of_group(group: bytes, partitions: int) -> int:
    """A group of segments, ``<account>:<recipient's hash>:<sender>``."""
    return spread(group.rsplit(b":", 2)[1], partitions)


def of_account(rest: bytes, partitions: int) -> int:
    """``<account>:<bucket>``."""
    return spread(rest.rpartition(b":")[0], partitions)


def of_message(message_id: bytes, partitions: int) -> int:
    """A message id's home, of the whole id or of how it begins."""
    return keys.home(message_id.decode(), partitions)


def of_call(slot: bytes, partitions: int) -> int:
    """The reply of a call under a name, ``once.<recipient's hash>.<name>``."""
    parts = slot.split(b".", 2)
    return spread(parts[1], partitions) if len(parts) > 2 else 0


ONCE: Final = b"once."
"""Replies of calls with such a slot outlive the process: the same receipt may come once more."""
_NOBODY: Final = "of processes, and none lives"

KINDS: Final[Mapping[str, Kind]] = {
    "mt": Kind(Way.QUEUE, "messages for carriers", Unit.MESSAGES),
    "out": Kind(Way.QUEUE, "receipts and MO for applications", Unit.MESSAGES),
    "part": Kind(Way.OWN, "counts beside queues", Unit.NOTHING),
    "held": Kind(Way.HELD, "held messages", Unit.MEMBERS, "without a message"),
    "heldmsg": Kind(Way.HELD, "texts of held messages", Unit.FIELDS),
    "parked": Kind(Way.HELD, "parked messages", Unit.MEMBERS, "without a message"),
    "lotof": Kind(Way.HELD, "lots of parked messages", Unit.FIELDS, "without a message"),
    "lots": Kind(Way.HELD, "lots with messages", Unit.NOTHING),
    "pace": Kind(Way.LEFT, "how fast lots are let go", left="lives for seconds"),
    "c": Kind(Way.WHOLE, "counters of recipients", partition=spread),
    "who": Kind(Way.WHOLE, "what is known of recipients", partition=spread),
    "quota": Kind(Way.WHOLE, "quotas of accounts", partition=of_account),
    "rate": Kind(Way.LEFT, "rates of accounts", left="lives for seconds"),
    "binds": Kind(Way.LEFT, "binds of accounts", left=_NOBODY),
    "bound": Kind(Way.LEFT, "until when those counts are believed", left=_NOBODY),
    "ranks": Kind(Way.LEFT, "ranks of processes", left=_NOBODY),
    "builds": Kind(Way.LEFT, "versions of processes", left=_NOBODY),
    "upgrade": Kind(Way.LEFT, "who upgrades the store", left=_NOBODY),
    "proved": Kind(Way.REGISTER, "marks of proved passwords", Unit.MEMBERS),
    "links": Kind(Way.REGISTER, "short links", Unit.FIELDS),
    "alarms": Kind(Way.REGISTER, "alarms"),
    "session": Kind(Way.LEFT, "sessions of the console", left="people sign in again"),
    "sessions": Kind(Way.LEFT, "whose those are", left="people sign in again"),
    "code": Kind(Way.LEFT, "used codes of signing in", left="lives for minutes"),
    "rcpt": Kind(Way.WHOLE, "carriers' message ids", partition=spread),
    "early": Kind(Way.WHOLE, "receipts that wait for their message", partition=spread),
    "deciding": Kind(Way.WHOLE, "failures being decided on", partition=spread),
    "gather": Kind(Way.OWN, "parts of messages", left="of messages that have ended"),
    "tally": Kind(Way.OWN, "counts of missing receipts", Unit.NOTHING),
    "idforms": Kind(Way.REGISTER, "how carriers write ids", Unit.FIELDS),
    "st": Kind(Way.WHOLE, "states for query_sm", partition=of_message),
    "long": Kind(Way.WHOLE, "segments that wait for the rest", partition=of_group),
    "longdue": Kind(Way.OWN, "until when they wait", Unit.MEMBERS),
    "done": Kind(Way.OWN, "replies for calls that are repeated", left=_NOBODY),
    "reg": Kind(Way.REGISTER, "documents of registers", Unit.FIELDS),
    "regfeed": Kind(Way.REGISTER, "changes of registers", Unit.ENTRIES),
    "regbulk": Kind(Way.REGISTER, "bulk changes under way", Unit.FIELDS),
    "ported": Kind(Way.REGISTER, "ported numbers", Unit.ENTRIES),
    "fleet": Kind(Way.OWN, "files that processes have seen", Unit.FIELDS, _NOBODY),
    "audit": Kind(Way.REGISTER, "entries of the audit log", Unit.ENTRIES),
    "audithead": Kind(Way.REGISTER, "head of the audit log", Unit.FIELDS),
    "nodes": Kind(Way.OWN, "processes that have ended", Unit.NOTHING),
    "lease": Kind(Way.LEFT, "leases of binds", left=_NOBODY),
    "hwm": Kind(Way.OWN, "how far processes had sent", Unit.NOTHING),
    "events": Kind(Way.OWN, "changes of what is known of recipients", Unit.ENTRIES),
    "meta": Kind(Way.OWN, "schema and number of partitions", Unit.NOTHING),
}
"""What follows the tag, up to the next colon → the kind."""


def kind_of(rest: bytes) -> str:
    """The kind of a key by what follows its tag: ``:st:00…`` → ``st``; empty when it is none of ours."""
    name = rest[1:].partition(b":")[0].decode("ascii", "replace")
    return name if rest[:1] == b":" and name in KINDS else ""


def name_in(rest: bytes) -> bytes:
    """What follows the kind: ``:rcpt:alpha:17`` → ``alpha:17``."""
    return rest[1:].partition(b":")[2]
