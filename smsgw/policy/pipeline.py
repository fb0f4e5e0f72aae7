"""The rules that need no store, in order, compiled for one account: a draft goes in, a verdict comes out.

Owns: the order of evaluation, which is the order of ``_ROOM``, and what comes of several verdicts. Each rule is a
builder that returns its compiled rule for one class, or None where it can't object; a new rule is one more line in
``_ROOM``. What rules look at (signature, template, class, route) is found before, once: ``Rules.prepare``.
Rules 14–19 belong to the store's script; their rows and flags are handed out here.
Invariants: the first refusal ends it; a hold does not, for a message that will be refused must be refused now and
not after a night in the queue; of several holds the latest counts. Nothing here changes but the draft. Registers are
read when a message is judged, so compiled rules keep working when one is replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from smsgw.policy.again import Again, OtherCarrier
from smsgw.policy.calendar import Workdays
from smsgw.policy.caps import CapRows, CapSet
from smsgw.policy.channels import account_refusal, account_rule
from smsgw.policy.classify import class_rule, classifier
from smsgw.policy.contacts import contact_rule
from smsgw.policy.direction import as_shown
from smsgw.policy.length import length_rule
from smsgw.policy.localtime import LocalDay
from smsgw.policy.model import CLASS_LABELS, Check, Draft, Hold, MessageClass, Outcome, Refusal, Rule, passes
from smsgw.policy.native import IS_COMPILED, scan
from smsgw.policy.orders import order_rule
from smsgw.policy.pauses import pause_rule
from smsgw.policy.profile import AccountPolicy, CarrierPolicy, Profile
from smsgw.policy.reasons import ROUTE_NONE
from smsgw.policy.registers import Registers
from smsgw.policy.routing import Route, RouteTable
from smsgw.policy.service_phone import service_phone_rule
from smsgw.policy.short_links import short_link_rule
from smsgw.policy.signature import CLOSE, OPEN, SignatureFinder, signature_rule
from smsgw.policy.source import source_rule
from smsgw.policy.templates import template_rule
from smsgw.policy.text import LATELY, READ_BY_ITSELF, fold_kept
from smsgw.policy.unsubscribe import unsubscribe_rule
from smsgw.policy.windows import Windows, window_hard_rule, window_soft_rule
from smsgw.policy.words import words_rule

__all__ = ["Facts", "Finding", "Parts", "Rules", "account_refusal", "compile_rules"]


@dataclass(frozen=True, slots=True)
class Parts:
    """What rules are compiled from. ``approval_required``: only accounts whose channel is approved may send."""

    profile: Profile
    account: AccountPolicy
    carriers: Mapping[str, CarrierPolicy]
    windows: Windows
    registers: Registers
    approval_required: bool = False


class Finding(NamedTuple):
    """What one rule says of a draft by itself, and the value it looked at; for people.

    ``applies`` is False for a rule that can't object to this class of this account; it has no outcome then.
    """

    number: int
    rule_id: str
    outcome: Outcome
    looked_at: str
    applies: bool


class Facts(NamedTuple):
    """What the store is asked about the recipient of one class: rule 14 (three) and 15."""

    optout: bool
    blacklist: bool
    dead_number: bool
    consent: bool


Builder: TypeAlias = Callable[[Parts, int], Rule | None]


def _route_rule(parts: Parts, message_class: int) -> Rule:
    none = Refusal(ROUTE_NONE, "no route fits this account, class and recipient")

    def looked_at(draft: Draft) -> str:
        route = draft.route
        return "no route" if route is None else f"route {route.name}: {', '.join(draft.carriers)}"

    return Rule(13, "route", lambda draft: none if draft.route is None else None, looked_at)


_ROOM: Final[tuple[tuple[int, str, tuple[Builder, ...]], ...]] = (
    (1, "account", (account_rule,)),
    (1, "suspended", (order_rule,)),
    (2, "paused", (pause_rule,)),
    (3, "class", (class_rule, source_rule)),
    (4, "signature", (signature_rule,)),
    (5, "unsubscribe", (unsubscribe_rule,)),
    (6, "service_phone", (service_phone_rule,)),
    (7, "words", (words_rule,)),
    (8, "contact", (contact_rule,)),
    (9, "template", (template_rule,)),
    (10, "length", (short_link_rule, length_rule)),
    (11, "window.hard", (window_hard_rule,)),
    (12, "window.soft", (window_soft_rule,)),
    (13, "route", (_route_rule,)),
)


class Rules:
    """The compiled rules of one account; call it with a draft. Made by ``compile_rules``."""

    __slots__ = (
        "_again", "_checks", "_classify", "_facts", "_finders", "_folded", "_lanes", "_local_day", "_plain_always",
        "_plain_for", "_plan", "_signature", "_text_checks", "account", "caps", "other_carrier", "places", "profile",
        "registers", "windows",
    )  # fmt: skip

    def __init__(self, parts: Parts, routes: RouteTable, caps: CapSet) -> None:
        profile = parts.profile
        self.account = parts.account
        self.profile = profile
        self.windows = parts.windows
        self.registers = parts.registers
        self.caps = caps
        account = parts.account
        self._finders = routes.finders(account.name, account.department, account.lane)
        self._lanes = tuple(max(each, account.lane) for each in MessageClass)
        self._plan = routes.plan
        self._signature = SignatureFinder(parts)
        self._classify = classifier(parts)
        self._local_day = LocalDay.of(profile.zone)
        self._plain_always = profile.message_class is not None
        self._plain_for = tuple(_needs_plain(profile, each) for each in MessageClass)
        self._folded: dict[str, str] = {}
        #: The compiled rules by class, in order.
        self.places: tuple[tuple[Place, ...], ...] = tuple(
            _compile(parts, message_class) for message_class in MessageClass
        )
        self._checks: tuple[tuple[Check, ...], ...] = tuple(
            tuple(rule.check for _, _, rules in places for rule in rules if rule.check is not passes)
            for places in self.places
        )
        self._text_checks: tuple[tuple[Check, ...], ...] = tuple(
            tuple(rule.check for _, rule_id, rules in places if rule_id in _OF_TEXT for rule in rules)
            for places in self.places
        )
        self._again = Again(parts, self.places, self._signature.names)
        self.other_carrier = OtherCarrier(parts, self.places, self._signature)
        self._facts = tuple(_facts(profile, each) for each in MessageClass)

    def __call__(self, draft: Draft) -> Outcome:
        """The verdict: None, a refusal, or a hold that no later rule refuses. Prepares the draft."""
        self.prepare(draft)
        return _judge(self._checks[draft.message_class], draft)

    def judge(self, draft: Draft) -> Outcome:
        """The verdict on a draft that was prepared."""
        return _judge(self._checks[draft.message_class], draft)

    def prepare(self, draft: Draft) -> None:
        """Find what rules look at: route (unless it is set), carrier, signature, template, campaign, class, plain text.

        The class decides the route, whose carrier decides where a signature stands, within which a template is found,
        which may say another class: then, and where routes ask for signature or template, route and signature are
        looked up once more, for the class that holds.
        """
        given = draft.route
        declared = draft.declared_class
        draft.day = self._local_day(draft.at_ms)
        draft.network = self._plan.network(draft.recipient, self.registers.ported)
        draft.province = self._plan.province(draft.recipient)
        if given is None:
            self._take_route(draft, declared)
        carrier = draft.carrier = self._carrier(draft)
        self._signature(draft)
        draft.template = None
        if self.registers.templates.any_for(self.account.name):
            self._find_template(draft)
        if self._plain_always and not draft.plain:
            draft.plain = _plain(draft.text)
        found = draft.message_class = self._classify(draft)
        draft.lane = self._lanes[found]
        if given is None and (found != declared or self._finders[found].reads_content):
            self._take_route(draft, found)
            draft.carrier = self._carrier(draft)
            if draft.carrier != carrier:
                signature = draft.signature
                self._signature(draft)
                if draft.signature != signature and self.registers.templates.any_for(self.account.name):
                    self._find_template(draft)
        if not draft.plain and self._plain_for[found]:
            draft.plain = _plain(draft.text)

    def _take_route(self, draft: Draft, message_class: int) -> None:
        route = draft.route = self._finders[message_class](draft)
        draft.carriers = route.order(draft.recipient, draft.network) if route is not None else ()

    def _carrier(self, draft: Draft) -> str:
        carriers = draft.carriers
        if not carriers:
            return ""
        pauses = self.registers.pauses
        if pauses.any:
            for name in pauses.open_carriers(carriers, draft.at_ms):
                return name
        return carriers[0]

    def _find_template(self, draft: Draft) -> None:
        text, start, end = draft.text, draft.body_start, draft.body_end
        if not draft.plain:
            draft.plain = _plain(text)
        body, plain = text, draft.plain
        if draft.signature is not None:
            body = text[start:end]
            plain = self._without(plain, draft.signature, body, front=start > 0)
        draft.template = found = self.registers.templates.match(self.account.name, body, draft.day, plain)
        if found is not None and found.campaign:  # else another campaign's name would pass by its slots and its pause
            draft.campaign = found.campaign

    def _without(self, plain: str, signature: str, body: str, *, front: bool) -> str:
        """``fold_kept(body)``, cut out of the whole text's: signatures are few, so theirs are remembered."""
        folded = self._folded.get(signature)
        if folded is None:
            if len(self._folded) >= _FOLDED_LIMIT:
                self._folded.clear()
            folded = self._folded[signature] = fold_kept(f"{OPEN}{signature}{CLOSE}")
        chars = len(folded)
        if front and plain[:chars] == folded:
            return plain[chars:]
        if not front and plain.endswith(folded):
            return plain[: len(plain) - chars]
        return fold_kept(body)  # a letter and its mark on either side of the seam

    def judge_again(
        self,
        message_class: int,
        at_ms: int,
        recipient: str,
        signature: str | None,
        template: str,
        campaign: str,
        carriers: tuple[str, ...],
    ) -> Outcome:
        """For a message that was accepted earlier and is about to be sent; its text is sealed away.

        Account, channel, pauses, windows, and whether its signature and template (``<id>@<version>``; empty for none)
        are still in force. ``carriers``: those of its route; it is paused only where all of them are.
        """
        return self._again(message_class, at_ms, recipient, signature, template, campaign, carriers)

    def lets_all_again(self, message_class: int, at_ms: int, signature: str, template: str, campaign: str) -> bool:
        """Whether ``judge_again`` says None for every recipient and carrier, until a register changes."""
        return self._again.lets_all(message_class, at_ms, signature, template, campaign)

    def text_again(self, message_class: int, at_ms: int, text: str) -> tuple[Refusal | None, str]:
        """For a held message: what today's word lists and registered contacts say of its text, and ``Draft.review``."""
        draft = Draft(self.account.name, message_class, "", "", text, 1, at_ms)
        if self._plain_for[message_class]:
            draft.plain = _plain(text)
            for check in self._text_checks[message_class]:
                outcome = check(draft)
                if isinstance(outcome, Refusal):
                    return outcome, ""
        return None, draft.review

    def route(self, draft: Draft) -> Route | None:
        """The route of a draft that no rule looks at, such as a confirmation; sets and returns ``draft.route``.

        Sets network, province, lane and carriers too; signature and template are those that are set already.
        """
        draft.network = self._plan.network(draft.recipient, self.registers.ported)
        draft.province = self._plan.province(draft.recipient)
        draft.lane = self._lanes[draft.message_class]
        if draft.route is None:
            self._take_route(draft, draft.message_class)
        return draft.route

    def province(self, recipient: str) -> str:
        """The province of a number, as routes see it; empty for unknown."""
        return self._plan.province(recipient)

    def explain(self, draft: Draft) -> list[Finding]:
        """Every rule from 1 to 13, in order, with what it says by itself; for people. Prepares the draft."""
        self.prepare(draft)
        return [_finding(place, draft) for place in self.places[draft.message_class]]

    def cap_rows(self, draft: Draft) -> CapRows | None:
        """What counts for a message, None for a test number. Call it after the rules: they find signature and class."""
        if draft.recipient in self.profile.test_numbers:
            return None
        template = draft.template.id if draft.template is not None else None
        return self.caps.compiled(draft.account, draft.message_class, draft.signature, template, draft.audience or None)

    def facts(self, message_class: int) -> Facts:
        """What rules 14 and 15 ask the store about a class."""
        return self._facts[message_class]


