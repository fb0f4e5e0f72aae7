"""The scenarios that come with the application simulator, by name."""

from __future__ import annotations

from pathlib import Path

from smsgw.documents.names import with_hint

FOLDER = Path(__file__).parent.parent / "scenarios"


def shipped() -> dict[str, Path]:
    """Names and files, sorted."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.toml"))}


def find(name: Path) -> Path:
    """The file itself when there is one, else the shipped one of that name. Raises ValueError for neither."""
    if name.exists() or name.suffix or len(name.parts) > 1:
        return name
    found = shipped().get(str(name))
    if found is None:
        raise ValueError(with_hint(f"no file and no scenario {str(name)!r}", str(name), shipped()))
    return found
