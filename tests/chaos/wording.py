"""What the load of ``bin/chaos`` sends: classes, numbers, recipients and texts. Load, ledger and world agree here.

A message's number has nine digits, the first of which says its class, and stands in each of its segments. The
recipients of marketing have two pools: the capped, who get it again and again, and those who opt out meanwhile.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from smsgw.smpp.segments import split_udh

CLASSES: Final = ("otp", "notice", "marketing")
#: Shares of the load, in percent, and of long ones among notices.
SHARES: Final = {"otp": 40, "notice": 30, "marketing": 30}
LONG_SHARE: Final = 0.1
#: Shares of marketing that go to the two pools.
CAPPED_SHARE: Final = 0.1
OPTED_OUT_SHARE: Final = 0.1
CAPPED: Final = 5

SOURCES: Final = {"otp": "1069000110", "notice": "1069000120", "marketing": "1069000130"}
PASSWORD: Final = "load1234"
TEXTS: Final = {
    "otp": "【示例商城】您的验证码是{n}，五分钟内有效，请勿告诉他人。",
    "notice": "【示例商城】您的订单{n}已经发货，请注意查收。",
    "marketing": "【示例商城】会员{n}您好，全场八折，拒收请回复R",
}
LONG_TEXT: Final = (
    "【示例商城】您的订单{n}已经发货。"
    + "包裹由快递员送到您家门口，签收前请当面查看外箱。" * 3
    + "单号{n}，请注意查收。"
)
_UCS2: Final = 8
_BASES: Final = {"otp": 8613800000000, "notice": 8613900000000, "marketing": 8615000000000}
_CAPPED_BASE: Final = 8615100000000
_OPTED_OUT_BASE: Final = 8615200000000
_NUMBER = re.compile(r"(?<!\d)\d{9}(?!\d)")
_OF_CLASS: Final = 100_000_000


def number_of(message_class: str, count: int) -> int:
    """The number of the ``count``-th message of a class, from 0."""
    return (CLASSES.index(message_class) + 1) * _OF_CLASS + count


def class_of(number: int) -> str:
    """The class of a message."""
    return CLASSES[number // _OF_CLASS - 1]


def recipient(message_class: str, count: int) -> str:
    """Somebody who gets one message only."""
    return str(_BASES[message_class] + count)


def capped(count: int) -> str:
    """One of those who get marketing again and again."""
    return str(_CAPPED_BASE + count % CAPPED)


def opting_out(count: int) -> str:
    """The ``count``-th of those who opt out."""
    return str(_OPTED_OUT_BASE + count)


def is_capped(number: str) -> bool:
    """Whether it is one of the capped."""
    return number.startswith(str(_CAPPED_BASE)[:6])


def has_opted_out(number: str) -> bool:
    """Whether it is one of those to whom the load sends only when their opt-out was answered."""
    return number.startswith(str(_OPTED_OUT_BASE)[:6])


def hashed(number: str) -> str:
    """A recipient as the ledger writes it."""
    return hashlib.blake2b(number.encode(), digest_size=8).hexdigest()


def number_in(text: str) -> int:
    """The number of the message that a segment belongs to. Raises ValueError when it has none."""
    found = _NUMBER.search(text)
    if found is None:
        raise ValueError(f"a message without its number: {text}")
    return int(found[0])


def payloads(text: str, reference: int) -> list[bytes]:
    """A text as one short_message, or as segments with their headers."""
    return split_udh(text, _UCS2, reference & 0xFF, False)
