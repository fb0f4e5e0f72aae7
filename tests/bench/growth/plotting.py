"""The curves as pictures: one SVG each, the same octets for the same figures.

Text stays text. Colours are set for a light page; a style sheet inside the picture changes them on a dark one.
Needs matplotlib, which only this module does: the extra ``bench``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any, Final

from tests.bench.growth.telling import CurveRuns, PointRuns, SeriesRuns, table
from tests.bench.growth.turns import MOST_CHANGE, is_marked
from tests.bench.suite.errors import BenchError

_PAPER: Final = "#ffffff"
_INK: Final = "#24292f"
_GRID: Final = "#d0d7de"
_MARK: Final = "#cf222e"
#: Lines by their order; told apart by their shape too.
_LINES: Final = (("#0969da", "o", "-"), ("#bc4c00", "s", "--"))
#: Colour on a light page → on a dark one.
DARK: Final = {
    _PAPER: "#0d1117",
    _INK: "#e6edf3",
    _GRID: "#30363d",
    _MARK: "#ff7b72",
    "#0969da": "#58a6ff",
    "#bc4c00": "#f0883e",
}
_PANELS: Final = (
    ("per_s", "whole way, messages/s"),
    ("gateway_us", "gateway CPU, µs a message"),
    ("redis_us", "Redis CPU, µs a message"),
    ("answer_p50_ms", "answer, median, ms"),
    ("gateway_mib", "gateway memory, MiB"),
    ("redis_mib", "Redis memory, MiB"),
)
#: Figures of which it is said when they differ from the first point's.
_TOLD: Final = frozenset(("per_s", "gateway_us", "redis_us"))
#: Room above the highest point.
_HEADROOM: Final = 1.12
_STYLE: Final[dict[str, Any]] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "smsgw",
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _INK,
    "axes.facecolor": _PAPER,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": _GRID,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "figure.facecolor": _PAPER,
    "legend.frameon": False,
}


def draw(curves: Sequence[CurveRuns], into: Path) -> list[Path]:
    """Write a picture of each curve and ``figures.md`` with their tables; gives the files. Raises BenchError."""
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        raise BenchError(
            "drawing needs matplotlib: .venv/bin/python -m pip install --require-hashes -r requirements/bench.txt"
        ) from None
    into.mkdir(parents=True, exist_ok=True)
    written = []
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, "backend": "svg", **_STYLE}):
        for curve in curves:
            figure = Figure(figsize=(13, 6.4), layout="constrained")
            _draw_curve(figure, curve)
            octets = StringIO()
            figure.savefig(octets, format="svg", metadata={"Date": None, "Creator": None, "Title": curve.title})
            path = into / f"{curve.name}.svg"
            path.write_text(for_both_pages(octets.getvalue()), encoding="utf-8")
            written.append(path)
    figures = into / "figures.md"
    figures.write_text(page(curves), encoding="utf-8")
    return [*written, figures]


def page(curves: Sequence[CurveRuns]) -> str:
    """All tables, each below its picture."""
    parts = [
        "# Figures of the growth curves\n\n"
        "Written by `bin/bench --plot`; what they mean is in [growth.md](growth.md). Medians, and in brackets ranges.\n"
    ]
    for curve in curves:
        title, _, rest = table(curve).partition("\n")
        parts.append(f"{title}\n\n![{curve.title}]({curve.name}.svg)\n{rest}")
    return "\n".join(parts)


def for_both_pages(svg: str) -> str:
    """The picture with a style sheet that turns its colours round on a dark page."""
    rules = "".join(
        f'[style*="{what}: {light}"]{{{what}:{dark} !important}}'
        for light, dark in DARK.items()
        for what in ("fill", "stroke")
    )
    sheet = f"<style>@media (prefers-color-scheme: dark){{{rules}}}</style>"
    found, count = re.subn(r"(<svg\b[^>]*>)", lambda match: f"{match[1]}\n {sheet}", svg, count=1)
    if not count:
        raise BenchError("what was drawn is no SVG")
    return "\n".join(line.rstrip() for line in found.splitlines()) + "\n"


def _draw_curve(figure: Any, curve: CurveRuns) -> None:
    figure.suptitle(curve.title, fontweight="bold")
    labels = _labels(curve)
    panels = figure.subplots(2, 3)
    for axes, (name, title) in zip(panels.flat, _PANELS, strict=True):
        for number, series in enumerate(curve.series):
            _draw_line(axes, series, labels, name, number)
        if name == "per_s" and len(curve.series) == 1:
            _draw_flat(axes, curve.series[0].points[0], len(labels))
        axes.set_ylabel(title)
        axes.set_xlabel(curve.axis)
        axes.set_xticks(range(len(labels)), labels)
        axes.set_xlim(-0.35, len(labels) - 0.65)
        highest = max(point.spread(name).high for series in curve.series for point in series.points)
        axes.set_ylim(0, highest * _HEADROOM or 1)
        axes.yaxis.set_major_formatter("{x:,g}")
    if any(series.name for series in curve.series):
        handles, names = panels.flat[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=2)


def _draw_line(axes: Any, series: SeriesRuns, labels: list[str], name: str, number: int) -> None:
    """Medians with a bar over the range, and the ratio to the first point where it is marked."""
    colour, marker, line = _LINES[number % len(_LINES)]
    # Lines lie side by side, so that their bars can be told apart.
    places = [labels.index(point.label) + 0.06 * number for point in series.points]
    spreads = [point.spread(name) for point in series.points]
    middles = [each.median for each in spreads]
    reach = [[each.median - each.low for each in spreads], [each.high - each.median for each in spreads]]
    axes.errorbar(places, middles, reach, color=colour, marker=marker, linestyle=line, capsize=3, label=series.name)
    first = series.points[0]
    for place, middle, point in zip(places, middles, series.points, strict=True):
        if name not in _TOLD or point is first:
            continue
        ratio = point.to_first(first, name)[0]
        if is_marked(ratio):
            at = {"xytext": (6, 6), "textcoords": "offset points", "color": _MARK}
            axes.annotate(f"×{ratio:.2f}", (place, middle), **at)


def _draw_flat(axes: Any, first: PointRuns, count: int) -> None:
    """What is called flat."""
    middle = first.spread("per_s").median
    low, high = middle * (1 - MOST_CHANGE), middle * (1 + MOST_CHANGE)
    axes.fill_between([-0.35, count - 0.65], low, high, color=_GRID, alpha=0.35, linewidth=0)


def _labels(curve: CurveRuns) -> list[str]:
    """Of all lines, in the order in which they come first."""
    return list(dict.fromkeys(point.label for series in curve.series for point in series.points))
