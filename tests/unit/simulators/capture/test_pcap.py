"""The pcap writer and reader against each other and against dpkt, with the network at its worst in between."""

from __future__ import annotations

import io
import random
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.capture.format import CaptureError, Event
from simulators.capture.packets import tcp_segment
from simulators.capture.pcap_file import Packet, packets
from simulators.capture.pcap_writer import checksum
from simulators.capture.reading import read_capture
from simulators.capture.reassembly import Reassembler
from smsgw.smpp import pdu
from tests.unit.simulators.capture.streams import (
    LOCAL,
    START_NS,
    bind,
    bind_answer,
    events,
    mo,
    pcap,
    submit,
    whole_run,
    write,
)

dpkt = pytest.importorskip("dpkt")

_said = st.lists(st.tuples(st.sampled_from(["in", "out"]), st.binary(min_size=1, max_size=5000)), max_size=12)


def _streams(made: list[Event]) -> tuple[bytes, bytes]:
    return (
        b"".join(event.octets for event in made if event.kind == "in"),
        b"".join(event.octets for event in made if event.kind == "out"),
    )


def _reassembled(captured: list[Packet]) -> list[tuple[bytes, bytes]]:
    reassembler = Reassembler()
    for packet in captured:
        segment = tcp_segment(packet)
        assert segment is not None
        reassembler.feed(packet.at_ns, segment)
    found = []
    for flow in reassembler.flows():
        by_first = b"".join(piece.octets for piece in flow.pieces if piece.from_first)
        by_second = b"".join(piece.octets for piece in flow.pieces if not piece.from_first)
        found.append((by_second, by_first) if flow.first == LOCAL else (by_first, by_second))
    return found


@given(said=_said)
def test_what_is_written_is_read_back(said: list[tuple[str, bytes]]) -> None:
    made = events(*said)
    assert _reassembled(list(packets(pcap(made), "x"))) == [_streams(made)]


@given(said=_said.filter(bool), seed=st.integers(0, 1000), doubled=st.integers(0, 5))
def test_order_and_repetition_of_packets_do_not_matter(said: list[tuple[str, bytes]], seed: int, doubled: int) -> None:
    made = events(*said, close=False)
    first, *rest = packets(pcap(made), "x")
    chance = random.Random(seed)
    rest += chance.choices(rest, k=doubled)
    chance.shuffle(rest)
    assert _reassembled([first, *rest]) == [_streams(made)]


@given(octets=st.binary(min_size=1, max_size=3000), cuts=st.lists(st.tuples(st.integers(0, 2999), st.integers(1, 900))))
def test_overlapping_segments_give_each_octet_once(octets: bytes, cuts: list[tuple[int, int]]) -> None:
    whole = events(("in", octets), close=False)
    syn = next(packets(pcap(whole), "x"))
    start = dpkt.ethernet.Ethernet(syn.octets).ip.tcp.seq + 1
    ranges = [(at % len(octets), at % len(octets) + length) for at, length in cuts]
    captured = [syn]
    for begin, end in [*ranges, *((at, at + 100) for at in range(0, len(octets), 100))]:
        frame = dpkt.ethernet.Ethernet(syn.octets)
        frame.ip.tcp.flags, frame.ip.tcp.seq = dpkt.tcp.TH_ACK, start + begin
        frame.ip.tcp.data = octets[begin:end]
        frame.ip.len = len(frame.ip)
        captured.append(Packet(syn.at_ns, 1, bytes(frame)))
    assert _reassembled(captured)[0][0] == octets


