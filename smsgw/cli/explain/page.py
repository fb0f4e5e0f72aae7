"""An explanation as a page for people, in English and Chinese: the message, every rule, what would have to change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo
from typing import Final

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from smsgw.cli.explain.findings import Explanation, Line, Way
from smsgw.cli.explain.words import answer_status, is_told_by_receipt, local
from smsgw.cli.output import Cell, clean, console, counted, pairs, table
from smsgw.cli.recipients.known import known_row
from smsgw.policy.model import Hold, MessageClass, Refusal

_CODING_NAMES: Final = {0: "GSM 03.38", 8: "UCS2"}
_GATEWAY_SILENT: Final = "the gateway does not answer, so which are up is not known"


def print_page(found: Explanation, zone: tzinfo, clock: str) -> None:
    """The page; ``clock`` says whose time it is."""
    screen = console()
    parts: list[RenderableType] = [
        pairs(_head(found, zone, clock)),
        table(("rule", "", "名称", "says", "looked at"), [_rule_row(line, zone) for line in found.lines]),
    ]
    if found.caps or found.quotas:
        columns = ("limit", "per", "period", "seen", "limit ", "free again")
        parts.append(table(columns, _limit_rows(found, zone), ("seen", "limit ")))
    remedies = [row for line in found.lines if line.outcome is not None for row in _remedy(line)]
    if remedies:
        parts.append(Group(Text("what would have to change · 如何修改", style="bold"), pairs(remedies)))
    parts.append(pairs([("verdict", _verdict_words(found, zone))]))
    for number, part in enumerate(parts):
        if number:
            typer.echo()
        screen.print(part)


def _head(found: Explanation, zone: tzinfo, clock: str) -> list[tuple[str, Cell]]:
    question = found.question
    account = question.account
    coding, text = _CODING_NAMES[found.data_coding], found.sent_text or question.text
    rows: list[tuple[str, Cell]] = [
        ("account", f"{account.system_id}, {found.class_label}, profile {account.profile}"),
        ("from, to", f"{question.source_addr or '(none)'} → {found.recipient or question.number}"),
        ("text", question.text),
        *((("", f"{link} leaves as {short}") for link, short in found.short_links)),
        ("length", f"{counted(len(text), 'character')}, {coding}: {counted(found.segments, 'segment')}"),
        ("time", f"{local(question.at_ms, zone)} ({clock})"),
        ("signature", f"【{found.signature}】" if found.signature else "none that is registered"),
    ]
    if found.class_why:
        rows.insert(1, ("class", f"{found.class_label}: {found.class_why}"))
    if found.recipient:
        rows.append(("template", found.template or "none that matches"))
        rows.append(("campaign", found.campaign or "none"))
    if question.audience:
        rows.append(("audience", question.audience))
    if found.number:
        rows.append(("network", found.number))
    if found.recipient and found.lane != found.message_class:
        rows.append(("lane", MessageClass(found.lane).label))
    rows += [
        ("not by" if not place else "", f"{near.route} (line {near.line}): its {near.condition}")
        for place, near in enumerate(found.nearly)
    ]
    if found.route:
        rows.append(("route", f"{found.route}: " + " → ".join(_way(way) for way in found.ways)))
        if found.ways[0].binds_up is None:
            rows.append(("", _GATEWAY_SILENT))
    if found.recipient:
        rows.append(("tier", found.tier or "none"))
        known = ["; ".join(part for part in known_row(fact) if part) for fact in found.facts]
        rows += [("known" if not number else "", fact) for number, fact in enumerate(known or ["nothing"])]
    return rows


def _rule_row(line: Line, zone: tzinfo) -> tuple[Cell, ...]:
    outcome = line.outcome
    if not line.applies:
        style = Text("–", style="dim")
        return line.rule, line.name, line.title_zh, style, Text(clean(line.looked_at), style="dim")
    if outcome is None:
        said = Text("passes", style="green")
    elif isinstance(outcome, Hold):
        said = Text(f"holds until {local(outcome.until_ms, zone)}", style="yellow")
    else:
        said = Text(f"refuses 0x{outcome.reason.status:X}", style="red")
    return line.rule, line.name, line.title_zh, said, line.looked_at


def _limit_rows(found: Explanation, zone: tzinfo) -> Iterator[tuple[Cell, ...]]:
    for cap in found.caps:
        name = Text(clean(cap.name), style="red" if cap.seen >= cap.limit else "")
        free = local(cap.ends_ms, zone) if cap.ends_ms else "one by one"
        yield name, f"recipient and {cap.scope}", f"{cap.kind} {cap.period}", cap.seen, cap.limit, free
    for quota in found.quotas:
        name = Text("quota", style="red" if quota.used >= quota.limit else "")
        yield name, "account", f"clock {quota.period}", quota.used, quota.limit, local(quota.ends_ms, zone)


def _remedy(line: Line) -> Iterator[tuple[str, Cell]]:
    outcome = line.outcome
    assert outcome is not None
    reason = outcome.reason
    detail = f": {outcome.detail}" if isinstance(outcome, Refusal) and outcome.detail else ""
    yield f"{line.rule} {line.name}", f"{reason.text}{detail} · {reason.text_zh}"
    yield "", f"{reason.remedy} · {reason.remedy_zh}"
    for hint in line.hints:
        yield "", Text(clean(f"{hint.text} · {hint.text_zh}"), style="cyan")
    if isinstance(outcome, Refusal) and outcome.retry_after_s:
        yield "", f"try again in {outcome.retry_after_s} s · {outcome.retry_after_s} 秒后重试"


def _verdict_words(found: Explanation, zone: tzinfo) -> Text:
    verdict = found.verdict
    if verdict is None and found.review:
        words = f"accepted, waits for a reviewer because of {found.review} · 待人工审核：{found.review}"
        return Text(clean(words), style="bold yellow")
    if verdict is None:
        return Text(f"accepted, to carrier {found.carrier} · 通过", style="bold green")
    reason = verdict.reason
    if isinstance(verdict, Hold):
        until = local(verdict.until_ms, zone)
        review = f", and for a reviewer because of {found.review}" if found.review else ""
        words = f"accepted, held until {until} by {reason.rule_id}{review} · 暂存：{reason.text_zh}"
        return Text(clean(words), style="bold yellow")
    again = f"; try again in {verdict.retry_after_s} s" if verdict.retry_after_s else ""
    codes = f"0x{reason.status:08X}, fallback 0x{reason.fallback:08X}"
    words = f"refused by {reason.rule_id} ({codes}): {reason.text}{again} · 拒绝：{reason.text_zh}"
    if is_told_by_receipt(found, verdict):
        words += f"; this account is answered ESME_ROK and gets a receipt REJECTD err:{reason.receipt_err}"
    elif not found.question.account.vendor_codes:
        words += f"; this account is answered 0x{answer_status(found):08X}"
    return Text(clean(words), style="bold red")


def _way(way: Way) -> str:
    if way.why_not:
        return f"{way.carrier} ({way.why_not})"
    if way.binds_up is None:
        return way.carrier
    return f"{way.carrier} ({counted(way.binds_up, 'bind')} up)" if way.binds_up else f"{way.carrier} (down)"
