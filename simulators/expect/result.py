"""One expectation's result as a value, and how it and its offenders are written in one line or several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

from simulators.entry import Entry
from simulators.expect.hours import local_time
from smsgw.smpp.constants import status_name

#: "met" and "failed" are for good, whatever comes; "open" may still become either.
State: TypeAlias = Literal["met", "failed", "open"]

_MAX_TEXT = 60


@dataclass(frozen=True, slots=True)
class Offender:
    """An entry that breaks an expectation, and why."""

    entry: Entry
    why: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one expectation."""

    name: str
    #: If the run ended now.
    ok: bool
    #: Whether that can still change.
    state: State
    #: A sentence each.
    expected: str
    found: str
    #: How many entries were meant.
    selected: int = 0
    #: The first ones.
    offenders: tuple[Offender, ...] = ()


def describe_entry(entry: Entry, zone: str = "UTC") -> str:
    """One line: business time in ``zone``, kind, where, from, to, text, and what became of it. No secrets in it."""
    at = local_time(entry.at_ms, ZoneInfo(zone)).isoformat(" ", "milliseconds")
    parts = [at, entry.kind, entry.where]
    if entry.source or entry.destination:
        parts.append(f"{entry.source or '?'} → {entry.destination or '?'}")
    elif entry.account:
        parts.append(f"{entry.account} #{entry.bind}")
    if entry.text:
        text = entry.text if len(entry.text) <= _MAX_TEXT else entry.text[: _MAX_TEXT - 1] + "…"
        parts.append(repr(text))
    if entry.stat:
        parts.append(f"stat {entry.stat}")
    if entry.status:
        parts.append(status_name(entry.status))
    if entry.fate:
        parts.append(entry.fate)
    return "  ".join(part for part in parts if part)


def explain(result: Result, zone: str = "UTC") -> str:
    """What was expected and found, and the offenders, as lines."""
    lines = [f"expected: {result.expected}"] if result.expected != result.name else []
    lines.append(f"found:    {result.found}")
    for offender in result.offenders:
        why = f"  ({offender.why})" if offender.why else ""
        lines.append(f"  {describe_entry(offender.entry, zone)}{why}")
    return "\n".join(lines)
