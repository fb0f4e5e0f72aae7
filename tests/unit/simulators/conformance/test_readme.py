"""The page says what the command does."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

from simulators.conformance.checks import TABLE
from simulators.conformance.commands import add_conformance

PAGE = (Path(__file__).parents[4] / "simulators" / "conformance" / "README.md").read_text(encoding="utf-8")


def test_the_table_has_all_checks() -> None:
    rows = [f"| {group} | `{each.id}` | {each.title} | {each.why} |" for group, checks in TABLE for each in checks]
    assert [line for line in PAGE.splitlines() if re.match(r"\| [a-z ]+ \| `", line)] == rows


def test_the_example_and_the_options_exist() -> None:
    parser = argparse.ArgumentParser()
    command = add_conformance(parser.add_subparsers())
    (line,) = [line for line in PAGE.splitlines() if line.startswith("bin/carrier-sim ")]
    arguments = parser.parse_args(shlex.split(line)[1:])
    assert (arguments.port, arguments.system_id) == (2776, "shop")
    help_text = command.format_help()
    assert [option for option in re.findall(r"`(--[a-z-]+)", PAGE) if option not in help_text] == []


def test_ids_are_distinct_and_every_check_is_explained() -> None:
    every = [each for _, checks in TABLE for each in checks]
    assert len({each.id for each in every}) == len(every)
    assert all(each.about and each.mend and each.why for each in every)
