"""``smsgw console``: what it does not start with, and how people get their tokens."""

from __future__ import annotations

from pathlib import Path

import pytest

from smsgw.config.passwords import verify_password
from smsgw.config.people import PersonSettings, hash_token
from tests.unit.cli.conftest import Run, started


def test_it_says_what_to_write_where_nobody_may_use_it(smsgw: Run, site: Path) -> None:
    result = smsgw("console")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"smsgw: {site}/people.toml: is missing or names nobody")
    assert "smsgw console token NAME" in result.stderr
    assert not (site / "state").exists()


def test_a_token_is_shown_once_and_its_stored_form_is_for_the_file() -> None:
    result = started("console", "token", "wang")
    assert result.exit_code == 0
    token = result.stderr.removeprefix("token: ").strip()
    assert token.startswith("wang~")
    assert verify_password(result.stdout.strip(), token.encode())
    assert token not in result.stdout


@pytest.mark.parametrize("name", ["w ang", "", "王", "x" * 33])
def test_a_name_that_people_toml_would_refuse(name: str) -> None:
    result = started("console", "token", name)
    assert result.exit_code == 2
    assert "expected a name of at most 32 letters" in result.stderr


def test_a_password_is_hashed_for_the_file() -> None:
    result = started("console", "password", stdin="correct horse 电池\n")
    assert result.exit_code == 0
    assert verify_password(result.stdout.strip(), "correct horse 电池".encode())
    short = started("console", "password", stdin="short\n")
    assert short.exit_code == 1
    assert short.stderr == "smsgw: a password of the console has at least 12 characters\n"


def test_codes_are_shown_to_their_owner_and_sealed_for_the_file(smsgw: Run, site: Path) -> None:
    result = smsgw("console", "totp", "wang")
    assert result.exit_code == 0, result.stderr
    assert "otpauth://totp/smsgw:wang?secret=" in result.stderr
    assert "█" in result.stderr
    secret = result.stderr.partition("secret=")[2].partition("&")[0]
    stored = result.stdout.strip()
    assert stored.startswith("sealed$")
    assert secret not in stored
    PersonSettings(name="wang", roles=("viewer",), password=hash_token("x"), totp=stored)
    assert smsgw("console", "totp", "wang").stdout.strip() != stored
