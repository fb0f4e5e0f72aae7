"""What the archive says of a gateway's traffic is what the carrier saw; one message is read, disclosed and erased."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from typer.testing import CliRunner

from simulators.carrier.settings import CarrierSettings
from simulators.carrier.sim import CarrierSim
from simulators.esme.settings import EsmeSettings
from simulators.esme.sim import EsmeSim
from smsgw.cli.main import app
from smsgw.config.number_plan import province_table
from smsgw.records.archive import raw
from smsgw.records.query import query
from smsgw.records.record import Record, Step
from tests.e2e.gateway import PASSWORDS, GatewayProcess, StartGateway

pytestmark = pytest.mark.e2e

SOURCE = "1069000120"
DELIVERED, UNDELIVERED = "8613800000", "86199000010"
NUMBER = DELIVERED + "005"
_DEADLINE_S = 15


async def smsgw(gateway: GatewayProcess, *arguments: str) -> str:
    result = await asyncio.to_thread(CliRunner().invoke, app, [*arguments, "--site", str(gateway.site)])
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result.stdout


async def figures(gateway: GatewayProcess, *arguments: str) -> dict[str, Any]:
    found = json.loads(await smsgw(gateway, "stats", "--since", "2026-11-18", "--json", *arguments))["figures"]
    return {" ".join(str(each[name]) for name in each if name not in _OF_ALL): each for each in found}


def steps(gateway: GatewayProcess, step: Step) -> list[Record]:
    return query(gateway.site / "state" / "records", step=int(step))


_OF_ALL = frozenset(("counts", "cost", "failed_by", "latencies", "refused_by", "parked_by", "reviewed_by"))


async def test_figures_are_the_carriers(start_gateway: StartGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw, "LOCK_KEPT_S", 0.0)
    long = "【示例物流】" + "您的包裹已送达，请凭取件码领取。" * 8
    async with CarrierSim(CarrierSettings()) as alpha:
        gateway = await start_gateway(carriers={"alpha": alpha.port})
        application = EsmeSettings(port=gateway.port, system_id="orders", password=PASSWORDS["orders"])
        async with EsmeSim(application) as esme:
            for number in range(12):
                to = f"{UNDELIVERED}{number:02d}" if number % 4 == 3 else f"{DELIVERED}{number:03d}"
                answer = await esme.submit(SOURCE, to, f"【示例物流】您的包裹{number}已送达", registered_delivery=1)
                assert answer.ok
            answers = await asyncio.gather(*esme.submit_long(SOURCE, NUMBER, long, registered_delivery=1))
            assert all(each.ok for each in answers)
            refused = await esme.submit(SOURCE, f"{DELIVERED}999", "没有签名", registered_delivery=1)
            assert not refused.ok
            received = 12 + len(answers)
            await esme.wait_for(lambda: len(esme.receipts) == received, _DEADLINE_S, "all receipts")
        await gateway.wait_for(lambda: len(steps(gateway, Step.RECEIPT_RETURNED)) == received)
        whole = (await figures(gateway, "--by", "account"))["orders"]
        counts = whole["counts"]
        assert counts["taken"] == counts["sent_segments"] == alpha.summary()["ok"] == received
        assert counts["accepted"] == counts["delivered"] + counts["failed"] == counts["receipts_returned"] == received
        assert (counts["failed"], counts["refused"]) == (3, 1)
        assert sum(whole["failed_by"].values()) == 3
        places = await figures(gateway, "--by", "province,carrier")
        there = places[f"{province_table().find(NUMBER)} alpha"]["counts"]
        assert there["delivered"] == counts["delivered"]
        await one_recipient(gateway, long)
        await gateway.stop()
    said = await smsgw(gateway, "archive", "once")
    assert "1 raw file removed" in said
    assert list(gateway.site.rglob("*.rec")) == []
    assert (await figures(gateway, "--by", "account"))["orders"] == whole


async def one_recipient(gateway: GatewayProcess, text: str) -> None:
    """Found by number, disclosed with the text, erased; the archive stays whole."""
    first = next(each for each in steps(gateway, Step.ACCEPTED) if each.recipient_masked.endswith(NUMBER[-4:]))
    assert "receipt_returned" in await smsgw(gateway, "records", first.message_id)
    why = ("--why", "asked for")
    said = await smsgw(gateway, "archive", "disclose", NUMBER, *why)
    shown = [json.loads(line) for line in said.splitlines()]
    assert [each["text"] for each in shown if "text" in each] == ["【示例物流】您的包裹5已送达", text]
    assert bytes.fromhex(next(each["pdu"] for each in shown if "pdu" in each))[4:8] == b"\0\0\0\x04"
    assert "is whole" in await smsgw(gateway, "archive", "verify")
    assert "erased from" in await smsgw(gateway, "archive", "erase", NUMBER, *why)
    assert await smsgw(gateway, "archive", "disclose", NUMBER, *why) == ""
    assert "is whole" in await smsgw(gateway, "archive", "verify")
    assert "records.erased" in await smsgw(gateway, "audit", "list")