@pytest.mark.parametrize(
    "addresses", [("127.0.0.1", "127.0.0.1"), ("::1", "fe80::1%eth0"), ("", "10.0.0.1"), ("::1", "10.0.0.1")]
)
def test_dpkt_reads_the_same_and_every_checksum_is_right(addresses: tuple[str, str]) -> None:
    made = [
        Event(
            each.kind, 1, each.at_ns, 0, octets=each.octets * 500,
            local=(addresses[0], 2776), remote=(addresses[1], 40001),
        )
        for each in whole_run()
    ]  # fmt: skip
    reader = dpkt.pcap.Reader(io.BytesIO(pcap(made)))
    assert reader.datalink() == dpkt.pcap.DLT_EN10MB
    sent = {2776: b"", 40001: b""}
    expected: dict[int, int] = {}
    times = []
    for at, octets in reader:
        times.append(at)
        ip: Any = dpkt.ethernet.Ethernet(octets).data
        tcp = ip.data
        assert len(tcp.data) <= 1440
        segment = bytes(ip)[-len(tcp) :]
        pseudo = ip.src + ip.dst + len(segment).to_bytes(4) + b"\0\0\0\x06"
        assert checksum(pseudo + segment) == 0
        if isinstance(ip, dpkt.ip.IP):
            assert checksum(bytes(ip)[:20]) == 0
        assert tcp.seq == expected.get(tcp.sport, tcp.seq)
        used = len(tcp.data) + bool(tcp.flags & (dpkt.tcp.TH_SYN | dpkt.tcp.TH_FIN))
        expected[tcp.sport] = (tcp.seq + used) & 0xFFFFFFFF
        if tcp.flags & dpkt.tcp.TH_ACK:
            assert (expected.get(tcp.dport, 0) - tcp.ack) & 0xFFFFFFFF < 1 << 17  # never beyond what was sent
        sent[tcp.sport] += tcp.data
    assert (sent[40001], sent[2776]) == _streams(made)
    assert times == sorted(times)
    assert times[-1] == Decimal(made[-1].at_ns) / 10**9


@pytest.mark.parametrize("by", ["in", "out"])
def test_a_reset_connection_ends_with_rst(tmp_path: Path, by: Literal["in", "out"]) -> None:
    made = events(("in", bind()), ("out", bind_answer()))
    made[-1] = Event("closed", 1, made[-1].at_ns, 0, reset=by)
    found = list(read_capture(write(tmp_path / "x.pcap", pcap(made))))
    assert found[-1].kind == "closed"
    assert found[-1].reset == by


def test_pcapng_of_another_writer(tmp_path: Path) -> None:
    path = tmp_path / "x.pcapng"
    with path.open("wb") as file:
        writer = dpkt.pcapng.Writer(file)
        for packet in packets(pcap(whole_run()), "x"):
            writer.writepkt(packet.octets, ts=packet.at_ns / 1e9)
    assert _streams(list(read_capture(path))) == _streams(_blanked(whole_run()))


def test_pcapng_of_the_other_byte_order_with_two_interfaces_in_nanoseconds(tmp_path: Path) -> None:
    resolution = dpkt.pcapng.PcapngOption(code=9, data=b"\x09")
    end = dpkt.pcapng.PcapngOption(code=0)
    octets = bytes(dpkt.pcapng.SectionHeaderBlock())
    octets += bytes(dpkt.pcapng.InterfaceDescriptionBlock(linktype=101, snaplen=0xFFFF))
    octets += bytes(dpkt.pcapng.InterfaceDescriptionBlock(linktype=1, snaplen=0xFFFF, opts=[resolution, end]))
    for packet in packets(pcap(whole_run()), "x"):
        high, low = packet.at_ns >> 32, packet.at_ns & 0xFFFFFFFF
        length = len(packet.octets)
        octets += bytes(
            dpkt.pcapng.EnhancedPacketBlock(
                iface_id=1, ts_high=high, ts_low=low, caplen=length, pkt_len=length, pkt_data=packet.octets
            )
        )
    found = list(read_capture(write(tmp_path / "x.pcapng", octets)))
    assert _streams(found) == _streams(_blanked(whole_run()))
    assert [event.at_ns for event in found] == [event.at_ns for event in read_capture(_own(tmp_path))]


