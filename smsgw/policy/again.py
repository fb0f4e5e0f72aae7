"""The second look: may a message that was accepted earlier still be sent now, by those rules that need no text?

Owns: which rules these are, and the short way through them. It is asked for every message at sending, so the usual
answer (nothing is wrong) costs a few comparisons; only where one of them fails the rules themselves are asked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

from smsgw.policy.channels import account_refusal
from smsgw.policy.entries import TemplateEntry
from smsgw.policy.localtime import LocalDay
from smsgw.policy.model import CLASS_LABELS, Check, Draft, Outcome, Refusal, Rule
from smsgw.policy.reasons import SIGNATURE_UNREGISTERED, TEMPLATE
from smsgw.policy.signature import AccountSignatures, SignatureFinder

if TYPE_CHECKING:
    from smsgw.policy.pipeline import Parts

_HABITUAL: Final = frozenset(("signature", "unsubscribe"))
# These read of a draft only what is known of a message whose text is sealed away.
_ASKED: Final = frozenset(("account", "paused", "window.hard", "window.soft"))

_Habit: TypeAlias = tuple[str, tuple[str, ...]]


class OtherCarrier:
    """Whether a text that one carrier takes suits another, which may want the signature or the phrase elsewhere."""

    __slots__ = ("_checks", "_find", "_habits", "_name", "_signed", "_usual", "_with_phrase", "any_differ")

    def __init__(
        self, parts: Parts, places: tuple[tuple[tuple[int, str, tuple[Rule, ...]], ...], ...], find: SignatureFinder
    ) -> None:
        self._name = parts.account.name
        self._find = find
        position, phrases = parts.profile.signature.position, tuple(parts.profile.unsubscribe.phrases)
        self._usual: _Habit = (position, phrases)
        self._signed = parts.profile.signature.required_for
        self._with_phrase = parts.profile.unsubscribe.required_for
        self._habits: dict[str, _Habit] = {
            name: (carrier.signature_position or position, carrier.unsubscribe_phrases or phrases)
            for name, carrier in parts.carriers.items()
        }
        #: False where all carriers want the same, which is the usual case.
        self.any_differ = any(habit != self._usual for habit in self._habits.values())
        self._checks: tuple[tuple[Check, ...], ...] = tuple(
            tuple(rule.check for _, rule_id, rules in of_class if rule_id in _HABITUAL for rule in rules)
            for of_class in places
        )

    def takes_all(self, message_class: int, one: str, other: str) -> bool:
        """Whether every text of a class that suits ``one`` suits ``other`` as well."""
        position, phrases = self._habits.get(one, self._usual)
        other_position, other_phrases = self._habits.get(other, self._usual)
        return (other_position in (position, "either") or message_class not in self._signed) and (
            set(phrases) <= set(other_phrases) or message_class not in self._with_phrase
        )

    def suits(
        self, message_class: int, at_ms: int, signature: str, text: Callable[[], str], judged_by: str, carrier: str
    ) -> bool:
        """``text`` is asked only where ``carrier`` differs from the one by whose habits it was judged."""
        if self.takes_all(message_class, judged_by, carrier):
            return True
        draft = Draft(self._name, message_class, "", "", text(), 1, at_ms)
        draft.carrier = carrier
        self._find(draft)
        if (draft.signature or "") != signature:
            return False
        return not any(isinstance(check(draft), Refusal) for check in self._checks[message_class])


class Again:
    """The second look at messages of one account; call it."""

    __slots__ = (
        "_account", "_by_recipient", "_checks", "_gates", "_local_day", "_name", "_names", "_registers",
    )  # fmt: skip

    def __init__(
        self, parts: Parts, places: tuple[tuple[tuple[int, str, tuple[Rule, ...]], ...], ...], names: AccountSignatures
    ) -> None:
        self._name = parts.account.name
        self._registers = parts.registers
        self._names = names
        self._account = account_refusal(parts.account, parts.profile.zone, parts.registers, parts.approval_required)
        self._gates = parts.windows.gates
        self._by_recipient = parts.profile.window.zone == "recipient"
        self._local_day = LocalDay.of(parts.profile.zone)
        self._checks: tuple[tuple[Check, ...], ...] = tuple(
            tuple(rule.check for _, rule_id, rules in of_class if rule_id in _ASKED for rule in rules)
            for of_class in places
        )

    def __call__(
        self,
        message_class: int,
        at_ms: int,
        recipient: str,
        signature: str | None,
        template: str,
        campaign: str,
        carriers: tuple[str, ...],
    ) -> Outcome:
        registers = self._registers
        outcome: Outcome = None
        if not self._is_open(message_class, at_ms, campaign):
            outcome = self._ask(message_class, at_ms, recipient, signature, template, campaign, carriers)
            if isinstance(outcome, Refusal):
                return outcome
        if signature and not self._names.in_force(signature, at_ms):
            return Refusal(SIGNATURE_UNREGISTERED, f"【{signature}】 {self._names.fault(signature)}")
        if template and not registers.templates.in_force(template, self._local_day(at_ms)):
            return Refusal(TEMPLATE, f"template {template} is not in force any more")
        return outcome

    def lets_all(self, message_class: int, at_ms: int, signature: str, template: str, campaign: str) -> bool:
        """Whether a call says None whoever the recipient is, and over any carrier."""
        return (
            self._is_open(message_class, at_ms, campaign)
            and (not signature or self._names.in_force(signature, at_ms))
            and (not template or self._registers.templates.in_force(template, self._local_day(at_ms)))
        )

    def _is_open(self, message_class: int, at_ms: int, campaign: str) -> bool:
        """Whether none of the rules that are asked here can object."""
        gate = self._gates[message_class]
        return (
            not self._registers.pauses.any
            and not campaign
            and (gate is None or (not self._by_recipient and gate.open_from_ms <= at_ms < gate.open_until_ms))
            and (self._account is None or self._account(at_ms) is None)
        )

    def _ask(
        self,
        message_class: int,
        at_ms: int,
        recipient: str,
        signature: str | None,
        template: str,
        campaign: str,
        carriers: tuple[str, ...],
    ) -> Outcome:
        draft = Draft(self._name, message_class, "", recipient, "", 1, at_ms, None, None, campaign)
        draft.carriers = carriers
        draft.signature = signature or None
        if template:
            name, _, version = template.rpartition("@")
            label = CLASS_LABELS[message_class]
            draft.template = self._registers.templates.get(template) or TemplateEntry(
                name or version, int(version) if name and version.isdecimal() else 0, label, ""
            )
        hold = None
        for check in self._checks[message_class]:
            outcome = check(draft)
            if isinstance(outcome, Refusal):
                return outcome
            if outcome is not None and (hold is None or outcome.until_ms > hold.until_ms):
                hold = outcome
        return hold
