"""What a tester reads first is true: help texts, and lists that end up in a pipe."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from simulators.carrier import commands, options
from simulators.control import simctl, simctl_show
from simulators.esme import options as esme_options
from simulators.esme.__main__ import main as esme_main
from simulators.esme.scenario import library as esme_library
from simulators.esme.scenario.load import load_scenario as load_esme_scenario
from simulators.scenario import library, load_scenario
from smsgw.documents.problems import ConfigErrors

ROOT = Path(__file__).parents[3]


def _names(parser: argparse.ArgumentParser) -> set[str]:
    return {name for each in parser._actions if isinstance(each, argparse._SubParsersAction) for name in each.choices}


def _without_help(parser: argparse.ArgumentParser) -> list[str]:
    """Options and operands of a command, and of its sub-commands, that say nothing."""
    found = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, each in action.choices.items():
                found += [f"{name} {rest}" for rest in _without_help(each)]
        elif not action.help:
            found.append(action.dest)
    return found


def test_carrier_sims_help_begins_with_its_commands() -> None:
    listed = re.findall(r"^  ([a-z-]+)  +\w", options.parser().format_help().partition("options:")[0], re.MULTILINE)
    assert sorted(listed) == sorted(_names(commands.parser()))


def test_a_wrong_option_is_told_in_three_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options.parser().parse_args(["--prot", "2776"])
    assert len(capsys.readouterr().err.splitlines()) == 3


def test_every_option_of_simctl_says_what_it_is() -> None:
    unsaid = {each.split()[-1] for each in _without_help(simctl.parser())}
    assert unsaid <= {"kind", "do"}  # their choices say it


def test_commands_of_the_application_simulator_have_a_line_each() -> None:
    text = esme_options.parser().format_help()
    assert [name for name in _names(esme_options.parser()) if not re.search(rf"^    {name}\s+\w", text, re.M)] == []


def test_settings_are_shown_as_they_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    simctl_show.settings({"receipts.send": True, "limits.window": 1, "rule": []}, {})
    assert capsys.readouterr().out == "receipts.send = true\nlimits.window = 1\nrule = []\n"


def test_nothing_there_to_break_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    simctl_show.connections({"connections": 0})
    assert "none that fits" in capsys.readouterr().out


def test_a_scenario_of_the_other_side_says_whose_it_is() -> None:
    with pytest.raises(ConfigErrors, match=r"first.toml:4: application: .*esme-sim run"):
        load_scenario(esme_library.shipped()["first"])
    with pytest.raises(ConfigErrors, match=r"night.toml:8: carrier: .*carrier-sim run"):
        load_esme_scenario(library.shipped()["night"])


@pytest.mark.parametrize(
    "command",
    ["carrier scenarios", "carrier schema", "carrier scenarios bad-day", "carrier --magic-table", "esme schema"],
)  # fmt: skip
def test_a_list_may_be_piped_into_head(command: str) -> None:
    module, *words = command.split()
    program = subprocess.Popen(
        [sys.executable, "-m", f"simulators.{module}", *words],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert program.stdout is not None
    assert program.stderr is not None
    program.stdout.close()
    told = program.stderr.read()
    program.stderr.close()
    assert (program.wait(30), told) == (141, b"")


def test_a_table_may_be_piped_into_head() -> None:
    """The tables' own library ends the program, with a status of its own."""
    listing = [sys.executable, "-m", "simulators.control.simctl", "malformed", "--list"]
    program = subprocess.Popen(listing, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert program.stdout is not None
    program.stdout.close()
    _, told = program.communicate(timeout=30)
    assert (program.returncode, told) == (1, b"")


@pytest.mark.parametrize(("program", "run"), [("simctl", simctl.main), ("smsgw-esme-sim", esme_main)])
def test_without_a_command_there_is_the_help(
    program: str, run: Callable[[list[str]], int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([]) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith(f"usage: {program}")
    assert "Exit status" in shown.err
    assert shown.out == ""
