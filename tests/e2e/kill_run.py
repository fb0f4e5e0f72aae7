"""Kill a part of the running gateway under load, again and again, and account for every message afterwards.

    bin/soak-kill --class otp --class marketing --seed 1 --seed 2 --seconds 30 --kills 5

Load, carrier, gateway and Redis are processes of their own; the site is config/bench with the class changed. What
happens (``--victim``): ``gateway`` is killed by SIGKILL and started again, ``redis`` is killed under a gateway that
stays, ``both`` die at once, ``term`` is SIGTERM and a new start, ``stall`` stops Redis by SIGSTOP for some seconds.
When and how the carrier dawdles comes from the seed. Exit status 1 when a message is lost, or comes twice
where its class forbids it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulators.esme.settings import EsmeSettings
from tests.e2e.gateway import ROOT, GatewayProcess, free_port
from tests.e2e.ledger import Reconciled, read_carrier, read_ledger, reconcile
from tests.e2e.receiver import Receiver

BENCH = ROOT / "config" / "bench"
PASSWORD = "load1234"
TEXTS = {
    "otp": "【示例商城】您的验证码是{n}，五分钟内有效，请勿告诉他人。",
    "notice": "【示例商城】您的订单{n}已经发货，请注意查收。",
    "marketing": "【示例商城】会员{n}您好，全场八折，拒收请回复R",
}
VICTIMS = ("gateway", "redis", "both", "term", "stall")
_LOOK_S = 0.05
#: Longer than the load takes to bind again.
_QUIET_LOAD_S = 2.0
#: Receipts that a killed gateway left unanswered come again after this.
_RESEND_AFTER_S = 2.0


@dataclass(frozen=True, slots=True)
class Options:
    """One run. ``quiet_s``: give up waiting for receipts when none came for so long."""

    message_class: str = "otp"
    victim: str = "gateway"
    seed: int = 1
    rate: int = 2000
    seconds: float = 30.0
    kills: int = 5
    stall_s: float = 5.0
    quiet_s: float = 8.0
    overrides: dict[str, dict[str, Any]] = field(default_factory=dict)
    carrier: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a run."""

    options: Options
    counts: Reconciled
    #: What the load client saw: sent, ok, status and more.
    load: dict[str, Any]
    #: Seconds after the start of the load at which something was done to the victim.
    kills_s: tuple[float, ...]
    #: How long each victim was away, until /readyz agreed again.
    away_s: tuple[float, ...]
    #: Events of the gateway that are errors, and tracebacks.
    complaints: tuple[str, ...]

    @property
    def is_good(self) -> bool:
        """Nothing lost, everything reported, and doubles only where the class chose them."""
        counts = self.counts
        doubles_allowed = self.options.message_class == "otp" and self.options.victim in ("gateway", "both")
        return (
            not counts.lost
            and not counts.without_receipt
            and not self.complaints
            and (doubles_allowed or not counts.doubles)
        )

    def to_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        options = self.options
        return {
            "class": options.message_class,
            "victim": options.victim,
            "seed": options.seed,
            "rate": options.rate,
            "seconds": options.seconds,
            "kills_s": self.kills_s,
            "away_s": self.away_s,
            "good": self.is_good,
            "sent": self.load["sent"],
            "statuses": self.load["status"],
            "answer_ms": self.load["resp_ms"],
            **self.counts.to_json(),
            "complaints": self.complaints,
        }


async def run(options: Options, directory: Path) -> Result:
    """One run in an empty directory. Raises TimeoutError or RuntimeError when a part does not come back."""
    chance = random.Random(f"{options.seed} {options.victim} {options.message_class}")
    os.environ.setdefault("SMSGW_TRACEBACK", "1")
    port = free_port()
    gateway = GatewayProcess(directory, carriers={"alpha": port}, overrides=_site(options))
    carrier_log, ledger = directory / "carrier.jsonl", directory / "ledger.txt"
    application = EsmeSettings(port=gateway.port, system_id="load", password=PASSWORD, binds=("rx",), enquire_s=5)
    try:
        async with _process(_carrier(options, port, carrier_log), directory / "carrier.out"):
            await gateway.start()
            async with Receiver(application) as receiver:
                load_out = directory / "load.out"
                async with _process(_load(options, gateway.port, ledger), load_out) as load:
                    kills_s, away_s = await _disturb(gateway, options, chance)
                    await _end_load(load, ledger)
                await _drained(gateway, receiver, options, ledger)
            await gateway.stop()
        counts = reconcile(read_ledger(ledger), read_carrier(carrier_log), receiver.states)
        load_result = json.loads(load_out.read_text().splitlines()[-1])
        return Result(options, counts, load_result, kills_s, away_s, complaints(gateway))
    finally:
        gateway.close()


