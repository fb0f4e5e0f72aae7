"""What the simulated application builds, and how it reads answers."""

from __future__ import annotations

import pytest

from simulators.esme.answer import Answer
from simulators.esme.explain import Explanation, status_text
from simulators.esme.message import Envelope, numbering
from smsgw.smpp import pdu
from smsgw.smpp.alphabet import decode_text
from smsgw.smpp.constants import CommandId
from smsgw.smpp.segments import count_segments
from smsgw.smpp.tlv import tlv
from smsgw.smpp.udh import concat_of, strip_udh

_LONG = "长短信一二三四五六七八九十" * 12
_REASON = tlv(0x1400, b"window.hard\0") + tlv(0x1401, (3600).to_bytes(4, "big")) + tlv(0x1402, "夜间".encode())


def test_a_short_text_is_one_message() -> None:
    (build,) = Envelope("10690001", "8613800000001", validity_period="000000003000000R").parts("hello")
    sm = pdu.Sm(build(77))
    assert (sm.sequence_number, sm.short_message, sm.data_coding, sm.esm_class) == (77, b"hello", 0, 0)
    assert sm.validity_period == b"000000003000000R"
    assert (sm.source_addr_ton, sm.dest_addr_ton) == (0, 1)


@pytest.mark.parametrize(("long", "kind"), [("udh", "udh8"), ("udh16", "udh16"), ("sar", "sar")])
def test_a_long_text_in_parts(long: str, kind: str) -> None:
    parts = [pdu.Sm(build(number)) for number, build in enumerate(Envelope("1", "2").parts(_LONG, long, 0x1234), 1)]
    assert len(parts) == count_segments(_LONG, 8)
    places = [concat_of(part) for part in parts]
    assert [(place.kind, place.index, place.total) for place in places if place] == [
        (kind, index, len(parts)) for index in range(1, len(parts) + 1)
    ]
    assert {place.reference for place in places if place} == {0x34 if long == "udh" else 0x1234}
    texts = [strip_udh(part.payload) if part.has_udh else part.payload for part in parts]
    assert "".join(decode_text(text, 8) for text in texts) == _LONG


def test_a_long_text_as_payload() -> None:
    (build,) = Envelope("1", "2").parts(_LONG, "payload")
    sm = pdu.Sm(build(1))
    assert (sm.sm_length, decode_text(sm.payload, 8)) == (0, _LONG)


def test_numbering() -> None:
    assert numbering("ACME") == (5, 0)
    assert numbering("10690001") == (0, 1)
    assert numbering("8613800000001") == (1, 1)
    assert numbering("+8613800000001") == (1, 1)
    assert numbering("106900011234") == (0, 1)


def test_an_answer_with_an_id() -> None:
    answer = Answer.of(pdu.response(CommandId.SUBMIT_SM, 0, 5, b"abc"))
    assert (answer.ok, answer.message_id, answer.sequence_number, answer.explanation) == (True, "abc", 5, Explanation())
    assert "id abc" in str(answer)


@pytest.mark.parametrize("message_id", [None, b""], ids=["TLVs alone", "empty id"])
def test_a_refusal_with_reasons(message_id: bytes | None) -> None:
    answer = Answer.of(pdu.response(CommandId.SUBMIT_SM, 0x420, 5, message_id, _REASON))
    assert answer.explanation == Explanation("window.hard", 3600, "夜间")
    assert answer.to_json() == {
        "status": 0x420,
        "status_name": "0x00000420",
        "meaning": "no marketing at night",
        "message_id": "",
        "rule": "window.hard",
        "retry_after_s": 3600,
        "reason": "夜间",
    }
    assert str(answer) == "0x00000420: no marketing at night · rule window.hard · 夜间 · try again after 3600 s"


@pytest.mark.parametrize("body", [b"", b"\0", b"x", b"\x14\x00\x00\x50", b"\0\0\0"])
def test_an_error_with_any_body_is_read(body: bytes) -> None:
    frame = pdu.HEADER.pack(16 + len(body), CommandId.SUBMIT_SM_RESP, 0x58, 5) + body
    answer = Answer.of(frame)
    assert (answer.status, answer.sequence_number, answer.ok) == (0x58, 5, False)


def test_status_texts() -> None:
    assert status_text(0x58).startswith("ESME_RTHROTTLED (0x00000058): too fast")
    assert status_text(0x499) == "0x00000499"
