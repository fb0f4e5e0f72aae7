"""User data headers, and the three ways to say which segment a PDU carries."""

from __future__ import annotations

import pytest

from smsgw.errors import LocalError, RecoverableError
from smsgw.smpp import pdu
from smsgw.smpp.constants import ESM_UDHI, CommandStatus, Tag
from smsgw.smpp.tlv import tlv
from smsgw.smpp.udh import Concat, build_concat_udh, concat_of, parse_udh, strip_udh

_SAR = (
    tlv(Tag.SAR_MSG_REF_NUM, b"\x12\x34") + tlv(Tag.SAR_TOTAL_SEGMENTS, b"\x03") + tlv(Tag.SAR_SEGMENT_SEQNUM, b"\x02")
)


def _view(short_message: bytes = b"", esm_class: int = 0, tlvs: bytes = b"") -> pdu.Sm:
    return pdu.Sm(
        pdu.submit_sm(
            1,
            source_addr=b"1069",
            destination_addr=b"8613800000000",
            short_message=short_message,
            esm_class=esm_class,
            tlvs=tlvs,
        )
    )


class TestParse:
    def test_elements_are_kept_in_order_known_or_not(self) -> None:
        udh = parse_udh(bytes.fromhex("0b 0504158a0000 0003420201") + b"text")
        assert udh is not None
        assert udh.elements == ((0x05, b"\x15\x8a\x00\x00"), (0x00, b"\x42\x02\x01"))
        assert udh.header_octets == 12
        assert udh.all(0x05) == [b"\x15\x8a\x00\x00"]
        assert udh.all(0x24) == []

    def test_an_element_without_data(self) -> None:
        udh = parse_udh(b"\x02\x24\x00text")
        assert udh is not None
        assert udh.elements == ((0x24, b""),)

    @pytest.mark.parametrize("payload", [b"", b"\x00", b"\x00text"])
    def test_no_header(self, payload: bytes) -> None:
        assert parse_udh(payload) is None

    @pytest.mark.parametrize(
        "payload",
        [
            pytest.param("05000342", id="header longer than the payload"),
            pytest.param("0500044202010068", id="element longer than the header"),
            pytest.param("0600034202010068", id="identifier without a length"),
            pytest.param("ff", id="only the length"),
        ],
    )
    def test_an_overrun_is_recoverable(self, payload: str) -> None:
        with pytest.raises(RecoverableError) as caught:
            parse_udh(bytes.fromhex(payload))
        assert caught.value.command_status == CommandStatus.ESME_RINVESMCLASS


class TestConcat:
    @pytest.mark.parametrize(
        ("header", "concat"),
        [
            ("050003420302", Concat(0x42, 3, 2, False, "udh8")),
            ("06080412340302", Concat(0x1234, 3, 2, True, "udh16")),
            ("0b 0504158a0000 0003420302", Concat(0x42, 3, 2, False, "udh8")),
            ("0b 0003420302 0504158a0000", Concat(0x42, 3, 2, False, "udh8")),
            ("06 0504158a0000", None),
        ],
    )
    def test_headers(self, header: str, concat: Concat | None) -> None:
        udh = parse_udh(bytes.fromhex(header))
        assert udh is not None
        assert udh.concat == concat

    def test_of_several_the_last_one_holds(self) -> None:
        udh = parse_udh(bytes.fromhex("0b 0003420302 080412340504"))
        assert udh is not None
        assert udh.concat == Concat(0x1234, 5, 4, True, "udh16")

    @pytest.mark.parametrize(
        "header",
        [
            pytest.param("050003420300", id="index 0"),
            pytest.param("050003420304", id="index beyond total"),
            pytest.param("050003420000", id="total 0"),
            pytest.param("0400024203", id="8-bit reference with two octets"),
            pytest.param("050803420302", id="16-bit reference with three octets"),
        ],
    )
    def test_what_makes_no_sense_is_ignored(self, header: str) -> None:
        udh = parse_udh(bytes.fromhex(header))
        assert udh is not None
        assert udh.concat is None

    def test_a_sensible_one_is_not_undone_by_a_senseless_one(self) -> None:
        udh = parse_udh(bytes.fromhex("0a 0003420302 0003420009"))
        assert udh is not None
        assert udh.concat == Concat(0x42, 3, 2)


