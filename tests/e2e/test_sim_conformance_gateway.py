"""The gateway is an application to carriers: it passes its own checklist."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from simulators.conformance.bench import Bench
from simulators.conformance.check import Verdict
from simulators.conformance.checks import chosen
from simulators.conformance.run import examine
from simulators.esme import EsmeSettings, EsmeSim
from smsgw.errors import LinkError, LocalError
from tests.e2e.gateway import PASSWORDS, GatewayProcess
from tests.unit.simulators.conformance.quick import QUICK

pytestmark = [pytest.mark.e2e, pytest.mark.alone]

SETTINGS = replace(
    QUICK, system_id="smsgw", password="alpha123", patience_s=10.0, answer_s=2.0, half_open_s=10.0, throttle_s=1.0,
    refuse_s=2.0, binds_per_s=3.0,
)  # fmt: skip
QUICK_LINKS = {"enquire_link": "500ms", "response": "1s", "reconnect_min": "200ms", "reconnect_max": "5s"}
PERMANENT = frozenset({"wrong-password", "wrong-system-id"})


async def _send(gateway: GatewayProcess) -> None:
    """Notices all the time, to always the same few; each fourth a long one. A lost connection is made again."""
    settings = EsmeSettings(port=gateway.port, system_id="orders", password=PASSWORDS["orders"])
    numbers = itertools.count(1)
    while True:
        with contextlib.suppress(LinkError, LocalError, TimeoutError):
            async with EsmeSim(settings) as esme:
                for number in numbers:
                    text = f"【示例物流】您的订单{number}已发货。" * (1 if number % 4 else 12)
                    esme.submit_long("1069000120", f"86138{number % 40:08}", text)
                    await asyncio.sleep(0.05)
        await asyncio.sleep(0.2)


@contextlib.asynccontextmanager
async def sending_gateway(directory: Path, bench: Bench) -> AsyncIterator[GatewayProcess]:
    gateway = GatewayProcess(directory, {"alpha": bench.port}, {"carriers/alpha.toml": QUICK_LINKS})
    try:
        await gateway.start(ready=False)
        sending = asyncio.ensure_future(_send(gateway))
        try:
            yield gateway
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
    finally:
        gateway.close()


async def test_it_conforms(tmp_path: Path) -> None:
    stopping: list[asyncio.Future[int]] = []
    async with Bench(SETTINGS) as bench, sending_gateway(tmp_path, bench) as gateway:

        def say(words: str) -> None:
            if words.startswith("Stop"):
                stopping.append(asyncio.ensure_future(gateway.stop()))

        report = await examine(bench, chosen(skip=PERMANENT), say)
        await asyncio.gather(*stopping)
    not_passed = {each.check.id: each.outcome.seen for each in report.results if each.verdict is not Verdict.PASS}
    assert not_passed == {}


@pytest.mark.parametrize("check", sorted(PERMANENT))
async def test_it_does_not_hammer_when_it_is_refused_for_good(tmp_path: Path, check: str) -> None:
    async with Bench(SETTINGS) as bench, sending_gateway(tmp_path, bench):
        report = await examine(bench, chosen(frozenset({check})))
    assert report.result(check).verdict is Verdict.PASS, report.to_text()
