"""What a record is: the steps of a message's life and the fields of a row.

Owns: the order and meaning of fields, and their JSON form. A row is a plain tuple in ``FIELDS``
order, as the hot path appends it; a ``Record`` is the same read back. Never holds content or a full
number: recipients come as a keyed hash and masked. Unknown steps and extra fields of a later version
are kept, missing ones read as empty.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from types import MappingProxyType
from typing import NamedTuple, cast

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR_MS = 3_600_000


class Step(IntEnum):
    """A step of a message's life; the numbers are in files, so they never change."""

    ACCEPTED = 1
    REFUSED = 2
    HELD = 3
    RELEASED = 4
    SENT = 5
    ANSWERED = 6
    REROUTED = 7
    RETRIED = 8
    RECEIPT = 9
    RECEIPT_RETURNED = 10
    MO = 11
    OPTOUT = 12
    RESUBSCRIBED = 13
    EXPIRED = 14
    CANCELLED = 15
    REPLACED = 16
    UNKNOWN = 17
    FAILED = 18
    PARKED = 19
    REVIEWED = 20
    COMPLAINED = 21
    BLACKLISTED = 22
    DEAD = 23
    CLICKED = 24
    CARRIER_PDU = 25
    """No step of its own: octets that belong to another one, in the archive the message's, in a raw file a batch."""


#: Names of a row's detail values, by step, in order; all may be left out from the end.
DETAIL: Mapping[int, tuple[str, ...]] = MappingProxyType(
    {
        Step.ACCEPTED: ("route",),
        Step.REFUSED: ("reason",),
        Step.HELD: ("until_ms", "reason"),
        Step.SENT: ("bind",),
        Step.ANSWERED: ("carrier_message_id", "reason"),
        Step.REROUTED: ("from_carrier", "reason"),
        Step.RETRIED: ("attempt", "delay_ms", "reason"),
        Step.RECEIPT: ("state", "err", "carrier_message_id"),
        Step.RECEIPT_RETURNED: ("state",),
        Step.MO: ("dialled",),
        Step.OPTOUT: ("scope", "source"),
        Step.RESUBSCRIBED: ("scope", "source"),
        Step.EXPIRED: ("reason",),
        Step.CANCELLED: ("reason",),
        Step.REPLACED: ("reason",),
        Step.UNKNOWN: ("reason",),
        Step.FAILED: ("reason",),
        Step.PARKED: ("lot", "reason"),
        Step.REVIEWED: ("verdict", "note"),
        Step.COMPLAINED: ("scope", "source"),
        Step.BLACKLISTED: ("scope", "reason", "expires_ms"),
        Step.DEAD: ("reason", "expires_ms"),
        Step.CLICKED: ("template", "campaign", "link"),
        Step.CARRIER_PDU: ("of",),
    }
)
_STEP_NAMES = {int(step): step.name.lower() for step in Step}
_CLASS_NAMES = ("otp", "notice", "marketing")
#: The class of a step that knows none: receipts, MO, opt-outs.
NO_CLASS = -1

#: A row as it is appended: ``Record``'s fields up to ``latency_ms``, then the detail values, flat.
Row = tuple[int, int, str, str, str, int, str, str, int, int, str, str, float, *tuple[object, ...]]


class Record(NamedTuple):
    """One step of one message, as read back. Empty text and 0 stand for "not known at this step"."""

    at_ms: int
    """Business time of the step, milliseconds since 1970 UTC; it decides the file."""
    step: int
    message_id: str
    """Ours; empty for what never got one (a refusal before admission, an MO)."""
    account: str
    carrier: str
    message_class: int
    """0 otp, 1 notice, 2 marketing, NO_CLASS where the step does not know."""
    recipient_hash: str
    recipient_masked: str
    segments: int
    status: int
    """command_status that was answered by us or to us; 0 is ESME_ROK."""
    rule_id: str
    signature: str
    latency_ms: float
    """How long the step took: until the answer, until the receipt."""
    detail: tuple[object, ...] = ()
    """Values named by ``DETAIL`` for this step, then whatever else the writer added."""

    @property
    def step_name(self) -> str:
        """``accepted``, …; ``step 99`` for one that this version doesn't know."""
        return _STEP_NAMES.get(self.step, f"step {self.step}")

    @property
    def at(self) -> datetime:
        """``at_ms`` as an aware datetime in UTC."""
        return _EPOCH + timedelta(milliseconds=self.at_ms)


FIXED_FIELDS = len(Record._fields) - 1
_EMPTY: Row = (0, 0, "", "", "", 0, "", "", 0, 0, "", "", 0)


def padded(row: tuple[object, ...]) -> Row:
    """A row of an older version with its missing fields empty."""
    return cast("Row", row + _EMPTY[len(row) :])


def record_of(row: Row) -> Record:
    """The Record of a row as it was appended."""
    return Record._make((*row[:FIXED_FIELDS], row[FIXED_FIELDS:]))


def to_ms(at: datetime) -> int:
    """Milliseconds since 1970 of an aware ``at``; raises TypeError for a naive one."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


def as_dict(record: Record) -> dict[str, object]:
    """The record with names for numbers and without its empty fields; its values are ready for JSON."""
    shown: dict[str, object] = {
        "at": record.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "step": record.step_name,
        "message_id": record.message_id,
        "account": record.account,
        "carrier": record.carrier,
        "class": _class_name(record.message_class),
        "recipient_hash": record.recipient_hash,
        "recipient": record.recipient_masked,
        "segments": record.segments,
        "status": f"0x{record.status:08X}",
        "rule": record.rule_id,
        "signature": record.signature,
        "latency_ms": record.latency_ms,
    }
    names = DETAIL.get(record.step, ())
    shown.update(zip(names, record.detail, strict=False))
    if len(record.detail) > len(names):
        shown["detail"] = list(record.detail[len(names) :])
    return {name: value for name, value in shown.items() if value not in ("", 0, None)}


def to_json(record: Record) -> str:
    """The record as one line of JSON, fields as in ``as_dict``."""
    return json.dumps(as_dict(record), ensure_ascii=False, separators=(",", ":"), default=str)


def _class_name(message_class: int) -> str:
    if message_class == NO_CLASS:
        return ""
    return _CLASS_NAMES[message_class] if 0 <= message_class < len(_CLASS_NAMES) else str(message_class)
