"""How many processes run and what each does, as people write it."""

from __future__ import annotations

import re

import pytest

from smsgw.config.workers import RolesTwice, parse_workers, role_named


@pytest.mark.parametrize(
    ("workers", "role", "expected"),
    [
        (1, None, ("all",)),
        ("3", None, ("all", "all", "all")),
        (2, "esme", ("esme", "esme")),
        ("esme:2,carrier:1", None, ("esme", "esme", "carrier")),
        (" all:1 , esme:1 ", None, ("all", "esme")),
        ("esme:0,carrier:1", None, ("carrier",)),
        ("64", None, ("all",) * 64),
    ],
)
def test_roles(workers: int | str, role: str | None, expected: tuple[str, ...]) -> None:
    assert parse_workers(workers, role_named(role) if role else None) == expected


@pytest.mark.parametrize(
    ("workers", "why"),
    [
        (0, "expected 1 to 64 workers in all, found 0; write a number such as 4, or how many of each role"),
        (65, "expected 1 to 64 workers in all, found 65"),
        ("9999", "expected 1 to 64 workers in all, found '9999'"),
        ("9" * 5000, "expected 1 to 64 workers in all, found '999"),
        (-1, "expected 1 to 64 workers in all, found -1"),
        ("esme:0,carrier:0", "expected 1 to 64 workers in all, found 'esme:0,carrier:0'"),
        ("esme:99999999,carrier:1", "expected 1 to 64 workers in all"),
        ("", "expected a number of workers, found ''; write a number such as 4"),
        ("esme", "expected a number of workers, found 'esme'"),
        ("esme:-1", "expected a number of workers, found 'esme:-1'"),
        (True, "expected a number of workers, found True"),
        ("esme:1,sms:2", "expected esme, carrier or all, found 'sms'"),
    ],
)
def test_what_is_no_number_of_workers(workers: object, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        parse_workers(workers)


def test_roles_are_said_once() -> None:
    with pytest.raises(RolesTwice, match="say the roles already: leave the role out, or give a plain number"):
        parse_workers("esme:1,carrier:1", "all")
    with pytest.raises(ValueError, match="expected esme, carrier or all, found 'edge'"):
        role_named("edge")
