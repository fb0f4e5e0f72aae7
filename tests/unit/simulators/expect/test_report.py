"""A report as text, JSON and JUnit XML."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest

from simulators.expect.evaluate import evaluate
from simulators.expect.report import Report
from tests.unit.simulators.expect.builders import expectation, submit

#: What XML can't carry.
STRANGE = "a\x00\ud800]]>"


@pytest.fixture
def report() -> Report:
    entries = [
        submit(1, text="您的验证码是 1"),
        submit(2, "13900139000", "x" * 80, status=0x58),
        submit(3, text="a\x00\ud800]]>"),
    ]
    wanted = [
        expectation(name="two & more", at_least=2),
        expectation(count=0),
        expectation(name="codes", each={"text": "*码*"}),
    ]
    return evaluate(
        wanted,
        entries,
        title="night <window>",
        started_s=0.0,
        now_s=12.3456,
        started=datetime.fromisoformat("2026-11-23T12:00:00+08:00"),
    )


def test_text_says_what_was_expected_and_found_and_shows_the_first_offenders(report: Report) -> None:
    assert report.to_text(colour=False).splitlines() == [
        "ok      two & more: 3",
        "FAILED  submitted messages: none",
        "        found:    3",
        "          2026-11-23 12:00:01.000+08:00  submit  alpha  10690001 → 13800138000  '您的验证码是 1'  (too many)",
        f"          2026-11-23 12:00:02.000+08:00  submit  alpha  10690001 → 13900139000  '{'x' * 59}…'"
        "  ESME_RTHROTTLED  (too many)",
        f"          2026-11-23 12:00:03.000+08:00  submit  alpha  10690001 → 13800138000  {STRANGE!r}  (too many)",
        "FAILED  codes",
        "        expected: submitted messages: each with the text '*码*'",
        "        found:    2 of 3 wrong",
        f"          2026-11-23 12:00:02.000+08:00  submit  alpha  10690001 → 13900139000  '{'x' * 59}…'"
        f"  ESME_RTHROTTLED  (text is {'x' * 80!r})",
        f"          2026-11-23 12:00:03.000+08:00  submit  alpha  10690001 → 13800138000  {STRANGE!r}"
        f"  (text is {STRANGE!r})",
        "3 expectations, 2 failed",
    ]


def test_colour_only_when_asked_or_on_a_terminal(
    report: Report, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "\033" not in report.to_text()
    assert "\033[31mFAILED\033[0m" in report.to_text(colour=True)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\033" in report.to_text()
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\033" not in report.to_text()


def test_json_can_be_written(report: Report) -> None:
    shown = json.loads(json.dumps(report.to_json()))
    assert (shown["ok"], shown["decided"], len(shown["results"])) == (False, True, 3)
    assert shown["results"][2]["offenders"][0]["destination"] == "13900139000"
    assert shown["results"][2]["offenders"][0]["why"].startswith("text is")


def test_nothing_expected() -> None:
    assert evaluate([], []).ok
    assert evaluate([], []).to_text() == "nothing was expected"


#: Attribute -> its form, as the JUnit schema of Ant and Jenkins requires them.
_REQUIRED = {
    "testsuite": {
        "name": ".+",
        "timestamp": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d",
        "hostname": ".+",
        "tests": r"\d+",
        "failures": r"\d+",
        "errors": r"\d+",
        "time": r"\d+\.\d+",
    },
    "testcase": {"name": ".+", "classname": ".+", "time": r"\d+\.\d+"},
    "failure": {"type": ".+", "message": ".+"},
}


def test_junit_has_what_the_schema_requires(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "report.xml"
    report.write_junit(path)
    root = ElementTree.fromstring(path.read_bytes())
    assert root.tag == "testsuites"
    found = set()
    for element in root.iter():
        for attribute, form in _REQUIRED.get(element.tag, {}).items():
            assert re.fullmatch(form, element.attrib[attribute]), (element.tag, attribute)
            found.add(element.tag)
    assert found == set(_REQUIRED)
    suite = root[0]
    assert (suite.attrib["tests"], suite.attrib["failures"], suite.attrib["errors"]) == ("3", "2", "0")
    assert (suite.attrib["timestamp"], suite.attrib["time"]) == ("2026-11-23T04:00:00", "12.346")
    assert [case.attrib["name"] for case in suite] == ["two & more", "submitted messages: none", "codes"]
    assert repr(STRANGE) in (suite[1][0].text or "")


def test_junit_of_a_run_that_went_well_has_no_failure() -> None:
    root = ElementTree.fromstring(evaluate([expectation()], [submit(1)]).to_junit())
    assert root.find(".//failure") is None
    assert root.attrib["failures"] == "0"
