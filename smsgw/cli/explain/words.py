"""How an explanation's values are put into words; shared by the page and the object for programs."""

from __future__ import annotations

from datetime import tzinfo

from smsgw.cli.explain.findings import Explanation
from smsgw.clock import from_ms
from smsgw.policy.model import Hold, Outcome, Refusal
from smsgw.policy.reasons import QUEUE_FULL, STORE_AWAY

ROK = 0


def outcome_word(outcome: Outcome) -> str:
    """What a rule says, in one word."""
    return "passes" if outcome is None else "holds" if isinstance(outcome, Hold) else "refuses"


def local(at_ms: int, zone: tzinfo, separator: str = " ") -> str:
    """An instant in the profile's zone."""
    return from_ms(at_ms).astimezone(zone).isoformat(separator, "seconds")


def is_told_by_receipt(found: Explanation, refusal: Refusal) -> bool:
    """Whether the account is answered ESME_ROK; never for what passes by itself, nor before there is a recipient."""
    by_receipt = found.question.account.reject_mode == "receipt"
    return by_receipt and bool(found.recipient) and refusal.reason not in (QUEUE_FULL, STORE_AWAY)


def answer_status(found: Explanation) -> int:
    """The command_status that this account would see."""
    verdict = found.verdict
    if not isinstance(verdict, Refusal) or is_told_by_receipt(found, verdict):
        return ROK
    return verdict.reason.command_status(found.question.account.vendor_codes)
