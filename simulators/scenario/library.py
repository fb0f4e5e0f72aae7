"""The scenarios that are shipped: one for each behaviour of carriers, found by their names."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from smsgw.documents.names import with_hint

LIBRARY: Final = Path(__file__).parents[1] / "scenarios"


def shipped() -> dict[str, Path]:
    """Name and file of each, by name."""
    return {path.stem: path for path in sorted(LIBRARY.glob("*.toml"))}


def find_scenario(name: str) -> Path:
    """The file itself, or the shipped scenario of that name. Raises LookupError with the nearest name."""
    path = Path(name)
    if path.is_file():
        return path
    known = shipped()
    if name in known:
        return known[name]
    if path.suffix or path.parent != Path():
        raise LookupError(f"{name}: there is no such file")
    raise LookupError(with_hint(f"no scenario is called {name!r}", name, known, list_valid=False)
                      + "; `carrier-sim scenarios` lists them")  # fmt: skip
