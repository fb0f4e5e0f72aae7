"""Medians, spreads, targets and turns of bin/bench, and how they are told."""

from __future__ import annotations

import json

from tests.bench.suite.figures import Figure, Run, Spread, order, ratio, spreads
from tests.bench.suite.machine import Conditions
from tests.bench.suite.report import as_json, shown, table

MEANINGS = {"saturation": "Windows kept full."}
CONDITIONS = Conditions(load_average=2.5, stolen=0.04, idle=0.2, loop_us=20.5)


def _runs(*values: float, target: str = "", name: str = "CPU of gateway") -> list[Run]:
    return [Run([Figure(name, "µs a message", value, target)], [CONDITIONS]) for value in values]


def test_figures_of_several_runs_become_median_and_range() -> None:
    (found,) = spreads(_runs(30, 50, 34))
    assert (found.median, found.low, found.high, found.unit) == (34, 30, 50, "µs a message")


def test_a_figure_that_one_run_lacks_keeps_the_others() -> None:
    runs = [Run([Figure("a", "s", 1), Figure("b", "s", 5)]), Run([Figure("a", "s", 3)])]
    assert [(each.name, each.values) for each in spreads(runs)] == [("a", (1, 3)), ("b", (5,))]


def test_the_median_decides_whether_a_target_is_met() -> None:
    assert Spread("x", "µs", "≤ 33", (20, 33, 99)).met is True
    assert Spread("x", "µs", "≤ 33", (34, 33.5, 1)).met is False
    assert Spread("x", "/s", "≥ 20000", (20_000.0,)).met is True
    assert Spread("x", "/s", "≥ 20000", (19_999.0,)).met is False
    assert Spread("x", "/s", "", (1.0,)).met is None


def test_versions_are_compared_run_by_run() -> None:
    # The second runs met a machine that was half as fast: both versions suffered, their ratio did not.
    ours, other = Spread("x", "µs", "", (30, 60, 33)), Spread("x", "µs", "", (40, 80, 44))
    assert ratio(ours, other) == (0.75, 0.75, 0.75)
    assert ratio(ours, Spread("x", "µs", "", (0, 0, 0))) is None


def test_versions_take_turns_in_both_orders() -> None:
    assert [order(2, turn) for turn in range(4)] == [[0, 1], [1, 0], [0, 1], [1, 0]]
    assert order(3, 1) == [2, 1, 0]


def test_the_table_has_medians_ranges_targets_and_the_machine() -> None:
    text = table({"python": "CPython 3.11"}, MEANINGS, {"saturation": {"here": _runs(30, 50, 34, target="≤ 33")}})
    assert "python        CPython 3.11" in text
    assert "saturation: Windows kept full." in text
    (line,) = [each for each in text.splitlines() if "CPU of gateway" in each]
    assert "34.0 (30.0–50.0)" in line
    assert "≤ 33: missed" in line
    assert "load average 2.50" in text
    assert "calibrated loop 20.5" in text


def test_the_table_of_two_versions_has_their_ratio() -> None:
    measured = {"saturation": {"here": _runs(30, 32), "HEAD~1": _runs(60, 64)}}
    text = table({}, MEANINGS, measured)
    assert "here ÷ HEAD~1" in text
    assert "0.50 (0.50–0.50)" in text
    assert "the machine, HEAD~1" in text


def test_what_a_version_lacks_is_a_dash_and_a_note() -> None:
    other = [Run(notes=["rules can't be measured with old: ImportError"])]
    text = table({}, MEANINGS, {"saturation": {"here": _runs(30), "old": other}})
    (line,) = [each for each in text.splitlines() if "CPU of gateway" in each]
    assert line.split()[-2:] == ["–", "–"]
    assert "ImportError" in text


def test_json_has_every_run() -> None:
    told = as_json({"cores": "2"}, {"saturation": {"here": _runs(30, 50, 34, target="≤ 33")}})
    again = json.loads(json.dumps(told))
    figure = again["sections"]["saturation"]["here"]["figures"]["CPU of gateway"]
    assert figure["values"] == [30, 50, 34]
    assert (figure["median"], figure["met"]) == (34, False)
    assert again["sections"]["saturation"]["here"]["conditions"][0][0]["loop_us"] == 20.5


def test_figures_are_shown_with_three_digits() -> None:
    assert [shown(each) for each in (0.123, 12.34, 123.4, 12_345.6)] == ["0.12", "12.3", "123", "12,346"]
