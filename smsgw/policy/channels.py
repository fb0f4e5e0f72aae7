"""Rule 1: an account may send while it is enabled, its channel is approved and its licence runs; carriers likewise.

Owns: the register of channels (``account:<name>``, ``carrier:<name>``) as compiled, and the account rule for messages
and binds. Never asks who approved what: a channel is ``active`` or it is not, see ``policy.approvals``.
Whether approval is asked for at all is a site's choice; an entry that is not active refuses only where it is.
Days count through their end on the profile's wall clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from smsgw.policy.entries import ChannelEntry
from smsgw.policy.localtime import QUARTER_MS, LocalDay, day_start_ms
from smsgw.policy.model import Draft, Refusal, Rule
from smsgw.policy.profile import AccountPolicy
from smsgw.policy.reasons import ACCOUNT_DISABLED, ACCOUNT_EXPIRED, ACCOUNT_UNAPPROVED

if TYPE_CHECKING:
    from smsgw.policy.pipeline import Parts
    from smsgw.policy.registers import Registers

ACTIVE: Final = "active"


class Channels:
    """The register, by channel."""

    __slots__ = ("_entries",)

    def __init__(self, entries: Iterable[ChannelEntry]) -> None:
        self._entries = {entry.channel: entry for entry in entries}

    def get(self, channel: str) -> ChannelEntry | None:
        """The entry of ``account:<name>`` or ``carrier:<name>``, in whatever state."""
        return self._entries.get(channel)

    def refusal(self, channel: str, at_ms: int, zone: ZoneInfo) -> Refusal | None:
        """None while the channel is approved for use; for every message, bind and connection."""
        return self.refusal_on(channel, LocalDay.of(zone)(at_ms))

    def refusal_on(self, channel: str, day: str) -> Refusal | None:
        """The same for a local day (ISO)."""
        entry = self._entries.get(channel)
        if entry is None:
            return Refusal(ACCOUNT_UNAPPROVED, f"{channel} is not in the register of channels")
        if entry.state != ACTIVE:
            return Refusal(ACCOUNT_UNAPPROVED, f"{channel} is {entry.state}, not {ACTIVE}")
        if entry.expires and day > entry.expires:
            return Refusal(ACCOUNT_UNAPPROVED, f"the approval of {channel} ended with {entry.expires}")
        if entry.licence_expires and day > entry.licence_expires:
            return Refusal(ACCOUNT_EXPIRED, f"licence {entry.licence} of {channel} ended with {entry.licence_expires}")
        return None


def account_refusal(
    account: AccountPolicy, zone: ZoneInfo, registers: Registers | None = None, approval_required: bool = False
) -> Callable[[int], Refusal | None] | None:
    """Rule 1 for one account as a function of business time (ms), or None when it can't object; for binds too."""
    if not account.enabled:
        disabled = Refusal(ACCOUNT_DISABLED, "enabled = false")
        return lambda at_ms: disabled
    by_file = _licence_refusal(account, zone)
    if registers is None or not approval_required:
        return by_file
    channel = f"account:{account.name}"
    local_day = LocalDay.of(zone)
    known_channels: Channels | None = None
    known_quarter = -1
    known: Refusal | None = None

    def refuse(at_ms: int) -> Refusal | None:
        # The whole answer holds for a day and a register; so it is kept for as long as both stay the same for certain.
        nonlocal known_channels, known_quarter, known
        channels, quarter = registers.channels, at_ms // QUARTER_MS
        if channels is not known_channels or quarter != known_quarter:
            known = (by_file(at_ms) if by_file is not None else None) or channels.refusal_on(channel, local_day(at_ms))
            known_channels, known_quarter = channels, quarter
        return known

    return refuse


def _licence_refusal(account: AccountPolicy, zone: ZoneInfo) -> Callable[[int], Refusal | None] | None:
    if account.licence_expires is None:
        return None
    # Valid through its last day, which ends where the next begins.
    expires_ms = day_start_ms(account.licence_expires + timedelta(days=1), zone)
    expired = Refusal(ACCOUNT_EXPIRED, f"licence_expires = {account.licence_expires.isoformat()}")
    return lambda at_ms: expired if at_ms >= expires_ms else None


def account_rule(parts: Parts, message_class: int) -> Rule | None:
    """Rule 1; None where nothing can end the account's right to send."""
    refuse = account_refusal(parts.account, parts.profile.zone, parts.registers, parts.approval_required)
    if refuse is None:
        return None

    def looked_at(draft: Draft) -> str:
        account = parts.account
        seen = [f"enabled = {str(account.enabled).lower()}"]
        if account.licence_expires is not None:
            seen.append(f"licence_expires = {account.licence_expires.isoformat()}")
        if parts.approval_required:
            entry = parts.registers.channels.get(f"account:{account.name}")
            seen.append(f"channel account:{account.name} " + ("is not registered" if entry is None else _shown(entry)))
        return ", ".join(seen)

    return Rule(1, "account", lambda draft: refuse(draft.at_ms), looked_at)


def _shown(entry: ChannelEntry) -> str:
    ends = f", approved through {entry.expires}" if entry.expires else ""
    licence = f", licence through {entry.licence_expires}" if entry.licence_expires else ""
    return f"is {entry.state}{ends}{licence}"
