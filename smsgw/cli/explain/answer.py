"""An explanation as an object for programs: everything that the page shows, under stable names."""

from __future__ import annotations

from datetime import tzinfo

from smsgw.cli.explain.findings import Explanation, Line
from smsgw.cli.explain.words import answer_status, local, outcome_word
from smsgw.cli.recipients.known import known_json
from smsgw.policy.model import MessageClass, Outcome, Refusal


def as_json(found: Explanation, zone: tzinfo, clock: str) -> dict[str, object]:
    """The object; ``clock`` says whose time it is."""
    question = found.question
    return {
        "verdict": outcome_word(found.verdict),
        **_outcome(found.verdict, zone),
        "answer_status": f"0x{answer_status(found):08X}",
        "review": found.review or None,
        "at": local(question.at_ms, zone, "T"),
        "clock": clock,
        "account": question.account.system_id,
        "declared_class": MessageClass(question.account.message_class).label,
        "class": found.class_label,
        "class_why": found.class_why,
        "profile": question.account.profile,
        "from": question.source_addr,
        "to": found.recipient or question.number,
        "text": question.text,
        "data_coding": found.data_coding,
        "segments": found.segments,
        "short_links": [{"link": link, "short": short} for link, short in found.short_links],
        "sent_text": found.sent_text or None,
        "signature": found.signature or None,
        "template": found.template or None,
        "campaign": found.campaign or None,
        "audience": question.audience or None,
        "tier": found.tier or None,
        "route": found.route or None,
        "network": found.number or None,
        "lane": MessageClass(found.lane).label,
        "nearly": [near._asdict() for near in found.nearly],
        "carrier": found.carrier or None,
        "carriers": [
            {
                "name": way.carrier,
                "binds_up": way.binds_up,
                "why_not": way.why_not or None,
                "cost": round(way.cost * found.segments, 6),
            }
            for way in found.ways
        ],
        "rules": [_line(line, zone) for line in found.lines],
        "facts_looked_at": list(found.facts_looked_at),
        "facts": known_json(found.facts),
        "caps": [
            {**cap._asdict(), "ends_ms": cap.ends_ms or None, "full": cap.seen >= cap.limit} for cap in found.caps
        ],
        "quotas": [{**quota._asdict(), "full": quota.used >= quota.limit} for quota in found.quotas],
    }


def _line(line: Line, zone: tzinfo) -> dict[str, object]:
    return {
        "rule": line.rule,
        "name": line.name,
        "title": line.title,
        "title_zh": line.title_zh,
        "says": outcome_word(line.outcome) if line.applies else "not asked",
        "looked_at": line.looked_at,
        **_outcome(line.outcome, zone),
        "hints": [hint.text for hint in line.hints],
        "hints_zh": [hint.text_zh for hint in line.hints],
    }


def _outcome(outcome: Outcome, zone: tzinfo) -> dict[str, object]:
    if outcome is None:
        return {}
    reason = outcome.reason
    shown: dict[str, object] = {
        "rule_id": reason.rule_id,
        "status": f"0x{reason.status:08X}",
        "fallback": f"0x{reason.fallback:08X}",
        "reason": reason.text,
        "reason_zh": reason.text_zh,
        "remedy": reason.remedy,
        "remedy_zh": reason.remedy_zh,
    }
    if isinstance(outcome, Refusal):
        return {**shown, "detail": outcome.detail, "retry_after_s": outcome.retry_after_s}
    return {**shown, "until": local(outcome.until_ms, zone, "T")}
