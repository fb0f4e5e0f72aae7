"""MO from a file: CSV with a header that names the columns from, to, text and, if wanted, after and account.

``after`` is business time after the event began; without it the event's interval goes between rows. What
is wrong with a row is told with its line.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from smsgw.documents.names import with_hint
from smsgw.documents.problems import Problems
from smsgw.documents.units import parse_duration

NEEDED = ("from", "to", "text")
COLUMNS = (*NEEDED, "after", "account", "data_coding")


@dataclass(frozen=True, slots=True)
class Mo:
    """One row; ``after_s`` None leaves the time to the event."""

    source: str
    destination: str
    text: str
    after_s: float | None = None
    account: str = ""
    data_coding: int | None = None


def read_mo_file(path: Path, problems: Problems) -> tuple[Mo, ...]:
    """All rows; what is wrong goes to ``problems``, with its line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, strict=True)
            if not _columns_are_right(path, rows, problems):
                return ()
            return tuple(mo for row in rows if (mo := _mo(path, rows.line_num, row, problems)) is not None)
    except OSError as error:
        problems.error(path, 0, "", f"can't be read: {error.strerror or error}")
    except UnicodeDecodeError as error:
        problems.error(path, 0, "", f"is not UTF-8 (octet {error.start})")
    except csv.Error as error:
        problems.error(path, 0, "", f"is not CSV: {error}")
    return ()


def _columns_are_right(path: Path, rows: csv.DictReader[str], problems: Problems) -> bool:
    before = problems.count
    found = [name.strip() for name in rows.fieldnames or ()]
    rows.fieldnames = found
    for name in found:
        if name not in COLUMNS:
            problems.error(path, 1, name, with_hint("unknown column", name, COLUMNS))
    for name in NEEDED:
        if name not in found:
            problems.error(path, 1, name, "is missing; the first line names the columns: from,to,text")
    return problems.count == before


def _mo(path: Path, line: int, row: dict[str, str], problems: Problems) -> Mo | None:
    if None in row or None in row.values():
        problems.error(path, line, "", "has not as many values as there are columns; text with a comma goes in quotes")
        return None
    after_s, data_coding = None, None
    try:
        if row.get("after"):
            after_s = parse_duration(row["after"])
    except ValueError as error:
        problems.error(path, line, "after", str(error))
    try:
        data_coding = int(row["data_coding"], 0) if row.get("data_coding") else None
    except ValueError:
        problems.error(path, line, "data_coding", f"expected a number, found {row['data_coding']!r}")
    for name in ("from", "to"):
        if not row[name].strip():
            problems.error(path, line, name, "must not be empty")
    return Mo(row["from"].strip(), row["to"].strip(), row["text"], after_s, row.get("account", "") or "", data_coding)
