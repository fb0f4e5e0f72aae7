"""Routes of what happens now: the overview, carriers, accounts, and the map of deliveries."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from smsgw.console.bodies import Why
from smsgw.console.figures import AskingOf
from smsgw.console.people import At
from smsgw.console.problems import CHANGES, LOOKS
from smsgw.console.watching import Live
from smsgw.services import accounts, carriers, live, provinces
from smsgw.services.accounts import AccountRow, AccountShown, Refusal
from smsgw.services.carriers import CarrierRow, CarrierShown, OrderShown
from smsgw.services.live import Overview
from smsgw.services.orders import Order
from smsgw.services.provinces import DeliveryMap

router = APIRouter(prefix="/api", tags=["live"])

Hours = Annotated[int, Query(description="So many hours back, the running one included. 最近小时数。")]
Carrier = Annotated[str, Query(description="Only of this carrier. 仅该通道。", max_length=100)]
Class = Annotated[str, Query(description="otp, notice or marketing; empty: all. 类别。", max_length=20)]
Account = Annotated[str, Query(description="Only of this account. 仅该账号。", max_length=100)]


class CarrierOrdered(Why):
    """What is ordered of a carrier."""

    expires: str = Field("", description="A duration such as 2h, or a time; empty for no end. 到期，如 2h。")


@router.get("/overview", summary="What happens now · 总览", responses=LOOKS)
async def overview(desk: At, watcher: Live) -> Overview:
    """Rates, queues, carriers, pauses and what needs somebody; a few seconds old at most."""
    return live.overview(desk, *await watcher.look())


@router.get("/carriers", summary="Every carrier · 通道列表", responses=LOOKS)
async def list_carriers(desk: At, watcher: Live) -> list[CarrierRow]:
    """Its state, rate and queue, and what is ordered of it."""
    return await carriers.list_(desk, *await watcher.look())


@router.get("/carriers/{carrier}", summary="One carrier · 通道详情", responses=LOOKS)
async def one_carrier(desk: At, watcher: Live, carrier: str) -> CarrierShown:
    """With its binds, windows and lanes."""
    return await carriers.get(desk, *await watcher.look(), carrier)


@router.post("/carriers/{carrier}/suspend", summary="Send nothing over it · 停用通道", responses=CHANGES)
async def suspend_carrier(desk: At, watcher: Live, carrier: str, body: CarrierOrdered) -> OrderShown:
    """What waits goes to the next carrier of its route; receipts still come."""
    return _ordered(watcher, await carriers.suspend(desk, carrier, why=body.why, expires=body.expires))


@router.post("/carriers/{carrier}/drain", summary="Send what waits, then unbind · 排空通道", responses=CHANGES)
async def drain_carrier(desk: At, watcher: Live, carrier: str, body: CarrierOrdered) -> OrderShown:
    """It is given nothing new."""
    return _ordered(watcher, await carriers.drain(desk, carrier, why=body.why, expires=body.expires))


@router.post("/carriers/{carrier}/resume", summary="Use it again · 恢复通道", responses=CHANGES)
async def resume_carrier(desk: At, watcher: Live, carrier: str, body: Why) -> OrderShown:
    """Answers the order that is ended."""
    return _ordered(watcher, await carriers.resume(desk, carrier, why=body.why))


@router.get("/accounts", summary="Every account · 账号列表", responses=LOOKS)
async def list_accounts(desk: At, watcher: Live) -> list[AccountRow]:
    """Those that the person sees: binds, rates, quota left."""
    sight, _ = await watcher.look()
    return await accounts.list_(desk, sight)


@router.get("/accounts/{account}", summary="One account · 账号详情", responses=LOOKS)
async def one_account(desk: At, watcher: Live, account: str) -> AccountShown:
    """With its limits, what is left of them, its binds and what it may do."""
    sight, _ = await watcher.look()
    return await accounts.get(desk, sight, account)


@router.get("/accounts/{account}/refusals", summary="What was refused last · 最近拒绝", responses=LOOKS)
async def last_refusals(
    desk: At,
    asking: AskingOf,
    account: str,
    hours: Hours = 24,
    limit: Annotated[int, Query(description="At most, up to 200. 最多行数。")] = 50,
) -> list[Refusal]:
    """Newest first, with the reason in words."""
    return await accounts.refusals(desk, asking, account, hours=hours, limit=limit)


@router.get("/map", summary="Delivery by province and carrier · 各省送达率", responses=LOOKS)
async def delivery_map(
    desk: At,
    watcher: Live,
    asking: AskingOf,
    hours: Hours = 24,
    carrier: Carrier = "",
    message_class: Class = "",
    account: Account = "",
) -> DeliveryMap:
    """Of receipts that came in that time; numbers of no province stand under the empty name."""

    async def made() -> DeliveryMap:
        return await provinces.delivery_map(
            desk, asking, hours=hours, carrier=carrier, message_class=message_class, account=account
        )

    key = desk.accounts, hours, carrier, message_class, account
    found: DeliveryMap = await watcher.maps.get(key, made)
    return found


def _ordered(watcher: Live, order: Order) -> OrderShown:
    watcher.forget()
    return OrderShown.model_validate(order)
