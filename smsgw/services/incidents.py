"""Incident exports: whom something touched, what each got and when, what happened meanwhile.

Owns: who may have one, and with full numbers (compliance alone); that each is audited, with its reason, before anything
is looked at; which entries of the audit log belong to an incident. How it reads is ``reports.incident``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from smsgw.clock import from_ms, to_ms
from smsgw.errors import RequestError
from smsgw.records.cases import SCOPES, Affected, Answered, Case, Happened
from smsgw.records.record import Step
from smsgw.reports.incident import Event, Incident, Message, Slice, counted, state_of
from smsgw.services.asking import Asking, Source
from smsgw.services.audit_report import entries_between
from smsgw.services.desk import MOST_NAME_CHARS, Desk, masked, named, one_of
from smsgw.smpp.constants import MessageState
from smsgw.store.audit import Audited

READERS: Final = ("compliance", "auditor", "engineer")
REVEALED_TO: Final = ("compliance",)
MOST_DAYS: Final = 31
_BELONGS: Final = (
    "pause.", "carrier.", "order.", "bind.", "session.close", "alarm.", "version.", "template.", "channel.",
    "signature.", "campaign.", "word.", "queue.", "quota.", "review.",
)  # fmt: skip
_DAY_MS: Final = 24 * 3_600_000


def incident_figures(source: Source, case: Case, full: bool) -> Answered:
    """The question that another process answers."""
    source.require_archive()
    return source.history.affected(case, source.keys if full else None)


async def incident(
    desk: Desk, asking: Asking, *, scope: str, since: str, until: str = "", full: bool = False, why: str
) -> Incident:
    """Everything about ``<what>:<name>``, an account, template, campaign, carrier or signature, from ``since`` until
    before ``until`` (now if left out), times in the site's zone. ``full``: with whole numbers. Raises RequestError
    and RecordsError.
    """
    desk.require(*(REVEALED_TO if full else READERS))
    why = desk.reason(why)
    case = _case(desk, scope, since, until)
    begins, ends = _at(desk, case.since_ms), _at(desk, case.until_ms)
    numbers = "in full" if full else "masked"
    await desk.audit("report.incident", scope, why, since=begins, until=ends, numbers=numbers)
    found = await asking.ask(incident_figures, case, full)
    if not found.messages and case.scope in ("account", "carrier"):
        there = desk.site.accounts if case.scope == "account" else desk.site.carriers
        named("scope", case.name, there, case.scope)  # a typing error would look like an incident that touched nobody
    entries = await entries_between(desk, case.since_ms, case.until_ms)
    messages = tuple(_message(desk, each) for each in found.messages)
    return Incident(
        desk.site.file.reports.organisation or desk.site.directory.resolve().name, scope, begins, ends,
        from_ms(desk.now_ms()).astimezone(desk.zone).isoformat(" ", "seconds"), desk.person.name, why, full,
        len(messages),
        len({each.recipient_hash for each in found.messages if each.recipient_hash}),
        counted(each.state for each in messages), messages, _timeline(desk, entries, found.happened),
        _slices(desk, case, found),
        found.slice_ms // 60_000,
    )  # fmt: skip


def _case(desk: Desk, scope: str, since: str, until: str) -> Case:
    what, colon, name = scope.partition(":")
    if not colon or not name or len(name) > MOST_NAME_CHARS:
        why = f"scope: expected one of {', '.join(f'{each}:<name>' for each in SCOPES)}, found {scope[:40]!r}"
        raise RequestError("invalid", masked(why))
    one_of("scope", what, SCOPES)
    since_ms, until_ms = (
        _moment(desk, "since", since),
        _moment(desk, "until", until) if until.strip() else desk.now_ms(),
    )
    if not since_ms < until_ms <= since_ms + MOST_DAYS * _DAY_MS:
        why = f"until: expected a time after since, at most {MOST_DAYS} days later; left out, it is now"
        raise RequestError("invalid", why)
    return Case(what, name, since_ms, until_ms)


def _moment(desk: Desk, field: str, text: str) -> int:
    try:
        at = datetime.fromisoformat(text.strip())
        return to_ms(at if at.tzinfo is not None else at.replace(tzinfo=desk.zone))
    except (ValueError, OverflowError):
        why = f"{field}: {text[:40]!r} is neither a day such as 2026-11-18 nor a time such as 2026-11-18T10:30"
        raise RequestError("invalid", why) from None


def _message(desk: Desk, found: Affected) -> Message:
    step = Step(found.step).name.lower() if found.step in list(Step) else ""

    def at(at_ms: int) -> str:
        return _at(desk, at_ms) if at_ms else ""

    return Message(
        found.number or found.recipient_masked, state_of(step, found.state), at(found.begun_ms), at(found.sent_ms),
        at(found.final_ms), found.account, found.department, found.carrier, found.message_class, found.signature,
        found.template, found.campaign, found.segments, "" if found.state == MessageState.DELIVERED else found.err,
        found.rule_id, found.message_id,
    )  # fmt: skip


def _slices(desk: Desk, case: Case, found: Answered) -> tuple[Slice, ...]:
    """Every slice of the time, also those in which nothing happened."""
    counts = {each.at_ms: (each.accepted, each.delivered, each.failed) for each in found.moments}
    begins = range(case.since_ms, case.until_ms, found.slice_ms)
    return tuple(Slice(_at(desk, at_ms), *counts.get(at_ms, (0, 0, 0))) for at_ms in begins)


def _timeline(desk: Desk, entries: list[Audited], happened: list[Happened]) -> tuple[Event, ...]:
    told = [
        (each.at_ms, Event(_at(desk, each.at_ms), "", each.who, each.action, each.subject, each.why, 1))
        for each in entries
        if each.action.startswith(_BELONGS)
    ]
    told += [(each.first_ms, _event(desk, each)) for each in happened]
    return tuple(event for _, event in sorted(told, key=lambda each: each[0]))


def _event(desk: Desk, found: Happened) -> Event:
    name = Step(found.step).name.lower() if found.step in list(Step) else str(found.step)
    state = MessageState(found.state).name if found.state and found.state in list(MessageState) else ""
    last = _at(desk, found.last_ms) if found.count > 1 else ""
    about = f"carrier {found.carrier}" if found.carrier else ""
    why = " ".join(filter(None, (found.rule_id, state, found.err)))
    return Event(_at(desk, found.first_ms), last, "", f"step.{name}", about, why, found.count)


def _at(desk: Desk, at_ms: int) -> str:
    """In the site's zone, whose offset the report has once, at its head."""
    return from_ms(at_ms).astimezone(desk.zone).replace(tzinfo=None).isoformat(" ", "milliseconds")
