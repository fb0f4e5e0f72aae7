"""The shipped scenarios are right, each says what it shows, and the published schema knows them."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from simulators.carrier.group import CarrierGroup
from simulators.scenario import json_schema, load_scenario
from simulators.scenario.library import LIBRARY, find_scenario, shipped
from simulators.scenario.schema import DIALECT, SCHEMA_FILE, schema_text
from tests.unit.simulators.scenario.json_check import complaints

SECTIONS = (
    "Binds and timers: ", "Window and rate: ", "Answers: ", "Receipts: ", "Long messages: ", "Code classes: ",
    "The simulator must be able to: ",
)  # fmt: skip
_ALL = sorted(shipped().values())


@pytest.mark.parametrize("path", _ALL, ids=lambda path: path.stem)
def test_each_loads_and_says_what_it_shows(path: Path) -> None:
    scenario = load_scenario(path)
    assert scenario.about.endswith(".")
    assert scenario.shows
    assert all(shown.startswith(SECTIONS) for shown in scenario.shows)
    CarrierGroup(scenario.carriers)


def test_every_behaviour_has_its_own() -> None:
    shown = [shown for path in _ALL for shown in load_scenario(path).shows]
    assert len(set(shown)) == len(shown)
    assert {each.partition(": ")[0] + ": " for each in shown} == set(SECTIONS)


def test_the_table_names_them_all() -> None:
    rows = [line.split(" | ") for line in (LIBRARY / "README.md").read_text(encoding="utf-8").splitlines()]
    told = {row[0].strip("| `"): (row[1], row[2].removesuffix(" |")) for row in rows if row[0].startswith("| `")}
    known = {}
    for name, path in shipped().items():
        scenario = load_scenario(path)
        known[name] = ("; ".join(scenario.shows), scenario.about)
    assert told == known


def test_the_published_schema_is_current() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text()
    assert json.loads(schema_text())["$schema"] == DIALECT


def test_the_schema_takes_what_is_shipped() -> None:
    schema = json_schema()
    for path in _ALL:
        text = path.read_text(encoding="utf-8")
        assert text.startswith("#:schema ../scenario/schema.json\n")
        assert complaints(tomllib.loads(text), schema, schema) == []


@pytest.mark.parametrize(
    "text",
    [
        "abuot = 1",
        '[[carrier]]\nanswers = { delay = 5 }',
        '[[carrier]]\nanswers = { never = 2.0 }',
        '[[carrier]]\nlimits = { window_status = "silenc" }',
        '[[carrier]]\nreceipts = { segments = "frist" }',
        '[[event]]\nat = "1s"',
        '[[event]]\ndo = "dropp"\nat = "1s"',
        '[end]\nafter = "soon"',
        "[[expect]]\ncount = -1",
    ],
)  # fmt: skip
def test_the_schema_refuses_what_is_wrong(text: str) -> None:
    schema = json_schema()
    assert complaints(tomllib.loads(text), schema, schema) != []


def test_a_name_or_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("", encoding="utf-8")
    assert find_scenario(str(path)) == path
    assert find_scenario("receipts-twice").name == "receipts-twice.toml"
    with pytest.raises(LookupError, match="did you mean 'receipts-twice'"):
        find_scenario("receipt-twice")
    with pytest.raises(LookupError, match="there is no such file"):
        find_scenario(str(tmp_path / "other.toml"))
