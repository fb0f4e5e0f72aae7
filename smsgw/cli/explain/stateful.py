"""Rules 14 to 19, asked of the store as admission asks it, each by itself and without counting anything.

So an opt-out does not hide a full cap. Looked at for the time that the message would be sent at, were it held.
"""

from __future__ import annotations

from typing import Final, cast

from smsgw.cli.explain.findings import CapLine, Explanation, Hint, Line, QuotaLine
from smsgw.cli.explain.words import local
from smsgw.cli.output import counted
from smsgw.policy.caps import CapRows, content_hash
from smsgw.policy.model import Draft, Hold, Reason, Refusal
from smsgw.policy.pipeline import Rules
from smsgw.policy.profile import Cap
from smsgw.policy.quota import buckets
from smsgw.policy.reasons import BLACKLISTED, CONSENT, DEAD_NUMBER, OPTOUT, QUEUE_FULL, QUOTA, STORE_AWAY
from smsgw.services.desk import Desk
from smsgw.services.recipients import Known, known_for, scope_words
from smsgw.store.admission import (
    CAPPED,
    FORBIDDEN,
    FULL,
    MEMORY,
    NO_CONSENT,
    Admission,
    AdmitItem,
)
from smsgw.store.keys import mt_suffix
from smsgw.store.memory import stage_of
from smsgw.store.quota import QuotaLeases
from smsgw.store.recipients import facts_for

_KINDS: Final = {
    "optout": ("opted out", "已退订"),
    "subscribe": ("subscribed again", "已重新订阅"),
    "consent": ("consented", "已同意"),
    "blacklist": ("blacklisted", "列入黑名单"),
    "dead": ("entered as dead", "登记为空号"),
}
_FACT_RULES: Final[tuple[tuple[str, str, Reason], ...]] = (
    ("optout", "optout", OPTOUT),
    ("blacklist", "blacklist", BLACKLISTED),
    ("dead_number", "dead", DEAD_NUMBER),
    ("consent", "consent", CONSENT),
)


async def ask_store(desk: Desk, rules: Rules, found: Explanation, draft: Draft) -> None:
    """Adds the lines of rules 14 to 19, what is known of the recipient, caps and quotas. Raises StoreError."""
    verdict = found.verdict
    at_ms = verdict.until_ms if isinstance(verdict, Hold) else found.question.at_ms
    store = desk.store
    found.facts = tuple(await known_for(desk, found.recipient, found.question.account.system_id))
    found.tier = found.question.tier or next((fact.source for fact in found.facts if fact.kind == "tier"), "")
    item = AdmitItem(
        None, store.recipients.hash(found.recipient), [], b"", mt_suffix(found.carrier, draft.message_class), at_ms,
        tier=found.question.tier, message_class=draft.message_class,
    )  # fmt: skip
    admission = Admission(store, lambda items, replies: None, lambda: found.question.at_ms)
    admission.memory_stage = stage_of(await store.memory_share(), store.settings.memory_stages)
    for name, flag, reason in _FACT_RULES:
        found.lines.append(await _facts(rules, admission, item, found, name, flag, reason))
    caps = rules.cap_rows(draft)
    found.lines.append(await _frequency(rules, admission, item, caps, found))
    found.lines.append(await _same_content(rules, admission, item, caps, draft))
    found.lines.append(await _quota(desk, rules, found, at_ms))
    settings = found.question.account
    rate = f"{settings.rate_per_s:g} segments a second, {counted(settings.window, 'unanswered request')}"
    found.lines.append(Line("rate", None, f"{rate}; only the running gateway counts them", False))
    found.lines.append(await _queue(admission, item, desk.site.store.queue_limit if found.ways else 0))


async def _facts(
    rules: Rules, admission: Admission, item: AdmitItem, found: Explanation, name: str, kind: str, reason: Reason
) -> Line:
    """One of the rules that look for what is known of the recipient."""
    if not getattr(rules.facts(found.message_class), name):
        return Line(name, None, f"not asked of {found.class_label}", False)
    wanted = dict.fromkeys(("optout", "blacklist", "dead", "consent"), False) | {kind: True}
    names = facts_for(found.question.account.system_id, found.signature, found.carrier, **wanted)
    found.facts_looked_at += names
    scopes = [_scope(each) for each in names]
    known = [fact for fact in found.facts if fact.kind == kind and (fact.scope in scopes or not fact.scope)]
    there = "; ".join(_words(fact) for fact in known) or "none"
    looked = f"looked for {', '.join(scopes)}: {there}" if kind != "dead" else there
    reply = (await admission.dry(item._replace(facts=names))).reply
    if reply.code == FORBIDDEN:
        scope = _scope(reply.fact)
        detail = {"optout": f"for the {scope}", "blacklist": f"by the {scope}"}.get(kind, "")
        hit = [fact for fact in known if fact.scope in (scope, "")]
        return Line(name, Refusal(reason, detail), looked, True, tuple(_hint(fact) for fact in hit))
    if reply.code == NO_CONSENT:
        said = [fact for fact in found.facts if fact.kind in ("consent", "optout", "subscribe")]
        return Line(name, Refusal(reason, "none is in force"), looked, True, tuple(_hint(fact) for fact in said))
    return Line(name, None, looked)


