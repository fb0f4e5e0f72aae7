"""The carrier simulator used by clients of other people: node's smpp, smpp34, smpplib and aiosmpplib."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from simulators.carrier.settings import CarrierSettings, Tls
from simulators.carrier.sim import CarrierSim
from simulators.spread import Delay
from simulators.tap import Connection
from smsgw.smpp.constants import CommandId
from tests.e2e.test_tls import Authority
from tests.interop.clients import PASSWORD, SYSTEM_ID, Aiosmpplib, Client, Node, Refused, Smpp34, Smpplib

pytestmark = pytest.mark.e2e

UCS2, UDHI = 8, 0x40
CLIENTS = [Node, Smpp34, Smpplib, Aiosmpplib]
SETTINGS = CarrierSettings(accounts={SYSTEM_ID: PASSWORD})
each_client = pytest.mark.parametrize("make", CLIENTS)

_numbers = itertools.count(1)


class Answers:
    """A tap that counts what comes of one kind."""

    def __init__(self, command_id: int) -> None:
        self.count = 0
        self._mark = command_id.to_bytes(4, "big") + b"\0\0\0\0"

    def opened(self, connection: Connection) -> None:
        pass

    def received(self, connection: Connection, octets: bytes) -> None:
        self.count += octets.count(self._mark)

    def sent(self, connection: Connection, octets: bytes) -> None:
        pass

    def closed(self, connection: Connection) -> None:
        pass


def _recipient() -> str:
    return f"86138{next(_numbers):08}"


@each_client
async def test_a_text_its_receipt_and_the_unbind(make: type[Client]) -> None:
    async with CarrierSim(SETTINGS) as sim:
        recipient = _recipient()
        async with make(sim.port) as client:
            answer = await client.submit(recipient, b"hello there", 0)
            assert answer.status == 0
            receipts = await client.receipts(1)
            assert receipts[answer.message_id].source == recipient
            assert receipts[answer.message_id].state == 2
            assert receipts[answer.message_id].octets.startswith(f"id:{answer.message_id} ".encode())
        assert [(message.recipient, message.text) for message in sim.received] == [(recipient, "hello there")]
        await sim.wait_for(lambda: not sim.bound, 5, "unbound")
        assert sim.stats.unbinds == 1


@each_client
async def test_a_chinese_text(make: type[Client]) -> None:
    async with CarrierSim(SETTINGS) as sim, make(sim.port) as client:
        answer = await client.submit(_recipient(), "您的验证码是482913".encode("utf-16-be"), UCS2)
        assert answer.status == 0
        assert [message.text for message in sim.received] == ["您的验证码是482913"]


@each_client
async def test_a_long_text_has_a_receipt_for_each_part(make: type[Client]) -> None:
    text = "长短信一二三四五六七八九十" * 12
    pieces = [text[start : start + 66] for start in range(0, len(text), 66)]
    async with CarrierSim(SETTINGS) as sim, make(sim.port) as client:
        recipient = _recipient()
        ids = []
        for index, piece in enumerate(pieces, 1):
            header = bytes((5, 0, 3, 7, len(pieces), index))
            answer = await client.submit(recipient, header + piece.encode("utf-16-be"), UCS2, UDHI)
            ids.append(answer.message_id)
        assert set(await client.receipts(len(pieces))) == set(ids)
        assert "".join(message.text for message in sim.received) == text


@each_client
async def test_an_mo(make: type[Client]) -> None:
    async with CarrierSim(SETTINGS) as sim, make(sim.port) as client:
        sim.send_mo("8613800000009", "10690001", "退订")
        await client.until(lambda: client.came, "the MO")
        (mo,) = client.came
        assert (mo.source, mo.octets.decode("utf-16-be"), mo.data_coding, mo.esm_class) == (
            "8613800000009", "退订", UCS2, 0,
        )  # fmt: skip


@each_client
async def test_enquire_link_is_answered_both_ways(make: type[Client]) -> None:
    answers = Answers(CommandId.ENQUIRE_LINK_RESP)
    async with CarrierSim(CarrierSettings(accounts={SYSTEM_ID: PASSWORD}, enquire_s=0.1)) as sim:
        sim.attach(answers)
        async with make(sim.port) as client:
            assert await client.enquire()
            await sim.wait_for(lambda: answers.count >= 2, 5, "the client answers")


@each_client
@pytest.mark.parametrize(("magic", "status"), [("19900002088", 0x58), ("19900002020", 0x14), ("19900002011", 0x0B)])
async def test_a_refusal(make: type[Client], magic: str, status: int) -> None:
    async with CarrierSim(SETTINGS) as sim, make(sim.port) as client:
        assert (await client.submit(magic, b"x", 0)).status == status


# smpp34 says nothing of a refused bind: it waits until its own timeout.
@pytest.mark.parametrize("make", [Node, Smpplib, Aiosmpplib])
async def test_a_wrong_password(make: type[Client]) -> None:
    async with CarrierSim(SETTINGS) as sim:
        with pytest.raises(Refused) as refused:
            await make(sim.port, password="wrong").__aenter__()
        assert refused.value.status == 0x0E


# aiosmpplib knows no TLS.
@pytest.mark.parametrize("make", [Node, Smpp34, Smpplib])
async def test_tls(make: type[Client], tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.issue("server", "localhost")
    settings = CarrierSettings(
        accounts={SYSTEM_ID: PASSWORD}, tls=Tls(tmp_path / "server.pem", tmp_path / "server.key")
    )
    async with CarrierSim(settings) as sim, make(sim.port, ca=tmp_path / "ca.pem") as client:
        answer = await client.submit(_recipient(), b"over TLS", 0)
        assert answer.message_id in await client.receipts(1)


async def test_node_asks_about_messages_and_sends_to_several() -> None:
    async with CarrierSim(SETTINGS) as sim:
        client = Node(sim.port)
        async with client:
            source, first, second = "10690001", _recipient(), _recipient()
            # Still under way, so that it can be replaced and cancelled.
            sim.change(receipt=Delay.parse("60s"))
            sent = await client.peer.request(
                "submit_sm", source_addr=source, destination_addr=first, short_message="one", registered_delivery=1
            )
            about = {"message_id": sent["message_id"], "source_addr": source}
            asked = await client.peer.request("query_sm", **about)
            assert (asked["command_status"], asked["message_state"]) == (0, 1)
            replaced = await client.peer.request("replace_sm", **about, short_message="two")
            assert (replaced["command_status"], sim.received[0].text) == (0, "two")
            cancelled = await client.peer.request("cancel_sm", **about, destination_addr=first)
            assert cancelled["command_status"] == 0
            assert (await client.peer.request("query_sm", **about))["message_state"] == 4  # deleted
            unknown = await client.peer.request("query_sm", message_id="none", source_addr=source)
            assert unknown["command_status"] in (0x0C, 0x67)
            addresses = [{"dest_addr_ton": 1, "dest_addr_npi": 1, "destination_addr": each} for each in (first, second)]
            several = await client.peer.request(
                "submit_multi", source_addr=source, dest_address=addresses, short_message="both"
            )
            assert several["command_status"] == 0
            data = await client.peer.request(
                "data_sm", source_addr=source, destination_addr=first, message_payload={"hex": b"data".hex()}
            )
            assert (data["command_status"], bool(data["message_id"])) == (0, True)
        texts = [(message.recipient, message.text) for message in sim.received[1:]]
        assert sorted(texts) == sorted([(first, "both"), (second, "both"), (first, "data")])
