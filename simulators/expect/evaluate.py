"""Looks at what happened and says what became of each expectation. Pure: the same entries, the same report.

``after`` and ``before`` name another expectation (the moment it had enough entries) or a phase; they are
resolved here, first. What a requirement means is in ``requirements`` and ``timing``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from simulators.entry import Entry
from simulators.expect.finding import SHOWN, Finding, Scene, field_value, zone_of
from simulators.expect.model import Expectation
from simulators.expect.receipts import ReceiptIndex
from simulators.expect.report import Report
from simulators.expect.requirements import ABOUT_MESSAGES, lower_bound
from simulators.expect.result import Result, State
from simulators.expect.selection import MESSAGE_KINDS, Selection
from simulators.expect.timing import ABOUT_TIME
from simulators.expect.whole import Item, each_alone, join
from simulators.expect.words import either, subject
from smsgw.documents.names import with_hint

#: Of hours, days and what reports show, unless somebody says otherwise.
DEFAULT_ZONE: Final = "Asia/Shanghai"
_MAX_NAME = 160


@dataclass(frozen=True, slots=True)
class Span:
    """When a phase ran: seconds of time.monotonic(); ``until_s`` None while it does."""

    from_s: float
    until_s: float | None = None


@dataclass(frozen=True, slots=True)
class _Moment:
    """When something happened that others refer to: its place among all entries, and real time."""

    place: int
    real_s: float


@dataclass(frozen=True, slots=True)
class _Limits:
    """What of the run an expectation looks at; None is no limit."""

    after: _Moment | None = None
    before: _Moment | None = None
    spans: Sequence[Span] | None = None
    #: What it refers to has not happened: nothing is looked at.
    nothing: bool = False

    def have(self, item: Item) -> bool:
        return (
            not self.nothing
            and (self.after is None or item.first > self.after.place)
            and (self.before is None or item.first < self.before.place)
            and (self.spans is None or any(_within(item.entry.real_s, span) for span in self.spans))
        )


def evaluate(
    expectations: Sequence[Expectation],
    entries: Iterable[Entry],
    *,
    zone: str = DEFAULT_ZONE,
    phases: Mapping[str, Sequence[Span]] | None = None,
    started_s: float | None = None,
    now_s: float | None = None,
    title: str = "simulation",
    started: datetime | None = None,
    forgotten: int = 0,
) -> Report:
    """What became of ``expectations`` if the run ended now.

    ``entries`` in any order; of those at the same time the order given counts. ``phases``: when each ran.
    ``started_s`` and ``now_s`` are time.monotonic() at the beginning of the run and now: ``within`` counts from
    the one (None: from the first entry) and has run out by the other. ``zone`` is that of hours and days.
    ``forgotten``: how many entries were not kept; with any, nothing that was expected is sure, and the report fails.
    """
    run = _Run(expectations, entries, zone, phases or {}, started_s, now_s)
    took_s = run.now_s - run.started_s if run.now_s is not None and run.started_s is not None else 0.0
    results = [*run.results(), *_memory(forgotten if expectations else 0)]
    return Report(tuple(results), title, started, took_s, zone)


def state(
    expectation: Expectation, entries: Iterable[Entry], *, zone: str = DEFAULT_ZONE, now_s: float | None = None
) -> State:
    """Whether an expectation is met or failed for good, or still open."""
    return evaluate([expectation], entries, zone=zone, now_s=now_s).results[0].state


def misfits(expectations: Sequence[Expectation], phases: Iterable[str] = ()) -> list[tuple[int, str, str]]:
    """What single expectations can't know: names used twice, or of nothing, or in a circle. (index, key, why) each."""
    phase_names = set(phases)
    first: dict[str, int] = {}
    found = []
    for index, expectation in enumerate(expectations):
        if expectation.name and first.setdefault(expectation.name, index) != index:
            found.append((index, "name", f"another expectation is called {expectation.name!r}"))
    for index, expectation in enumerate(expectations):
        if expectation.phase is not None and expectation.phase not in phase_names:
            found.append(
                (index, "phase", with_hint(f"no phase is called {expectation.phase!r}", expectation.phase, phase_names))
            )
        for key in ("after", "before"):
            name = getattr(expectation, key)
            if name is not None and name not in first and name not in phase_names:
                why = f"no expectation and no phase is called {name!r}"
                found.append((index, key, with_hint(why, name, {*first, *phase_names})))
            elif name in first and index in _reachable(expectations, first, first[name]):
                found.append((index, key, f"{name!r} waits for this one in turn"))
    return found


