"""Rule 10: how long a text may be, in characters of the whole text, signature included.

A character is what a reader counts as one letter of the text (a code point), whatever it costs in octets: how many
segments it makes is a matter of price, not of this rule. A short link counts with its own length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smsgw.policy.model import Draft, Outcome, Refusal, Rule
from smsgw.policy.reasons import LENGTH
from smsgw.policy.short_links import chars_of, short_links_of

if TYPE_CHECKING:
    from smsgw.policy.pipeline import Parts


def length_rule(parts: Parts, message_class: int) -> Rule | None:
    """Rule 10 for one class; None where the profile sets no limit."""
    limit = parts.profile.length.max_chars[message_class]
    if limit is None:
        return None
    most: int = limit

    def refusal(chars: int) -> Outcome:
        return None if chars <= most else Refusal(LENGTH, f"{chars} characters; at most {most} are allowed")

    short_links = short_links_of(parts, message_class)
    if short_links is not None:
        shape = short_links

        def check_short(draft: Draft) -> Outcome:
            chars = chars_of(draft, shape) if draft.links else len(draft.text)
            return None if chars <= most else refusal(chars)

        return Rule(
            10, "length", check_short, lambda draft: f"{chars_of(draft, shape)} characters; at most {most}"
        )  # fmt: skip

    def check(draft: Draft) -> Outcome:
        chars = len(draft.text)
        return None if chars <= most else refusal(chars)

    return Rule(10, "length", check, lambda draft: f"{len(draft.text)} characters; at most {most}")
