"""Charts of a page, as SVG that stands in it: no script, no style attribute, every text escaped.

Owns: where bars stand. Colours come from classes of the page's style. Each chart has a title for those who hear the
page; the same figures stand in a table or a tile.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from markupsafe import Markup, escape

from smsgw.reports.document import Bars, Scale

_WIDTH: Final = 720
_HEIGHT: Final = 180
_LEFT: Final = 56
_BELOW: Final = 20
_ROW: Final = 24
_NAME: Final = 150
_STEPS: Final = (1, 2, 3, 4, 5, 6, 8, 10)
_CHARACTER: Final = 8
"""Room for a character of a label."""


def bars(chart: Bars) -> Markup:
    """Bars side by side for each label, from 0."""
    most = _round_up(max((value for _, values in chart.series for value in values), default=0))
    inner, high = _WIDTH - _LEFT, _HEIGHT - _BELOW
    pieces = [_line(_LEFT, high * (1 - each), _WIDTH, most * each) for each in (0, 0.5, 1)]
    slot = inner / max(1, len(chart.labels))
    wide = min(18.0, slot * 0.8 / max(1, len(chart.series)))
    every = math.ceil(_CHARACTER * (1 + max(map(len, chart.labels), default=0)) / slot)
    for index, label in enumerate(chart.labels):
        middle = _LEFT + slot * (index + 0.5)
        begins = middle - wide * len(chart.series) / 2
        for number, (name, values) in enumerate(chart.series):
            tall = high * values[index] / most
            pieces.append(
                Markup('<rect class="s{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}">').format(
                    number, begins + wide * number, high - tall, max(1.0, wide - 1), tall
                )
                + Markup("<title>{} · {}: {:,}</title></rect>").format(label, name, values[index])
            )
        if index % every == 0:
            pieces.append(_text(middle, _HEIGHT - 5, label, "middle"))
    return _drawing(chart.title, _HEIGHT + 6, pieces)


def scale(chart: Scale) -> Markup:
    """A bar a row, of a whole."""
    pieces: list[Markup] = []
    wide = _WIDTH - _NAME - 60
    for index, (name, points, most) in enumerate(chart.rows):
        top = index * _ROW + 4
        shown = name if len(name) <= 18 else name[:17] + "…"
        pieces += [
            _text(_NAME - 8, top + 13, shown, "end"),
            Markup('<rect class="back" x="{}" y="{}" width="{}" height="16" rx="2"/>').format(_NAME, top, wide),
            Markup('<rect class="s1" x="{}" y="{}" width="{:.1f}" height="16" rx="2"/>').format(
                _NAME, top, wide * min(1.0, points / most) if most else 0
            ),
            _text(_NAME + wide + 8, top + 13, f"{points:g}", "start"),
        ]
    return _drawing(chart.title, max(1, len(chart.rows)) * _ROW + 8, pieces)


def _drawing(title: str, height: float, pieces: Iterable[Markup]) -> Markup:
    opened = Markup('<svg viewBox="0 -8 {} {}" role="img" aria-label="{}">').format(_WIDTH, height + 8, title)
    return opened + Markup("").join(pieces) + Markup("</svg>")


def _line(left: float, at: float, right: float, value: float) -> Markup:
    line = Markup('<line class="grid" x1="{}" y1="{:.1f}" x2="{}" y2="{:.1f}"/>').format(left, at, right, at)
    return line + _text(left - 6, at + 4, _short(value), "end")


def _text(left: float, at: float, text: str, anchor: str) -> Markup:
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(left, at, anchor, escape(text))


def _short(value: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def _round_up(value: float) -> float:
    """The next even number that reads well at an axis' end, so that half of it is a number of messages, too."""
    size = 1.0
    while size * 10 <= value:
        size *= 10
    return next((size * step for step in _STEPS if size * step >= value and size * step % 2 == 0), size * 10)
