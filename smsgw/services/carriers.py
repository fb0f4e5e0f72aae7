"""Carriers for people: each bind with its window, each lane with what waits, what is ordered; and to order it.

Owns: what is shown of one carrier. Orders are ``services.orders``'; this only says which of them a carrier has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from smsgw.documents.names import with_hint
from smsgw.errors import RequestError
from smsgw.policy.model import CLASS_LABELS
from smsgw.policy.orders import DRAIN, SUSPEND
from smsgw.services import orders
from smsgw.services.desk import Desk, named
from smsgw.services.live import HOUR_MS, Delivery, State, Waits, carrier_names, carrier_state, delivery
from smsgw.services.orders import Order
from smsgw.services.sight import Sight, rate
from smsgw.smpp.constants import status_name

_MOST_ORDERS: Final = 1000


class BindShown(BaseModel):
    """One bind. ``heard_ago_s`` null: not up, or its gateway is older."""

    model_config = ConfigDict(extra="ignore")

    id: str
    kind: str
    node: str = Field("", description="Which process has it. 所在进程。")
    up: bool
    why_down: str = ""
    peer: str = ""
    up_s: float = 0
    heard_ago_s: float | None = None
    in_flight: int
    window: int


class LaneOfCarrier(BaseModel):
    """One class's queue. ``aged``: it has waited so long that it goes before better lanes."""

    lane: str
    waiting: int
    oldest_s: float
    aged: bool


class BreakerShown(BaseModel):
    """A province, or the latency of all, that routes avoid on this carrier."""

    model_config = ConfigDict(extra="ignore")

    province: str
    state: str
    since_s: float
    why: str
    good: int
    outcomes: int


class OrderShown(BaseModel):
    """What staff ordered."""

    model_config = ConfigDict(from_attributes=True)

    scope: str
    action: str
    reason: str
    who: str
    at_ms: int
    expires_ms: int = Field(description="0: until it is resumed. 0 表示直到人工恢复。")


class CarrierRow(BaseModel):
    """A carrier in the list. Figures are null where no gateway tells of it."""

    name: str
    state: State
    why_not: str = ""
    order: OrderShown | None = None
    binds_up: int | None = None
    binds: int | None = None
    in_flight: int | None = None
    window: int | None = None
    out: float | None = Field(None, description="Messages a second. 每秒发送量。")
    errors: float | None = None
    rate: float | None = Field(None, description="Segments a second that it may be sent now. 当前限速。")
    full_rate: float | None = Field(None, description="The same when it does not throttle us. 配置限速。")
    slowed: bool = False
    waiting: int | None = None
    delivery: Delivery | None = None


class CarrierShown(CarrierRow):
    """One carrier."""

    host: str = ""
    links: list[BindShown] = []
    lanes: list[LaneOfCarrier] = []
    breakers: list[BreakerShown] = []
    answers: dict[str, int] = Field({}, description="Answers by status since the gateways started. 应答状态统计。")
    receipts: dict[str, int] = Field({}, description="Receipts by state since the gateways started. 回执状态统计。")
    throttled: int = 0
    timeouts: int = 0
    rerouted: int = 0
    receipts_open: int = Field(0, description="Receipts that are still to come. 待回执。")
    receipts_overdue: int = 0
    codes_wait_s: float = Field(0, description="How long verification codes wait here. 验证码等待时间。")


async def list_(desk: Desk, sight: Sight, waits: Waits | None) -> list[CarrierRow]:
    """Every carrier of the site."""
    desk.require_reader()
    ordered = await _orders(desk)
    return [
        CarrierRow(**_row(name, sight, waits, ordered.get(f"carrier:{name}"))) for name in carrier_names(desk, sight)
    ]


