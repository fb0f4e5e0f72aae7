"""Answers about cases, of archived records: ``records.cases`` says which.

Only reads. A message's later steps and its beginning may lie outside of the time asked for, so files around it are
looked at, too, but only for the messages that were found in it.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Final

from smsgw.errors import RequestError
from smsgw.records.archive.duck import files
from smsgw.records.archive.intake import BEGINNINGS, DELIVERED, PENDING, unpacked_content
from smsgw.records.archive.knowledge import Keys
from smsgw.records.archive.person import contents_of
from smsgw.records.archive.reading import Look, Reader
from smsgw.records.cases import AROUND_MS, MOST_AFFECTED, Affected, Answered, Case, Happened, Late, Moment, Optouts
from smsgw.records.record import Step

_SLICES: Final = 60
_MINUTE_MS: Final = 60_000
MARKETING: Final = 2
MOST_LATE: Final = 1_000
_RECEIPT, _RETURNED, _REFUSED, _SENT = int(Step.RECEIPT), int(Step.RECEIPT_RETURNED), int(Step.REFUSED), int(Step.SENT)
_OPTOUT, _RESUBSCRIBED, _ANSWERED = int(Step.OPTOUT), int(Step.RESUBSCRIBED), int(Step.ANSWERED)
_FINAL: Final = f"step = {_RECEIPT} AND state NOT IN {PENDING}"
_FAILED: Final = f"step = {_RECEIPT} AND state NOT IN {(DELIVERED, *PENDING)}"
_CAME: Final = f"step = {_RECEIPT} AND state = {DELIVERED}"
EVENTS: Final = tuple(
    int(each)
    for each in (Step.REFUSED, Step.REROUTED, Step.RETRIED, Step.UNKNOWN, Step.FAILED, Step.EXPIRED, Step.PARKED,
                 Step.CANCELLED, Step.HELD)
)  # fmt: skip
_ONE: Final = f"""
    max(account), max(department), coalesce(arg_max(carrier, at_ms) FILTER (WHERE step IN ({_SENT}, {_ANSWERED})), ''),
    max(message_class), max(template), max(campaign), max(signature), max(recipient_hash), max(recipient_masked),
    max(segments), coalesce(min(at_ms) FILTER (WHERE step IN {(*BEGINNINGS, _REFUSED)}), 0),
    coalesce(min(at_ms) FILTER (WHERE step = {_SENT}), 0), coalesce(max(at_ms) FILTER (WHERE {_FINAL}), 0),
    coalesce(arg_max(state, at_ms) FILTER (WHERE {_FINAL}), 0),
    coalesce(arg_max(err, at_ms) FILTER (WHERE {_FINAL}), ''),
    coalesce(arg_max(step, at_ms) FILTER (WHERE step <> {_RETURNED}), 0),
    coalesce(max(rule_id) FILTER (WHERE step = {_REFUSED}), '')
