"""What an answer means, in words: command_status, and the TLVs in which smsgw gives its reasons.

The gateway's own statuses (0x400 and up) and its TLVs are part of its interface to applications;
they are written down here again on purpose, since a simulator shares no rules with the gateway.
"""

from __future__ import annotations

from dataclasses import dataclass

from smsgw.smpp.constants import status_name
from smsgw.smpp.tlv import Tlvs

TAG_RULE_ID = 0x1400
TAG_RETRY_AFTER = 0x1401
TAG_REASON = 0x1402

_MEANINGS = {
    0x00000001: "the message is too long",
    0x00000002: "the PDU is too short or too long for its command",
    0x00000004: "not allowed on this kind of bind",
    0x00000005: "this account has all its binds already",
    0x00000008: "a fault on the other side, or its store is away; try again later",
    0x0000000A: "the source address is not allowed",
    0x0000000B: "the recipient is wrong, or has opted out",
    0x0000000C: "no such message id",
    0x0000000D: "the bind was refused",
    0x0000000E: "wrong password",
    0x0000000F: "unknown system_id",
    0x00000011: "the message can't be cancelled any more",
    0x00000013: "the message can't be replaced any more",
    0x00000014: "the queue is full; slow down and try again",
    0x00000045: "the message was refused",
    0x00000058: "too fast: over the rate or the window; slow down and try again",
    0x00000061: "not now: outside the sending window, or a wrong schedule_delivery_time",
    0x00000062: "wrong validity_period",
    0x00000401: "the account is disabled, suspended, not approved, or its licence has expired",
    0x00000402: "the signature 【…】 is missing",
    0x00000403: "the signature is not registered for this account",
    0x00000404: "the signature is malformed",
    0x00000405: "marketing has to say how to unsubscribe",
    0x00000406: "only marketing may say how to unsubscribe",
    0x00000407: "the service phone is missing",
    0x00000410: "the recipient has opted out",
    0x00000411: "the recipient is blacklisted",
    0x00000412: "the recipient's consent is missing",
    0x00000414: "the number is dead",
    0x00000420: "no marketing at night",
    0x00000421: "outside the sending window",
    0x00000430: "this recipient has had enough messages for now",
    0x00000431: "the same text went to this recipient already",
    0x00000432: "the account's quota is used up",
    0x00000440: "the text holds a forbidden word (national list)",
    0x00000441: "the text holds a forbidden word (company list)",
    0x00000442: "the text holds a link or phone number that is not registered",
    0x00000443: "the text matches no approved template",
    0x00000444: "the text is too long",
    0x00000450: "paused by an operator",
    0x00000451: "class and source number don't fit each other",
    0x00000452: "no route to this recipient",
    0x00000453: "the rule store is away",
}


def meaning(command_status: int) -> str:
    """A few words on a status; empty when nothing is known about it."""
    return _MEANINGS.get(command_status, "")


def status_text(command_status: int) -> str:
    """Name, number and meaning."""
    name = status_name(command_status)
    number = f"0x{command_status:08X}"
    known = meaning(command_status)
    return (name if name == number else f"{name} ({number})") + (f": {known}" if known else "")


@dataclass(frozen=True, slots=True)
class Explanation:
    """The gateway's reason for a refusal, from the TLVs 0x1400–0x1402; each may be missing."""

    rule_id: str | None = None
    retry_after_s: int | None = None
    reason: str | None = None

    @classmethod
    def of(cls, tlvs: Tlvs) -> Explanation:
        """Read the TLVs of a response."""
        rule_id, retry_after, reason = (tlvs.first(tag) for tag in (TAG_RULE_ID, TAG_RETRY_AFTER, TAG_REASON))
        return cls(
            None if rule_id is None else _text(rule_id),
            None if retry_after is None else int.from_bytes(retry_after, "big"),
            None if reason is None else _text(reason),
        )


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode("utf-8", "replace")
