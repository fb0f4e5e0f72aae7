"""Rules 11 and 12: the hours and days at which a class may be sent, and when the next one begins.

Owns: the hard window (closed hours nobody overrides), the soft window (days and hours, narrowed by an account's
slots and by the campaign that a message names) and what a closed one answers: a refusal with retry-after, or a hold
until both are open. By whose clock: the profile's, or that of every zone in which the recipient may live.
A campaign binds every class but verification codes; one that nobody registered, or that has ended, lets nothing pass.
The spans of time themselves are ``gates``'; which zones a number has are ``zones``'.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from smsgw.policy.calendar import Workdays
from smsgw.policy.campaigns import Campaign, Campaigns
from smsgw.policy.gates import ALWAYS, AnyGate, Closed, Gate, Gates, Layer, Minutes, Times, complement, intersect, union
from smsgw.policy.gates import shown as hours
from smsgw.policy.localtime import to_local
from smsgw.policy.model import Draft, Hold, MessageClass, Outcome, Reason, Refusal, Rule
from smsgw.policy.profile import TimeRange, WindowAction, WindowSettings
from smsgw.policy.reasons import WINDOW_HARD, WINDOW_SOFT
from smsgw.policy.zones import zones_of

if TYPE_CHECKING:
    from smsgw.policy.pipeline import Parts

_REMEMBERED_GATES: Final = 4096
_SHOWN_ZONES: Final = 3
_NO_CAMPAIGNS: Final = Campaigns(())


def _no_campaigns() -> Campaigns:
    return _NO_CAMPAIGNS


class Windows:
    """The windows of one account. Accounts with the same slots may share one.

    ``gates``: by class, by the profile's clock and without a campaign; None where it is always open.
    """

    __slots__ = ("_by_recipient", "_made", "_settings", "_slots", "_workdays", "_zone", "action", "gates")

    def __init__(
        self, settings: WindowSettings, zone: ZoneInfo, workdays: Workdays, slots: Iterable[TimeRange] = ()
    ) -> None:
        self.action: WindowAction = settings.action
        self._settings = settings
        self._by_recipient = settings.zone == "recipient"
        self._zone = zone
        self._workdays = workdays
        self._slots = union(slots)
        self._made: dict[tuple[int, tuple[ZoneInfo, ...], Campaign | None], AnyGate | None] = {}
        self.gates: tuple[AnyGate | None, ...] = tuple(self._make(each, (zone,), None) for each in MessageClass)

    def check(
        self, message_class: int, at_ms: int, recipient: str = "", campaign: Campaign | None = None
    ) -> Closed | None:
        """None when a message of the class may be sent at that time."""
        gate = self.gate(message_class, recipient, campaign)
        return None if gate is None else gate.closed(at_ms)

    def gate(self, message_class: int, recipient: str, campaign: Campaign | None) -> AnyGate | None:
        """The gate of a class for a recipient (E.164 digits) and a campaign; None when it is always open."""
        if not self._by_recipient and campaign is None:
            return self.gates[message_class]
        key = (message_class, self.zones(recipient), campaign)
        try:
            return self._made[key]
        except KeyError:
            if len(self._made) >= _REMEMBERED_GATES:
                self._made.clear()
            made = self._made[key] = self._make(*key)
            return made

    def zones(self, recipient: str) -> tuple[ZoneInfo, ...]:
        """By whose clocks a recipient's windows go."""
        return (zones_of(recipient) if self._by_recipient else ()) or (self._zone,)

    def _make(self, message_class: int, zones: tuple[ZoneInfo, ...], campaign: Campaign | None) -> AnyGate | None:
        hard, soft = self._hard(message_class), self._soft(message_class, campaign)
        if hard.is_always and soft.is_always:
            return None
        gates = [Gate(hard, soft, zone, self._workdays) for zone in zones]
        return gates[0] if len(gates) == 1 else Gates(gates)

    def _hard(self, message_class: int) -> Times:
        hard = self._settings.hard
        if hard is None or message_class not in hard.classes:
            return Times()
        return Times(complement(union(hard.closed)))

    def _soft(self, message_class: int, campaign: Campaign | None) -> Times:
        """Slots narrow the soft window of the classes that have one, and bind marketing also where it has none.

        Verification codes wait for no slot of an account or a campaign, unless the profile gives them a soft window.
        """
        soft = self._settings.soft
        has_soft = soft is not None and message_class in soft.classes
        minutes: Minutes = union(soft.open) if soft is not None and has_soft else ALWAYS
        if self._slots and (has_soft or message_class == MessageClass.MARKETING):
            minutes = intersect(minutes, self._slots)
        days = soft.days if soft is not None and has_soft else "all"
        if campaign is None or not is_bound(message_class):
            return Times(minutes, days)
        if campaign.slots:
            minutes = intersect(minutes, union(campaign.slots))
        return Times(minutes, days, campaign.starts, campaign.ends)

    def rule(self, layer: Layer, message_class: int, campaigns: Callable[[], Campaigns] = _no_campaigns) -> Rule | None:
        """The compiled rule of one window and class; None where it can never close.

        ``campaigns`` gives the register as it is now; it is asked anew for each message that names a campaign.
        """
        gate = self.gates[message_class]
        if layer == "hard":
            if gate is None or not gate.can_close("hard"):
                return None
            check = self._hard_check(message_class, campaigns)
            return Rule(11, "window.hard", check, self._hard_text(message_class))
        if not is_bound(message_class) and (gate is None or not gate.can_close("soft")):
            return None
        check = self._soft_check(message_class, campaigns)
        return Rule(12, "window.soft", check, self._soft_text(message_class, campaigns))

    def _hard_check(self, message_class: int, campaigns: Callable[[], Campaigns]) -> Callable[[Draft], Outcome]:
        fixed = None if self._by_recipient else self.gates[message_class]
        bound = is_bound(message_class)

        def check(draft: Draft) -> Outcome:
            gate = fixed or self.gate(message_class, draft.recipient, None)
            at_ms = draft.at_ms
            if gate is None or gate.open_from_ms <= at_ms < gate.open_until_ms:
                return None
            if draft.campaign and bound:  # it is held until the campaign's time, or refused when there is none to come
                gate = self.gate(message_class, draft.recipient, campaigns().of(draft.campaign)) or gate
            return self._ask(gate, "hard", draft)

        return check

    def _soft_check(self, message_class: int, campaigns: Callable[[], Campaigns]) -> Callable[[Draft], Outcome]:
        fixed = None if self._by_recipient else self.gates[message_class]
        bound = is_bound(message_class)

        def check(draft: Draft) -> Outcome:
            gate = fixed
            if draft.campaign and bound:
                campaign = campaigns().of(draft.campaign)
                why = _unusable(campaign, draft)
                if why is not None:
                    return Refusal(WINDOW_SOFT, why)
                gate = self.gate(message_class, draft.recipient, campaign)
            elif gate is None:
                gate = self.gate(message_class, draft.recipient, None)
            at_ms = draft.at_ms
            if gate is None or gate.open_from_ms <= at_ms < gate.open_until_ms:
                return None
            return self._ask(gate, "soft", draft)

        return check

    def _ask(self, gate: AnyGate, layer: Layer, draft: Draft) -> Outcome:
        at_ms = draft.at_ms
        opens_ms = gate.opens_ms(at_ms)
        if opens_ms == at_ms or not gate.is_closed(layer, at_ms):
            return None
        return self._outcome(WINDOW_HARD if layer == "hard" else WINDOW_SOFT, at_ms, opens_ms, draft)

    def _outcome(self, reason: Reason, at_ms: int, opens_ms: int | None, draft: Draft) -> Refusal | Hold:
        if opens_ms is None:
            under = f"campaign {draft.campaign}" if draft.campaign else "these settings"
            return Refusal(reason, f"never opens (again) under {under}")
        if self.action == "hold":
            return Hold(opens_ms, reason)
        opens = to_local(opens_ms, self.zones(draft.recipient)[0]).isoformat(" ", "minutes")
        return Refusal(reason, f"opens {opens}", -((at_ms - opens_ms) // 1000))

    # -- for people

    def _hard_text(self, message_class: int) -> Callable[[Draft], str]:
        closed = hours(complement(self._hard(message_class).minutes))
        return lambda draft: f"{self._clock(draft)}; closed {closed}"

    def _soft_text(self, message_class: int, campaigns: Callable[[], Campaigns]) -> Callable[[Draft], str]:
        def looked_at(draft: Draft) -> str:
            campaign = campaigns().of(draft.campaign) if draft.campaign and is_bound(message_class) else None
            times = self._soft(message_class, campaign)
            open_at = "always" if times.is_always else f"{times.days.replace('all', 'all days')} {hours(times.minutes)}"
            return f"{self._clock(draft)}; open: {open_at}{_campaign_text(draft, campaign)}"

        return looked_at

    def _clock(self, draft: Draft) -> str:
        zones = self.zones(draft.recipient)
        local = [f"{to_local(draft.at_ms, zone):%Y-%m-%d %a %H:%M} ({zone.key})" for zone in zones[:_SHOWN_ZONES]]
        more = f" and {len(zones) - _SHOWN_ZONES} more zones" if len(zones) > _SHOWN_ZONES else ""
        return " and ".join(local) + more


def is_bound(message_class: int) -> bool:
    """Whether a class keeps the times of the campaign that a message names."""
    return message_class != MessageClass.OTP


def _unusable(campaign: Campaign | None, draft: Draft) -> str | None:
    if campaign is None:
        return f"campaign {draft.campaign} is not registered, so nobody has said when it may be sent"
    return campaign.refusal(draft.account)


def _campaign_text(draft: Draft, campaign: Campaign | None) -> str:
    if not draft.campaign:
        return ""
    if campaign is None:
        return f"; campaign {draft.campaign}"
    first, last = campaign.starts or "any day", campaign.ends or "any day"
    return f"; campaign {campaign.name} from {first} to {last}"


def window_hard_rule(parts: Parts, message_class: int) -> Rule | None:
    """Rule 11 for one class."""
    registers = parts.registers
    return parts.windows.rule("hard", message_class, lambda: registers.campaigns)


def window_soft_rule(parts: Parts, message_class: int) -> Rule | None:
    """Rule 12 for one class."""
    registers = parts.registers
    return parts.windows.rule("soft", message_class, lambda: registers.campaigns)