async def _frequency(
    rules: Rules, admission: Admission, item: AdmitItem, caps: CapRows | None, found: Explanation
) -> Line:
    if caps is None:
        return Line("frequency", None, "a test number is never capped", False)
    if not caps.caps:
        return Line("frequency", None, f"no cap for {found.class_label}", False)
    own = caps.script_rows(item.at_ms)[: len(caps.caps)]
    report = await admission.dry(item._replace(caps=own))
    found.caps = tuple(
        CapLine(cap.name, cap.scope, cap.kind, _period(cap.period), seen, _limit(cap, found.tier), cast(int, row[5]))
        for cap, row, seen in zip(caps.caps, own, report.seen, strict=True)
    )
    looked = ", ".join(f"{cap.name} {cap.seen} of {cap.limit}" for cap in found.caps)
    looked = f"tier {found.tier or 'none'}: {looked}"
    reply = report.reply
    if reply.code != CAPPED:
        return Line("frequency", None, looked)
    refusal = caps.refusal(reply.row, max(1, -(-reply.retry_after_ms // 1000)))
    return Line("frequency", refusal, looked, True, (_again(rules, item.at_ms, reply.retry_after_ms),))


async def _same_content(
    rules: Rules, admission: Admission, item: AdmitItem, caps: CapRows | None, draft: Draft
) -> Line:
    if caps is None:
        return Line("same_content", None, "a test number is never capped", False)
    rule = caps.same_content
    if rule is None:
        return Line("same_content", None, "no such rule for this class", False)
    rows = caps.script_rows(item.at_ms)[len(caps.caps) :]
    report = await admission.dry(item._replace(caps=rows, content=content_hash(draft.plain)))
    looked = f"{report.seen[0]} of {rule.limit} with this content in {_period(rule.period_ms)}"
    reply = report.reply
    if reply.code != CAPPED:
        return Line("same_content", None, looked)
    refusal = caps.refusal(len(caps.caps), max(1, -(-reply.retry_after_ms // 1000)))
    return Line("same_content", refusal, looked, True, (_again(rules, item.at_ms, reply.retry_after_ms),))


async def _quota(desk: Desk, rules: Rules, found: Explanation, at_ms: int) -> Line:
    zone = rules.profile.zone
    wanted = buckets(rules.account.quota, at_ms, zone)
    if not wanted:
        return Line("quota", None, "the account has no quota", False)
    used = await QuotaLeases(desk.store).used(rules.account.name, wanted)
    found.quotas = tuple(
        QuotaLine("day" if each.name.startswith("d") else "month", used[each.name], each.limit, each.end_ms)
        for each in wanted
    )
    looked = ", ".join(f"{each.used} of {each.limit} of this {each.period}" for each in found.quotas)
    looked += " (with what running gateways have reserved)"
    full = [each for each in found.quotas if each.used >= each.limit]
    if not full:
        return Line("quota", None, looked)
    ends_ms = max(each.ends_ms for each in full)
    refusal = Refusal(QUOTA, f"the quota of this {full[-1].period} is used up", max(1, -(-(ends_ms - at_ms) // 1000)))
    return Line("quota", refusal, looked, True, (_again(rules, at_ms, ends_ms - at_ms),))


async def _queue(admission: Admission, item: AdmitItem, limit: int) -> Line:
    if not limit:
        return Line("queue", None, "no route, no queue", False)
    reply = (await admission.dry(item._replace(queue_limit=limit))).reply
    looked = f"room for {counted(limit, 'message')} waiting for {item.stream}"
    if reply.code == FULL:
        return Line("queue", Refusal(QUEUE_FULL, f"it is full: {counted(limit, 'message')}", 5), looked)
    if reply.code == MEMORY:
        return Line("queue", Refusal(STORE_AWAY, "the store is short of memory", 60), looked)
    return Line("queue", None, looked)


def _limit(cap: Cap, tier: str) -> int:
    return cap.bounded(cap.tiers.get(tier, cap.limit))


def _scope(fact: str) -> str:
    """``company``, ``account shop``, ``carrier alpha`` for the name of a fact such as ``+c:a:shop``."""
    return scope_words(fact.removeprefix("+")[1:])


def _words(fact: Known) -> str:
    """Something known, with its proof."""
    parts = [fact.scope, fact.source, fact.wording and f"wording {fact.wording}", fact.at, fact.by and f"by {fact.by}"]
    until = fact.expires and (f"until {fact.expires}" if fact.in_force else f"ended {fact.expires}")
    return ", ".join(part for part in (*parts, until) if part)


def _hint(fact: Known) -> Hint:
    """What is known, as that what stands in the way."""
    what, what_zh = _KINDS[fact.kind]
    return Hint(f"{what}: {_words(fact)}", f"{what_zh}：{_words(fact)}")


def _again(rules: Rules, at_ms: int, wait_ms: int) -> Hint:
    free = local(at_ms + wait_ms, rules.profile.zone)
    return Hint(f"possible again from {free}", f"{free} 起可再发")


def _period(period: str | int) -> str:
    if isinstance(period, str):
        return period
    return f"{period / 86_400_000:g} d" if period % 86_400_000 == 0 else f"{period / 3_600_000:g} h"
