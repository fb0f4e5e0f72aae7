"""A version's files: everything a site is made of, as texts by name, read from a directory and built again from them.

Owns: which files belong to a version, when two bundles are the same, and the tables of ``smsgw.toml`` that are each
process's own (where it listens, its store, its name): those never travel, so one version fits every process of a
fleet. Not in a bundle: ``people.toml``, ``alarms.toml`` and files that others name (certificates, passwords); each
machine has its own. What can go wrong: such a file is missing on one machine; building says so, and the version is
refused there.
"""

from __future__ import annotations

import json
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from smsgw.config.load import FOLDERS, NODE_FILE, ROUTES_FILE, load_site
from smsgw.config.site import Site
from smsgw.documents.problems import ConfigErrors
from smsgw.errors import ConfigError

OWN_TABLES: Final = ("node", "listener", "store", "ops", "console", "records", "clock", "apply", "log")
"""Tables of smsgw.toml that belong to one process. A change of them takes effect at its next start."""
DATA_FILES: Final = ("numbers/*.csv",)
_DIGEST_CHARS: Final = 16


@dataclass(frozen=True, slots=True)
class Bundle:
    """Path inside the site (``carriers/alpha.toml``) → text."""

    files: Mapping[str, str]

    @classmethod
    def read(cls, directory: Path) -> Bundle:
        """What lies in a directory. Raises ConfigError for a file that can't be read."""
        patterns = (NODE_FILE, ROUTES_FILE, *(f"{folder}/*.toml" for folder in FOLDERS), *DATA_FILES)
        found: dict[str, str] = {}
        for path in sorted(path for pattern in patterns for path in directory.glob(pattern)):
            try:
                found[path.relative_to(directory).as_posix()] = path.read_text(encoding="utf-8-sig")
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigError(path, 0, "", f"can't be read: {error}") from error
        return cls(found)

    @property
    def digest(self) -> str:
        """The same for two bundles that make every process do the same; comments of smsgw.toml don't count."""
        shared = _shared(self.files.get(NODE_FILE, ""))
        rest = {name: text for name, text in self.files.items() if name != NODE_FILE}
        text = json.dumps([shared, rest], sort_keys=True, ensure_ascii=False, default=str)
        return sha256(text.encode()).hexdigest()[:_DIGEST_CHARS]

    def write(self, directory: Path) -> list[Path]:
        """Write the files into a directory that has none of them, readable by nobody else: they hold passwords.

        Raises OSError, FileExistsError before anything is written.
        """
        paths = {directory / name: text for name, text in self.files.items()}
        for path in paths:
            if path.exists():
                raise FileExistsError(f"{path} is there already; name an empty directory")
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path, text in paths.items():
            path.parent.mkdir(exist_ok=True, mode=0o700)
            path.touch(mode=0o600)
            path.write_text(text, encoding="utf-8")
        return list(paths)


def own_tables(directory: Path) -> dict[str, Any]:
    """The tables of a directory's smsgw.toml that are the process's own. Raises ConfigError."""
    path = directory / NODE_FILE
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise ConfigError(path, 0, "", f"can't be read: {error}") from error
    return {name: value for name, value in found.items() if name in OWN_TABLES}


def own_digests(own: Mapping[str, Any]) -> dict[str, str]:
    """By which others see that a process runs with other tables than stand in its file, without seeing them."""
    return {
        name: sha256(json.dumps(table, sort_keys=True, default=str).encode()).hexdigest()[:_DIGEST_CHARS]
        for name, table in own.items()
    }


def load_bundle(bundle: Bundle, home: Path, own: Mapping[str, Any], *, today: date | None = None) -> Site:
    """The site that a version makes for the process at ``home`` with its ``own_tables``.

    Slow; call it in a thread. Raises ConfigErrors, naming the files as if they lay at ``home``.
    """
    with tempfile.TemporaryDirectory(prefix="smsgw-version-") as scratch:
        # A name that mkdtemp made: readable by nobody else.
        stage = Path(scratch)
        node = {**_shared(bundle.files.get(NODE_FILE, "")), **own}
        Bundle({**bundle.files, NODE_FILE: to_toml(node)}).write(stage)
        try:
            return load_site(stage, today=today, home=home)
        except ConfigErrors as found:
            raise ConfigErrors(_at_home(found.errors, stage, home), _at_home(found.warnings, stage, home)) from None


def to_toml(table: Mapping[str, Any]) -> str:
    """A table as TOML: a line a key, all tables below it inline."""
    return "".join(f"{json.dumps(key, ensure_ascii=False)} = {_value(value)}\n" for key, value in table.items())


def _shared(node_text: str) -> dict[str, Any]:
    try:
        found = tomllib.loads(node_text)
    except tomllib.TOMLDecodeError:
        return {}  # a file that can't be read never gets into a version
    return {name: value for name, value in found.items() if name not in OWN_TABLES}


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        pairs = (f"{json.dumps(key, ensure_ascii=False)} = {_value(each)}" for key, each in value.items())
        return "{ " + ", ".join(pairs) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False)


def _at_home(problems: tuple[ConfigError, ...], stage: Path, home: Path) -> list[ConfigError]:
    found = []
    for problem in problems:
        inside = problem.file.is_relative_to(stage)
        place = home / problem.file.relative_to(stage) if inside else problem.file
        found.append(ConfigError(place, problem.line, problem.key, problem.why))
    return found
