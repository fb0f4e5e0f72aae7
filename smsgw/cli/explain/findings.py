"""What is found out about an imagined message: the question, a line for every rule, and the verdict.

Values only. The verdict is the gateway's: the first refusal, else the latest hold, else accepted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from smsgw.config.account import AccountSettings
from smsgw.policy.model import Hold, MessageClass, Outcome, Refusal
from smsgw.services.recipients import Known

#: Every rule in its order: number, name, title, and the same in Chinese.
RULES: Final[tuple[tuple[int, str, str, str], ...]] = (
    (0, "number", "recipient's number", "接收号码"),
    (1, "account", "account", "账号资质"),
    (1, "suspended", "suspended by staff", "人工停用"),
    (2, "paused", "pause", "暂停"),
    (3, "class", "class and source number", "类别与主叫"),
    (4, "signature", "signature", "签名"),
    (5, "unsubscribe", "how to unsubscribe", "退订方式"),
    (6, "service_phone", "service phone", "客服电话"),
    (7, "words", "words", "敏感词"),
    (8, "contact", "links and phone numbers", "链接与电话"),
    (9, "template", "template", "模板"),
    (10, "length", "length", "长度"),
    (11, "window.hard", "hours, hard", "禁发时段"),
    (12, "window.soft", "days and hours", "发送时段"),
    (13, "route", "route", "路由"),
    (14, "optout", "opt-out", "退订名单"),
    (14, "blacklist", "blacklist", "黑名单"),
    (14, "dead_number", "dead number", "空号停机"),
    (15, "consent", "consent", "营销同意"),
    (16, "frequency", "frequency", "频次"),
    (17, "same_content", "same content", "重复内容"),
    (18, "quota", "quota", "配额"),
    (18, "rate", "rate", "速率"),
    (19, "queue", "queue", "发送队列"),
)
_RULE_OF: Final = {name: (number, title, title_zh) for number, name, title, title_zh in RULES}


@dataclass(frozen=True, slots=True)
class Question:
    """An imagined message. ``number`` is as typed; ``tier`` empty for the recipient's own."""

    account: AccountSettings
    number: str
    source_addr: str
    text: str
    tier: str
    at_ms: int
    campaign: str = ""
    audience: str = ""


@dataclass(frozen=True, slots=True)
class Hint:
    """What would have to change for just this message, beside what its reason says in general."""

    text: str
    text_zh: str


@dataclass(frozen=True, slots=True)
class Line:
    """One rule and what it says by itself; ``looked_at`` is the value it saw, or why it has nothing to say."""

    name: str
    outcome: Outcome
    looked_at: str = ""
    applies: bool = True
    hints: tuple[Hint, ...] = ()

    @property
    def rule(self) -> int:
        """Its number."""
        return _RULE_OF[self.name][0]

    @property
    def title(self) -> str:
        """What people call it."""
        return _RULE_OF[self.name][1]

    @property
    def title_zh(self) -> str:
        """The same in Chinese."""
        return _RULE_OF[self.name][2]


class CapLine(NamedTuple):
    """One cap: ``seen`` of ``limit``. ``ends_ms``: when a clock period ends; 0 for a rolling one."""

    name: str
    scope: str
    kind: str
    period: str
    seen: int
    limit: int
    ends_ms: int


class QuotaLine(NamedTuple):
    """The account's quota of one calendar ``period`` (day, month) that ends at ``ends_ms``."""

    period: str
    used: int
    limit: int
    ends_ms: int


class Way(NamedTuple):
    """One carrier of the route: how many of its binds are up, None when the gateway does not answer.

    ``why_not``: it may not be used just now, because it is paused or not approved. ``cost`` is that of a segment.
    """

    carrier: str
    binds_up: int | None
    why_not: str = ""
    cost: float = 0.0


class Nearly(NamedTuple):
    """A route that would have taken the message but for one of its conditions."""

    route: str
    line: int
    condition: str


@dataclass(slots=True)
class Explanation:
    """Everything found out; ``verdict`` is None when the message would be sent at once.

    ``review`` names the list and word for which a person would have to release it; empty for none. ``number``: network
    and province of the recipient, in words. ``nearly``: routes before the one found that miss by one condition.
    ``short_links``: links of the text, each with the short one that leaves instead; ``sent_text`` with those, and
    ``segments`` is of that. Both are empty where no link is replaced.
    """

    question: Question
    recipient: str
    data_coding: int
    segments: int
    lines: list[Line]
    signature: str = ""
    message_class: int = 0
    class_why: str = ""
    template: str = ""
    campaign: str = ""
    review: str = ""
    route: str = ""
    ways: tuple[Way, ...] = ()
    number: str = ""
    lane: int = 0
    nearly: tuple[Nearly, ...] = ()
    facts_looked_at: tuple[str, ...] = ()
    facts: tuple[Known, ...] = ()
    tier: str = ""
    caps: tuple[CapLine, ...] = ()
    quotas: tuple[QuotaLine, ...] = field(default=())
    short_links: tuple[tuple[str, str], ...] = ()
    sent_text: str = ""

    @property
    def verdict(self) -> Outcome:
        """The first refusal; else the latest hold; else None."""
        outcomes = [line.outcome for line in self.lines]
        refusals = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
        holds = [outcome for outcome in outcomes if isinstance(outcome, Hold)]
        return refusals[0] if refusals else max(holds, key=lambda hold: hold.until_ms, default=None)

    @property
    def carrier(self) -> str:
        """Where it would go: the first carrier that may be used and is up, else the first that may, else the first."""
        usable = [way for way in self.ways if not way.why_not] or self.ways
        return next((way.carrier for way in usable if way.binds_up), usable[0].carrier if usable else "")

    @property
    def class_label(self) -> str:
        """The class that really holds."""
        return MessageClass(self.message_class).label
