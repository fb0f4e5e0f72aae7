"""How many processes run on a machine, and what each of them does: ``4``, or ``esme:2,carrier:2``.

Owns the words for it, in smsgw.toml and as options of ``smsgw run``. An **esme** process listens and admits, a
**carrier** process binds to the carriers and sends, an **all** process does both.
"""

from __future__ import annotations

import re
from typing import Final, Literal, get_args

from smsgw.documents.names import with_hint

Role = Literal["esme", "carrier", "all"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
MOST_WORKERS: Final = 64
_MOST_DIGITS: Final = 4
_HOW: Final = 'write a number such as 4, or how many of each role, "esme:2,carrier:2"'
_PART = re.compile(r"\s*([A-Za-z]+)\s*:\s*([0-9]+)\s*")


class RolesTwice(ValueError):
    """Roles were given beside a list of workers that says them already."""

    def __init__(self) -> None:
        super().__init__("the workers say the roles already: leave the role out, or give a plain number of workers")


def role_named(text: str) -> Role:
    """The role of that name. Raises ValueError."""
    for role in ROLES:
        if text == role:
            return role
    raise ValueError(with_hint(f"expected esme, carrier or all, found {text!r:.60}", text, ROLES, list_valid=False))


def parse_workers(workers: object, role: Role | None = None) -> tuple[Role, ...]:
    """The role of each process; ``role`` is for a plain number. Raises ValueError, RolesTwice where both say roles."""
    text = str(workers).strip()
    if re.fullmatch(r"-?[0-9]+", text):
        counts = [(role or "all", text)]
    else:
        counts = [_part(part, workers) for part in text.split(",")]
        if role is not None:
            raise RolesTwice
    # Longer numbers are not even read: some thousand digits are an error of their own.
    numbers = [int(count) if len(count) <= _MOST_DIGITS else MOST_WORKERS + 1 for _, count in counts]
    if min(numbers) < 0 or not 1 <= sum(numbers) <= MOST_WORKERS:
        raise ValueError(f"expected 1 to {MOST_WORKERS} workers in all, found {workers!r:.60}; {_HOW}")
    return tuple(role for (role, _), number in zip(counts, numbers, strict=True) for _ in range(number))


def _part(text: str, workers: object) -> tuple[Role, str]:
    found = _PART.fullmatch(text)
    if found is None:
        raise ValueError(f"expected a number of workers, found {workers!r:.60}; {_HOW}")
    return role_named(found[1]), found[2]
