"""The compiled parts are optional: built or left out, the package installs, and says which it is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCES = ("smsgw/policy/_scan.c", "smsgw/smpp/_wire.c", "smsgw/_msgpack.c")


_LEFT_ASIDE = """
from smsgw.compiled import HOW
from smsgw.smpp.native import IS_COMPILED
from smsgw.smpp.views import PythonSm, Sm

assert not IS_COMPILED and Sm is PythonSm
print(HOW)
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for name in ("setup.py", "README.md", "LICENSE", "pyproject.toml", *SOURCES):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_without_a_compiler_it_is_left_out(source: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "setup.py", "-q", "build_ext", "--build-lib", "lib"],
        cwd=source, env={**os.environ, "CC": "/nowhere/cc"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    for name in ("_scan", "_wire", "_msgpack"):
        assert name in ran.stderr
        assert list(source.rglob(f"{name}*.so")) == []


def test_it_may_be_left_aside() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _LEFT_ASIDE],
        cwd=ROOT, env={**os.environ, "SMSGW_PURE": "1"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ran.stdout.startswith("rules, wire, packing as Python (")
