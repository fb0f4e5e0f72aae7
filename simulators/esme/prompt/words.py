"""Lines of the prompt as commands: their names, options and usage, and what is said about wrong ones."""

from __future__ import annotations

import argparse
import shlex
from typing import Any, NoReturn

from simulators.arguments import Option, add_options, explained, number
from simulators.esme.message_options import MESSAGE, octets
from simulators.spread import parse_duration
from smsgw.documents.names import with_hint

#: (name, arguments, what it does)
COMMANDS: tuple[tuple[str, str, str], ...] = (
    ("send", "TO[,TO…] TEXT… [options]", "send a text; send -h lists the options"),
    ("long", "TO PARTS|TEXT… [options]", "send a long text, or one made up of so many parts"),
    ("query", "MESSAGE_ID [--from A]", "ask for the state of a message"),
    ("cancel", "MESSAGE_ID [--from A] [--to A]", "cancel a message"),
    ("replace", "MESSAGE_ID TEXT… [--from A]", "replace the text of a message"),
    ("answer", "STATUS|none [AFTER]", "how receipts and MO are answered from now on"),
    ("enquire", "", "send enquire_link"),
    ("raw", "HEX", "send octets as they are"),
    ("unbind", "", "unbind; the SMSC closes"),
    ("drop", "", "close the connection without a word"),
    ("bind", "", "bind again"),
    ("half-open", "", "stay connected, say and hear nothing any more"),
    ("pause", "", "stop reading"),
    ("resume", "", "read again"),
    ("wait", "receipts|mo|answers [COUNT] [TIME]", "wait for so many in all (1, 30s)"),
    ("stats", "", "counts"),
    ("help", "", "this list"),
    ("quit", "", "unbind and end"),
)
NAMES = tuple(name for name, _, _ in COMMANDS)

_QUESTION: tuple[Option, ...] = (
    ("--from", "source address of the message", {"metavar": "A", "dest": "source", "default": ""}),
    ("--to", "its recipient", {"metavar": "A", "dest": "recipient", "default": ""}),
)
_AFTER: dict[str, Any] = {"type": explained(parse_duration), "metavar": "TIME"}


class WordError(ValueError):
    """A line that is no command; says how to write it."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise WordError(f"{message}; usage: {self.format_usage().removeprefix('usage: ').strip()}")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        raise WordError(message or "")


def parse(line: str) -> argparse.Namespace | None:
    """The command of a line, None for an empty one or a comment. Raises WordError."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError as error:
        raise WordError(f"{error}: quote texts that hold quotation marks") from None
    if not words:
        return None
    if words[0] not in NAMES:
        raise WordError(with_hint(f"no command {words[0]!r}", words[0], NAMES, list_valid=False) + "; help lists them")
    parser = _parser(words[0])
    if "-h" in words or "--help" in words:
        raise WordError(parser.format_help().rstrip())
    arguments = parser.parse_intermixed_args(words[1:])
    arguments.name = words[0]
    return arguments


def help_text() -> str:
    """All commands."""
    width = max(len(f"{name} {usage}") for name, usage, _ in COMMANDS)
    return "\n".join(f"  {name + ' ' + usage:{width}}  {meaning}" for name, usage, meaning in COMMANDS)


def _parser(name: str) -> _Parser:
    parser = _Parser(prog=name, add_help=False, allow_abbrev=False)
    if name in ("send", "long"):
        parser.add_argument("to", metavar="TO")
        parser.add_argument("text", nargs="*", metavar="TEXT")
        add_options(parser, "options", MESSAGE)
    elif name in ("query", "cancel", "replace"):
        parser.add_argument("message_id", metavar="MESSAGE_ID")
        if name == "replace":
            parser.add_argument("text", nargs="+", metavar="TEXT")
        add_options(parser, "options", _QUESTION)
    elif name == "answer":
        parser.add_argument("status", type=explained(_status), metavar="STATUS")
        parser.add_argument("after_s", nargs="?", default=0.0, **_AFTER)
    elif name == "raw":
        parser.add_argument("octets", type=explained(octets), metavar="HEX")
    elif name == "wait":
        parser.add_argument("what", choices=("receipts", "mo", "answers"))
        parser.add_argument("count", nargs="?", type=int, default=1, metavar="COUNT")
        parser.add_argument("within_s", nargs="?", default=30.0, **_AFTER)
    return parser


def _status(text: str) -> int | None:
    return None if text == "none" else number(text)
