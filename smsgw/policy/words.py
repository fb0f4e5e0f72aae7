"""Rule 7: words that must not be sent, or only after a person has looked: the national list, then the company's.

Owns: finding the words of both lists in a folded text, and which of several hits decides. Never changes a list.
Entries are looked for in the text with its punctuation; those marked ``evasion`` in the text without punctuation and
spaces, for others the end of one clause and the beginning of the next would make a word.
A word that begins or ends with a Latin letter or a digit is found at such a border only (``sex`` is not in Essex).
What can go wrong: words that read the same once folded are one, of which the strongest entry decides. Where this is
not compiled: an automaton is built in one piece while no other thread runs, so a long list is split; each piece costs
time for every message.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final, Self, TypeAlias

from ahocorasick_rs import BytesAhoCorasick, Implementation

from smsgw.policy.entries import WordEntry
from smsgw.policy.model import Draft, Outcome, Refusal, Rule
from smsgw.policy.native import IS_COMPILED, scan
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


class _Automata:
    """All words as they are without signs and spaces, some thousands in each automaton."""

    __slots__ = ("_pieces", "_waiting")

    def __init__(self) -> None:
        #: By their first character: an automaton of neighbours is built faster than one of strangers.
        self._waiting: dict[str, dict[str, None]] = {}
        self._pieces: list[tuple[list[str], BytesAhoCorasick]] = []

    def put(self, words: Iterable[str]) -> None:
        """Words to be found once ``build`` is done."""
        for word in words:
            self._waiting.setdefault(word[0], {})[word] = None

    def build(self) -> Iterator[None]:
        """In steps."""
        words: list[str] = []
        for first in sorted(self._waiting):
            for word in self._waiting.pop(first):
                words.append(word)
                if len(words) == PIECE_WORDS:
                    yield
                    self._pieces.append((words, _automaton(words)))
                    yield
                    words = []
                elif len(words) % STEP_WORDS == 0:
                    yield
        if words:
            self._pieces.append((words, _automaton(words)))

    def find(self, plain: str) -> tuple[_Words, _Words]:
        """The words in a text that ``fold_kept`` gave, by where they end; and those in it character by character."""
        octets, apart = squeezed_ways(plain)
        found = self._within(octets)
        return found, found if apart is octets else self._within(apart)

    def _within(self, octets: bytes) -> _Words:
        found: list[_Found] = []
        for words, automaton in self._pieces:
            hits = automaton.find_matches_as_indexes(octets, True)
            if hits:
                found += [(end, start, words[number]) for number, start, end in hits]
        return _in_order(found) if found else ()


class _Tree:
    """The same, compiled: one tree for all of them, that is there as soon as they are."""

    __slots__ = ("_tree", "_words", "quick_find")

    def __init__(self) -> None:
        self._tree = scan.Trie()
        #: () where no word is in a text, whatever else where some may be.
        self.quick_find = self._tree.find_squeezed
        self._words: list[str] = []

    def put(self, words: list[str]) -> None:
        self._words += words
        self._tree.add(words)

    def build(self) -> Iterator[None]:
        return iter(())

    def find(self, plain: str) -> tuple[_Words, _Words]:
        hits = self.quick_find(plain)
        if hits is not None:
            found = self._found(hits) if hits else ()
            return found, found
        octets, apart = squeezed_ways(plain)
        found = self._found(self._tree.find(octets.decode()))
        return found, found if apart is octets else self._found(self._tree.find(apart.decode()))

    def _found(self, hits: Iterable[tuple[int, int, int]]) -> _Words:
        return _in_order([(end, start, self._words[number]) for number, start, end in hits])


_Words: TypeAlias = Sequence[str]
_Found: TypeAlias = tuple[int, int, str]


def _in_order(found: list[_Found]) -> _Words:
    """Each once, by where they end, the longer before the shorter."""
    found.sort()
    return tuple(dict.fromkeys(word for _, _, word in found))


def _automaton(words: list[str]) -> BytesAhoCorasick:
    # The quicker kind of automaton is large, so it is for a few words only.
    kind = Implementation.DFA if len(words) <= _FEW_WORDS else Implementation.ContiguousNFA
    return BytesAhoCorasick([word.encode() for word in words], implementation=kind)


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
    """All words and what stands for each."""

    __slots__ = ("kept", "loose", "same", "signs", "spelt")

    def __init__(self) -> None:
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

    def put(self, entry: WordEntry, form: str) -> str:
        """``form`` is the folded word; gives what to look for, if anything. Words that are equal share a place."""
        # Most words have no signs in them: those are themselves without signs.
        word = form if form.isalnum() else squeezed_ways(form)[1].decode()
        if entry.evasion and word:
            return word if self._put(self.loose, word, entry) else ""
        if not form:
            return ""  # invisible, and would be in every text
        if not self._put(self.kept, form, entry):
            return ""
        if not word:
            self.signs.append(form)
        elif word != form:
            self.spelt.setdefault(word, []).append(form)
        return word

    def _put(self, place: dict[str, WordEntry], word: str, entry: WordEntry) -> bool:
        first = place.setdefault(word, entry)
        if first is not entry:
            self.same.setdefault(first, []).append(entry)
        return first is entry

    def scattered(self, plain: str, words: _Words) -> Iterator[WordEntry]:
        """Of words in the squeezed ``plain`` those against evasion; borders are those of ``plain``."""
        for word in words:
            entry = self.loose.get(word)
            if entry is None:
                continue
            if (word[0] in _ALNUM or word[-1] in _ALNUM) and _scattered(word).search(plain) is None:
                continue
            yield entry

    def within(self, plain: str, words: _Words) -> Iterator[tuple[int, int, WordEntry]]:
        """Of the same the others, which must stand in ``plain`` as they are: the end, the length negated, the entry."""
        for word in words:
            for form in (word, *self.spelt.get(word, ())):
                entry = self.kept.get(form)
                end = _end_of(form, plain) if entry is not None else 0
                if end and entry is not None:
                    yield end, -len(form), entry


class Words:
    """Both lists, compiled. Immutable but for the memory of the latest texts."""

    __slots__ = ("_count", "_finder", "_last", "_lately", "_quick_find", "_shelf")

    def __init__(self, entries: Iterable[WordEntry] = ()) -> None:
        self._count = 0
        self._shelf = _Shelf()
        self._finder: _Tree | _Automata = _Tree() if IS_COMPILED else _Automata()
        self._quick_find: Callable[[str], object] | None = None
        self._last: tuple[str, tuple[WordEntry, ...]] = ("", _NOTHING)
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
        put = self._shelf.put
        rest = iter(entries)
        while some := list(islice(rest, STEP_WORDS)):
            forms = _folded([entry.word for entry in some])
            self._finder.put(list(filter(None, map(put, some, forms))))
            self._count += len(some)
            yield
        yield from self._finder.build()
        if isinstance(self._finder, _Tree) and not self._shelf.signs:
            self._quick_find = self._finder.quick_find

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
        last, found = self._last
        if last is plain:
            return found
        if self._quick_find is not None and self._quick_find(plain) == ():
            found = _NOTHING
        else:
            found = self._found_lately(plain)
        self._last = (plain, found)
        return found

    def _found_lately(self, plain: str) -> tuple[WordEntry, ...]:
        place = hash(plain) & LATELY
        known, every = self._lately[place]
        if known != plain:
            every = self._search(plain)
            self._lately[place] = (plain, every)
        return every

    def _search(self, plain: str) -> tuple[WordEntry, ...]:
        words, apart = self._finder.find(plain)
        shelf = self._shelf
        if not (words or apart or shelf.signs):
            return _NOTHING
        # Of several that are equally strong the one decides that ends first, the longer before the shorter.
        kept = sorted((*shelf.within(plain, apart), *self._signs(plain)), key=_place)
        found = [*(entry for _, _, entry in kept), *shelf.scattered(plain, words)]
        return self._ranked(found) if found else _NOTHING

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
