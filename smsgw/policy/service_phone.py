"""Rule 6: classes that name the account's service phone in the text.

Owns: finding a number however it is set out (400-800-1234, 400 800 1234, ４００８００１２３４), as a whole number:
14008001234 does not name 4008001234. Never decides whether a number is registered; that is rule 8.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from smsgw.policy.model import Draft, Outcome, Refusal, Rule
from smsgw.policy.reasons import SERVICE_PHONE

if TYPE_CHECKING:
    from smsgw.policy.pipeline import Parts

# What may stand between two digits of a number that is set out for reading.
_BETWEEN = r"[\s()\-.·‐-―]{0,2}"


def _pattern(phone: str) -> re.Pattern[str] | None:
    digits = [char for char in unicodedata.normalize("NFKC", phone) if char.isdigit()]
    return re.compile(rf"(?<!\d){_BETWEEN.join(digits)}(?!\d)") if digits else None


def _stands_alone(text: str, start: int, end: int) -> bool:
    return not text[end : end + 1].isdecimal() and not (start > 0 and text[start - 1].isdecimal())


def service_phone_rule(parts: Parts, message_class: int) -> Rule | None:
    """Rule 6 for one class; None where the profile doesn't ask for a service phone."""
    if message_class not in parts.profile.service_phone.required_for:
        return None
    phone = parts.account.service_phone
    pattern = _pattern(phone)
    why = f"the text must name {phone}" if pattern is not None else "the account has no service_phone"

    def check(draft: Draft) -> Outcome:
        if pattern is not None:
            text = draft.text
            at = text.find(phone)
            if at >= 0 and _stands_alone(text, at, at + len(phone)):  # as the account writes it, which is usual
                return None
            if pattern.search(text) or (not text.isascii() and pattern.search(unicodedata.normalize("NFKC", text))):
                return None
        return Refusal(SERVICE_PHONE, why)

    return Rule(6, "service_phone", check, lambda draft: f"service phone of the account: {phone or '(none)'}")
