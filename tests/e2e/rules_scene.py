"""What the scenes of the rules' table are made of: steps, each a message or what happens between two, and the clock.

Times are China's (``cst``) or New York's (``est``).
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple, TypeAlias

from smsgw.clock import to_ms

PASSING, FAILING, BORDER, LONG = "passing", "failing", "border", "long message"
OTHER_PROFILE, RECONNECT = "other profile", "reconnect"
CASES: Final = (PASSING, FAILING, BORDER, LONG, OTHER_PROFILE, RECONNECT)


class Sent(NamedTuple):
    """A message. ``refused``: by which rule id; empty: accepted, and it reaches a carrier unless it ``waits``.

    ``to``: a network of ``NETWORKS``, or a name that later steps of the row use too (``ny:a``: with its network), or
    the number itself.
    ``at`` sets the clock before. ``times``: so many, to one recipient after another. ``elsewhere``: on another bind.
    """

    account: str
    text: str
    refused: str = ""
    to: str = ""
    at: str = ""
    retry_after_s: int | None = None
    waits: bool = False
    times: int = 1
    elsewhere: bool = False
    source: str = ""
    tier: str = ""
    campaign: str = ""
    audience: str = ""
    form: str = "udh"


class Split(NamedTuple):
    """A long message: its first segment, which is answered early, ``between``, and the rest.

    When it is refused the rest is told by status and the first segment by receipt.
    """

    account: str
    text: str
    between: tuple[Step, ...]
    refused: str = ""
    to: str = ""
    campaign: str = ""
    audience: str = ""


class At(NamedTuple):
    """The clock is set."""

    clock: str


class Bound(NamedTuple):
    """The account's application unbinds, if it was bound, and binds; ``refused`` when it may not."""

    account: str
    refused: str = ""


class Dropped(NamedTuple):
    """The connection of the account's application is lost; it binds again."""

    account: str


class Known(NamedTuple):
    """What becomes known of a recipient: optout, start, consent, blacklist, dead, tier.

    ``scope``: ``:a:<account>``, ``:s:<signature>`` or the company; of a blacklist its carrier; of a tier its name.
    """

    what: str
    to: str
    scope: str = ""
    at: str = ""
    expires: str = ""


class Said(NamedTuple):
    """The recipient's handset answers to a number."""

    to: str
    dialled: str
    text: str


class Lands(NamedTuple):
    """What waited for the recipient reaches a carrier now."""

    to: str


class Store(NamedTuple):
    """The store stands still, or goes on."""

    away: bool


Step: TypeAlias = Sent | Split | At | Bound | Dropped | Known | Said | Lands | Store


class Row(NamedTuple):
    """One scene of one rule."""

    rule: int
    case: str
    what: str
    steps: tuple[Step, ...]


def row(rule: int, case: str, what: str, *steps: Step) -> Row:
    """A row; its steps in order."""
    return Row(rule, case, what, steps)


def cst(text: str) -> str:
    """``11-18 20:59:59.999`` of the year 2026 (or with a year) in China."""
    return _time(text, "+08:00")


def est(text: str) -> str:
    """The same in New York, in winter."""
    return _time(text, "-05:00")


def _time(text: str, offset: str) -> str:
    day, clock = text.split(" ")
    year = "" if day.count("-") == 2 else "2026-"
    return f"{year}{day}T{clock if clock.count(':') == 2 else clock + ':00'}{offset}"


def ms(clock: str) -> int:
    """Business time in ms."""
    return to_ms(datetime.fromisoformat(clock))
