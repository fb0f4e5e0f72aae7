"""The simulated application against the simulated carrier, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from simulators.carrier import CarrierSettings, CarrierSim
from simulators.carrier.ids import IdForm
from simulators.carrier.plan import Parts
from simulators.esme import EsmeSettings, EsmeSim
from simulators.spread import Delay
from smsgw.errors import BindRejected, ConnectFailed, LinkLost, LocalError
from smsgw.smpp import pdu
from smsgw.smpp.constants import CommandId

pytestmark = pytest.mark.e2e

_SOON_S = 5.0
_LONG = "长短信一二三四五六七八九十" * 12


def _esme(sim: CarrierSim, *binds: str, system_id: str = "shop", password: str = "secret") -> EsmeSettings:
    return EsmeSettings(port=sim.port, system_id=system_id, password=password, binds=binds or ("transceiver",))


async def test_a_message_is_answered_and_its_receipt_comes() -> None:
    async with CarrierSim() as sim, EsmeSim(_esme(sim)) as esme:
        answer = await esme.submit("10690001", "8613800000001", "【示例】您好")
        assert answer.ok
        await esme.wait_for(lambda: esme.receipts, _SOON_S)
        (came,) = esme.receipts
        assert came.receipt is not None
        assert (came.message_id, came.receipt.stat) == (answer.message_id, "DELIVRD")
        assert (came.source, came.destination) == ("8613800000001", "10690001")
        (message,) = sim.received
        assert (message.text, message.recipient, message.source) == ("【示例】您好", "8613800000001", "10690001")
        assert message.message_id.decode() == answer.message_id
        await sim.wait_for(lambda: sim.stats.receipts_acked == 1, _SOON_S)
        assert sim.receipts_waiting == 0


async def test_no_receipt_unless_asked_for_and_only_what_was_asked_for() -> None:
    async with CarrierSim() as sim, EsmeSim(_esme(sim)) as esme:
        for registered_delivery in (0, 2, 3, 1):
            for recipient in ("19900000000", "19900001001"):
                await esme.submit("1", recipient, "x", registered_delivery=registered_delivery)
        await esme.wait_for(lambda: len(esme.receipts) == 4, _SOON_S)
        stats = [came.receipt.stat for came in esme.receipts if came.receipt is not None]
        assert stats == ["UNDELIV", "DELIVRD", "DELIVRD", "UNDELIV"]


async def test_credentials_and_the_number_of_binds() -> None:
    settings = CarrierSettings(accounts={"shop": "secret"}, max_binds=2, max_binds_status=0x0D)
    async with CarrierSim(settings) as sim:
        for account, status in ((("shop", "wrong"), 0x0E), (("shopp", "secret"), 0x0F)):
            with pytest.raises(BindRejected) as refused:
                await EsmeSim(_esme(sim, system_id=account[0], password=account[1])).connect()
            assert refused.value.command_status == status
        async with EsmeSim(_esme(sim, "transmitter", "receiver")):
            assert sim.bound == 2
            with pytest.raises(BindRejected) as refused:
                await EsmeSim(_esme(sim)).connect()
            assert refused.value.command_status == 0x0D
        await sim.wait_for(lambda: sim.bound == 0, _SOON_S)
        async with EsmeSim(_esme(sim)):
            assert sim.stats.binds_refused == 3


async def test_binds_refused_by_switch() -> None:
    async with CarrierSim() as sim:
        sim.refuse_binds(0x0D)
        with pytest.raises(BindRejected):
            await EsmeSim(_esme(sim)).connect()
        sim.refuse_binds(0)
        async with EsmeSim(_esme(sim)) as esme:
            assert esme.bound == 1


async def test_no_carrier_at_all() -> None:
    async with CarrierSim() as sim:
        settings = _esme(sim)
    with pytest.raises(ConnectFailed):
        await EsmeSim(settings).connect()


async def test_the_window_is_enforced_only_against_those_who_exceed_it() -> None:
    settings = CarrierSettings(window=10, window_status=0x14, response=Delay.parse("20ms"))
    async with CarrierSim(settings) as sim, EsmeSim(_esme(sim)) as esme:
        answers = await asyncio.gather(*[esme.submit("1", "8613800000001", "x") for _ in range(15)])
        assert [answer.status for answer in answers].count(0x14) == 5
        for _ in range(3):
            answers = await asyncio.gather(*[esme.submit("1", "8613800000001", "x") for _ in range(10)])
            assert {answer.status for answer in answers} == {0}


@pytest.mark.parametrize("per_account", [False, True])
async def test_the_rate_counts_segments_of_a_bind_or_an_account(per_account: bool) -> None:
    settings = CarrierSettings(tps=0.001, tps_burst=6, tps_per="account" if per_account else "bind")
    async with CarrierSim(settings) as sim, EsmeSim(_esme(sim, "transceiver", "transmitter")) as esme:
        (whole,) = esme.submit_long("1", "8613800000001", "x" * 300, long="payload", bind=0)  # two segments
        answers = [await whole]
        answers += [await esme.submit("1", "8613800000001", "x", bind=number % 2) for number in range(12)]
        accepted = sum(answer.ok for answer in answers)
        assert accepted == (5 if per_account else 4 + 1 + 6)
        assert {answer.status for answer in answers} == {0, 0x58}
        sim.throttle(0)
        assert (await esme.submit("1", "8613800000001", "x")).ok


async def test_ids_in_hex_in_the_response_and_decimal_in_the_receipt() -> None:
    settings = CarrierSettings(response_id=IdForm("HEX:8"), receipt_id=IdForm("dec"), id_base=0xBEEF)
    async with CarrierSim(settings) as sim, EsmeSim(_esme(sim)) as esme:
        assert (await esme.submit("1", "8613800000001", "x")).message_id == "0000BEEF"
        await esme.wait_for(lambda: esme.receipts, _SOON_S)
        assert esme.receipts[0].message_id == "48879"


async def test_receipts_wait_for_a_receiver_and_survive_a_drop() -> None:
    async with CarrierSim(CarrierSettings(resend_after_s=60)) as sim:
        async with EsmeSim(_esme(sim, "transmitter")) as sender:
            answers = await asyncio.gather(*[sender.submit("1", f"86138000000{n:02}", "x") for n in range(20)])
        ids = {answer.message_id for answer in answers}
        assert sim.receipts_waiting == 20
        deaf = EsmeSettings(port=sim.port, system_id="shop", binds=("receiver",), deliver_status=None)
        async with EsmeSim(deaf) as listener:
            await listener.wait_for(lambda: len(listener.receipts) == 20, _SOON_S)
            assert sim.receipts_waiting == 20
            assert sim.stats.receipts_acked == 0
        async with EsmeSim(_esme(sim, "receiver")) as listener:
            await listener.wait_for(lambda: len(listener.receipts) == 20, _SOON_S)
            assert {came.message_id for came in listener.receipts} == ids
            await sim.wait_for(lambda: sim.receipts_waiting == 0, _SOON_S)
        assert sim.stats.receipts_resent == 20


async def test_an_unanswered_receipt_is_sent_again_until_given_up() -> None:
    settings = CarrierSettings(resend_after_s=0.1, receipt_tries=2)
    async with CarrierSim(settings) as sim, EsmeSim(_esme(sim)) as esme:
        esme.deliver_status = None
        await esme.submit("1", "8613800000001", "x")
        await sim.wait_for(lambda: sim.stats.receipts_given_up == 1, _SOON_S)
        assert len(esme.receipts) == 2
        assert sim.receipts_waiting == 0


@pytest.mark.parametrize(("status", "tries"), [(0x08, 3), (0x0B, 1)])
async def test_a_refused_receipt_is_sent_again_only_for_some_statuses(status: int, tries: int) -> None:
    settings = CarrierSettings(retry_after_s=0.02, receipt_tries=3)
    async with CarrierSim(settings) as sim, EsmeSim(_esme(sim)) as esme:
        esme.deliver_status = status
        await esme.submit("1", "8613800000001", "x")
        await sim.wait_for(lambda: sim.stats.receipts_given_up == 1, _SOON_S)
        assert len(esme.receipts) == tries
        assert sim.stats.receipts_nacked == tries


async def test_the_receipt_window_holds_back_the_rest() -> None:
    async with CarrierSim(CarrierSettings(receipt_window=3)) as sim, EsmeSim(_esme(sim)) as esme:
        esme.deliver_status = None
        await asyncio.gather(*[esme.submit("1", "8613800000001", "x") for _ in range(10)])
        await sim.wait_for(lambda: sim.stats.receipts_sent == 3, _SOON_S)
        assert sim.receipts_waiting == 10
        esme.deliver_status = 0
        for link in esme.links:  # what a slow application does in the end
            for sequence_number in (1, 2, 3):
                link.write(pdu.response(CommandId.DELIVER_SM, 0, sequence_number, b""))
        await sim.wait_for(lambda: sim.stats.receipts_acked == 10, _SOON_S)


@pytest.mark.parametrize(("parts", "indexes"), [(Parts.EACH, [0, 1, 2]), (Parts.FIRST, [0]), (Parts.LAST, [2])])
@pytest.mark.parametrize("long", ["udh", "udh16", "sar"])
async def test_receipts_of_a_long_message(parts: Parts, indexes: list[int], long: str) -> None:
    async with CarrierSim(CarrierSettings(parts=parts)) as sim, EsmeSim(_esme(sim)) as esme:
        answers = await asyncio.gather(*esme.submit_long("1", "8613800000001", _LONG, long=long))
        assert len(answers) == 3
        await sim.wait_for(lambda: sim.stats.receipts_acked == len(indexes), _SOON_S)
        assert [came.message_id for came in esme.receipts] == [answers[index].message_id for index in indexes]
        assert "".join(message.text for message in sim.received) == _LONG


async def test_an_early_receipt_for_the_last_part_only() -> None:
    settings = CarrierSettings(parts=Parts.LAST, early=1.0, response=Delay.parse("20ms"))
    async with CarrierSim(settings) as sim, EsmeSim(_esme(sim)) as esme:
        futures = esme.submit_long("1", "8613800000001", _LONG)
        await esme.wait_for(lambda: esme.receipts, _SOON_S)
        assert not any(future.done() for future in futures)
        answers = await asyncio.gather(*futures)
        assert [came.message_id for came in esme.receipts] == [answers[2].message_id]


async def test_receipts_on_another_bind() -> None:
    settings = CarrierSettings(other_bind=1.0)
    async with CarrierSim(settings) as sim, EsmeSim(_esme(sim, "transceiver", "transceiver")) as esme:
        for _ in range(4):
            await esme.submit("1", "8613800000001", "x", bind=0)
        await esme.wait_for(lambda: len(esme.receipts) == 4, _SOON_S)
        assert {came.bind for came in esme.receipts} == {1}


async def test_delays_of_response_and_receipt() -> None:
    settings = CarrierSettings(response=Delay.parse("30ms-60ms"), receipt=Delay.parse("100ms"))
    async with CarrierSim(settings) as sim, EsmeSim(_esme(sim)) as esme:
        loop = asyncio.get_running_loop()
        start_s = loop.time()
        await asyncio.gather(*[esme.submit("1", f"861380000{n:04}", "x") for n in range(50)])
        assert 0.03 <= loop.time() - start_s < 1
        await esme.wait_for(lambda: len(esme.receipts) == 50, _SOON_S)
        assert loop.time() - start_s >= 0.13


async def test_mo_short_and_long() -> None:
    async with CarrierSim() as sim, EsmeSim(_esme(sim)) as esme:
        assert sim.send_mo("8613800000001", "1069000101", "ＴＤ") == 1
        assert sim.send_mo("8613800000001", "1069000101", _LONG, "shop") == 3
        await esme.wait_for(lambda: len(esme.mo) == 4, _SOON_S)
        assert esme.mo[0].text == "ＴＤ"
        assert (esme.mo[0].source, esme.mo[0].destination) == ("8613800000001", "1069000101")
        assert "".join(came.text for came in esme.mo[1:]) == _LONG
        await sim.wait_for(lambda: sim.stats.mo_acked == 4, _SOON_S)
        with pytest.raises(LookupError, match="nobody"):
            sim.send_mo("1", "2", "x", "nobody")


async def test_mo_without_any_bind() -> None:
    async with CarrierSim() as sim:
        with pytest.raises(LookupError, match="no account"):
            sim.send_mo("1", "2", "x")


async def test_a_drop_loses_what_was_unanswered() -> None:
    async with CarrierSim(CarrierSettings(response=Delay.parse("60s"))) as sim:
        esme = EsmeSim(_esme(sim))
        await esme.connect()
        future = esme.submit("1", "8613800000001", "x")
        await sim.wait_for(lambda: sim.received, _SOON_S)
        assert sim.drop_all() == 1
        with pytest.raises(LinkLost):
            await future
        with pytest.raises(LocalError, match="no bind"):
            esme.submit("1", "8613800000001", "x")
        await esme.connect()
        assert esme.bound == 1
        await esme.disconnect()


async def test_a_carrier_comes_back_on_its_port() -> None:
    async with CarrierSim() as sim:
        esme = EsmeSim(_esme(sim))
        await esme.connect()
    await esme.wait_for(lambda: not esme.bound, _SOON_S)
    async with CarrierSim(CarrierSettings(port=sim.port)) as again:
        await esme.connect()
        assert (await esme.submit("1", "8613800000001", "x")).ok
        assert len(again.received) == 1
        await esme.disconnect()


async def test_pause_looks_hung_and_resume_goes_on() -> None:
    async with CarrierSim() as sim, EsmeSim(_esme(sim)) as esme:
        sim.pause()
        future = esme.submit("1", "8613800000001", "x")
        with pytest.raises(TimeoutError):
            await esme.wait_for(future.done, 0.2, "the answer")
        sim.resume()
        assert (await future).ok
        await esme.wait_for(lambda: esme.receipts, _SOON_S)


async def test_half_open() -> None:
    async with CarrierSim() as sim, EsmeSim(_esme(sim)) as esme:
        assert sim.half_open() == 1
        future = esme.submit("1", "8613800000001", "x")
        with pytest.raises(TimeoutError):
            await esme.wait_for(future.done, 0.2)
        assert not sim.received
        esme.drop()  # nobody would answer an unbind


async def test_idle_connections_are_dropped_and_enquire_link_keeps_them() -> None:
    async with CarrierSim(CarrierSettings(idle_drop_s=1.5)) as sim:
        alive = EsmeSettings(port=sim.port, enquire_s=0.3)
        async with EsmeSim(_esme(sim)) as idle, EsmeSim(alive) as awake:
            await idle.wait_for(lambda: not idle.bound, _SOON_S)
            assert awake.bound == 1
            assert sim.stats.enquire_links >= 1


async def test_the_carrier_enquires() -> None:
    async with CarrierSim(CarrierSettings(enquire_s=0.1, idle_drop_s=1.0)) as sim, EsmeSim(_esme(sim)) as esme:
        heard_s = sim.links[0].heard_s
        await sim.wait_for(lambda: sim.links[0].heard_s > heard_s + 0.2, _SOON_S)
        assert esme.bound == 1


def _query(command: CommandId, message_id: str) -> Callable[[int], bytes]:
    body = message_id.encode() + b"\0\0\1" + b"10690001\0"
    if command is CommandId.CANCEL_SM:
        body = b"\0" + body + b"\0\0\0"
    elif command is CommandId.REPLACE_SM:
        body += b"\0\0\0\0\3new"
    return lambda sequence_number: pdu.HEADER.pack(16 + len(body), command, 0, sequence_number) + body


async def test_query_cancel_and_replace() -> None:
    async with CarrierSim(CarrierSettings(receipt=Delay.parse("60s"))) as sim, EsmeSim(_esme(sim)) as esme:
        answer = await esme.submit("10690001", "8613800000001", "old")
        state = await esme.request(_query(CommandId.QUERY_SM, answer.message_id))
        assert (state.ok, state.pdu.fields["message_state"]) == (True, 1)
        assert (await esme.request(_query(CommandId.REPLACE_SM, answer.message_id))).ok
        assert sim.received[0].text == "new"
        assert (await esme.request(_query(CommandId.CANCEL_SM, answer.message_id))).ok
        await esme.wait_for(lambda: esme.receipts, _SOON_S)
        receipt = esme.receipts[0].receipt
        assert receipt is not None
        assert receipt.stat == "DELETED"
        again = [await esme.request(_query(CommandId(command), answer.message_id)) for command in (3, 8, 7)]
        assert [answer.status for answer in again] == [0, 0x11, 0x13]
        assert again[0].pdu.fields["message_state"] == 4
        unknown = [await esme.request(_query(CommandId(command), "nothing")) for command in (3, 8, 7)]
        assert [answer.status for answer in unknown] == [0x67, 0x11, 0x13]


async def test_what_a_bind_may_not_do_and_what_nobody_knows() -> None:
    async with CarrierSim() as sim, EsmeSim(_esme(sim, "receiver", "transmitter")) as esme:
        body = b"\0" * 17
        build = [
            lambda number: pdu.submit_sm(number, source_addr=b"1", destination_addr=b"2", short_message=b"x"),
            lambda number: pdu.HEADER.pack(33, 0x00000110, 0, number) + body,
        ]
        assert (await esme.request(build[0], bind=0)).status == 0x04
        assert (await esme.request(build[1], bind=1)).status == 0x03
        truncated = await esme.request(lambda number: pdu.HEADER.pack(20, 4, 0, number) + b"\0\0\0\0", bind=1)
        assert truncated.status == 0x02
        assert esme.bound == 2
        esme.send_raw(b"\0\0\0\5abcdefgh", bind=1)
        await esme.wait_for(lambda: esme.bound == 1, _SOON_S)
        assert sim.stats.malformed == 1
