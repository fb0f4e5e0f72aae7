"""Pages and workbooks, read by somebody else: whatever comes from outside stays a text."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import openpyxl
import pytest

from smsgw.reports.charts import bars
from smsgw.reports.document import (
    Bars,
    Column,
    Document,
    Form,
    Prose,
    Scale,
    Section,
    Table,
    Tile,
    Tiles,
    written,
)
from smsgw.reports.monthly import Counts, Monthly, Template, department_of
from smsgw.reports.monthly import document as monthly_document
from smsgw.reports.page import MOST_ROWS, html
from smsgw.reports.score import Part
from smsgw.reports.words import LANGUAGES, Words, _words
from smsgw.reports.workbook import xlsx

NASTY = ("=1+1", "+86", "-1", "@SUM(A1)", "=HYPERLINK(\"http://x\")", "http://example.com", "<script>alert(1)</script>",
         "007", "\x07bell", "】\"'&", "x" * 40_000)  # fmt: skip
COLUMNS = (
    Column("Name <b>"),
    Column("Count", Form.COUNT),
    Column("Share", Form.SHARE),
    Column("Money", Form.MONEY),
)


def document(language: str = "en", rows: tuple[tuple[Any, ...], ...] = ()) -> Document:
    blocks = (
        Tiles((Tile("accepted", 12345, Form.COUNT, "=+1%"), Tile("rate", None, Form.SHARE))),
        Bars("days <i>", ("01", "02"), (("<a>", (1, 5)), ("b", (0, 3)))),
        Scale("score", (("=retail<", 93.5, 100.0),)),
        Prose("a note & more"),
        Table("a/b: [x]" * 5, "Rows", COLUMNS, rows, empty="nothing", totals=1 if rows else 0),
        Table("a/b: [x]" * 5, "Same name", COLUMNS, (), empty="nothing at all"),
    )
    return Document(language, "Title <t>", "=sub", (("fact", "=1"),), (Section("One", blocks),), "abc123")


class Seen(HTMLParser):
    """Tags, attributes and texts of a page."""

    def __init__(self, page: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.feed(page.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in ("meta", "line", "rect") or tag == "rect":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_escapes_everything_and_needs_nothing(language: str) -> None:
    rows = tuple((text, 1, 0.5, 2.5) for text in NASTY)
    page = html(document(language, rows))
    seen = Seen(page)
    assert not {"script", "link", "img", "iframe", "b", "i", "a", "t"} & set(seen.tags)
    assert not {"src", "href", "onload", "style"} & seen.attributes
    assert not [each for each in seen.open if each not in ("html",)]
    assert "<script>alert(1)</script>" in "".join(seen.texts)
    assert b"default-src 'none'" in page
    assert (b'lang="zh-CN"' in page) == (language == "zh")
    for wanted in ("12,345", "50.00%", "2.50", "–", "93.5"):
        assert wanted in "".join(seen.texts)
    assert seen.tags.count("th") == len(COLUMNS) + len(rows)
    assert b'scope="row"' in page
    assert b'scope="col"' in page


def test_of_a_long_table_a_page_shows_the_first_and_says_so() -> None:
    rows = tuple((f"n{index}", index, None, None) for index in range(MOST_ROWS + 5))
    text = html(document("en", rows)).decode()
    assert f"n{MOST_ROWS - 1}<" in text
    assert f"n{MOST_ROWS}<" not in text
    assert f"The page has the first {MOST_ROWS} of {MOST_ROWS + 5} rows" in text
    sheet = openpyxl.load_workbook(io.BytesIO(xlsx(document("en", rows)))).worksheets[1]
    assert sheet.max_row == MOST_ROWS + 6


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_workbook_has_numbers_as_numbers_and_no_formula(language: str) -> None:
    rows = (*((text, number, 0.5, 2.5) for number, text in enumerate(NASTY)), ("total", 99, None, 1))
    book = openpyxl.load_workbook(io.BytesIO(xlsx(document(language, rows))))
    assert len(book.sheetnames) == 3
    assert all(len(name) <= 31 for name in book.sheetnames)
    sheet = book.worksheets[1]
    assert sheet.freeze_panes == "B2"
    assert sheet.auto_filter.ref == f"A1:D{len(rows) + 1}"
    assert sheet.column_dimensions["A"].width == pytest.approx(14, abs=1)
    for number, text in enumerate(NASTY):
        cells = sheet[number + 2]
        assert cells[0].data_type == "s"
        assert cells[0].hyperlink is None
        assert [each.data_type for each in cells[1:]] == ["n", "n", "n"]
        assert [each.value for each in cells[1:]] == [number, 0.5, 2.5]
        if "\x07" not in text:
            assert cells[0].value == text[:32_767]
    assert [each.number_format for each in sheet[2]] == ["@", "#,##0", "[=0]0.00%;[<0.001]0.0000%;0.00%", "#,##0.00"]
    last = sheet[len(rows) + 1]
    assert last[0].font.bold
    assert last[2].value is None
    everything = [cell for each in book.worksheets for row in each.iter_rows() for cell in row]
    assert not [cell for cell in everything if cell.data_type == "f"]
    assert book.worksheets[2]["A2"].value == "nothing at all"


def test_how_values_are_written() -> None:
    forms = [
        (1234567, Form.COUNT),
        (0.98765, Form.SHARE),
        (1234.5, Form.MONEY),
        (93.5, Form.POINTS),
        (None, Form.COUNT),
    ]
    assert [written(*each) for each in forms] == ["1,234,567", "98.77%", "1,234.50", "93.5", "–"]


def test_every_word_is_there_in_both_languages() -> None:
    for key, texts in _words().items():
        assert len(texts) == 2, key
        assert all(texts), key
        assert set(Words("zh").fields(key)) == set(Words("en").fields(key)), key


@pytest.mark.parametrize("count", [1, 31, 288])
def test_labels_of_bars_do_not_touch_and_half_of_the_axis_is_a_whole_number(count: int) -> None:
    labels = tuple(f"{minute // 60:02d}:{minute % 60:02d}" for minute in range(0, 5 * count, 5))
    drawn = str(bars(Bars("a day", labels, (("accepted", (1,) * count),))))
    places = [float(each) for each in re.findall(r'<text x="([\d.]+)" [^>]*text-anchor="middle"', drawn)]
    assert places
    assert all(after - before > 6 * 5 for before, after in pairwise(places))
    assert re.findall(r'text-anchor="end">([^<]+)<', drawn) == ["0", "1", "2"]


def test_what_staff_do_has_words_of_its_own_or_of_its_thing_and_step() -> None:
    words = Words("zh")
    assert [words.act(each) for each in ("pause.add", "template.suspend", "nobody.knows")] == [
        "暂停", "模板 · 停用", "nobody.knows",
    ]  # fmt: skip


@pytest.mark.parametrize(("language", "clicks", "rate"), [("zh", "点击", "点击率"), ("en", "Clicks", "Click rate")])
def test_clicks_of_a_month_are_on_page_and_in_workbook(language: str, clicks: str, rate: str) -> None:
    counts = Counts(accepted=400, delivered=320, clicked=52, delivered_clickable=160)
    before = Counts(accepted=400, delivered=320, clicked=40, delivered_clickable=160)
    used = (Template("sale@1", 200, 160, 0.8, 52, 0.325), Template("news@1", 200, 160, 0.8, 0, 0.0))
    retail = department_of("retail", counts, before, (), (), used)
    report = Monthly("us", "2026-11", "2026-10", "", "now", True, department_of("", counts, before, ()), (retail,))
    page = Seen(html(monthly_document(report, language, ""))).texts
    texts = [each.strip() for each in page if each.strip()]
    assert texts[texts.index(clicks) + 1] == "52"
    assert texts[texts.index(rate) + 1] == "32.50%"
    assert "+30.0%" in "".join(texts[texts.index(clicks) :][:4])
    assert "+7.50" in "".join(texts[texts.index(rate) :][:4])
    assert any(f"{rate}＝" in each or f"{rate}: " in each for each in texts), "what the rate is of"
    book = openpyxl.load_workbook(io.BytesIO(xlsx(monthly_document(report, language, ""))))
    for sheet, expected in ((report.month, [(52, 0.325)]), (report.month_before, [(40, 0.25)])):
        assert _columns(book[sheet], clicks, rate) == expected
    assert [_columns(each, clicks, rate) for each in book.worksheets if each.max_row == 3 and each["B2"].value] == [
        [(52, 0.325), (0, 0)]
    ]


def _columns(sheet: Any, *titles: str) -> list[tuple[Any, ...]]:
    head, *rows = sheet.iter_rows(values_only=True)
    return [tuple(row[head.index(title)] for title in titles) for row in rows]


def test_what_is_nobody_s_is_not_the_total() -> None:
    """Nor has it a score, of which every part would be empty."""
    parts = (Part("delivery", 100, 0.98, 0.8),)
    retail = department_of("retail", Counts(accepted=2, delivered=2), Counts(), parts)
    nobody = department_of("", Counts(unsubscribed=1), Counts(), parts)
    total = department_of("", Counts(accepted=2, delivered=2, unsubscribed=1), Counts(), parts)
    report = Monthly("us", "2026-11", "2026-10", "", "now", True, total, (retail, nobody))
    book = openpyxl.load_workbook(io.BytesIO(xlsx(monthly_document(report, "en", ""))))
    assert [row[0].value for row in book["2026-11"].iter_rows(min_row=2)] == ["retail", "(nobody's)", "Total"]
    assert [row[0].value for row in book["Score"].iter_rows(min_row=2)] == ["retail"]
