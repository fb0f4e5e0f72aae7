from __future__ import annotations

import pytest

from smsgw.policy.model import MessageClass
from smsgw.policy.profile import TimeRange
from smsgw.policy.reasons import REASONS


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("09:00-21:00", [(540, 1260)]),
        ("9:00 - 21:00", [(540, 1260)]),
        ("21:00-08:00", [(0, 480), (1260, 1440)]),
        ("00:00-24:00", [(0, 1440)]),
        ("22:00-00:00", [(1320, 1440)]),
    ],
)
def test_time_ranges(text: str, minutes: list[tuple[int, int]]) -> None:
    assert list(TimeRange.parse(text).minutes()) == minutes


@pytest.mark.parametrize("text", ["", "9-21", "09:00", "09:60-21:00", "25:00-26:00", "09:00-09:00", "24:00-08:00"])
def test_what_is_no_time_range(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        TimeRange.parse(text)


def test_class_labels() -> None:
    assert [member.label for member in MessageClass] == ["otp", "notice", "marketing"]
    assert MessageClass.from_label("marketing") is MessageClass.MARKETING
    with pytest.raises(ValueError, match="otp, notice, marketing"):
        MessageClass.from_label("promo")


def test_reasons_are_what_clients_were_told() -> None:
    assert {rule_id: (reason.rule, reason.status, reason.fallback) for rule_id, reason in REASONS.items()} == {
        "number.invalid": (0, 0x0B, 0x0B),
        "account.disabled": (1, 0x401, 0x45),
        "account.expired": (1, 0x401, 0x45),
        "account.unapproved": (1, 0x401, 0x45),
        "account.suspended": (1, 0x401, 0x45),
        "paused": (2, 0x450, 0x45),
        "class.content": (3, 0x451, 0x45),
        "class.source": (3, 0x451, 0x45),
        "signature.missing": (4, 0x402, 0x45),
        "signature.unregistered": (4, 0x403, 0x45),
        "signature.malformed": (4, 0x404, 0x45),
        "unsubscribe.missing": (5, 0x405, 0x45),
        "unsubscribe.forbidden": (5, 0x406, 0x45),
        "service_phone": (6, 0x407, 0x45),
        "words.national": (7, 0x440, 0x45),
        "words.company": (7, 0x441, 0x45),
        "contact": (8, 0x442, 0x45),
        "template": (9, 0x443, 0x45),
        "length": (10, 0x444, 0x01),
        "window.hard": (11, 0x420, 0x61),
        "window.soft": (12, 0x421, 0x61),
        "route.none": (13, 0x452, 0x45),
        "optout": (14, 0x410, 0x0B),
        "blacklisted": (14, 0x411, 0x0B),
        "dead_number": (14, 0x414, 0x0B),
        "consent": (15, 0x412, 0x45),
        "frequency": (16, 0x430, 0x45),
        "same_content": (17, 0x431, 0x45),
        "quota": (18, 0x432, 0x45),
        "rate": (18, 0x58, 0x58),
        "queue.full": (19, 0x14, 0x14),
        "store.away": (19, 0x453, 0x08),
    }
    assert list(REASONS) == sorted(REASONS, key=lambda rule_id: REASONS[rule_id].rule)


def test_reasons_are_told_in_both_languages_with_what_helps() -> None:
    for reason in REASONS.values():
        assert all((reason.text, reason.text_zh, reason.remedy, reason.remedy_zh))
        assert reason.text.isascii() or "【" in reason.text
        assert not reason.text_zh.isascii()
        assert not reason.remedy_zh.isascii()


def test_a_reason_answers_by_status_or_receipt() -> None:
    hard = REASONS["window.hard"]
    assert (hard.command_status(True), hard.command_status(False), hard.receipt_err) == (0x420, 0x61, "420")
    assert REASONS["rate"].receipt_err == "058"
