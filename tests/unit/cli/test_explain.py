"""``smsgw explain`` on a site whose gateway does not run."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.cells import cell_len

from smsgw.cli.explain.findings import RULES
from smsgw.config.load import load_site
from smsgw.policy.model import Draft
from smsgw.policy.registers import Registers
from smsgw.site_rules import compiled_rules
from tests.unit.cli.conftest import WHY, Result, Run, change, done, shown

GOOD = "【示例商城】双十一大促，全场五折，回T退订"
WORKDAY = "2026-11-18T10:30"
NIGHT = "2026-11-18T22:30"


def _explain(smsgw: Run, *options: str, text: str = GOOD, to: str = "13800138000", at: str = WORKDAY) -> Result:
    return smsgw("explain", "--account", "shop", "--to", to, "--at", at, *options, text)


def test_what_would_be_accepted(smsgw: Run) -> None:
    result = _explain(smsgw, "--json")
    assert result.exit_code == 0
    found = shown(result)
    assert (found["verdict"], found["answer_status"]) == ("passes", "0x00000000")
    assert (found["from"], found["to"], found["signature"]) == ("1069000130", "8613800138000", "示例商城")
    assert (found["route"], found["carrier"], found["segments"]) == ("everything-else", "alpha", 1)
    assert found["carriers"] == [
        {"name": "alpha", "binds_up": None, "why_not": None, "cost": 0.0},
        {"name": "beta", "binds_up": None, "why_not": None, "cost": 0.0},
    ]
    assert [(cap["name"], cap["seen"], cap["limit"], cap["period"]) for cap in found["caps"]] == [
        ("marketing-day", 0, 1, "day"),
        ("marketing-week", 0, 3, "week"),
    ]
    assert found["facts_looked_at"] == ["o", "o:a:shop", "o:s:示例商城", "b", "b:c:alpha", "d"]
    assert found["at"] == "2026-11-18T10:30:00+08:00"


def test_what_each_carrier_would_charge(smsgw: Run, site: Path) -> None:
    path = site / "carriers" / "alpha.toml"
    path.write_text(f"cost = 0.04\ncosts = {{ mobile = 0.035 }}\n{path.read_text(encoding='utf-8')}", encoding="utf-8")
    long = "【示例商城】" + "双十一大促全场五折" * 8 + "，回T退订"
    found = shown(_explain(smsgw, "--json", text=long))
    assert (found["segments"], [each["cost"] for each in found["carriers"]]) == (2, [0.07, 0.0])
    found = shown(_explain(smsgw, "--json", to="13000130000"))
    assert [each["cost"] for each in found["carriers"]] == [0.04, 0.0]


def test_registered_links_are_shown_as_they_leave(smsgw: Run, site: Path) -> None:
    change(site / "smsgw.toml", "[ops]", '[links]\nbase_url = "https://s.example.cn"\ntoken_chars = 6\n[ops]')
    change(site / "accounts" / "shop.toml", "explain = true", "explain = true\nshort_links = true")
    done(smsgw("contact", "add", "shop", "link", "shop.example.com", *WHY))
    link = "https://shop.example.com/" + "a" * 80
    found = shown(_explain(smsgw, "--json", text=f"【示例商城】{link}，回T退订"))
    (short,) = found["short_links"]
    assert short["link"] == link
    assert short["short"].startswith("https://s.example.cn/")
    assert len(short["short"]) == len("https://s.example.cn/") + 6
    assert found["sent_text"] == f"【示例商城】{short['short']}，回T退订"
    assert found["segments"] == 1
    length = next(rule["looked_at"] for rule in found["rules"] if rule["name"] == "length")
    assert length.endswith(f"; {len(found['sent_text'])} characters; at most 500")
    page = _explain(smsgw, text=f"【示例商城】{link}，回T退订").stdout
    assert f"leaves as {short['short']}" in " ".join(page.split())
    assert shown(_explain(smsgw, "--json"))["short_links"] == []


def test_every_rule_is_shown_and_the_first_refusal_decides(smsgw: Run) -> None:
    result = _explain(smsgw, "--json", text="【示例】大促", at=NIGHT)
    assert result.exit_code == 1
    found = shown(result)
    assert (found["rule_id"], found["status"], found["fallback"]) == (
        "signature.unregistered",
        "0x00000403",
        "0x00000045",
    )
    assert found["reason_zh"] == "签名未在本账号报备"
    assert {rule["name"]: rule["says"] for rule in found["rules"]} == {
        "number": "passes",
        "account": "not asked",
        "suspended": "passes",
        "paused": "passes",
        "class": "passes",
        "signature": "refuses",
        "unsubscribe": "refuses",
        "service_phone": "not asked",
        "words": "passes",
        "contact": "not asked",
        "template": "not asked",
        "length": "passes",
        "window.hard": "refuses",
        "window.soft": "refuses",
        "route": "passes",
        "optout": "passes",
        "blacklist": "passes",
        "dead_number": "passes",
        "consent": "not asked",
        "frequency": "passes",
        "same_content": "passes",
        "quota": "not asked",
        "rate": "not asked",
        "queue": "passes",
    }


def test_the_page_is_in_two_languages_and_stands_straight(smsgw: Run) -> None:
    page = _explain(smsgw, at=NIGHT).stdout
    assert "refused by window.hard (0x00000420, fallback 0x00000061)" in page
    assert "拒绝：当前为禁止发送时段" in page
    assert "the gateway does not answer" in page
    lines = page.splitlines()
    heading = next(line for line in lines if line.startswith("rule"))
    says = cell_len(heading[: heading.index("says")])
    rows = [line for line in lines if line[:2].strip().isdigit() and " passes " in line]
    assert len(rows) >= 5
    assert {cell_len(row[: row.index("passes")]) for row in rows} == {says}


def test_a_window_that_holds(site: Path, smsgw: Run) -> None:
    change(site / "profiles" / "cn.toml", 'action = "reject"', 'action = "hold"')
    result = _explain(smsgw, "--json", at=NIGHT)
    assert result.exit_code == 0
    found = shown(result)
    assert (found["verdict"], found["until"]) == ("holds", "2026-11-19T09:00:00+08:00")
    assert found["caps"][0]["ends_ms"] == 1795104000000  # of the day that it will be sent on: 2026-11-20 00:00+08:00
    assert "held until 2026-11-19 09:00:00+08:00" in _explain(smsgw, at=NIGHT).stdout


def test_opt_outs_and_tiers_of_the_recipient(smsgw: Run) -> None:
    done(smsgw("optout", "add", "13800138000", "--signature", "示例商城", "--source", "letter", *WHY))
    done(smsgw("tier", "set", "13800138000", "loyal", *WHY))
    result = _explain(smsgw, "--json", to="+8613800138000")
    assert result.exit_code == 1
    found = shown(result)
    assert (found["rule_id"], found["detail"], found["tier"]) == ("optout", "for the signature 示例商城", "loyal")
    assert [cap["limit"] for cap in found["caps"]] == [2, 5]
    assert found["facts"][0]["source"] == "letter"
    other = shown(_explain(smsgw, "--json", text=GOOD.replace("商城", "会员")))
    assert other["verdict"] == "passes"


def test_a_tier_may_be_imagined(smsgw: Run) -> None:
    assert [cap["limit"] for cap in shown(_explain(smsgw, "--json", "--tier", "loyal"))["caps"]] == [2, 5]


def test_a_number_that_is_none_is_refused_before_any_rule(smsgw: Run) -> None:
    result = _explain(smsgw, "--json", to="12")
    assert result.exit_code == 1
    assert (shown(result)["rule_id"], shown(result)["status"]) == ("number.invalid", "0x0000000B")
    assert len(shown(result)["rules"]) == 1


@pytest.mark.parametrize(
    ("old", "new", "answer"),
    [
        ("explain = true", 'reject_mode = "receipt"', "0x00000000"),
        ("explain = true", "vendor_codes = false", "0x00000045"),
    ],
)
def test_what_the_account_is_answered(site: Path, smsgw: Run, old: str, new: str, answer: str) -> None:
    change(site / "accounts" / "shop.toml", old, new)
    found = shown(_explain(smsgw, "--json", text="大促，回T退订"))
    assert (found["status"], found["answer_status"]) == ("0x00000402", answer)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--account", "shpo"), "no account of this site is named 'shpo'; did you mean 'shop'?"),
        (("--tier", "loyl"), "no tier of this site is named 'loyl'; did you mean 'loyal'?"),
        (("--at", "noon"), "--at 'noon' is no time of ISO 8601"),
    ],
)
def test_wrong_usage_is_one_line(smsgw: Run, options: tuple[str, ...], said: str) -> None:
    result = _explain(smsgw, *options)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_what_can_not_be_told_is_no_refusal(site: Path, smsgw: Run) -> None:
    change(site / "smsgw.toml", 'server = ""', 'server = "/nowhere/redis-server"')
    result = _explain(smsgw)
    assert result.exit_code == 2
    assert result.stderr == "smsgw: store.server /nowhere/redis-server: not a Redis or Valkey of 6.2 or later\n"
    change(site / "smsgw.toml", "partitions = 1", "partition = 1")
    result = _explain(smsgw)
    assert result.exit_code == 2
    assert "did you mean 'partitions'?" in result.stderr


def test_every_rule_of_the_pipeline_has_a_title(site: Path) -> None:
    change(site / "accounts" / "shop.toml", "class =", "licence_expires = 2030-01-01\nclass =")
    titled = {name for _, name, _, _ in RULES}
    for name, rules in compiled_rules(load_site(site), Registers()).items():
        draft = Draft(name, 2, "", "8613800138000", "", 1, 0)
        assert {found.rule_id for found in rules.explain(draft)} <= titled
