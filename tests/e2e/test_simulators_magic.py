"""Magic recipients over real sockets: what an application sees of each kind."""

from __future__ import annotations

import asyncio

import pytest

from simulators.carrier import CarrierSettings, CarrierSim
from simulators.esme import EsmeSettings, EsmeSim
from smsgw.errors import LinkLost
from smsgw.smpp.constants import CommandId

pytestmark = pytest.mark.e2e

_SOON_S = 5.0
_SOURCE = "1069000101"


def _settings(sim: CarrierSim, *binds: str) -> EsmeSettings:
    return EsmeSettings(port=sim.port, system_id="shop", binds=binds or ("transceiver",))


async def _stats(code: int, count: int = 1) -> list[str | None]:
    """What the receipts of one message to a code say, in the order they come."""
    async with CarrierSim() as sim, EsmeSim(_settings(sim)) as esme:
        await esme.submit(_SOURCE, f"861990000{code:04}", "x")
        await esme.wait_for(lambda: len(esme.receipts) == count, _SOON_S)
        return [came.receipt.stat for came in esme.receipts if came.receipt is not None]


@pytest.mark.parametrize(
    ("code", "stats"),
    [
        (0, ["DELIVRD"]), (1013, ["UNDELIV"]), (4101, ["DELIVRD", "DELIVRD"]), (4102, ["DELIVRD", "UNDELIV"]),
        (4103, ["UNDELIV", "DELIVRD"]), (4104, ["ENROUTE", "DELIVRD"]), (4303, ["EXPIRED"]), (4500, ["MBBLACK"]),
        (4502, ["DB:0144"]),
    ],
)  # fmt: skip
async def test_receipts(code: int, stats: list[str]) -> None:
    assert await _stats(code, len(stats)) == stats


async def test_refusals_and_answers() -> None:
    async with CarrierSim() as sim, EsmeSim(_settings(sim)) as esme:
        codes = (2008, 2020, 2088, 2011, 2069, 4010)
        answers = await asyncio.gather(*[esme.submit(_SOURCE, f"1990000{code}", "x") for code in codes])
        assert [answer.status for answer in answers] == [0x08, 0x14, 0x58, 0x0B, 0x45, 0x08]
        assert answers[-1].command_id == CommandId.GENERIC_NACK
        again = [(await esme.submit(_SOURCE, "19900003882", "x")).status for _ in range(3)]
        assert again == [0x58, 0x58, 0]
        assert (await esme.submit(_SOURCE, "19900002000", "x")).message_id == ""
        assert (await esme.submit(_SOURCE, "19900004011", "x")).ok
        await esme.wait_for(lambda: esme.unexpected, _SOON_S)
        assert esme.unexpected[0].ok


async def test_never_answered_with_and_without_a_receipt() -> None:
    async with CarrierSim() as sim, EsmeSim(_settings(sim)) as esme:
        silent = [esme.submit(_SOURCE, f"1990000400{digit}", "x") for digit in (0, 1)]
        await esme.wait_for(lambda: esme.receipts, _SOON_S)
        assert not any(future.done() for future in silent)
        assert esme.receipts[0].source == "19900004001"
        assert sim.stats.unanswered == 2


async def test_the_early_receipt_is_there_before_the_response() -> None:
    async with CarrierSim() as sim, EsmeSim(_settings(sim)) as esme:
        future = esme.submit(_SOURCE, "19900004100", "x")
        await esme.wait_for(lambda: esme.receipts, _SOON_S)
        assert not future.done()
        assert (await future).message_id == esme.receipts[0].message_id


@pytest.mark.parametrize(
    ("code", "form"), [(4200, "{:X}"), (4201, "{:x}"), (4202, "{:012d}"), (4206, "{}"), (4214, "{}"), (4216, "{}")]
)
async def test_ids_as_receipts_write_them(code: int, form: str) -> None:
    async with CarrierSim() as sim, EsmeSim(_settings(sim)) as esme:
        answer = await esme.submit(_SOURCE, f"1990000{code}", "x")
        await esme.wait_for(lambda: esme.receipts, _SOON_S)
        assert esme.receipts[0].message_id == form.format(int(answer.message_id))


