"""``smsgw optout`` on a site whose gateway does not run."""

from __future__ import annotations

from pathlib import Path

import pytest

from smsgw.records.query import query
from smsgw.records.record import as_dict
from tests.unit.cli.conftest import WHY, Run, change, done, refused, shown

NUMBER = "13800138000"


def test_added_shown_and_withdrawn(site: Path, smsgw: Run) -> None:
    added = done(smsgw("optout", "add", NUMBER, "--source", "call 4711", *WHY))
    assert added.startswith("8613800138000: opted out: company\n")
    found = shown(smsgw("optout", "show", "+86 138 0013 8000".replace(" ", ""), "--json"))
    assert found["number"] == "8613800138000"
    assert [(fact["kind"], fact["scope"], fact["source"]) for fact in found["facts"]] == [
        ("optout", "company", "call 4711")
    ]
    assert smsgw("optout", "remove", NUMBER, *WHY).stdout.startswith("8613800138000: subscribed again: company\n")
    assert shown(smsgw("optout", "show", NUMBER, "--json"))["facts"][0]["kind"] == "subscribe"
    steps = [as_dict(record) for record in query(site / "state" / "records")]
    assert (steps[0]["step"], steps[0]["source"]) == ("optout", "call 4711")
    assert str(steps[1]["source"]).startswith("staff:")
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
    found = shown(smsgw("optout", "add", NUMBER, option, value, "--json", *WHY))
    assert found["changed"]
    assert found["facts"][0]["scope"] == scope


def test_nothing_known(smsgw: Run) -> None:
    assert smsgw("optout", "show", NUMBER).stdout == "8613800138000: nothing is known\n"


def test_an_older_wish_changes_nothing(site: Path, smsgw: Run) -> None:
    change(site / "smsgw.toml", 'mode = "real"', 'mode = "test"\nstart = "2026-11-18T10:30:00+08:00"')
    smsgw("optout", "add", NUMBER, *WHY)
    result = smsgw("optout", "remove", NUMBER, *WHY)
    assert "not changed" in result.stdout
    assert "opted out" in result.stdout
    assert "2026-11-18 10:30:00+08:00" in result.stdout


def test_both_scopes_and_the_reason_are_audited(smsgw: Run) -> None:
    smsgw("optout", "add", NUMBER, "--account", "shop", "--why", "call of 13900139000", "--who", "wang")
    (entry,) = shown(smsgw("audit", "list", "--json"))["items"]
    assert (entry["who"], entry["action"], entry["why"]) == ("wang", "optout.add", "call of 139****9000")
    assert NUMBER not in str(entry)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((NUMBER, "--account", "shpo"), "did you mean 'shop'?"),
        ((NUMBER, "--signature", "示例商成"), "did you mean '示例商城'?"),
        ((NUMBER, "--source", "a\nb"), "source: has a character that can't be printed"),
    ],
)
def test_what_can_not_be_done_is_one_line(smsgw: Run, arguments: tuple[str, ...], said: str) -> None:
    assert said in refused(smsgw("optout", "add", *arguments, *WHY))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((NUMBER, "--account", "shop", "--company", *WHY), "exclude each other"),
        (("12345", *WHY), "'12345' is not a recipient's number"),
    ],
)
def test_wrong_usage_is_one_line(smsgw: Run, arguments: tuple[str, ...], said: str) -> None:
    result = smsgw("optout", "add", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_list(tmp_path: Path, site: Path, smsgw: Run) -> None:
    change(site / "smsgw.toml", 'mode = "real"', 'mode = "test"\nstart = "2026-11-18T10:30:00+08:00"')
    done(smsgw("optout", "remove", "13800138002", *WHY))
    file = tmp_path / "optouts.csv"
    file.write_text("号码,来源,退订时间\n13800138001,旧平台,2026-10-01\n13800138002,旧平台,2026-10-01\n", "gb18030")
    said = done(smsgw("optout", "import", str(file), "--who", "li", *WHY)).splitlines()
    assert said[0] == (
        f"{file}: 2 lines, 1 taken, 0 known already, 1 not taken because the recipient subscribed or consented later"
    )
    assert said[1].startswith(f"{file}: SHA-256 ")
    (fact,) = shown(smsgw("optout", "show", "13800138001", "--json"))["facts"]
    assert (fact["source"], fact["by"], fact["digest"]) == ("旧平台", "li", said[1].split()[-1][:12])
    again = shown(smsgw("optout", "import", str(file), "--json", *WHY))
    assert (again["taken"], again["known"], again["subscribed"]) == (0, 1, 1)
    file.write_text("13800138003\n138\n")
    wrong = smsgw("optout", "import", str(file), "--account", "shop", *WHY)
    assert wrong.exit_code == 1
    assert "nothing was written" in wrong.stderr
    assert smsgw("optout", "import", str(file), "--account", "shop", "--company", *WHY).exit_code == 2
