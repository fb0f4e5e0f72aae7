"""A site of the example's files that no gateway runs, and the command line."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from typer.testing import CliRunner

from smsgw.cli.main import main

EXAMPLE = Path(__file__).parents[3] / "config" / "example"
WHY = ("--why", "a test")


@dataclass(frozen=True)
class Result:
    """What a command printed, and how it ended."""

    exit_code: int
    stdout: str
    stderr: str
    output: str


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

    return lambda *arguments: started(*arguments, "--site", str(site))


def started(*arguments: str, stdin: str = "") -> Result:
    """The program itself, as it is started, so that errors end it as they do for people."""
    with CliRunner().isolation(stdin) as streams, mock.patch.object(sys, "argv", ["smsgw", *arguments]):
        with pytest.raises(SystemExit) as ended:
            main()
        sys.stdout.flush()
        sys.stderr.flush()
        out, err, both = (stream.getvalue().decode() for stream in streams)
    return Result(int(ended.value.code or 0), out, err, both)


def change(path: Path, old: str, new: str) -> None:
    """Replace the first ``old`` of a file."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def set_key(path: Path, table: str, key: str, value: str) -> None:
    """Give the key of a file's table another value."""
    text = path.read_text(encoding="utf-8")
    found = re.search(rf"^\[{re.escape(table)}\].*\n(?:.*\n)*?{key} = (.*)$", text, re.MULTILINE)
    assert found is not None
    path.write_text(text[: found.start(1)] + value + text[found.end(1) :], encoding="utf-8")


def shown(result: Result) -> Any:
    """The JSON that a command printed."""
    assert result.stdout, result.stderr
    return json.loads(result.stdout)


def done(result: Result) -> str:
    """What a command that did its work printed."""
    assert result.exit_code == 0, result.stderr
    return result.stdout


def refused(result: Result) -> str:
    """The one line of a command that could not do its work."""
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("smsgw: ")
    return line
