"""``smsgw check`` as a user sees it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from smsgw.cli.main import app

EXAMPLE = Path(__file__).parents[3] / "config" / "example"
DAY = ["--today", "2026-11-18"]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path / "site", ignore=shutil.ignore_patterns("state")))


def _line(site: Path) -> int:
    lines = (site / "smsgw.toml").read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.startswith("prot = "))


def _check(site: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["check", "--site", str(site), *DAY, *arguments])


def _spoil(site: Path, file: str, old: str, new: str) -> None:
    path = site / file
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")


def test_a_good_site_is_one_line(site: Path) -> None:
    result = _check(site)
    assert result.exit_code == 0
    assert result.output == f"{site}: ok: 4 accounts, 2 carriers, 4 routes, 4 tests, 2 profiles\n"


def test_errors_are_lines_that_an_editor_can_jump_to(site: Path) -> None:
    _spoil(site, "smsgw.toml", "port = 2775", "prot = 2775")
    (site / "route.toml").touch()
    result = _check(site)
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        f"{site}/smsgw.toml:{_line(site)}: error: listener.prot: unknown key; did you mean 'port'?",
        f"{site}/route.toml: warning: is not read; expected smsgw.toml, routes.toml or a file in "
        "accounts, carriers, profiles, codes, calendar",
        f"{site}: not usable: 1 error, 1 warning",
    ]


def test_warnings_fail_only_when_asked_to(site: Path) -> None:
    (site / "route.toml").touch()
    assert _check(site).exit_code == 0
    assert _check(site).output.splitlines()[-1].endswith("2 profiles; 1 warning")
    assert _check(site, "--strict").exit_code == 1


def test_json_for_programs(site: Path) -> None:
    assert json.loads(_check(site, "--json").output) == {
        "site": str(site),
        "ok": True,
        "errors": [],
        "warnings": [],
        "undecided": [],
        "holds": {"accounts": 4, "carriers": 2, "routes": 4, "tests": 4, "profiles": 2},
    }
    _spoil(site, "smsgw.toml", "port = 2775", "prot = 2775")
    result = _check(site, "--json")
    assert result.exit_code == 1
    report = json.loads(result.output)
    assert report["ok"] is False
    assert report["holds"] is None
    assert report["errors"] == [
        {
            "file": f"{site}/smsgw.toml",
            "line": _line(site),
            "key": "listener.prot",
            "why": "unknown key; did you mean 'port'?",
        }
    ]


def test_what_the_company_has_to_decide_is_told_at_the_end(site: Path) -> None:
    _spoil(site, "profiles/cn.toml", "\nmarketing = 500\n", "\n")
    _spoil(site, "profiles/cn.toml", 'closed = ["21:00-08:00"]\n', "")
    _spoil(site, "smsgw.toml", 'approval = "none"', "# approval")
    result = _check(site)
    assert result.exit_code == 1
    assert result.output.splitlines()[-5:] == [
        "the company has to decide · 须由公司决定：",
        "  cn.toml: length.marketing",
        "  cn.toml: window.hard.closed",
        "  smsgw.toml: channels.approval",
        f"{site}: not usable: 2 errors, 1 warning",
    ]
    assert [each["key"] for each in json.loads(_check(site, "--json").output)["undecided"]] == [
        "length.marketing",
        "window.hard.closed",
        "channels.approval",
    ]


def test_missing_caps_are_for_the_company_to_decide(site: Path) -> None:
    text = (site / "profiles" / "cn.toml").read_text(encoding="utf-8")
    head, _, _ = text.partition('[[cap]]\nname = "marketing-day"')
    (site / "profiles" / "cn.toml").write_text(head, encoding="utf-8")
    result = _check(site)
    assert 'no cap for class "marketing" per day: the company has to decide it' in result.output
    assert result.output.splitlines()[-2:] == ["  cn.toml: cap", f"{site}: not usable: 2 errors"]


def test_the_site_may_come_from_the_environment(site: Path) -> None:
    result = CliRunner().invoke(app, ["check"], env={"SMSGW_SITE": str(site)})
    assert result.output.startswith(f"{site}: ok: ")


def test_a_site_that_is_not_there(tmp_path: Path) -> None:
    result = _check(tmp_path / "nothing")
    assert result.exit_code == 1
    assert "does not exist; expected the directory of a site" in result.output
