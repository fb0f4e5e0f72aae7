"""Verdict → what an application is told: the one place where a refusal becomes octets.

``vendor_codes = false`` picks the fallback status of the rules' table. An error submit_sm_resp has no
body (SMPP 3.4 §4.4.2); with ``explain = true`` it gets an empty message_id and TLVs of the vendor range
(§5.3.2: 0x1400–0x3FFF). Sessions below 3.4 never get TLVs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smsgw.smpp.constants import RESPONSE_BIT
from smsgw.smpp.pdu import response
from smsgw.smpp.tlv import tlv

if TYPE_CHECKING:
    from smsgw.esme.account import AccountSettings
    from smsgw.policy.model import Refusal

#: Vendor TLVs of an explained refusal: stable rule id (ASCII), seconds (4 octets), reason (UTF-8).
TAG_RULE_ID = 0x1400
TAG_RETRY_AFTER_S = 0x1401
TAG_REASON = 0x1402

_REASON_MAX_OCTETS = 200


def refusal_status(refusal: Refusal, settings: AccountSettings) -> int:
    """The command_status that this account gets for ``refusal``."""
    return refusal.reason.status if settings.vendor_codes else refusal.reason.fallback


def refusal_response(
    command_id: int, sequence_number: int, refusal: Refusal, settings: AccountSettings, tlvs_allowed: bool
) -> bytes:
    """The whole error response to the request ``command_id``."""
    status = refusal_status(refusal, settings)
    if not (settings.explain and tlvs_allowed):
        return response(command_id | RESPONSE_BIT, status, sequence_number)
    return response(command_id | RESPONSE_BIT, status, sequence_number, b"", explanation_tlvs(refusal))


def explanation_tlvs(refusal: Refusal) -> bytes:
    """Rule id, retry-after when there is one, and the reason in words."""
    parts = [tlv(TAG_RULE_ID, refusal.reason.rule_id.encode("ascii"))]
    if refusal.retry_after_s is not None:
        parts.append(tlv(TAG_RETRY_AFTER_S, min(refusal.retry_after_s, 0xFFFFFFFF).to_bytes(4, "big")))
    words = refusal.reason.text if not refusal.detail else f"{refusal.reason.text}: {refusal.detail}"
    # Cut between two characters: a client may decode it strictly.
    reason = words.encode("utf-8")[:_REASON_MAX_OCTETS].decode("utf-8", "ignore").encode("utf-8")
    parts.append(tlv(TAG_REASON, reason))
    return b"".join(parts)
