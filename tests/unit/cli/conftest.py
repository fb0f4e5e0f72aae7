"""A site of the example's files that no gateway runs, and the command line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from smsgw.cli.main import app

EXAMPLE = Path(__file__).parents[3] / "config" / "example"
Run = Callable[..., Result]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The example with an ops port where nobody answers."""
    directory = Path(shutil.copytree(EXAMPLE, tmp_path / "site", ignore=shutil.ignore_patterns("state")))
    change(directory / "smsgw.toml", "port = 8775", "port = 1")
    return directory


@pytest.fixture
def smsgw(site: Path) -> Run:
    """``smsgw("tier", "show", "13800138000")``: a command on the site."""

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "--site", str(site)])

    return run


def change(path: Path, old: str, new: str) -> None:
    """Replace the first ``old`` of a file."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def shown(result: Result) -> Any:
    """The JSON that a command printed."""
    return json.loads(result.stdout)
