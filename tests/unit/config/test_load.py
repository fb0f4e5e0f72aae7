"""The example site, and what its settings are called."""

from __future__ import annotations

import ipaddress
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from smsgw.config.passwords import verify_password
from smsgw.config.site import NumberOwner
from smsgw.policy.model import Draft, MessageClass
from smsgw.policy.profile import TimeRange

from .conftest import EXAMPLE, TODAY, SiteCopy

DEMO_PASSWORDS = {"login": b"login123", "orders": b"orders12", "shop": b"shop1234", "ushop": b"ushop123"}


def test_the_example_has_neither_errors_nor_warnings(site: SiteCopy) -> None:
    assert site.warnings() == []


def test_the_passwords_in_its_comments_are_right(site: SiteCopy) -> None:
    for name, account in site.load().accounts.items():
        assert verify_password(account.password_hash, DEMO_PASSWORDS[name])
        assert DEMO_PASSWORDS[name].decode() in (EXAMPLE / "accounts" / f"{name}.toml").read_text(encoding="utf-8")


def test_its_comments_name_every_key_of_the_process_with_its_default(site: SiteCopy) -> None:
    written = site.load().file
    assert written.channels.approval == "none"
    # The one thing that has to be decided; left out, it is as the example says, with a warning. What it switches on.
    site.write("smsgw.toml", "[channels]\napproval = 'none'\n[records]\ncarrier_pdus = true\n")
    assert written == site.load().file
    site.write("smsgw.toml", "")
    assert not site.load().channels.approval_required


def test_an_account(site: SiteCopy) -> None:
    shop = site.load().accounts["shop"]
    assert shop.message_class is MessageClass.MARKETING
    assert shop.allow_networks == (ipaddress.ip_network("127.0.0.1/32"), ipaddress.ip_network("::1/128"))
    assert shop.bind_types == {1, 2, 9}
    assert (shop.rate_per_s, shop.window, shop.deliver_window, shop.max_binds) == (1000.0, 50, 50, 4)
    assert shop.policy().signatures == {"示例商城", "示例会员"}
    assert site.load().profile_of(shop).name == "cn"


def test_a_carrier(site: SiteCopy) -> None:
    carriers = site.load().carriers
    alpha, beta = carriers["alpha"], carriers["beta"]
    assert alpha.binds == ("transceiver", "transceiver")
    assert beta.binds == ("transmitter", "receiver")
    assert (alpha.rate_per_s, alpha.burst, alpha.window, alpha.interface_version) == (200.0, 200.0, 10, 0x34)
    assert alpha.status_actions == {0x0A: "reject", 0x64: "retry"}
    assert (alpha.password, alpha.reconnect_max_s, alpha.inactivity_s) == ("alpha123", 60.0, 0.0)
    assert alpha.policy().signature_position == "front"
    assert beta.policy().signature_position is None


def test_the_reference_caps(site: SiteCopy) -> None:
    caps = {cap.name: cap for cap in site.load().profiles["cn"].caps}
    assert [
        (caps[name].limit, caps[name].scope) for name in ("otp-minute", "otp-hour", "otp-day", "otp-day-company")
    ] == [
        (1, "signature"),
        (5, "signature"),
        (10, "signature"),
        (40, "company"),
    ]
    assert (caps["notice-day"].limit, caps["notice-day"].scope) == (50, "signature")
    assert (caps["marketing-day"].limit, caps["marketing-day"].tiers) == (1, {"loyal": 2})
    assert (caps["marketing-week"].limit, caps["marketing-week"].tiers) == (3, {"loyal": 5})


def test_routes_and_numbers(site: SiteCopy) -> None:
    loaded = site.load()
    route = loaded.routes.find(Draft("shop", MessageClass.MARKETING, "", "8613312345678", "", 1, 0))
    assert route is not None
    assert route.carriers == ("beta", "alpha")
    assert loaded.numbers["106900013001"] == NumberOwner("shop", "示例商城")
    assert loaded.numbers["1069000130"] == NumberOwner("shop", "")


def test_own_holidays_win_over_the_week(site: SiteCopy) -> None:
    workdays = site.load().workdays
    assert not workdays.is_workday(date(2027, 2, 9))
    assert workdays.is_workday(date(2027, 2, 11))


def test_paths_are_relative_to_the_site_unless_absolute(site: SiteCopy) -> None:
    loaded = site.load()
    assert loaded.state_dir == site.directory / "state"
    assert loaded.secrets_file == site.directory / "state" / "secrets.toml"
    assert loaded.records_dir == site.directory / "state" / "records"
    site.edit("smsgw.toml", 'state_dir = "state"', 'state_dir = "/var/lib/smsgw"')
    site.edit("smsgw.toml", 'secrets = ""', 'secrets = "keys.toml"')
    assert site.load().records_dir == Path("/var/lib/smsgw/records")
    assert site.load().secrets_file == site.directory / "keys.toml"


def test_a_test_clock_has_a_start(site: SiteCopy) -> None:
    site.edit("smsgw.toml", 'mode = "real"', 'mode = "test"\nstart = "2026-11-18T10:30:00+08:00"\nrate = 60')
    assert site.load().clock.start == datetime(2026, 11, 18, 2, 30, tzinfo=UTC)
    assert site.load().clock.rate == 60
    assert "test clock" in site.warnings()[0]


def test_slots_and_tls(site: SiteCopy) -> None:
    for name in ("server.pem", "server.key"):
        site.write(f"tls/{name}", "")
    site.edit("accounts/shop.toml", "explain = true", 'slots = "11:00-12:30"')
    site.edit(
        "smsgw.toml", "[store]", '[listener.tls]\ncertificate = "tls/server.pem"\nkey = "tls/server.key"\n[store]'
    )
    loaded = site.load()
    assert loaded.accounts["shop"].slots == (TimeRange(11 * 60, 12 * 60 + 30),)
    assert loaded.listener.tls is not None
    assert (loaded.listener.tls.port, loaded.listener.tls.certificate) == (3550, site.directory / "tls" / "server.pem")


def test_passwords_may_stand_in_files_of_their_own(site: SiteCopy) -> None:
    stored = site.load().accounts["shop"].password_hash
    site.write("secrets/shop", f"{stored}\n").write("secrets/beta", "beta5678\n")
    site.edit("accounts/shop.toml", f'password = "{stored}"', 'password_file = "secrets/shop"')
    site.edit("carriers/beta.toml", 'password = "beta1234"', 'password_file = "secrets/beta"')
    assert site.load().accounts["shop"].password_hash == stored
    assert site.load().carriers["beta"].password == "beta5678"


def test_settings_are_frozen_and_show_no_secrets(site: SiteCopy) -> None:
    loaded = site.load()
    with pytest.raises(ValidationError, match="frozen"):
        loaded.accounts["shop"].window = 5  # type: ignore[misc]
    assert "scrypt" not in repr(loaded.accounts["shop"])
    assert "alpha123" not in repr(loaded.carriers["alpha"])


def test_a_site_of_yesterday_and_of_today_are_read_alike(site: SiteCopy) -> None:
    assert site.load(TODAY).accounts == site.load(date(2026, 11, 17)).accounts
