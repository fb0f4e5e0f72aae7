"""The words of reports in both languages: ``words.json``, key → [中文, English].

A key that is missing is a mistake of ours and raises KeyError; ``named`` is for words that may be anybody's.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Final

LANGUAGES: Final = ("zh", "en")


class Words:
    """The words of one language, of ``LANGUAGES``."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._index = LANGUAGES.index(language)

    def __call__(self, key: str, /, **values: object) -> str:
        """A word, or a sentence with these values in it."""
        return _words()[key][self._index].format(**values)

    def fields(self, key: str) -> list[str]:
        """The names of the values that a sentence needs."""
        return sorted(name for _, name, _, _ in Formatter().parse(_words()[key][self._index]) if name)

    def named(self, prefix: str, name: str) -> str:
        """What ``prefix.name`` is called; the name itself where it has no word."""
        found = _words().get(f"{prefix}.{name}")
        return found[self._index] if found is not None else name

    def act(self, action: str) -> str:
        """What an action of the audit log is called: by its own words, else by those of its thing and step."""
        kind, _, step = action.partition(".")
        if f"act.{action}" in _words() or f"thing.{kind}" not in _words():
            return self.named("act", action)
        return f"{self.named('thing', kind)} · {self.named('step', step)}"


@cache
def _words() -> dict[str, list[str]]:
    found: dict[str, list[str]] = json.loads((Path(__file__).parent / "words.json").read_text(encoding="utf-8"))
    return found
