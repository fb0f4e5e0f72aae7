"""The application simulator against servers of other people: node's smpp, and smpp34."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from simulators.esme import EsmeSettings, EsmeSim
from simulators.esme.load import Load
from simulators.esme.load_settings import LoadSettings
from simulators.esme.settings import ClientTls
from smsgw.errors import BindRejected, ConnectFailed
from smsgw.smpp import pdu
from smsgw.smpp.codec import Pdu, encode
from smsgw.smpp.constants import CommandId
from tests.e2e.test_tls import Authority
from tests.interop.node_peer import NodePeer
from tests.interop.smpp34_carrier import ForeignCarrier

pytestmark = pytest.mark.e2e

SOURCE, RECIPIENT = "10690001", "8613800000001"
LONG = "长短信一二三四五六七八九十" * 12
SOON_S = 10


@contextlib.asynccontextmanager
async def node_server(**told: object) -> AsyncIterator[tuple[NodePeer, EsmeSettings]]:
    """A server that takes shop/secret, and settings for it."""
    async with NodePeer() as node:
        port = (await node.do("listen", accounts={"shop": "secret"}))["port"]
        await node.do("tell", told=told)
        yield node, EsmeSettings(port=port, system_id="shop", password="secret")


@pytest.mark.parametrize(("bind", "command"), [
    ("transceiver", "bind_transceiver"), ("transmitter", "bind_transmitter"), ("receiver", "bind_receiver"),
])  # fmt: skip
async def test_binds(bind: str, command: str) -> None:
    async with node_server() as (node, settings):
        settings = EsmeSettings(
            port=settings.port, system_id="shop", password="secret", binds=(bind,), system_type="T1"
        )
        async with EsmeSim(settings) as esme:
            assert [entry.kind for entry in esme.entries()] == ["bind"]
        (asked,) = await node.came(command)
        assert (asked["system_id"], asked["system_type"], asked["interface_version"]) == ("shop", "T1", 0x34)
        await node.came("unbind")
        assert [entry.kind for entry in esme.entries()] == ["bind", "unbind"]


async def test_a_refused_bind() -> None:
    async with node_server() as (_, settings):
        esme = EsmeSim(EsmeSettings(port=settings.port, system_id="shop", password="wrong"))
        with pytest.raises(BindRejected) as refused:
            await esme.connect()
        assert refused.value.command_status == 0x0E
        assert [(entry.kind, entry.status) for entry in esme.entries()] == [("refused_bind", 0x0E)]


@pytest.mark.parametrize("text", ["hello [there] {€}", "您的验证码是482913"])
async def test_a_text_and_its_receipt(text: str) -> None:
    async with node_server() as (node, settings), EsmeSim(settings) as esme:
        answer = await esme.submit(SOURCE, RECIPIENT, text, tlvs=bytes.fromhex("14500003414243"))
        assert answer.message_id == "node-1"
        await esme.wait_for(lambda: esme.receipts, SOON_S)
        assert [(entry.message_id, entry.stat) for entry in esme.entries("receipt")] == [("node-1", "DELIVRD")]
        (came,) = await node.came("submit_sm")
        assert came["destination_addr"] == RECIPIENT
        if "您" in text:
            assert came["short_message"]["message"] == text
        else:  # it reads coding 0 as ASCII unless told otherwise; these octets are the GSM alphabet's
            assert came["data_coding"] == 0
        (entry,) = esme.entries("submit")
        assert (entry.text, entry.status, entry.tlvs) == (text, 0, ((0x1450, b"ABC"),))


@pytest.mark.parametrize("long", ["udh", "udh16", "sar", "payload"])
async def test_a_long_text(long: str) -> None:
    async with node_server() as (node, settings), EsmeSim(settings) as esme:
        answers = [await future for future in esme.submit_long(SOURCE, RECIPIENT, LONG, long=long)]
        assert all(answer.ok for answer in answers)
        came = await node.came("submit_sm", len(answers))
        if long == "payload":
            assert [each["message_payload"]["message"] for each in came] == [LONG]
            return
        assert "".join(each["short_message"]["message"] for each in came) == LONG
        if long == "sar":
            assert [(each["sar_total_segments"], each["sar_segment_seqnum"]) for each in came] == [
                (3, 1),
                (3, 2),
                (3, 3),
            ]
        else:
            element = {"udh": "0003", "udh16": "0804"}[long]
            headers = [each["short_message"]["udh"][0]["hex"] for each in came]
            assert [(header[:4], header[-4:]) for header in headers] == [(element, f"03{n:02}") for n in (1, 2, 3)]


async def test_statuses_and_questions() -> None:
    async with node_server(statuses=[0x58, 0x14]) as (_node, settings), EsmeSim(settings) as esme:
        assert [(await esme.submit(SOURCE, RECIPIENT, "x")).status for _ in range(3)] == [0x58, 0x14, 0]
        fields: dict[str, object] = {"message_id": b"node-1", "source_addr": SOURCE.encode()}
        asked = await esme.request(lambda sequence: encode(Pdu(int(CommandId.QUERY_SM), 0, sequence, fields)))
        assert (asked.ok, asked.pdu.fields["message_state"]) == (True, 2)
        assert (await esme.request(pdu.enquire_link)).ok


async def test_an_mo_and_how_it_is_answered() -> None:
    async with node_server() as (node, settings), EsmeSim(settings) as esme:
        fields = {"source_addr": RECIPIENT, "destination_addr": SOURCE, "short_message": "退订", "data_coding": 8}
        assert (await node.do("deliver", fields=fields))["pdu"]["command_status"] == 0
        esme.deliver_status = 0x64
        assert (await node.do("deliver", fields=fields))["pdu"]["command_status"] == 0x64
        assert [(entry.text, entry.status) for entry in esme.entries("mo")] == [("退订", 0), ("退订", 0x64)]
        assert (await node.do("ask", command="enquire_link"))["pdu"]["command"] == "enquire_link_resp"


async def test_it_binds_again_when_the_server_drops() -> None:
    async with node_server() as (node, settings):
        settings = EsmeSettings(port=settings.port, system_id="shop", password="secret", reconnect_s=0.05)
        async with EsmeSim(settings) as esme:
            await node.do("drop")
            await esme.wait_for(lambda: len(list(esme.entries("bind"))) == 2 and esme.bound, SOON_S)
            assert (await esme.submit(SOURCE, RECIPIENT, "again")).ok
            assert [entry.kind for entry in esme.entries("bind", "lost")] == ["bind", "lost", "bind"]


async def test_tls_with_a_clients_certificate(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.issue("server", "localhost")
    authority.issue("shop", "shop.example")
    ca, cert, key = tmp_path / "ca.pem", tmp_path / "shop.pem", tmp_path / "shop.key"
    files = {"cert": str(tmp_path / "server.pem"), "key": str(tmp_path / "server.key"), "ca": str(ca)}
    async with NodePeer() as node:
        port = (await node.do("listen", accounts={"shop": "secret"}, **files))["port"]
        good = EsmeSettings(port=port, system_id="shop", password="secret", tls=ClientTls(ca, cert, key, "localhost"))
        async with EsmeSim(good) as esme:
            assert (await esme.submit(SOURCE, RECIPIENT, "over TLS")).ok
        for tls in (ClientTls(ca, cert, key, "elsewhere.example"), ClientTls(cert, cert, key)):
            with pytest.raises(ConnectFailed, match="certificate"):
                await EsmeSim(EsmeSettings(port=port, tls=tls)).connect()


@pytest.mark.parametrize("rate", [0.0, 4000.0])
async def test_load_of_some_thousand_messages_on_node(rate: float) -> None:
    async with node_server(quiet=True) as (node, settings):
        accounts = (("shop", "secret"),)
        result = await Load(
            LoadSettings(
                port=settings.port, accounts=accounts, connections=2, count=4000, rate=rate, registered_delivery=1,
                text="【示例物流】您的订单{n}已发货", progress_s=0, window=50,
            )
        ).run()  # fmt: skip
        counts = (await node.do("counts"))["counts"]
        assert (result["ok"], result["matched"], result["unmatched"], result["dup"]) == (4000, 4000, 0, 0)
        assert (counts["submits"], counts["receipts"], counts["answered"]) == (4000, 4000, 4000)


async def test_load_on_smpp34() -> None:
    async with ForeignCarrier("smpp34", "{:x}", "{:x}") as carrier:
        result = await Load(
            LoadSettings(port=carrier.port, count=2000, registered_delivery=1, progress_s=0, window=20)
        ).run()
        assert (result["ok"], result["matched"], result["unanswered"]) == (2000, 2000, 0)
        assert len(carrier.received) == 2000


async def test_long_mo_and_refusal_with_smpp34() -> None:
    async with (
        ForeignCarrier("smpp34", "{:08X}", "{}") as carrier,
        EsmeSim(EsmeSettings(port=carrier.port, system_id="shop", binds=("trx", "tx"))) as esme,
    ):
        answers = [await future for future in esme.submit_long(SOURCE, RECIPIENT, LONG, long="sar")]
        await esme.wait_for(lambda: len(esme.receipts) == 3, SOON_S)
        # Hexadecimal in the answer, decimal in the receipt.
        assert {int(answer.message_id, 16) for answer in answers} == {
            int(entry.message_id) for entry in esme.entries("receipt")
        }
        carrier.refuse.append(0x45)
        assert (await esme.submit(SOURCE, RECIPIENT, "x")).status == 0x45
        await carrier.deliver(RECIPIENT, SOURCE, "退订".encode("utf-16-be"), data_coding=8)
        await esme.wait_for(lambda: esme.mo, SOON_S)
        assert esme.mo[0].text == "退订"
        assert [bind.can_receive for bind in carrier.binds.values()].count(True) == 1


async def test_the_command_sends_to_node() -> None:
    async with node_server() as (node, settings):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "simulators.esme", "send", "--port", str(settings.port), "--system-id", "shop",
            "--to", RECIPIENT, "--tlv", "0x1450=text:ABC", "--json", "您好", stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, _ = await process.communicate()
        said = json.loads(out)
        assert (process.returncode, said["exit"], said["receipts"][0]["id"]) == (0, 0, "node-1")
        assert (await node.came("submit_sm"))[0]["short_message"]["message"] == "您好"
