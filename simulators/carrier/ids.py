"""The forms in which carriers write their message ids, and the numbers behind them.

``dec``, ``hex``, ``HEX``, each optionally padded with zeros (``dec:10``, ``hex:8``), ``text`` (letters
around a number), ``long`` (64 octets, what the field has room for), ``odd`` (spaces, quotes and octets
that are no ASCII) and ``empty`` (accepted without an id). Behind any of them ``<10`` keeps the first
ten characters, ``>10`` the last ten.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from simulators.draws import WORD_RANGE, WORDS

_FORM = re.compile(r"(?:(dec|hex|HEX)(?::(\d{1,2}))?|text|long|odd|empty)(?:([<>])(\d{1,2}))?")
_LETTER = {"dec": "d", "hex": "x", "HEX": "X"}
#: message_id has room for so many octets and a NUL (SMPP 3.4 §5.2.23).
_MOST = 64
_TEMPLATES = {
    "text": b"sim-%d.a",
    "long": b"%d" + b"-_.~:/?#[]@!$&'()*+,;=|{}^<>" * 3,
    "odd": b'\xa7 %d "x"\\ %%1\t\xff',
}
#: Ids drawn for forms without a width have fifteen digits, so that hardly any two are drawn alike.
_LOW, _HIGH = 10**14, 10**15
#: Drawn ids are told apart from between one and two times as many.
_REMEMBERED = 1_000_000
#: The words of a draw that make a number; nothing else uses them.
_HIGH_WORD, _LOW_WORD = WORDS - 2, WORDS - 1


class IdForm:
    """Writes a message's number as octets, without a NUL; forms of one name are equal."""

    __slots__ = ("capacity", "name", "octets")

    def __init__(self, name: str) -> None:
        self.name = name
        match = _FORM.fullmatch(name)
        width = int(match[2] or 0) if match is not None else 0
        kept = int(match[4] or _MOST) if match is not None else 0
        if match is None or not kept or max(width, kept) > _MOST:
            raise ValueError(
                f"{name!r} is not a form of ids; use dec, hex, HEX (with :WIDTH to pad), text, long, odd or empty, "
                f"with <N or >N for the first or last N characters, N up to {_MOST}"
            )
        #: How many numbers have ids of the padded width; 0 when the form has none.
        self.capacity = (10 if match[1] == "dec" else 16) ** width if width else 0
        if match[1]:
            template = f"%{f'0{width}' if width else ''}{_LETTER[match[1]]}".encode()
        else:
            template = _TEMPLATES.get(name.rstrip("<>0123456789"), b"")
        #: The id of a number as octets: ``form.octets(1234)``.
        self.octets = template.__mod__ if template else _nothing
        if match[3] or match[0].startswith("long"):
            self.octets = _Cut(template, kept if match[3] != ">" else -kept).octets

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IdForm) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"IdForm({self.name!r})"


class _Cut:
    __slots__ = ("_part", "_template")

    def __init__(self, template: bytes, kept: int) -> None:
        self._template = template
        self._part = slice(kept) if kept > 0 else slice(kept, None)

    def octets(self, number: int) -> bytes:
        return (self._template % number)[self._part] if self._template else b""


def _nothing(number: int) -> bytes:
    return b""


class CountedNumbers:
    """Numbers in the order in which they are asked for, from ``base``."""

    def __init__(self, base: int) -> None:
        self._next = base

    def fit(self, capacity: int) -> None:
        """Counted ids grow beyond any width."""

    def take(self, words: Sequence[int]) -> int:
        """The next number; what was drawn does not matter."""
        number = self._next
        self._next = number + 1
        return number

    def forget(self) -> None:
        """Numbers given out stay so."""


class DrawnNumbers:
    """Numbers that come from a message's drawn words, never one of the last million again while others are left.

    Two messages that draw the same number are told apart in the order in which they come: of 100,000
    messages one pair does in every second run when ids have a width of ten digits, and next to none without one.
    """

    def __init__(self, capacity: int = 0) -> None:
        self._taken: set[int] = set()
        self._taken_before: set[int] = set()
        self.fit(capacity)

    def fit(self, capacity: int) -> None:
        """From now on ``capacity`` is the fewest numbers that the forms in use have ids for; 0 for no bound."""
        self._low, self._high = (_LOW, _HIGH) if not capacity or capacity > _HIGH else (1, max(2, capacity))

    def take(self, words: Sequence[int]) -> int:
        """The number that two of a message's words stand for."""
        span = self._high - self._low
        number = self._low + ((words[_HIGH_WORD] * WORD_RANGE + words[_LOW_WORD]) * span >> 64)
        taken, before = self._taken, self._taken_before
        if number in taken or number in before:
            if len(taken) + len(before) >= span:
                taken.clear()
                before.clear()
            while number in taken or number in before:
                number = number + 1 if number + 1 < self._high else self._low
        taken.add(number)
        if len(taken) >= _REMEMBERED:
            self._taken_before, self._taken = taken, set()
        return number

    def forget(self) -> None:
        """All numbers are free again."""
        self._taken.clear()
        self._taken_before.clear()
