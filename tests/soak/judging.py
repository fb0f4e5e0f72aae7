"""What was seen each minute, and whether it is flat.

Pure. The first minutes are warming up: pools fill, code is loaded, tables grow to their size. Of the rest the first
third is compared with the last third, by medians, so that one bad minute of the machine is not a leak.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

MIB = 2**20
#: May grow by the larger of the two.
MEMORY_SHARE, MEMORY_OCTETS = 0.05, 16 * MIB
FDS = 8
#: The machine has slow minutes; a queue that builds up makes far more than this of both.
P50_TIMES, P50_MS = 1.5, 10.0
P99_TIMES, P99_MS = 2.0, 100.0


@dataclass(frozen=True, slots=True)
class Seen:
    """One process at the end of a minute; ``cpu_share`` of a core, during it."""

    rss_octets: int
    fds: int
    cpu_share: float


@dataclass(frozen=True, slots=True)
class Minute:
    """One minute: the processes by name, messages and latencies in ms. ``store_octets``: what Redis says it uses."""

    messages: int
    failed: int
    answer_p50_ms: float
    answer_p99_ms: float
    receipt_p50_ms: float
    receipt_p99_ms: float
    processes: dict[str, Seen]
    store_octets: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was compared: its medians, and whether it is flat."""

    what: str
    first: float
    last: float
    flat: bool


@dataclass(slots=True)
class Judgement:
    """``findings`` in the order of the table; ``problems`` are sentences."""

    findings: list[Finding] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def flat(self) -> bool:
        return not self.problems


def judge(minutes: Sequence[Minute], warm_up: int, grows: Sequence[str] = ()) -> Judgement:
    """Whether anything grew. ``grows``: processes whose memory is what they keep, and is looked at by the message."""
    found = Judgement()
    rest = minutes[warm_up:]
    if len(rest) < 2:
        found.problems.append(f"{len(minutes)} minutes, of which {warm_up} warm up: too few to compare")
        return found
    third = max(1, len(rest) // 3)
    first, last = rest[:third], rest[-third:]

    def compare(what: str, value: Callable[[Minute], float], most: Callable[[float], float]) -> None:
        before, after = statistics.median(map(value, first)), statistics.median(map(value, last))
        flat = after <= most(before)
        found.findings.append(Finding(what, before, after, flat))
        if not flat:
            found.problems.append(
                f"{what}: {before:,.0f} at first, {after:,.0f} at the end, at most {most(before):,.0f}"
            )

    for name in minutes[-1].processes:
        if any(name not in minute.processes for minute in rest):
            found.problems.append(f"{name} was not there all the time")
            continue
        if name not in grows:
            compare(
                f"{name} memory", lambda minute, name=name: minute.processes[name].rss_octets,
                lambda before: before + max(before * MEMORY_SHARE, MEMORY_OCTETS),
            )  # fmt: skip
        compare(f"{name} files", lambda minute, name=name: minute.processes[name].fds, lambda before: before + FDS)
    latencies = (
        ("answer p50", lambda minute: minute.answer_p50_ms, P50_TIMES, P50_MS),
        ("answer p99", lambda minute: minute.answer_p99_ms, P99_TIMES, P99_MS),
        ("receipt p50", lambda minute: minute.receipt_p50_ms, P50_TIMES, P50_MS),
        ("receipt p99", lambda minute: minute.receipt_p99_ms, P99_TIMES, P99_MS),
    )
    for what, value, times, more_ms in latencies:
        compare(what, value, lambda before, times=times, more_ms=more_ms: max(before * times, before + more_ms))
    failed = sum(minute.failed for minute in minutes)
    if failed:
        found.problems.append(f"{failed} messages were not answered ESME_ROK, or their receipts did not come")
    return found
