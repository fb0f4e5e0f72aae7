"""Rule 7: words that must not be sent, or only after a person has looked: the national list, then the company's.

Owns: finding the words of both lists in a folded text, and which of several hits decides. Never changes a list.
Entries are looked for in the text with its punctuation; those marked ``evasion`` in the text without punctuation and
spaces, for others the end of one clause and the beginning of the next would make a word.
A word that begins or ends with a Latin letter or a digit is found at such a border only (``sex`` is not in Essex).
What can go wrong: words that read the same once folded are one, of which the strongest entry decides. An automaton is
built in one piece while no other thread runs, so a long list is split; each piece costs time for every message.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self, TypeAlias

from ahocorasick_rs import BytesAhoCorasick, Implementation

from smsgw.policy.entries import WordEntry
from smsgw.policy.model import Draft, Outcome, Refusal, Rule
from smsgw.policy.reasons import WORDS_COMPANY, WORDS_NATIONAL
from smsgw.policy.text import fold_kept, normalise, squeezed

if TYPE_CHECKING:
    from smsgw.policy.pipeline import Parts

PIECE_WORDS: Final = 16_000
"""Words in one automaton: some 15 ms to build, and well under a microsecond for each message to run through."""
STEP_WORDS: Final = 500

_NATIONAL: Final = "national"
_ALNUM: Final = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789")
_NOTHING: Final[tuple[WordEntry, ...]] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """What was found: ``entry`` decides, ``others`` were found too, strongest first."""

    entry: WordEntry
    others: tuple[WordEntry, ...] = ()


def _strength(entry: WordEntry) -> int:
    """The smaller, the stronger."""
    return {"reject": 0, "review": 2, "count": 4}[entry.action] + (entry.list != _NATIONAL)


_Found: TypeAlias = list[tuple[int, int, int]]


class _Piece:
    """Some words, each with one of its entries, in one automaton."""

    __slots__ = ("_entries", "_words", "find")

    def __init__(self, words: list[bytes], entries: list[WordEntry]) -> None:
        self._words = words
        self._entries = entries
        self.find = BytesAhoCorasick(words, implementation=Implementation.ContiguousNFA).find_matches_as_indexes

    def within(self, octets: bytes, found: _Found) -> Iterator[WordEntry]:
        """Of what ``find`` gave for ``octets``, the words that stand at the borders they must stand at."""
        for number, start, end in found:
            word = self._words[number]
            if word[0] in _ALNUM and start and octets[start - 1] in _ALNUM:
                continue
            if word[-1] in _ALNUM and end < len(octets) and octets[end] in _ALNUM:
                continue
            yield self._entries[number]

    def scattered(self, plain: str, found: _Found) -> Iterator[WordEntry]:
        """Of what ``find`` gave for the squeezed ``plain``, the same; borders are those that ``plain`` has."""
        for number in dict.fromkeys(number for number, _, _ in found):
            word = self._words[number]
            if (word[0] in _ALNUM or word[-1] in _ALNUM) and _scattered(word.decode()).search(plain) is None:
                continue
            yield self._entries[number]


def _scattered(word: str) -> re.Pattern[str]:
    """The word with anything between its letters that is neither letter nor digit; the borders must be real ones."""
    before = "(?<![a-z0-9])" if word[0].isascii() else ""
    after = "(?![a-z0-9])" if word[-1].isascii() else ""
    return re.compile(before + r"[\W_]*".join(map(re.escape, word)) + after)


class _Shelf:
    """Words by their first character: an automaton of neighbours is built faster than one of strangers."""

    __slots__ = ("_words", "same")

    def __init__(self) -> None:
        self._words: dict[str, dict[str, WordEntry]] = {}
        self.same: dict[WordEntry, list[WordEntry]] = {}
        """Other entries of a word, by its first one; few, while a list for each word would be many."""

    def put(self, word: str, entry: WordEntry) -> None:
        """Words that are equal share a place."""
        first = self._words.setdefault(word[0], {}).setdefault(word, entry)
        if first is not entry:
            self.same.setdefault(first, []).append(entry)

    def pieces(self) -> Iterator[_Piece | None]:
        """One automaton after another, built as it is asked for; None where nothing is built yet."""
        words: list[bytes] = []
        entries: list[WordEntry] = []
        for first in sorted(self._words):
            for word, entry in self._words[first].items():
                words.append(word.encode())
                entries.append(entry)
                if len(words) == PIECE_WORDS:
                    yield None
                    yield _Piece(words, entries)
                    words, entries = [], []
                elif len(words) % STEP_WORDS == 0:
                    yield None
        if words:
            yield _Piece(words, entries)


class Words:
    """Both lists, compiled. Immutable but for the memory of the last text."""

    __slots__ = ("_count", "_kept", "_last", "_same", "_squeezed")

    def __init__(self, entries: Iterable[WordEntry] = ()) -> None:
        self._count = 0
        self._kept: list[_Piece] = []
        self._squeezed: list[_Piece] = []
        self._same: dict[WordEntry, list[WordEntry]] = {}
        self._last: tuple[str, tuple[WordEntry, ...]] = ("", _NOTHING)
        for _ in self._filled(entries):
            pass

    @classmethod
    def in_steps(cls, entries: Iterable[WordEntry]) -> Generator[None, None, Self]:
        """The same as ``Words(entries)``, returned after many steps of a millisecond and a few that are longer.

        For a process that goes on with its messages: it takes a step, does its work, takes the next. Not for a thread
        that runs free: every search lets other threads run, and would wait for this one each time.
        """
        words = cls()
        yield from words._filled(entries)
        return words

    def _filled(self, entries: Iterable[WordEntry]) -> Iterator[None]:
        kept, loose = _Shelf(), _Shelf()
        for entry in entries:
            word = normalise(entry.word) if entry.evasion else ""
            if word:
                loose.put(word, entry)
            elif word := fold_kept(entry.word).strip():  # else it is invisible, and would be in every text
                kept.put(word, entry)
            self._count += 1
            if self._count % STEP_WORDS == 0:
                yield
        for shelf, pieces in ((kept, self._kept), (loose, self._squeezed)):
            for piece in shelf.pieces():
                if piece is not None:
                    pieces.append(piece)
                yield
            self._same.update(shelf.same)

    def __len__(self) -> int:
        return self._count

    def find(self, plain: str) -> Hit | None:
        """The strongest hit in a text that ``fold_kept`` gave, or None when it has nothing but words to be counted.

        National words to be rejected come first, then the company's, then words to be reviewed.
        """
        found = self.all(plain)
        if not found or found[0].action == "count":
            return None
        return Hit(found[0], found[1:])

    def all(self, plain: str) -> tuple[WordEntry, ...]:
        """Every entry that is in the text, strongest first. Asking again about the last text costs nothing."""
        last, known = self._last
        if last is plain:
            return known
        found: list[WordEntry] = []
        if self._kept:
            octets = plain.encode()
            for piece in self._kept:
                hits = piece.find(octets, True)
                if hits:
                    found += piece.within(octets, hits)
        if self._squeezed:
            octets = squeezed(plain)
            for piece in self._squeezed:
                hits = piece.find(octets, True)
                if hits:
                    found += piece.scattered(plain, hits)
        every = self._ranked(found) if found else _NOTHING
        self._last = (plain, every)
        return every

    def _ranked(self, found: list[WordEntry]) -> tuple[WordEntry, ...]:
        """With those that are written otherwise and read the same; each once, strongest first."""
        if len(found) == 1 and not self._same:
            return (found[0],)
        for entry in tuple(found):
            found += self._same.get(entry, _NOTHING)
        return tuple(sorted(dict.fromkeys(found), key=_strength))


def words_rule(parts: Parts, message_class: int) -> Rule | None:
    """Compiles the rule for one class: refuses, or sets ``draft.review`` to the word that asks for a person."""
    if message_class not in parts.profile.words.checked_for:
        return None
    registers = parts.registers

    def check(draft: Draft) -> Outcome:
        hit = registers.words.find(draft.plain)
        if hit is None:
            draft.review = ""
            return None
        entry = hit.entry
        if entry.action == "review":
            draft.review = f"{entry.list}:{entry.word}"
            return None
        draft.review = ""
        return Refusal(WORDS_NATIONAL if entry.list == _NATIONAL else WORDS_COMPANY, _described(entry))

    def looked_at(draft: Draft) -> str:
        words = registers.words
        found = words.all(draft.plain)
        return "; ".join(map(_described, found)) or f"none of {len(words)} words"

    return Rule(7, "words", check, looked_at)


def _described(entry: WordEntry) -> str:
    category = f", {entry.category}" if entry.category else ""
    return f"{entry.word} ({entry.list} list{category}: {entry.action})"
