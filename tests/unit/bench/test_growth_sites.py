"""Sites of growth curves can be used, have the size they say, and take the load's messages by the route they should."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from smsgw.config.load import load_site
from smsgw.config.passwords import PasswordChecker
from smsgw.config.site import Site
from smsgw.policy.model import Draft, MessageClass
from tests.bench.growth import sites
from tests.bench.growth.curves import CURVES, IN_FLIGHT, SMALL, WHOLE, Scale, chosen
from tests.site_files import Overrides, override


def _site(directory: Path, overrides: Overrides) -> Site:
    shutil.copytree(sites.BENCH, directory, ignore=shutil.ignore_patterns("state"))
    override(directory, overrides)
    return load_site(directory)


def _route_of(site: Site, recipient: int) -> str:
    draft = Draft("load", MessageClass.MARKETING, "示例商城", str(recipient), "新品上架", 1, 1_794_000_000_000)
    draft.signature = "示例商城"
    draft.network, draft.province = (
        site.routes.plan.network(draft.recipient),
        site.routes.plan.province(draft.recipient),
    )
    route = site.routes.finders("load", site.accounts["load"].department)[MessageClass.MARKETING](draft)
    assert route is not None
    return route.name


def test_no_other_route_takes_a_message_of_the_load(tmp_path: Path) -> None:
    site = _site(tmp_path / "site", sites.routes(200))
    assert len(site.routes.routes) == 200
    assert site.routes.routes[-1].name == "bench"
    assert {_route_of(site, sites.FIRST_RECIPIENT + number) for number in range(0, 30_000, 997)} == {"bench"}
    kinds = [(route.accounts, route.signatures, route.prefixes) for route in site.routes.routes[:-1]]
    assert all(sum(bool(kind[place]) for kind in kinds) >= 10 for place in range(3))


def test_routes_take_the_messages_one_after_the_other(tmp_path: Path) -> None:
    site = _site(tmp_path / "site", sites.routes(100, spread=True))
    taken = [_route_of(site, sites.FIRST_RECIPIENT + number) for number in range(0, sites.SPREAD, 500)]
    assert taken == [*(f"r{number // 2:05d}" for number in range(198)), "bench", "bench"]
    assert WHOLE.messages < sites.SPREAD


def test_carriers_share_the_traffic(tmp_path: Path) -> None:
    site = _site(tmp_path / "site", sites.carriers(10))
    route = site.routes.routes[0]
    used = set(route.carriers) - {"beta"}
    assert len({site.carriers[name].system_id for name in used}) == len(used) == 10
    first = {route.order(str(sites.FIRST_RECIPIENT + number), "mobile")[0] for number in range(500)}
    assert first == used


def test_accounts_share_a_password_and_have_room_for_their_sessions(tmp_path: Path) -> None:
    site = _site(tmp_path / "site", sites.sessions(3))
    checker = PasswordChecker()
    for name, password in (("load", sites.PASSWORD), *sites.accounts(3)):
        account = site.accounts[name]
        assert checker.verify(account.password_hash, password.encode())
        assert (account.max_binds, account.window) == (1000, 1000)
        # Nobody owns the number from which all of them send.
        assert sites.ANY_SOURCE not in site.numbers
    assert len({site.accounts[name].password_hash for name, _ in sites.accounts(3)}) == 1


def test_codes_flow_beside_what_waits(tmp_path: Path) -> None:
    site = _site(tmp_path / "site", sites.queues())
    assert site.accounts["codes"].message_class == MessageClass.OTP
    assert site.store.queue_limit > WHOLE.waiting
    assert site.carriers["alpha"].lanes.age_after_s == 0


def test_windows_are_those_of_the_application_and_of_the_carrier(tmp_path: Path) -> None:
    site = _site(tmp_path / "site", sites.windows(7, 3))
    assert (site.accounts["load"].window, site.carriers["alpha"].window_size) == (7, 3)


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("scale", [SMALL, WHOLE], ids=["small", "whole"])
def test_every_point_of_a_curve_is_on_a_line_and_within_the_accounts_windows(name: str, scale: Scale) -> None:
    curve = CURVES[name](scale)
    assert {point for line in curve.lines.values() for point in line} == set(curve.points)
    for point in curve.points.values():
        assert 1 <= point.load.window <= 1000
        assert point.load.count >= 200
        if name == "sessions":
            assert point.load.conns * point.load.window == IN_FLIGHT


def test_sizes_are_those_of_the_labels() -> None:
    assert [point.label for point in CURVES["optouts"](WHOLE).points.values()] == ["0", "1 million", "10 million"]
    assert [point.store.waiting for point in CURVES["backlog"](WHOLE).points.values() if point.store] == [
        0, 5_000_000, 5_000_000,
    ]  # fmt: skip
    assert [len(point.carriers) for point in CURVES["carriers"](WHOLE).points.values()] == [1, 10, 100]


def test_curves_are_chosen_by_name() -> None:
    assert chosen(["windows", "routes"]) == ["routes", "windows"]
    assert chosen(["all"]) == list(CURVES)
    with pytest.raises(ValueError, match=r"--growth route: expected sessions, routes, .* or all"):
        chosen(["route"])
