"""The table of everything that is checked, in the order in which it is. A new check is one more entry of a group."""

from __future__ import annotations

from simulators.conformance.check import Check
from simulators.conformance.checks.binding import CHECKS as BINDING
from simulators.conformance.checks.leaving import CHECKS as LEAVING
from simulators.conformance.checks.links import CHECKS as LINKS
from simulators.conformance.checks.long import CHECKS as LONG
from simulators.conformance.checks.messages import CHECKS as MESSAGES
from simulators.conformance.checks.receiving import CHECKS as RECEIVING
from simulators.conformance.checks.recovery import CHECKS as RECOVERY
from simulators.conformance.checks.sending import CHECKS as SENDING

TABLE: tuple[tuple[str, tuple[Check, ...]], ...] = (
    ("binding", BINDING),
    ("link", LINKS),
    ("receiving", RECEIVING),
    ("sending", SENDING),
    ("long messages", LONG),
    ("recovery", RECOVERY),
    ("leaving", LEAVING),
    # These look back on the whole run.
    ("all that was seen", MESSAGES),
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
