"""One alarm as it goes: pending while bad, firing once it was bad for long enough, resolved once it was good for long.

Owns: the transitions. Between threshold and clear nothing begins and nothing ends. Nothing seen, where one could look,
counts as good: a carrier that is given nothing delivers nothing badly. Where nobody could look nothing changes at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeAlias

from smsgw.policy.alarms.rules import Labels, Rule

State: TypeAlias = Literal["pending", "firing", "resolved"]
PENDING: Final = "pending"
FIRING: Final = "firing"
RESOLVED: Final = "resolved"


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found of one thing. ``counts`` False: it can't begin an alarm, only keep or end one.

    ``volume``: of how many messages it was found, 0 where it is of none.
    """

    labels: Labels
    value: float
    volume: int = 0
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Standing:
    """An alarm. Times are business ms; 0: not yet. ``bad_ms``: since when it is bad, ``good_ms``: good again.

    ``told``: channel → when it was last told that it is firing. ``acted``: what was done of itself, in words of
    ``engine``; empty for nothing. ``acked_by``: who takes care of it.
    """

    kind: str
    labels: Labels
    state: State
    bad_ms: int
    value: float
    threshold: float
    fired_ms: int = 0
    good_ms: int = 0
    resolved_ms: int = 0
    volume: int = 0
    told: Mapping[str, int] = field(default_factory=dict)
    acted: str = ""
    acked_by: str = ""

    @property
    def id(self) -> str:
        """``delivery_low carrier=alpha province=广东``."""
        return " ".join((self.kind, *(f"{name}={value}" for name, value in self.labels)))


def step(before: Standing | None, reading: Reading | None, rule: Rule, now_ms: int, labels: Labels) -> Standing | None:
    """What becomes of an alarm with what was just found of it; None: there is none."""
    is_bad = rule.enabled and reading is not None and rule.is_bad(reading.value)
    is_good = not rule.enabled or reading is None or rule.is_good(reading.value)
    if before is None or before.state == RESOLVED:
        if not (is_bad and reading is not None and reading.counts):
            return before if before is not None and before.told else None
        told = before.told if before is not None else {}
        begun = Standing(rule.kind.name, labels, PENDING, now_ms, reading.value, rule.threshold, told=told)
        return _ripe(_seen(begun, reading, rule), rule, now_ms)
    now = _seen(before, reading, rule)
    if before.state == PENDING:
        if is_bad:
            return _ripe(now, rule, now_ms)
        # One that began again before it was told to be over.
        return replace(now, state=RESOLVED, resolved_ms=now_ms) if now.told else None
    if not is_good:
        return replace(now, good_ms=0)
    since_ms = before.good_ms or now_ms
    if now_ms - since_ms >= rule.clear_for_s * 1000:
        return replace(now, state=RESOLVED, good_ms=since_ms, resolved_ms=now_ms)
    return replace(now, good_ms=since_ms)


def _seen(standing: Standing, reading: Reading | None, rule: Rule) -> Standing:
    if reading is None:
        return replace(standing, threshold=rule.threshold)
    return replace(standing, value=reading.value, volume=reading.volume, threshold=rule.threshold)


def _ripe(standing: Standing, rule: Rule, now_ms: int) -> Standing:
    if now_ms - standing.bad_ms < rule.for_s * 1000:
        return standing
    return replace(standing, state=FIRING, fired_ms=now_ms)


def is_covered(standing: Standing, firing: Mapping[tuple[str, Labels], Standing]) -> bool:
    """Whether a wider one of its kind fires as well: of the carrier, where this is of one of its provinces."""
    return any((standing.kind, standing.labels[:end]) in firing for end in range(1, len(standing.labels)))