def complaints(gateway: GatewayProcess) -> tuple[str, ...]:
    """Tracebacks, and events that an orderly recovery never needs: one short line each."""
    found = []
    for line in gateway.log_path.read_text(errors="replace").splitlines():
        if line.startswith("smsgw: warning:"):
            continue
        event = json.loads(line) if line.startswith("{") else {"level": "error", "event": line}
        if "traceback" in event or event.get("level") in ("error", "critical"):
            found.append(f"{event.get('event')}: {event.get('traceback', '')[-300:]}")
        elif event.get("event") in ("store.settle_refused", "store.correlate_refused", "store.receipt_refused"):
            found.append(f"{event['event']}: {event.get('why')}")
    return tuple(found)


def redis_pid(gateway: GatewayProcess) -> int:
    """The process id of this gateway's own embedded server, never anybody else's."""
    directory = gateway.site / "state" / "redis"
    pid = int((directory / "server.pid").read_text())
    if Path(f"/proc/{pid}/cwd").resolve() != directory.resolve():
        raise ProcessLookupError(f"{pid} is not the server of {directory}")
    return pid


# -- the parts


def _site(options: Options) -> dict[str, dict[str, Any]]:
    """config/bench, as changes to the example's files."""
    site: dict[str, dict[str, Any]] = {}
    for path in sorted(BENCH.rglob("*.toml")):
        site[str(path.relative_to(BENCH))] = tomllib.loads(path.read_text(encoding="utf-8"))
    for name in ("alpha", "beta"):
        del site[f"carriers/{name}.toml"]["port"]
    # The number is the load's here.
    site["accounts/shop.toml"] = {"numbers": None}
    site["accounts/load.toml"]["class"] = options.message_class
    site["smsgw.toml"]["log"] = {"level": "info"}
    for name, changes in options.overrides.items():
        site[name] = {**site.get(name, {}), **changes}
    return site


def _carrier(options: Options, port: int, log: Path) -> list[str]:
    command = [sys.executable, "-m", "simulators.carrier", "--port", str(port), "--quiet", "--log", str(log)]
    command += ["--system-id", "smsgw", "--password", "bench123", "--seed", str(options.seed)]
    command += ["--response", "5ms-40ms", "--receipt", "20ms-400ms", "--early", "2%", "--other-bind", "10%"]
    return [*command, "--resend-after", f"{_RESEND_AFTER_S}s", "--receipt-tries", "30", *options.carrier]


def _load(options: Options, port: int, ledger: Path) -> list[str]:
    command = [sys.executable, "-m", "simulators.esme", "load", "--port", str(port), "--reconnect"]
    command += ["--system-id", "load", "--password", PASSWORD, "--bind", "tx", "--conns", "2", "--window", "500"]
    command += ["--rate", str(options.rate), "--duration", f"{options.seconds}s", "--rd", "1", "--wait", "20s"]
    command += ["--text", TEXTS[options.message_class], "--from", "1069000130", "--progress", "0"]
    return [*command, "--dest-count", str(10_000_000), "--ledger", str(ledger)]


@contextlib.asynccontextmanager
async def _process(command: Sequence[str], output: Path) -> AsyncIterator[subprocess.Popen[bytes]]:
    with output.open("wb") as out, output.with_suffix(".err").open("wb") as err:
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=out, stderr=err)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            with contextlib.suppress(TimeoutError):
                await _ended(process, 10)
            process.kill()
        process.wait()


async def _ended(process: subprocess.Popen[bytes], deadline_s: float) -> None:
    async with asyncio.timeout(deadline_s):
        while process.poll() is None:
            await asyncio.sleep(_LOOK_S)


async def _end_load(load: subprocess.Popen[bytes], ledger: Path) -> None:
    """End the load when nothing was answered for a moment: it would wait for receipts, which go to the receiver."""
    size, since_s = 0, time.monotonic()
    while load.poll() is None and time.monotonic() - since_s < _QUIET_LOAD_S:
        await asyncio.sleep(_LOOK_S)
        if ledger.stat().st_size != size:
            size, since_s = ledger.stat().st_size, time.monotonic()
    load.terminate()
    await _ended(load, 20)


# -- what happens to them


