"""The table of everything that is checked, in the order in which it is. A new check is one more entry of a group."""

from __future__ import annotations

from simulators.conformance.check import Check
from simulators.conformance.checks import binding, leaving, links, long, messages, receiving, recovery, sending

TABLE: tuple[tuple[str, tuple[Check, ...]], ...] = (
    ("binding", binding.CHECKS),
    ("link", links.CHECKS),
    ("receiving", receiving.CHECKS),
    ("sending", sending.CHECKS),
    ("long messages", long.CHECKS),
    ("recovery", recovery.CHECKS),
    ("leaving", leaving.CHECKS),
    # These look back on the whole run.
    ("all that was seen", messages.CHECKS),
)


def chosen(only: frozenset[str] = frozenset(), skip: frozenset[str] = frozenset()) -> list[tuple[str, list[Check]]]:
    """The table with ``only`` these checks (all, if none is named), and without those to ``skip``.

    Names are ids of checks, or of groups. Raises ValueError for a name that there is not.
    """
    known = {group for group, _ in TABLE} | {check.id for _, checks in TABLE for check in checks}
    unknown = sorted((only | skip) - known)
    if unknown:
        raise ValueError(f"no check {unknown[0]!r}; --list shows them all")

    def is_meant(group: str, check: Check) -> bool:
        names = {group, check.id}
        return (not only or bool(names & only)) and not names & skip

    found = [(group, [check for check in checks if is_meant(group, check)]) for group, checks in TABLE]
    return [(group, checks) for group, checks in found if checks]
