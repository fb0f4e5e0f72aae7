"""What is typed wrongly is told in one line that names the command and the option; for every command, exit code 2."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
import typer.main
from typer.core import TyperCommand, TyperGroup

from smsgw.cli.main import app, main

GROUP = typer.main.get_command(app)


def _commands(group: TyperGroup, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], TyperCommand]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from _commands(command, (*path, name))
        else:
            yield (*path, name), command


def _ended(monkeypatch: pytest.MonkeyPatch, *typed: str) -> int | str | None:
    monkeypatch.setattr(sys, "argv", ["smsgw", *typed])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("pause global", "pause: --why is missing: the reason, for the audit log; see `smsgw pause --help`"),
        ("pause global --why", "pause: option '--why' requires an argument; see `smsgw pause --help`"),
        ("pause --why x", "pause: SCOPE is missing: global, or department:, account:, signature:, template:, "
                          "campaign: or carrier: and a name; see `smsgw pause --help`"),
        ("store migrate --partitions 999 --why x",
         "store migrate: --partitions: expected at most 256, found '999'; see `smsgw store migrate --help`"),
        ("store migrate -p many --why x",
         "store migrate: --partitions: expected a whole number, found 'many'; see `smsgw store migrate --help`"),
        ("top --every 0.1", "top: --every: expected at least 0.2, found '0.1'; see `smsgw top --help`"),
        ("top --every soon", "top: --every: expected a number, found 'soon'; see `smsgw top --help`"),
        ("check --today 2026", "check: --today: expected a day such as 2027-06-30, found '2026'; "
                               "see `smsgw check --help`"),
        ("word import company /no\x07where.csv --why x",
         "word import: FILE.csv: file '/no\\x07where.csv' does not exist; see `smsgw word import --help`"),
        ("run --workres 4", "run: no such option: --workres; did you mean --workers? see `smsgw run --help`"),
        ("run now", "run: expected nothing more, found 'now'; see `smsgw run --help`"),
        ("status --json=1", "status: option '--json' does not take a value; see `smsgw status --help`"),
        ("store migrat", "store: no such command 'migrat'; did you mean 'migrate'? see `smsgw store --help`"),
        ("chekc", "no such command 'chekc'; did you mean 'check'? see `smsgw --help`"),
        ("--nosuch", "no such option: --nosuch; see `smsgw --help`"),
    ],
)  # fmt: skip
def test_wrong_usage_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str, said: str
) -> None:
    assert _ended(monkeypatch, *typed.split(" ")) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"smsgw: {said}\n")


def test_no_command_prints_a_box(capsys: pytest.CaptureFixture[str]) -> None:
    assert isinstance(GROUP, TyperGroup)
    for path, _ in _commands(GROUP):
        with pytest.raises(SystemExit) as ended:
            GROUP.main([*path, "--nosuch"], "smsgw")
        name = " ".join(path)
        out, err = capsys.readouterr()
        assert (ended.value.code, out) == (2, "")
        assert err.startswith(f"smsgw: {name}: no such option: --nosuch")
        assert err.endswith(f" see `smsgw {name} --help`\n")
        assert err.count("\n") == 1


@pytest.mark.parametrize("typed", [(), ("store",)])
def test_no_command_at_all_shows_the_help(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: tuple[str, ...]
) -> None:
    assert _ended(monkeypatch, *typed) == 2
    out, err = capsys.readouterr()
    assert (" ".join(("Usage: smsgw", *typed, "[OPTIONS] COMMAND")) in out, err) == (True, "")


def test_what_is_not_confirmed_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse() -> None:
        raise typer.Abort

    asking = typer.Typer(cls=type(GROUP))
    asking.command("ask")(refuse)
    asking.command("other")(refuse)
    with pytest.raises(SystemExit) as ended:
        asking(["ask"])
    assert (ended.value.code, capsys.readouterr().err) == (1, "smsgw: not confirmed, so nothing was done\n")
