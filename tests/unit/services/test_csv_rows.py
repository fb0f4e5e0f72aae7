"""Lists as people bring them: encodings, separators, headers, and every wrong line by its number."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsgw.errors import RequestError
from smsgw.services.csv_rows import Cells, Column, WrongCell, WrongLines, digest_of, read_rows

NUMBER = Column("number", frozenset(("号码", "手机号")), True)
NOTE = Column("note", frozenset(("备注",)))
COLUMNS = (NUMBER, NOTE)


def make(cells: Cells) -> tuple[str, str]:
    if not cells.get("number", "").isdigit():
        raise WrongCell("number", "is no number")
    return cells["number"], cells.get("note", "")


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"], ids=["utf-8", "with mark", "gb18030", "utf-16"]
)
def test_encodings_that_spreadsheets_write(encoding: str) -> None:
    rows = read_rows("号码,备注\r\n123,北京\r\n".encode(encoding), COLUMNS, make)
    assert rows.items == [("123", "北京")]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators(separator: str) -> None:
    assert read_rows(f"number{separator}note\n1{separator}a\n".encode(), COLUMNS, make).items == [("1", "a")]


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("Number , NOTE\n1, a \n", [("1", "a")]),
        ("note,number\na,1\n", [("1", "a")]),
        ("number,more,备注\n1,ignored,a\n", [("1", "a")]),
        ("number\n1\n", [("1", "")]),
        ("number,note\n1\n", [("1", "")]),
        ("number,note\n\n1,a\n , \n2,b", [("1", "a"), ("2", "b")]),
        ('number,note\n1,"two\nlines"\n2,"a ""b"", c"\n', [("1", "two\nlines"), ("2", 'a "b", c')]),
        ("number,note\n1,a,,\n", [("1", "a")]),
    ],
)
def test_forms_of_a_list(text: str, items: list[tuple[str, str]]) -> None:
    assert read_rows(text.encode(), COLUMNS, make).items == items


def test_without_header_the_columns_have_their_order() -> None:
    assert read_rows(b"1,a\n2,b\n", COLUMNS, make, header=False).items == [("1", "a"), ("2", "b")]
    assert read_rows(b"note,number\nb,2\n", COLUMNS, make, header=False).items == [("2", "b")]


def test_every_wrong_line_is_told_with_its_number_and_nothing_of_it() -> None:
    data = b'number,note\n1,a\nx13800138000x,b\n2,"c\nd"\nzzz,e\n3,f,g\n'
    with pytest.raises(WrongLines) as caught:
        read_rows(data, COLUMNS, make)
    assert [(fault.line, fault.column) for fault in caught.value.faults] == [(3, "number"), (6, "number"), (7, "")]
    assert caught.value.kind == "invalid"
    assert str(caught.value).startswith("3 lines are wrong, nothing was written: line 3: number: is no number;")
    assert "13800138000" not in str(caught.value)


def test_wrong_lines_can_be_left_out() -> None:
    data = b"number\n1\nx\n2\n"
    rows = read_rows(data, COLUMNS, make, skip_wrong=True)
    assert (rows.items, rows.wrong, rows.lines) == ([("1", ""), ("2", "")], 1, 3)
    assert rows.line_faults[0].line == 3
    assert rows.digest == digest_of(data)
    assert rows.imported(1).unchanged == 1


def test_of_very_many_wrong_lines_the_first_are_told() -> None:
    with pytest.raises(WrongLines) as caught:
        read_rows(b"number\n" + b"x\n" * 5000, COLUMNS, make)
    assert caught.value.count == 5000
    assert len(caught.value.faults) == 1000
    assert str(caught.value).endswith("and 4980 more")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "the list is empty"),
        (b"\n \n", "the list is empty"),
        (b"PK\x03\x04\x00\x00", "save it as CSV, not as a workbook"),
        (b"\xff\xff\xff\xff", "no text in UTF-8 or GB 18030"),
        (b"nummer,note\n1,a\n", "names no column number (号码, 手机号); did you mean 'number'?"),
        (b"number,number\n1,2\n", "names the column number twice"),
        (b'number,note\n1,"a\n', "line 2: can't be read"),
    ],
)
def test_what_is_no_list(data: bytes, said: str) -> None:
    with pytest.raises(RequestError) as caught:
        read_rows(data, COLUMNS, make)
    assert said in str(caught.value)


def test_a_first_line_of_numbers_is_never_repeated() -> None:
    with pytest.raises(RequestError) as caught:
        read_rows(b"13800138000,a\n", COLUMNS, make)
    assert "13800138000" not in str(caught.value)


@given(st.binary(max_size=200))
def test_any_octets_give_rows_or_a_sentence(data: bytes) -> None:
    with contextlib.suppress(RequestError):
        rows = read_rows(data, COLUMNS, make, skip_wrong=True, header=False)
        assert rows.lines == len(rows.items) + rows.wrong
