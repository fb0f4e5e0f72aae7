"""A report as one HTML file that needs nothing else: style and charts stand in it, no script runs.

Everything that comes from a document is escaped by the template; a policy in the page itself forbids whatever would
load or run. Of a very long table the page has the first rows and says so; the workbook has all.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from smsgw.reports import charts
from smsgw.reports.document import Bars, Document, Form, Prose, Scale, Table, Tiles, written
from smsgw.reports.words import Words

MOST_ROWS: Final = 2_000
"""Of one table on a page."""
_LONG_CHARS: Final = 36
"""Columns that are so wide in a workbook have texts that may be broken anywhere."""
_NUMBERS: Final = frozenset(Form) - {Form.TEXT}


def html(document: Document) -> bytes:
    """The page, in UTF-8."""
    language = "zh-CN" if document.language == "zh" else "en"
    text = _environment().get_template("report.html").render(
        document=document, words=Words(document.language), language=language
    )  # fmt: skip
    return text.encode()


@cache
def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "pages"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    kinds = {Table: "table", Tiles: "tiles", Bars: "bars", Scale: "scale", Prose: "prose"}
    found.filters["written"] = written
    found.filters["kind"] = lambda block: kinds[type(block)]
    found.filters["is_number"] = lambda form: form in _NUMBERS
    found.filters["bars"] = charts.bars
    found.filters["scale"] = charts.scale
    found.globals |= {"MOST_ROWS": MOST_ROWS, "LONG_CHARS": _LONG_CHARS}
    return found