def _reachable(expectations: Sequence[Expectation], names: Mapping[str, int], start: int) -> set[int]:
    """The expectations that one refers to, itself included."""
    seen: set[int] = set()
    waiting = [start]
    while waiting:
        index = waiting.pop()
        if index not in seen:
            seen.add(index)
            follow = (expectations[index].after, expectations[index].before)
            waiting += [names[name] for name in follow if name is not None and name in names]
    return seen


class _Run:
    """All entries of a run, joined once, and the moments that expectations refer to."""

    def __init__(
        self,
        expectations: Sequence[Expectation],
        entries: Iterable[Entry],
        zone: str,
        phases: Mapping[str, Sequence[Span]],
        started_s: float | None,
        now_s: float | None,
    ) -> None:
        in_order = sorted(entries, key=lambda entry: entry.real_s)
        self.started_s = started_s if started_s is not None or not in_order else in_order[0].real_s
        self.now_s = now_s
        self._expectations = expectations
        self._phases = phases
        self._scene = Scene(ZoneInfo(zone), ReceiptIndex(in_order), self.started_s, now_s)
        wholes = {expectation.whole for expectation in expectations}
        self._joined = join(in_order) if True in wholes else []
        self._single = each_alone(in_order) if False in wholes else []
        self._named = {each.name: each for each in reversed(expectations) if each.name}
        self._asked: list[str] = []
        self._last = len(in_order)

    def results(self) -> Iterator[Result]:
        circles = {index: why for index, _, why in misfits(self._expectations, self._phases)}
        for index, expectation in enumerate(self._expectations):
            what = subject(expectation)
            if index in circles:
                yield Result(expectation.name or what, False, "failed", what, circles[index])
            else:
                yield self._result(expectation, what)

    def _result(self, expectation: Expectation, what: str) -> Result:
        limits = self._limits(expectation)
        items = self._selected(expectation, limits)
        origin_s = self._origin_s(limits)
        findings = list(_judge(expectation, items, self._since(origin_s)))
        expected = f"{what}: {'; '.join(dict.fromkeys(finding.expected for finding in findings))}"
        wrong = [finding for finding in findings if not finding.ok]
        state: State = "open"
        if any(finding.final for finding in wrong):
            state = "failed"
        elif all(finding.final and finding.ok for finding in findings):
            state = "met"
        if state != "open" and not self._is_for_good(expectation, items, state, origin_s):
            state = "open"
        return Result(
            expectation.name or _cut(expected),
            not wrong,
            state,
            expected,
            "; ".join(dict.fromkeys(finding.found for finding in wrong or findings)),
            len(items),
            tuple(offender for finding in wrong for offender in finding.offenders)[:SHOWN],
        )

    def _is_for_good(
        self, expectation: Expectation, items: Sequence[Item], state: State, origin_s: float | None
    ) -> bool:
        """Whether answers and segments that are still to come can't change a state, by what is selected."""
        if self._moments_may_change(expectation):
            return False
        if state == "met":
            sure = [item for item in items if not _may_select_otherwise(expectation, item)]
            return all(each.final and each.ok for each in _judge(expectation, sure, self._since(origin_s)))
        every = self._joined if expectation.whole else self._single
        unsure = next((item.first for item in every if _may_select_otherwise(expectation, item)), None)
        if unsure is None:
            return True
        sure = [item for item in items if item.first < unsure]
        return any(each.final and not each.ok for each in _judge(expectation, sure, self._since(origin_s)))

    def _moments_may_change(self, expectation: Expectation) -> bool:
        """Of what it refers to. What is coming together has its moment when it has; only answers change the past."""
        names = {each.name: number for number, each in enumerate(self._expectations) if each.name}
        start = self._expectations.index(expectation)
        for index in _reachable(self._expectations, names, start) - {start}:
            other = self._expectations[index]
            every = self._joined if other.whole else self._single
            if any(item.complete and _waits_for_answer(other, item) for item in every):
                return True
            items = self._selected(other, self._limits(other))
            if any(_may_select_otherwise(other, item) for item in items):
                return True
        return False

    def _since(self, origin_s: float | None) -> Scene:
        return replace(self._scene, origin_s=origin_s)

    def _origin_s(self, limits: _Limits) -> float | None:
        """From when ``within`` counts; None when that has not come."""
        if limits.nothing:
            return None
        if limits.after is not None:
            return limits.after.real_s
        if limits.spans is not None:
            return min((span.from_s for span in limits.spans), default=None)
        return self._scene.origin_s

    def _selected(self, expectation: Expectation, limits: _Limits) -> list[Item]:
        items = self._joined if expectation.whole else self._single
        return [item for item in items if limits.have(item) and expectation.matches(item.entry)]

    def _limits(self, expectation: Expectation) -> _Limits:
        spans = self._phases.get(expectation.phase, ()) if expectation.phase is not None else None
        after = before = None
        if expectation.after is not None:
            after = self._moment(expectation.after, at_end=True)
            if after is None:
                return _Limits(nothing=True)
        if expectation.before is not None:
            before = self._moment(expectation.before, at_end=False)
        return _Limits(after, before, spans)

    def _moment(self, name: str, *, at_end: bool) -> _Moment | None:
        """When another expectation had enough, or a phase ended (began)."""
        expectation = self._named.get(name)
        if expectation is not None:
            if name in self._asked:  # a circle, which misfits tells of
                return None
            self._asked.append(name)
            items = [item for item in self._selected(expectation, self._limits(expectation)) if item.complete]
            self._asked.pop()
            items.sort(key=lambda item: item.last)
            needed = max(lower_bound(expectation) or 1, 1)
            return _Moment(items[needed - 1].last, items[needed - 1].end_s) if len(items) >= needed else None
        spans = self._phases.get(name, ())
        times = [span.until_s if at_end else span.from_s for span in spans]
        known = [at_s for at_s in times if at_s is not None]
        if not known:
            return None
        real_s = max(known) if at_end else min(known)
        items = self._joined or self._single
        place = next((item.first for item in items if item.entry.real_s >= real_s), self._last)
        return _Moment(place - 1 if at_end else place, real_s)


