"""How an explanation is shown: a page for people, in English and Chinese, and an object for programs."""

from __future__ import annotations

from datetime import tzinfo
from typing import Final

import typer
from rich.text import Text

from smsgw.cli.dry_run import Explanation, Line, Way
from smsgw.cli.optout import facts_json
from smsgw.cli.output import Cell, clean, console, pairs, table
from smsgw.clock import from_ms
from smsgw.policy.model import Hold, Outcome, Refusal
from smsgw.policy.reasons import QUEUE_FULL, STORE_AWAY
from smsgw.store.recipients import FACT_COMPANY

_CODING_NAMES: Final = {0: "GSM 03.38", 8: "UCS2"}
_GATEWAY_SILENT: Final = "the gateway does not answer, so which are up is not known"


def print_page(found: Explanation, zone: tzinfo, clock: str) -> None:
    """The page for people; ``clock`` says whose time it is."""
    screen = console()
    screen.print(pairs(_head(found, zone, clock)))
    typer.echo()
    screen.print(table(("rule", "", "名称", "says", "why", "原因"), [_rule_row(line, zone) for line in found.lines]))
    if found.caps:
        typer.echo()
        rows = [
            (
                Text(clean(cap.name), style="red" if cap.seen >= cap.limit else ""),
                cap.scope,
                f"{cap.kind} {cap.period}",
                cap.seen,
                cap.limit,
                _local(cap.ends_ms, zone) if cap.ends_ms else "one by one",
            )
            for cap in found.caps
        ]
        screen.print(
            table(("cap", "per recipient and", "period", "seen", "limit", "free again"), rows, ("seen", "limit"))
        )
    typer.echo()
    screen.print(pairs([("verdict", _verdict_words(found, zone))]))


def as_json(found: Explanation, zone: tzinfo, clock: str) -> dict[str, object]:
    """The object for programs."""
    question = found.question
    verdict = found.verdict
    return {
        "verdict": _outcome_word(verdict),
        **_outcome_json(verdict, zone),
        "answer_status": _answer_status(found, verdict),
        "at": _local(question.at_ms, zone, "T"),
        "clock": clock,
        "account": question.account.system_id,
        "class": question.account.message_class.label,
        "profile": question.account.profile,
        "from": question.source_addr,
        "to": found.recipient or question.number,
        "data_coding": found.data_coding,
        "segments": found.segments,
        "signature": found.signature or None,
        "tier": found.tier or None,
        "route": found.route or None,
        "carrier": found.carrier or None,
        "carriers": [{"name": way.carrier, "binds_up": way.binds_up} for way in found.ways],
        "rules": [
            {
                "rule": line.rule,
                "name": line.rule_id,
                "title": line.title,
                "title_zh": line.title_zh,
                "says": _outcome_word(line.outcome) if line.applies else "not asked",
                **_outcome_json(line.outcome, zone),
                "note": line.note,
            }
            for line in found.lines
        ],
        "facts_looked_at": list(found.facts_looked_at),
        "facts": facts_json(list(found.facts)),
        "caps": [
            {**cap._asdict(), "ends_ms": cap.ends_ms or None, "full": cap.seen >= cap.limit} for cap in found.caps
        ],
    }


def _head(found: Explanation, zone: tzinfo, clock: str) -> list[tuple[str, Cell]]:
    question = found.question
    account = question.account
    coding = _CODING_NAMES[found.data_coding]
    rows: list[tuple[str, Cell]] = [
        ("account", f"{account.system_id}, {account.message_class.label}, profile {account.profile}"),
        ("from, to", f"{question.source_addr or '(none)'} → {found.recipient or question.number}"),
        ("text", question.text),
        ("length", f"{len(question.text)} characters, {coding}: {_number(found.segments, 'segment')}"),
        ("time", f"{_local(question.at_ms, zone)} ({clock})"),
        ("signature", f"【{found.signature}】" if found.signature else "none that is registered"),
    ]
    if found.route:
        rows.append(("route", f"{found.route}: " + " → ".join(_way(way) for way in found.ways)))
        if found.ways[0].binds_up is None:
            rows.append(("", _GATEWAY_SILENT))
    if found.recipient:
        rows.append(("tier", found.tier or "none"))
        rows.append(("known", _known(found)))
    return rows


