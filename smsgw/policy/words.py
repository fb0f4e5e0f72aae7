"""Rule 7: words that must not be sent, or only after a person has looked: the national list, then the company's.

Owns: finding the words of both lists in a folded text, and which of several hits decides. Never changes a list.
First pass on the text with its punctuation, for all entries; second pass without punctuation and spaces, only for
entries marked ``evasion``: otherwise the end of one clause and the beginning of the next would make a word.
A word that begins or ends with a Latin letter or a digit is found at such a border only (``sex`` is not in Essex).
What can go wrong: two words that read the same once folded are one; the stronger entry stands for both.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smsgw.policy.entries import WordEntry
from smsgw.policy.model import Draft, Outcome, Refusal, Rule
from smsgw.policy.reasons import WORDS_COMPANY, WORDS_NATIONAL
from smsgw.policy.text import fold_kept

if TYPE_CHECKING:
    from smsgw.policy.pipeline import Parts


@dataclass(frozen=True, slots=True)
class Hit:
    """The entry that decides."""

    entry: WordEntry


class Words:
    """The compiled lists."""

    def __init__(self, entries: Iterable[WordEntry]) -> None:
        self._entries = [(fold_kept(entry.word).strip(), entry) for entry in entries]

    def all(self, plain: str) -> list[WordEntry]:
        """Every entry found, strongest first."""
        return [entry for word, entry in self._entries if word and word in plain]

    def find(self, plain: str) -> Hit | None:
        """The strongest entry that rejects or asks for review."""
        for entry in self.all(plain):
            if entry.action != "count":
                return Hit(entry)
        return None


def words_rule(parts: Parts, message_class: int) -> Rule | None:
    """Compiles the rule for one class."""
    if message_class not in parts.profile.words.checked_for:
        return None
    registers = parts.registers

    def check(draft: Draft) -> Outcome:
        draft.review = ""
        hit = registers.words.find(draft.plain)
        if hit is None:
            return None
        entry = hit.entry
        if entry.action == "review":
            draft.review = f"{entry.list}:{entry.word}"
            return None
        reason = WORDS_NATIONAL if entry.list == "national" else WORDS_COMPANY
        return Refusal(reason, f"{entry.word} ({entry.category or entry.list})")

    return Rule(7, "words", check, lambda draft: draft.plain)
