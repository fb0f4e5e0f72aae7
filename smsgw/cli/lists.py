"""Lists that commands bring in: the file is read, the service checks it whole, and wrong lines are told one by one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Final, NoReturn, TypeVar

import typer

from smsgw.cli.desk import Visit
from smsgw.cli.output import counted, print_json
from smsgw.services.csv_rows import Fault, LineFault, ListImport, WrongLines
from smsgw.services.desk import Desk

FileArgument = Annotated[
    Path,
    typer.Argument(
        metavar="FILE.csv", exists=True, dir_okay=False, readable=True, help="The list; a first line names the columns."
    ),
]
SkipOption = Annotated[
    bool, typer.Option("--skip-wrong", help="Take the other lines when some are wrong; else nothing is written.")
]

_SHOWN: Final = 20

T = TypeVar("T")


def bring(visit: Visit, file: Path, take: Callable[[Desk, bytes], Awaitable[T]]) -> T:
    """What a service made of a list. Prints wrong lines as an editor can jump to, and then ends with exit code 1."""
    data = file.read_bytes()
    try:
        return visit.ask(lambda desk: take(desk, data))
    except WrongLines as wrong:
        _print_wrong(file, wrong.faults, wrong.count)
        typer.echo(f"smsgw: {file}: {counted(wrong.count, 'wrong line')}; nothing was written", err=True)
        _fail()


def told_list(file: Path, done: ListImport, as_json: bool) -> None:
    """What became of a list."""
    if as_json:
        print_json(done.model_dump())
        return
    print_left_out(file, done.faults, done.wrong)
    left_out = f", {done.wrong} left out as wrong" if done.wrong else ""
    typer.echo(f"{file}: {counted(done.lines, 'line')}, {done.changed} changed, {done.unchanged} as before{left_out}")


def print_left_out(file: Path, faults: list[LineFault], count: int) -> None:
    """The lines that were left out because they are wrong."""
    _print_wrong(file, [Fault(each.line, each.column, each.why) for each in faults], count)


def _print_wrong(file: Path, faults: list[Fault], count: int) -> None:
    for fault in faults[:_SHOWN]:
        column = f"{fault.column}: " if fault.column else ""
        typer.echo(f"smsgw: {file}:{fault.line}: {column}{fault.why}", err=True)
    if count > _SHOWN:
        typer.echo(f"smsgw: {file}: and {count - _SHOWN} more", err=True)


def _fail() -> NoReturn:
    raise typer.Exit(1)
