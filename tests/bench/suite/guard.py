"""bin/bench --guard: whether parts of the hot path cost more than ``guard.json`` says, on any machine, busy or not.

    bin/bench --guard              exit status 1 when a part costs more than its tolerance allows
    bin/bench --guard --update     write down what they cost now; for a change that is meant, beside the change

A part's cost is a ratio: its CPU time divided by that of a calibrated loop in pure Python, measured in turns of some
milliseconds, so that whatever slows the machine slows both. The best of many turns counts for each, and what looks
slower is measured again, some times, before it is believed. Ratios differ between versions of Python, and with and
without the compiled loops, so each of these has its own.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from smsgw.policy.native import IS_COMPILED
from tests.bench.suite.guard_work import MESSAGES, Work, works
from tests.bench.suite.machine import calibrated

FILE = Path(__file__).with_name("guard.json")
#: How much more than its expected ratio a part may cost, and how much less before its figure should be renewed.
TOLERANCE = 0.20
_TURNS = 120
#: So often a part may look slower before it is called so.
_TRIES = 4
#: What is written down is the median of so many.
_UPDATES = 3
#: A slice takes about this long: short enough to lie between two interruptions.
_SLICE_S = 0.0015


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one part; ``expected`` None: nothing is written down for it."""

    name: str
    found: float
    expected: float | None

    @property
    def change(self) -> float:
        """0.1: it costs a tenth more than expected."""
        return 0.0 if self.expected is None else self.found / self.expected - 1

    @property
    def is_slower(self) -> bool:
        """Whether the guard fails."""
        return self.change > TOLERANCE

    @property
    def is_faster(self) -> bool:
        """Whether its figure lets too much pass by now."""
        return self.change < -TOLERANCE / (1 + TOLERANCE)


def variant() -> str:
    """What ratios depend on beside the code."""
    loops = "compiled" if IS_COMPILED else "pure"
    return f"{platform.python_implementation()} {sys.version_info[0]}.{sys.version_info[1]}, {loops}"


def ratios(parts: Sequence[Work], turns: int = _TURNS) -> dict[str, float]:
    """CPU of one message in each part, divided by one turn of the calibrated loop."""
    calls: dict[str, Callable[[], object]] = {"": calibrated, **{part.name: part.call for part in parts}}
    numbers = {name: _number(call) for name, call in calls.items()}
    best = dict.fromkeys(calls, float("inf"))
    gc.collect()
    gc.disable()
    try:
        for _ in range(turns):
            for name, call in calls.items():
                best[name] = min(best[name], _slice(call, numbers[name]))
    finally:
        gc.enable()
    loop = best.pop("")
    return {name: each / MESSAGES / loop for name, each in best.items()}


def best_of(
    measure: Callable[[], Mapping[str, float]], expected: Mapping[str, float], tries: int = _TRIES
) -> dict[str, float]:
    """Measure until no part looks slower than it may be, at most so often; the best of each part."""
    found = dict(measure())
    for _ in range(tries - 1):
        if not any(each.is_slower for each in verdicts(found, expected)):
            break
        again = measure()
        found = {name: min(each, again[name]) for name, each in found.items()}
    return found


def verdicts(found: Mapping[str, float], expected: Mapping[str, float]) -> list[Verdict]:
    """Each part beside what is written down."""
    return [Verdict(name, each, expected.get(name)) for name, each in found.items()]


def read(path: Path = FILE) -> dict[str, dict[str, float]]:
    """What is written down, by variant."""
    found: dict[str, dict[str, float]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def write(found: Mapping[str, float], of: str, path: Path = FILE) -> None:
    """Put down what parts cost now; other variants stay."""
    known = read(path)
    known[of] = {name: round(each, 4) for name, each in found.items()}
    path.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def judge(found: Sequence[Verdict]) -> tuple[list[str], bool]:
    """A line for each part, and whether all is well."""
    lines = []
    for each in found:
        if each.expected is None:
            what = "nothing is written down: --update"
        elif each.is_slower:
            what = f"SLOWER: {each.change:+.0%}, {TOLERANCE:.0%} is allowed"
        elif each.is_faster:
            what = f"{each.change:+.0%}: faster; --update, or the guard lets it grow back"
        else:
            what = f"{each.change:+.0%}"
        expected = "–" if each.expected is None else f"{each.expected:.3f}"
        lines.append(f"{each.name:<14}{each.found:8.3f}   expected {expected:>7}   {what}")
    return lines, not any(each.is_slower or each.expected is None for each in found)


def main(arguments: Sequence[str]) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        "bin/bench --guard", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--update", action="store_true", help="write down what parts cost now")
    args = parser.parse_args(arguments)
    return asyncio.run(_run(args.update))


async def _run(update: bool) -> int:
    parts, of = works(), variant()
    if update:
        several = [ratios(parts) for _ in range(_UPDATES)]
        write({part.name: median(each[part.name] for each in several) for part in parts}, of)
        print(f"{FILE}: {of}, {len(parts)} parts")
        return 0
    expected = read().get(of, {})
    lines, is_well = judge(verdicts(best_of(lambda: ratios(parts), expected), expected))
    print(f"{of}; a message's cost in turns of the calibrated loop")
    print("\n".join(lines))
    return 0 if is_well else 1


def _number(call: Callable[[], object]) -> int:
    """How many calls make a slice."""
    call()
    took = min(_slice(call, 1) for _ in range(5))
    return max(1, round(_SLICE_S / max(took, 1e-7)))


def _slice(call: Callable[[], object], number: int) -> float:
    """CPU seconds of one call."""
    began = time.thread_time_ns()
    for _ in range(number):
        call()
    return (time.thread_time_ns() - began) / 1e9 / number
