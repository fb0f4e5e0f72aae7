"""The whole way: load → gateway → rules → Redis → carrier → receipt → application, at saturation.

    python tests/bench/bench_gateway.py [--count N] [--window W] [--conns C] [--runs R] [--external DIR]

Runs the site config/bench (all rules of the example's profile, encryption, records, fsync always) with the project's
simulators, each a process of its own, or with the load tools ``smppload`` and ``smppsink`` found in DIR. Shows
messages a second, latencies, and CPU per message of gateway, Redis and carrier, from /proc. Prints JSON with --json.
Every message must be answered ESME_ROK and every receipt must come, else the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TEXT = "【示例商城】秋季新品上架，全场八折，欢迎选购，满三百元包邮，编号{n}。拒收请回复R"
SOURCE = "1069000130"
READY_S = 20.0
TICKS = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def cpu_s(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def write_site(directory: Path, ports: dict[str, int]) -> Path:
    """config/bench on free ports."""
    site = directory / "site"
    shutil.copytree(ROOT / "config" / "bench", site, ignore=shutil.ignore_patterns("state"))
    main = site / "smsgw.toml"
    main.write_text(
        main.read_text() + f"\n[listener]\nport = {ports['listener']}\n\n[ops]\nport = {ports['ops']}\n",
        encoding="utf-8",
    )
    # Beta stays down: with both at one simulator, receipts would come over binds where nobody knows their ids.
    for carrier, standard, port in (("alpha", "2776", ports["carrier"]), ("beta", "2777", 1)):
        path = site / "carriers" / f"{carrier}.toml"
        path.write_text(path.read_text().replace(standard, str(port)), encoding="utf-8")
    return site


def commands(args: argparse.Namespace, ports: dict[str, int], directory: Path) -> tuple[list[str], list[str]]:
    """The carrier's command and the load's."""
    login = ["--port", str(ports["listener"]), "--system-id", "load", "--password", "load1234"]
    shape = ["--conns", str(args.conns), "--window", str(args.window), "--count", str(args.count), "--rd", "1"]
    if args.external:
        body = directory / "body"
        body.write_text(TEXT, encoding="utf-8")
        sink = [str(args.external / "smppsink"), "--port", str(ports["carrier"]), "--dlr"]
        load = [str(args.external / "smppload"), *login, *shape, "--src", SOURCE, "--ucs2-file", str(body), "--quiet"]
        return sink, load
    sink = [sys.executable, "-m", "simulators.carrier", "--port", str(ports["carrier"]), "--quiet"]
    load = [sys.executable, "-m", "simulators.esme", "load", *login, *shape, "--from", SOURCE, "--text", TEXT]
    return sink, [*load, "--progress", "0"]


def quiet(command: list[str]) -> subprocess.Popen[bytes]:
    """Start a process whose output nobody reads."""
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT)


def wait_ready(ops_port: int, gateway: subprocess.Popen[bytes]) -> None:
    """Until /readyz says yes; SystemExit when it does not."""
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline and gateway.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{ops_port}/readyz", timeout=2).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("the gateway did not become ready")


def run_once(args: argparse.Namespace) -> dict[str, Any]:
    """One run from an empty store; what the load tool said, and CPU per message."""
    ports = {name: free_port() for name in ("listener", "ops", "carrier")}
    directory = Path(tempfile.mkdtemp(prefix="smsgw-bench-"))
    site = write_site(directory, ports)
    sink_command, load_command = commands(args, ports, directory)
    sink = quiet(sink_command)
    gateway = quiet([sys.executable, "-m", "smsgw", "run", "--site", str(site)])
    try:
        wait_ready(ports["ops"], gateway)
        pids = {
            "gateway": gateway.pid,
            "redis": int((site / "state" / "redis" / "server.pid").read_text()),
            "carrier": sink.pid,
        }
        before = {name: cpu_s(pid) for name, pid in pids.items()}
        load = subprocess.run(load_command, capture_output=True, text=True, check=False, cwd=ROOT)
        result: dict[str, Any] = json.loads(load.stdout)
        result["cpu_us"] = {
            name: round((cpu_s(pid) - before[name]) / args.count * 1e6, 1) for name, pid in pids.items()
        }
        result["complete"] = load.returncode == 0
        return result
    finally:
        for process in (gateway, sink):
            process.send_signal(signal.SIGTERM)
            process.wait(30)
        shutil.rmtree(directory, ignore_errors=True)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=60_000, help="messages of one run (60000)")
    parser.add_argument("--window", type=int, default=100, help="unanswered submit_sm of one connection (100)")
    parser.add_argument("--conns", type=int, default=4, help="connections (4)")
    parser.add_argument("--runs", type=int, default=3, help="runs; the median counts (3)")
    parser.add_argument("--external", type=Path, help="use smppload and smppsink from this folder")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    results = [run_once(args) for _ in range(args.runs)]
    rates = [result["ok_per_s"] for result in results]
    cpu = {name: statistics.median(result["cpu_us"][name] for result in results) for name in results[0]["cpu_us"]}
    complete = all(result["complete"] for result in results)
    if args.json:
        print(json.dumps({"median_per_s": statistics.median(rates), "cpu_us": cpu, "runs": results}, indent=2))
    else:
        for result in results:
            answer, receipt = result["resp_ms"], result["receipt_ms"]
            print(
                f"{result['ok_per_s']:8.0f}/s   answer p50 {answer['p50']:.0f} p99 {answer['p99']:.0f} ms"
                f"   receipt p50 {receipt['p50']:.0f} p99 {receipt['p99']:.0f} ms   CPU µs/message {result['cpu_us']}"
                f"   matched {result['matched']}/{args.count}"
            )
        print(f"median {statistics.median(rates):.0f}/s of {min(rates):.0f}–{max(rates):.0f}; CPU µs a message {cpu}")
    return 0 if complete else 1


if __name__ == "__main__":
    sys.exit(main())