class TestBuild:
    def test_octets(self) -> None:
        assert build_concat_udh(0x42, 3, 2) == bytes.fromhex("050003420302")
        assert build_concat_udh(0x1234, 3, 2, wide=True) == bytes.fromhex("06080412340302")

    @pytest.mark.parametrize(
        ("reference", "total", "index", "wide"),
        [
            (256, 2, 1, False),
            (65536, 2, 1, True),
            (-1, 2, 1, False),
            (1, 2, 0, False),
            (1, 2, 3, False),
            (1, 256, 1, False),
        ],
    )
    def test_numbers_that_do_not_fit(self, reference: int, total: int, index: int, wide: bool) -> None:
        with pytest.raises(LocalError, match="no segment"):
            build_concat_udh(reference, total, index, wide)


def test_strip() -> None:
    assert strip_udh(bytes.fromhex("050003420302") + b"text") == b"text"
    assert strip_udh(b"\x00text") == b"text"
    assert strip_udh(b"") == b""
    with pytest.raises(RecoverableError):
        strip_udh(b"\x05\x00\x03")


class TestConcatOf:
    def test_an_ordinary_message_stands_alone(self) -> None:
        assert concat_of(_view(b"hello")) is None

    def test_a_header_without_the_flag_is_text(self) -> None:
        assert concat_of(_view(build_concat_udh(1, 2, 1) + b"hello")) is None

    @pytest.mark.parametrize("wide", [False, True])
    def test_a_header(self, wide: bool) -> None:
        view = _view(build_concat_udh(200, 3, 2, wide) + b"hello", ESM_UDHI)
        assert concat_of(view) == Concat(200, 3, 2, wide, "udh16" if wide else "udh8")

    def test_a_header_in_message_payload(self) -> None:
        view = _view(b"", ESM_UDHI, tlv(Tag.MESSAGE_PAYLOAD, build_concat_udh(7, 2, 2) + b"hello"))
        assert concat_of(view) == Concat(7, 2, 2)

    def test_sar_tlvs(self) -> None:
        assert concat_of(_view(b"hello", tlvs=_SAR)) == Concat(0x1234, 3, 2, True, "sar")

    def test_the_header_comes_before_sar_tlvs(self) -> None:
        view = _view(build_concat_udh(7, 2, 2) + b"hello", ESM_UDHI, _SAR)
        assert concat_of(view) == Concat(7, 2, 2)

    def test_another_header_leaves_the_word_to_sar_tlvs(self) -> None:
        view = _view(bytes.fromhex("06 0504158a0000") + b"hello", ESM_UDHI, _SAR)
        assert concat_of(view) == Concat(0x1234, 3, 2, True, "sar")

    @pytest.mark.parametrize(
        "tlvs",
        [
            tlv(Tag.SAR_MSG_REF_NUM, b"\x12\x34"),
            _SAR[:11],
            tlv(Tag.SAR_MSG_REF_NUM, b"\x12") + _SAR[6:],
            _SAR[:6] + tlv(Tag.SAR_TOTAL_SEGMENTS, b"\x01") + tlv(Tag.SAR_SEGMENT_SEQNUM, b"\x02"),
            _SAR[:6] + tlv(Tag.SAR_TOTAL_SEGMENTS, b"\x00\x03") + tlv(Tag.SAR_SEGMENT_SEQNUM, b"\x02"),
        ],
    )
    def test_incomplete_sar_tlvs_say_nothing(self, tlvs: bytes) -> None:
        assert concat_of(_view(b"hello", tlvs=tlvs)) is None

    @pytest.mark.parametrize("payload", ["05000342", "0500044202010068"])
    def test_a_broken_header_is_recoverable(self, payload: str) -> None:
        with pytest.raises(RecoverableError):
            concat_of(_view(bytes.fromhex(payload), ESM_UDHI))
