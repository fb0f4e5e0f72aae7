"""The questions of alarms over records, as the process answers them that reads records. Numbers only, no recipient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from smsgw.records.lately import Delivered, Hours, Reactions
from smsgw.services.asking import Source


@dataclass(frozen=True, slots=True)
class Counted:
    """What was found, by the window in seconds that was asked for; ``late_since_ms``: see ``not_taken_since``."""

    delivered: Mapping[float, list[Delivered]] = field(default_factory=dict)
    reactions: Mapping[float, list[Reactions]] = field(default_factory=dict)
    hours: Hours | None = None
    late_since_ms: int | None = None


def count(
    source: Source,
    now_ms: int,
    delivered_s: tuple[float, ...],
    reactions_s: tuple[float, ...],
    hours_ms: tuple[int, ...],
) -> Counted:
    """All of it at once. Raises RequestError ``missing`` where there is no archive."""
    source.require_archive()
    history, until_ms = source.history, now_ms + 1
    return Counted(
        {window_s: history.delivered(now_ms - round(window_s * 1000), until_ms) for window_s in delivered_s},
        {window_s: history.reactions(now_ms - round(window_s * 1000), until_ms) for window_s in reactions_s},
        history.sent_in(hours_ms) if hours_ms else None,
        history.not_taken_since(),
    )
