"""What a conformance run found: for a terminal, as JSON, and as JUnit XML for a build server."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from simulators.conformance.check import Check, Outcome, Verdict

_WIDTH = 110
_MARKS = {Verdict.PASS: "pass", Verdict.WARNING: "WARNING", Verdict.FAIL: "FAIL", Verdict.NOT_SEEN: "not seen"}


@dataclass(frozen=True, slots=True)
class Result:
    """One check as it went."""

    group: str
    check: Check
    outcome: Outcome
    seconds: float

    @property
    def verdict(self) -> Verdict:
        return self.outcome.verdict

    def to_text(self) -> str:
        """A line; for what did not pass also why it matters and how to mend it."""
        lines = [f"  {_MARKS[self.verdict]:<9} {self.check.id:<24} {self.check.title}"]
        details = [self.outcome.seen]
        if self.verdict in (Verdict.WARNING, Verdict.FAIL):
            details += [f"mend: {self.check.mend}", f"why:  {self.check.why}"]
        for words in details:
            lines += textwrap.wrap(words, _WIDTH, initial_indent=" " * 12, subsequent_indent=" " * 18)
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Everything of it."""
        check = self.check
        return {
            "id": check.id,
            "group": self.group,
            "title": check.title,
            "about": check.about,
            "verdict": self.verdict.value,
            "seen": self.outcome.seen,
            "why": check.why,
            "mend": check.mend,
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True, slots=True)
class Report:
    """All results of a run, in order."""

    results: tuple[Result, ...]
    system_id: str = ""
    strict: bool = False

    @property
    def counts(self) -> dict[Verdict, int]:
        """How many of each verdict."""
        counted = Counter(result.verdict for result in self.results)
        return {verdict: counted[verdict] for verdict in Verdict}

    @property
    def ok(self) -> bool:
        """Nothing failed, and something was seen at all; when ``strict``, all of it."""
        counts = self.counts
        most = 0 if self.strict else len(self.results) - 1
        return not counts[Verdict.FAIL] and counts[Verdict.NOT_SEEN] <= most

    def result(self, id: str) -> Result:
        """One of them; raises KeyError when that check was not run."""
        for each in self.results:
            if each.check.id == id:
                return each
        raise KeyError(id)

    def summary(self) -> str:
        """One line."""
        counts = self.counts
        parts = [f"{counts[verdict]} {words}" for verdict, words in _COUNTED if counts[verdict]]
        seen = ", as far as it was seen" if counts[Verdict.NOT_SEEN] else ""
        return f"{', '.join(parts) or 'nothing was checked'}: {'conforms' + seen if self.ok else 'does not conform'}"

    def to_text(self) -> str:
        """The whole report for people."""
        of = f" of the application {self.system_id}" if self.system_id else ""
        lines = [f"Conformance{of}"]
        group = ""
        for result in self.results:
            if result.group != group:
                group = result.group
                lines += ["", group]
            lines.append(result.to_text())
        return "\n".join([*lines, "", self.summary(), ""])

    def to_json(self) -> dict[str, Any]:
        """The whole report for programs."""
        return {
            "ok": self.ok,
            "system_id": self.system_id,
            "counts": {verdict.value: number for verdict, number in self.counts.items()},
            "checks": [result.to_json() for result in self.results],
        }

    def to_junit(self) -> str:
        """One test case for each check: failures fail, what was not seen is skipped, warnings are output."""
        suites = ElementTree.Element("testsuites")
        for group in dict.fromkeys(result.group for result in self.results):
            _add_suite(suites, group, [result for result in self.results if result.group == group])
        ElementTree.indent(suites)
        written = ElementTree.tostring(suites, encoding="unicode")
        return f'<?xml version="1.0" encoding="utf-8"?>\n{written}\n'


_COUNTED = (
    (Verdict.PASS, "passed"),
    (Verdict.WARNING, "warned of"),
    (Verdict.FAIL, "failed"),
    (Verdict.NOT_SEEN, "not seen"),
)


def _add_suite(suites: ElementTree.Element, group: str, results: Iterable[Result]) -> None:
    results = list(results)
    counts = Counter(result.verdict for result in results)
    suite = ElementTree.SubElement(suites, "testsuite", {
        "name": f"conformance.{group}",
        "tests": str(len(results)),
        "failures": str(counts[Verdict.FAIL]),
        "skipped": str(counts[Verdict.NOT_SEEN]),
        "errors": "0",
        "time": f"{sum(result.seconds for result in results):.3f}",
    })  # fmt: skip
    for result in results:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            {"classname": f"conformance.{group}", "name": result.check.id, "time": f"{result.seconds:.3f}"},
        )
        seen = _printable(result.outcome.seen)
        if result.verdict is Verdict.FAIL:
            failure = ElementTree.SubElement(case, "failure", {"message": seen})
            failure.text = f"{result.check.mend}\n{result.check.why}"
        elif result.verdict is Verdict.NOT_SEEN:
            ElementTree.SubElement(case, "skipped", {"message": seen})
        else:
            warning = f"warning: {seen}\n{result.check.mend}" if result.verdict is Verdict.WARNING else seen
            ElementTree.SubElement(case, "system-out").text = warning


def _printable(text: str) -> str:
    """Without the control characters that XML can't hold."""
    return "".join(each if each.isprintable() else "?" for each in text)
