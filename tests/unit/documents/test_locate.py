"""Key path → line, against files and against tomllib."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsgw.documents.locate import KeyPath, Lines

TEXT = """\
# [not.a.table]
a = 1  # = not a key
b.c = "x # [y]"

list = [
    "one", # ]
    { n = 1, m = [
        2, 3] },
    [4],
]
text = \"\"\"
[x]
k = \\"1\\"
\"\"\"
raw = '''
z = 1'''
[t."q.z"]
k = 2026-11-18T10:30:00+08:00
'l' = {}
[[route]]
name = "x"

[[route]]
name = 'y' # z
[route.sub]
v = 1
[[route.deep]]
[[route.deep]]
w = false
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("a",), 2),
        (("b", "c"), 3),
        (("list",), 5),
        (("list", 0), 6),
        (("list", 1, "n"), 7),
        (("list", 1, "m", 1), 8),
        (("list", 2, 0), 9),
        (("text",), 11),
        (("raw",), 15),
        (("t", "q.z", "k"), 18),
        (("t", "q.z", "l"), 19),
        (("route", 0, "name"), 21),
        (("route", 1), 23),
        (("route", 1, "name"), 24),
        (("route", 1, "sub", "v"), 26),
        (("route", 1, "deep", 1, "w"), 29),
    ],
)
def test_finds_the_line_of_a_key(path: KeyPath, line: int) -> None:
    tomllib.loads(TEXT)
    assert Lines(TEXT).find(path) == line


def test_what_is_missing_is_where_its_table_begins() -> None:
    lines = Lines(TEXT)
    assert lines.find(("route", 1, "carriers")) == 23
    assert lines.find(("list", 1, "missing")) == 7
    assert lines.find(("nothing", "at", "all")) == 0


def test_windows_line_ends() -> None:
    assert Lines("a = 1\r\n[b]\r\nc = 2\r\n").find(("b", "c")) == 3


def _paths(value: object, path: KeyPath = ()) -> Iterator[KeyPath]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield (*path, key)
            yield from _paths(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield (*path, index)
            yield from _paths(item, (*path, index))


def test_knows_every_key_that_tomllib_knows() -> None:
    lines = Lines(TEXT)
    assert {path for path in _paths(tomllib.loads(TEXT)) if lines.find(path) == lines.find(path[:-1]) == 0} == set()
    assert set(_paths(tomllib.loads(TEXT))) == set(lines._lines)


@given(st.text(alphabet="ab.=[]{}\"'#,\n 1\\", max_size=60))
def test_always_ends_and_never_raises(text: str) -> None:
    assert Lines(text).find(("a",)) >= 0


@given(st.text(alphabet="ab.=[]{}\"'#,\n 1\\", max_size=40))
def test_agrees_with_tomllib_on_whatever_it_accepts(text: str) -> None:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    plain = {path for path in _paths(data) if all("\\" not in str(part) for part in path)}
    assert plain <= set(Lines(text)._lines) or "\\" in text
