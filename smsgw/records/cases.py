"""Questions about one case: whom an incident touched, and what followed an opt-out. Their form, not their answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SCOPES: Final = ("account", "template", "campaign", "carrier", "signature")
MOST_AFFECTED: Final = 100_000
"""Messages of one case; more are asked for in shorter times."""
AROUND_MS: Final = 3 * 24 * 3_600_000
"""So long before and after the time asked for a message may have begun, and may still hear of its end."""


@dataclass(frozen=True, slots=True)
class Case:
    """What ``scope`` (of ``SCOPES``) named ``name`` did from ``since_ms`` until before ``until_ms``.

    A template is all its versions unless the name has one.
    """

    scope: str
    name: str
    since_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class Affected:
    """A message that something happened to in that time; times in ms, 0 where it did not.

    ``state``: of the receipt that was the last word, 0 for none. ``step``: its last step but the receipt's return.
    ``number``: in full, only if it was asked for and is still kept. ``message_id`` is empty for what was refused
    before it got one.
    """

    message_id: str
    account: str
    department: str
    carrier: str
    message_class: int
    template: str
    campaign: str
    signature: str
    recipient_hash: str
    recipient_masked: str
    segments: int
    begun_ms: int
    sent_ms: int
    final_ms: int
    state: int
    err: str
    step: int
    rule_id: str
    number: str = ""


@dataclass(frozen=True, slots=True)
class Happened:
    """So many records of a kind, from the first to the last."""

    step: int
    carrier: str
    rule_id: str
    state: int
    err: str
    first_ms: int
    last_ms: int
    count: int


@dataclass(frozen=True, slots=True)
class Moment:
    """Counts of a slice of the time."""

    at_ms: int
    accepted: int
    delivered: int
    failed: int


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer about a case. ``slice_ms``: how long each moment is."""

    messages: list[Affected]
    happened: list[Happened]
    moments: list[Moment]
    slice_ms: int


@dataclass(frozen=True, slots=True)
class Late:
    """Marketing that was accepted after an opt-out in whose scope it is, with no subscription in between."""

    message_id: str
    account: str
    signature: str
    recipient_masked: str
    optout_ms: int
    accepted_ms: int


@dataclass(frozen=True, slots=True)
class Optouts:
    """What became of opt-outs. ``by_source``: how many came as answers (``mo``) and otherwise."""

    optouts: int
    resubscribed: int
    by_source: dict[str, int]
    recipients_refused: int
    """Of those who opted out, how many were then spared a message."""
    late: list[Late]
