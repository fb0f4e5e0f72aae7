"""The last minutes and hours of the archive, for alarms: what was delivered, what people answered, what accounts sent.

Owns: which message an opt-out or a complaint is counted to: the last one before it that the same recipient was sent,
but for verification codes, within three days. Minutes are counted from records, for roll-ups know only hours.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from smsgw.records.archive.duck import files
from smsgw.records.archive.intake import BEGINNINGS, DELIVERED, PENDING
from smsgw.records.archive.raw import read_frames
from smsgw.records.archive.reading import Look, Reader
from smsgw.records.history import Asked, Figures
from smsgw.records.lately import Delivered, Hours, Reactions
from smsgw.records.record import HOUR_MS, Step

ANSWERED_WITHIN_MS: Final = 3 * 24 * HOUR_MS
_CODES: Final = 0
_OPTOUT, _COMPLAINED, _RECEIPT = int(Step.OPTOUT), int(Step.COMPLAINED), int(Step.RECEIPT)
_TEMPLATE: Final = "split_part(template, '@', 1)"


def delivered(reader: Reader, since_ms: int, until_ms: int) -> list[Delivered]:
    """Last receipts that came in a time. Raises OSError."""

    def question(look: Look) -> list[Delivered]:
        paths = look.paths(since_ms, until_ms)
        if not paths:
            return []
        rows = reader.rows(
            f"""SELECT carrier, province, coalesce(sum(counts) FILTER (WHERE state = {DELIVERED}), 0)::BIGINT,
                coalesce(sum(counts) FILTER (WHERE state <> {DELIVERED}), 0)::BIGINT
                FROM {files(paths)} WHERE at_ms >= {since_ms} AND at_ms < {until_ms} AND step = {_RECEIPT}
                AND state NOT IN {PENDING} GROUP BY ALL ORDER BY ALL"""
        )
        return [Delivered(*row) for row in rows]

    return reader.asked(question)


def reactions(reader: Reader, since_ms: int, until_ms: int) -> list[Reactions]:
    """Messages of a time, and opt-outs and complaints of the same time. Raises OSError."""
    return reader.asked(lambda look: _reactions(reader, look, since_ms, until_ms))


def _reactions(reader: Reader, look: Look, since_ms: int, until_ms: int) -> list[Reactions]:
    paths = look.paths(since_ms, until_ms)
    if not paths:
        return []
    inside = f"FROM {files(paths)} WHERE at_ms >= {since_ms} AND at_ms < {until_ms}"
    found: dict[tuple[str, str], list[int]] = {}
    for account, template, messages in reader.rows(
        f"""SELECT account, {_TEMPLATE}, sum(counts)::BIGINT {inside}
            AND step IN {BEGINNINGS} AND message_class <> {_CODES} GROUP BY ALL"""
    ):
        found[account, template] = [messages, 0, 0]
    back = (
        f"SELECT recipient_hash, at_ms, step {inside} AND step IN ({_OPTOUT}, {_COMPLAINED}) AND recipient_hash <> ''"
    )
    earlier = files(look.paths(since_ms - ANSWERED_WITHIN_MS, until_ms))
    for step, account, template, count in reader.rows(
        f"""WITH back AS ({back}),
            sent AS (SELECT recipient_hash, at_ms, account, {_TEMPLATE} AS template FROM {earlier}
                WHERE at_ms >= {since_ms - ANSWERED_WITHIN_MS} AND at_ms < {until_ms} AND step IN {BEGINNINGS}
                AND message_class <> {_CODES} AND recipient_hash IN (SELECT recipient_hash FROM back))
            SELECT step, account, template, count(*) FROM back ASOF JOIN sent
            ON back.recipient_hash = sent.recipient_hash AND back.at_ms >= sent.at_ms
            WHERE back.at_ms - sent.at_ms <= {ANSWERED_WITHIN_MS} GROUP BY ALL"""
    ):
        found.setdefault((account, template), [0, 0, 0])[1 if step == _OPTOUT else 2] += count
    return [Reactions(*names, *counts) for names, counts in sorted(found.items())]


def sent_in(statistics: Callable[[Asked], list[Figures]], hours_ms: Sequence[int]) -> Hours:
    """What accounts sent in these hours, each by its beginning. Raises OSError."""
    known: set[int] = set()
    accepted: dict[tuple[str, int], int] = {}
    for hour_ms in dict.fromkeys(hours_ms):
        figures = statistics(Asked(("account",), hour_ms, hour_ms + HOUR_MS, latencies=False))
        if figures:
            known.add(hour_ms)
        for each in figures:
            accepted[str(each.group[0]), hour_ms] = each.counts["accepted"]
    return Hours(frozenset(known), accepted)


def not_taken_since(reader: Reader) -> int | None:
    """When the first record was written that is not in the archive yet, in ms; None when all are. Raises OSError."""
    return reader.asked(first_untaken)


def first_untaken(look: Look) -> int | None:
    """As ``not_taken_since``, of a look."""
    found = (_first_at(part.path, part.start) for part in look.raw)
    return min((at_ms for at_ms in found if at_ms is not None), default=None)


def _first_at(path: Path, start: int) -> int | None:
    with contextlib.suppress(FileNotFoundError):
        return next((rows[0][0] for _, rows in read_frames(path, start) if rows), None)
    return None
