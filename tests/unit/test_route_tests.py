"""The tests beside the routes: what they find, and what they say when it is something else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from smsgw.config.load import load_site
from smsgw.route_tests import run_route_tests

EXAMPLE = Path(__file__).parents[2] / "config" / "example"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path / "site", ignore=shutil.ignore_patterns("state")))


def complaints(site: Path, routes: str, tests: str) -> list[str]:
    (site / "routes.toml").write_text(routes + tests, encoding="utf-8")
    return [problem.why for problem in run_route_tests(load_site(site))]


ROUTES = """
[[route]]
name = "night"
hours = "22:00-06:00"
class = "notice"
carriers = ["beta"]

[[route]]
name = "signed"
signature = "示例会员"
weights = { alpha = 70, beta = 30 }

[[route]]
name = "welcome"
template = "welcome"
carriers = ["beta"]

[[route]]
name = "codes"
class = "otp"
prefix = "86"
carriers = ["alpha", "beta"]

[[route]]
name = "rest"
class = ["notice", "marketing"]
carriers = ["alpha"]
"""
SHOP = '[[test]]\naccount = "shop"\nrecipient = "13312345678"\n'
LOGIN = '[[test]]\naccount = "login"\nrecipient = "13312345678"\n'
ORDERS = '[[test]]\naccount = "orders"\nrecipient = "13312345678"\n'


@pytest.mark.parametrize(
    "test",
    [
        SHOP + 'expect = { route = "rest", carriers = ["alpha"], network = "telecom" }',
        SHOP + 'text = "【示例会员】新品上市，拒收请回复R"\nexpect = { route = "signed", carrier = "beta" }',
        SHOP + 'signature = "示例会员"\nexpect = { route = "signed", carriers = ["beta", "alpha"] }',
        SHOP + 'template = "welcome"\nexpect = { route = "welcome" }',
        SHOP + 'text = "【示例商城】新品上市"\nexpect = { refusal = "unsubscribe.missing" }',
        LOGIN + 'expect = { route = "codes", carriers = ["alpha", "beta"] }',
        '[[test]]\naccount = "login"\nrecipient = "+12125550123"\nexpect = { refusal = "route.none" }',
        '[[test]]\naccount = "login"\nrecipient = "123"\nexpect = { refusal = "number.invalid" }',
        ORDERS + 'at = 2026-11-18T23:00:00+08:00\nexpect = { route = "night" }',
        ORDERS + 'at = 2026-11-18T12:00:00+08:00\nexpect = { route = "rest" }',
        '[[test]]\naccount = "shop"\nrecipient = "13800138000"\nexpect = { province = "beijing" }',
    ],
)
def test_passes(site: Path, test: str) -> None:
    assert complaints(site, ROUTES, test) == []


@pytest.mark.parametrize(
    ("test", "why"),
    [
        (SHOP + 'expect = { route = "codes" }', "expected route 'codes', found route 'rest' (line 24)"),
        (SHOP + 'expect = { carrier = "beta" }', "expected carrier 'beta', found alpha"),
        (SHOP + 'signature = "示例会员"\nexpect = { carriers = ["beta"] }', "expected carriers beta, found "),
        (LOGIN + 'expect = { carriers = ["beta", "alpha"] }', "expected carriers beta, alpha, found alpha, beta"),
        (SHOP + 'expect = { network = "mobile" }', "expected network mobile, found telecom"),
        (SHOP + 'expect = { refusal = "route.none" }', "expected refusal route.none, found route 'rest' (line 24)"),
        (
            SHOP + 'text = "【别人】新品"\nexpect = { refusal = "unsubscribe.missing" }',
            "expected refusal unsubscribe.missing, found signature.unregistered",
        ),
        (
            '[[test]]\nname = "abroad"\naccount = "login"\nrecipient = "+12125550123"\nexpect = { route = "codes" }',
            "test 'abroad': expected route 'codes', found no route (route.none)",
        ),
        (ORDERS + 'expect = { route = "rest" }', "needs a time, such as at = 2026-11-18T10:00:00+08:00: route 'night'"),
    ],
)
def test_complains(site: Path, test: str, why: str) -> None:
    (found,) = complaints(site, ROUTES, test)
    assert found.startswith(why)


def test_the_line_is_that_of_what_is_expected(site: Path) -> None:
    (site / "routes.toml").write_text(ROUTES + SHOP + 'expect = { route = "codes" }', encoding="utf-8")
    (problem,) = run_route_tests(load_site(site))
    assert (problem.line, problem.key) == (ROUTES.count("\n") + 4, "test[1].expect")