def test_times_that_no_calendar_knows_are_an_error_in_words(tmp_path: Path) -> None:
    octets = bytes(dpkt.pcapng.SectionHeaderBlock()) + bytes(dpkt.pcapng.InterfaceDescriptionBlock(linktype=1))
    octets += bytes(dpkt.pcapng.EnhancedPacketBlock(ts_high=1 << 31, ts_low=0, caplen=1, pkt_len=1, pkt_data=b"x"))
    with pytest.raises(CaptureError, match=r"x\.pcapng: .*beyond the year 9999"):
        list(read_capture(write(tmp_path / "x.pcapng", octets)))


def test_who_connected_is_who_spoke_first_or_has_the_higher_port_when_that_was_not_heard() -> None:
    for account, connected in (("", 2775), ("shop", 40_001)):
        opened = Event("opened", 1, 10**18, 0, account=account, local=("127.0.0.1", 2775), remote=("127.0.0.1", 40_001))
        said = replace(opened, kind="out", octets=mo(1))
        syn = tcp_segment(next(packets(pcap([opened, said]), "x")))
        assert syn is not None
        assert syn.source[1] == connected


def test_times_beyond_what_pcap_can_say_are_its_last(tmp_path: Path) -> None:
    late = [replace(event, at_ns=event.at_ns + 200 * 365 * 86_400 * 10**9) for event in whole_run()]
    found = list(read_capture(write(tmp_path / "x.pcap", pcap(late))))
    assert {event.at_ns // 10**9 for event in found} == {(1 << 32) - 1}


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcap_of_another_writer_in_microseconds(tmp_path: Path, order: str) -> None:
    header = dpkt.pcap.LEFileHdr if order == "<" else dpkt.pcap.FileHdr
    record = dpkt.pcap.LEPktHdr if order == "<" else dpkt.pcap.PktHdr
    octets = bytes(header(snaplen=65535, linktype=1))
    for packet in packets(pcap(whole_run()), "x"):
        seconds, nanoseconds = divmod(packet.at_ns, 10**9)
        length = len(packet.octets)
        octets += bytes(record(tv_sec=seconds, tv_usec=nanoseconds // 1000, caplen=length, len=length)) + packet.octets
    found = list(read_capture(write(tmp_path / "x.pcap", octets)))
    assert _streams(found) == _streams(_blanked(whole_run()))
    assert found[0].at_ns == START_NS


@pytest.mark.parametrize(
    ("link_type", "head"),
    [
        (0, b"\x02\0\0\0"),
        (101, b""),
        (108, b"\0\0\0\x02"),
        (113, b"\0\0\x03\x04\0\x06" + bytes(8) + b"\x08\x00"),
        (276, b"\x08\x00" + bytes(18)),
        (1, bytes(12) + b"\x81\x00\x00\x05\x08\x00"),
    ],
)
def test_link_layers(link_type: int, head: bytes) -> None:
    for packet in packets(pcap(whole_run()), "x"):
        here = tcp_segment(Packet(packet.at_ns, link_type, head + packet.octets[14:]))
        assert here == tcp_segment(packet)
        assert here is not None


def test_smpp_is_found_on_any_port_among_other_traffic(tmp_path: Path) -> None:
    http = events(("in", b"GET / HTTP/1.1\r\n\r\n"), ("out", b"HTTP/1.1 200 OK\r\n\r\n"), connection=2)
    carrier = [
        Event(each.kind, 3, each.at_ns, 0, octets=each.octets, local=("10.0.0.1", 51000), remote=("10.0.0.9", 443))
        for each in whole_run()
    ]
    octets = pcap(sorted([*whole_run(), *http, *carrier], key=lambda event: event.at_ns))
    found = list(read_capture(write(tmp_path / "x.pcap", octets)))
    assert {event.local for event in found} == {LOCAL, ("10.0.0.1", 51000)}
    with pytest.raises(CaptureError, match="no SMPP in it"):
        read_capture(write(tmp_path / "y.pcap", pcap(http)))


def test_whoever_recorded_in_comes_from_the_application(tmp_path: Path) -> None:
    turned = [
        Event({"in": "out", "out": "in"}.get(each.kind, each.kind), 1, each.at_ns, 0, octets=each.octets,  # type: ignore[arg-type]
              local=each.remote, remote=each.local)
        for each in whole_run()
    ]  # fmt: skip
    found = list(read_capture(write(tmp_path / "x.pcap", pcap(turned))))
    assert _streams(found) == _streams(_blanked(whole_run()))


def test_a_capture_that_begins_in_the_middle(tmp_path: Path) -> None:
    long = submit(5, text=b"x" * 200)
    made = events(
        ("in", bind()),
        ("out", bind_answer()),
        ("in", long[:100]),
        ("in", long[100:]),
        ("in", submit(6)),
        ("out", mo(1)),
    )
    captured = list(packets(pcap(made), "x"))
    head = pcap([])
    late = [packet for packet in captured if packet.at_ns >= made[4].at_ns]
    octets = head + b"".join(_record(packet) for packet in late)
    found = list(read_capture(write(tmp_path / "x.pcap", octets)))
    assert [event.octets for event in found if event.octets] == [submit(6), mo(1)]
    assert [event.lost > 0 for event in found if event.octets] == [True, True]


def test_a_packet_the_capture_missed_is_a_gap_and_the_rest_is_read(tmp_path: Path) -> None:
    made = events(("in", bind()), ("out", bind_answer()), ("in", submit(2)), ("in", submit(3)), ("in", submit(4)))
    kept = [packet for packet in packets(pcap(made), "x") if submit(3) not in packet.octets]
    octets = pcap([]) + b"".join(_record(packet) for packet in kept)
    found = list(read_capture(write(tmp_path / "x.pcap", octets)))
    assert [(event.octets, event.lost) for event in found if event.kind == "in"][1:] == [
        (submit(2), 0),
        (submit(4), len(submit(3))),
    ]
    again = list(read_capture(write(tmp_path / "y.pcap", pcap(found))))
    assert [(each.octets, each.lost) for each in again] == [(each.octets, each.lost) for each in found]


def test_ports_used_again_are_two_connections(tmp_path: Path) -> None:
    later = [
        Event(each.kind, 2, each.at_ns + 10**9, 0, octets=each.octets, local=each.local, remote=each.remote)
        for each in whole_run()
    ]
    found = list(read_capture(write(tmp_path / "x.pcap", pcap([*whole_run(), *later]))))
    assert [event.kind for event in found if event.kind in ("opened", "closed")] == ["opened", "closed"] * 2


@given(
    octets=st.binary(max_size=300),
    magic=st.sampled_from([b"\x4d\x3c\xb2\xa1", b"\x0a\x0d\x0d\x0a", b"\xa1\xb2\xc3\xd4"]),
)
def test_rubbish_is_an_error_in_words(octets: bytes, magic: bytes) -> None:
    try:
        for packet in packets(magic + octets, "rubbish.pcap"):
            tcp_segment(packet)
    except CaptureError as error:
        assert str(error).startswith("rubbish.pcap: ")  # noqa: PT017  # not raising is right too


@given(octets=st.binary(max_size=120), link_type=st.sampled_from([0, 1, 101, 108, 113, 228, 229, 276, 147]))
def test_any_packet_is_a_segment_or_none(octets: bytes, link_type: int) -> None:
    for kind, packet in (
        (link_type, octets),
        (link_type, bytes(12) + b"\x86\xdd\x60" + octets),
        (101, b"\x60\0\0\0\0\0" + octets),
    ):
        found = tcp_segment(Packet(0, kind, packet))
        assert found is None or found.payload in packet


def _record(packet: Packet) -> bytes:
    seconds, nanoseconds = divmod(packet.at_ns, 10**9)
    length = len(packet.octets).to_bytes(4, "little")
    return seconds.to_bytes(4, "little") + nanoseconds.to_bytes(4, "little") + length + length + packet.octets


def _own(tmp_path: Path) -> Path:
    return write(tmp_path / "own.pcap", pcap(whole_run()))


def _blanked(made: list[Event]) -> list[Event]:
    hidden = pdu.bind(0x09, 1, system_id=b"shop", password=b"********")
    return [Event(each.kind, 1, 0, 0, octets=each.octets.replace(bind(), hidden)) for each in made]
