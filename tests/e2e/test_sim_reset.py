"""What a carrier forgets: on ``reset`` while messages and receipts are under way, and when there are too many."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from simulators.carrier import CarrierSettings, CarrierSim, running
from simulators.carrier.running import Run, RunOptions
from simulators.clock import SimClock
from simulators.expect.evaluate import evaluate
from simulators.expect.report import Report
from simulators.scenario import load_scenario
from simulators.spread import Delay
from smsgw.smpp import pdu
from smsgw.smpp.constants import CommandId
from tests.e2e.sim_wire import SOON_S, RawSocket

pytestmark = pytest.mark.e2e


async def test_a_reset_finishes_what_is_under_way() -> None:
    settings = CarrierSettings(response=Delay.parse("100ms"), retry_after_s=0.05, resend_after_s=0.3)
    async with CarrierSim(settings) as sim, await RawSocket.bound(sim) as client:
        await client.submit()
        await sim.wait_for(lambda: sim.stats.receipts_sent == 1, SOON_S)
        number = await client.submit()
        await sim.wait_for(lambda: sim.stats.submits == 2, SOON_S)
        sim.reset()
        assert await client.answer_to(number) == 0, "who waits is answered"
        await sim.wait_for(lambda: not sim.receipts_waiting, SOON_S)
        counts = sim.summary()
        assert (counts["dlr_wanted"], counts["dlr_sent"], counts["dlr_resent"]) == (0, 0, 0)
        assert (list(sim.entries()), sim.ledger()) == ([], "")


async def test_an_answer_to_what_a_reset_forgot_counts_for_nothing() -> None:
    settings = CarrierSettings(retry_after_s=0.05)
    async with CarrierSim(settings) as sim, await RawSocket.bound(sim) as client:
        for status in (0, 0x08):
            await client.submit()
            await client.pdu()
            _, _, number, _ = await client.pdu()
            sim.reset()
            await client.send(pdu.response(CommandId.DELIVER_SM, status, number, b""))
            await sim.wait_for(lambda: not sim.receipts_waiting, SOON_S)
            counts = sim.summary()
            answers = ("dlr_acked", "dlr_nacked", "dlr_resent", "dlr_given_up", "unknown_pdus")
            assert [counts[name] for name in answers] == [0] * len(answers)
        assert await client.silent_for(0.15), "refused before the reset, so not sent again"


async def test_whatever_is_not_kept_is_counted_and_stays_so() -> None:
    async with CarrierSim(CarrierSettings(record=2)) as sim:
        for _ in range(4):
            async with await RawSocket.bound(sim) as client:
                await client.answer_to(await client.submit())
                await client.pdu()
            await sim.wait_for(lambda: not sim.links, SOON_S)
        kept = len(list(sim.entries()))
        assert sim.forgotten == 16 - kept, "four messages, receipts, binds, and ends of connections"
        assert sim.forgotten >= 4
        sim.change(record=100)
        assert sim.forgotten == 16 - kept
        sim.reset()
        assert sim.forgotten == 0


@pytest.mark.parametrize(
    ("share", "why"), [("drop_before", "dropped before the response"), ("drop_after", "dropped after the response")]
)
async def test_a_connection_that_a_message_ends_says_why(share: str, why: str) -> None:
    async with CarrierSim() as sim, await RawSocket.bound(sim) as client:
        sim.change(**{share: 1.0})
        await client.submit()
        await sim.wait_for(lambda: not sim.links, SOON_S)
        assert [entry.fate for entry in sim.entries("lost")] == [why]
        assert sim.stats.drops == 1


async def test_the_log_goes_by_business_time(tmp_path: Path) -> None:
    path = tmp_path / "log"
    noon = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
    settings = CarrierSettings(log_path=str(path), receipt=Delay.parse("1h"))
    async with CarrierSim(settings, clock=SimClock(noon, 0)) as sim, await RawSocket.bound(sim) as client:
        await client.answer_to(await client.submit())
        sim.clock.advance(7200)
        await client.pdu()
    times = [json.loads(line)["time"] - noon.timestamp() for line in path.read_text(encoding="utf-8").splitlines()]
    assert times == [0, 3600]


async def test_carriers_go_on_while_very_many_entries_are_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s.toml"
    path.write_text('[end]\ndecided = true\nat_most = "9s"\n[[carrier]]\n[[expect]]\nkind = "bind"\n', encoding="utf-8")
    judging, served = threading.Event(), threading.Event()

    def slow(*given: Any, **more: Any) -> Report:
        judging.set()
        served.wait(SOON_S)
        return evaluate(*given, **more)

    monkeypatch.setattr(running, "evaluate", slow)
    run = Run(load_scenario(path), RunOptions(quiet=True))
    async with asyncio.TaskGroup() as tasks, run.group:
        over = tasks.create_task(run.until_over())
        await asyncio.to_thread(judging.wait, SOON_S)
        async with await RawSocket.bound(run.group.carriers["carrier"]):
            pass
        assert not served.is_set()
        served.set()
        began_s = time.monotonic()
        await over
        assert time.monotonic() - began_s < SOON_S
    assert run.why == "everything expected is decided"


async def test_faults_that_nobody_answers_take_no_more_and_more_memory() -> None:
    async with CarrierSim() as sim, await RawSocket.bound(sim) as client:
        sim.flood("unknown", 1500)
        (link,) = sim.links
        assert len(link.faults) == 1000
        last = max(link.faults)
        await client.send(pdu.generic_nack(3, last))
        await sim.wait_for(lambda: sim.stats.faults_answered == {3: 1}, SOON_S)
        assert last not in link.faults


async def test_a_carrier_that_cant_start_leaves_nothing_on_its_clock(tmp_path: Path) -> None:
    clock = SimClock()
    sim = CarrierSim(CarrierSettings(log_path=str(tmp_path / "no" / "log")), clock=clock)
    with pytest.raises(OSError, match="can't be written"):
        await sim.start()
    assert clock.wheels == []
