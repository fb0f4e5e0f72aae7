"""Versions at the desk: who may, for what reason, and what is said when nothing can be done."""

from __future__ import annotations

from dataclasses import replace

import pytest

from smsgw.config.bundle import Bundle
from smsgw.config.site import Site
from smsgw.errors import RequestError
from smsgw.policy.model import MessageClass
from smsgw.policy.number_plan import NumberPlan, Provinces
from smsgw.records.record import Record, Step
from smsgw.services import versions
from smsgw.services.desk import Desk
from smsgw.services.rerouting import NOWHERE, rerouting
from smsgw.store.versions import Process
from tests.unit.services.conftest import NOW_MS, MakeDesk, fault


def bundle(site: Site, routes: str = "") -> Bundle:
    files = Bundle.read(site.directory).files
    return Bundle({**files, "routes.toml": files["routes.toml"] + routes})


async def apply(desk: Desk, text: str, within_s: float = 0.0) -> int:
    done = await versions.apply(desk, bundle(desk.site, f"# {text}\n"), why=text, confirm_within_s=within_s)
    return done.version.number


async def test_apply_confirm_and_go_back(desk: Desk) -> None:
    assert [await apply(desk, "one"), await apply(desk, "two", 60)] == [1, 2]
    listing = await versions.list_(desk)
    assert (listing.now.number, listing.now.trial, 50 < listing.left_s <= 60) == (2, "roll back", True)
    assert (await versions.confirm(desk, why="it works")).trial == ""
    now, fleet = await versions.roll_back(desk, why="it does not")
    assert (now.number, fleet) == (1, ())
    entries = [(each.who, each.action, each.why) for each in await desk.log.read()]
    assert entries[-1] == ("root", "version.rollback", "it does not")
    assert ("root", "version.confirm", "it works") in entries


@pytest.mark.parametrize(
    ("ask", "kind", "why"),
    [
        (lambda desk: apply(desk, "one"), "conflict", "nothing to apply: the files here are version 1"),
        (lambda desk: apply(desk, ""), "invalid", "every change needs a reason"),
        (lambda desk: apply(desk, "two", 1e9), "invalid", "at most 24h"),
        (lambda desk: versions.roll_back(desk, why="x"), "missing", "version 1 is the first one"),
        (lambda desk: versions.roll_back(desk, 1, why="x"), "conflict", "version 1 is in force already"),
        (lambda desk: versions.roll_back(desk, 9, why="x"), "missing", "there is no version 9"),
        (lambda desk: versions.files(desk, 9), "missing", "there is no version 9"),
        (lambda desk: versions.export(desk, 1, why=""), "invalid", "every change needs a reason"),
    ],
)
async def test_what_can_not_be_done_is_said(desk: Desk, ask, kind: str, why: str) -> None:  # type: ignore[no-untyped-def]
    await apply(desk, "one")
    with pytest.raises(RequestError) as caught:
        await ask(desk)
    assert fault(caught)[0] == kind
    assert why in fault(caught)[1]


async def test_nothing_waits_to_be_confirmed_once_it_is(desk: Desk) -> None:
    await apply(desk, "one")
    await versions.confirm(desk, why="good")
    with pytest.raises(RequestError, match="nothing waits to be confirmed: version 1 is in force, confirmed"):
        await versions.confirm(desk, why="again")


async def test_before_the_first_version_there_is_nothing_to_go_back_to(desk: Desk) -> None:
    for ask in (versions.roll_back(desk, why="x"), versions.files(desk)):
        with pytest.raises(RequestError, match="no version is in force yet"):
            await ask


async def test_only_technical_people_change_the_site(desk_of: MakeDesk) -> None:
    for ask in (versions.apply, versions.files):
        desk = desk_of("wang", "market")
        with pytest.raises(RequestError) as caught:
            await (ask(desk, bundle(desk.site), why="x") if ask is versions.apply else ask(desk))  # type: ignore[call-arg, arg-type]
        assert fault(caught)[0] == "forbidden"
    assert (await versions.list_(desk_of("wang", "market"))).versions == []


def test_tables_of_a_process_that_changed_need_its_restart(site: Site) -> None:
    running = Process("node1", 0, own={"listener": "other", "node": "gone"})
    assert "listener" in versions.to_restart(site, [running])
    assert versions.to_restart(site, [replace(running, node="node2")]) == []


# -- how messages of late would go


def record(account: str = "orders", message_class: int = MessageClass.NOTICE, masked: str = "138****0001") -> Record:
    return Record(NOW_MS, int(Step.ACCEPTED), "id", account, "", message_class, "hash", masked, 1, 0, "", "", 0.0)


def rerouted(site: Site, **changes: object) -> Site:
    """The site with its last route, which all notices take, changed."""
    table = site.routes
    last = replace(table.routes[-1], **changes)  # type: ignore[arg-type]
    routes = type(table)((*table.routes[:-1], last))
    return replace(site, site_routes=replace(site.site_routes, table=routes))


def test_messages_that_go_another_way_are_counted_by_where_from_and_to(site: Site) -> None:
    found = rerouting(site, rerouted(site, carriers=("beta",)), [record(), record(), record("shop", 2, "133****0001")])
    assert found.looked_at == 3
    (moved,) = found.moved
    assert (moved.account, moved.message_class, moved.count, moved.possible) == ("orders", "notice", 2, 0)
    assert (moved.before, moved.after) == ("everything-else: alpha, beta", "everything-else: beta")


def test_what_depends_on_hidden_digits_is_possible(site: Site) -> None:
    found = rerouting(site, rerouted(site, prefixes=("861380",)), [record()])
    (moved,) = found.moved
    assert (moved.after, moved.count, moved.possible, moved.expected) == (NOWHERE, 1, 1, 0.9)


def test_a_province_that_moves_is_never_missed_and_told_with_its_likelihood(site: Site) -> None:
    table = site.routes
    plan = NumberPlan(provinces=Provinces(("", "xizang"), bytes(place == 80_001 for place in range(700_000))))
    tibet = replace(table.routes[-1], name="tibet", provinces=frozenset({"xizang"}), carriers=("beta",))
    after = replace(site, site_routes=replace(site.site_routes, table=type(table)((tibet, *table.routes), plan=plan)))
    found = rerouting(site, after, [record()] * 3 + [record(masked="210****0001")])
    (moved,) = found.moved
    assert (found.looked_at, found.sure, found.perhaps) == (4, 0, 3)
    assert (moved.after, moved.possible, round(moved.expected, 4)) == ("tibet: beta", 3, 0.0003)


def test_whom_a_number_draws_is_no_other_way(site: Site) -> None:
    found = rerouting(site, rerouted(site, weights=(70, 30)), [record()])
    (moved,) = found.moved
    assert (moved.after, moved.possible) == ("everything-else: alpha 70 : beta 30", 0)


def test_what_can_not_be_judged_is_counted(site: Site) -> None:
    found = rerouting(site, site, [record("gone"), record(masked="****01"), replace_step(record())])
    assert (found.looked_at, found.unknown, found.moved) == (2, 2, [])


def replace_step(row: Record) -> Record:
    return row._replace(step=int(Step.SENT))
