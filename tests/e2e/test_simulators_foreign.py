"""The simulators against libraries that share no code with them: smpplib and smpp34."""

from __future__ import annotations

import asyncio
import socket
import warnings
from typing import Any

import pytest
import smpp34
import smpplib.client
import smpplib.consts
import smpplib.exceptions
import smpplib.gsm

from simulators.carrier import CarrierSettings, CarrierSim
from simulators.carrier.receipts import ReceiptStyle
from simulators.esme import EsmeSettings, EsmeSim
from smsgw.errors import BindRejected
from smsgw.smpp.alphabet import decode_text

pytestmark = pytest.mark.e2e

_SOON_S = 10.0
_LONG = "长短信一二三四五六七八九十" * 12


def _smpplib_session(port: int, text: str, recipients: list[str]) -> tuple[list[Any], list[Any]]:
    """Bind, send a text to each, read until every receipt came, unbind; returns responses and receipts."""
    responses: list[Any] = []
    receipts: list[Any] = []
    client = smpplib.client.Client("127.0.0.1", port, timeout=_SOON_S, allow_unknown_opt_params=True)
    client.set_message_sent_handler(lambda pdu: responses.append(pdu))
    client.set_message_received_handler(lambda pdu: receipts.append(pdu))
    client.set_error_pdu_handler(lambda pdu: None)  # a refused message comes to the sent handler too
    client.connect()
    client.bind_transceiver(system_id="shop", password="secret")
    parts, encoding, flag = smpplib.gsm.make_parts(text)
    for recipient in recipients:
        for part in parts:
            client.send_message(
                source_addr_ton=smpplib.consts.SMPP_TON_UNK,
                source_addr="10690001",
                dest_addr_ton=smpplib.consts.SMPP_TON_INTL,
                destination_addr=recipient,
                short_message=part,
                data_coding=encoding,
                esm_class=flag,
                registered_delivery=True,
            )
    wanted = len(parts) * len(recipients)
    while len(responses) < wanted or len(receipts) < sum(not response.status for response in responses):
        client.read_once()
    client.unbind()
    client.disconnect()
    return responses, receipts


async def _smpplib(sim: CarrierSim, text: str, *recipients: str) -> tuple[list[Any], list[Any]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return await asyncio.to_thread(_smpplib_session, sim.port, text, list(recipients))


async def test_smpplib_sends_and_gets_receipts() -> None:
    async with CarrierSim(CarrierSettings(accounts={"shop": "secret"})) as sim:
        responses, receipts = await _smpplib(sim, "hello", "8613800000001", "19900001013", "19900002088")
        assert [response.status for response in responses] == [0, 0, 0x58]
        assert [receipt.receipted_message_id for receipt in receipts] == [
            response.message_id for response in responses[:2]
        ]
        assert [receipt.message_state for receipt in receipts] == [2, 5]
        assert b"stat:UNDELIV err:013" in receipts[1].short_message
        assert sim.stats.unbinds == 1


async def test_smpplib_sends_a_long_text() -> None:
    async with CarrierSim() as sim:
        responses, receipts = await _smpplib(sim, _LONG, "8613800000001")
        assert len(responses) == len(receipts) == 3
        assert "".join(message.text for message in sim.received) == _LONG


async def test_smpplib_reads_every_style() -> None:
    styles = ["text", "tlv", "quoted", "seconds", "ucs2", "cut", "letters"]
    settings = [CarrierSettings(rest_style=ReceiptStyle.parse(words)) for words in styles]
    for each in settings:
        async with CarrierSim(each) as sim:
            _, receipts = await _smpplib(sim, "hello", "8613800000001")
            assert len(receipts) == 1


async def test_smpplib_is_refused() -> None:
    async with CarrierSim(CarrierSettings(accounts={"shop": "other"})) as sim:
        with pytest.raises(smpplib.exceptions.PDUError) as refused:
            await _smpplib(sim, "hello", "1")
        assert refused.value.args[1] == 0x0E


async def test_smpp34_client() -> None:
    async with CarrierSim(CarrierSettings(accounts={"shop": "secret"})) as sim:
        client = smpp34.Client("127.0.0.1", sim.port, "shop", "secret", bind_type="trx")
        async with asyncio.timeout(_SOON_S):
            smsc = await client.connect()
            response = await smsc.submit_sm(
                "8613800000001",
                "您好".encode("utf-16-be"),
                source_addr="10690001",
                data_coding=8,
                registered_delivery=1,
                tlvs=[smpp34.Tlv(0x1450, b"vendor")],
            )
            assert response.is_success
            receipt = await smsc.next()
            assert isinstance(receipt, smpp34.DeliverSmEvent)
            assert receipt.esm_class == 0x04
            tlvs = {each.tag: each.value for each in receipt.tlvs}
            assert tlvs[0x001E].rstrip(b"\0").decode() == response.message_id
            refused = await smsc.submit_sm("19900002011", b"x", source_addr="1")
            assert refused.command_status == 0x0B
            sim.send_mo("8613800000001", "10690001", "退订")
            mo = await smsc.next()
            assert isinstance(mo, smpp34.DeliverSmEvent)
            assert decode_text(mo.short_message, mo.data_coding) == "退订"
            await smsc.unbind()
        await client.stop()
        assert sim.received[0].text == "您好"
        assert sim.received[0].sm.tlvs.first(0x1450) == b"vendor"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_smpp34_server_with_the_simulated_application() -> None:
    port = _free_port()
    server = smpp34.Server("127.0.0.1", port, system_id="foreign")
    await server.start()
    try:
        async with EsmeSim(EsmeSettings(port=port, system_id="shop")) as esme:
            async with asyncio.timeout(_SOON_S):
                session = await server.next()
                assert isinstance(session, smpp34.Esme)
                assert (session.system_id, session.can_receive) == ("shop", True)
                futures = esme.submit_long("10690001", "8613800000001", _LONG)
                for number in range(len(futures)):
                    submit = await server.next()
                    assert isinstance(submit, smpp34.SubmitSmEvent)
                    assert (submit.data_coding, submit.esm_class, submit.registered_delivery) == (8, 0x40, 1)
                    submit.accept(f"id-{number}")
                # It works on several requests at once, so the ids come in any order.
                assert {(await future).message_id for future in futures} == {"id-0", "id-1", "id-2"}
                refused = esme.submit("10690001", "8613800000001", "x")
                submit = await server.next()
                assert isinstance(submit, smpp34.SubmitSmEvent)
                submit.reject(0x14)
                assert (await refused).status == 0x14
                answered = await session.deliver_sm(
                    "10690001",
                    b"id:id-0 sub:001 dlvrd:001 submit date:2611181030 done date:2611181031 stat:DELIVRD err:000 text:",
                    source_addr="8613800000001",
                    esm_class=4,
                )
                assert answered.is_success
                await esme.wait_for(lambda: esme.receipts, _SOON_S)
                assert esme.receipts[0].message_id == "id-0"
    finally:
        await server.stop()


async def test_binding_to_what_is_no_smsc() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4)
        writer.write(b"\0\0\0\x10\x80\0\0\x09\0\0\0\x0d\0\0\0\x01")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(BindRejected):
            await EsmeSim(EsmeSettings(port=port)).connect()