async def get(desk: Desk, sight: Sight, waits: Waits | None, carrier: str) -> CarrierShown:
    """One carrier, with binds and lanes."""
    desk.require_reader()
    known(desk, sight, carrier)
    ordered = await _orders(desk)
    found: Mapping[str, Any] = sight.whole.get("carriers", {}).get(carrier, {})
    settings = desk.site.carriers.get(carrier)
    return CarrierShown(
        **_row(carrier, sight, waits, ordered.get(f"carrier:{carrier}")),
        host=f"{settings.host}:{settings.port}" if settings is not None else "",
        links=[BindShown(**each) for each in found.get("links", ())],
        lanes=_lanes(carrier, found, waits),
        breakers=[BreakerShown(**each) for each in sight.whole.get("breakers", ()) if each["carrier"] == carrier],
        answers={status_name(int(status, 16)): count for status, count in found.get("answered", {}).items()},
        receipts=found.get("receipts", {}),
        **{
            name: found[name]
            for name in ("throttled", "timeouts", "rerouted", "receipts_open", "receipts_overdue", "codes_wait_s")
            if name in found
        },
    )


async def suspend(desk: Desk, carrier: str, *, why: str, expires: str = "") -> Order:
    """Send nothing new over it; receipts still come."""
    named("carrier", carrier, desk.site.carriers, "carrier")
    return await orders.give(desk, f"carrier:{carrier}", SUSPEND, why=why, expires=expires)


async def drain(desk: Desk, carrier: str, *, why: str, expires: str = "") -> Order:
    """Give it nothing new, send what waits for it, then unbind."""
    named("carrier", carrier, desk.site.carriers, "carrier")
    return await orders.give(desk, f"carrier:{carrier}", DRAIN, why=why, expires=expires)


async def resume(desk: Desk, carrier: str, *, why: str) -> Order:
    """End its suspension or drain. Gives the order as it was."""
    return (await orders.end(desk, f"carrier:{carrier}", why=why))[0]


def known(desk: Desk, sight: Sight, carrier: str) -> None:
    """Raises RequestError ``missing`` for a carrier that nobody has."""
    names = carrier_names(desk, sight)
    if carrier not in names:
        raise RequestError("missing", with_hint(f"there is no carrier {carrier[:100]!r}", carrier, names))


async def _orders(desk: Desk) -> dict[str, Order]:
    found = await orders.list_(desk, scope="carrier:", limit=_MOST_ORDERS)
    return {each.scope: each for each in found.items}


def _row(name: str, sight: Sight, waits: Waits | None, order: Order | None) -> dict[str, Any]:
    found = sight.whole.get("carriers", {}).get(name)
    row: dict[str, Any] = {
        "name": name,
        "state": carrier_state(found, order.action if order is not None else ""),
        "order": OrderShown.model_validate(order) if order is not None else None,
        "waiting": None if waits is None else sum(each.waiting for each in waits.lanes if each.carrier == name),
    }
    if found is None:
        return row
    same = name.__eq__
    return row | {
        "why_not": found["why_not"],
        "binds_up": found["binds_up"],
        "binds": found["binds"],
        "in_flight": found["in_flight"],
        "window": found["window"],
        "out": rate(sight.now, "out", same),
        "errors": rate(sight.now, "errors", same),
        "rate": found["rate_per_s"],
        "full_rate": found["full_rate_per_s"],
        "slowed": found["slowed"],
        "delivery": delivery(sight.since(sight.at_ms - HOUR_MS), same),
    }


def _lanes(carrier: str, found: Mapping[str, Any], waits: Waits | None) -> list[LaneOfCarrier]:
    """From the store; where it does not say, what gateways have in memory."""
    told = {each.lane: each for each in waits.lanes if each.carrier == carrier} if waits is not None else {}
    memory = found.get("waiting", {})
    return [
        LaneOfCarrier(
            lane=lane,
            waiting=told[lane].waiting if lane in told else memory.get(lane, 0),
            oldest_s=told[lane].oldest_s if lane in told else 0,
            aged=lane in found.get("aged", ()),
        )
        for lane in CLASS_LABELS
    ]
