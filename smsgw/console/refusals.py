"""Chinese sentences for what the console refuses, found by the English ones.

Services say what is wrong in one language and know of no other; what they fill in is cut out of the sentence again and
put into the Chinese one. ``refusals.json`` has them all: a test holds it against the source. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

_HERE: Final = Path(__file__).parent
_WORDS: Final = ("state", "step", "role", "class")
"""Words of the pages that sentences have, too."""
_HINT: Final = re.compile(r"; (?:did you mean '(?P<nearest>[^;]*)'\?)? ?(?:valid: (?P<valid>[^;]*))?$")
_OF: Final = re.compile(r"(?P<what>[a-z]+ )?(?P<name>\S+): (?P<why>.+)", re.DOTALL)
"""What a sentence is about: a field, or a document of a kind."""
_FILLED: Final = re.compile(r"\{\}")
_QUOTED: Final = re.compile(r"'([^']*)'|\"([^\"]*)\"")
_DEPTH: Final = 4
_MOST_CHARS: Final = 400
"""Looking a sentence up takes time that grows faster than its length, and what was sent may stand in it."""


class _Sentence(NamedTuple):
    pattern: re.Pattern[str]
    chinese: str


class Refusals:
    """``sentences``: English → Chinese, with ``{}`` where something is filled in and ``{0}``, ``{1}`` … where it goes.
    ``terms``: words that may be filled in."""

    def __init__(self, sentences: Mapping[str, str], terms: Mapping[str, str]) -> None:
        self._terms = dict(terms)
        whole = {english: chinese for english, chinese in sentences.items() if not _FILLED.search(english)}
        self._whole = whole
        # What is said more exactly is tried first.
        filled = sorted((each for each in sentences if each not in whole), key=lambda each: (-len(each), each))
        self._filled = [_Sentence(_pattern(each), sentences[each]) for each in filled]

    def chinese(self, sentence: str) -> str:
        """The sentence in Chinese; empty where it is not known, or too long to be looked up."""
        return self._found(sentence, _DEPTH) if len(sentence) <= _MOST_CHARS else ""

    def _found(self, sentence: str, depth: int) -> str:
        hint = _HINT.search(sentence)
        if hint is None or not hint.group():
            return self._said(sentence, depth)
        said = self._said(sentence[: hint.start()], depth)
        return f"{said}；{_hinted(hint)}" if said else ""

    def _said(self, sentence: str, depth: int) -> str:
        if sentence in self._whole:
            return self._whole[sentence]
        if not depth:
            return ""
        of = _OF.fullmatch(sentence)
        why = self._found(of["why"], depth - 1) if of is not None else ""
        if of is not None and why:
            what = f"{self._part(of['what'].rstrip(), 0)} {of['name']}" if of["what"] else self._part(of["name"], 0)
            return f"{what}：{why}"
        for pattern, chinese in self._filled:
            found = pattern.fullmatch(sentence)
            if found is not None:
                return _put(chinese, found.groups(), [self._part(each, depth - 1) for each in found.groups()])
        return ""

    def _part(self, text: str, depth: int) -> str:
        """What is filled in: a word, several of them, a sentence again, or anything, which stays as it is."""
        quoted = _QUOTED.fullmatch(text)
        if quoted is not None:
            return f"“{quoted[1] if quoted[1] is not None else quoted[2]}”"
        parts = re.split(r", | or ", text)
        if all(each in self._terms for each in parts):
            return "、".join(self._terms[each] for each in parts)
        return (self._found(text, depth) if depth else "") or text


@cache
def refusals() -> Refusals:
    """The console's."""
    kept = _read(_HERE / "refusals.json")
    return Refusals(kept["sentences"], {**_terms(sorted((_HERE / "words").glob("*.json"))), **kept["terms"]})


def _terms(files: Iterable[Path]) -> dict[str, str]:
    words = {key: both[0] for file in files for key, both in _read(file).items()}
    return {key.partition(".")[2]: chinese for key, chinese in words.items() if key.partition(".")[0] in _WORDS}


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def _pattern(english: str) -> re.Pattern[str]:
    return re.compile("(.+?)".join(re.escape(each) for each in _FILLED.split(english)), re.DOTALL)


def _put(chinese: str, raw: Sequence[str], parts: Sequence[str]) -> str:
    """Not ``str.format``: sentences speak of braces. In ``{{0}}`` stands the name of a variable, which is no word."""
    chinese = re.sub(r"\{\{(\d)\}\}", lambda found: f"{{{raw[int(found[1])]}}}", chinese)
    said = re.sub(r"\{(\d)\}", lambda found: parts[int(found[1])], chinese)
    return re.sub(r" (?=“)|(?<=”) ", "", said)  # quotation marks of Chinese are wide already


def _hinted(hint: re.Match[str]) -> str:
    nearest, valid = hint["nearest"], hint["valid"]
    return (f"是否要找“{nearest}”？" if nearest else "") + (f"可用：{valid}" if valid else "")
