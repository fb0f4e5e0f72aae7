"""Which version of the package bin/bench measures."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.bench.suite import code
from tests.bench.suite.code import Code, revision
from tests.bench.suite.errors import BenchError
from tests.bench.suite.load import External, Load, Simulators

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that says which version it is, committed twice."""
    root = tmp_path / "repository"
    (root / "smsgw").mkdir(parents=True)
    (root / "smsgw" / "__init__.py").write_text("")
    monkeypatch.setattr(code, "ROOT", root)
    _git(root, "init", "-q")
    for version in ("old", "new"):
        (root / "smsgw" / "__main__.py").write_text(f"print('smsgw {version}')\n")
        _git(root, "add", ".")
        _git(root, "-c", "user.name=n", "-c", "user.email=e@example.com", "commit", "-q", "-m", version)
    return root


def _git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=root, check=True)


def test_a_revision_runs_beside_the_tree(repository: Path, tmp_path: Path) -> None:
    old = revision("HEAD~1", tmp_path / "old")
    assert old.version() == "smsgw old"
    assert revision("HEAD", tmp_path / "new").version() == "smsgw new"
    assert (repository / "smsgw" / "__main__.py").read_text() == "print('smsgw new')\n"


def test_an_unknown_revision_is_one_clear_line(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="rev-parse"):
        revision("nowhere", tmp_path / "nowhere")


def test_another_package_than_the_asked_one_is_never_measured(repository: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(BenchError, match="would run"):
        Code("empty", empty, "0").version()


def test_external_tools_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="make"):
        External(tmp_path)


def test_both_tools_are_asked_for_the_same_load(tmp_path: Path) -> None:
    for name in ("smppload", "smppsink"):
        (tmp_path / name).touch(mode=0o755)
    load = Load(100, rate=50.0, conns=2, window=7, first_recipient=8613000000000)
    ours = Simulators().application(load, 2775, tmp_path)
    theirs = External(tmp_path).application(load, 2775, tmp_path)
    for option, value in (("--count", "100"), ("--rate", "50"), ("--conns", "2"), ("--window", "7"), ("--rd", "1")):
        for command in (ours, theirs):
            assert command[command.index(option) + 1] == value