"""


def affected(reader: Reader, case: Case, keys: Keys | None = None) -> Answered:
    """The messages of a case and what happened to them. ``keys``: also their numbers in full.

    Raises RequestError when there are too many, OSError, and what ``keys.open`` raises.
    """
    return reader.asked(lambda look: _affected(reader, look, case, keys))


def too_many() -> RequestError:
    """What a case is answered with that touches more than can be listed."""
    return RequestError("invalid", f"more than {MOST_AFFECTED:,} messages are affected; ask for a shorter time")


def slice_of(case: Case) -> int:
    """How long each moment of an answer is, in ms."""
    return max(_MINUTE_MS, -(-(case.until_ms - case.since_ms) // _SLICES // _MINUTE_MS) * _MINUTE_MS)


def _affected(reader: Reader, look: Look, case: Case, keys: Keys | None) -> Answered:
    slice_ms = slice_of(case)
    paths = look.paths(case.since_ms, case.until_ms)
    if not paths:
        return Answered([], [], [], slice_ms)
    inside = f"FROM {files(paths)} WHERE at_ms >= {case.since_ms} AND at_ms < {case.until_ms} AND {_of(case)} = ?"
    around = files(look.paths(case.since_ms - AROUND_MS, case.until_ms + AROUND_MS))
    found = reader.rows(
        f"""SELECT message_id, {_ONE} FROM {around} SEMI JOIN
            (SELECT DISTINCT message_id {inside} AND message_id <> '') USING (message_id) GROUP BY message_id
            UNION ALL SELECT '', account, department, carrier, message_class, template, campaign, signature,
            recipient_hash, recipient_masked, segments, at_ms, 0, 0, 0, '', step, rule_id
            {inside} AND message_id = '' AND step = {_REFUSED}
            ORDER BY 12, 1 LIMIT {MOST_AFFECTED + 1}""",
        [case.name, case.name],
    )
    if len(found) > MOST_AFFECTED:
        raise too_many()
    messages = [Affected(*row) for row in found]
    happened = reader.rows(
        f"""SELECT step, carrier, rule_id, if(step = {_RECEIPT}, state, 0), if(step = {_RECEIPT}, err, ''), min(at_ms),
            max(at_ms), count(*) {inside} AND (step IN {EVENTS} OR {_FAILED}) GROUP BY 1, 2, 3, 4, 5 ORDER BY 6, 1""",
        [case.name],
    )
    moments = reader.rows(
        f"""SELECT (at_ms - {case.since_ms}) // {slice_ms} * {slice_ms} + {case.since_ms},
            count(*) FILTER (WHERE step IN {BEGINNINGS}), count(*) FILTER (WHERE {_CAME}),
            count(*) FILTER (WHERE {_FAILED}) {inside} GROUP BY 1 ORDER BY 1""",
        [case.name],
    )
    if keys is not None:
        messages = _with_numbers(reader, look, case, messages, keys, inside)
    return Answered(
        messages, [Happened(*row) for row in happened], [Moment(*row) for row in moments], slice_ms
    )  # fmt: skip


def _of(case: Case) -> str:
    return "split_part(template, '@', 1)" if case.scope == "template" and "@" not in case.name else case.scope


def _with_numbers(
    reader: Reader, look: Look, case: Case, messages: list[Affected], keys: Keys, inside: str
) -> list[Affected]:
    """The same with their numbers, where they were not erased; of what was refused, which nobody got, none is given."""
    source = files(look.paths(case.since_ms - AROUND_MS, case.until_ms + AROUND_MS))[:-1]
    rows = reader.rows(
        f"""SELECT filename, file_row_number, recipient_hash
            FROM {source}, filename = true, file_row_number = true) SEMI JOIN
            (SELECT DISTINCT message_id {inside} AND message_id <> '') USING (message_id)
            WHERE step IN {BEGINNINGS} ORDER BY ALL""",
        [case.name],
    )
    numbers: dict[str, str] = {}
    for name, each in groupby(rows, key=lambda row: row[0]):
        hashes = {int(row): str(recipient_hash) for _, row, recipient_hash in each}
        for row, content in contents_of(Path(str(name)), hashes, keys).items():
            numbers[hashes[row]] = unpacked_content(content)[0]
    return [replace(each, number=numbers.get(each.recipient_hash, "")) for each in messages]


def after_optouts(reader: Reader, since_ms: int, until_ms: int) -> Optouts:
    """What became of the opt-outs of a time until its end. Raises OSError."""
    return reader.asked(lambda look: _after_optouts(reader, look, since_ms, until_ms))


def _after_optouts(reader: Reader, look: Look, since_ms: int, until_ms: int) -> Optouts:
    paths = look.paths(since_ms, until_ms)
    if not paths:
        return Optouts(0, 0, {}, 0, [])
    inside = f"FROM {files(paths)} WHERE at_ms >= {since_ms} AND at_ms < {until_ms}"
    steps = dict(reader.rows(f"SELECT step, count(*) {inside} AND step IN ({_OPTOUT}, {_RESUBSCRIBED}) GROUP BY 1"))
    # Details of an opt-out are its scope and its source; the first is empty where it is the whole company's.
    wished = f"""SELECT recipient_hash, at_ms, step, split_part(detail, '"', 2) AS scope,
        split_part(detail, '"', 4) AS source {inside}
        AND step IN ({_OPTOUT}, {_RESUBSCRIBED}) AND recipient_hash <> ''"""
    sources = reader.rows(f"SELECT source, count(*) FROM ({wished}) WHERE step = {_OPTOUT} GROUP BY 1 ORDER BY 1")
    spared = reader.rows(
        f"""SELECT count(DISTINCT recipient_hash) {inside} AND step = {_REFUSED} AND rule_id = 'optout'
            AND recipient_hash IN (SELECT recipient_hash FROM ({wished}) WHERE step = {_OPTOUT})"""
    )
    late = reader.rows(
        f"""WITH wished AS ({wished}),
            sent AS (SELECT recipient_hash, at_ms, message_id, account, signature, recipient_masked {inside}
                AND step IN {BEGINNINGS} AND message_class = {MARKETING} AND counts = 1
                AND recipient_hash IN (SELECT recipient_hash FROM wished))
            SELECT message_id, account, signature, recipient_masked, max(o.at_ms), sent.at_ms FROM sent JOIN wished o
            ON o.recipient_hash = sent.recipient_hash AND o.step = {_OPTOUT} AND o.at_ms < sent.at_ms
                AND (o.scope IN ('', ':a:' || account, ':s:' || signature))
            WHERE NOT EXISTS (SELECT 1 FROM wished s WHERE s.step = {_RESUBSCRIBED}
                AND s.recipient_hash = sent.recipient_hash AND s.at_ms BETWEEN o.at_ms AND sent.at_ms
                AND s.scope = o.scope)
            GROUP BY ALL ORDER BY sent.at_ms, message_id LIMIT {MOST_LATE}"""
    )
    return Optouts(
        steps.get(_OPTOUT, 0), steps.get(_RESUBSCRIBED, 0), dict(sources), spared[0][0], [Late(*row) for row in late]
    )  # fmt: skip
