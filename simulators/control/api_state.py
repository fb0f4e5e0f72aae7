"""Looking: state, settings, what was received and sent, and any PDU decoded."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field

from simulators.carrier.link import CarrierLink
from simulators.carrier.sim import CarrierSim
from simulators.control import models
from simulators.control.control import Control, ControlError, control_of, select, shown_settings
from simulators.control.finding import find
from simulators.control.masks import masked
from simulators.control.pdu_tree import PduShown, show, without_password
from simulators.control.problems import changing, responses
from simulators.control.slices import mapped
from simulators.entry import Entry
from simulators.scenario.tables import ChangesTable, tables_of
from smsgw.smpp.constants import status_name

router = APIRouter(prefix="/api", tags=["look"])

The = Annotated[Control, Depends(control_of)]
_MOST_SHOWN = 10_000


class Filters(BaseModel):
    """Conditions of a query; several values of one name mean any of them. Patterns have * and ?, or are /regex/."""

    account: list[str] = Field([], description="system_id.")
    source: list[str] = Field([], examples=[["10690001"]])
    destination: list[str] = Field([], examples=[["138*"]])
    text: list[str] = Field([], examples=[["*验证码*"]])
    status: list[str] = Field([], description="command_status of the answer, by number or name.", examples=[["0x58"]])
    message_id: list[str] = []
    stat: list[str] = Field([], description="Of receipts.", examples=[["DELIVRD"]])
    err: list[str] = []
    bind: list[str] = Field([], description="Number of the connection.")
    data_coding: list[str] = Field([], examples=[["8"]])
    esm_class: list[str] = []
    fate: list[str] = Field([], description="What became of it besides its status.")
    tlv: list[str] = Field([], description="NAME, or NAME=VALUE.", examples=[["message_state=2"]])
    since: str = Field("", description="Business time with its zone.")
    until: str = ""
    last: int = Field(100, ge=0, le=_MOST_SHOWN, description="Show at most so many, the last ones.")
    raw: bool = Field(False, description="With all octets, and every field of the PDU decoded.")

    def conditions(self) -> dict[str, object]:
        """For Selection."""
        given: dict[str, object] = self.model_dump(exclude={"last", "raw", "tlv"}, exclude_defaults=True)
        if self.tlv:
            pairs = [each.partition("=") for each in self.tlv]
            given["tlv"] = {name: _tlv_value(value) if equals else True for name, equals, value in pairs}
        return given


class KindFilters(Filters):
    """The same for everything that happened."""

    kind: list[str] = Field([], description="submit, receipt, mo, bind, refused_bind, unbind, lost.")
    where: list[str] = Field([], description="Names of carriers.")


def _tlv_value(text: str) -> int | str:
    return int(text) if text.isdigit() else text


@router.get("/state", responses=responses())
async def state(control: The) -> models.State:
    """Everything at a glance: clock, carriers with their connections and counts, phases, recordings."""
    scenario = control.scenario
    return models.State(
        clock=control.clock_state(),
        scenario=scenario.name if scenario is not None else "",
        about=scenario.about if scenario is not None else "",
        phases=control.phases(),
        carriers=[carrier_state(sim) for sim in control.group.carriers.values()],
        captures=control.recordings.states(),
        problems=control.problems(),
        dropped=control.traffic.dropped,
    )


@router.get("/carriers/{carrier}", responses=responses(404))
async def one_carrier(control: The, carrier: str) -> models.CarrierState:
    """One carrier with its connections and counts."""
    return carrier_state(control.carrier(carrier))


@router.get("/carriers/{carrier}/settings", responses=responses(404))
async def settings(control: The, carrier: str) -> dict[str, Any]:
    """All settings in the form of a scenario's [[carrier]] table. Passwords are masked."""
    return masked(shown_settings(control.carrier(carrier).settings))


@router.get("/settings", responses=responses())
async def known_settings() -> list[models.SettingHelp]:
    """All settings there are, with what each is for."""
    return list(_settings_help())


def _settings_help() -> Iterator[models.SettingHelp]:
    sections = dict(tables_of(ChangesTable))
    for name, field in ChangesTable.model_fields.items():
        key = field.alias or name
        for inner, inside in sections[name].model_fields.items() if name in sections else ():
            yield models.SettingHelp(key=f"{key}.{inside.alias or inner}", about=inside.description or "")
        if name not in sections:
            yield models.SettingHelp(key=key, about=field.description or "")


@router.get("/carriers/{carrier}/received", responses=responses(404), response_model=models.Entries)
async def received(control: The, carrier: str, query: Annotated[Filters, Query()]) -> Response:
    """What applications sent, decoded, refused messages too: the last ones, oldest first."""
    return await _found([control.carrier(carrier)], {**query.conditions(), "kind": "submit"}, query)


@router.get("/entries", responses=responses(), response_model=models.Entries)
async def entries(control: The, query: Annotated[KindFilters, Query()]) -> Response:
    """Everything that happened, of all carriers: messages, receipts, MO, binds."""
    return await _found(control.group.carriers.values(), query.conditions(), query)


@router.post("/decode", responses=changing())
async def decode(request: models.DecodeRequest) -> PduShown:
    """Any PDU's octets as fields, TLVs, text and receipt; what is malformed says why."""
    return show(octets_of(request.hex))


def octets_of(text: str) -> bytes:
    """Octets from hexadecimal with blanks and colons in it; raises ControlError 422."""
    try:
        return bytes.fromhex(text.replace(":", " "))
    except ValueError:
        raise ControlError(422, "hex: expected octets in hexadecimal, such as 00000010 00000015", "hex") from None


def carrier_state(sim: CarrierSim) -> models.CarrierState:
    """One carrier as it is answered."""
    now_s = time.monotonic()
    return models.CarrierState(
        name=sim.settings.name,
        host=sim.settings.host,
        port=sim.port,
        bound=sim.bound,
        receipts_waiting=sim.receipts_waiting,
        links=[_link_state(link, now_s) for link in sim.links],
        counts=sim.summary(),
    )


def _link_state(link: CarrierLink, now_s: float) -> models.LinkState:
    peer = link.transport.get_extra_info("peername") if link.transport is not None else None
    return models.LinkState(
        bind=link.number,
        account=link.system_id,
        state=link.session.state.name,
        remote="{}:{}".format(*peer[:2]) if peer else "",
        silent=link.mute,
        choked=link.choked,
        unanswered_in=link.unanswered,
        unanswered_out=len(link.deliveries),
        heard_s=round(max(0.0, now_s - link.heard_s), 3),
    )


async def _found(sims: Iterable[CarrierSim], conditions: dict[str, object], query: Filters) -> Response:
    count, found = await find(sims, select(conditions), query.last)
    return await with_entries(models.Entries(count=count, entries=[]), found, query.raw)


async def with_entries(answer: models.Entries | models.Snapshot, found: Iterable[Entry], raw: bool) -> Response:
    """The answer with these entries; written in slices, for there may be very many."""
    head = answer.model_dump_json(exclude={"entries"})[:-1]
    entries = await mapped(partial(_entry_json, raw=raw), found)
    return Response(f'{head},"entries":[{",".join(entries)}]}}', media_type="application/json")


def _entry_json(entry: Entry, raw: bool) -> str:
    values = entry.to_json()
    values["status_name"] = "" if entry.status is None else status_name(entry.status)
    values["pdu"] = without_password(entry.pdu).hex() if raw else ""
    if raw and entry.pdu:
        values["decoded"] = show(entry.pdu)
    return models.EntryShown.model_validate(values).model_dump_json()
