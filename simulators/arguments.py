"""Pieces of the simulators' command lines: value types that say what they expect, tables of options, ends of pipes."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

T = TypeVar("T")

_MOST_PORT = 65_535
#: 128 and the number of SIGPIPE, as shells have it.
_UNREAD = 141

#: (flag, meaning, further arguments of ``add_argument``)
Option = tuple[str, str, dict[str, Any]]


def piped(run: Callable[[], int]) -> int:
    """The exit status of a command; 141, without a word, once nobody reads its output any more, as ``head``."""
    try:
        status = run()
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter must not try to write the rest at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _UNREAD
    return status


def explained(parse: Callable[[str], T]) -> Callable[[str], T]:
    """Make a parser's ValueError the message that argparse prints."""

    def convert(text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def number(text: str) -> int:
    """A whole number, also written 0x58."""
    try:
        return int(text, 0)
    except ValueError:
        raise ValueError(f"{text!r} is not a number; write it like 20 or 0x14") from None


def count(text: str) -> int:
    """A whole number of at least 0."""
    value = number(text)
    if value < 0:
        raise ValueError(f"{text!r} is below 0")
    return value


def port(text: str) -> int:
    """0 to 65535."""
    value = count(text)
    if value > _MOST_PORT:
        raise ValueError(f"{text!r} is no port; they end at {_MOST_PORT}")
    return value


def octet(text: str) -> int:
    """A whole number of 0 to 255."""
    value = number(text)
    if not 0 <= value <= 255:
        raise ValueError(f"{text!r} is not 0 to 255")
    return value


def credentials(text: str) -> tuple[str, str]:
    """``ID:PASSWORD``."""
    system_id, colon, password = text.partition(":")
    if not colon or not system_id:
        raise ValueError(f"{text!r} is not ID:PASSWORD")
    return system_id, password


def add_options(parser: argparse.ArgumentParser, title: str, options: Iterable[Option]) -> None:
    """Add a titled group; types are wrapped so that their errors are printed."""
    group = parser.add_argument_group(title)
    for flag, meaning, arguments in options:
        kind = arguments.get("type")
        extra = {"type": explained(kind)} if kind is not None and kind is not str else {}
        group.add_argument(flag, help=meaning, **{**arguments, **extra})
