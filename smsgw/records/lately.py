"""What alarms ask of the records: minutes and hours, not months; answers, and what they are of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Delivered(NamedTuple):
    """Last receipts of a carrier's messages to a province, empty where it is not known."""

    carrier: str
    province: str
    delivered: int
    failed: int


class Reactions(NamedTuple):
    """What came of a template's messages, empty for texts of none: each by the recipient's last message before it."""

    account: str
    template: str
    messages: int
    unsubscribed: int
    complained: int


@dataclass(frozen=True, slots=True)
class Hours:
    """What accounts sent in some hours. An hour of which the archive has nothing at all is in no ``known``."""

    known: frozenset[int]
    accepted: dict[tuple[str, int], int]
