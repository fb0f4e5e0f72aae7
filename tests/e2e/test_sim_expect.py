"""Expectations about what really went over the wire between the two simulators."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest

from simulators.carrier import CarrierSettings, CarrierSim
from simulators.carrier.ids import IdForm
from simulators.clock import SimClock
from simulators.esme import EsmeSettings, EsmeSim
from simulators.expect.evaluate import evaluate
from simulators.expect.model import Expectation
from simulators.expect.result import Result
from simulators.spread import Delay

pytestmark = pytest.mark.e2e

_SOON_S = 10.0


@asynccontextmanager
async def _both(carrier: CarrierSim, **settings: Any) -> AsyncIterator[tuple[CarrierSim, EsmeSim]]:
    async with carrier, EsmeSim(EsmeSettings(carrier.port, **settings), clock=carrier.clock) as esme:
        yield carrier, esme


def _judged(sim: CarrierSim | EsmeSim, **keys: Any) -> Result:
    expectation = Expectation.model_validate(keys)
    return evaluate([expectation], sim.entries(), now_s=time.monotonic()).results[0]


@pytest.mark.parametrize("long", ["udh", "udh16", "sar", "payload"])
async def test_long_messages_are_judged_whole_in_every_form(long: str) -> None:
    text = "长短信😀" * 39
    async with _both(CarrierSim()) as (carrier, esme):
        await asyncio.gather(*esme.submit_long("1069", "13800138000", text, long=long))
        assert _judged(carrier, count=1, text_is=text, in_one_piece=True, segments=3).ok
        assert _judged(esme, count=1, text_is=text, in_one_piece=True).ok
        assert not _judged(carrier, count=1, text="*short*").ok
        assert _judged(carrier, rate={"at_most": 3}).ok
        assert not _judged(carrier, rate={"at_most": 2}).ok
        assert _judged(carrier, rate={"at_most": 1, "of": "messages"}).ok


async def test_segments_over_two_binds_are_found() -> None:
    async with _both(CarrierSim(), binds=("transceiver", "transceiver")) as (carrier, esme):
        parts = [b"\5\0\3\7\2\1one", b"\5\0\3\7\2\2two"]
        for bind, part in enumerate(parts):
            await esme.submit("1069", "138", payload=part, esm_class=0x40, data_coding=0, bind=bind)
        result = _judged(carrier, in_one_piece=True)
        assert [offender.why for offender in result.offenders] == ["over binds 1, 2"]


async def test_receipts_by_ids_of_another_form_and_those_that_never_come() -> None:
    settings = CarrierSettings(response_id=IdForm("HEX"), receipt_id=IdForm("dec:12"))
    async with _both(CarrierSim(settings)) as (carrier, esme):
        for number in range(20):
            assert (await esme.submit("1069", f"138001380{number:02}", "x")).ok
        await carrier.wait_for(lambda: carrier.stats.receipts_acked == 20, _SOON_S)
        for sim in (carrier, esme):
            assert _judged(sim, receipts={"count": 1, "stat": "DELIVRD"}).found == "all 20"
            assert _judged(sim, kind="receipt", each={"status": 0}).ok
        await esme.submit("1069", "19900004106", "never a receipt")
        result = _judged(esme, receipts={})
        assert [offender.entry.destination for offender in result.offenders] == ["19900004106"]


async def test_latency_is_seen_from_either_side() -> None:
    settings = CarrierSettings(response=Delay.parse("50ms"), receipt=Delay.parse("50ms"))
    async with _both(CarrierSim(settings)) as (carrier, esme):
        await asyncio.gather(*(esme.submit("1069", "138", "x") for _ in range(5)))
        await esme.wait_for(lambda: len(esme.receipts) == 5, _SOON_S)
        for sim in (carrier, esme):
            assert _judged(sim, latency={"at_most": "2s"}).ok
            assert _judged(sim, latency={"at_most": "30ms"}).state == "failed"
            assert _judged(sim, latency={"to": "receipt", "at_most": "2s", "quantile": 0.9}).ok
            assert not _judged(sim, latency={"to": "receipt", "at_most": "80ms", "quantile": 0.9}).ok


async def test_a_mo_that_is_answered_late() -> None:
    async with _both(CarrierSim(), deliver_after_s=0.1) as (carrier, esme):
        carrier.send_mo("138", "1069", "退订")
        await carrier.wait_for(lambda: carrier.stats.mo_acked == 1, _SOON_S)
        assert _judged(carrier, kind="mo", text="退订", latency={"at_most": "2s"}, each={"status": 0}).ok
        assert not _judged(carrier, kind="mo", latency={"at_most": "50ms"}).ok
        assert _judged(esme, kind="mo", latency={"at_most": "2s"}).ok
        assert not _judged(esme, kind="mo", latency={"at_most": "50ms"}).ok


async def test_an_application_that_hammers() -> None:
    async with _both(CarrierSim(), reconnect_s=0.01) as (carrier, _):
        carrier.refuse_binds(0x0D)
        carrier.drop_all()
        await carrier.wait_for(lambda: carrier.stats.binds_refused >= 2, _SOON_S)
        result = _judged(carrier, links={"at_most": 1, "reconnect_after": "1s"})
        assert result.state == "failed"
        assert result.expected.endswith(
            "never more than 1 bound at one time; no reconnect sooner than 1 s after a loss"
        )
        assert _judged(carrier, links={"at_most": 1, "reconnect_after": "1ms"}).ok
        assert _judged(carrier, kind="lost", at_least=1).state == "met"


async def test_a_night_takes_no_time() -> None:
    clock = SimClock(datetime.fromisoformat("2026-11-23T20:59:00+08:00"), rate=0.0)
    async with _both(CarrierSim(clock=clock)) as (carrier, esme):
        await esme.submit("1069", "138", "evening")
        assert _judged(carrier, hours="08:00-21:00", days="mon-fri").ok
        clock.advance(timedelta(hours=10, minutes=1).total_seconds())
        await esme.submit("1069", "138", "morning")
        result = _judged(carrier, hours="08:00-21:00", days="mon-fri")
        assert [(offender.entry.text, offender.why) for offender in result.offenders] == [("morning", "tue 07:00:00")]
        assert _judged(carrier, at_most=1, per=["destination", "day"]).ok
        assert not _judged(carrier, at_most=1, per=["destination"]).ok


async def test_after_a_stop_nothing_more() -> None:
    async with _both(CarrierSim()) as (carrier, esme):
        await esme.submit("1069", "138", "before")
        carrier.send_mo("138", "1069", "T")
        await esme.wait_for(lambda: esme.mo, _SOON_S)
        wanted = [
            Expectation.model_validate({"name": "stop", "kind": "mo", "text": "T"}),
            Expectation.model_validate({"destination": "138", "after": "stop", "count": 0}),
        ]
        assert evaluate(wanted, carrier.entries()).ok
        await esme.submit("1069", "138", "after")
        report = evaluate(wanted, carrier.entries())
        assert [offender.entry.text for offender in report.results[1].offenders] == ["after"]
        assert report.results[1].state == "failed"
