"""``smsgw password``."""

from __future__ import annotations

from typer.testing import CliRunner

from smsgw.cli.main import app
from smsgw.config.passwords import verify_password


def test_from_a_pipe() -> None:
    result = CliRunner().invoke(app, ["password"], input="secret12\n")
    assert result.exit_code == 0
    assert verify_password(result.stdout.strip(), b"secret12")


def test_made_up() -> None:
    result = CliRunner().invoke(app, ["password", "--generate"])
    chosen = result.stderr.removeprefix("password: ").strip()
    assert len(chosen) == 8
    assert verify_password(result.stdout.strip(), chosen.encode())


def test_what_smpp_cannot_carry_is_refused() -> None:
    result = CliRunner().invoke(app, ["password"], input="123456789\n")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == "smsgw: SMPP carries at most 8 characters, this password has 9\n"
