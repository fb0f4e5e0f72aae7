"""What every foreign client must see, in values that its own library read from the wire."""

from __future__ import annotations

import re
from typing import NamedTuple

RECEIPT_BITS = 0x3C
RECEIPT = 0x04
DELIVERED, UNDELIVERABLE = 2, 5

#: Every character of the GSM 03.38 extension table but the form feed, and some of the default alphabet.
GSM_TEXT = "Total 12€ [a] {b} |c| ~d~ ^e^ \\f\\ @£$¥èéùìòÇØøÅåÄÖÑÜ¿äöñüàΔΦΓΛΩΠΨΣΘΞÆæßÉ"
CHINESE_TEXT = "【示例物流】您的包裹已送达，取件码8341，请于今日21点前领取。"
#: 190 UTF-16 units: three segments, and the surrogate pair of the parcel stands where a segment of 67 ends.
LONG_TEXT = ("【示例物流】" + "您的订单已经出库" * 8)[:66] + "📦" + "配送员将在今天下午与您联系，请保持电话畅通。" * 6
LONG_TEXT = LONG_TEXT[:189]

_TEXT = re.compile(
    r"id:(?P<id>\S+) sub:001 dlvrd:(?P<dlvrd>\d{3}) submit date:(?P<submitted>\d{10}) done date:(?P<done>\d{10})"
    r" stat:(?P<stat>[A-Z]{7}) err:(?P<err>.{3}) text:"
)


class Seen(NamedTuple):
    """A deliver_sm as a foreign library read it. ``tlv_id`` and ``state`` are None where the TLV is absent."""

    source: str
    destination: str
    esm_class: int
    text: str
    tlv_id: str | None
    state: int | None

    @property
    def is_receipt(self) -> bool:
        """By esm_class alone, as most clients do it."""
        return self.esm_class & RECEIPT_BITS == RECEIPT


def check_receipt(
    seen: Seen, message_id: str, recipient: str, sender: str, state: int = DELIVERED, stat: str = "DELIVRD"
) -> None:
    """A receipt for one message: its addresses turned round, its id in text and TLV, its state in both."""
    assert seen.is_receipt
    assert (seen.source, seen.destination) == (recipient, sender)
    assert (seen.tlv_id, seen.state) == (message_id, state)
    text = _TEXT.match(seen.text)
    assert text is not None, seen.text
    assert (text["id"], text["stat"]) == (message_id, stat)
    assert text["dlvrd"] == ("001" if state == DELIVERED else "000")
    # The gateway's business time, in the zone of the profile.
    assert text["submitted"].startswith("2611181")
    assert text["done"] >= text["submitted"]


def receipts_by_id(seen: list[Seen]) -> dict[str, Seen]:
    """Receipts by the id in their TLV; one each."""
    receipts = [each for each in seen if each.is_receipt]
    found = {each.tlv_id or "": each for each in receipts}
    assert len(found) == len(receipts), "a receipt came twice"
    return found
