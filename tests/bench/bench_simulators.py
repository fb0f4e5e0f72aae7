"""What the simulators cost, in microseconds of CPU a message: ``python tests/bench/bench_simulators.py``.

Target: each at most 20 µs a message with its receipt in a closed loop, so that both together leave room for
the gateway beside them. Each runs in a process of its own against the other, on one machine; with
``--tools DIR`` also against the C tools ``smppsink`` and ``smppload`` there. The best of several rounds
counts, because the machine is shared. Exit status 1 when the target is missed; not part of the suite.
"""

from __future__ import annotations

import argparse
import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

TARGET_US = 20.0
ROUNDS = 3
_SETTLE_S = 10.0

_CARRIER = [sys.executable, "-m", "simulators.carrier", "--quiet"]
_ESME = [sys.executable, "-m", "simulators.esme", "load", "--progress", "0"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    deadline_s = time.monotonic() + _SETTLE_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(0.05)


def _run(carrier: list[str], load: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """One round; returns the summary of the carrier and of the load."""
    port = _free_port()
    serving = subprocess.Popen(
        [*carrier, "--port", str(port)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
    )
    try:
        _wait_for(port)
        result = subprocess.run([*load, "--port", str(port)], stdout=subprocess.PIPE, check=True)
    finally:
        serving.send_signal(signal.SIGTERM)
        out, _ = serving.communicate()
    return json.loads(out), json.loads(result.stdout)


def _us(summary: dict[str, Any], messages: int) -> float:
    cpu = summary.get("cpu_s")
    return (cpu["user"] + cpu["sys"]) * 1e6 / messages if cpu else float("nan")


def _bench(name: str, carrier: list[str], load: list[str], messages: int) -> tuple[float, float]:
    rounds = [_run(carrier, load) for _ in range(ROUNDS)]
    carrier_us = min(_us(summary, messages) for summary, _ in rounds)
    load_us = min(_us(summary, messages) for _, summary in rounds)
    best = max(rounds, key=lambda each: each[1]["ok_per_s"])[1]
    print(
        f"{name:34} {best['ok_per_s']:8.0f}/s  carrier {carrier_us:5.1f} µs  load {load_us:5.1f} µs  "
        f"matched {best['matched']}  answer p50 {best['resp_ms']['p50']} p99 {best['resp_ms']['p99']} ms"
    )
    return carrier_us, load_us


def main() -> int:
    """Print a line for each pair; the exit status says whether the targets hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tools", type=Path, help="folder of the built C tools")
    parser.add_argument("--count", type=int, default=60_000)
    arguments = parser.parse_args()
    count = arguments.count
    shape = ["--conns", "4", "--window", "50", "--rd", "1"]
    closed = [*shape, "--count", str(count)]
    esme = [*_ESME, *closed]
    pairs: list[tuple[str, list[str], list[str], int]] = [
        ("simulator - simulator", _CARRIER, esme, count),
        ("simulator - simulator, delays", [*_CARRIER, "--response", "5ms", "--receipt", "50ms"], esme, count),
        ("simulator - simulator, chance", [*_CARRIER, "--states", "UNDELIV/001:5%", "--seed", "1"], esme, count),
        ("simulator - simulator, 3000/s", _CARRIER, [*_ESME, *shape, "--rate", "3000", "--duration", "3s"], 9000),
    ]
    if arguments.tools is not None:
        sink = [str(arguments.tools / "smppsink"), "--quiet", "--dlr"]
        client = [str(arguments.tools / "smppload"), "--quiet"]
        pairs.append(("carrier simulator - smppload", _CARRIER, [*client, *closed], count))
        pairs.append(("smppsink - load simulator", sink, esme, count))
    costs = [_bench(*pair) for pair in pairs]
    worst = max(costs[0])
    print(f"worst in the first pair {worst:.1f} µs, target {TARGET_US:.0f} µs")
    return 0 if worst <= TARGET_US else 1


if __name__ == "__main__":
    sys.exit(main())