async def _disturb(
    gateway: GatewayProcess, options: Options, chance: random.Random
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Do it ``kills`` times, at a moment of chance in each equal part of the load. When, and how long it was away.

    Returns when the load's time is over.
    """
    begun_s = time.monotonic()
    part_s = options.seconds / max(1, options.kills)
    kills_s, away_s = [], []
    for number in range(options.kills):
        due_s = begun_s + (number + chance.uniform(0.3, 0.7)) * part_s
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))
        at_s = time.monotonic()
        await strike(gateway, options)
        kills_s.append(round(at_s - begun_s, 2))
        away_s.append(round(time.monotonic() - at_s, 2))
    await asyncio.sleep(max(0.0, begun_s + options.seconds - time.monotonic()))
    return tuple(kills_s), tuple(away_s)


async def strike(gateway: GatewayProcess, options: Options) -> None:
    """Do to the victim what the run is about, and return when the gateway is ready again."""
    match options.victim:
        case "gateway" | "both":
            gateway.kill(store=options.victim == "both")
            await gateway.start()
        case "term":
            await gateway.stop()
            await gateway.start()
        case "redis":
            killed = redis_pid(gateway)
            os.kill(killed, signal.SIGKILL)
            await gateway.wait_for(lambda: _is_replaced(gateway, killed), 20, "another Redis")
        case "stall":
            pid = redis_pid(gateway)
            os.kill(pid, signal.SIGSTOP)
            try:
                await asyncio.sleep(options.stall_s)
            finally:
                os.kill(pid, signal.SIGCONT)
            await gateway.wait_for(lambda: gateway.metric("smsgw_store_up") == 1, 20, "the store")
        case other:
            raise ValueError(f"{other} is nothing that can be disturbed")


def _is_replaced(gateway: GatewayProcess, killed: int) -> bool:
    try:
        return redis_pid(gateway) != killed and gateway.metric("smsgw_store_up") == 1
    except (OSError, ValueError):
        return False


async def _drained(gateway: GatewayProcess, receiver: Receiver, options: Options, ledger: Path) -> None:
    """Wait until every accepted message has a receipt, or none has come for ``quiet_s``."""
    ids = set(read_ledger(ledger).values())
    quiet_since_s = time.monotonic()
    while not ids <= receiver.states.keys():
        if time.monotonic() - max(quiet_since_s, receiver.heard_s) > options.quiet_s:
            return
        await asyncio.sleep(_LOOK_S)


# -- the command


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see above."""
    arguments = _parser().parse_args(argv)
    results = []
    for victim in arguments.victim or ["gateway"]:
        for message_class in arguments.message_class or ["otp", "marketing"]:
            for seed in arguments.seed or [1]:
                options = Options(
                    message_class, victim, seed, arguments.rate, arguments.seconds, arguments.kills, arguments.stall
                )
                with _directory(arguments.keep) as directory:
                    result = asyncio.run(run(options, directory))
                results.append(result)
                if len(results) == 1:
                    print(_row(*_COLUMNS))
                print(_line(result), flush=True)
                for complaint in result.complaints[:5]:
                    print(f"    {complaint}", flush=True)
    if arguments.json:
        rows = [result.to_json() for result in results]
        Path(arguments.json).write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0 if all(result.is_good for result in results) else 1


@contextlib.contextmanager
def _directory(keep: str | None) -> Iterator[Path]:
    if keep is not None:
        Path(keep).mkdir(parents=True, exist_ok=True)
        yield Path(tempfile.mkdtemp(prefix="run-", dir=keep))
        return
    with tempfile.TemporaryDirectory(prefix="kill-run-") as directory:
        yield Path(directory)


_COLUMNS = ("victim", "class", "seed", "kills", "sent", "ROK", "carrier", "reported", "doubles", "unknown", "lost")


def _row(*cells: object) -> str:
    return " ".join(f"{cell!s:>9}" for cell in (*cells, "") if cell != "")


def _line(result: Result) -> str:
    options, counts = result.options, result.counts
    row = _row(
        options.victim,
        options.message_class,
        options.seed,
        len(result.kills_s),
        result.load["sent"],
        counts.accepted,
        counts.at_carrier,
        counts.reported,
        counts.doubles,
        counts.unknown_but_sent,
        len(counts.lost),
    )
    notes = []
    if counts.without_receipt:
        notes.append(f"{counts.without_receipt} without receipt")
    refused = {status: count for status, count in result.load["status"].items() if status != "ESME_ROK"}
    if refused:
        notes.append(f"refused {refused}")
    notes.append(f"away {max(result.away_s, default=0):.1f} s at most")
    return f"{row}   {'good' if result.is_good else 'BAD'}: {', '.join(notes)}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bin/soak-kill", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--class", dest="message_class", action="append", choices=sorted(TEXTS), help="otp, marketing")
    parser.add_argument("--victim", action="append", choices=VICTIMS, help="what is disturbed (gateway)")
    parser.add_argument("--seed", action="append", type=int, help="repeatable (1)")
    parser.add_argument("--rate", type=int, default=2000, help="messages a second (2000)")
    parser.add_argument("--seconds", type=float, default=30.0, help="seconds of load (30)")
    parser.add_argument("--kills", type=int, default=5, help="how often (5)")
    parser.add_argument("--stall", type=float, default=5.0, help="seconds that Redis stands still (5)")
    parser.add_argument("--json", metavar="FILE", help="write the results to a file")
    parser.add_argument("--keep", metavar="DIR", help="keep each run's files in a directory below this one")
    return parser


if __name__ == "__main__":
    sys.exit(main())
