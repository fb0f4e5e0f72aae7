"""The rules that need no store, in order, compiled for one account: a draft goes in, a verdict comes out.

Owns: the order of evaluation, which is the order of ``_ROOM``, and what comes of several verdicts. Each rule is a
builder that returns its compiled check for one class, or None where it can't object; a new rule is one more line in
``_ROOM``. Rules 14–19 belong to the store's script; their rows and flags are handed out here.
Invariants: the first refusal ends it; a hold does not, for a message that will be refused must be refused now and
not after a night in the queue; of several holds the latest counts. Nothing here changes but the draft.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from smsgw.policy.calendar import Workdays
from smsgw.policy.caps import CapRows, CapSet
from smsgw.policy.localtime import day_start_ms
from smsgw.policy.model import Draft, Hold, MessageClass, Outcome, Refusal
from smsgw.policy.profile import AccountPolicy, CarrierPolicy, Profile
from smsgw.policy.reasons import ACCOUNT_DISABLED, ACCOUNT_EXPIRED, ROUTE_NONE
from smsgw.policy.routing import Route, RouteTable
from smsgw.policy.signature import signature_check
from smsgw.policy.unsubscribe import unsubscribe_check
from smsgw.policy.windows import Windows

Check: TypeAlias = Callable[[Draft], Outcome]


@dataclass(frozen=True, slots=True)
class Parts:
    """What rules are compiled from."""

    profile: Profile
    account: AccountPolicy
    carriers: Mapping[str, CarrierPolicy]
    windows: Windows


def _account(parts: Parts, message_class: int) -> Check | None:
    refuse = account_refusal(parts.account, parts.profile.zone)
    return None if refuse is None else lambda draft: refuse(draft.at_ms)


def _signature(parts: Parts, message_class: int) -> Check:
    return signature_check(parts.profile.signature, parts.account.signatures, parts.carriers, message_class)


def _unsubscribe(parts: Parts, message_class: int) -> Check:
    return unsubscribe_check(parts.profile.unsubscribe, parts.carriers, message_class)


def _window_hard(parts: Parts, message_class: int) -> Check | None:
    return parts.windows.rule("hard", message_class)


def _window_soft(parts: Parts, message_class: int) -> Check | None:
    return parts.windows.rule("soft", message_class)


def _route(parts: Parts, message_class: int) -> Check:
    none = Refusal(ROUTE_NONE, "no route fits this account, class and recipient")
    return lambda draft: none if draft.route is None else None


_ROOM: Final[tuple[tuple[int, str, Callable[[Parts, int], Check | None]], ...]] = (
    (1, "account", _account),
    (4, "signature", _signature),
    (5, "unsubscribe", _unsubscribe),
    (11, "window.hard", _window_hard),
    (12, "window.soft", _window_soft),
    (13, "route", _route),
)
# These read nothing of a draft but its time, so they can be asked again of a message whose text is sealed away.
_TIMED: Final = frozenset(("account", "window.hard", "window.soft"))


def account_refusal(account: AccountPolicy, zone: ZoneInfo) -> Callable[[int], Refusal | None] | None:
    """Rule 1 for one account as a function of business time (ms), or None when it can't object; for binds too."""
    if not account.enabled:
        disabled = Refusal(ACCOUNT_DISABLED, "enabled = false")
        return lambda at_ms: disabled
    if account.licence_expires is None:
        return None
    # Valid through its last day, which ends where the next begins.
    expires_ms = day_start_ms(account.licence_expires + timedelta(days=1), zone)
    expired = Refusal(ACCOUNT_EXPIRED, f"licence_expires = {account.licence_expires.isoformat()}")
    return lambda at_ms: expired if at_ms >= expires_ms else None


class Rules:
    """The compiled rules of one account; call it with a draft. Made by ``compile_rules``."""

    __slots__ = ("_checks", "_finders", "_steps", "_timed", "account", "caps", "profile", "windows")

    def __init__(self, parts: Parts, routes: RouteTable, caps: CapSet) -> None:
        self.account = parts.account
        self.profile = parts.profile
        self.windows = parts.windows
        self.caps = caps
        self._finders = routes.finders(parts.account.name)
        self._steps = tuple(_compile(parts, message_class) for message_class in MessageClass)
        self._checks = tuple(tuple(check for _, check in steps) for steps in self._steps)
        self._timed = tuple(tuple(check for rule_id, check in steps if rule_id in _TIMED) for steps in self._steps)

    def __call__(self, draft: Draft) -> Outcome:
        """The verdict: None, a refusal, or a hold that no later rule refuses.

        Looks up ``draft.route`` unless it is set, and sets ``draft.signature``.
        """
        message_class = draft.message_class
        if draft.route is None:
            draft.route = self._finders[message_class](draft.recipient)
        return _judge(self._checks[message_class], draft)

    def judge_time(self, message_class: int, at_ms: int) -> Outcome:
        """The rules of account and time alone, for a message that was accepted earlier and is about to be sent."""
        return _judge(self._timed[message_class], Draft(self.account.name, message_class, "", "", "", 1, at_ms))

    def route(self, draft: Draft) -> Route | None:
        """The route of a draft that no rule looks at, such as a confirmation; sets and returns ``draft.route``."""
        if draft.route is None:
            draft.route = self._finders[draft.message_class](draft.recipient)
        return draft.route

    def explain(self, draft: Draft) -> list[tuple[str, Outcome]]:
        """Every rule that could object to this class, in order, with what it says by itself; for people."""
        self.route(draft)
        return [(rule_id, check(draft)) for rule_id, check in self._steps[draft.message_class]]

    def cap_rows(self, draft: Draft) -> CapRows | None:
        """What counts for a message, None for a test number. Call it after the rules: they find the signature."""
        if draft.recipient in self.profile.test_numbers:
            return None
        return self.caps.compiled(draft.account, draft.message_class, draft.signature)

    def is_optout_checked(self, message_class: int) -> bool:
        """Whether rule 14 asks the store about this class."""
        return message_class in self.profile.optout_checked_for


def _judge(checks: tuple[Check, ...], draft: Draft) -> Outcome:
    hold: Hold | None = None
    for check in checks:
        outcome = check(draft)
        if outcome is None:
            continue
        if isinstance(outcome, Refusal):
            return outcome
        if hold is None or outcome.until_ms > hold.until_ms:
            hold = outcome
    return hold


def _compile(parts: Parts, message_class: int) -> tuple[tuple[str, Check], ...]:
    built = ((rule_id, build(parts, message_class)) for _, rule_id, build in _ROOM)
    return tuple((rule_id, check) for rule_id, check in built if check is not None)


def compile_rules(
    profile: Profile,
    account: AccountPolicy,
    routes: RouteTable,
    carriers: Mapping[str, CarrierPolicy],
    workdays: Workdays,
    caps: CapSet | None = None,
) -> Rules:
    """Compiles a profile's rules for one account; once per account and configuration.

    ``carriers`` by name, at least those that have settings of their own. ``caps`` lets the accounts of one profile
    share a CapSet; without it one is made.
    """
    windows = Windows(profile.window, profile.zone, workdays, account.slots)
    parts = Parts(profile, account, carriers, windows)
    return Rules(parts, routes, caps if caps is not None else CapSet(profile.caps, profile.zone))
