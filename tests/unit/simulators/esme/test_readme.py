"""The examples beside the application simulator are right, and name everything that there is."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import simulators.esme
from simulators.esme import options
from simulators.esme.mix_file import load_mix
from simulators.esme.prompt.words import NAMES, parse
from simulators.esme.scenario.load import load_scenario
from simulators.esme.scenario.model import ACTIONS

README = (Path(simulators.esme.__file__).parent / "README.md").read_text(encoding="utf-8")
TOML = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines()]


def test_the_files(tmp_path: Path) -> None:
    scenario, mix = tmp_path / "s.toml", tmp_path / "mix.toml"
    scenario.write_text(TOML[0], encoding="utf-8")
    mix.write_text(TOML[1], encoding="utf-8")
    assert len(load_scenario(scenario).steps) == 4
    assert [account for account, _ in load_mix(mix)[0]] == ["login", "orders"]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands(command: str) -> None:
    before, _, words = command.rpartition("bin/esme-sim ")
    assert options.parser().parse_args(shlex.split(words)).command in ("prompt", "load")
    if before:
        for line in shlex.split(before)[1].replace("\\n", "\n").splitlines():
            assert parse(line) is not None


def test_every_action_with_its_keys_and_every_command_is_named() -> None:
    table = dict(re.findall(r"^\| (`[a-z_`, ]+`) \| (.*) \|$", README, re.MULTILINE))
    named = {word: keys for words, keys in table.items() for word in re.findall(r"[a-z_]+", words)}
    assert named.keys() - {"do"} == ACTIONS.keys()
    for action, (needed, allowed) in ACTIONS.items():
        if action not in ("unbind", "replace", "query", "cancel"):
            assert {key for key in needed | allowed if f"`{key}`" not in named[action]} == set()
    listed = README.partition("`help` lists the commands: ")[2].partition(".")[0]
    assert {name for name in NAMES if name not in re.split(r",\s", listed)} == {"help"}
