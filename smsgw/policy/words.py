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
from itertools import islice
from typing import TYPE_CHECKING, Final, Self, TypeAlias

from ahocorasick_rs import BytesAhoCorasick, Implementation

from smsgw.policy.entries import WordEntry
from smsgw.policy.model import Draft, Outcome, Refusal, Rule
from smsgw.policy.reasons import WORDS_COMPANY, WORDS_NATIONAL
from smsgw.policy.text import LATELY, fold_kept, squeezed_ways

if TYPE_CHECKING:
    from smsgw.policy.pipeline import Parts

PIECE_WORDS: Final = 16_000
"""Words in one automaton: some 15 ms to build, and well under a microsecond for each message to run through."""
STEP_WORDS: Final = 500
#: Of private use, so in no word; folding leaves it where it is.
_BETWEEN: Final = "\uf8ff"
_FEW_WORDS: Final = 200

_NATIONAL: Final = "national"
_ALNUM: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
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
    """Some words, as they are without signs and spaces, in one automaton."""

    __slots__ = ("_shelf", "_words", "find")

    def __init__(self, words: list[str], shelf: _Shelf) -> None:
        self._words = words
        self._shelf = shelf
        # The quicker kind of automaton is large, so it is for a few words only.
        kind = Implementation.DFA if len(words) <= _FEW_WORDS else Implementation.ContiguousNFA
        encoded = [word.encode() for word in words]
        self.find = BytesAhoCorasick(encoded, implementation=kind).find_matches_as_indexes

    def scattered(self, plain: str, found: _Found) -> Iterator[WordEntry]:
        """Of what ``find`` gave for the squeezed ``plain``, those against evasion; borders are those of ``plain``."""
        for number in dict.fromkeys(number for number, _, _ in found):
            word = self._words[number]
            entry = self._shelf.loose.get(word)
            if entry is None:
                continue
            if (word[0] in _ALNUM or word[-1] in _ALNUM) and _scattered(word).search(plain) is None:
                continue
            yield entry

    def within(self, plain: str, found: _Found) -> Iterator[tuple[int, int, WordEntry]]:
        """Of the same the others, which must stand in ``plain`` as they are: the end, the length negated, the entry."""
        kept, spelt = self._shelf.kept, self._shelf.spelt
        for number in dict.fromkeys(number for number, _, _ in found):
            word = self._words[number]
            for form in (word, *spelt.get(word, ())):
                entry = kept.get(form)
                end = _end_of(form, plain) if entry is not None else 0
                if end and entry is not None:
                    yield end, -len(form), entry


def _end_of(word: str, plain: str) -> int:
    """Where the first place ends at which ``plain`` has the word between the borders that it needs; 0 if none does."""
    start = plain.find(word)
    while start >= 0:
        end = start + len(word)
        is_torn = (word[0] in _ALNUM and start > 0 and plain[start - 1] in _ALNUM) or (
            word[-1] in _ALNUM and plain[end : end + 1] in _ALNUM
        )
        if not is_torn:
            return end
        start = plain.find(word, start + 1)
    return 0


def _scattered(word: str) -> re.Pattern[str]:
    """The word with anything between its letters that is neither letter nor digit; the borders must be real ones."""
    before = "(?<![a-z0-9])" if word[0].isascii() else ""
    after = "(?![a-z0-9])" if word[-1].isascii() else ""
    return re.compile(before + r"[\W_]*".join(map(re.escape, word)) + after)


def _folded(words: list[str]) -> list[str]:
    """Each word as ``fold_kept`` reads it, without spaces around: together, for a call costs more than a word."""
    forms = fold_kept(_BETWEEN.join(words)).split(_BETWEEN)
    if len(forms) != len(words):  # somebody has put that sign into a word
        forms = [fold_kept(word) for word in words]
    return [form.strip() for form in forms]


