"""``smsgw optout`` on a site whose gateway does not run."""

from __future__ import annotations

from pathlib import Path

import pytest

from smsgw.records.query import query
from smsgw.records.record import as_dict
from tests.unit.cli.conftest import Run, change, shown

NUMBER = "13800138000"


def test_added_shown_and_withdrawn(site: Path, smsgw: Run) -> None:
    added = smsgw("optout", "add", NUMBER, "--source", "call 4711")
    assert added.exit_code == 0
    assert added.stdout.startswith("8613800138000: opted out: company\n")
    found = shown(smsgw("optout", "show", "+86 138 0013 8000".replace(" ", ""), "--json"))
    assert found["number"] == "8613800138000"
    assert [(fact["kind"], fact["scope"], fact["source"]) for fact in found["facts"]] == [
        ("optout", "company", "call 4711")
    ]
    assert smsgw("optout", "remove", NUMBER).stdout.startswith("8613800138000: subscribed again: company\n")
    assert shown(smsgw("optout", "show", NUMBER, "--json"))["facts"][0]["kind"] == "subscribe"
    steps = [as_dict(record) for record in query(site / "state" / "records")]
    assert (steps[0]["step"], steps[0]["source"]) == ("optout", "call 4711")
    assert str(steps[1]["source"]).startswith("cli:")
    assert steps[0]["recipient"] == "138****8000"


@pytest.mark.parametrize(
    ("option", "value", "scope"),
    [
        ("--account", "shop", "account shop"),
        ("--signature", "示例会员", "signature 示例会员"),
        ("--signature", "【示例会员】", "signature 示例会员"),
    ],
)
def test_scopes(smsgw: Run, option: str, value: str, scope: str) -> None:
    found = shown(smsgw("optout", "add", NUMBER, option, value, "--json"))
    assert found["changed"]
    assert found["facts"][0]["scope"] == scope


def test_nothing_known(smsgw: Run) -> None:
    assert smsgw("optout", "show", NUMBER).stdout == "8613800138000: nothing is known\n"


def test_an_older_wish_changes_nothing(site: Path, smsgw: Run) -> None:
    change(site / "smsgw.toml", 'mode = "real"', 'mode = "test"\nstart = "2026-11-18T10:30:00+08:00"')
    smsgw("optout", "add", NUMBER)
    result = smsgw("optout", "remove", NUMBER)
    assert "not changed" in result.stdout
    assert "opted out" in result.stdout
    assert "2026-11-18 10:30:00+08:00" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((NUMBER, "--account", "shpo"), "did you mean 'shop'?"),
        ((NUMBER, "--signature", "示例商成"), "did you mean '示例商城'?"),
        ((NUMBER, "--account", "shop", "--company"), "exclude each other"),
        ((NUMBER, "--source", "a\nb"), "--source must be printable"),
        (("12345",), "'12345' is not a recipient's number"),
    ],
)
def test_wrong_usage_is_one_line(smsgw: Run, arguments: tuple[str, ...], said: str) -> None:
    result = smsgw("optout", "add", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1
