"""Our captures read without any code of ours: dpkt takes the packets apart, smpplib and smpp.pdu3 the PDUs.

And the other way round: the PDUs of a public capture, in packets that dpkt made, read by us.
"""

from __future__ import annotations

import asyncio
import io
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from simulators.capture import CaptureTap
from simulators.capture.conversation import conversations
from simulators.capture.reading import read_capture
from simulators.capture.script import script_of
from simulators.carrier import CarrierSettings, CarrierSim
from simulators.clock import SimClock
from simulators.esme.settings import EsmeSettings
from simulators.esme.sim import EsmeSim
from smsgw.smpp.codec import decode
from smsgw.smpp.constants import command_name

dpkt = pytest.importorskip("dpkt")
smpplib_smpp = pytest.importorskip("smpplib.smpp")
pdu_encoding = pytest.importorskip("smpp.pdu.pdu_encoding")

#: Facts about one public capture; there only where the project is developed.
_PUBLIC = Path(__file__).resolve().parents[3] / "shared" / "vectors" / "capture_ndpi.json"


@pytest.fixture
async def pdus(tmp_path: Path) -> list[bytes]:
    """Every PDU of a run, cut out of its pcap by dpkt alone, both directions."""
    tap = CaptureTap(tmp_path / "run.pcap", SimClock())
    async with CarrierSim(CarrierSettings(accounts={"shop": "secret"})) as carrier:
        carrier.attach(tap)
        async with EsmeSim(EsmeSettings(carrier.port, system_id="shop", password="secret")) as esme:
            answers = [esme.submit("10690001", "8613800138000", "hello"), esme.submit("10690001", "19900002088", "no")]
            answers += esme.submit_long("10690001", "8613800138001", "长短信" * 60, long="sar")
            await asyncio.gather(*answers)
            carrier.send_mo("8613800138000", "10690001", "退订")
            await esme.wait_for(lambda: esme.mo and len(esme.receipts) == len(answers) - 1, 5, "receipts and the MO")
    tap.close()
    streams: dict[int, bytes] = {}
    for _at, packet in dpkt.pcap.Reader(io.BytesIO((tmp_path / "run.pcap").read_bytes())):
        tcp = dpkt.ethernet.Ethernet(packet).data.data
        streams[tcp.sport] = streams.get(tcp.sport, b"") + tcp.data
    found = []
    for stream in streams.values():
        while stream:
            length = int.from_bytes(stream[:4])
            found.append(stream[:length])
            stream = stream[length:]
    return found


def test_smpp_pdu3_reads_every_pdu(pdus: list[bytes]) -> None:
    names = set()
    for octets in pdus:
        theirs = pdu_encoding.PDUEncoder().decode(io.BytesIO(octets))
        ours = decode(octets)
        names.add(theirs.id.name)
        assert theirs.id.name == command_name(ours.command_id)
        assert theirs.seqNum == ours.sequence_number
        if "short_message" in ours.fields:
            assert theirs.params["short_message"] == ours.fields["short_message"]
            assert theirs.params["destination_addr"] == ours.fields["destination_addr"]
        if "password" in ours.fields:
            assert theirs.params["password"] == b"******"
    assert {"bind_transceiver", "bind_transceiver_resp", "submit_sm", "submit_sm_resp", "deliver_sm", "unbind"} <= names


class _Numbers:
    """smpplib wants one to number even what it only reads."""

    sequence = 1

    def next_sequence(self) -> int:
        return self.sequence


def test_smpplib_reads_every_pdu(pdus: list[bytes]) -> None:
    for octets in pdus:
        theirs: Any = smpplib_smpp.parse_pdu(octets, client=_Numbers(), allow_unknown_opt_params=True)
        ours = decode(octets)
        assert theirs.command == command_name(ours.command_id)
        assert theirs.sequence == ours.sequence_number
        for name in ("source_addr", "destination_addr", "short_message", "message_id", "system_id"):
            if ours.fields.get(name):
                assert getattr(theirs, name) == ours.fields[name], name


@pytest.mark.skipif(not _PUBLIC.exists(), reason="the facts of the public capture are not here")
def test_a_public_capture_is_read_as_it_was_described(tmp_path: Path) -> None:
    vectors = json.loads(_PUBLIC.read_text(encoding="utf-8"))["vectors"]
    with (tmp_path / "public.pcap").open("wb") as file:
        writer = dpkt.pcap.Writer(file, snaplen=65535)
        sequence = {1770: 4_294_967_290, 9000: 7}  # the first wraps around
        for at, vector in enumerate(vectors):
            octets = bytes.fromhex(vector["hex"])
            source, destination = (9000, 1770) if "(port 9000" in vector["source"] else (1770, 9000)
            tcp = dpkt.tcp.TCP(
                sport=source, dport=destination, seq=sequence[source], flags=dpkt.tcp.TH_ACK, data=octets
            )
            ip = dpkt.ip.IP(src=socket.inet_aton("10.0.0.1"), dst=socket.inet_aton("10.0.0.1"), p=6, data=tcp)
            ip.len = len(ip)
            writer.writepkt(bytes(dpkt.ethernet.Ethernet(data=ip)), ts=1_000_000.0 + at)
            sequence[source] = (sequence[source] + len(octets)) & 0xFFFFFFFF
    (conversation,) = conversations(read_capture(tmp_path / "public.pcap"))
    assert conversation.account == "abhik"
    assert conversation.local == ("10.0.0.1", 9000)
    assert [command_name(each.command_id) for each in conversation.pdus] == [
        vector["expect"]["command"] for vector in vectors
    ]
    (request,) = script_of([conversation]).requests
    assert (request.source, request.destination, request.content) == ("100", "1234567890", b"test")
    assert (request.status, request.message_id) == (0, b"47c8c77a")
    assert b"password" not in b"".join(each.octets for each in conversation.pdus)
