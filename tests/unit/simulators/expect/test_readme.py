"""The page about expectations is true: its example loads, its tables name every key."""

from __future__ import annotations

import re
from pathlib import Path

from simulators.expect.model import Expectation
from simulators.scenario import load_scenario

_PAGE = Path(__file__).parents[4] / "simulators" / "expect" / "README.md"


def test_the_example_is_a_scenario(tmp_path: Path) -> None:
    (example,) = re.findall(r"^```toml\n(.*?)^```$", _PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    path = tmp_path / "example.toml"
    path.write_text(example, encoding="utf-8")
    assert len(load_scenario(path).expectations) == example.count("[[expect]]")


def test_every_key_is_in_a_table_and_no_other() -> None:
    rows = re.findall(r"^\| (`.+?) \|", _PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(named) == sorted(Expectation.model_fields)
