"""Gateways that tell of traffic, and an archive of it by provinces: what the pages of what happens now show."""

from __future__ import annotations

import time
from typing import Any

import msgpack  # type: ignore[import-untyped, unused-ignore]

from smsgw.console.watching import Watcher
from smsgw.policy.number_plan import PROVINCES
from smsgw.records.archive.keeper import Keeper
from smsgw.records.record import NO_CLASS, Row, Step
from smsgw.services.archive import keys_of
from smsgw.store.secrets import load_or_create
from tests.e2e.console_pages.harness import Scene
from tests.unit.console.test_live import LINK, account, carrier, status
from tests.unit.records.archive.world import KNOWLEDGE, SEALER, World, message_id
from tests.unit.services.conftest import NOW_MS

_MINUTE_MS = 60_000


def page(at_s: float) -> dict[str, Any]:
    """A gateway's status after so many seconds of steady traffic."""
    count = int(at_s * 120)
    session = account()["links"][0]
    shop = account(
        accepted=count, refused={"quota": count // 40, "window.soft": count // 15, "frequency": count // 90},
        receipts_delivered=count, outbox=3, quota={"day": [800, 1000]}, links=[session, {**session, "id": "shop/2"}],
    )  # fmt: skip
    alpha = carrier(submitted=count, receipts={"DELIVRD": count * 95 // 100, "UNDELIV": count * 5 // 100})
    link = {**LINK, "id": "beta#0", "in_flight": 9}
    beta = carrier(binds_up=1, binds=1, slowed=False, rate_per_s=100.0, submitted=count // 3, links=[link])
    return status(
        accounts={"shop": shop, "orders": account(in_force=False), "login": account(accepted=count // 2)},
        carriers={"alpha": alpha, "beta": beta},
    )


def rows_of(number: int, at_ms: int, province: str, carrier_name: str, is_lost: bool) -> list[Row]:
    """A message from its acceptance to the carrier's receipt."""
    name = message_id(number, at_ms)
    sealed = SEALER.seal(msgpack.packb([f"86138{number:08d}", "10690", "", "", "mobile", province, (b"x",)]))
    who = (2, "Ab3dEf6hIj9kLmN0", "138****8000", 1, 0, "", "示例商城")
    state = (5, "MBBLACK") if is_lost else (2, "000")
    return [
        (at_ms, Step.ACCEPTED, name, "shop", "", *who, 2, "main", sealed),
        (at_ms + 4, Step.SENT, name, "shop", carrier_name, *who, 0, 1),
        (at_ms + 20, Step.ANSWERED, name, "shop", carrier_name, *who, 15.5, f"c{number}"),
        (
            at_ms + 3000,
            Step.RECEIPT,
            name,
            "shop",
            carrier_name,
            NO_CLASS,
            "",
            "",
            0,
            0,
            "",
            "",
            0,
            *state,
            f"c{number}",
        ),
    ]


def refusals() -> list[Row]:
    """Three that shop was refused."""
    told = (
        ("window.soft", 0x421, "not between 09:00 and 21:00"),
        ("quota", 0x432, "1000 of 1000"),
        ("length", 0x444, ""),
    )
    return [
        (
            NOW_MS - number * _MINUTE_MS,
            Step.REFUSED,
            "",
            "shop",
            "",
            2,
            "h",
            "139****4711",
            1,
            code,
            rule,
            "示例商城",
            1,
            why,
        )
        for number, (rule, code, why) in enumerate(told, 1)
    ]


async def seed_live(scene: Scene) -> None:
    """Two minutes of looks at one gateway, and figures of every province over both carriers."""
    began_s = time.monotonic() - 120
    watcher = Watcher(scene.site, scene.store, lambda _: page(time.monotonic() - began_s))
    sight = watcher._sight
    (address,) = watcher._addresses
    for past_s in range(120, 2, -2):
        at_s = time.monotonic() - past_s
        sight.add(int((time.time() - past_s) * 1000), at_s, {address: page(at_s - began_s)})
    scene.app.state.watcher = watcher
    rows = refusals()
    for place, province in enumerate(PROVINCES):
        for n in range(4 + place % 5):
            way, is_lost = ("alpha", "beta")[n % 2], n == 0 and place % 3 != 1
            rows += rows_of(place * 100 + n, NOW_MS - n * _MINUTE_MS - 5000, province, way, is_lost)
    World(scene.site.records_dir).write(sorted(rows, key=lambda row: row[0]), node="live")
    secrets = load_or_create(scene.site.secrets_file)
    keeper = Keeper(scene.site.records_dir, KNOWLEDGE, keys_of(secrets.hasher(), secrets.sealer()), lambda: NOW_MS)
    keeper.round()
    keeper.close()
