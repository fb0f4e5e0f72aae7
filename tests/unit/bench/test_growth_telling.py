"""The order of measurements, what they come to, and how they are told and drawn."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.bench.growth.command import main
from tests.bench.growth.plotting import DARK, for_both_pages, page
from tests.bench.growth.telling import CurveRuns, PointRuns, Run, SeriesRuns, dump, load, table
from tests.bench.growth.turns import turns
from tests.bench.suite.errors import BenchError


def _point(label: str, *per_s: float, cpu_us: float = 100.0) -> PointRuns:
    return PointRuns(label, [Run(each, cpu_us * 0.6, cpu_us * 0.4, 80.0, 20.0, 5.0, 9.0) for each in per_s])


def _curve(*points: PointRuns) -> CurveRuns:
    return CurveRuns("routes", "Routes", "routes", [SeriesRuns("", list(points))], "Why.", {"cores": "2"})


def test_every_second_pass_goes_back() -> None:
    assert [point for _, point in turns("ABC", 3)] == list("ABCCBAABC")
    assert [number for number, _ in turns("AB", 2)] == [0, 0, 1, 1]


def test_what_slows_a_whole_pass_is_no_growth() -> None:
    told = table(_curve(_point("1", 1000, 500, 1000), _point("100", 950, 475, 960)))
    assert "0.95 (0.95–0.96)" in told
    assert "✗" not in told


@pytest.mark.parametrize(("per_s", "marked"), [(860, False), (840, True), (1140, False), (1160, True)])
def test_a_point_that_differs_by_more_than_15_percent_is_marked(per_s: float, marked: bool) -> None:
    told = table(_curve(_point("1", 1000), _point("100", per_s)))
    assert (f"{per_s / 1000:.2f} ({per_s / 1000:.2f}–{per_s / 1000:.2f}) ✗" in told) is marked
    assert ("✗: differs from the first point by more than 15%." in told) is marked


def test_cpu_that_grows_is_marked_though_throughput_does_not() -> None:
    told = table(_curve(_point("1", 1000), _point("100", 1000, cpu_us=130)))
    assert "1.30 (1.30–1.30) ✗" in told


def test_a_table_is_markdown_of_equal_width_on_one_line_a_point() -> None:
    rows = [
        line for line in table(_curve(_point("1", 1000), _point("for a\ncarrier", 990))).splitlines() if "|" in line
    ]
    assert len(rows) == 4
    assert len({len(row) for row in rows}) == 1
    assert rows[3].startswith("| for a carrier | 990 (990–990) ")


def test_what_drained_is_told() -> None:
    run = Run(1500.0, 60.0, 40.0, 80.0, 20.0, 5.0, 9.0, 500.0)
    told = table(_curve(_point("1", 1000), PointRuns("same", [run])))
    assert "1,500 (1,500–1,500), of them 500 that waited" in told


def test_what_else_the_machine_did_is_told() -> None:
    runs = [Run(1000.0, 60.0, 40.0, 80.0, 20.0, 5.0, 9.0, 0.0, stolen, 30.0 + stolen) for stolen in (0.01, 0.25)]
    assert "Meanwhile 1.0 to 25.0 % of the machine was stolen" in table(_curve(PointRuns("1", runs)))


def test_json_holds_everything(tmp_path: Path) -> None:
    curve = _curve(_point("1", 1000.5, 990), _point("100", 980, 970))
    file = tmp_path / "growth.json"
    file.write_text(dump([curve]), encoding="utf-8")
    assert load(file) == [curve]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "Expecting"),
        ("[]", "expected what `bin/bench --growth"),
        ('{"kind": "growth"}', "malformed: 'curves'; measure again"),
    ],
)
def test_a_file_of_something_else_is_named(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "other.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BenchError, match=f"other.json: {why}"):
        load(file)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (
            ["--growth", "route"],
            "--growth route: expected sessions, routes, optouts, backlog, carriers, windows or all",
        ),
        (["--growth", "routes", "--passes", "0"], "--passes is at least 1"),
        (["--growth", "routes", "--external", "nowhere"], "--external nowhere: no program smppload there"),
        (["--plot", "nowhere.json"], "nowhere.json: "),
    ],
)
def test_what_is_wrong_is_one_line(arguments: list[str], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"bin/bench: {why}")
    assert told.count("\n") == 1


def test_points_of_different_passes_are_not_compared() -> None:
    with pytest.raises(BenchError, match="'100' can't be compared with '1'"):
        table(_curve(_point("1", 1000, 990), _point("100", 980)))
    with pytest.raises(BenchError, match="'1' was never measured"):
        table(_curve(_point("1")))


def test_a_page_shows_each_picture_with_its_table() -> None:
    told = page([_curve(_point("1", 1000), _point("100", 990))])
    assert told.index("## Routes") < told.index("![Routes](routes.svg)") < told.index("| 100")


def test_a_picture_has_other_colours_on_a_dark_page() -> None:
    light = '<svg xmlns="http://www.w3.org/2000/svg"><path style="fill: #ffffff; stroke: #24292f"/></svg>'
    sheet = ElementTree.fromstring(for_both_pages(light)).findtext("{http://www.w3.org/2000/svg}style")
    assert sheet is not None
    assert sheet.startswith("@media (prefers-color-scheme: dark)")
    for before, after in DARK.items():
        assert f'[style*="fill: {before}"]{{fill:{after} !important}}' in sheet
    with pytest.raises(BenchError, match="no SVG"):
        for_both_pages("<html></html>")


def test_the_same_figures_are_the_same_octets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib", reason="pictures are drawn with the extra bench only")
    file = tmp_path / "growth.json"
    file.write_text(dump([_curve(_point("1", 1000, 980), _point("100", 700, 720))]), encoding="utf-8")
    drawn = []
    for name in ("one", "two"):
        assert main(["--plot", str(file), "--into", str(tmp_path / name)]) == 0
        drawn.append((tmp_path / name / "routes.svg").read_text(encoding="utf-8"))
    assert drawn[0] == drawn[1]
    for text in ("Routes", "whole way, messages/s", "gateway CPU, µs a message", "Redis memory, MiB", "×0.72"):
        assert text in drawn[0]
    colours = {piece[:7] for piece in drawn[0].split("fill: ")[1:] + drawn[0].split("stroke: ")[1:] if piece[0] == "#"}
    assert colours <= set(DARK), "a colour without its counterpart on a dark page"
    assert capsys.readouterr().out.splitlines()[-1].endswith("figures.md")
