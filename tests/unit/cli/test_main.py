"""What happens around the commands: version, wrong usage, and never a traceback."""

from __future__ import annotations

import sys

import pytest

from smsgw import __version__
from smsgw.cli import main as module
from smsgw.errors import ConfigError


def _run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int | str | None:
    monkeypatch.setattr(sys, "argv", ["smsgw", *arguments])
    with pytest.raises(SystemExit) as ended:
        module.main()
    return ended.value.code


def _run_failing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> int | str | None:
    def fail(prog_name: str) -> None:
        raise error

    monkeypatch.setattr(module, "app", fail)
    return _run(monkeypatch)


def test_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(monkeypatch, "--version") == 0
    assert capsys.readouterr().out.startswith(f"smsgw {__version__}, rules")


def test_wrong_usage_is_exit_code_2(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(monkeypatch, "chekc") == 2
    assert "chekc" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (ConfigError("a.toml", 3, "port", "is missing"), "smsgw: a.toml:3: port: is missing\n"),
        (PermissionError(13, "Permission denied", "x"), "smsgw: x: Permission denied\n"),
        (ZeroDivisionError("oh"), "smsgw: internal error: ZeroDivisionError: oh (SMSGW_TRACEBACK=1 shows where)\n"),
    ],
)
def test_errors_are_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, shown: str
) -> None:
    monkeypatch.delenv("SMSGW_TRACEBACK", raising=False)
    assert _run_failing(monkeypatch, error) == 1
    assert capsys.readouterr().err == shown


def test_a_traceback_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMSGW_TRACEBACK", "1")

    def fail(prog_name: str) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(module, "app", fail)
    with pytest.raises(ZeroDivisionError):
        module.main()
