"""Campaigns: when the messages that name one may be sent, beside the windows of their class.

Owns: the register of campaigns, compiled: slots, first and last day, and whether one may be used at all. ``windows``
applies them (rule 12); verification codes don't wait for a campaign. A document whose slots or days can't be read
never opens: an unreadable limit must not become no limit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from smsgw.policy.entries import CampaignEntry
from smsgw.policy.profile import TimeRange

ACTIVE: Final = "active"


@dataclass(frozen=True, slots=True, eq=False)
class Campaign:
    """One campaign, ready to be applied; compared by identity. ``fault`` says why it can't be used by anybody.

    ``starts`` and ``ends`` are its first and last day by the clock of the windows; None for no bound.
    """

    name: str
    account: str = ""
    slots: tuple[TimeRange, ...] = ()
    starts: date | None = None
    ends: date | None = None
    fault: str = ""

    def refusal(self, account: str) -> str | None:
        """Why an account may not send under this campaign at all, or None."""
        if self.fault:
            return self.fault
        if self.account and self.account != account:
            return f"campaign {self.name} belongs to another account"
        return None


def campaign_fault(entry: CampaignEntry) -> str | None:
    """What is wrong with what somebody wrote, or None; for whoever registers a campaign."""
    try:
        made = _read(entry)
    except (ValueError, TypeError) as error:
        return str(error)
    if made.starts is not None and made.ends is not None and made.starts > made.ends:
        return f"ends on {made.ends}, before it starts on {made.starts}"
    return None


class Campaigns:
    """The register of campaigns, compiled."""

    __slots__ = ("_by_name",)

    def __init__(self, entries: Iterable[CampaignEntry]) -> None:
        self._by_name = {entry.name: _compile(entry) for entry in entries}

    def of(self, name: str) -> Campaign | None:
        """The campaign of that name, in whatever state; None when none is registered."""
        return self._by_name.get(name)


def _compile(entry: CampaignEntry) -> Campaign:
    if entry.state != ACTIVE:
        return Campaign(entry.name, entry.account, fault=f"campaign {entry.name} is {entry.state}")
    try:
        return _read(entry)
    except (ValueError, TypeError) as error:
        return Campaign(entry.name, entry.account, fault=f"campaign {entry.name}: {error}")


def _read(entry: CampaignEntry) -> Campaign:
    return Campaign(
        entry.name,
        entry.account,
        tuple(TimeRange.parse(str(slot)) for slot in entry.slots),
        _day(entry.starts),
        _day(entry.ends),
    )


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a day such as 2026-11-20") from None
