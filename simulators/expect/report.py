"""What became of each expectation: in words, what was expected, what was found, and the first offenders.

Results are values; this module writes them for a terminal and as JSON, ``simulators.expect.junit`` as XML.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from simulators.expect.junit import junit_xml
from simulators.expect.result import Result, explain

_MARKS = {"ok": "\033[32m", "FAILED": "\033[31m"}
_PLAIN = "\033[0m"


@dataclass(frozen=True, slots=True)
class Report:
    """All results of a run, in the order of the expectations."""

    results: tuple[Result, ...]
    title: str = "simulation"
    started: datetime | None = None
    took_s: float = 0.0
    #: In which business time is shown.
    zone: str = "UTC"

    @property
    def ok(self) -> bool:
        """Whether everything expected was found."""
        return all(result.ok for result in self.results)

    @property
    def decided(self) -> bool:
        """Whether nothing that comes can change it."""
        return all(result.state != "open" for result in self.results)

    @property
    def failed(self) -> tuple[Result, ...]:
        """Those that are not as expected."""
        return tuple(result for result in self.results if not result.ok)

    def to_text(self, *, colour: bool | None = None) -> str:
        """Lines for a terminal. ``colour`` None: when standard output is one, and NO_COLOR is not set."""
        if colour is None:
            colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        lines = [line for result in self.results for line in self._lines(result, colour)]
        lines.append(self.summary())
        return "\n".join(lines)

    def summary(self) -> str:
        """One line."""
        if not self.results:
            return "nothing was expected"
        failed = len(self.failed)
        all_of = f"{len(self.results)} expectation{'s' if len(self.results) != 1 else ''}"
        return f"{all_of}, {failed} failed" if failed else f"{all_of}, all met"

    def to_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "title": self.title,
            "ok": self.ok,
            "decided": self.decided,
            "results": [
                {
                    "name": result.name,
                    "ok": result.ok,
                    "state": result.state,
                    "expected": result.expected,
                    "found": result.found,
                    "selected": result.selected,
                    "offenders": [{"why": each.why, **each.entry.to_json()} for each in result.offenders],
                }
                for result in self.results
            ],
        }

    def to_junit(self) -> str:
        """A JUnit XML document: one test suite, one test case for each expectation."""
        return junit_xml(self.results, self.title, self.started, self.took_s, self.zone)

    def write_junit(self, path: Path) -> None:
        """Raises OSError when it can't be written."""
        path.write_text(self.to_junit(), encoding="utf-8")

    def _lines(self, result: Result, colour: bool) -> list[str]:
        mark = "ok" if result.ok else "FAILED"
        shown = f"{_MARKS[mark]}{mark:6}{_PLAIN}" if colour else f"{mark:6}"
        if result.ok:
            return [f"{shown}  {result.name}: {result.found}"]
        return [f"{shown}  {result.name}", *(f"        {line}" for line in explain(result, self.zone).splitlines())]
