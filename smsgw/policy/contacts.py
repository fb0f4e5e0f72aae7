"""Rule 8: links and phone numbers in a text must be registered.

Skeleton.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from smsgw.policy.entries import ContactEntry
from smsgw.policy.model import Rule

if TYPE_CHECKING:
    from smsgw.policy.pipeline import Parts


class Contacts:
    """The compiled register."""

    def __init__(self, entries: Iterable[ContactEntry]) -> None:
        self._entries = tuple(entries)


def links_in(text: str) -> list[str]:
    """The links of a text."""
    return []


def phones_in(text: str) -> list[str]:
    """The phone numbers of a text, digits only."""
    return []


def contact_rule(parts: Parts, message_class: int) -> Rule | None:
    """Compiles the rule for one class."""
    return None
