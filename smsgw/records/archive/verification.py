"""Whether the archive is whole: its chain, that every file of it is there and none besides, and every row of each.

Only reads, beside a keeper at work: what does not fit is looked at once more. A keeper that was killed may leave a file
that the chain knows and that has not got its name; the next round ends that.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from smsgw.records.archive.chain import Link, read_chain
from smsgw.records.archive.files import Damaged, verify_file
from smsgw.records.archive.knowledge import Keys
from smsgw.records.archive.names import all_pieces, counting

MOMENT_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Verdict:
    """``head``: of the chain, to keep elsewhere. ``faults``: what does not fit, the first first."""

    files: int
    records: int
    head: str
    faults: tuple[str, ...]


def verify(directory: Path, keys: Keys, kept: str = "") -> Verdict:
    """Look at everything. ``kept``: a head that was noted down earlier; without one, an archive whose last files were
    removed together with the end of the chain looks whole. Raises OSError."""
    read = read_chain(directory, keys.chain)
    faults = [read.fault] if read.fault else []
    if kept and not any(f"{link.seq}:{link.hash}" == kept for link in read.links):
        faults.append(f"the chain has no line {kept}: its end was cut off, or it is another one")
    links, paths = read.present(), _paths(directory)
    found = {name: _look(keys, name, paths.get(name), links.get(name)) for name in links.keys() | paths.keys()}
    if any(fault for fault, _ in found.values()):
        # A keeper may be between the chain's line and the file; a moment later it is not.
        time.sleep(MOMENT_S)
        links, paths = read_chain(directory, keys.chain).present(), _paths(directory)
        for name in [name for name, (fault, _) in found.items() if fault]:
            del found[name]
            if name in links or name in paths:
                found[name] = _look(keys, name, paths.get(name), links.get(name))
    faults += [fault for _, (fault, _) in sorted(found.items()) if fault]
    return Verdict(len(found), sum(rows for _, rows in found.values()), read.head, tuple(faults))


def _paths(directory: Path) -> dict[str, Path]:
    return {piece.name: piece.path(directory) for piece in counting(all_pieces(directory))}


def _look(keys: Keys, name: str, path: Path | None, link: Link | None) -> tuple[str, int]:
    """What is wrong with a file, or empty; and how many records it has."""
    if link is None:
        return f"{name}: the chain does not know it, so it was not written by this archive", 0
    missing = f"{name}: is missing, with {link.rows} records; the chain knows nothing of its removal"
    if path is None:
        return missing, 0
    try:
        footer = verify_file(path, keys)
    except FileNotFoundError:
        return missing, 0
    except Damaged as error:
        return str(error), 0
    if footer.digest != link.digest:
        return f"{name}: is not the file of this name that the chain speaks of (line {link.seq})", 0
    return "", footer.rows
