"""A report as an XLSX workbook: a sheet of facts and figures, then one for each table.

Numbers are numbers and texts texts: what begins with =, +, - or @ came from outside and is never a formula, and nothing
becomes a link by its looks.
"""

from __future__ import annotations

import io
import re
from typing import Any, Final

import xlsxwriter

from smsgw.reports.document import Cell, Document, Form, Prose, Table, Tiles
from smsgw.reports.words import Words

_FORMATS: Final = {
    Form.COUNT: "#,##0", Form.SHARE: "[=0]0.00%;[<0.001]0.0000%;0.00%", Form.MONEY: "#,##0.00", Form.POINTS: "0.0#"
}  # fmt: skip
_OPTIONS: Final = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
                   "strings_to_numbers": False}  # fmt: skip
_FORBIDDEN: Final = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
_MOST_NAME_CHARS: Final = 31
_MOST_CELL_CHARS: Final = 32_767
MOST_ROWS: Final = 1_000_000
"""Of one sheet, which ends at 1,048,576."""


def xlsx(document: Document) -> bytes:
    """The workbook."""
    kept = io.BytesIO()
    book = xlsxwriter.Workbook(kept, _OPTIONS)
    book.set_properties({"title": document.title, "subject": document.subtitle, "comments": document.key})
    _Sheets(book, document).write()
    book.close()
    return kept.getvalue()


class _Sheets:
    """One workbook while it is written."""

    def __init__(self, book: Any, document: Document) -> None:
        self._book = book
        self._document = document
        self._words = Words(document.language)
        font = {"font_name": "Microsoft YaHei" if document.language == "zh" else "Calibri", "font_size": 10}
        self._title = book.add_format({**font, "bold": True, "font_size": 16})
        self._head = book.add_format(
            {**font, "bold": True, "bg_color": "#E8EDF4", "bottom": 1, "text_wrap": True, "valign": "vcenter"}
        )
        self._bold = book.add_format({**font, "bold": True})
        self._note = book.add_format({**font, "text_wrap": True, "valign": "top"})
        self._forms = {form: book.add_format({**font, "num_format": each}) for form, each in _FORMATS.items()}
        self._forms[Form.TEXT] = book.add_format({**font, "num_format": "@"})
        self._sums = {
            form: book.add_format({**font, "bold": True, "top": 1, "num_format": _FORMATS.get(form, "@")})
            for form in Form
        }
        self._names: set[str] = set()

    def write(self) -> None:
        """Everything."""
        self._summary()
        for section in self._document.sections:
            for block in section.blocks:
                if isinstance(block, Table):
                    self._table(block)

    def _summary(self) -> None:
        sheet = self._sheet(self._words("sheet.summary"))
        sheet.hide_gridlines(2)
        sheet.set_column(0, 0, 34)
        sheet.set_column(1, 1, 40)
        sheet.set_column(2, 2, 34)
        sheet.write_string(0, 0, self._document.title, self._title)
        sheet.write_string(1, 0, self._document.subtitle, self._forms[Form.TEXT])
        row = 3
        for name, value in self._document.facts:
            sheet.write_string(row, 0, name, self._bold)
            self._cell(sheet, row, 1, value, Form.TEXT)
            row += 1
        for section in self._document.sections:
            shown = [each for each in section.blocks if isinstance(each, Tiles | Prose)]
            if shown:
                sheet.write_string(row + 1, 0, section.title, self._head)
                row += 2
            for block in shown:
                row = self._shown(sheet, row, block)

    def _shown(self, sheet: Any, row: int, block: Tiles | Prose) -> int:
        if isinstance(block, Prose):
            sheet.merge_range(row, 0, row, 2, "", self._note)
            sheet.write_string(row, 0, block.text, self._note)
            sheet.set_row(row, 15 * (1 + len(block.text.encode("gb18030", "replace")) // 110))
            return row + 1
        for tile in block.items:
            sheet.write_string(row, 0, tile.label, self._bold)
            self._cell(sheet, row, 1, tile.value, tile.form)
            self._cell(sheet, row, 2, tile.change, Form.TEXT)
            row += 1
        return row

    def _table(self, table: Table) -> None:
        sheet = self._sheet(table.name)
        sheet.freeze_panes(1, 1)
        for index, column in enumerate(table.columns):
            sheet.set_column(index, index, column.width)
            sheet.write_string(0, index, column.title, self._head)
        sheet.set_row(0, 30)
        rows = table.rows[:MOST_ROWS]
        for number, row in enumerate(rows, 1):
            forms = self._sums if number > len(rows) - table.totals else self._forms
            for index, (column, value) in enumerate(zip(table.columns, row, strict=True)):
                self._cell(sheet, number, index, value, column.form, forms)
        if rows:
            sheet.autofilter(0, 0, len(rows), len(table.columns) - 1)
        else:
            sheet.write_string(1, 0, table.empty, self._forms[Form.TEXT])

    def _cell(
        self, sheet: Any, row: int, column: int, value: Cell, form: Form, forms: dict[Form, Any] | None = None
    ) -> None:
        written = (forms or self._forms)[form]
        if value is None:
            sheet.write_blank(row, column, None, written)
        elif isinstance(value, str):
            sheet.write_string(row, column, value[:_MOST_CELL_CHARS], (forms or self._forms)[Form.TEXT])
        else:
            sheet.write_number(row, column, value, written)

    def _sheet(self, name: str) -> Any:
        """A sheet of that name, or as near to it as a workbook takes."""
        plain = _FORBIDDEN.sub("-", name).strip("' ")[:_MOST_NAME_CHARS] or "-"
        found, number = plain, 2
        while found.casefold() in self._names:
            suffix = f" {number}"
            found, number = plain[: _MOST_NAME_CHARS - len(suffix)] + suffix, number + 1
        self._names.add(found.casefold())
        return self._book.add_worksheet(found)
