"""What the carrier simulator does wrong on purpose, as libraries of other people see it."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pytest
from smpp.pdu.error import PDUCorruptError, PDUParseError
from smpp.pdu.pdu_encoding import PDUEncoder

from simulators.carrier.faults import FAULTS
from simulators.carrier.ids import IdForm
from simulators.carrier.receipts import ReceiptStyle
from simulators.carrier.settings import CarrierSettings
from simulators.carrier.sim import CarrierSim
from simulators.spread import Delay
from tests.interop.clients import PASSWORD, SOURCE, SYSTEM_ID
from tests.interop.node_peer import NodePeer

pytestmark = pytest.mark.e2e

SOON_S = 10
#: Faults whose PDU by itself is well-formed: what is wrong is what it says, or what comes after it.
WELL_FORMED = {
    "length_too_small": lambda frame, pdu: len(frame) > int.from_bytes(frame[:4], "big"),
    "receipt_without_id": lambda frame, pdu: frame[:4] and b"id:" not in frame,
    "response_to_nothing": lambda frame, pdu: type(pdu).__name__.endswith("Resp"),
    "wrong_sequence": lambda frame, pdu: not 1 <= (pdu.seqNum or 0) <= 0x7FFFFFFF,
    "status_in_request": lambda frame, pdu: frame[8:12] != b"\0\0\0\0",
    "request_of_esme": lambda frame, pdu: type(pdu).__name__.startswith(
        ("Submit", "Bind", "Query", "Cancel", "Replace")
    ),
    "unknown_tlv": lambda frame, pdu: True,
}


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("word", [12345, 0x7FFFFFFF])
def test_each_fault_is_one_to_another_decoder(kind: str, word: int) -> None:
    frame = FAULTS[kind].make(word, 7)
    reader = io.BytesIO(frame)
    if kind in WELL_FORMED:
        assert WELL_FORMED[kind](frame, PDUEncoder().decode(reader))
    else:
        with pytest.raises((PDUCorruptError, PDUParseError)):
            PDUEncoder().decode(reader)


class Session:
    """node's client, bound to a carrier inside ``async with``."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.node = NodePeer()

    async def __aenter__(self) -> NodePeer:
        await self.node.__aenter__()
        await self.node.do("connect", port=self._port)
        await self.node.request("bind_transceiver", system_id=SYSTEM_ID, password=PASSWORD)
        return self.node

    async def __aexit__(self, *raised: object) -> None:
        await self.node.__aexit__(None, None, None)


def _submit(node: NodePeer, recipient: str = "8613800000001") -> asyncio.Task[dict[str, Any]]:
    fields = {"source_addr": SOURCE, "destination_addr": recipient, "short_message": "x", "registered_delivery": 1}
    return asyncio.ensure_future(node.request("submit_sm", **fields))


async def test_unknown_commands_are_seen_and_the_session_lives() -> None:
    async with CarrierSim() as sim, Session(sim.port) as node:
        for kind in ("reserved_command", "vendor_command", "unknown_response"):
            assert sim.send_malformed(kind) == 1
        await node.until(lambda: len(node.said("unknown")) == 3, "three unknown PDUs")
        assert (await node.request("enquire_link"))["command_status"] == 0


async def test_a_length_that_is_too_large_breaks_the_session() -> None:
    async with CarrierSim() as sim, Session(sim.port) as node:
        assert sim.send_malformed("length_huge") == 1
        await node.until(lambda: node.said("error"), "node can't go on")
        assert "too large" in node.said("error")[0]["message"]


async def test_answers_out_of_order() -> None:
    async with CarrierSim(CarrierSettings(out_of_order=1.0)) as sim, Session(sim.port) as node:
        order: list[int] = []
        tasks = [_submit(node, f"861380000000{n}") for n in range(2)]
        for number, task in enumerate(tasks):
            task.add_done_callback(lambda _, number=number: order.append(number))
        answers = await asyncio.gather(*tasks)
        assert order == [1, 0]
        assert answers[0]["message_id"] != answers[1]["message_id"]


@pytest.mark.parametrize("settings", [
    CarrierSettings(early=1.0, early_by=Delay.parse("50ms")),
    CarrierSettings(duplicate=1.0),
    CarrierSettings(contradict=1.0),
    CarrierSettings(intermediate=1.0),
], ids=["early", "twice", "contradicting", "intermediate"])  # fmt: skip
async def test_receipts_that_no_one_wants(settings: CarrierSettings) -> None:
    async with CarrierSim(settings) as sim, Session(sim.port) as node:
        answer = asyncio.ensure_future(_submit(node))
        if settings.early:
            await node.until(lambda: node.pdus("deliver_sm"), "the receipt")
            assert not answer.done()
        message_id = (await answer)["message_id"]
        expected = 1 if settings.early else 2
        await node.until(lambda: len(node.pdus("deliver_sm")) == expected, "all receipts")
        receipts = node.pdus("deliver_sm")
        assert {receipt["receipted_message_id"] for receipt in receipts} == {message_id}
        states = [receipt["message_state"] for receipt in receipts]
        if settings.contradict:
            assert len(set(states)) == 2
        elif settings.duplicate:
            assert states == [2, 2]
        elif settings.intermediate:
            assert (states[-1], [receipt["esm_class"] for receipt in receipts]) == (2, [0x20, 4])


@pytest.mark.parametrize(("recipient", "received"), [("19900004005", 1), ("19900004006", 1), ("19900004007", 1)])
async def test_the_connection_goes_around_the_answer(recipient: str, received: int) -> None:
    async with CarrierSim() as sim, Session(sim.port) as node:
        answer = _submit(node, recipient)
        await node.until(lambda: node.said("close"), "the carrier drops")
        if recipient.endswith("7"):
            assert (await answer)["command_status"] == 0
        else:
            assert not answer.done()
            answer.cancel()
        assert len(sim.received) == received


async def test_half_open_says_nothing_and_stays() -> None:
    async with CarrierSim() as sim, Session(sim.port) as node:
        assert sim.half_open() == 1
        asked = asyncio.ensure_future(node.request("enquire_link"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await asyncio.shield(asked)
        assert not node.said("close")
        asked.cancel()


@pytest.mark.parametrize("form", ["hex:8", "HEX:10", "dec:12", "text", "empty"])
async def test_every_form_of_id_comes_through(form: str) -> None:
    async with CarrierSim(CarrierSettings(response_id=IdForm(form))) as sim, Session(sim.port) as node:
        answer = await _submit(node)
        assert (answer["command_status"], answer["message_id"]) == (0, sim.received[0].message_id.decode())


@pytest.mark.parametrize("words", ["tlv", "text", "nonul", "data_sm", "class0"])
async def test_styles_of_receipts(words: str) -> None:
    async with CarrierSim(CarrierSettings(rest_style=ReceiptStyle.parse(words))) as sim, Session(sim.port) as node:
        message_id = (await _submit(node))["message_id"]
        command = "data_sm" if words == "data_sm" else "deliver_sm"
        await node.until(lambda: node.pdus(command), "the receipt")
        (receipt,) = node.pdus(command)
        assert receipt["esm_class"] == (0 if words == "class0" else 4)
        if words == "text":
            assert "receipted_message_id" not in receipt
            assert f"id:{message_id} " in receipt["short_message"]["message"]
        elif words == "nonul":  # it reads on into the next TLV, up to a NUL
            assert receipt["receipted_message_id"] == message_id + "\x04'"
        else:
            assert receipt["receipted_message_id"] == message_id
