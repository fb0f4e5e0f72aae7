"""The class that really holds, and rule 3's part about content: a verification code looks like one.

Owns: comparing a text with the class that its account or template declares. Promotional text is marketing whatever was
declared, so that windows and caps can't be passed by; a declared code without a code word, or with a link, is refused.
Words are compared without spaces and signs. Which source numbers a class may use is ``source``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from smsgw.policy.entries import WordEntry
from smsgw.policy.links import find_links
from smsgw.policy.model import CLASS_LABELS, Draft, MessageClass, Refusal, Rule, passes
from smsgw.policy.profile import ClassRule
from smsgw.policy.reasons import CLASS_CONTENT
from smsgw.policy.text import normalise
from smsgw.policy.words import Words

if TYPE_CHECKING:
    from smsgw.policy.pipeline import Parts

_MARKETING: Final = MessageClass.MARKETING
_LATIN = re.compile("[a-z0-9]")
_CLASSES: Final = {label: MessageClass(number) for number, label in enumerate(CLASS_LABELS)}


def _compiled(words: Iterable[str]) -> Words:
    """Han is found with spaces and signs between; of other words those may be a part (``% off``), so they are kept."""
    return Words(WordEntry("", word, action="count", evasion=_LATIN.search(normalise(word)) is None) for word in words)


def _found(words: Words, plain: str) -> str:
    return ", ".join(entry.word for entry in words.all(plain)) or "none"


def _declared(draft: Draft) -> int:
    """A template knows better than the account what it is for."""
    template = draft.template
    return draft.declared_class if template is None else _CLASSES[template.message_class]


def classifier(parts: Parts) -> Callable[[Draft], int]:
    """The class that holds for a draft, whose template and plain text have been found."""
    rule = parts.profile.message_class
    if rule is None or not rule.promotional_words:
        return _declared
    words, enough = _compiled(rule.promotional_words), rule.promotional_hits

    def classify(draft: Draft) -> int:
        template = draft.template
        declared = draft.declared_class if template is None else _CLASSES[template.message_class]
        if declared != _MARKETING and len(words.all(draft.plain)) >= enough:
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
    promotional = _compiled(rule.promotional_words)

    def looked_at(draft: Draft) -> str:
        return (
            f"declared {CLASS_LABELS[_declared(draft)]}, is {CLASS_LABELS[draft.message_class]}; promotional words: "
            f"{_found(promotional, draft.plain)} ({rule.promotional_hits} different ones make it marketing)"
        )

    return Rule(3, "class", passes, looked_at)


def _code_rule(rule: ClassRule) -> Rule:
    words = _compiled(rule.code_words)
    usual = tuple(word for word in map(normalise, rule.code_words) if word and _LATIN.search(word) is None)
    wordless = Refusal(CLASS_CONTENT, f"declared otp, but the text has none of: {', '.join(rule.code_words)}")

    def check(draft: Draft) -> Refusal | None:
        plain = draft.plain
        for word in usual:
            if word in plain:
                break
        else:
            if rule.code_words and not any(word in plain for word in usual) and not words.all(plain):
                return wordless
        links = find_links(plain)
        if links:
            return Refusal(CLASS_CONTENT, f"declared otp, but the text has a link to {links[0].host}")
        return None

    def looked_at(draft: Draft) -> str:
        links = ", ".join(map(str, find_links(draft.plain))) or "none"
        return f"declared otp; code words: {_found(words, draft.plain)}; links: {links}"

    return Rule(3, "class", check, looked_at)
