"""What a recipient wants who writes back: stop, start, or something for the application.

Owns: the comparison of an MO with a profile's words, whole and normalised, so that 我不想退订 is no
opt-out and ｔ ｄ。 is one. Never decides whose messages stop: scope comes from the dialled number.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

from smsgw.policy.text import normalise

MoKind: TypeAlias = Literal["stop", "start"]


class MoWords:
    """A profile's words. A word in both lists means stop: doubt is decided for the recipient."""

    __slots__ = ("_kinds",)

    def __init__(self, stop_words: Iterable[str], start_words: Iterable[str] = ()) -> None:
        kinds: dict[str, MoKind] = {normalise(word): "start" for word in start_words}
        kinds.update((normalise(word), "stop") for word in stop_words)
        kinds.pop("", None)  # a word of nothing but punctuation would match every "?"
        self._kinds = kinds

    def classify(self, text: str) -> MoKind | None:
        """What the whole text says, or None when it is not one of the words."""
        return self._kinds.get(normalise(text))
