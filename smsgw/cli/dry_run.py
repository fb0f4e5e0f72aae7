"""What the gateway would decide about one message now, rule by rule, without counting it.

Judges with the gateway's own parts: the compiled rules of ``site_rules``, and the admission script in its dry form,
asked once for each of its rules, so that an opt-out does not hide a full cap. Every rule is shown, also those behind
the first that refuses; the verdict is the gateway's: the first refusal, else the latest hold, else accepted.
What it can't know: the rate and window of a connection, and the coding that a client would choose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from smsgw.config.account import AccountSettings
from smsgw.config.site import Site
from smsgw.policy.caps import CapRows
from smsgw.policy.model import Draft, Hold, Outcome, Refusal
from smsgw.policy.numbers import to_e164
from smsgw.policy.pipeline import Rules
from smsgw.policy.reasons import NUMBER_INVALID, OPTOUT, QUEUE_FULL, STORE_AWAY
from smsgw.smpp.alphabet import choose_coding
from smsgw.smpp.segments import count_segments
from smsgw.store.admission import ACCEPTED, CAPPED, FULL, LOW_MEMORY_SHARE, OPTED_OUT, Admission, AdmitItem
from smsgw.store.connection import Store
from smsgw.store.keys import mt_suffix
from smsgw.store.recipients import FACT_COMPANY, Fact, RecipientFacts, optout_facts

#: Every rule in its order: number, id, title, and the same in Chinese.
RULES: Final[tuple[tuple[int, str, str, str], ...]] = (
    (0, "number", "recipient's number", "接收号码"),
    (1, "account", "account", "账号"),
    (4, "signature", "signature", "签名"),
    (5, "unsubscribe", "how to unsubscribe", "退订方式"),
    (11, "window.hard", "hours, hard", "禁发时段"),
    (12, "window.soft", "days and hours", "发送时段"),
    (13, "route", "route", "路由"),
    (14, "optout", "opt-out", "退订名单"),
    (16, "frequency", "frequency", "频次"),
    (19, "queue", "queue", "发送队列"),
)


@dataclass(frozen=True, slots=True)
class Question:
    """An imagined message. ``number`` is as typed; ``tier`` empty for the recipient's own."""

    account: AccountSettings
    number: str
    source_addr: str
    text: str
    tier: str
    at_ms: int


class Line(NamedTuple):
    """One rule and what it says by itself; ``note`` is what it looked at, or why it has nothing to say."""

    rule: int
    rule_id: str
    title: str
    title_zh: str
    outcome: Outcome
    note: str = ""
    applies: bool = True


class CapLine(NamedTuple):
    """One cap: ``seen`` of ``limit``. ``ends_ms``: when a clock period ends; 0 for a rolling one."""

    name: str
    scope: str
    kind: str
    period: str
    seen: int
    limit: int
    ends_ms: int


class Way(NamedTuple):
    """One carrier of the route: how many of its binds are up, None when the gateway does not answer."""

    carrier: str
    binds_up: int | None


@dataclass(slots=True)
class Explanation:
    """Everything found out; ``verdict`` is None when the message would be sent at once."""

    question: Question
    recipient: str
    data_coding: int
    segments: int
    lines: list[Line]
    signature: str = ""
    route: str = ""
    ways: tuple[Way, ...] = ()
    facts_looked_at: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    tier: str = ""
    caps: tuple[CapLine, ...] = ()

    @property
    def verdict(self) -> Outcome:
        """The first refusal; else the latest hold; else None."""
        outcomes = [line.outcome for line in self.lines]
        refusals = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
        holds = [outcome for outcome in outcomes if isinstance(outcome, Hold)]
        return refusals[0] if refusals else max(holds, key=lambda hold: hold.until_ms, default=None)

    @property
    def carrier(self) -> str:
        """Where it would go: the first carrier that is up, else the first."""
        return next((way.carrier for way in self.ways if way.binds_up), self.ways[0].carrier if self.ways else "")


async def explain_message(
    site: Site, rules: Rules, store: Store, question: Question, carriers: Mapping[str, Any] | None
) -> Explanation:
    """Judge a message. Raises StoreError.

    ``carriers`` is that part of /status, None when the gateway does not answer.
    """
    data_coding = choose_coding(question.text)
    segments = count_segments(question.text, data_coding)
    recipient = to_e164(question.number)
    if recipient is None:
        line = _line("number", Refusal(NUMBER_INVALID, "no other rule is asked", None))
        return Explanation(question, "", data_coding, segments, [line])
    account = question.account
    draft = Draft(
        account.system_id, account.message_class, question.source_addr, recipient, question.text, segments,
        question.at_ms,
    )  # fmt: skip
    said = dict(rules.explain(draft))
    found = Explanation(question, recipient, data_coding, segments, [_line("number", None, f"E.164 {recipient}")])
    found.signature = draft.signature or ""
    if draft.route is not None:
        found.route = draft.route.name
        found.ways = tuple(Way(name, _binds_up(carriers, name)) for name in draft.route.carriers)
    notes = {"signature": found.signature and f"【{found.signature}】", "route": found.route}
    for _, rule_id, _, _ in RULES[1:7]:
        if rule_id in said:
            found.lines.append(_line(rule_id, said[rule_id], "" if said[rule_id] else notes.get(rule_id, "")))
        else:
            note = "enabled, without an end" if rule_id == "account" else f"none for {account.message_class.label}"
            found.lines.append(_line(rule_id, None, note, False))
    await _ask_store(site, rules, store, found, draft)
    return found


