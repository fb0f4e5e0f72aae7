"""Receipts: every form in tests/vectors/receipts.json, and the odd ones that no vector has."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from smsgw.smpp import pdu
from smsgw.smpp.alphabet import pack_septets
from smsgw.smpp.constants import ESM_INTERMEDIATE, ESM_RECEIPT, ESM_UDHI, Tag
from smsgw.smpp.receipt import (
    STAT_WORDS,
    STATES,
    Receipt,
    build_receipt_text,
    parse_receipt,
    parse_receipt_date,
)
from smsgw.smpp.tlv import tlv
from smsgw.smpp.udh import build_concat_udh

pytestmark = pytest.mark.usefixtures("each_way")

_VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "receipts.json").read_text(encoding="utf-8")
)["receipts"]

# Where a vector's null leaves the reading to us, what we read.
_OUR_CHOICES: dict[tuple[str, str], object] = {
    ("stat_after_err_vendor_state", "final"): False,
    ("zero_dates_bad_state", "final"): False,
    ("numeric_stat", "final"): False,
    ("fields_reordered_text_before_stat", "text"): "",
    ("tlv_only_no_text", "err"): "069",
}


def _deliver(
    short_message: bytes = b"", esm_class: int = ESM_RECEIPT, data_coding: int = 0, tlvs: bytes = b""
) -> pdu.Sm:
    return pdu.Sm(
        pdu.deliver_sm(
            1,
            source_addr=b"8613800000000",
            destination_addr=b"1069",
            short_message=short_message,
            esm_class=esm_class,
            data_coding=data_coding,
            tlvs=tlvs,
        )
    )


def _read(short_message: bytes = b"", **fields: Any) -> Receipt:
    receipt = parse_receipt(_deliver(short_message, **fields))
    assert receipt is not None
    return receipt


def _view_of(vector: dict[str, Any]) -> pdu.Sm:
    return _deliver(
        bytes.fromhex(vector["short_message_hex"]),
        vector["esm_class"],
        vector["data_coding"],
        b"".join(tlv(int(item["tag"], 16), bytes.fromhex(item["value_hex"])) for item in vector["tlvs"]),
    )


def _without_outer_blanks(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


class TestVectors:
    def test_all_are_here(self) -> None:
        assert len(_VECTORS) == 58

    @pytest.mark.parametrize("vector", _VECTORS, ids=lambda vector: str(vector["name"]))
    def test_reading(self, vector: dict[str, Any]) -> None:
        receipt = parse_receipt(_view_of(vector))
        expected = dict(vector["expect"])
        if not expected.pop("is_receipt"):
            assert receipt is None
            return
        assert receipt is not None
        for name, value in expected.items():
            if name.endswith("_date") and value is not None:
                value = datetime.fromisoformat(value)
            value = _OUR_CHOICES.get((vector["name"], name), value)
            assert _without_outer_blanks(getattr(receipt, name)) == _without_outer_blanks(value), name
        assert receipt.intermediate is (vector["esm_class"] == ESM_INTERMEDIATE)


class TestIsReceipt:
    @pytest.mark.parametrize("esm_class", [0x04, 0x20, 0x24, 0x0C, 0x44, 0x84, 0x07])
    def test_by_esm_class(self, esm_class: int) -> None:
        assert parse_receipt(_deliver(b"\0id:7 stat:DELIVRD", esm_class)) is not None

    @pytest.mark.parametrize("esm_class", [0x00, 0x03, 0x08, 0x10, 0x18, 0x40, 0x80])
    def test_not_without_the_mark(self, esm_class: int) -> None:
        assert parse_receipt(_deliver(b"\0id:7 stat:DELIVRD", esm_class)) is None

    def test_by_tlv(self) -> None:
        receipt = _read(esm_class=0, tlvs=tlv(Tag.RECEIPTED_MESSAGE_ID, b"7\0"))
        assert (receipt.id, receipt.message_state, receipt.final) == ("7", None, False)

    @pytest.mark.parametrize("tlvs", [tlv(Tag.RECEIPTED_MESSAGE_ID, b"\0"), tlv(Tag.MESSAGE_STATE, b"\2")])
    def test_not_by_other_tlvs(self, tlvs: bytes) -> None:
        assert parse_receipt(_deliver(b"id:7 stat:DELIVRD", 0, tlvs=tlvs)) is None

    @pytest.mark.parametrize("text", [b"", b"\0\0", b"no labels at all", b"id:", b"\xff" * 254])
    def test_marked_but_unreadable(self, text: bytes) -> None:
        receipt = _read(text)
        assert (receipt.id, receipt.stat, receipt.message_state, receipt.final) == (None, None, None, False)

    def test_in_a_data_sm(self) -> None:
        tlvs = tlv(Tag.MESSAGE_PAYLOAD, b"id:7 stat:DELIVRD")
        raw = bytes.fromhex("00000000 00000103 00000000 00000001 00 000031 00 000032 00 040000") + tlvs
        receipt = parse_receipt(pdu.DataSm(len(raw).to_bytes(4, "big") + raw[4:]))
        assert receipt is not None
        assert (receipt.id, receipt.message_state) == ("7", 2)


class TestCodings:
    _TEXT = "id:4711 sub:001 dlvrd:001 submit date:1305050826 done date:1305050826 stat:DELIVRD err:000 text:Hi"

    @pytest.mark.parametrize(
        ("data_coding", "payload"),
        [
            pytest.param(0, _TEXT.encode(), id="ASCII"),
            pytest.param(8, _TEXT.encode("utf-16-be"), id="UCS2"),
            pytest.param(0x18, _TEXT.encode("utf-16-be"), id="UCS2 by a GSM coding"),
            pytest.param(15, _TEXT.encode("gbk"), id="GBK"),
            pytest.param(8, _TEXT.encode(), id="ASCII that says UCS2"),
            pytest.param(0, _TEXT.encode("utf-16-be"), id="UCS2 that says nothing"),
            pytest.param(4, _TEXT.encode(), id="binary"),
            pytest.param(0, pack_septets(_TEXT.encode()), id="packed septets"),
            pytest.param(0xF1, _TEXT.encode(), id="message class 1"),
        ],
    )
    def test_all_read_alike(self, data_coding: int, payload: bytes) -> None:
        assert _read(payload, data_coding=data_coding) == _read(self._TEXT.encode())

    def test_gbk_text(self) -> None:
        text = "id:4711 stat:DELIVRD err:000 text:【签名】"
        assert _read(text.encode("gbk"), data_coding=15).text == "【签名】"

    def test_a_header_in_front(self) -> None:
        payload = build_concat_udh(1, 1, 1) + self._TEXT.encode()
        assert _read(payload, esm_class=ESM_RECEIPT | ESM_UDHI) == _read(self._TEXT.encode())

    def test_a_flag_without_a_header(self) -> None:
        # "i" is 105, and no header is as long
        assert _read(b"id:4711 stat:DELIVRD", esm_class=ESM_RECEIPT | ESM_UDHI).id == "4711"


class TestFields:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ('id:"4711" stat:DELIVRD', "4711"),
            ("id:'4711' stat:DELIVRD", "4711"),
            ("id:4711, stat:DELIVRD", "4711"),
            ("id:4711; sub:001; stat:DELIVRD", "4711"),
            ("id:4711\nstat:DELIVRD", "4711"),
            ("id : 4711 stat:DELIVRD", "4711"),
            ("sub:001 stat:DELIVRD id:4711", "4711"),
            ("id: stat:DELIVRD", None),
            ("stat:DELIVRD", None),
            ("paid:4711 stat:DELIVRD", None),
            ("id:47:11 stat:DELIVRD", "47:11"),
        ],
    )
    def test_id(self, text: str, expected: str | None) -> None:
        receipt = _read(text.encode())
        assert receipt.id == expected
        assert receipt.stat == "DELIVRD"

    @pytest.mark.parametrize(
        ("stat", "state", "final"),
        [
            ("DELIVRD", 2, True),
            ("delivrd", 2, True),
            ("DELIVERED", 2, True),
            ("DELI", 2, True),
            ("DEL", None, False),
            ("UNDELIVERABLE", 5, True),
            ("UNDEL", 5, True),
            ("EXPIR", 3, True),
            ("REJECTED", 8, True),
            ("ENROUTE", 1, False),
            ("SCHEDULED", 0, False),
            ("SKIPPED", 9, True),
            ("UNKNOWN", 7, False),
            ("MK:0001", 5, True),
            ("DB:0144", 5, True),
            ("M2:0045", 5, True),
            ("ID:0044", 5, True),
            ("MBBLACK", 5, True),
            ("NOROUTER", 5, True),
            ("WHATEVER", None, False),
            ("成功", None, False),
        ],
    )
    def test_stat(self, stat: str, state: int | None, final: bool) -> None:
        receipt = _read(f"id:4711 stat:{stat} err:000 text:x".encode("utf-16-be"), data_coding=8)
        assert (receipt.stat, receipt.message_state, receipt.final) == (stat, state, final)

    def test_a_code_that_looks_like_a_label(self) -> None:
        receipt = _read(b"id:4711 sub:001 stat: ID:0044 err: ID:0044 text:x")
        assert (receipt.id, receipt.stat, receipt.err, receipt.text) == ("4711", "ID:0044", "ID:0044", "x")

    @pytest.mark.parametrize("count", [b"...", b"null", b"", b"-1", b"1/2", b"\xb2", b"9" * 300])
    def test_counts_that_are_no_numbers(self, count: bytes) -> None:
        payload = b"id:4711 sub:" + count + b" dlvrd:" + count + b" stat:DELIVRD"
        receipt = _read(tlvs=tlv(Tag.MESSAGE_PAYLOAD, payload))
        assert (receipt.id, receipt.sub, receipt.dlvrd, receipt.stat) == ("4711", None, None, "DELIVRD")

    def test_a_long_payload_is_read_at_its_front(self) -> None:
        payload = b"id:4711 stat:DELIVRD text:" + b"x" * 60_000
        receipt = _read(tlvs=tlv(Tag.MESSAGE_PAYLOAD, payload))
        assert (receipt.id, receipt.stat) == ("4711", "DELIVRD")
        assert len(receipt.text or "") < 1024

    @pytest.mark.parametrize("end", range(2, 103))
    def test_cut_anywhere(self, end: int) -> None:
        whole = b"id:4711 sub:001 dlvrd:001 submit date:1305050826 done date:1305050826 stat:DELIVRD err:000 text:Hello"
        receipt = _read(whole[:end])
        assert receipt.id in ("4711"[: max(0, end - 3)] or None, "4711")
        assert receipt.message_state in (None, 2)

    def test_text_with_labels_stays_text(self) -> None:
        receipt = _read(b"id:1 stat:EXPIRED text: stat:DELIVRD err:7 id:2")
        assert (receipt.id, receipt.stat, receipt.err, receipt.text) == (
            "1",
            "EXPIRED",
            None,
            "stat:DELIVRD err:7 id:2",
        )

    def test_words_before_a_second_stat_are_text(self) -> None:
        receipt = _read(b"id:1 text:hello stat:DELIVRD")
        assert (receipt.stat, receipt.message_state, receipt.text) == (None, None, "hello stat:DELIVRD")


class TestTlvs:
    _TEXT = b"id:5000 stat:DELIVRD err:%b text:x"

    def test_an_unknown_state_is_kept_when_the_text_has_none(self) -> None:
        assert _read(tlvs=tlv(Tag.MESSAGE_STATE, b"\x63")).message_state == 0x63
        assert _read(b"id:1 stat:DELIVRD", tlvs=tlv(Tag.MESSAGE_STATE, b"\x63")).message_state == 2

    @pytest.mark.parametrize("value", [b"", b"\x00\x02"])
    def test_a_state_of_wrong_length_is_none(self, value: bytes) -> None:
        assert _read(b"id:1 stat:EXPIRED", tlvs=tlv(Tag.MESSAGE_STATE, value)).message_state == 3

    @pytest.mark.parametrize(
        ("err", "network_error_code", "expected"),
        [
            (b"000", "030045", "069"),
            (b"069", "030045", "069"),
            (b"0069", "030045", "0069"),
            (b"001", "030045", "069"),
            (b"", "030045", "069"),
            (b"...", "030045", "069"),
            (b"DB:0144", "030045", "DB:0144"),
            (b"21b", "030045", "21b"),
            (b"0000", "030000", "0000"),
            (b"012", "030000", "012"),
            (b"012", "000045", "012"),
            (b"012", "0345", "012"),
        ],
    )
    def test_err(self, err: bytes, network_error_code: str, expected: str) -> None:
        tlvs = tlv(Tag.NETWORK_ERROR_CODE, bytes.fromhex(network_error_code))
        assert _read(self._TEXT % err, tlvs=tlvs).err == expected

    def test_an_empty_id_leaves_the_word_to_the_text(self) -> None:
        assert _read(self._TEXT % b"0", tlvs=tlv(Tag.RECEIPTED_MESSAGE_ID, b"\0")).id == "5000"

    def test_what_follows_the_nul_is_not_the_id(self) -> None:
        assert _read(tlvs=tlv(Tag.RECEIPTED_MESSAGE_ID, b"7d3f\0junk")).id == "7d3f"

    @pytest.mark.parametrize("broken", [b"\x04", b"\x04\x27\x00\x09\x02"])
    def test_broken_tlvs_count_as_none(self, broken: bytes) -> None:
        assert _read(self._TEXT % b"000", tlvs=broken).id == "5000"
        assert _read(tlvs=broken).id is None


class TestIntermediate:
    def test_a_failed_attempt_is_not_the_end(self) -> None:
        receipt = _read(b"id:1 stat:UNDELIV err:027", esm_class=ESM_INTERMEDIATE)
        assert (receipt.message_state, receipt.final, receipt.intermediate) == (5, False, True)

    def test_a_delivery_is(self) -> None:
        receipt = _read(b"id:1 stat:DELIVRD", esm_class=ESM_INTERMEDIATE)
        assert (receipt.message_state, receipt.final, receipt.intermediate) == (2, True, True)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1305050826", "2013-05-05T08:26"),
        ("130505082615", "2013-05-05T08:26:15"),
        ("201305050826", "2013-05-05T08:26"),
        ("20130505082615", "2013-05-05T08:26:15"),
        ("130505082615032+", "2013-05-05T08:26:15"),
        ("130505082615032-", "2013-05-05T08:26:15"),
        (" 1305050826 +0800", "2013-05-05T08:26"),
        ("1305050826-0800", "2013-05-05T08:26"),
        ("2013-05-05 08:26:15", "2013-05-05T08:26:15"),
        ("2013/05/05 08:26", "2013-05-05T08:26"),
        ("13-05-05 08:26", "2013-05-05T08:26"),
        ("2013-05-05T08:26:15+08:00", "2013-05-05T08:26:15"),
        ("0000000000", None),
        ("000000000000", None),
        ("1305050880", None),
        ("1302300826", None),
        ("13050508", None),
        ("12050508121503", None),
        ("139905050826", None),
        ("13050508261", None),
        ("13050508261503215", None),
        ("130505", None),
        ("", None),
        ("yesterday", None),
        ("２０１３０５０５０８２６", None),
        ("1" * 41, None),
    ],
)
def test_dates(value: str, expected: str | None) -> None:
    assert parse_receipt_date(value) == (None if expected is None else datetime.fromisoformat(expected))


class TestBuild:
    _SUBMIT = datetime(2026, 11, 18, 10, 30, 59)
    _DONE = datetime(2027, 1, 2, 3, 4)

    def test_the_form_of_appendix_b(self) -> None:
        built = build_receipt_text(
            "0123456789", 1, 0, self._SUBMIT, self._DONE, "REJECTD", "42", "Hello, world and more"
        )
        assert built == (
            b"id:0123456789 sub:001 dlvrd:000 submit date:2611181030 done date:2701020304"
            b" stat:REJECTD err:042 text:Hello, world and mor"
        )

    def test_what_ascii_lacks(self) -> None:
        built = build_receipt_text("1", 1000, 7, self._SUBMIT, self._DONE, "DELIVRD", "000", "【签】ok")
        assert built.endswith(b"text:???ok")
        assert b" sub:999 dlvrd:007 " in built

    @pytest.mark.parametrize("stat", STATES)
    def test_reads_back(self, stat: str) -> None:
        receipt = _read(build_receipt_text("a-1", 2, 1, self._SUBMIT, self._DONE, stat, "402", "Hi"))
        assert (receipt.id, receipt.sub, receipt.dlvrd, receipt.stat) == ("a-1", 2, 1, stat)
        assert (receipt.submit_date, receipt.done_date) == (self._SUBMIT.replace(second=0), self._DONE)
        assert (receipt.err, receipt.text, receipt.message_state) == ("402", "Hi", STATES[stat])

    def test_words_and_states_are_one_to_one(self) -> None:
        assert {STAT_WORDS[state]: state for state in range(10)} == STATES
