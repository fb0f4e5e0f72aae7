"""The table of clauses is whole: each has scenarios and tests that there are, and none of either is left over."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from simulators.scenario.library import shipped
from tests.behaviours.clauses import CLAUSES, SECTIONS, Clause

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[1]
_TEST = re.compile(r"^(?:async )?def (test_\w+)\(", re.MULTILINE)
#: Look at all scenarios, or at this table.
_OF_NO_CLAUSE = {"test_coverage", "test_tshark"}


@cache
def _source(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _place(test: str) -> tuple[Path, str]:
    """File and function of a test."""
    if "::" in test:
        path, _, name = test.partition("::")
        return _ROOT / path, name
    module, _, name = test.partition(".")
    return _HERE / f"{module}.py", name


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.what)
def test_each_clause_has_scenarios_and_tests(clause: Clause) -> None:
    assert clause.section in SECTIONS
    assert clause.tests
    sources = []
    for test in clause.tests:
        path, name = _place(test)
        assert name in _TEST.findall(_source(path)), test
        sources.append(_source(path))
    for name in clause.scenarios:
        assert name in shipped()
        assert any(f'"{name}"' in source for source in sources), f"{name} is in no test of this clause"


def test_every_section_has_clauses() -> None:
    assert {clause.section for clause in CLAUSES} == set(SECTIONS)


def test_every_shipped_scenario_is_shown() -> None:
    assert shipped().keys() - {name for clause in CLAUSES for name in clause.scenarios} == set()


def test_every_test_shows_a_clause() -> None:
    named = {_place(test) for clause in CLAUSES for test in clause.tests}
    paths = [path for path in _HERE.glob("test_*.py") if path.stem not in _OF_NO_CLAUSE]
    there = {(path, name) for path in paths for name in _TEST.findall(_source(path))}
    assert there - named == set()
