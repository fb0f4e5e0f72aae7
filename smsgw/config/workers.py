"""How many processes run on a machine, and what each of them does: ``4``, or ``esme:2,carrier:2``.

Owns the words for it, in smsgw.toml and as options of ``smsgw run``. An **esme** process listens and admits, a
**carrier** process binds to the carriers and sends, an **all** process does both.
"""

from __future__ import annotations

import re
from typing import Final, Literal, get_args

Role = Literal["esme", "carrier", "all"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
MOST_WORKERS: Final = 64
ROLE_KEY_ONLY: Final = 'it says the roles already: leave "role" out, or give a plain number of workers'
_PART = re.compile(r"\s*(esme|carrier|all)\s*:\s*([0-9]{1,3})\s*")


def role_named(text: str) -> Role:
    """The role of that name. Raises ValueError."""
    for role in ROLES:
        if text == role:
            return role
    raise ValueError(f"expected a role, {' or '.join(ROLES)}, found {text!r}")


def parse_workers(workers: int | str, role: Role | None = None) -> tuple[Role, ...]:
    """The role of each process. ``role`` is for a plain number; raises ValueError when both say something."""
    text = str(workers).strip()
    if re.fullmatch(r"[0-9]{1,3}", text):
        roles: list[Role] = [role or "all"] * int(text)
    else:
        roles = []
        for part in text.split(","):
            found = _PART.fullmatch(part)
            if found is None:
                raise ValueError(
                    f'expected a number of workers such as 4, or how many of each role, "esme:2,carrier:2", '
                    f"found {workers!r}; roles are all, esme, carrier"
                )
            roles += [role_named(found[1])] * int(found[2])
        if role is not None:
            raise ValueError(f"workers {text!r} and role {role!r} exclude each other: {ROLE_KEY_ONLY}")
    if not 1 <= len(roles) <= MOST_WORKERS:
        raise ValueError(f"expected 1 to {MOST_WORKERS} workers in all, found {len(roles)}")
    return tuple(roles)
