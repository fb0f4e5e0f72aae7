"""Lists that people bring: CSV read whole and checked line by line, before anything is written.

Owns: encodings (UTF-8 with or without mark, UTF-16 with one, GB 18030 as spreadsheets write it), separators (comma,
semicolon, tab), column names in English and Chinese, and wrong lines with their numbers. Costs microseconds a line:
call it in a thread. What it says of a wrong line never repeats a value that may be a number.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, Field

from smsgw.documents.names import with_hint
from smsgw.errors import RequestError
from smsgw.services.desk import masked

MOST_OCTETS: Final = 64 * 2**20
_SHOWN_FAULTS: Final = 20
_KEPT_FAULTS: Final = 1_000
_SEPARATORS: Final = ",;\t"
_MARKS: Final = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))

T = TypeVar("T")
Cells = Mapping[str, str]


class LineFault(BaseModel):
    """One line of a list that can't be used."""

    line: int
    column: str = Field("", description="Empty: the whole line.")
    why: str
    why_zh: str = Field("", description="The same in Chinese, for who reads it there. 中文说明。")


class ListImport(BaseModel):
    """What became of a list."""

    lines: int
    changed: int
    unchanged: int = Field(description="It was so already, or something newer is known.")
    wrong: int = Field(description="Left out as wrong, if that was asked for.")
    faults: list[LineFault] = Field(description="The first of the wrong lines.")
    digest: str = Field(description="SHA-256 of the list, hex.")


class Column(NamedTuple):
    """``headers`` are what the first line may call it, casefolded; ``name`` is one of them."""

    name: str
    headers: frozenset[str] = frozenset()
    required: bool = False


class Fault(NamedTuple):
    """What is wrong with a line; ``column`` empty: with the whole line."""

    line: int
    column: str
    why: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.column + ': ' if self.column else ''}{self.why}"


class WrongCell(Exception):
    """Raised by whoever makes something of a line: that cell can't be used."""

    def __init__(self, column: str, why: str) -> None:
        self.column = column
        self.why = why
        super().__init__(f"{column}: {why}")


class WrongLines(RequestError):
    """Nothing was written, because of these lines; ``count`` says of how many ``faults`` are the first."""

    def __init__(self, faults: Sequence[Fault], count: int) -> None:
        self.faults = list(faults)
        self.count = count
        shown = "; ".join(str(fault) for fault in faults[:_SHOWN_FAULTS])
        more = f"; and {count - _SHOWN_FAULTS} more" if count > _SHOWN_FAULTS else ""
        lines = "1 line is" if count == 1 else f"{count} lines are"
        super().__init__("invalid", f"{lines} wrong, nothing was written: {shown}{more}")


@dataclass(frozen=True, slots=True)
class Rows(Generic[T]):
    """What a list holds. ``wrong`` lines were left out, ``faults`` are the first of them; ``digest`` is its SHA-256."""

    items: list[T]
    wrong: int
    faults: list[Fault]
    digest: str

    @property
    def lines(self) -> int:
        """All lines that say something."""
        return len(self.items) + self.wrong

    @property
    def line_faults(self) -> list[LineFault]:
        """The faults as they are answered."""
        return [LineFault(**fault._asdict()) for fault in self.faults]

    def imported(self, changed: int) -> ListImport:
        """What became of the list, of which ``changed`` items changed something."""
        return ListImport(
            lines=self.lines,
            changed=changed,
            unchanged=len(self.items) - changed,
            wrong=self.wrong,
            faults=self.line_faults,
            digest=self.digest,
        )


def read_rows(
    data: bytes,
    columns: Sequence[Column],
    make: Callable[[Cells], T],
    *,
    skip_wrong: bool = False,
    header: bool = True,
) -> Rows[T]:
    """Every line of a list as ``make`` turns it into something; a line for which it raises WrongCell is wrong.

    With ``header`` False the first line may already be data, in the columns' order. Raises WrongLines when a line is
    wrong, unless they are to be skipped; RequestError when it is no list at all.
    """
    items: list[T] = []
    faults: list[Fault] = []
    wrong = 0
    for line, cells in _lines(_text(data), columns, header):
        try:
            if isinstance(cells, str):
                raise WrongCell("", cells)
            items.append(make(cells))
        except WrongCell as error:
            wrong += 1
            if len(faults) < _KEPT_FAULTS:
                faults.append(Fault(line, error.column, str(masked(error.why))))
    if wrong and not skip_wrong:
        raise WrongLines(faults, wrong)
    return Rows(items, wrong, faults, digest_of(data))


def digest_of(data: bytes) -> str:
    """SHA-256 of a list, hex: what tells it from every other."""
    return hashlib.sha256(data).hexdigest()


def _text(data: bytes) -> str:
    if len(data) > MOST_OCTETS:
        raise RequestError("invalid", f"the list has more than {MOST_OCTETS >> 20} MiB; divide it")
    encodings = [encoding for mark, encoding in _MARKS if data.startswith(mark)] or ["utf-8", "gb18030"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        return text
    raise RequestError("invalid", "the list is no text in UTF-8 or GB 18030; save it as CSV, not as a workbook")


def _lines(text: str, columns: Sequence[Column], header: bool) -> Iterator[tuple[int, Cells | str]]:
    """Line number and cells by column; a sentence instead where they can't be told."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    names: list[str] | None = None
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            yield line, f"can't be read ({error}); is a quotation mark missing?"
            return  # what follows would be read in the wrong place
        if not any(cell.strip() for cell in row):
            continue
        if names is None:
            found = _header(row, columns, header)
            names = found or [column.name for column in columns]
            if found is not None:
                continue
        if len(row) > len(names) and any(cell.strip() for cell in row[len(names) :]):
            yield line, f"has {len(row)} cells, expected at most {len(names)}"
        else:
            yield line, {name: cell.strip() for name, cell in zip(names, row, strict=False) if name}
    if names is None:
        raise RequestError("invalid", "the list is empty")


def _separator(text: str) -> str:
    first = next((line for line in text.split("\n", 20) if line.strip()), "")
    return max(_SEPARATORS, key=lambda mark: (first.count(mark), mark == ","))


def _header(row: Sequence[str], columns: Sequence[Column], required: bool) -> list[str] | None:
    """The column of each cell of the first line, "" for one that is not used; None when it is no header."""
    known = {header: column.name for column in columns for header in (*column.headers, column.name)}
    names = [known.get(cell.strip().casefold(), "") for cell in row]
    if not any(names) and not required:
        return None
    for name in names:
        if name and names.count(name) > 1:
            raise RequestError("invalid", f"the first line names the column {name} twice")
    for column in columns:
        if column.required and column.name not in names:
            others = f" ({', '.join(sorted(column.headers))})" if column.headers else ""
            wrong = [cell.strip() for cell, name in zip(row, names, strict=True) if not name and not _is_number(cell)]
            why = f"the first line names no column {column.name}{others}"
            raise RequestError("invalid", with_hint(why, wrong[0], known, list_valid=False) if wrong else why)
    return names


def _is_number(cell: str) -> bool:
    return sum(character.isdigit() for character in cell) >= 5
