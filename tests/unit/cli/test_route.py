"""``smsgw route`` and ``smsgw schema`` as an engineer sees them."""

from __future__ import annotations

import json
from pathlib import Path

from .conftest import WHY, Run, change, done, shown, started

ROUTES = """
[[route]]
name = "night"
hours = "22:00-06:00"
class = "notice"
carriers = ["beta"]

[[route]]
name = "shared"
account = "shop"
network = "telecom"
weights = { alpha = 70, beta = 30 }

[[route]]
name = "rest"
carriers = ["alpha", "beta"]

[[test]]
name = "the shop shares"
account = "shop"
recipient = "13312345678"
expect = { route = "shared" }

[[test]]
account = "shop"
recipient = "13800138000"
expect = { route = "shared" }
"""


def test_the_list_shows_the_order_and_what_each_takes(site: Path, smsgw: Run) -> None:
    (site / "routes.toml").write_text(ROUTES, encoding="utf-8")
    lines = [" ".join(line.split()) for line in done(smsgw("route", "list")).splitlines()]
    assert lines[2:] == [
        "1 night class notice; hours 00:00-06:00, 22:00-24:00 beta 2",
        "2 shared account shop; network telecom alpha 70 %, beta 30 % 8",
        "3 rest everything alpha, then beta 14",
    ]
    assert [each["name"] for each in shown(smsgw("route", "list", "--account", "orders", "--json"))] == [
        "night",
        "rest",
    ]
    (shared,) = shown(smsgw("route", "list", "--account", "shop", "--class", "marketing", "--json"))[:1]
    assert shared == {
        "order": 2, "name": "shared", "line": 8, "takes": {"account": "shop", "network": "telecom"},
        "carriers": ["alpha", "beta"], "weights": {"alpha": 70, "beta": 30}, "prefer": "order", "by_network": {},
    }  # fmt: skip
    assert smsgw("route", "list", "--class", "otq").exit_code == 2
    assert smsgw("route", "list", "--account", "shp").exit_code == 2


def test_tests_pass_or_say_what_came_instead(site: Path, smsgw: Run) -> None:
    assert "4 tests, 0 failed" in done(smsgw("route", "test"))
    (site / "routes.toml").write_text(ROUTES, encoding="utf-8")
    result = smsgw("route", "test")
    assert result.exit_code == 1
    assert "expected route 'shared', found route 'rest' (line 14)" in result.stdout
    found = json.loads(smsgw("route", "test", "--json").stdout)
    assert [bool(each["faults"]) for each in found["tests"]] == [False, True]
    assert "13312345678" not in json.dumps(found)
    check = smsgw("check")
    assert check.exit_code == 1
    assert "routes.toml:27: error: test[2].expect: expected route 'shared'" in check.stdout


def test_a_message_is_explained_with_its_network_and_the_routes_that_nearly_fit(site: Path, smsgw: Run) -> None:
    (site / "routes.toml").write_text(ROUTES.replace("[[test]]", "#").partition("#")[0], encoding="utf-8")
    change(site / "accounts" / "orders.toml", 'class = "notice"', 'class = "notice"\nlane = "marketing"')
    arguments = ("explain", "--account", "orders", "--to", "13800138000", "【示例物流】您的订单已发货")
    found = shown(smsgw(*arguments, "--at", "2026-11-18T12:00", "--json"))
    assert (found["network"], found["lane"], found["route"]) == ("mobile", "marketing", "rest")
    assert found["nearly"] == [{"route": "night", "line": 2, "condition": "hours"}]
    page = done(smsgw(*arguments, "--at", "2026-11-18T12:00"))
    assert "night (line 2): its hours" in page


def test_a_network_that_was_learnt_wrongly_is_put_right(smsgw: Run) -> None:
    assert done(smsgw("route", "network", "13800138000")) == "138****8000: mobile (by its prefix)\n"
    assert "reason" in smsgw("route", "network", "13800138000", "--to", "telecom").stderr
    assert "did you mean 'telecom'" in smsgw("route", "network", "13800138000", "--to", "telecon", *WHY).stderr
    done(smsgw("route", "network", "13800138000", "--to", "telecom", *WHY))
    found = shown(smsgw("route", "network", "13800138000", "--json"))
    assert (found["network"], found["source"], found["planned"]) == ("telecom", "learnt", "mobile")
    assert "number.network" in done(smsgw("audit", "list"))


def test_schemas(tmp_path: Path) -> None:
    schema = shown(started("schema", "carrier"))
    assert schema["properties"]["cost"] == {"default": 0.0, "minimum": 0, "type": "number"}
    assert "did you mean 'carrier'" in started("schema", "carier").stderr
    assert "schemas in" in done(started("schema", "--into", str(tmp_path / "schemas")))
    assert (tmp_path / "schemas" / "routes.json").is_file()