def _waits_for_answer(selection: Selection, item: Item) -> bool:
    """A condition asks for its answer, which may still come."""
    asked = bool(selection.status or selection.message_id or selection.fate) or selection.answered is not None
    return asked and item.entry.status is None and _is_message(selection, item)


def _may_select_otherwise(selection: Selection, item: Item) -> bool:
    """Its answer, or its text, may become another one, and a condition asks for that."""
    asked = selection.text or selection.segments or selection.status or selection.message_id or selection.fate
    of_whole = bool(asked) or selection.text_is is not None or selection.answered is not None
    return _waits_for_answer(selection, item) or (item.in_motion and of_whole and _is_message(selection, item))


def _is_message(selection: Selection, item: Item) -> bool:
    return item.entry.kind in MESSAGE_KINDS and (not selection.kind or item.entry.kind in selection.kind)


def _memory(forgotten: int) -> Iterator[Result]:
    if forgotten:
        what = "everything that happened was kept to be judged"
        yield Result(what, False, "failed", what, f"{forgotten:,} were forgotten; set record higher, or to 0 for all")


def _within(at_s: float, span: Span) -> bool:
    return at_s >= span.from_s and (span.until_s is None or at_s < span.until_s)


def _judge(expectation: Expectation, items: Sequence[Item], scene: Scene) -> Iterator[Finding]:
    if not expectation.per:
        yield from _all_requirements(expectation, items, scene)
        return
    if not items:  # another group may always come
        yield from (replace(finding, final=False) for finding in _all_requirements(expectation, items, scene))
        return
    zone = zone_of(expectation, scene)
    groups: dict[tuple[object, ...], list[Item]] = {}
    for item in items:
        key = tuple(field_value(item.entry, name, zone) for name in expectation.per)
        groups.setdefault(key, []).append(item)
    suffix = f" for each {either(expectation.per).replace(' or ', ' and ')}"
    wrong: list[Finding] = []
    right: list[Finding] = []
    for key, group in groups.items():
        label = " ".join(str(part) for part in key)
        for finding in _all_requirements(expectation, group, scene):
            labelled = replace(finding, expected=finding.expected + suffix, found=f"{finding.found} for {label}")
            (right if finding.ok else wrong).append(labelled)
    if wrong:
        yield from wrong[:SHOWN]
        if len(wrong) > SHOWN:
            yield replace(wrong[-1], found=f"and {len(wrong) - SHOWN} more", final=any(each.final for each in wrong))
        return
    for expected in dict.fromkeys(finding.expected for finding in right):
        yield Finding(expected, True, f"so for all {len(groups):,}")


def _all_requirements(expectation: Expectation, items: Sequence[Item], scene: Scene) -> Iterator[Finding]:
    for requirement in (*ABOUT_MESSAGES, *ABOUT_TIME):
        yield from requirement(expectation, items, scene)


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_NAME else text[: _MAX_NAME - 1] + "…"
