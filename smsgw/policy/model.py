"""The values every rule speaks in: a draft goes in, and nothing, a refusal or a hold comes out.

Owns: message classes, reasons, the two verdicts, the draft. Never decides anything itself.
Rules are numbered as in the list of rules (1 account … 19 queue); ``status`` is a command_status in
the vendor range 0x400–0x4FF (SMPP 3.4 §5.1.3), ``fallback`` the one for accounts that want none of those.
A verdict is business and therefore a value; exceptions (``smsgw.errors``) mean something broke.
What can go wrong: a Draft is mutable and filled by rules in order (route, signature); judging the
same draft twice is fine, sharing one between messages is not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from smsgw.policy.entries import TemplateEntry
    from smsgw.policy.routing import Route
    from smsgw.policy.short_links import Place


class MessageClass(IntEnum):
    """What a message is for. The number is also its lane: a lower lane is sent first."""

    OTP = 0
    NOTICE = 1
    MARKETING = 2

    @property
    def label(self) -> str:
        """The word used in site files, metrics and records."""
        return CLASS_LABELS[self]

    @classmethod
    def from_label(cls, label: str) -> MessageClass:
        """The class of a word from a site file; ValueError names the valid words."""
        try:
            return cls(CLASS_LABELS.index(label))
        except ValueError:
            raise ValueError(f"{label!r} is not one of {', '.join(CLASS_LABELS)}") from None


CLASS_LABELS: Final = ("otp", "notice", "marketing")
ALL_CLASSES: Final = frozenset(MessageClass)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a message is refused or held: stable for clients, readable for people.

    ``rule_id`` is dotted lower-case and never changes once released; the texts may. ``remedy`` says what would have to
    change for such a message to pass.
    """

    rule: int
    rule_id: str
    status: int
    fallback: int
    text: str
    text_zh: str
    remedy: str
    remedy_zh: str

    def command_status(self, vendor_codes: bool) -> int:
        """The status for the answer, by the account's ``vendor_codes`` setting."""
        return self.status if vendor_codes else self.fallback

    @property
    def receipt_err(self) -> str:
        """The ``err:`` of a REJECTD receipt: the last three hex digits of the status."""
        return f"{self.status & 0xFFF:03X}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """The message is not accepted. ``detail`` is for logs and explain output and never holds a full number.

    ``retry_after_s`` is None where trying again later can't help.
    """

    reason: Reason
    detail: str
    retry_after_s: int | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """The message may be accepted now and sent at ``until_ms`` (business time) at the earliest.

    Look at all rules again then: the window may have been changed, the recipient opted out.
    """

    until_ms: int
    reason: Reason


Outcome: TypeAlias = Refusal | Hold | None


class Draft:
    """One whole message as the rules see it; made per message, so a plain slotted class.

    Given: ``message_class`` as the account declares it; ``recipient`` E.164 digits without a plus; ``text`` the whole
    text of all segments; ``at_ms`` business time in ms since 1970 UTC at which it would be sent; ``campaign`` and
    ``audience`` as the application named them (empty: not at all). ``route`` may be None: the pipeline looks it up.
    ``carriers`` is the order in which this message tries those of its route.

    Found by the pipeline before any rule is asked: ``carrier``, by whose habits signature and phrases are judged (the
    first of the route that is not paused; empty: none); ``signature`` (only a registered one) with ``body_start`` and
    ``body_end``, the part of ``text`` without it; ``plain``, the text as ``policy.text.fold_kept`` reads it (empty
    while no rule needs it); ``template``; the ``message_class`` that really holds, see ``policy.classify``, and the
    ``lane`` that it waits in; ``network`` and ``province`` of the recipient, empty for unknown; ``day``, the local
    one (ISO; empty before the pipeline).
    ``review`` is set by a word that asks for a person; the message is then accepted and parked.
    ``links`` are those that short ones take the place of, see ``policy.short_links``; None: all stay as they are.
    """

    __slots__ = (
        "account",
        "at_ms",
        "audience",
        "body_end",
        "body_start",
        "campaign",
        "carrier",
        "carriers",
        "day",
        "declared_class",
        "lane",
        "links",
        "message_class",
        "network",
        "plain",
        "province",
        "recipient",
        "review",
        "route",
        "segments",
        "signature",
        "source_addr",
        "template",
        "text",
        "tier",
    )

    def __init__(
        self,
        account: str,
        message_class: int,
        source_addr: str,
        recipient: str,
        text: str,
        segments: int,
        at_ms: int,
        route: Route | None = None,
        tier: str | None = None,
        campaign: str = "",
        audience: str = "",
    ) -> None:
        self.account = account
        self.declared_class = self.message_class = message_class
        self.source_addr = source_addr
        self.recipient = recipient
        self.text = text
        self.segments = segments
        self.at_ms = at_ms
        self.route = route
        self.tier = tier
        self.campaign = campaign
        self.audience = audience
        self.carriers: tuple[str, ...] = route.order(recipient) if route is not None else ()
        self.carrier = ""
        self.day = ""
        self.lane = message_class
        self.network = ""
        self.province = ""
        self.signature: str | None = None
        self.body_start = 0
        self.body_end = len(text)
        self.plain = ""
        self.template: TemplateEntry | None = None
        self.review = ""
        self.links: tuple[Place, ...] | None = ()

    def __repr__(self) -> str:
        # No recipient and no text: a draft's repr ends up in tracebacks, and those in logs.
        return f"<Draft {self.account} {MessageClass(self.message_class).label} segments={self.segments}>"


Check: TypeAlias = Callable[[Draft], Outcome]


def passes(draft: Draft) -> None:
    """The check of a rule that objects to nothing and is there for people only; messages are not put to it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One compiled rule of one account and class.

    ``check`` is called for every message and must be quick. ``looked_at`` is for people: the value that the rule
    looked at, in words, without a full number (such as ``【示例】 at the front; registered: 示例商城, 示例会员``).
    """

    number: int
    rule_id: str
    check: Check
    looked_at: Callable[[Draft], str]
