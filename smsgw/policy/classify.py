"""The class that really holds, and rule 3's part about content: a verification code looks like one.

Owns: comparing a text with the class that its account or template declares. Promotional text is marketing whatever was
declared, so that windows and caps can't be passed by; a declared code without a code word, or with a link, is refused.
Words are compared without spaces and signs. Which source numbers a class may use is ``source``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from ahocorasick_rs import BytesAhoCorasick, Implementation, MatchKind

from smsgw.policy.links import find_links
from smsgw.policy.model import CLASS_LABELS, Draft, MessageClass, Refusal, Rule
from smsgw.policy.profile import ClassRule
from smsgw.policy.reasons import CLASS_CONTENT
from smsgw.policy.text import normalise, squeezed

if TYPE_CHECKING:
    from smsgw.policy.pipeline import Parts

_MARKETING: Final = MessageClass.MARKETING
_CLASSES: Final = {label: MessageClass(number) for number, label in enumerate(CLASS_LABELS)}


class _WordSet:
    """A few words in one automaton; where one is part of another, the longer one counts."""

    __slots__ = ("_find", "_written")

    def __init__(self, words: Iterable[str]) -> None:
        folded = {normalise(word).encode(): word for word in words}
        folded.pop(b"", None)
        self._written = tuple(folded.values())
        self._find = BytesAhoCorasick(
            list(folded), matchkind=MatchKind.LeftmostLongest, implementation=Implementation.ContiguousNFA
        ).find_matches_as_indexes

    def find(self, octets: bytes) -> list[str]:
        """The different words in what ``squeezed`` gave."""
        found = self._find(octets)
        return list(dict.fromkeys(self._written[number] for number, _, _ in found)) if found else []


def _declared(draft: Draft) -> int:
    """A template knows better than the account what it is for."""
    template = draft.template
    return draft.declared_class if template is None else _CLASSES[template.message_class]


def classifier(parts: Parts) -> Callable[[Draft], int]:
    """The class that holds for a draft, whose template and plain text have been found."""
    rule = parts.profile.message_class
    if rule is None or not rule.promotional_words:
        return _declared
    words, enough = _WordSet(rule.promotional_words), rule.promotional_hits

    def classify(draft: Draft) -> int:
        declared = _declared(draft)
        if declared != _MARKETING and len(words.find(squeezed(draft.plain))) >= enough:
            return _MARKETING
        return declared

    return classify


def class_rule(parts: Parts, message_class: int) -> Rule | None:
    """Compiles the rule for one class. It objects to codes only; for others it tells how the class was found."""
    rule = parts.profile.message_class
    if rule is None:
        return None
    if message_class == MessageClass.OTP:
        return _code_rule(rule)
    promotional = _WordSet(rule.promotional_words)

    def looked_at(draft: Draft) -> str:
        found = ", ".join(promotional.find(squeezed(draft.plain))) or "none"
        return (
            f"declared {CLASS_LABELS[_declared(draft)]}, is {CLASS_LABELS[draft.message_class]}; promotional words: "
            f"{found} ({rule.promotional_hits} different ones make it marketing)"
        )

    return Rule(3, "class", lambda draft: None, looked_at)


def _code_rule(rule: ClassRule) -> Rule:
    words = tuple(dict.fromkeys(word for word in map(normalise, rule.code_words) if word))
    octets = tuple(word.encode() for word in words)
    wordless = Refusal(CLASS_CONTENT, f"declared otp, but the text has none of: {', '.join(rule.code_words)}")

    def has_code_word(plain: str) -> bool:
        for word in words:
            if word in plain:
                return True
        text = squeezed(plain)
        return any(word in text for word in octets)

    def check(draft: Draft) -> Refusal | None:
        plain = draft.plain
        if words and not has_code_word(plain):
            return wordless
        links = find_links(plain)
        if links:
            return Refusal(CLASS_CONTENT, f"declared otp, but the text has a link to {links[0].host}")
        return None

    def looked_at(draft: Draft) -> str:
        text = squeezed(draft.plain)
        found = [word for word, folded in zip(words, octets, strict=True) if folded in text]
        links = map(str, find_links(draft.plain))
        return f"declared otp; code words: {', '.join(found) or 'none'}; links: {', '.join(links) or 'none'}"

    return Rule(3, "class", check, looked_at)
