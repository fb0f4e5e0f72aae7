"""What a carrier's file says of rates, windows and lanes: read, defaulted, and refused where it makes no sense."""

from __future__ import annotations

import pytest

from smsgw import wiring
from tests.unit.config.conftest import SiteCopy

BETA = "carriers/beta.toml"


def test_a_file_that_says_nothing_keeps_fixed_windows_and_no_shares(site: SiteCopy) -> None:
    settings = site.load()
    beta = wiring.carrier_settings(settings, settings.carriers["beta"])
    assert (beta.window, beta.auto_window, beta.bind_rate_per_s, beta.account_rates) == (20, None, None, {})
    assert (beta.reserved, beta.age_after_s) == ((0.0, 0.0, 0.0), 60.0)


def test_everything_that_may_be_said(site: SiteCopy) -> None:
    site.edit(
        BETA,
        "window = 20",
        'window = "auto"\nauto_window = { min = 2, max = 50 }\nbind_rate = "600/min"\nbind_burst = 5\n'
        'account_rates = { shop = "5/s" }\nlanes = { reserved = { otp = 0.3 }, age_after = "0s" }',
    )
    settings = site.load()
    beta = wiring.carrier_settings(settings, settings.carriers["beta"])
    assert (beta.window, beta.auto_window) == (10, (2, 50))
    assert (beta.bind_rate_per_s, beta.bind_burst, beta.account_rates) == (10.0, 5.0, {"shop": 5.0})
    assert (beta.reserved, beta.age_after_s) == ((0.3, 0.0, 0.0), 0.0)


def test_without_a_rate_of_its_own_a_carrier_has_that_of_its_binds(site: SiteCopy) -> None:
    site.edit(BETA, '{ type = "transmitter" }', '{ type = "transmitter", count = 2 }')
    site.edit(BETA, 'rate = "100/s"', 'bind_rate = "30/s"')
    assert site.load().carriers["beta"].rate_per_s == 60.0


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("window = 0", 'window: expected 1 to 10,000 requests or "auto", found 0'),
        ("window = true", 'window: expected 1 to 10,000 requests or "auto", found True'),
        ("auto_window = { max = 5 }", 'auto_window needs window = "auto"'),
        ('window = "auto"\nauto_window = { min = 9, max = 5 }', "auto_window: min is 9, above max 5"),
        ("bind_burst = 5", "bind_burst needs bind_rate"),
        (
            "lanes.reserved = { otp = 0.5, marketing = 0.5 }",
            "lanes.reserved: expected shares of together at most 0.9, found 1",
        ),
        ('account_rates = { shp = "5/s" }', "account_rates.shp: no account is named 'shp'; did you mean 'shop'?"),
    ],
)
def test_what_makes_no_sense(site: SiteCopy, written: str, fault: str) -> None:
    site.edit(BETA, "window = 20", written)
    (error,) = site.errors()
    assert fault in error
