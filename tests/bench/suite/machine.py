"""The machine while something is measured: load, time stolen by its neighbours, and a calibrated loop.

Shared machines are half as fast on one day as on another. The loop costs the same instructions each time, so a figure
divided by its cost can be compared with that of another day.
"""

from __future__ import annotations

import os
import platform
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from smsgw.store.server import find_binary

#: What the calibrated loop walks over: dictionaries, octets and integers, as the gateway does.
_KEYS = tuple(f"key{number}" for number in range(64))
_OCTETS = bytes(range(256)) * 4
_SLICES = 25


@dataclass(frozen=True, slots=True)
class Times:
    """All cores' time so far, in ticks."""

    total: int
    stolen: int
    idle: int


@dataclass(frozen=True, slots=True)
class Conditions:
    """What it was like while something was measured."""

    #: Processes that ran or waited, over the last minute.
    load_average: float
    #: Shares of all cores' time.
    stolen: float
    idle: float
    #: Microseconds of CPU that the calibrated loop took, the best of many.
    loop_us: float


def calibrated() -> int:
    """One turn of the loop; the result only keeps it from being left out."""
    table = dict.fromkeys(_KEYS, 0)
    total = 0
    for start in range(0, 1024, 16):
        piece = _OCTETS[start : start + 16]
        key = _KEYS[piece[3] & 63]
        table[key] += len(piece)
        total += int.from_bytes(piece[4:8], "big") & 0xFFFF
        if piece[0] > 128 and key in table:
            total ^= table[key]
    return total


def loop_us(slices: int = _SLICES) -> float:
    """What ``calibrated`` costs now: the best of so many slices of some turns each."""
    best = float("inf")
    for _ in range(slices):
        began = time.thread_time_ns()
        for _ in range(20):
            calibrated()
        best = min(best, (time.thread_time_ns() - began) / 20_000)
    return best


def times() -> Times:
    """From /proc/stat."""
    fields = [int(each) for each in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return Times(sum(fields), fields[7], fields[3] + fields[4])


def since(before: Times) -> Conditions:
    """What it was like since then."""
    after = times()
    total = max(1, after.total - before.total)
    return Conditions(
        round(os.getloadavg()[0], 2),
        round((after.stolen - before.stolen) / total, 3),
        round((after.idle - before.idle) / total, 3),
        round(loop_us(), 3),
    )


def redis_version() -> str:
    """Of the server that gateways start."""
    binary = find_binary()
    shown = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False).stdout.split()
    return " ".join(shown[:3]) or str(binary)


def describe() -> dict[str, str]:
    """What stays the same: processor, cores, Python, kernel."""
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return {
        "processor": model,
        "cores": str(len(os.sched_getaffinity(0))),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "kernel": platform.release(),
    }
