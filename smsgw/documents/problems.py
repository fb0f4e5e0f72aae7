"""Everything that is wrong with a set of files, gathered, so that one look shows all of it.

Owns the list while files are read, the order in which it is printed, and the exception that carries it.
Errors stop the files from being used; warnings don't.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from smsgw.errors import ConfigError


class ConfigErrors(ConfigError):
    """Files that can't be used. ``errors`` has at least one entry; ``str()`` is one line for each."""

    def __init__(self, errors: Iterable[ConfigError], warnings: Iterable[ConfigError] = ()) -> None:
        self.errors = tuple(errors)
        self.warnings = tuple(warnings)
        first = self.errors[0]
        super().__init__(first.file, first.line, first.key, first.why)
        self.args = ("\n".join(str(error) for error in self.errors),)


class Problems:
    """Collects errors and warnings. Give ``line`` 0 where a whole file is meant."""

    def __init__(self) -> None:
        self._errors: list[ConfigError] = []
        self._warnings: list[ConfigError] = []

    def error(self, file: Path, line: int, key: str, why: str) -> None:
        """Something that must be mended before the files can be used."""
        self._errors.append(ConfigError(file, line, key, why))

    def warn(self, file: Path, line: int, key: str, why: str) -> None:
        """Something that is allowed and probably not meant."""
        self._warnings.append(ConfigError(file, line, key, why))

    @property
    def count(self) -> int:
        """Errors so far: compare before and after a step to know whether it went well."""
        return len(self._errors)

    @property
    def errors(self) -> tuple[ConfigError, ...]:
        """All errors, by file and line."""
        return _in_order(self._errors)

    @property
    def warnings(self) -> tuple[ConfigError, ...]:
        """All warnings, by file and line."""
        return _in_order(self._warnings)

    def raise_errors(self) -> None:
        """Raises ConfigErrors when there is any error."""
        if self._errors:
            raise ConfigErrors(self.errors, self.warnings)


def _in_order(problems: list[ConfigError]) -> tuple[ConfigError, ...]:
    return tuple(sorted(problems, key=lambda problem: (str(problem.file), problem.line)))
