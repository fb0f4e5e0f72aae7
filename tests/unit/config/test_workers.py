"""How many processes run and what each does, as people write it."""

from __future__ import annotations

import pytest

from smsgw.config.workers import parse_workers, role_named


@pytest.mark.parametrize(
    ("workers", "role", "expected"),
    [
        (1, None, ("all",)),
        ("3", None, ("all", "all", "all")),
        (2, "esme", ("esme", "esme")),
        ("esme:2,carrier:1", None, ("esme", "esme", "carrier")),
        (" all:1 , esme:1 ", None, ("all", "esme")),
    ],
)
def test_roles(workers: int | str, role: str | None, expected: tuple[str, ...]) -> None:
    assert parse_workers(workers, role_named(role) if role else None) == expected


@pytest.mark.parametrize(
    ("workers", "why"),
    [
        (0, "expected 1 to 64 workers in all, found 0"),
        (65, "expected 1 to 64 workers in all, found 65"),
        (-1, "expected a number of workers"),
        ("", "expected a number of workers"),
        ("esme", "expected a number of workers"),
        ("esme:1,sms:2", 'how many of each role, "esme:2,carrier:2", found'),
    ],
)
def test_what_is_no_number_of_workers(workers: int | str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_workers(workers)


def test_roles_are_said_once() -> None:
    with pytest.raises(ValueError, match="exclude each other"):
        parse_workers("esme:1,carrier:1", "all")
    with pytest.raises(ValueError, match="expected a role, esme or carrier or all, found 'edge'"):
        role_named("edge")
