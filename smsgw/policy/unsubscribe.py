"""Rule 5: marketing ends by saying how to unsubscribe; other classes don't say it at all.

Owns: finding a carrier's phrases (else the profile's). At the end means the end of the text, or right before a
signature that stands there: the signature rule comes first and has set ``body_end``.
A phrase is compared as written first, then normalised, so 回Ｔ退訂。 passes for 回T退订; a required phrase must
be one that the route's first open carrier knows, a forbidden one may be anybody's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import TYPE_CHECKING

from smsgw.policy.model import Draft, Refusal, Rule
from smsgw.policy.profile import CarrierPolicy, UnsubscribeRule
from smsgw.policy.reasons import UNSUBSCRIBE_FORBIDDEN, UNSUBSCRIBE_MISSING
from smsgw.policy.text import last_folded, normalise

if TYPE_CHECKING:
    from smsgw.policy.pipeline import Parts

_SHOWN_CHARS = 16


class _Phrases:
    """Phrases as written and normalised, and how much of a text's tail may hold one."""

    __slots__ = ("_tail_chars", "folded", "last_chars", "written")

    def __init__(self, phrases: Iterable[str]) -> None:
        self.written = tuple(dict.fromkeys(phrase for phrase in phrases if normalise(phrase)))
        self.folded = tuple(map(normalise, self.written))
        self.last_chars = frozenset(phrase[-1] for phrase in self.folded)
        # Room for a space or a zero-width character between any two, and for a few full stops.
        self._tail_chars = 2 * max(map(len, self.written), default=0) + 8

    def end_text(self, text: str, start: int, end: int) -> bool:
        """Whether ``text[start:end]`` ends with a phrase, however it is spelt."""
        if text.endswith(self.written, start, end):
            return True
        return last_folded(text, end) in self.last_chars and self.end_folded(text, start, end)

    def end_folded(self, text: str, start: int, end: int) -> bool:
        """Whether it ends with a phrase once it is folded; ask only where ``last_folded`` is one of ``last_chars``."""
        return normalise(text[max(start, end - self._tail_chars) : end]).endswith(self.folded)


def unsubscribe_rule(parts: Parts, message_class: int) -> Rule:
    """Rule 5 for one class; the signature must have been found before."""
    rule, carriers = parts.profile.unsubscribe, parts.carriers
    is_required = message_class in rule.required_for
    check = _required(rule, carriers) if is_required else _forbidden(rule, carriers)

    def looked_at(draft: Draft) -> str:
        end = draft.text[draft.body_start : draft.body_end][-_SHOWN_CHARS:]
        return f"the end …{end}; a phrase must {'stand there' if is_required else 'not be in the text'}"

    return Rule(5, "unsubscribe", check, looked_at)


def _required(rule: UnsubscribeRule, carriers: Mapping[str, CarrierPolicy]) -> Callable[[Draft], Refusal | None]:
    default = _Phrases(rule.phrases)
    own = {
        name: _Phrases(policy.unsubscribe_phrases) for name, policy in carriers.items() if policy.unsubscribe_phrases
    }

    def check(draft: Draft) -> Refusal | None:
        phrases = own.get(draft.carrier, default)
        if phrases.end_text(draft.text, draft.body_start, draft.body_end):
            return None
        wanted = ", ".join(phrases.written) or "(none is configured)"
        return Refusal(UNSUBSCRIBE_MISSING, f"the text must end with one of: {wanted}")

    return check


def _forbidden(rule: UnsubscribeRule, carriers: Mapping[str, CarrierPolicy]) -> Callable[[Draft], Refusal | None]:
    phrases = _Phrases(chain(rule.phrases, *(policy.unsubscribe_phrases for policy in carriers.values())))
    written, last_chars = phrases.written, phrases.last_chars

    def check(draft: Draft) -> Refusal | None:
        text = draft.text
        for phrase in written:
            if phrase in text:
                return Refusal(UNSUBSCRIBE_FORBIDDEN, f"{phrase} is for marketing only")
        end = draft.body_end
        if last_folded(text, end) in last_chars and phrases.end_folded(text, draft.body_start, end):
            return Refusal(UNSUBSCRIBE_FORBIDDEN, "the end says how to unsubscribe, which is for marketing only")
        return None

    return check
