"""The check of sizes: what counts, and what is a table."""

from __future__ import annotations

from tests.sizes import oversized


def _lines(count: int, text: str = "x = 1\n") -> str:
    return text * count


def test_a_long_module_is_found() -> None:
    assert list(oversized(_lines(400), "m.py")) == []
    assert list(oversized(_lines(401), "m.py")) == ["m.py:1: module has 401 lines without its tables (limit 400)"]


def test_a_long_function_is_found_also_in_a_class() -> None:
    source = "class A:\n    async def f(self):\n" + _lines(50, "        x = 1\n")
    assert list(oversized(source, "m.py")) == ["m.py:2: f has 51 lines (limit 50)"]


def test_tables_do_not_count() -> None:
    table = "T = {\n" + _lines(500, "    1: 2,\n") + "}\n"
    enum = "class E(IntEnum):\n" + _lines(300, "    A = 1\n")
    assert list(oversized(table + enum + _lines(390), "m.py")) == []
