"""Which entries a selection means."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from simulators.entry import Entry
from simulators.expect.selection import Selection

ENTRY = Entry(
    "receipt", "alpha", 1_795_440_000_000, 5.0, account="shop", bind=3, source="13800138000", destination="10690001",
    text="您的验证码是 482913", status=0x58, message_id="00AB", stat="DELIVRD", err="000",
    message_state=2, data_coding=8, esm_class=4, segments=2, fate="never answered",
    tlvs=((0x0427, b"\x02"), (0x001E, b"00AB\0"), (0x1400, b"\x0a\x0b")),
)  # fmt: skip


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"kind": "receipt"},
        {"kind": ["mo", "receipt"], "where": "alpha"},
        {"source": "1380013*", "destination": ["1068*", "1069????"]},
        {"text": "*验证码*"},
        {"text": "/[0-9]{6}$/"},
        {"message_id": "/^00ab$/i"},
        {"text_is": "您的验证码是 482913"},
        {"status": 0x58},
        {"status": ["0x14", "ESME_RTHROTTLED"]},
        {"status": "throttled", "answered": True},
        {"stat": "DELIVRD", "err": "000", "message_state": 2, "data_coding": "8", "segments": 2, "bind": [1, 3]},
        {"fate": "never*"},
        {"tlv": {"message_state": 2, "0x1400": "hex:0a0b", "receipted_message_id": "00A?", "sar_msg_ref_num": False}},
        {"tlv": {"5120": True}},
        {"since": "2026-11-01T00:00:00Z", "until": "2027-11-01T00:00:00+08:00"},
    ],
)
def test_conditions_that_hold(keys: dict[str, Any]) -> None:
    assert Selection.model_validate(keys).matches(ENTRY)
    assert Selection.model_validate(keys).mismatch(ENTRY) == ""


@pytest.mark.parametrize(
    ("keys", "condition"),
    [
        ({"kind": "submit"}, "kind"),
        ({"where": "beta"}, "where"),
        ({"source": "138"}, "source"),
        ({"text": "验证码"}, "text"),
        ({"text_is": "*"}, "text"),
        ({"status": 0}, "status"),
        ({"answered": False}, "answered"),
        ({"data_coding": 0}, "data_coding"),
        ({"tlv": {"message_state": 3}}, "tlv message_state"),
        ({"tlv": {"0x1400": "hex:0a"}}, "tlv 0x1400"),
        ({"tlv": {"message_state": False}}, "tlv message_state"),
        ({"tlv": {"0x1401": True}}, "tlv 0x1401"),
        ({"since": "2027-11-01T00:00:00Z"}, "since"),
        ({"until": "2026-11-01T00:00:00Z"}, "until"),
    ],
)
def test_conditions_that_do_not(keys: dict[str, Any], condition: str) -> None:
    assert not Selection.model_validate(keys).matches(ENTRY)
    assert Selection.model_validate(keys).mismatch(ENTRY) == condition


def test_only_star_and_question_mark_are_wild() -> None:
    literal = Selection.model_validate({"text": "[1] 50% off (a+b) \\*"})
    assert literal.matches(Entry("submit", "a", 0, 0.0, text="[1] 50% off (a+b) *"))
    assert not literal.matches(Entry("submit", "a", 0, 0.0, text="1 50% off (a+b) x"))


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"status": "trottled"}, "no status is called 'trottled'; did you mean"),
        ({"status": -1}, "expected a number"),
        ({"text": "/(/"}, "is no regular expression"),
        ({"text": 5}, "expected text in quotes"),
        ({"tlv": {"mesage_state": 2}}, "did you mean 'message_state'?"),
        ({"tlv": {"0x12345": 2}}, "0x0000 to 0xFFFF"),
        ({"tlv": {"message_state": "hex:0g"}}, "expected octets such as hex:0a0b"),
        ({"tlv": {"message_state": [2]}}, "expected true, false, a number or text"),
    ],
)
def test_what_can_not_be_meant(keys: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=r".*") as caught:
        Selection.model_validate(keys)
    assert why in str(caught.value)


def test_a_selection_survives_a_round_trip_through_json() -> None:
    selection = Selection.model_validate({"kind": "mo", "status": "0x58", "tlv": {"0x1400": True}, "source": "1*"})
    assert Selection.model_validate_json(selection.model_dump_json(exclude_defaults=True)) == selection
