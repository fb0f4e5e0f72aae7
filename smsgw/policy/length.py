"""Rule 10: how long a text may be, in characters of the whole text, signature included.

A character is what a reader counts as one letter of the text (a code point), whatever it costs in octets: how many
segments it makes is a matter of price, not of this rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smsgw.policy.model import Draft, Outcome, Refusal, Rule
from smsgw.policy.reasons import LENGTH

if TYPE_CHECKING:
    from smsgw.policy.pipeline import Parts


def length_rule(parts: Parts, message_class: int) -> Rule | None:
    """Rule 10 for one class; None where the profile sets no limit."""
    limit = parts.profile.length.max_chars[message_class]
    if limit is None:
        return None
    most: int = limit

    def check(draft: Draft) -> Outcome:
        chars = len(draft.text)
        return None if chars <= most else Refusal(LENGTH, f"{chars} characters; at most {most} are allowed")

    return Rule(10, "length", check, lambda draft: f"{len(draft.text)} characters; at most {most}")
