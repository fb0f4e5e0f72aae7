"""What a report looks like before it is a page or a workbook: titles, facts, tables, charts.

Owns: the kinds of values and how each is written, so that a number is one in both. Values are what they are (a share is
0.975, a moment an ISO text in the site's zone); nothing of a document is markup or a formula.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

Cell = str | int | float | None
"""None: nothing to measure."""


class Form(StrEnum):
    """How a column's values are written."""

    TEXT = "text"
    COUNT = "count"
    SHARE = "share"
    MONEY = "money"
    POINTS = "points"


@dataclass(frozen=True, slots=True)
class Column:
    """``width``: in characters, for a workbook."""

    title: str
    form: Form = Form.TEXT
    width: int = 14


@dataclass(frozen=True, slots=True)
class Table:
    """``name``: of the workbook's sheet. ``totals``: so many rows at the end are sums."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    empty: str = ""
    totals: int = 0


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure that is seen first; ``change`` says how it was before."""

    label: str
    value: Cell
    form: Form
    change: str = ""


@dataclass(frozen=True, slots=True)
class Tiles:
    """Figures side by side."""

    items: tuple[Tile, ...]


@dataclass(frozen=True, slots=True)
class Bars:
    """A chart of one or two series of counts over labels."""

    title: str
    labels: tuple[str, ...]
    series: tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class Scale:
    """Parts of a whole as bars: (label, points, of how many)."""

    title: str
    rows: tuple[tuple[str, float, float], ...]


@dataclass(frozen=True, slots=True)
class Prose:
    """A paragraph. ``warning``: it is to be noticed."""

    text: str
    warning: bool = False


Block = Table | Tiles | Bars | Scale | Prose


@dataclass(frozen=True, slots=True)
class Section:
    """A part with a heading."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report. ``language``: zh or en. ``facts``: (name, value) at its head; ``key``: who may have signed it."""

    language: str
    title: str
    subtitle: str
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    key: str = ""


def written(value: Cell, form: Form) -> str:
    """A value as people read it; – where there is nothing to measure."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if form is Form.COUNT:
        return f"{value:,.0f}"
    if form is Form.SHARE:
        # Complaints are counted in ten thousandths.
        return f"{value * 100:.4f}%" if 0 < value < 0.001 else f"{value * 100:.2f}%"
    if form is Form.MONEY:
        return f"{value:,.2f}"
    return f"{value:g}" if form is Form.POINTS else str(value)
