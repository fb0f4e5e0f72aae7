"""The compiled part of the rules is optional: built or left out, the package installs, and says which it is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCE = "smsgw/policy/_scan.c"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for name in ("setup.py", "README.md", "LICENSE", "pyproject.toml", SOURCE):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_without_a_compiler_it_is_left_out(source: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "setup.py", "-q", "build_ext", "--build-lib", "lib"],
        cwd=source, env={**os.environ, "CC": "/nowhere/cc"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "_scan" in ran.stderr
    assert list(source.rglob("_scan*.so")) == []


def test_it_may_be_left_aside() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", "from smsgw.policy.native import HOW; print(HOW)"],
        cwd=ROOT, env={**os.environ, "SMSGW_PURE": "1"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ran.stdout.startswith("as Python")
