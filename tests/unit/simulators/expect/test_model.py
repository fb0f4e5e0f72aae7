"""Tables ``[[expect]]`` as files have them: what is wrong is told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulators.expect.evaluate import misfits
from simulators.expect.model import Expectation
from smsgw.documents.document import Document
from smsgw.documents.problems import Problems
from smsgw.documents.values import Listed, Settings
from tests.unit.simulators.expect.builders import expectation


class _File(Settings):
    expect: Listed[Expectation] = ()


def _problem(tmp_path: Path, text: str) -> str:
    path = tmp_path / "run.toml"
    path.write_text(text)
    problems = Problems()
    document = Document.read(path, problems)
    assert document is not None
    assert document.build(_File, tmp_path, problems) is None
    (error,) = problems.errors
    return str(error).removeprefix(f"{path}:")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("cuont = 3", "2: expect[1].cuont: unknown key; did you mean 'count'?"),
        ("count = -1", "2: expect[1].count: expected at least 0, found -1"),
        ("count = 1\nat_least = 2", "1: expect[1]: count is exact; use it, or at_least and at_most"),
        ("at_least = 5\nat_most = 2", "1: expect[1]: at_least 5 is more than at_most 2"),
        ("kind = 'submits'", "did you mean 'submit'?"),
        ("rate = { at_most = 5, off = 'messages' }", "2: expect[1].rate.off: unknown key; did you mean 'of'?"),
        ("rate = { at_most = 5, jitter = '1s' }", "2: expect[1].rate: jitter must be shorter than within"),
        ("within = 5", "2: expect[1].within: expected a duration with its unit"),
        ("hours = '8-21'", '2: expect[1].hours: expected hours such as "08:00-21:00"'),
        ("hours = '08:00-08:00'", "expected two different times"),
        ("hours = '08:00-25:00'", "expected times from 00:00 to 24:00"),
        ("days = 'mon-fry'", '2: expect[1].days: expected days such as "mon-fri"'),
        ("zone = 'Asia/Shangai'", '2: expect[1].zone: expected a time zone such as "Asia/Shanghai"'),
        ("distinct = ['destinaton']", "did you mean 'destination'?"),
        ("sorted_by = '/No [0-9]+/'", "2: expect[1].sorted_by: expected a group that finds the number"),
        ("each = { txt = 'a' }", "2: expect[1].each.txt: unknown key; did you mean 'text'?"),
        ("order = [{ text = 'a' }, { txt = 'b' }]", "2: expect[1].order[2].txt: unknown key; did you mean 'text'?"),
        ("kind = 'mo'\nreceipts = {}", "1: expect[1]: receipts are looked for from what was submitted"),
        ("whole = false\nin_one_piece = true", "1: expect[1]: in_one_piece is about whole messages"),
    ],
)
def test_errors_name_line_and_key(tmp_path: Path, line: str, said: str) -> None:
    assert said in _problem(tmp_path, f"[[expect]]\n{line}\n")


def test_links_look_at_links_by_themselves() -> None:
    assert set(expectation(links={"at_most": 2}).kind) == {"bind", "refused_bind", "unbind", "lost"}
    assert expectation(count=3).kind == ("submit",)


def test_names_used_twice_of_nothing_and_in_circles() -> None:
    many = [
        expectation(name="a", after="b"),
        expectation(name="b", before="a"),
        expectation(name="b"),
        expectation(after="nigth"),
        expectation(phase="day"),
        expectation(after="night", phase="night"),
    ]
    assert misfits(many, ["night"]) == [
        (2, "name", "another expectation is called 'b'"),
        (0, "after", "'b' waits for this one in turn"),
        (1, "before", "'a' waits for this one in turn"),
        (3, "after", "no expectation and no phase is called 'nigth'; did you mean 'night'? valid: a, b, night"),
        (4, "phase", "no phase is called 'day'; valid: night"),
    ]


def test_an_expectation_survives_a_round_trip_through_json() -> None:
    wanted = expectation(
        name="x", destination="138*", at_least=1, rate={"at_most": 5}, hours="08:00-21:00", each={"status": 0}
    )
    shown = wanted.model_dump(mode="json", exclude_unset=True)
    assert shown["rate"] == {"at_most": 5}
    assert Expectation.model_validate(shown) == wanted
