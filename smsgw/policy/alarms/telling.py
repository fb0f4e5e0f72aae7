"""Who is told of which alarm just now: channels, silences, quiet hours, repeats.

Owns: the decision for one alarm and one channel. It goes by what the channel was told last, so whoever decides after a
restart, or in another process, neither forgets nor repeats. An end is told to whoever was told of the beginning.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from smsgw.policy.alarms.kinds import SEVERITIES
from smsgw.policy.alarms.rules import Labels, Rule, fits
from smsgw.policy.alarms.standing import FIRING, RESOLVED, Standing
from smsgw.policy.profile import TimeRange

News: TypeAlias = Literal["", "firing", "again", "resolved"]
PAGE: Final = "page"


@dataclass(frozen=True, slots=True)
class Listener:
    """A channel, as far as decisions go. ``quiet``: then it is told only of what has the severity page."""

    name: str
    floor: str = "ticket"
    quiet: tuple[TimeRange, ...] = ()

    def hears(self, rule: Rule) -> bool:
        """Whether it is told of such alarms at all."""
        loud = SEVERITIES.index(rule.severity) >= SEVERITIES.index(self.floor)
        return loud and (rule.channels is None or self.name in rule.channels)


@dataclass(frozen=True, slots=True)
class Silence:
    """What staff don't want to be told of until then. ``kind`` empty: every kind; ``only``: patterns of labels."""

    id: str
    kind: str
    only: Labels
    until_ms: int
    why: str
    who: str
    at_ms: int

    def covers(self, standing: Standing, now_ms: int) -> bool:
        """Whether it is in force for an alarm."""
        return now_ms < self.until_ms and self.kind in ("", standing.kind) and fits(self.only, dict(standing.labels))


def silence_of(standing: Standing, silences: Iterable[Silence], now_ms: int) -> Silence | None:
    """The silence that keeps an alarm quiet, the longest of several."""
    found = [each for each in silences if each.covers(standing, now_ms)]
    return max(found, key=lambda each: each.until_ms, default=None)


def news_for(listener: Listener, standing: Standing, rule: Rule, now_ms: int, minute: int, *, is_silent: bool) -> News:
    """What a channel is to be told of an alarm. ``minute``: of the local day; ``is_silent``: silenced, or covered."""
    told_ms = standing.told.get(listener.name)
    if standing.state == RESOLVED and told_ms is not None:
        return "" if _is_quiet(listener, rule, minute) else "resolved"
    if standing.state != FIRING or is_silent or not listener.hears(rule) or _is_quiet(listener, rule, minute):
        return ""
    if told_ms is None:
        return "firing"
    is_due = rule.repeat_s > 0 and now_ms - told_ms >= rule.repeat_s * 1000
    return "again" if is_due and not standing.acked_by else ""


def heard(standing: Standing, listener: str, news: News, now_ms: int) -> Standing:
    """The alarm after a channel was told."""
    others = {name: at_ms for name, at_ms in standing.told.items() if name != listener}
    return replace(standing, told=others if news == "resolved" else {**others, listener: now_ms})


def without_strangers(standing: Standing, listeners: Mapping[str, Listener]) -> Standing:
    """The alarm without channels that there are no more; nobody would ever tell them that it is over."""
    if standing.told.keys() <= listeners.keys():
        return standing
    return replace(standing, told={name: at_ms for name, at_ms in standing.told.items() if name in listeners})


def _is_quiet(listener: Listener, rule: Rule, minute: int) -> bool:
    if rule.severity == PAGE:
        return False
    return any(start <= minute < end for hours in listener.quiet for start, end in hours.minutes())
