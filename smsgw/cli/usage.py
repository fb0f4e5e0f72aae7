"""What is said to somebody who typed a command wrongly: one line, as for every other error, and exit code 2.

Owns: the words of it, for all commands in one place. Typer parses what was typed, and would print a box of six lines.
The line names the command and the option, says what was expected and what was found, and where to read more. What
Typer says in words that are not known here is passed on in one line.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Any, Final, NoReturn

import typer
from typer.core import TyperGroup

from smsgw.cli.output import clean

#: What pydantic, with which Typer reads values, calls what is wrong with one; and what is expected instead.
_EXPECTED: Final = {
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "less_than_equal": "at most {le:g}",
    "greater_than_equal": "at least {ge:g}",
}
_DAY: Final = "%Y-%m-%d"
_TOO_MUCH: Final = re.compile(r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)")


class CommandLine(TyperGroup):
    """All commands of ``smsgw``; ends the process, wrong usage and a refused question in one line."""

    def main(self, args: Sequence[str] | None = None, *others: Any, **options: Any) -> Any:
        """Run what was typed; raises SystemExit with the exit code."""
        typed = list(sys.argv[1:] if args is None else args)
        try:
            code = super().main(typed, *others, **{**options, "standalone_mode": False})
        except typer.Abort:
            _end("not confirmed, so nothing was done", 1)
        except typer.TyperException as error:
            if type(error).__name__ == "NoArgsIsHelpError":
                sys.exit(error.exit_code)  # its help has been shown
            _end(_said(error, self._path(typed)), error.exit_code)
        sys.exit(code if isinstance(code, int) else 0)

    def _path(self, typed: Sequence[str]) -> str:
        """The words of what was typed that are a command's name."""
        commands, path = self.commands, list[str]()
        for word in typed:
            if word not in commands:
                break
            path.append(word)
            commands = getattr(commands[word], "commands", {})
        return " ".join(path)


def _end(message: str, code: int) -> NoReturn:
    typer.echo(f"smsgw: {clean(message)}", err=True)
    sys.exit(code)


def _said(error: typer.TyperException, path: str) -> str:
    why = _why(error)
    more = f"{'' if why.endswith('?') else ';'} see `{' '.join(filter(None, ('smsgw', path)))} --help`"
    return f"{path}: {why}{more}" if path else f"{why}{more}"


def _why(error: typer.TyperException) -> str:
    parameter = getattr(error, "param", None)
    if parameter is not None:
        name = _name(parameter)
        if type(error).__name__ == "MissingParameter":
            return f"{name} is missing: {_plain(parameter.help or 'it has no default')}"
        return f"{name}: {_expected(error) or _plain(error.message)}"
    nearest = getattr(error, "possibilities", None)
    if nearest:
        return f"{_plain(error.message)}; did you mean {' or '.join(sorted(nearest))}?"
    too_much = _TOO_MUCH.match(error.message)
    return f"expected nothing more, found {too_much[1]!r:.60}" if too_much else _plain(error.message)


def _name(parameter: Any) -> str:
    """As it is typed: ``--why``; of an argument as the help writes it, ``SCOPE``."""
    if parameter.param_type_name == "option":
        return next((each for each in parameter.opts if each.startswith("--")), str(parameter.opts[0]))
    return str(parameter.metavar or parameter.name.upper())


def _expected(error: typer.TyperException) -> str:
    """What was expected and what was found, where the cause of the error tells; else empty."""
    errors = getattr(error.__cause__, "errors", None)
    first = errors()[0] if callable(errors) else {}
    words = "a day such as 2027-06-30" if _DAY in error.message else _EXPECTED.get(first.get("type", ""))
    return f"expected {words.format(**first.get('ctx', {}))}, found {first['input']!r:.60}" if words else ""


def _plain(text: str) -> str:
    """A sentence as part of a line: without its full stop, its capital and its line ends."""
    line = (
        " ".join(text.removeprefix("Value error, ").replace("\\[", "[").split()).rstrip(".").replace(". Did", "; did")
    )
    return line if line[1:2].isupper() else line[:1].lower() + line[1:]
