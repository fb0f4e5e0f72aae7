"""What holds for every command: help that can be read, a reason for every change, and who made it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer.main
from typer.core import TyperCommand, TyperGroup
from typer.testing import CliRunner

from smsgw.cli.main import app
from smsgw.policy.approvals import STEPS
from smsgw.policy.entries import Kind

#: Commands that change nothing that staff answer for.
LOOKING = frozenset(
    ("show", "list", "versions", "verify", "export", "pauses", "quota", "explain", "check", "status", "records", "run",
     "password", "token", "console", "diff", "history", "top", "message", "ids", "schema", "test", "info", "worker",
     "stats", "keep", "once", "clickhouse-init", "totp", "links", "monthly", "audit", "key")
)  # fmt: skip
#: Changes whose reason is plain unless another one is given, and commands that change something only when told to.
PLAIN = frozenset(("confirm", "network", "trace"))


def _commands(group: TyperGroup, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], TyperCommand]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from _commands(command, (*path, name))
        else:
            assert isinstance(command, TyperCommand)
            yield (*path, name), command


def _all() -> list[tuple[tuple[str, ...], TyperCommand]]:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    return list(_commands(group))


def _option(command: TyperCommand, name: str) -> Any:
    return next((each for each in command.params if name in each.opts), None)


def test_help_is_in_groups() -> None:
    page = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "100"}).stdout
    panels = ("The gateway", "Changing the site", "Daily work", "What staff register", "Recipients")
    places = [page.index(f"─ {panel} ─") for panel in panels]
    assert places == sorted(places)
    for words in ("signature", "模板", "敏感词", "通道", "退订", "黑名单", "审计日志"):
        assert words in page


@pytest.mark.parametrize(("path", "command"), _all(), ids=lambda value: " ".join(value) if type(value) is tuple else "")
def test_every_command_has_help_and_every_change_a_reason(path: tuple[str, ...], command: TyperCommand) -> None:
    assert CliRunner().invoke(app, [*path, "--help"]).exit_code == 0
    assert command.help
    if path[-1] not in ("password", "token", "schema"):
        assert _option(command, "--site") is not None
    why = _option(command, "--why")
    if path[-1] in LOOKING:
        assert why is None or not why.required
    else:
        assert why is not None
        assert why.required or path[-1] in PLAIN
        assert _option(command, "--who") is not None


@pytest.mark.parametrize("kind", sorted(STEPS))
def test_every_step_is_a_command(kind: Kind) -> None:
    names = {path[1] for path, _ in _all() if path[0] == kind}
    assert {step.action for step in STEPS[kind]} - {"supersede"} <= names
