"""How commands print: tables whose columns also stand straight under Chinese, and errors in one line.

Nothing printed is read as markup, and control characters of stored text never reach the terminal.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import NoReturn

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

#: Columns of output that goes to a file or a pipe: wide enough that nothing is wrapped or cut there.
_PIPE_COLUMNS = 240

Cell = str | int | float | Text


def console() -> Console:
    """Where a command prints; made anew, because tests replace the standard output."""
    width = None if sys.stdout.isatty() else _PIPE_COLUMNS
    return Console(width=width, markup=False, highlight=False, emoji=False, soft_wrap=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[Cell]], right: Iterable[str] = ()) -> Table:
    """A plain table; the columns named in ``right`` are numbers."""
    built = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    numbers = frozenset(right)
    for column in columns:
        is_number = column in numbers
        # Where the terminal is narrow words are folded first: half a number would be read as a whole one.
        built.add_column(column, justify="right" if is_number else "left", overflow="fold", no_wrap=is_number)
    for row in rows:
        built.add_row(*(cell if isinstance(cell, Text) else Text(clean(str(cell))) for cell in row))
    return built


def pairs(rows: Iterable[tuple[str, Cell]]) -> Table:
    """Names and what they are, one below the other."""
    built = Table.grid(padding=(0, 2))
    for name, value in rows:
        shown = value if isinstance(value, Text) else Text(clean(str(value)))
        built.add_row(Text(name, style="bold"), shown)
    return built


def clean(text: str) -> str:
    """Text with every character that is no printable one replaced."""
    return text if text.isprintable() else "".join(each if each.isprintable() else "�" for each in text)


def counted(count: int, name: str, many: str = "") -> str:
    """``1 segment``, ``2 segments``; ``many`` where the plural is not made with an s."""
    return f"{count} {name}" if count == 1 else f"{count} {many or name + 's'}"


def print_json(value: object) -> None:
    """One JSON object, indented, for programs."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def wrong_usage(message: str) -> NoReturn:
    """An argument is wrong: one line, exit code 2."""
    typer.echo(f"smsgw: {message}", err=True)
    raise typer.Exit(2)
