"""Where a value stands in a TOML file: key path → line.

tomllib gives values without places. This scans the same text once more, knowing just enough of TOML 1.0
(tables, arrays of tables, dotted keys, strings, arrays, inline tables) to note the line of every key and
every array element. The text must have been accepted by tomllib before; a text that was not gives wrong
lines or none, but always ends.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TypeAlias

KeyPath: TypeAlias = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BASIC = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
_LITERAL = re.compile(r"'([^'\n]*)'")
_MULTILINE = re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}', re.DOTALL)
_BARE_VALUE = re.compile(r"[^,\]}\n#]*")


class Lines:
    """The line of every key path of one file, counted from 1."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._lines: dict[KeyPath, int] = {}
        self._tables: dict[KeyPath, int] = {}
        self._scan()

    def find(self, path: KeyPath) -> int:
        """The line of the path, else of the nearest part of it that is there; 0 when there is none."""
        for length in range(len(path), 0, -1):
            line = self._lines.get(path[:length])
            if line is not None:
                return line
        return 0

    # -- scanning; each method takes a position and returns the one behind what it read

    def _line(self, at: int) -> int:
        return bisect_right(self._starts, at)

    def _note(self, path: KeyPath, at: int) -> None:
        self._lines.setdefault(path, self._line(at))

    def _scan(self) -> None:
        text = self._text
        table: KeyPath = ()
        at = self._blank(0)
        while at < len(text):
            before = at
            if text.startswith("[[", at):
                table, at = self._header(at, 2)
            elif text[at] == "[":
                table, at = self._header(at, 1)
            else:
                at = self._pair(at, table)
            at = self._blank(at)
            if at <= before:  # not TOML after all
                return

    def _blank(self, at: int) -> int:
        match = _BLANK.match(self._text, at)
        return match.end() if match else at

    def _space(self, at: int) -> int:
        match = _SPACE.match(self._text, at)
        return match.end() if match else at

    def _key(self, at: int) -> tuple[list[str], int]:
        parts: list[str] = []
        while True:
            at = self._space(at)
            for pattern, group in ((_BARE_KEY, 0), (_BASIC, 1), (_LITERAL, 1)):
                match = pattern.match(self._text, at)
                if match is not None:
                    parts.append(match[group])
                    at = self._space(match.end())
                    break
            else:
                return parts, at
            if not self._text.startswith(".", at):
                return parts, at
            at += 1

    def _header(self, at: int, brackets: int) -> tuple[KeyPath, int]:
        parts, end = self._key(at + brackets)
        path: KeyPath = ()
        for number, part in enumerate(parts, 1):
            path = (*path, part)
            if brackets == 2 and number == len(parts):
                self._tables[path] = self._tables.get(path, 0) + 1
            if path in self._tables:
                self._note(path, at)
                path = (*path, self._tables[path] - 1)
            self._note(path, at)
        return path, end + brackets

    def _pair(self, at: int, table: KeyPath) -> int:
        parts, end = self._key(at)
        path = table
        for part in parts:
            path = (*path, part)
            self._note(path, at)
        end = self._space(end)
        return self._value(end + 1, path) if self._text.startswith("=", end) else at

    def _value(self, at: int, path: KeyPath) -> int:
        text = self._text
        at = self._space(at)
        opening = text[at : at + 1]
        if opening == "[":
            return self._array(at, path)
        if opening == "{":
            return self._inline_table(at, path)
        for pattern in (_MULTILINE, _BASIC, _LITERAL, _BARE_VALUE):
            match = pattern.match(text, at)
            if match is not None:
                return match.end()
        return at

    def _array(self, at: int, path: KeyPath) -> int:
        index = 0
        at = self._blank(at + 1)
        while at < len(self._text) and self._text[at] != "]":
            before = at
            item = (*path, index)
            self._note(item, at)
            at = self._blank(self._value(at, item))
            if self._text.startswith(",", at):
                at = self._blank(at + 1)
            index += 1
            if at <= before:
                break
        return at + 1

    def _inline_table(self, at: int, path: KeyPath) -> int:
        at = self._blank(at + 1)
        while at < len(self._text) and self._text[at] != "}":
            before = at
            at = self._blank(self._pair(at, path))
            if self._text.startswith(",", at):
                at = self._blank(at + 1)
            if at <= before:
                break
        return at + 1
