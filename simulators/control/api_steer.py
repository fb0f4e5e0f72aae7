"""Steering carriers: settings, MO, receipts, connections, floods, malformed and raw octets."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends

from simulators.carrier.receipts import ReceiptStyle
from simulators.carrier.settings import PlannedReceipt
from simulators.carrier.sim import CarrierSim
from simulators.carrier.states import ReceiptState
from simulators.control import models
from simulators.control.api_state import octets_of
from simulators.control.control import Control, ControlError, control_of, parsed_changes, refusals, shown_settings
from simulators.control.masks import masked, unmasked
from simulators.control.problems import changing

router = APIRouter(prefix="/api/carriers/{carrier}", tags=["steer"])


def carrier_of(carrier: str, control: Annotated[Control, Depends(control_of)]) -> CarrierSim:
    """The carrier of the path."""
    return control.carrier(carrier)


One = Annotated[CarrierSim, Depends(carrier_of)]


@router.patch("/settings", responses=changing(404))
async def change(
    sim: One,
    changes: Annotated[
        dict[str, Any],
        Body(
            description="Part of a scenario's [[carrier]] table.",
            examples=[{"limits": {"rate": "50/s"}, "receipts": {"states": "DELIVRD:50%,UNDELIV:50%"}}],
        ),
    ],
) -> dict[str, Any]:
    """Change settings while the carrier runs; answers all of them. What was decided before stays as it is."""
    with refusals("settings"):
        sim.change(**parsed_changes(unmasked(changes, sim.settings)))
    return masked(shown_settings(sim.settings))


@router.post("/mo", responses=changing(404, 409))
async def send_mo(sim: One, mo: models.MoRequest) -> models.Sent:
    """Send what a handset wrote (deliver_sm); a long text as segments. It waits while no bind can receive."""
    if mo.account:
        _check_account(sim, mo.account)
    with refusals("account"):
        sent = sim.send_mo(mo.source, mo.destination, mo.text, mo.account, data_coding=mo.data_coding)
    return models.Sent(sent=sent)


@router.post("/receipts", responses=changing(404, 409))
async def send_receipt(sim: One, receipt: models.ReceiptRequest) -> models.Sent:
    """Send a receipt for a message that was received, whatever was planned for it."""
    message = sim.find(receipt.message_id)
    if message is None:
        raise ControlError(404, f"no message with the id {receipt.message_id!r} was received", "message_id")
    try:
        state = ReceiptState.parse(receipt.state)
        style = ReceiptStyle.parse(receipt.style) if receipt.style else None
    except ValueError as error:
        raise ControlError(422, str(error), "style" if "style" in str(error) else "state") from None
    with refusals():
        sim.send_receipt(message, PlannedReceipt(state, style=style, other_bind=receipt.other_bind))
    return models.Sent(sent=1)


@router.post("/links", responses=changing(404))
async def links(sim: One, request: models.LinkRequest) -> models.Connections:
    """Drop connections, make them half open, pause, resume or unbind them; answers how many it was."""
    _check_bind(sim, request.bind)
    actions = {
        "drop": sim.drop_all,
        "half_open": sim.half_open,
        "pause": sim.pause,
        "resume": sim.resume,
        "unbind": sim.unbind,
    }
    return models.Connections(connections=actions[request.do](request.account, request.bind) or 0)


@router.post("/flood", responses=changing(404, 409))
async def flood(sim: One, request: models.FloodRequest) -> models.Sent:
    """Send many enquire_link, MO, receipts or unknown PDUs at once."""
    _check_bind(sim, request.bind)
    with refusals("kind"):
        return models.Sent(sent=sim.flood(request.kind, request.count, request.account, request.bind))


@router.post("/malformed", responses=changing(404))
async def malformed(sim: One, request: models.MalformedRequest) -> models.Connections:
    """Send a malformed or unknown PDU."""
    _check_bind(sim, request.bind)
    with refusals("kind"):
        return models.Connections(connections=sim.send_malformed(request.kind, request.account, request.bind))


@router.post("/raw", responses=changing(404))
async def raw(sim: One, request: models.RawRequest) -> models.Connections:
    """Send octets as they are."""
    _check_bind(sim, request.bind)
    octets = octets_of(request.hex)
    if not octets:
        raise ControlError(422, "hex: expected at least one octet", "hex")
    return models.Connections(connections=sim.send_raw(octets, request.account, request.bind))


def _check_account(sim: CarrierSim, system_id: str) -> None:
    accounts = sim.settings.accounts
    if accounts is not None and system_id not in accounts:
        raise ControlError(404, f"no account is called {system_id!r}; there are {', '.join(accounts)}", "account")


def _check_bind(sim: CarrierSim, bind: int) -> None:
    known = sorted(link.number for link in sim.links)
    if bind and bind not in known:
        raise ControlError(
            404, f"there is no connection {bind}; open are {', '.join(map(str, known)) or 'none'}", "bind"
        )