_FOLDED_LIMIT: Final = 4096
_PLAIN: Final = [("", "")] * (LATELY + 1)
# Of the rules that read a text those whose lists staff change while messages are held.
_OF_TEXT: Final = frozenset(("words", "contact"))
Place: TypeAlias = tuple[int, str, tuple[Rule, ...]]


def _plain(text: str) -> str:
    if IS_COMPILED and (plain := scan.fold(text, READ_BY_ITSELF)) is not None:  # an override is not read by itself
        return plain
    place = hash(text) & LATELY
    known, plain = _PLAIN[place]
    if known != text:
        plain = fold_kept(as_shown(text))
        _PLAIN[place] = (text, plain)
    return plain


def _needs_plain(profile: Profile, message_class: int) -> bool:
    same = profile.same_content
    return (
        message_class in profile.words.checked_for
        or message_class in profile.contacts.links_for
        or message_class in profile.contacts.phones_for
        or (same is not None and message_class in same.classes)
    )


def _facts(profile: Profile, message_class: int) -> Facts:
    return Facts(
        message_class in profile.optout_checked_for,
        message_class in profile.blacklist.checked_for,
        message_class in profile.dead_number.checked_for,
        message_class in profile.consent.required_for,
    )


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


def _finding(place: Place, draft: Draft) -> Finding:
    number, rule_id, rules = place
    if not rules:
        return Finding(number, rule_id, None, f"not asked of {CLASS_LABELS[draft.message_class]}", False)
    outcome = _judge(tuple(rule.check for rule in rules), draft)
    return Finding(number, rule_id, outcome, "; ".join(rule.looked_at(draft) for rule in rules), True)


def _compile(parts: Parts, message_class: int) -> tuple[Place, ...]:
    places = []
    for number, rule_id, builders in _ROOM:
        built = (build(parts, message_class) for build in builders)
        places.append((number, rule_id, tuple(rule for rule in built if rule is not None)))
    return tuple(places)


def compile_rules(
    profile: Profile,
    account: AccountPolicy,
    routes: RouteTable,
    carriers: Mapping[str, CarrierPolicy],
    workdays: Workdays,
    caps: CapSet | None = None,
    registers: Registers | None = None,
    approval_required: bool = False,
) -> Rules:
    """Compiles a profile's rules for one account; once per account and configuration.

    ``carriers`` by name, at least those that have settings of their own. ``caps`` lets the accounts of one profile
    share a CapSet; without it one is made. ``registers``: those of the process, which are replaced under way; without
    them all are empty.
    """
    windows = Windows(profile.window, profile.zone, workdays, account.slots)
    live = registers if registers is not None else Registers()
    parts = Parts(profile, account, carriers, windows, live, approval_required)
    return Rules(parts, routes, caps if caps is not None else CapSet(profile.caps, profile.zone, profile.same_content))
