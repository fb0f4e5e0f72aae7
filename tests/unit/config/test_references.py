"""What only shows when files are looked at together."""

from __future__ import annotations

from datetime import date

import pytest

from smsgw import wiring
from smsgw.carrier.settings import Outbind

from .conftest import SiteCopy


def test_routes_name_carriers_and_accounts_that_exist(site: SiteCopy) -> None:
    site.edit("routes.toml", '["beta", "alpha"]', '["beat", "alpha"]').edit("routes.toml", '"shop"', '"shp"')
    valid = "login, orders, shop, ushop"
    assert site.errors() == [
        f"routes.toml:17: route[2].account: no account is named 'shp'; did you mean 'shop'? valid: {valid}",
        "routes.toml:20: route[2].carriers[1]: no carrier is named 'beat'; did you mean 'beta'? valid: alpha, beta",
    ]


def test_accounts_name_profiles_that_exist_also_in_a_broken_file(site: SiteCopy) -> None:
    site.edit("accounts/shop.toml", 'profile = "cn"', 'profile = "ch"')
    site.edit("accounts/shop.toml", "explain", "xplain")
    assert site.errors() == [
        "accounts/shop.toml:7: profile: no profile is named 'ch'; did you mean 'cn'? valid: cn, us",
        f"accounts/shop.toml:{site.edited_line}: xplain: unknown key; did you mean 'explain'?",
    ]


def test_a_broken_file_does_not_spoil_the_references_to_it(site: SiteCopy) -> None:
    site.edit("carriers/beta.toml", "window = 20", "window = 0")
    site.edit("accounts/shop.toml", "explain = true", "x = [")
    assert [error.split(":")[0] for error in site.errors()] == ["accounts/shop.toml", "carriers/beta.toml"]


@pytest.mark.parametrize(
    ("file", "old", "new", "key"),
    [
        ("accounts/shop.toml", 'system_id = "shop"', 'system_id = "orders"', "3: system_id: 'orders'"),
        ("carriers/beta.toml", 'name = "beta"', 'name = "alpha"', "3: name: 'alpha'"),
    ],
)
def test_names_are_used_once(site: SiteCopy, file: str, old: str, new: str, key: str) -> None:
    errors = site.edit(file, old, new).errors()
    assert any(error.startswith(f"{file}:{key} is used by ") for error in errors)


def test_profiles_are_named_once(site: SiteCopy) -> None:
    site.write("profiles/copy.toml", (site.directory / "profiles/cn.toml").read_text(encoding="utf-8"))
    line = site.line_of("profiles/copy.toml", 'name = "cn"')
    assert site.errors() == [f"profiles/copy.toml:{line}: name: 'cn' is used by profiles/cn.toml already"]


def test_route_names_are_used_once(site: SiteCopy) -> None:
    site.edit("routes.toml", '"everything-else"', '"codes"')
    assert site.errors() == [f"routes.toml:{site.edited_line}: route[4].name: route[1] is named 'codes' already"]


def test_a_number_has_one_owner(site: SiteCopy) -> None:
    site.edit("accounts/shop.toml", '"1069000130"', '"1069000110"')
    assert site.errors() == ["accounts/shop.toml:13: numbers[1].number: 1069000110 belongs to account 'login' already"]


def test_a_number_stands_once_in_an_account(site: SiteCopy) -> None:
    site.edit("accounts/shop.toml", '"106900013002"', '"106900013001"')
    assert site.errors() == ["accounts/shop.toml: '106900013001' is listed twice"]


def test_an_extension_of_another_accounts_number_is_pointed_out(site: SiteCopy) -> None:
    site.edit("accounts/login.toml", '"1069000110"', '"106900013077"')
    why = "extends 1069000130 of account 'shop'; answers to 106900013077 go to 'login'"
    assert site.warnings() == [
        f"accounts/login.toml:{site.line_of('accounts/login.toml', 'numbers')}: numbers[1].number: {why}"
    ]


def test_a_number_belongs_to_a_signature_of_its_account(site: SiteCopy) -> None:
    site.edit("accounts/shop.toml", 'signature = "示例会员"', 'signature = "示例会"')
    why = "'示例会' is not among this account's signatures; did you mean '示例会员'? valid: 示例会员, 示例商城"
    assert site.errors() == [f"accounts/shop.toml:15: numbers[3].signature: {why}"]


