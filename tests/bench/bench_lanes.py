"""Verification codes while marketing saturates the same carrier: how long until the carrier has them.

    python -m tests.bench.bench_lanes [--rate R] [--response D] [--window W] [--codes N] [--seconds S] [--no-reserve]

Starts a gateway on the example's site with one simulated carrier, gives it more marketing than its rate all the time,
and verification codes at an even pace. Shows for the codes the time from submit_sm of the application to the carrier,
and how much went meanwhile. The exit code is 1 when the 99.9th percentile is above a second, when a code is
missing, or when the carrier was sent more than its rate. Slow answers (``--response 1s``) make the window the limit.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from simulators.carrier.settings import CarrierSettings
from simulators.carrier.sim import CarrierSim
from simulators.esme.settings import EsmeSettings
from simulators.esme.sim import EsmeSim
from simulators.spread import Delay
from tests.e2e.gateway import PASSWORDS, GatewayProcess

MARKETING = "【示例商城】双十一全场五折，拒收请回复R"
OTP = "【示例科技】您的验证码是123456"
BACKLOG_S = 3.0
LIMIT_S = 1.0


def overrides(args: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """The site: alpha as told, everything by alpha."""
    window: int | str = args.window if args.window == "auto" else int(args.window)
    lanes = {"reserved": {} if args.no_reserve else {"otp": 0.2, "notice": 0.1}}
    return {
        "carriers/alpha.toml": {"rate": f"{args.rate}/s", "window": window, "lanes": lanes},
        "accounts/shop.toml": {"rate": "5000/s", "window": 500},
        "accounts/login.toml": {"rate": "5000/s", "window": 500},
        "profiles/cn.toml": {"same_content": None},
    }


async def flood(esme: EsmeSim, gateway: GatewayProcess, args: argparse.Namespace) -> None:
    """Some seconds of marketing more than the carrier takes wait all the time."""
    numbers = itertools.count()
    wanted = int(args.rate * BACKLOG_S)
    while True:
        sent = [esme.submit("106900013001", f"86139{next(numbers):08}", MARKETING) for _ in range(50)]
        for answer in sent:
            await answer
        while next_sent(numbers) - len(args.sim.received) > wanted:
            await asyncio.sleep(0.02)


def next_sent(numbers: itertools.count[int]) -> int:
    """How far a counter has come."""
    return int(repr(numbers)[6:-1])


async def codes(esme: EsmeSim, args: argparse.Namespace) -> dict[str, float]:
    """Recipient → when its code was submitted."""
    sent: dict[str, float] = {}
    begin_s = time.monotonic()
    for number in range(int(args.codes * args.seconds)):
        wait_s = begin_s + number / args.codes - time.monotonic()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        recipient = f"86138{number:08}"
        sent[recipient] = time.monotonic()
        esme.submit("1069000110", recipient, OTP)
    return sent


async def measure(args: argparse.Namespace, directory: Path) -> int:
    """One run."""
    settings = CarrierSettings(
        tps=args.rate * 1.02, tps_burst=args.rate * 1.2, tps_per="account", response=Delay.parse(args.response)
    )
    async with CarrierSim(settings) as sim:
        args.sim = sim
        gateway = GatewayProcess(directory, {"alpha": sim.port}, overrides(args))
        try:
            await gateway.start()
            shop = EsmeSettings(port=gateway.port, system_id="shop", password=PASSWORDS["shop"])
            login = EsmeSettings(port=gateway.port, system_id="login", password=PASSWORDS["login"])
            async with EsmeSim(shop) as marketing, EsmeSim(login) as otp:
                flooding = asyncio.create_task(flood(marketing, gateway, args))
                await sim.wait_for(lambda: len(sim.received) > args.rate * 2, 60, "the carrier to be saturated")
                before, begin_s = len(sim.received), time.monotonic()
                sent = await codes(otp, args)
                took_s, received = time.monotonic() - begin_s, len(sim.received) - before
                with contextlib.suppress(TimeoutError):
                    await sim.wait_for(lambda: sum(map(is_code, sim.received)) >= len(sent), 10, "all codes")
                print(f"windows: {gateway.status()['carriers']['alpha']['window']}")
                flooding.cancel()
        finally:
            gateway.close()
    return report(args, sent, sim, received / took_s)


def is_code(message: Any) -> bool:
    """Whether a message at the carrier is one of the codes."""
    return bool(message.recipient.startswith("86138"))


def report(args: argparse.Namespace, sent: dict[str, float], sim: CarrierSim, per_s: float) -> int:
    """Print; the exit code."""
    came = {message.recipient: message.real_s for message in sim.received if is_code(message) and not message.status}
    took_ms = sorted((came[recipient] - at_s) * 1000 for recipient, at_s in sent.items() if recipient in came)
    throttled = sum(message.status == 0x58 for message in sim.received)
    missing = len(sent) - len(took_ms)

    def percentile(share: float) -> float:
        return took_ms[min(len(took_ms) - 1, int(len(took_ms) * share))]

    print(
        f"{len(took_ms)} codes: p50 {percentile(0.5):.0f} p99 {percentile(0.99):.0f} p99.9 {percentile(0.999):.0f} "
        f"max {took_ms[-1]:.0f} ms to the carrier; {per_s:.0f} messages/s at a rate of {args.rate}; "
        f"throttled {throttled}, missing {missing}"
    )
    return int(missing > 0 or throttled > 0 or percentile(0.999) > LIMIT_S * 1000)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=200, help="segments a second that the carrier takes (200)")
    parser.add_argument("--window", default="10", help="of each of its two binds (10), or auto")
    parser.add_argument("--response", default="50ms", help="until it answers, as the simulator reads it (50ms)")
    parser.add_argument("--codes", type=float, default=30.0, help="verification codes a second (30)")
    parser.add_argument("--seconds", type=float, default=70.0)
    parser.add_argument("--no-reserve", action="store_true", help="lanes without reserved shares")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="smsgw-lanes-") as directory:
        return asyncio.run(measure(args, Path(directory)))


if __name__ == "__main__":
    sys.exit(main())
