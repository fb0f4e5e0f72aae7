"""What a recipient wants who writes back: stop, start, complain, get help, or something for the application.

Owns: the comparison of an MO with a profile's words, whole and normalised, so that 我不想退订 is no
opt-out and ｔ ｄ。 is one. Never decides whose messages stop: scope comes from the dialled number.
A word in several lists means the first of stop, complaint, start, help: doubt is decided for the recipient.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

from smsgw.policy.profile import MoRule
from smsgw.policy.text import normalise

MoKind: TypeAlias = Literal["stop", "complaint", "start", "help"]
_NO_WORDS: Final = MoRule()


class MoWords:
    """A profile's words for one account. ``taken`` are words that mean something else to it, such as N in a dialogue.

    ``rule`` is kept for the texts that answer.
    """

    __slots__ = ("_kinds", "rule")

    def __init__(self, rule: MoRule = _NO_WORDS, taken: Iterable[str] = ()) -> None:
        self.rule = rule
        # What comes later wins, so the strongest is last.
        lists: tuple[tuple[MoKind, tuple[str, ...]], ...] = (
            ("help", rule.help_words),
            ("start", rule.start_words),
            ("complaint", rule.complaint_words),
            ("stop", rule.stop_words),
        )
        self._kinds: dict[str, MoKind] = {normalise(word): kind for kind, words in lists for word in words}
        for word in ("", *map(normalise, taken)):  # a word of nothing but punctuation would match every "?"
            self._kinds.pop(word, None)

    def classify(self, text: str) -> MoKind | None:
        """What the whole text says, or None when it is not one of the words."""
        return self._kinds.get(normalise(text))

    def answer(self, kind: MoKind) -> str:
        """The text that is sent back once; empty for none."""
        rule = self.rule
        return {
            "stop": rule.stop_text,
            "complaint": rule.complaint_text,
            "start": rule.start_text,
            "help": rule.help_text,
        }[kind]


def all_words(rules: Iterable[MoRule]) -> MoRule:
    """The words of several profiles together, for a number that is nobody's; no texts."""
    known = tuple(rules)
    return MoRule(
        stop_words=tuple(dict.fromkeys(word for rule in known for word in rule.stop_words)),
        start_words=tuple(dict.fromkeys(word for rule in known for word in rule.start_words)),
        complaint_words=tuple(dict.fromkeys(word for rule in known for word in rule.complaint_words)),
        help_words=tuple(dict.fromkeys(word for rule in known for word in rule.help_words)),
    )
