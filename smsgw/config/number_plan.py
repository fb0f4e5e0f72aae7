"""``numbers/ported.csv`` and the table of provinces: what the number plan of a site is made of.

The list has a header ``number,network``; numbers are written with or without 86. Provinces come from the table in the
package ``phone`` (half a million prefixes), read once, only when a route, a carrier or a breaker asks for them.
"""

from __future__ import annotations

import csv
import functools
import re
import struct
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Final

from smsgw.documents.names import with_hint
from smsgw.documents.problems import Problems
from smsgw.policy.number_plan import FIRST_SEVEN, LAST_SEVEN, NETWORKS, OTHER, PROVINCES, NumberPlan, Ported, Provinces
from smsgw.policy.numbers import mask, to_e164

PORTED_FILE: Final = "numbers/ported.csv"
_HEADER: Final = ["number", "network"]
#: Rows with mistakes that are told one by one.
_TOLD: Final = 20
_NETWORKS: Final = {**{name: name for name in NETWORKS}, OTHER: ""}
_PLAIN: Final = re.compile(r"1[3-9][0-9]{9}")
_RECORD: Final = struct.Struct("<iiB")


def load_number_plan(directory: Path, provinces: bool, problems: Problems) -> NumberPlan:
    """The plan of a site; without the file, no number is ported. Mistakes are in ``problems``."""
    path = directory / PORTED_FILE
    ported = _read_ported(path, problems) if path.is_file() else Ported()
    return NumberPlan(ported, province_table() if provinces else None)


def _read_ported(path: Path, problems: Problems) -> Ported:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return Ported(_rows(path, csv.reader(file), problems))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        problems.error(path, 0, "", f"can't be read: {error}")
        return Ported()


def _rows(path: Path, lines: Iterator[list[str]], problems: Problems) -> Iterator[tuple[str, str]]:
    if next(lines, []) != _HEADER:
        problems.error(path, 1, "", f"expected the header {','.join(_HEADER)}")
        return
    mistakes = 0
    plain, networks = _PLAIN.fullmatch, _NETWORKS
    for place, row in enumerate(lines, 2):
        if len(row) == 2 and row[1] in networks and plain(row[0]):  # nearly all of perhaps a million
            yield "86" + row[0], networks[row[1]]
            continue
        if not row:
            continue
        number, why = _checked(row)
        if number is not None:
            yield number, networks[row[1]]
            continue
        mistakes += 1
        if mistakes <= _TOLD:
            problems.error(path, place, "", why)
    if mistakes > _TOLD:
        problems.error(path, 0, "", f"{mistakes - _TOLD} more rows are wrong")


def _checked(row: list[str]) -> tuple[str | None, str]:
    """The number as E.164 digits, or None and what is wrong with the row."""
    if len(row) != len(_HEADER):
        return None, f"expected a number and a network, found {len(row)} fields"
    number, network = row
    recipient = to_e164(number)
    if recipient is None or not recipient.startswith("861"):
        return None, f"number: expected a Chinese mobile number, found {mask(number)}"
    if network not in _NETWORKS:
        return None, with_hint(f"network: unknown network {network!r}", network, _NETWORKS)
    return recipient, ""


@functools.cache
def province_table() -> Provinces:
    """The province of every seven digits that the package knows."""
    data = resources.files("phone").joinpath("phone.dat").read_bytes()
    (first,) = struct.unpack_from("<i", data, 4)
    names = ("", *PROVINCES)
    numbers = {name: number for number, name in enumerate(names)}
    places: dict[int, int] = {}
    at = 8
    while at < first:
        end = data.index(0, at)
        places[at] = numbers.get(data[at:end].decode().partition("|")[0], 0)
        at = end + 1
    table = bytearray(LAST_SEVEN - FIRST_SEVEN)
    for digits, place, _ in _RECORD.iter_unpack(data[first:]):
        if FIRST_SEVEN <= digits < LAST_SEVEN:
            table[digits - FIRST_SEVEN] = places[place]
    return Provinces(names, bytes(table))
