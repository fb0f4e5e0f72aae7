"""A report as JUnit XML, as continuous integration reads it.

One ``testsuite`` with all attributes that the common schema demands; one ``testcase`` for each expectation.
Characters that XML 1.0 can't carry become U+FFFD.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from xml.etree import ElementTree

from simulators.expect.result import Result, explain

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(results: Sequence[Result], title: str, started: datetime | None, took_s: float, zone: str) -> str:
    """The document with its XML declaration; ``started`` None is now."""
    failures = sum(not result.ok for result in results)
    counts = {"tests": len(results), "failures": failures, "errors": 0, "skipped": 0}
    shared = {**{key: str(value) for key, value in counts.items()}, "time": f"{took_s:.3f}"}
    suites = ElementTree.Element("testsuites", shared)
    suite = ElementTree.SubElement(
        suites,
        "testsuite",
        {
            "name": _xml(title),
            **shared,
            "timestamp": (started or datetime.now(UTC))
            .astimezone(UTC)
            .replace(tzinfo=None)
            .isoformat(timespec="seconds"),
            "hostname": socket.gethostname() or "localhost",
        },
    )
    for result in results:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            {"name": _xml(result.name), "classname": _xml(title), "time": "0.000"},
        )
        if not result.ok:
            failure = ElementTree.SubElement(case, "failure", {"message": _xml(result.found), "type": "expectation"})
            failure.text = _xml(explain(result, zone))
    ElementTree.indent(suites)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(suites, encoding="unicode")}\n'


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