async def test_unusual_ids_are_those_of_the_receipts() -> None:
    async with CarrierSim() as sim, EsmeSim(_settings(sim)) as esme:
        answers = [await esme.submit(_SOURCE, f"1990000{code}", "x") for code in (4016, 4017)]
        await esme.wait_for(lambda: len(esme.receipts) == 2, _SOON_S)
        assert {came.message_id for came in esme.receipts} == {answer.message_id for answer in answers}


@pytest.mark.parametrize(("code", "reply"), [(4400, "ＴＤ"), (4401, "退订"), (4402, "STOP")])
async def test_the_recipient_answers(code: int, reply: str) -> None:
    async with CarrierSim() as sim, EsmeSim(_settings(sim)) as esme:
        await esme.submit(_SOURCE, f"861990000{code}", "x")
        await esme.wait_for(lambda: esme.mo, _SOON_S)
        assert (esme.mo[0].text, esme.mo[0].source, esme.mo[0].destination) == (reply, f"861990000{code}", _SOURCE)


async def test_a_long_message_is_answered_by_its_recipient_once() -> None:
    async with CarrierSim() as sim, EsmeSim(_settings(sim)) as esme:
        await asyncio.gather(*esme.submit_long(_SOURCE, "19900004401", "长" * 200))
        await esme.submit(_SOURCE, "19900004402", "x")
        await esme.wait_for(lambda: len(esme.mo) == 2, _SOON_S)
        assert [came.text for came in esme.mo] == ["退订", "STOP"]


@pytest.mark.parametrize(("code", "receipts"), [(4005, 0), (4006, 1), (4007, 1)])
async def test_dropped_connections(code: int, receipts: int) -> None:
    async with CarrierSim() as sim:
        esme = EsmeSim(_settings(sim))
        await esme.connect()
        future = esme.submit(_SOURCE, f"1990000{code}", "x")
        if code == 4007:
            assert (await future).ok
        else:
            with pytest.raises(LinkLost):
                await future
        await sim.wait_for(lambda: not sim.links, _SOON_S)
        await esme.connect()
        assert (await esme.submit(_SOURCE, "19900001001", "x")).ok
        await esme.wait_for(lambda: len(esme.receipts) == receipts + 1, _SOON_S)
        assert sim.stats.drops == 1
        await esme.disconnect()


async def test_half_open() -> None:
    async with CarrierSim() as sim, EsmeSim(_settings(sim)) as esme:
        esme.submit(_SOURCE, "19900004008", "x")
        await sim.wait_for(lambda: sim.received, _SOON_S)
        after = esme.submit(_SOURCE, "19900000000", "x")
        with pytest.raises(TimeoutError):
            await esme.wait_for(after.done, 0.2)
        esme.drop()  # nobody would answer an unbind


async def test_on_another_bind() -> None:
    async with CarrierSim() as sim, EsmeSim(_settings(sim, "transceiver", "receiver")) as esme:
        await esme.submit(_SOURCE, "19900004109", "x", bind=0)
        await esme.wait_for(lambda: esme.receipts, _SOON_S)
        assert esme.receipts[0].bind == 1


async def test_the_seed_decides_by_recipient_whatever_the_order() -> None:
    recipients = [f"86138{number:08}" for number in range(60)]
    settings = CarrierSettings(seed=11, refuse=((0x08, 0.3),), duplicate=0.3)
    seen: list[dict[str, int]] = []
    for order in (recipients, recipients[::-1]):
        async with CarrierSim(settings) as sim, EsmeSim(_settings(sim, "transceiver", "transceiver")) as esme:
            answers = await asyncio.gather(*[esme.submit(_SOURCE, recipient, "x") for recipient in order])
            seen.append({recipient: answer.status for recipient, answer in zip(order, answers, strict=True)})
    assert seen[0] == seen[1]
    assert set(seen[0].values()) == {0, 0x08}