class _Shelf:
    """All words. By their first character: an automaton of neighbours is built faster than one of strangers."""

    __slots__ = ("_words", "kept", "loose", "same", "signs", "spelt")

    def __init__(self) -> None:
        self._words: dict[str, dict[str, None]] = {}
        self.loose: dict[str, WordEntry] = {}
        """Those against evasion, by the word without signs."""
        self.kept: dict[str, WordEntry] = {}
        """The others, by the word with its signs."""
        self.spelt: dict[str, list[str]] = {}
        """The spellings that have signs, by the word without them."""
        self.signs: list[str] = []
        """Those of the others that are nothing but signs."""
        self.same: dict[WordEntry, list[WordEntry]] = {}
        """Other entries of a word, by its first one; few, while a list for each word would be many."""

    def put(self, entry: WordEntry, form: str) -> None:
        """``form`` is the folded word. Words that are equal share a place."""
        # Most words have no signs in them: those are themselves without signs.
        word = form if form.isalnum() else squeezed_ways(form)[1].decode()
        if entry.evasion and word:
            self._put(self.loose, word, entry)
            self._words.setdefault(word[0], {})[word] = None
            return
        if not form:
            return  # invisible, and would be in every text
        if not self._put(self.kept, form, entry):
            return
        if not word:
            self.signs.append(form)
            return
        self._words.setdefault(word[0], {})[word] = None
        if word != form:
            self.spelt.setdefault(word, []).append(form)

    def _put(self, place: dict[str, WordEntry], word: str, entry: WordEntry) -> bool:
        first = place.setdefault(word, entry)
        if first is not entry:
            self.same.setdefault(first, []).append(entry)
        return first is entry

    def pieces(self) -> Iterator[_Piece | None]:
        """One automaton after another, built as it is asked for; None where nothing is built yet."""
        words: list[str] = []
        for first in sorted(self._words):
            for word in self._words.pop(first):
                words.append(word)
                if len(words) == PIECE_WORDS:
                    yield None
                    yield _Piece(words, self)
                    words = []
                elif len(words) % STEP_WORDS == 0:
                    yield None
        if words:
            yield _Piece(words, self)


class Words:
    """Both lists, compiled. Immutable but for the memory of the latest texts."""

    __slots__ = ("_count", "_lately", "_pieces", "_shelf")

    def __init__(self, entries: Iterable[WordEntry] = ()) -> None:
        self._count = 0
        self._shelf = _Shelf()
        self._pieces: list[_Piece] = []
        self._lately: list[tuple[str, tuple[WordEntry, ...]]] = [("", _NOTHING)] * (LATELY + 1)
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
        shelf = self._shelf
        rest = iter(entries)
        while some := list(islice(rest, STEP_WORDS)):
            for entry, form in zip(some, _folded([entry.word for entry in some]), strict=True):
                shelf.put(entry, form)
            self._count += len(some)
            yield
        for piece in shelf.pieces():
            if piece is not None:
                self._pieces.append(piece)
            yield

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
        """Every entry that is in the text, strongest first. Asking again about one of the latest costs nothing."""
        place = hash(plain) & LATELY
        known, every = self._lately[place]
        if known != plain:
            every = self._search(plain)
            self._lately[place] = (plain, every)
        return every

    def _search(self, plain: str) -> tuple[WordEntry, ...]:
        octets, apart = squeezed_ways(plain)
        kept: list[tuple[int, int, WordEntry]] = []
        loose: list[WordEntry] = []
        for piece in self._pieces:
            hits = piece.find(octets, True)
            if hits:
                loose += piece.scattered(plain, hits)
            if apart is not octets:
                hits = piece.find(apart, True)
            if hits:
                kept += piece.within(plain, hits)
        if self._shelf.signs:
            kept += self._signs(plain)
        if kept:
            # Of several that are equally strong the one decides that ends first, the longer before the shorter.
            kept.sort(key=_place)
            loose = [*(entry for _, _, entry in kept), *loose]
        return self._ranked(loose) if loose else _NOTHING

    def _signs(self, plain: str) -> Iterator[tuple[int, int, WordEntry]]:
        for form in self._shelf.signs:
            end = _end_of(form, plain)
            if end:
                yield end, -len(form), self._shelf.kept[form]

    def _ranked(self, found: list[WordEntry]) -> tuple[WordEntry, ...]:
        """With those that are written otherwise and read the same; each once, strongest first."""
        if len(found) == 1 and not self._shelf.same:
            return (found[0],)
        for entry in tuple(found):
            found += self._shelf.same.get(entry, _NOTHING)
        return tuple(sorted(dict.fromkeys(found), key=_strength))


def _place(hit: tuple[int, int, WordEntry]) -> tuple[int, int]:
    return hit[:2]


def words_rule(parts: Parts, message_class: int) -> Rule | None:
    """Compiles the rule for one class: refuses, or sets ``draft.review`` to the word that asks for a person."""
    if message_class not in parts.profile.words.checked_for:
        return None
    registers = parts.registers

    def check(draft: Draft) -> Outcome:
        draft.review = ""
        found = registers.words.all(draft.plain)
        if not found or (entry := found[0]).action == "count":
            return None
        if entry.action == "review":
            draft.review = f"{entry.list}:{entry.word}"
            return None
        return Refusal(WORDS_NATIONAL if entry.list == _NATIONAL else WORDS_COMPANY, _described(entry))

    def looked_at(draft: Draft) -> str:
        words = registers.words
        found = words.all(draft.plain)
        return "; ".join(map(_described, found)) or f"none of {len(words)} words"

    return Rule(7, "words", check, looked_at)


def _described(entry: WordEntry) -> str:
    category = f", {entry.category}" if entry.category else ""
    return f"{entry.word} ({entry.list} list{category}: {entry.action})"
