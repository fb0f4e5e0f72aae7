"""``smsgw console``: what it does not start with, and how people get their tokens."""

from __future__ import annotations

from pathlib import Path

import pytest

from smsgw.config.passwords import verify_password
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
