"""What handles of both simulators share: looking at what happened, waiting for it, and expecting it.

Handles belong to any thread but the simulators' own. Methods that wait have a twin whose name ends in
``_async``; in a test that is itself a coroutine, code under test can only go on while that one is awaited.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from simulators.entry import Entry
from simulators.expect.evaluate import DEFAULT_ZONE, Span, evaluate
from simulators.expect.model import Expectation
from simulators.expect.report import Report
from simulators.expect.result import describe_entry
from simulators.expect.selection import Selection
from simulators.testing.loop import LoopThread, blocks_a_loop
from simulators.testing.messages import SimMessage, messages_of
from smsgw.documents.document import Document
from smsgw.documents.problems import Problems
from smsgw.documents.values import Settings
from smsgw.errors import ConfigError

S = TypeVar("S", bound=Settings)

DEADLINE_S = 5.0
_SHOWN = 30
#: A condition that takes long is looked at so much less often.
_REST = 4


class Handle(ABC):
    """A running simulator, for tests."""

    def __init__(self, loop: LoopThread, name: str, zone: str = DEFAULT_ZONE) -> None:
        self._loop = loop
        self._zone = zone
        self.name = name
        self._started_s = time.monotonic()

    # of each simulator, in the loop

    @abstractmethod
    def _entries(self, kinds: tuple[str, ...]) -> list[Entry]: ...

    @abstractmethod
    async def _wait(self, condition: Callable[[], object], deadline_s: float) -> None:
        """Raises TimeoutError."""

    def _phases(self) -> Mapping[str, Sequence[Span]]:
        return {}

    def _forgotten(self) -> int:
        """Entries that were not kept."""
        return 0

    # looking

    def entries(self, *kinds: str) -> list[Entry]:
        """What happened, in order of time: of these kinds (``simulators.entry.Entry.kind``), or all."""
        return self._loop.call(self._entries, kinds)

    def messages(self, *kinds: str, **selection: Any) -> list[SimMessage]:
        """Messages of these kinds ("submit", "receipt", "mo"; all of them when none is named), long ones whole.

        ``selection`` are conditions as in ``[[expect]]``: ``destination="138*"``, ``status=0``.
        """
        return self._messages(kinds, _selection(selection))

    def show(self) -> str:
        """The last of what happened, a line each, for people."""
        entries = self.entries()
        lines = [describe_entry(entry, self._zone) for entry in entries[-_SHOWN:]]
        if len(entries) > _SHOWN:
            lines.insert(0, f"({len(entries) - _SHOWN} earlier ones are not shown)")
        return "\n".join(lines) or "nothing happened"

    # waiting

    def wait_for(self, condition: Callable[[], object], deadline_s: float = DEADLINE_S, what: str = "") -> None:
        """Return once ``condition()`` is true; it is called in the test's own thread.

        Raises AssertionError after ``deadline_s`` seconds, naming ``what`` and telling what happened.
        """
        __tracebackhide__ = True
        end_s = time.monotonic() + deadline_s
        while not condition():
            left_s = end_s - time.monotonic()
            if left_s <= 0:
                raise AssertionError(self._missed(what or "the condition", deadline_s))
            self._loop.run(self._next(min(left_s, 0.25)), deadline_s)

    async def wait_for_async(
        self, condition: Callable[[], object], deadline_s: float = DEADLINE_S, what: str = ""
    ) -> None:
        """As ``wait_for``, awaited."""
        end_s = time.monotonic() + deadline_s
        while not condition():
            left_s = end_s - time.monotonic()
            if left_s <= 0:
                raise AssertionError(self._missed(what or "the condition", deadline_s))
            await self._loop.arun(self._next(min(left_s, 0.25)))

    # expecting

    def expect(self, *expectations: Expectation | Mapping[str, Any], deadline_s: float = 0.0, **keys: Any) -> Report:
        """Raise AssertionError with the report unless everything is as expected, now or within ``deadline_s``.

        Expectations are tables as in ``[[expect]]``; ``keys`` are one more:
        ``expect(destination="138*", count=3, deadline_s=5)``. Waiting ends when all are met, or one has
        failed for good. Raises ValueError for what can't be expected.
        """
        __tracebackhide__ = True
        wanted = _expectations(expectations, keys)
        return _checked(self._loop.run(self._settled(wanted, deadline_s), deadline_s), deadline_s)

    async def expect_async(
        self, *expectations: Expectation | Mapping[str, Any], deadline_s: float = 0.0, **keys: Any
    ) -> Report:
        """As ``expect``, awaited."""
        __tracebackhide__ = True
        return _checked(await self._loop.arun(self._settled(_expectations(expectations, keys), deadline_s)), 0.0)

    def report(self, *expectations: Expectation | Mapping[str, Any], **keys: Any) -> Report:
        """What becomes of expectations, without raising."""
        return self._loop.run(self._settled(_expectations(expectations, keys), 0.0))

    # in the loop

    async def _next(self, deadline_s: float) -> None:
        """Until something happened."""
        seen = False

        def happened() -> bool:
            nonlocal seen
            seen, before = True, seen
            return before

        try:
            await self._wait(happened, deadline_s)
        except TimeoutError:
            return

    async def _settled(self, wanted: Sequence[Expectation], deadline_s: float) -> Report:
        report = self._judge(wanted)

        def settled() -> bool:
            nonlocal report
            report = self._judge(wanted)
            return _is_settled(report)

        if deadline_s > 0 and not _is_settled(report):
            try:
                await self._wait(_seldom(settled), deadline_s)
            except TimeoutError:
                report = self._judge(wanted)
        return report

    def _judge(self, wanted: Sequence[Expectation]) -> Report:
        return evaluate(
            wanted,
            self._entries(()),
            phases=self._phases(),
            started_s=self._started_s,
            now_s=time.monotonic(),
            zone=self._zone,
            title=self.name,
            forgotten=self._forgotten(),
        )

    def _messages(self, kinds: tuple[str, ...], selection: Selection) -> list[SimMessage]:
        found = messages_of(self.entries(*(kinds or ("submit", "receipt", "mo"))))
        return [message for message in found if message.complete and selection.matches(message.entry)]

    async def _enough(self, kind: str, count: int, selection: Selection, deadline_s: float) -> list[SimMessage]:
        found: list[SimMessage] = []

        def are_enough() -> bool:
            nonlocal found
            found = [
                message
                for message in messages_of(self._entries((kind,)))
                if message.complete and selection.matches(message.entry)
            ]
            return len(found) >= count

        try:
            if not are_enough():
                await self._wait(_seldom(are_enough), deadline_s)
        except TimeoutError:
            are_enough()
        return found

    def _came(
        self, found: list[SimMessage], kind: str, count: int, selection: Mapping[str, Any], deadline_s: float
    ) -> list[SimMessage]:
        __tracebackhide__ = True
        if len(found) >= count:
            return found
        which = f" with {', '.join(f'{key}={value!r}' for key, value in selection.items())}" if selection else ""
        raise AssertionError(self._missed(f"{count} × {kind}{which} (there are {len(found)})", deadline_s))

    def _missed(self, what: str, deadline_s: float) -> str:
        return f"{what} did not come within {deadline_s:g} s; {self.name} saw:\n{self.show()}{blocks_a_loop()}"

    def _wait_for_kind(
        self, kind: str, count: int, deadline_s: float, selection: Mapping[str, Any]
    ) -> list[SimMessage]:
        __tracebackhide__ = True
        found = self._loop.run(self._enough(kind, count, _selection(selection), deadline_s), deadline_s)
        return self._came(found, kind, count, selection, deadline_s)

    async def _wait_for_kind_async(
        self, kind: str, count: int, deadline_s: float, selection: Mapping[str, Any]
    ) -> list[SimMessage]:
        __tracebackhide__ = True
        waiting: Coroutine[Any, Any, list[SimMessage]] = self._enough(kind, count, _selection(selection), deadline_s)
        return self._came(await self._loop.arun(waiting), kind, count, selection, deadline_s)


def _is_settled(report: Report) -> bool:
    return report.ok or any(result.state == "failed" for result in report.results)


def _seldom(condition: Callable[[], bool]) -> Callable[[], bool]:
    """The same condition, looked at less often the longer it takes."""
    next_s = 0.0

    def looked() -> bool:
        nonlocal next_s
        began_s = time.monotonic()
        if began_s < next_s:
            return False
        result = condition()
        ended_s = time.monotonic()
        next_s = ended_s + _REST * (ended_s - began_s)
        return result

    return looked


def _checked(report: Report, deadline_s: float) -> Report:
    __tracebackhide__ = True
    if not report.ok:
        raise AssertionError(f"{report.to_text(colour=False)}{blocks_a_loop() if deadline_s else ''}")
    return report


def _expectations(given: Iterable[Expectation | Mapping[str, Any]], keys: Mapping[str, Any]) -> list[Expectation]:
    tables = [*given, keys] if keys else [*given]
    return [each if isinstance(each, Expectation) else read_table(Expectation, each) for each in tables]


def _selection(conditions: Mapping[str, Any]) -> Selection:
    return read_table(Selection, conditions)


def read_table(model: type[S], table: Mapping[str, Any]) -> S:
    """A table given as values; raises ValueError with a line for each thing that is wrong."""
    problems = Problems()
    made = Document(Path(), "", dict(table)).build(model, Path(), problems)
    if made is None:
        raise ValueError("\n".join(map(told, problems.errors)))
    return made


def told(error: ConfigError) -> str:
    """Key and reason of what is wrong with values that are in no file."""
    return f"{error.key}: {error.why}" if error.key else error.why
