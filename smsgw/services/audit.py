"""The audit log for people: who changed what, when and why; whether it is whole; a copy of it.

Owns: filters, and lines of JSON for the copy. The chain itself is ``store.audit``. Everybody with any role may look;
nobody can change anything here. A copy's last line is the head to verify against later: keep it elsewhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from smsgw.clock import from_ms, to_ms
from smsgw.errors import RequestError
from smsgw.services.desk import Desk
from smsgw.store.audit import Audited, Fault, Head

MOST_ROWS: Final = 1_000
_READ_AT_ONCE: Final = 1_000
_MOST_SEQ: Final = 2**53
_HEAD: Final = re.compile(r"([1-9][0-9]{0,15}):([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class AuditRow:
    """An entry; ``at`` is ISO text in the site's zone."""

    seq: int
    at: str
    who: str
    action: str
    subject: str
    why: str
    detail: dict[str, Any]
    hash: str


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Newest first. ``next_before``: hand it in as ``before`` for older ones; 0 when there are none."""

    items: list[AuditRow]
    next_before: int


@dataclass(frozen=True, slots=True)
class Verified:
    """``whole``: no fault among ``entries``. ``head`` is what to keep elsewhere, ``<number>:<hash>``."""

    whole: bool
    entries: int
    head: str
    faults: list[Fault]


async def list_(
    desk: Desk,
    *,
    who: str = "",
    action: str = "",
    subject: str = "",
    since: str = "",
    until: str = "",
    before: int = 0,
    limit: int = 50,
) -> AuditPage:
    """Entries, newest first. ``action`` is its beginning (``template.``), ``subject`` a part of it; ``since`` and
    ``until`` are days or times in the site's zone, the latter exclusive; ``before`` is an entry's number."""
    desk.require_reader()
    if not 1 <= limit <= MOST_ROWS:
        raise RequestError("invalid", f"limit: expected 1 to {MOST_ROWS}")
    if not 0 <= before < _MOST_SEQ:
        raise RequestError("invalid", "before: expected the number of an entry, or 0")
    since_ms, until_ms = _instant(desk, "since", since), _instant(desk, "until", until)
    found: list[AuditRow] = []
    while entries := await desk.log.read_back(before, _READ_AT_ONCE):
        for entry in entries:
            if (
                (not who or entry.who == who)
                and entry.action.startswith(action)
                and subject in entry.subject
                and (since_ms is None or entry.at_ms >= since_ms)
                and (until_ms is None or entry.at_ms < until_ms)
            ):
                found.append(_row(desk, entry))
            before = entry.seq
            if len(found) == limit:
                return AuditPage(found, before if before > 1 else 0)
        if before <= 1:
            break
    return AuditPage(found, 0)


async def verify(desk: Desk, *, kept: str = "") -> Verified:
    """Look at every entry. ``kept`` is a head that was noted down earlier, ``<number>:<hash>``: without one, a log
    whose end was cut off together with its head looks whole."""
    desk.require_reader()
    head = None
    if kept:
        match = _HEAD.fullmatch(kept.strip().lower())
        if match is None:
            raise RequestError("invalid", "kept: expected a head as an export ends with, <number>:<hash>")
        head = Head(int(match[1]), match[2])
    verdict = await desk.log.verify(head)
    return Verified(not verdict.faults, verdict.entries, f"{verdict.head.seq}:{verdict.head.hash}", verdict.faults)


async def export(desk: Desk) -> AsyncIterator[str]:
    """The whole log as lines of JSON without line ends, oldest first; the last line is its head."""
    desk.require_reader()
    last = Head(0, "")
    async for entry in desk.log.all():
        last = Head(entry.seq, entry.hash)
        yield json.dumps({**_as_json(_row(desk, entry)), "previous": entry.previous}, ensure_ascii=False)
    yield json.dumps({"head": f"{last.seq}:{last.hash}"})


def _as_json(row: AuditRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in AuditRow.__slots__}


def _row(desk: Desk, entry: Audited) -> AuditRow:
    at = from_ms(entry.at_ms).astimezone(desk.zone).isoformat(timespec="milliseconds")
    return AuditRow(
        entry.seq, at, entry.who, entry.action, entry.subject, entry.why, dict(entry.detail), entry.hash
    )  # fmt: skip


def _instant(desk: Desk, field: str, text: str) -> int | None:
    if not text.strip():
        return None
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        why = f"{field}: {text!r} is neither a day such as 2027-06-30 nor a time such as 2027-06-30T18:00"
        raise RequestError("invalid", why) from None
    return to_ms(at if at.tzinfo is not None else at.replace(tzinfo=desk.zone))
