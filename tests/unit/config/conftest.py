"""A copy of the example site that a test can spoil."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from smsgw.config.load import load_site
from smsgw.config.site import Site
from smsgw.documents.problems import ConfigErrors

EXAMPLE = Path(__file__).parents[3] / "config" / "example"
TODAY = date(2026, 11, 18)


class SiteCopy:
    """The example's files in a temporary directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.edited_line = 0
        shutil.copytree(EXAMPLE, directory, ignore=shutil.ignore_patterns("state"))

    def edit(self, file: str, old: str, new: str) -> SiteCopy:
        """Replace the first ``old`` of a file, which must be there; ``edited_line`` then says where it was."""
        path = self.directory / file
        text = path.read_text(encoding="utf-8")
        self.edited_line = self.line_of(file, old)
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return self

    def line_of(self, file: str, text: str) -> int:
        """The line on which the first ``text`` of a file begins."""
        before, found, _ = (self.directory / file).read_text(encoding="utf-8").partition(text)
        assert found, f"{file} has no {text!r}"
        return before.count("\n") + 1

    def write(self, file: str, text: str) -> SiteCopy:
        """Make a file, or replace it whole."""
        path = self.directory / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return self

    def load(self, today: date = TODAY) -> Site:
        """The site as it now is."""
        return load_site(self.directory, today=today)

    def errors(self) -> list[str]:
        """Every error, with paths as seen from the site; there must be one."""
        with pytest.raises(ConfigErrors) as caught:
            self.load()
        return [self._shown(str(error)) for error in caught.value.errors]

    def warnings(self, today: date = TODAY) -> list[str]:
        """The warnings of a site that is usable."""
        return [self._shown(str(warning)) for warning in self.load(today).warnings]

    def _shown(self, text: str) -> str:
        return text.replace(f"{self.directory}/", "")


@pytest.fixture
def site(tmp_path: Path) -> SiteCopy:
    return SiteCopy(tmp_path / "site")