async def _ask_store(site: Site, rules: Rules, store: Store, found: Explanation, draft: Draft) -> None:
    """Rules 14, 16 and 19, for the time that the message would be sent at."""
    verdict = found.verdict
    at_ms = verdict.until_ms if isinstance(verdict, Hold) else found.question.at_ms
    is_checked = rules.is_optout_checked(draft.message_class)
    facts = optout_facts(draft.account, found.signature) if is_checked else ()
    caps = rules.cap_rows(draft)
    rows = caps.script_rows(at_ms) if caps is not None else []
    found.facts = tuple(await RecipientFacts(store).show(found.recipient))
    own_tier = next((fact.source for fact in found.facts if fact.kind == "tier"), "")
    found.tier = found.question.tier or own_tier
    item = AdmitItem(
        None, store.recipients.hash(found.recipient), [], b"", mt_suffix(found.carrier, draft.message_class), at_ms,
        tier=found.question.tier, message_class=draft.message_class,
    )  # fmt: skip
    admission = Admission(store, lambda items, replies: None, lambda: found.question.at_ms)
    admission.low_memory = await store.memory_share() > LOW_MEMORY_SHARE
    found.facts_looked_at = facts
    found.lines.append(await _optout(admission, item, facts))
    found.lines.append(await _frequency(admission, item, caps, rows, found))
    limit = site.store.queue_limit
    found.lines.append(await _queue(admission, item, limit if found.ways else 0))


async def _optout(admission: Admission, item: AdmitItem, facts: Sequence[str]) -> Line:
    if not facts:
        return _line("optout", None, "not looked at for this class", False)
    reply = (await admission.dry(item._replace(facts=facts))).reply
    looked = ", ".join(fact_words(fact) for fact in facts)
    if reply.code == OPTED_OUT:
        return _line("optout", Refusal(OPTOUT, f"for the {fact_words(reply.fact)}", None), f"looked for: {looked}")
    return _line("optout", None, f"looked for: {looked}; found none")


async def _frequency(
    admission: Admission, item: AdmitItem, caps: CapRows | None, rows: Sequence[Any], found: Explanation
) -> Line:
    if caps is None:
        return _line("frequency", None, "a test number is never capped", False)
    if not rows:
        return _line("frequency", None, "no cap for this class", False)
    report = await admission.dry(item._replace(caps=rows))
    found.caps = tuple(
        CapLine(cap.name, cap.scope, cap.kind, _period(cap.period), seen, row[3].get(found.tier, row[2]), row[5])
        for cap, row, seen in zip(caps.caps, rows, report.seen, strict=True)
    )
    reply = report.reply
    if reply.code == CAPPED:
        return _line("frequency", caps.refusal(reply.row, max(1, -(-reply.retry_after_ms // 1000))))
    tightest = min(found.caps, key=lambda cap: cap.limit - cap.seen)
    return _line("frequency", None, f"{tightest.limit - tightest.seen} more by cap {tightest.name}")


async def _queue(admission: Admission, item: AdmitItem, limit: int) -> Line:
    if not limit:
        return _line("queue", None, "no route, no queue", False)
    reply = (await admission.dry(item._replace(queue_limit=limit))).reply
    if reply.code == FULL:
        return _line("queue", Refusal(QUEUE_FULL, f"{limit} messages wait", 5))
    return _line("queue", None if reply.code == ACCEPTED else Refusal(STORE_AWAY, "the store is short of memory", 60))


def _line(rule_id: str, outcome: Outcome, note: str = "", applies: bool = True) -> Line:
    rule, _, title, title_zh = next(each for each in RULES if each[1] == rule_id)
    return Line(rule, rule_id, title, title_zh, outcome, note, applies)


def _period(period: str | int) -> str:
    return period if isinstance(period, str) else f"{period / 3_600_000:g} h"


def _binds_up(carriers: Mapping[str, Any] | None, name: str) -> int | None:
    return carriers[name]["binds_up"] if carriers is not None and name in carriers else None


def fact_words(fact: str) -> str:
    """``company``, ``account shop``, ``signature 示例商城`` for the name of an opt-out fact."""
    kind, _, name = fact.removeprefix(FACT_COMPANY).removeprefix(":").partition(":")
    return {"a": f"account {name}", "s": f"signature {name}"}.get(kind, "company")
