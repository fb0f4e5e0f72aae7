"""Rule 4: the signature 【…】 is there, well-formed, and registered for this account.

Owns: where a signature may stand (front or end, by carrier, else by profile) and what it may be made of.
Looks at the whole text, never at a segment. Where both ends would do and the text begins with 【, that is the
signature: it is what the recipient reads first, so a registered one at the end can't cover for it. A 【…】 at
the other end is then part of the text (您的验证码是【123456】).
Sets ``signature``, ``body_start`` and ``body_end`` of the draft, and only to a registered signature.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from smsgw.policy.model import Draft, Reason, Refusal
from smsgw.policy.profile import CarrierPolicy, SignaturePosition, SignatureRule
from smsgw.policy.reasons import SIGNATURE_MALFORMED, SIGNATURE_MISSING, SIGNATURE_UNREGISTERED

OPEN: Final = "【"
CLOSE: Final = "】"

# ASCII letters and digits and Han: other scripts' letters only serve to look like another company's.
_OTHER_CHARACTER = re.compile(r"[^A-Za-z0-9\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
_QUOTED_CHARS: Final = 24


def signature_fault(name: str, rule: SignatureRule) -> str | None:
    """What is wrong with the text between 【 and 】, or None; also for checking a site's list of signatures."""
    if not rule.min_chars <= len(name) <= rule.max_chars:
        return f"has {len(name)} characters, {rule.min_chars}–{rule.max_chars} are allowed"
    other = _OTHER_CHARACTER.search(name)
    if other is not None:
        return f"has {other[0]!r}, only letters, digits and Han are allowed"
    return None


def signature_check(
    rule: SignatureRule, signatures: Iterable[str], carriers: Mapping[str, CarrierPolicy], message_class: int
) -> Callable[[Draft], Refusal | None]:
    """Compiles the rule for one account and class.

    A class that needs no signature is never refused, but one that is there and registered is still found.
    """
    registered = frozenset(name for name in signatures if signature_fault(name, rule) is None)
    default = rule.position
    positions = {
        carrier.name: carrier.signature_position
        for carrier in carriers.values()
        if carrier.signature_position is not None
    }
    is_required = message_class in rule.required_for

    def check(draft: Draft) -> Refusal | None:
        text = draft.text
        route = draft.route
        position = default if route is None else positions.get(route.carriers[0], default)
        if position != "end" and text.startswith(OPEN):
            close = text.find(CLOSE)
            name = text[1:close]
            if name in registered and close > 0:
                draft.signature = name
                draft.body_start = close + 1
                draft.body_end = len(text)
                return None
        elif position != "front" and text.endswith(CLOSE):
            opening = text.rfind(OPEN)
            name = text[opening + 1 : -1]
            if name in registered and opening >= 0:
                draft.signature = name
                draft.body_start = 0
                draft.body_end = opening
                return None
        draft.signature = None
        draft.body_start = 0
        draft.body_end = len(text)
        return _refusal(text, position, rule) if is_required else None

    return check


def _refusal(text: str, position: SignaturePosition, rule: SignatureRule) -> Refusal:
    """Why no registered signature was found; off the fast path."""
    if position != "end" and text.startswith(OPEN):
        close = text.find(CLOSE)
        if close < 0:
            return Refusal(SIGNATURE_MALFORMED, f"{OPEN} at the front is never closed")
        return _misnamed(text[1:close], "front", rule)
    if position != "front" and text.endswith(CLOSE):
        opening = text.rfind(OPEN)
        if opening < 0:
            return Refusal(SIGNATURE_MALFORMED, f"{CLOSE} at the end was never opened")
        return _misnamed(text[opening + 1 : -1], "end", rule)
    return Refusal(SIGNATURE_MISSING, _whereabouts(text, position))


def _misnamed(name: str, place: str, rule: SignatureRule) -> Refusal:
    fault = signature_fault(name, rule)
    reason: Reason = SIGNATURE_UNREGISTERED if fault is None else SIGNATURE_MALFORMED
    quoted = name if len(name) <= _QUOTED_CHARS else name[:_QUOTED_CHARS] + "…"
    return Refusal(reason, f"{OPEN}{quoted}{CLOSE} at the {place} {fault or 'is not registered for this account'}")


def _whereabouts(text: str, position: SignaturePosition) -> str:
    """A hint for the usual mistakes."""
    wanted = "the front or the end" if position == "either" else f"the {position}"
    bare = text.strip()
    if bare != text and (bare.startswith(OPEN) or bare.endswith(CLOSE)):
        return f"a signature must stand at {wanted}, without spaces or line ends outside of it"
    if bare.startswith(OPEN) or bare.endswith(CLOSE):
        return f"the signature stands at the other end; this carrier takes it at {wanted}"
    if bare[:1] in "[［〖「『" and bare:
        return f"a signature is written in {OPEN}{CLOSE}, at {wanted}"
    return f"no {OPEN}…{CLOSE} at {wanted}"
