"""Load runs against carriers that misbehave: segments, receipts before the last one, and peers that stop answering."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from simulators.carrier import CarrierSettings, CarrierSim
from simulators.esme.load import Load
from simulators.esme.load_settings import LoadSettings
from simulators.esme.mix import MixedMessage
from simulators.spread import Delay

pytestmark = pytest.mark.e2e

_SOON_S = 10.0
_LONG = "【示例物流】" + "您的订单{n}已发货，" * 10


async def _load(sim: CarrierSim, **settings: Any) -> dict[str, Any]:
    async with asyncio.timeout(_SOON_S):
        return await Load(LoadSettings(port=sim.port, progress_s=0, **settings)).run()


@pytest.mark.parametrize(("long", "window"), [("udh", 1), ("udh16", 2), ("sar", 100)])
async def test_each_segment_has_its_answer_and_its_receipt(long: str, window: int) -> None:
    async with CarrierSim() as sim:
        result = await _load(
            sim, text=_LONG, long=long, count=40, window=window, connections=2, recipient_count=5, registered_delivery=1
        )
        segments = len(sim.received)
        assert (result["messages"], segments) == (40, 40 * 3)
        assert all(result[name] == segments for name in ("sent", "ok", "wanted", "matched", "delivrd"))
        assert (result["unsent"], result["unanswered"], result["receipt_ms"]["n"]) == (0, 0, segments)
        of_one: dict[tuple[str, str], list[tuple[int, int]]] = {}
        for message in sim.received:
            entry = message.to_entry("")
            assert entry.concat is not None
            reference, total, index = entry.concat
            assert total == 3
            of_one.setdefault((entry.destination, str(reference)), []).append((entry.bind, index))
        # Every message under a reference of its own, in order on one bind.
        assert len(of_one) == 40
        for parts in of_one.values():
            assert [index for _, index in parts] == [1, 2, 3]
            assert len({bind for bind, _ in parts}) == 1


async def test_an_open_loop_of_long_messages_is_due_by_message() -> None:
    async with CarrierSim(CarrierSettings(response=Delay.parse("1ms"))) as sim:
        result = await _load(sim, text=_LONG, rate=100.0, count=20, window=2)
        assert (result["messages"], result["sent"], result["ok"]) == (20, 60, 60)
        assert result["send_s"] >= 0.19


async def test_a_receipt_on_the_way_is_not_taken_for_the_last_one() -> None:
    async with CarrierSim() as sim:  # 4115: ENROUTE, ACCEPTD, DELIVRD, ENROUTE, UNDELIV
        result = await _load(sim, count=1, recipients=("19900004115",), registered_delivery=1, wait_s=5.0)
        assert (result["matched"], result["delivrd"], result["other_stat"], result["dup"]) == (1, 1, 0, 0)
        assert result["receipt_ms"]["p50"] > 200


@pytest.mark.parametrize("rate", [0.0, 1000.0])
async def test_a_peer_that_answers_no_more_ends_the_run(rate: float, capsys: pytest.CaptureFixture[str]) -> None:
    async with CarrierSim() as sim:
        result = await _load(sim, count=500, window=10, rate=rate, recipients=("19900004000",), wait_s=0.3)
        assert (result["sent"], result["unanswered"], result["unsent"]) == (10, 10, 490)
    assert "given up" in capsys.readouterr().err


async def test_a_stall_that_ends_is_waited_for_and_charged() -> None:
    async with CarrierSim() as sim:
        running = asyncio.ensure_future(_load(sim, count=300, rate=1000.0, window=10, wait_s=5.0))
        await sim.wait_for(lambda: sim.stats.submits >= 50, _SOON_S)
        sim.pause()
        await asyncio.sleep(0.5)  # what is measured
        sim.resume()
        result = await running
        assert (result["ok"], result["unsent"]) == (300, 0)
        # Messages that were due in the stall waited for it, though no more than a window was open.
        assert result["resp_ms"]["p50"] > 100


async def test_what_was_never_sent_is_told() -> None:
    async with CarrierSim() as sim:
        running = asyncio.ensure_future(_load(sim, count=100_000, window=1))
        await sim.wait_for(lambda: sim.stats.submits >= 20, _SOON_S)
        sim.unbind()
        result = await running
        assert result["unsent"] == 100_000 - result["sent"] > 0


async def test_accounts_side_by_side_send_all_their_kinds() -> None:
    kinds = (MixedMessage("a", account="x"), MixedMessage("b", account="x"), MixedMessage("c", account="y"))
    async with CarrierSim() as sim:
        accounts = (("x", "secret"), ("y", "secret"))
        await _load(sim, count=100, connections=2, window=1, accounts=accounts, mix=kinds)
        counts = Counter(message.text for message in sim.received)
        assert counts["c"] > 10
        assert abs(counts["a"] - counts["b"]) <= 1


async def test_a_connection_that_never_joined_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    async with CarrierSim(CarrierSettings(accounts={"a": "x", "b": "y"})) as sim:
        accounts = (("a", "x"), ("b", "wrong"))
        result = await _load(sim, count=20, rate=50.0, connections=2, accounts=accounts, bind_ramp_s=0.2)
    assert (result["ok"], result["binds"], result["bind_refused"]) == (20, 1, 1)
    assert "sent without one connection: bind as b refused" in capsys.readouterr().err