def _known(found: Explanation) -> str:
    words = []
    for fact, shown in zip(found.facts, facts_json(list(found.facts)), strict=True):
        if fact.kind != "tier":
            verb = "opted out of" if fact.kind == "optout" else "subscribed again to"
            looked = FACT_COMPANY + fact.scope in found.facts_looked_at
            aside = "" if looked or fact.kind != "optout" else ", not asked for this message"
            words.append(f"{verb} {shown['scope']} ({shown['source']}, {shown['at']}{aside})")
    return "; ".join(words) or "no opt-outs"


def _rule_row(line: Line, zone: tzinfo) -> tuple[Cell, ...]:
    outcome = line.outcome
    if not line.applies:
        return line.rule, line.rule_id, line.title_zh, Text("–", style="dim"), Text(clean(line.note), style="dim"), ""
    if outcome is None:
        return line.rule, line.rule_id, line.title_zh, Text("passes", style="green"), line.note, ""
    if isinstance(outcome, Hold):
        said = Text(f"holds until {_local(outcome.until_ms, zone)}", style="yellow")
        return line.rule, line.rule_id, line.title_zh, said, outcome.reason.text, outcome.reason.text_zh
    reason = outcome.reason
    said = Text(f"refuses 0x{reason.status:X}", style="red")
    why = "; ".join(part for part in (f"{reason.rule_id}: {reason.text}", outcome.detail, line.note) if part)
    return line.rule, line.rule_id, line.title_zh, said, why, reason.text_zh


def _verdict_words(found: Explanation, zone: tzinfo) -> Text:
    verdict = found.verdict
    if verdict is None:
        return Text(f"accepted, to carrier {found.carrier} · 通过", style="bold green")
    reason = verdict.reason
    if isinstance(verdict, Hold):
        until = _local(verdict.until_ms, zone)
        return Text(f"accepted, held until {until} by {reason.rule_id} · 暂存：{reason.text_zh}", style="bold yellow")
    again = f"; try again in {verdict.retry_after_s} s" if verdict.retry_after_s else ""
    codes = f"0x{reason.status:08X}, fallback 0x{reason.fallback:08X}"
    words = f"refused by {reason.rule_id} ({codes}): {reason.text}{again} · 拒绝：{reason.text_zh}"
    if _is_told_by_receipt(found, verdict):
        words += f"; this account is answered ESME_ROK and gets a receipt REJECTD err:{reason.receipt_err}"
    elif not found.question.account.vendor_codes:
        words += f"; this account is answered 0x{reason.fallback:08X}"
    return Text(clean(words), style="bold red")


def _outcome_word(outcome: Outcome) -> str:
    return "passes" if outcome is None else "holds" if isinstance(outcome, Hold) else "refuses"


def _outcome_json(outcome: Outcome, zone: tzinfo) -> dict[str, object]:
    if outcome is None:
        return {}
    reason = outcome.reason
    shown: dict[str, object] = {
        "rule_id": reason.rule_id,
        "status": f"0x{reason.status:08X}",
        "fallback": f"0x{reason.fallback:08X}",
        "reason": reason.text,
        "reason_zh": reason.text_zh,
    }
    if isinstance(outcome, Refusal):
        return {**shown, "detail": outcome.detail, "retry_after_s": outcome.retry_after_s}
    return {**shown, "until": _local(outcome.until_ms, zone, "T")}


def _is_told_by_receipt(found: Explanation, refusal: Refusal) -> bool:
    """Whether the account is answered ESME_ROK; never for what passes by itself, nor before there is a recipient."""
    by_receipt = found.question.account.reject_mode == "receipt"
    return by_receipt and bool(found.recipient) and refusal.reason not in (QUEUE_FULL, STORE_AWAY)


def _answer_status(found: Explanation, verdict: Outcome) -> str:
    """The command_status that this account would see."""
    if not isinstance(verdict, Refusal) or _is_told_by_receipt(found, verdict):
        return "0x00000000"
    return f"0x{verdict.reason.command_status(found.question.account.vendor_codes):08X}"


def _way(way: Way) -> str:
    if way.binds_up is None:
        return way.carrier
    return f"{way.carrier} ({_number(way.binds_up, 'bind')} up)" if way.binds_up else f"{way.carrier} (down)"


def _local(at_ms: int, zone: tzinfo, separator: str = " ") -> str:
    return from_ms(at_ms).astimezone(zone).isoformat(separator, "seconds")


def _number(count: int, name: str) -> str:
    return f"{count} {name}" if count == 1 else f"{count} {name}s"