def test_signatures_are_well_formed_as_the_profile_asks_for(site: SiteCopy) -> None:
    site.edit("accounts/orders.toml", '["示例物流"]', '["示例物流", "【示例】", "示"]')
    brackets = "'【示例】' has '【', only letters, digits and Han are allowed; write it without the brackets"
    assert site.errors() == [
        f"accounts/orders.toml:10: signatures[2]: {brackets}",
        "accounts/orders.toml:10: signatures[3]: '示' has 1 characters, 2–20 are allowed",
    ]


def test_an_account_that_can_send_nothing_is_pointed_out(site: SiteCopy) -> None:
    site.edit("accounts/orders.toml", 'signatures = ["示例物流"]', "").edit(
        "accounts/orders.toml", ', signature = "示例物流"', ""
    )
    why = "signatures: profile 'cn' requires a signature and this account has none: all it sends is refused"
    assert site.warnings() == [f"accounts/orders.toml: {why}, unless one is registered"]


def test_an_expired_licence_is_pointed_out(site: SiteCopy) -> None:
    site.edit("accounts/login.toml", "# licence_expires", "licence_expires")
    assert site.warnings(date(2027, 6, 30)) == []
    assert site.warnings(date(2027, 7, 1)) == [
        "accounts/login.toml:11: licence_expires: expired on 2027-06-30: all it sends is refused"
    ]


def test_useless_carriers_are_pointed_out(site: SiteCopy) -> None:
    gamma = (site.directory / "carriers/beta.toml").read_text(encoding="utf-8").replace('"beta"', '"gamma"')
    site.write("carriers/gamma.toml", gamma.replace(', { type = "receiver" }', ""))
    assert site.warnings() == [
        "carriers/gamma.toml:3: name: no route names carrier 'gamma': nothing is sent over it",
        "carriers/gamma.toml:8: binds: none of them can receive: no receipts and no MO from this carrier",
    ]


def test_a_carrier_must_be_able_to_send(site: SiteCopy) -> None:
    site.edit("carriers/beta.toml", '{ type = "transmitter" }, ', "")
    assert site.errors() == ["carriers/beta.toml: binds: none of them can transmit"]


def test_where_a_carrier_calls(site: SiteCopy) -> None:
    outbind = 'outbind = { port = 2785, system_id = "caller" }\n'
    binds = 'binds = [{ type = "transmitter" }, { type = "receiver" }]\n'
    site.edit("carriers/beta.toml", binds, binds + outbind)
    settings = site.load()
    beta = settings.carriers["beta"]
    assert wiring.carrier_settings(settings, beta).outbind == Outbind("127.0.0.1", 2785, "caller", "")
    without = beta.model_copy(update={"outbind": None})
    assert wiring.carrier_link(beta) != wiring.carrier_link(without)  # another place to call needs another bind
    site.edit("carriers/beta.toml", outbind, outbind + "tls = {}\n")
    assert site.errors() == ["carriers/beta.toml: outbind is not taken over TLS"]
    site.edit("carriers/beta.toml", outbind + "tls = {}\n", outbind)
    site.edit("carriers/beta.toml", ', { type = "receiver" }', "")
    assert site.errors() == ["carriers/beta.toml: outbind needs a bind that receives"]


def test_dangerous_settings_are_pointed_out(site: SiteCopy) -> None:
    site.edit("smsgw.toml", 'marketing = "report"', 'marketing = "resend"')
    assert site.warnings() == [
        f"smsgw.toml:{site.edited_line}: uncertain.marketing: a customer may get the same marketing message twice"
    ]


def test_marketing_at_night_is_pointed_out(site: SiteCopy) -> None:
    site.edit("profiles/cn.toml", 'closed = ["21:00-08:00"]', "closed = []")
    line = site.line_of("profiles/cn.toml", "[window.hard] ")
    assert site.warnings() == [
        f"profiles/cn.toml:{line}: window.hard: nothing keeps marketing from being sent at night"
    ]


def test_files_that_are_not_read_are_pointed_out(site: SiteCopy) -> None:
    site.write("route.toml", "").write("account/new.toml", "").write("state/secrets.toml", "").write("tls/x.pem", "")
    assert [warning.split(":")[0] for warning in site.warnings()] == ["account/new.toml", "route.toml"]
