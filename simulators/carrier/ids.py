"""The forms in which carriers write their message ids.

``dec``, ``hex``, ``HEX``, each optionally padded with zeros (``dec:10``, ``hex:8``, ``HEX:8``),
``text`` (letters around a number) and ``empty`` (accepted without an id).
"""

from __future__ import annotations

import re

_FORM = re.compile(r"(dec|hex|HEX)(?::(\d{1,2}))?")
_LETTER = {"dec": "d", "hex": "x", "HEX": "X"}


class IdForm:
    """Writes a message's number as octets, without a NUL; identity is its name."""

    __slots__ = ("_template", "name", "octets")

    def __init__(self, name: str) -> None:
        self.name = name
        match = _FORM.fullmatch(name)
        if match is not None:
            width = f"0{match[2]}" if match[2] else ""
            self._template = f"%{width}{_LETTER[match[1]]}".encode()
        elif name == "text":
            self._template = b"sim-%d.a"
        elif name == "empty":
            self._template = b"%.0d"
        else:
            raise ValueError(f"{name!r} is not a form of ids; use dec, hex, HEX (with :WIDTH to pad), text or empty")
        #: The id of a number as octets: ``form.octets(1234)``.
        self.octets = self._template.__mod__ if name != "empty" else _nothing

    def __repr__(self) -> str:
        return f"IdForm({self.name!r})"


def _nothing(number: int) -> bytes:
    return b""
