"""All alarms of a site, from one look at the facts to the next.

Owns: that every reading meets the rule of its labels, and that an alarm of which nothing is read any more ends, unless
nobody could look: then everything of its kind stays as it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from smsgw.policy.alarms.kinds import KINDS
from smsgw.policy.alarms.rules import Labels, Rules
from smsgw.policy.alarms.standing import FIRING, Reading, Standing, step

Found: TypeAlias = Mapping[tuple[str, float], Sequence[Reading] | None]
"""(kind, window in seconds) → what was read; None, or not there at all: nobody could look."""


def windows(rules: Rules, kind: str) -> set[float]:
    """The times over which a kind has to be read."""
    return {rule.window_s for rule in rules.of(kind) if rule.enabled}


def judge(rules: Rules, found: Found, before: Mapping[str, Standing], now_ms: int) -> dict[str, Standing]:
    """Every alarm there is now, by id."""
    after: dict[str, Standing] = {}
    for name in KINDS:
        read = _by_labels(rules, name, found)
        standing = {each.labels: each for each in before.values() if each.kind == name}
        for labels in {**read, **standing}:
            was, rule = standing.get(labels), rules.find(name, labels)
            # A rule that was switched off looks at nothing, and its alarms end.
            could_look = not rule.enabled or found.get((name, rule.window_s)) is not None
            now = step(was, read.get(labels), rule, now_ms, labels) if could_look else was
            if now is not None:
                after[now.id] = now
    return after


def _by_labels(rules: Rules, kind: str, found: Found) -> dict[Labels, Reading]:
    read: dict[Labels, Reading] = {}
    for window_s in windows(rules, kind):
        for reading in found.get((kind, window_s)) or ():
            rule = rules.find(kind, reading.labels)
            if rule.window_s == window_s and reading.volume >= rule.minimum:
                read[reading.labels] = reading
    return read


def firing(standings: Mapping[str, Standing]) -> dict[tuple[str, Labels], Standing]:
    """Those that fire, by kind and labels, as ``is_covered`` wants them."""
    return {(each.kind, each.labels): each for each in standings.values() if each.state == FIRING}
