"""Every capture of ours read by tshark: sound TCP, and SMPP that says what our codec says.

PDUs are the vectors of tests/vectors, which come from other projects; what is malformed there must not look sound.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from simulators.capture import CaptureTap
from simulators.capture.conversation import conversations
from simulators.capture.file import CaptureFile
from simulators.capture.format import Event
from simulators.capture.reading import read_capture
from simulators.carrier import CarrierSettings, CarrierSim
from simulators.clock import SimClock
from simulators.esme.settings import EsmeSettings
from simulators.esme.sim import EsmeSim
from smsgw.smpp import pdu
from smsgw.smpp.codec import Pdu, decode, encode
from smsgw.smpp.constants import HEADER_OCTETS, RESPONSE_BIT, V33, V34, V50, CommandId, Tag, command_name
from smsgw.smpp.layout import SmeAddress
from smsgw.smpp.tlv import tlv
from tests.unit.simulators.capture.streams import bind, bind_answer, events, whole_run

pytestmark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")

_VECTORS = Path(__file__).parents[1] / "vectors"
_CHECKED = ("-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE")
#: Ours → tshark's, where it shows the same thing.
_STRINGS = (
    "system_id", "password", "system_type", "address_range", "service_type", "source_addr", "destination_addr",
    "message_id",
)  # fmt: skip
_NUMBERS = (
    "interface_version", "addr_ton", "addr_npi", "source_addr_ton", "source_addr_npi", "dest_addr_ton", "dest_addr_npi",
    "protocol_id", "priority_flag", "replace_if_present_flag", "data_coding", "sm_default_msg_id", "message_state",
    "error_code",
)  # fmt: skip
_HEADER = ("command_length", "command_id", "command_status", "sequence_number")
#: SMPP 3.3's own commands are none to tshark; of broadcast_rep_num (5.0) it takes one octet of two and loses its place.
_NOT_IN_TSHARK = frozenset({
    "param_retrieve", "param_retrieve_resp", "query_last_msgs", "query_last_msgs_resp", "query_msg_details",
    "query_msg_details_resp", "broadcast_sm",
})  # fmt: skip
#: Without a body and an error, tshark calls them malformed; carriers send them.
_WITH_MESSAGE_ID = frozenset({"submit_sm_resp", "deliver_sm_resp", "data_sm_resp"})


def _tshark(path: Path, *arguments: str) -> str:
    ran = subprocess.run(
        ["tshark", "-r", str(path), *_CHECKED, *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def _assert_sound(path: Path) -> None:
    """No malformed packet, no wrong checksum, and nothing that the expert warns of."""
    wrong = "_ws.malformed || tcp.checksum.status == 0 || ip.checksum.status == 0 || tcp.analysis.flags"
    assert _tshark(path, "-Y", wrong) == ""
    report = _tshark(path, "-q", "-z", "expert")
    assert "Warns" not in report, report
    assert "Errors" not in report, report


def _fields(path: Path, *names: str, display: str = "smpp") -> list[list[list[str]]]:
    """Of each packet, of each name, its values in order."""
    wanted = [part for name in names for part in ("-e", f"smpp.{name}")]
    text = _tshark(path, "-Y", display, "-T", "fields", "-E", "separator=/t", "-E", "aggregator=\x1f", *wanted)
    return [[cell.split("\x1f") if cell else [] for cell in line.split("\t")] for line in text.splitlines()]


def _written(path: Path, made: Iterable[Event]) -> Path:
    file = CaptureFile(path)
    for event in made:
        file.add(event)
    file.close()
    assert file.failure == ""
    return path


def _vectors(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((_VECTORS / name).read_text(encoding="utf-8"))["vectors"]
    return found


def _dissected_by_tshark(vector: dict[str, Any]) -> bool:
    frame = bytes.fromhex(vector["hex"])
    if vector["command"] in _NOT_IN_TSHARK:
        return False
    bare_ok = len(frame) == HEADER_OCTETS and vector["command"] in _WITH_MESSAGE_ID and not vector["command_status"]
    return not bare_ok


@pytest.fixture(scope="module")
def vectors_capture(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Pdu]]:
    """Every vector that tshark can read in a packet of its own, on one connection."""
    frames = [bytes.fromhex(vector["hex"]) for vector in _vectors("pdus.json") if _dissected_by_tshark(vector)]
    made = events(("in", bind()), ("out", bind_answer()), *(("in", frame) for frame in frames))
    path = _written(tmp_path_factory.mktemp("tshark") / "vectors.pcap", made)
    return path, [decode(frame) for frame in frames]


def test_headers_and_fields_are_those_of_our_codec(vectors_capture: tuple[Path, list[Pdu]]) -> None:
    path, decoded = vectors_capture
    names = (*_HEADER, *_STRINGS, *_NUMBERS, "sm_length", "message")
    shown = _fields(path, *names)[2:]
    assert len(shown) == len(decoded)
    compared = 0
    for ours, cells in zip(decoded, shown, strict=True):
        theirs = dict(zip(names, cells, strict=True))
        what = command_name(ours.command_id)
        assert int(theirs["command_id"][0], 16) == ours.command_id
        assert int(theirs["sequence_number"][0]) == ours.sequence_number
        if ours.command_id & RESPONSE_BIT:
            assert int(theirs["command_status"][0], 16) == ours.command_status
        if ours.command_status:
            continue  # tshark reads no body of an error
        for name in set(_STRINGS) & ours.fields.keys():
            value = ours.fields[name]
            assert isinstance(value, bytes)
            if value:
                assert value.decode("latin-1") in theirs[name], (what, name)
                compared += 1
        for name in set(_NUMBERS) & ours.fields.keys():
            assert ours.fields[name] in [int(each, 0) for each in theirs[name]], (what, name)
            compared += 1
        message = ours.fields.get("short_message")
        if isinstance(message, bytes) and message and ours.command_id != CommandId.REPLACE_SM:
            assert theirs["message"][0].replace(":", "") == message.hex(), what
            compared += 1
    assert compared > 600


def test_tlvs_are_those_of_our_codec(vectors_capture: tuple[Path, list[Pdu]]) -> None:
    path, decoded = vectors_capture
    shown = _fields(path, "opt_param_tag", "opt_param_len")[2:]
    compared = 0
    for ours, (tags, lengths) in zip(decoded, shown, strict=True):
        theirs = [(int(tag, 16), int(length)) for tag, length in zip(tags, lengths, strict=True)]
        assert theirs == [(tag, len(value)) for tag, value in ours.tlvs], command_name(ours.command_id)
        compared += len(theirs)
    assert compared > 30


def test_what_is_malformed_does_not_look_sound(tmp_path: Path) -> None:
    cut = {"ESME_RINVCMDID", "ESME_RINVTLVLEN", "ESME_RINVTLVSTREAM", "ESME_RINVCMDLEN", "ESME_RINVDESTFLAG"}
    # tshark bounds no string, and takes an octet behind a PDU without a body.
    chosen = [
        vector
        for vector in _vectors("malformed_pdus.json")
        if vector["status"] in cut and "unbind" not in vector["name"] and not vector["hex"].startswith("00000011000000")
    ]
    assert len(chosen) > 8
    made = []
    for number, vector in enumerate(chosen, 1):
        frame = bytes.fromhex(vector["hex"])
        made += events(("in", bind()), ("out", bind_answer()), ("in", frame), connection=number)
    path = _written(tmp_path / "malformed.pcap", made)
    # the last packet with data of each connection is the malformed one
    text = _tshark(
        path, "-Y", "tcp.len > 0", "-T", "fields", "-e", "tcp.stream", "-e", "_ws.col.Protocol", "-e", "_ws.malformed"
    )
    last: dict[str, tuple[str, str]] = {}
    for line in text.splitlines():
        stream, protocol, malformed = line.split("\t")
        last[stream] = protocol, malformed
    assert len(last) == len(chosen)
    for vector, (protocol, malformed) in zip(chosen, last.values(), strict=True):
        assert malformed or protocol != "SMPP", vector["name"]


async def test_a_run_of_both_simulators(tmp_path: Path) -> None:
    taps = [CaptureTap(tmp_path / name, SimClock()) for name in ("carrier.pcap", "application.pcap.gz")]
    async with CarrierSim(CarrierSettings(accounts={"shop": "secret"})) as carrier:
        carrier.attach(taps[0])
        settings = EsmeSettings(carrier.port, system_id="shop", password="secret", binds=("trx", "tx", "rx"))
        esme = EsmeSim(settings)
        esme.attach(taps[1])
        async with esme:
            answers = []
            for long in ("udh", "udh16", "sar", "payload"):
                answers += esme.submit_long("10690001", "8613800138000", "长短信" * 60, long=long)
            answers.append(esme.submit("10690001", "19900004103", "hello @ £"))
            asked = {"source_addr": b"10690001", "message_id": b"1"}
            for command in (CommandId.QUERY_SM, CommandId.CANCEL_SM, CommandId.REPLACE_SM):
                answers.append(esme.request(partial(_encoded, int(command), asked), bind=0))
            recipients = [SmeAddress(1, 1, b"8613800138001"), SmeAddress(1, 1, b"19900002088")]
            several = {"source_addr": b"10690001", "dest_addresses": recipients}
            answers.append(esme.request(partial(_encoded, int(CommandId.SUBMIT_MULTI), several), bind=0))
            await asyncio.gather(*answers)
            carrier.send_mo("8613800138000", "10690001", "退订")
            await esme.wait_for(lambda: esme.mo and len(esme.receipts) >= len(answers) - 4, 5, "receipts and the MO")
    for tap in taps:
        tap.close()
        _assert_sound(tap.path)
        recorded = [each for conversation in conversations(read_capture(tap.path)) for each in conversation.pdus]
        assert all(each.framed for each in recorded)
        shown = [int(each, 16) for cells in _fields(tap.path, "command_id") for each in cells[0]]
        assert sorted(shown) == sorted(each.command_id for each in recorded)
        passwords = {each for cells in _fields(tap.path, "password") for each in cells[0]}
        assert passwords == {"******"}


def test_binds_of_every_kind_and_version(tmp_path: Path) -> None:
    kinds = (CommandId.BIND_RECEIVER, CommandId.BIND_TRANSMITTER, CommandId.BIND_TRANSCEIVER)
    made, expected = [], []
    for number, (command, version) in enumerate(itertools.product(map(int, kinds), (V33, V34, V50)), 1):
        asked = pdu.bind(
            command, 7, system_id=b"shop", password=b"*****", system_type=b"VMA", interface_version=version,
            addr_ton=1, addr_npi=1, address_range=b"^1069",
        )  # fmt: skip
        given = pdu.bind_resp(command, 0, 7, b"smsc", None if version == V33 else version)
        made += events(("in", asked), ("out", given), connection=number)
        expected.append([[f"0x{command:08x}"], ["shop"], ["VMA"], [str(version)], ["^1069"], []])
        offered = [] if version == V33 else [str(version)]
        expected.append([[f"0x{command | RESPONSE_BIT:08x}"], ["smsc"], [], [], [], offered])
    path = _written(tmp_path / "x.pcap", made)
    _assert_sound(path)
    names = ("command_id", "system_id", "system_type", "interface_version", "address_range", "SC_interface_version")
    assert _fields(path, *names) == expected


def test_a_large_pdu_is_cut_into_segments_and_put_together_again(tmp_path: Path) -> None:
    payload = bytes(range(256)) * 250
    large = pdu.submit_sm(
        3, source_addr=b"1069", destination_addr=b"8613800138000", short_message=b"",
        tlvs=tlv(Tag.MESSAGE_PAYLOAD, payload),
    )  # fmt: skip
    path = _written(tmp_path / "x.pcap", events(("in", bind()), ("out", bind_answer()), ("in", large), ("in", large)))
    _assert_sound(path)
    shown = _fields(path, "command_length", "opt_param_len")
    assert [cells for cells in shown if cells[1] == [str(len(payload))]] == [
        [[str(len(large))], [str(len(payload))]]
    ] * 2


@pytest.mark.parametrize(("port", "seen"), [(51234, True), (8080, False)])
def test_smpp_is_recognised_on_every_port_that_is_not_anothers(tmp_path: Path, port: int, seen: bool) -> None:
    made = [replace(event, local=("127.0.0.1", port)) for event in whole_run()]
    path = _written(tmp_path / "x.pcap", made)
    assert bool(_tshark(path, "-Y", "smpp")) is seen
    told = ("-d", f"tcp.port=={port},smpp"), ("-o", "tcp.try_heuristic_first:TRUE")
    for arguments in told:
        assert len(_tshark(path, *arguments, "-Y", "smpp").splitlines()) == 12


def test_ipv6_and_a_reset(tmp_path: Path) -> None:
    made = [replace(event, local=("::1", 2776), remote=("fe80::1%eth0", 40001)) for event in whole_run()]
    made[-1] = replace(made[-1], reset="out")
    path = _written(tmp_path / "x.pcap", made)
    assert "Errors" not in _tshark(path, "-q", "-z", "expert")
    assert _tshark(path, "-Y", "tcp.flags.reset == 1 && ipv6").count("\n") == 1
    assert _tshark(path, "-Y", "tcp.checksum.status == 0 || _ws.malformed") == ""


def test_what_tshark_writes_as_pcapng_is_read_by_us(tmp_path: Path) -> None:
    path = _written(tmp_path / "x.pcap", whole_run())
    _tshark(path, "-F", "pcapng", "-w", str(tmp_path / "y.pcapng"))
    assert [(each.kind, each.octets, each.at_ns) for each in read_capture(tmp_path / "y.pcapng")] == [
        (each.kind, each.octets, each.at_ns) for each in read_capture(path)
    ]


def _encoded(command_id: int, fields: dict[str, object], sequence_number: int) -> bytes:
    return encode(Pdu(command_id, 0, sequence_number, fields))
