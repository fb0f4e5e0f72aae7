"""Answers about cases and for alarms, of ClickHouse: what ``records.archive``'s modules of these names say of files.

What an old server can't join (by time, or by more than equality) is joined here, of few rows.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from dataclasses import replace
from typing import Any, Final

from smsgw.records.archive import cases, lately
from smsgw.records.archive.intake import BEGINNINGS, DELIVERED, PENDING, unpacked_content
from smsgw.records.archive.knowledge import Keys
from smsgw.records.cases import AROUND_MS, MOST_AFFECTED, Affected, Answered, Case, Happened, Late, Moment, Optouts
from smsgw.records.clickhouse.client import text
from smsgw.records.clickhouse.source import Source, within, within_hours
from smsgw.records.lately import Delivered, Reactions
from smsgw.records.record import Step

_RECEIPT, _RETURNED, _REFUSED, _SENT = int(Step.RECEIPT), int(Step.RECEIPT_RETURNED), int(Step.REFUSED), int(Step.SENT)
_OPTOUT, _RESUBSCRIBED, _ANSWERED = int(Step.OPTOUT), int(Step.RESUBSCRIBED), int(Step.ANSWERED)
_COMPLAINED: Final = int(Step.COMPLAINED)
_FINAL: Final = f"step = {_RECEIPT} AND state NOT IN {PENDING}"
_FAILED: Final = f"step = {_RECEIPT} AND state NOT IN {(DELIVERED, *PENDING)}"
_CAME: Final = f"step = {_RECEIPT} AND state = {DELIVERED}"
_TEMPLATE: Final = "splitByChar('@', template)[1]"
_ONE: Final = f"""message_id, max(account), max(department), argMaxIf(carrier, at_ms, step IN ({_SENT}, {_ANSWERED})),
    max(message_class), max(template), max(campaign), max(signature), max(recipient_hash), max(recipient_masked),
    max(segments), minIf(at_ms, step IN {(*BEGINNINGS, _REFUSED)}), minIf(at_ms, step = {_SENT}),
    maxIf(at_ms, {_FINAL}), argMaxIf(state, at_ms, {_FINAL}), argMaxIf(err, at_ms, {_FINAL}),
    argMaxIf(step, at_ms, step <> {_RETURNED}), maxIf(rule_id, step = {_REFUSED})"""
_REFUSED_ONE: Final = """message_id, account, department, carrier, message_class, template, campaign, signature,
    recipient_hash, recipient_masked, segments, at_ms, 0, 0, 0, '', step, rule_id"""


def affected(source: Source, case: Case, keys: Keys | None) -> Answered:
    """The messages of a case and what happened to them. Raises RequestError when there are too many."""
    slice_ms = cases.slice_of(case)
    scope = _TEMPLATE if case.scope == "template" and "@" not in case.name else case.scope
    inside = [*within(case.since_ms, case.until_ms), f"{scope} = {text(case.name)}"]
    named = source.of(*inside, "message_id <> ''")
    ids = f"message_id IN (SELECT message_id {named})"
    around = [*within_hours(case.since_ms - AROUND_MS, case.until_ms + AROUND_MS), ids]
    bound = f"LIMIT {MOST_AFFECTED + 1}"
    found = source.rows(_ONE, around, f"GROUP BY message_id {bound}")
    found += source.rows(_REFUSED_ONE, [*inside, "message_id = ''", f"step = {_REFUSED}"], bound)
    if len(found) > MOST_AFFECTED:
        raise cases.too_many()
    messages = sorted((Affected(*row) for row in found), key=lambda each: (each.begun_ms, each.message_id))
    happened = source.rows(
        f"step AS s, carrier AS c, rule_id AS r, if(step = {_RECEIPT}, state, 0) AS t, "
        f"if(step = {_RECEIPT}, err, '') AS e, min(at_ms) AS f, max(at_ms), count()",
        [*inside, f"(step IN {cases.EVENTS} OR {_FAILED})"],
        "GROUP BY s, c, r, t, e ORDER BY f, s",
    )
    since_ms = case.since_ms
    moments = source.rows(
        f"intDiv(at_ms - {since_ms}, {slice_ms}) * {slice_ms} + {since_ms} AS moment, "
        f"countIf(step IN {BEGINNINGS}), countIf({_CAME}), countIf({_FAILED})",
        inside,
        "GROUP BY moment ORDER BY moment",
    )
    if keys is not None:
        numbers = _numbers(source, around, keys)
        messages = [replace(each, number=numbers.get(each.recipient_hash, "")) for each in messages]
    return Answered(messages, [Happened(*row) for row in happened], [Moment(*row) for row in moments], slice_ms)


def _numbers(source: Source, conditions: list[str], keys: Keys) -> dict[str, str]:
    """By keyed hash; of what was refused no number is kept."""
    rows = source.rows("recipient_hash, hex(content)", [*conditions, f"step IN {BEGINNINGS}", "content <> ''"])
    return {rhash: unpacked_content(keys.open(bytes.fromhex(content)))[0] for rhash, content in rows}


def after_optouts(source: Source, since_ms: int, until_ms: int) -> Optouts:
    """What became of the opt-outs of a time until its end."""
    inside = within(since_ms, until_ms)
    wishes = source.rows(
        "recipient_hash, at_ms, step, detail", [*inside, f"step IN ({_OPTOUT}, {_RESUBSCRIBED})"], "ORDER BY at_ms"
    )
    steps = Counter(step for _, _, step, _ in wishes)
    wished: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
    sources: Counter[str] = Counter()
    for rhash, at_ms, step, detail in wishes:
        if rhash:
            scope, origin = _of_detail(detail)
            wished[rhash].append((at_ms, step, scope))
            sources.update([origin] if step == _OPTOUT else [])
    whose = source.of(*inside, f"step = {_OPTOUT}", "recipient_hash <> ''")
    spared = source.rows(
        "uniqExact(recipient_hash)",
        [*inside, f"step = {_REFUSED}", "rule_id = 'optout'", f"recipient_hash IN (SELECT recipient_hash {whose})"],
    )
    sent = source.rows(
        "recipient_hash, at_ms, message_id, account, signature, recipient_masked",
        [
            *inside, f"step IN {BEGINNINGS}", f"message_class = {cases.MARKETING}", "counts = 1",
            f"recipient_hash IN (SELECT recipient_hash {whose})",
        ],
    )  # fmt: skip
    late = []
    for rhash, at_ms, message_id, account, signature, masked in sent:
        optout_ms = _last_optout(wished[rhash], at_ms, {"", f":a:{account}", f":s:{signature}"})
        if optout_ms is not None:
            late.append(Late(message_id, account, signature, masked, optout_ms, at_ms))
    late.sort(key=lambda each: (each.accepted_ms, each.message_id))
    by_source = dict(sorted(sources.items()))
    return Optouts(steps[_OPTOUT], steps[_RESUBSCRIBED], by_source, spared[0][0], late[: cases.MOST_LATE])


def _of_detail(detail: str) -> tuple[str, str]:
    """Scope and source of an opt-out."""
    parts = detail.split('"')
    return parts[1] if len(parts) > 1 else "", parts[3] if len(parts) > 3 else ""


def _last_optout(wishes: list[tuple[int, int, str]], sent_ms: int, scopes: set[str]) -> int | None:
    """When the last opt-out was that a message came after, with no subscription of its scope in between."""
    found = [
        at_ms
        for at_ms, step, scope in wishes
        if step == _OPTOUT
        and at_ms < sent_ms
        and scope in scopes
        and not any(s == _RESUBSCRIBED and each == scope and at_ms <= ms <= sent_ms for ms, s, each in wishes)
    ]
    return max(found, default=None)


def delivered(source: Source, since_ms: int, until_ms: int) -> list[Delivered]:
    """Last receipts that came in a time."""
    rows = source.rows(
        f"carrier AS c, province AS p, sumIf(counts, state = {DELIVERED}), sumIf(counts, state <> {DELIVERED})",
        [*within(since_ms, until_ms), _FINAL],
        "GROUP BY c, p ORDER BY c, p",
    )
    return [Delivered(*row) for row in rows]


def reactions(source: Source, since_ms: int, until_ms: int) -> list[Reactions]:
    """Messages of a time, and opt-outs and complaints of the same time."""
    inside = within(since_ms, until_ms)
    begun = [f"step IN {BEGINNINGS}", "message_class <> 0"]
    found: dict[tuple[str, str], list[int]] = {}
    for account, template, messages in source.rows(
        f"account AS a, {_TEMPLATE} AS t, sum(counts)", [*inside, *begun], "GROUP BY a, t"
    ):
        found[account, template] = [messages, 0, 0]
    back = [*inside, f"step IN ({_OPTOUT}, {_COMPLAINED})", "recipient_hash <> ''"]
    earlier = within(since_ms - lately.ANSWERED_WITHIN_MS, until_ms)
    sent: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
    for rhash, *row in source.rows(
        f"recipient_hash, at_ms, account, {_TEMPLATE}",
        [*earlier, *begun, f"recipient_hash IN (SELECT recipient_hash {source.of(*back)})"],
        "ORDER BY at_ms, place",
    ):
        sent[rhash].append((row[0], row[1], row[2]))
    for rhash, at_ms, step in source.rows("recipient_hash, at_ms, step", back):
        messages_of: Any = sent.get(rhash, ())
        at = bisect_right(messages_of, at_ms, key=lambda each: each[0])
        if at and at_ms - messages_of[at - 1][0] <= lately.ANSWERED_WITHIN_MS:
            _, account, template = messages_of[at - 1]
            found.setdefault((account, template), [0, 0, 0])[1 if step == _OPTOUT else 2] += 1
    return [Reactions(*names, *counts) for names, counts in sorted(found.items())]
