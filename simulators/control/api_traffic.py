"""Live traffic as server-sent events, for the page and for ``simctl traffic``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from simulators.control.control import Control, control_of
from simulators.control.pdu_tree import show
from simulators.control.problems import of_text
from simulators.control.traffic import Happening, Listener
from smsgw.smpp.constants import HEADER_OCTETS, command_name
from smsgw.smpp.views import HEADER

router = APIRouter(prefix="/api", tags=["look"])

_MOST_AT_ONCE = 200
#: Between two writes of a stream; so one takes at most 2,000 PDUs a second, and the rest is dropped and counted.
_PACE_S = 0.1
#: A comment line in silence, so that a dead reader is noticed.
_PING_S = 10.0
_ADDRESSES = ("source_addr", "destination_addr", "system_id", "message_id")


@router.get(
    "/traffic",
    response_class=StreamingResponse,
    responses={
        **of_text(),
        200: {
            "description": "Events `pdu`, `opened` and `closed` (JSON, see the example), and `dropped` with the number "
            "of PDUs that came too fast to be shown.",
            "content": {
                "text/event-stream": {
                    "example": 'event: pdu\nid: 7\ndata: {"number": 7, "at": "2026-11-18T13:30:00.000Z", "direction": '
                    '"in", "carrier": "alpha", "bind": 1, "account": "smsgw", "command": "submit_sm", "status": '
                    '"ESME_ROK", "sequence_number": 2, "source": "10690001", "destination": "13800138000", '
                    '"message_id": "", "text": "您好", "error": "", "octets": 61, "hex": "0000003d…"}\n\n'
                }
            },
        },
    },
)
async def traffic(
    control: Annotated[Control, Depends(control_of)],
    carrier: Annotated[list[str], Query(description="Names of carriers; none: all.")] = [],  # noqa: B006 - not changed
    account: Annotated[list[str], Query(description="system_ids; none: all.")] = [],  # noqa: B006
    command: Annotated[list[str], Query(description="Patterns of commands.", examples=["submit_sm*"])] = [],  # noqa: B006
    quiet: Annotated[bool, Query(description="Without enquire_link and its answers.")] = False,
) -> StreamingResponse:
    """Every PDU as it comes and goes, until the reader closes; nothing is recorded while nobody reads."""
    listener = control.traffic.listen(_wanted(carrier, account, command, quiet))
    return StreamingResponse(_stream(control, listener), media_type="text/event-stream")


def _wanted(
    carriers: list[str], accounts: list[str], commands: list[str], quiet: bool
) -> Callable[[Happening], bool] | None:
    if not (carriers or accounts or commands or quiet):
        return None

    def wanted(happening: Happening) -> bool:
        if carriers and happening.where not in carriers:
            return False
        if accounts and happening.account not in accounts:
            return False
        if not commands and not quiet:
            return True
        name = _command(happening.frame)
        if quiet and name.startswith("enquire_link"):
            return False
        return not commands or any(fnmatchcase(name, pattern) for pattern in commands)

    return wanted


async def _stream(control: Control, listener: Listener) -> AsyncIterator[str]:
    with listener:
        yield "retry: 1000\n\n"
        while not control.closing.is_set():
            happenings, dropped = listener.take(_MOST_AT_ONCE)
            if dropped:
                yield _event("dropped", 0, {"dropped": dropped})
            if happenings:
                yield "".join(_told(happening) for happening in happenings)
                await _pause(control, _PACE_S)
            elif not await listener.wait(control.closing, _PING_S):
                yield ": still here\n\n"


async def _pause(control: Control, pause_s: float) -> None:
    try:
        async with asyncio.timeout(pause_s):
            await control.closing.wait()
    except TimeoutError:
        return


def _told(happening: Happening) -> str:
    kind = happening.direction if happening.direction in ("opened", "closed") else "pdu"
    told: dict[str, Any] = {
        "number": happening.number,
        "at": datetime.fromtimestamp(happening.at_ms / 1000, UTC).isoformat(timespec="milliseconds"),
        "real_s": round(happening.real_s, 6),
        "direction": happening.direction,
        "carrier": happening.where,
        "bind": happening.bind,
        "account": happening.account,
        "remote": happening.remote,
    }
    if kind == "pdu":
        told |= summary(happening.frame)
    return _event(kind, happening.number, told)


def summary(frame: bytes) -> dict[str, Any]:
    """What a line about a PDU says, and its octets; ``POST /api/decode`` says the rest."""
    shown = show(frame)
    values = {field.name: field.value for field in shown.fields}
    source, destination, system_id, message_id = (values.get(name, "") for name in _ADDRESSES)
    receipt = shown.receipt or {}
    return {
        "command": shown.command or "?",
        "status": shown.status.name if shown.status is not None else "",
        "sequence_number": shown.sequence_number,
        "source": source,
        "destination": destination,
        "message_id": message_id or receipt.get("id") or "",
        "system_id": system_id,
        "stat": receipt.get("stat") or "",
        "text": shown.text or "",
        "part": next((element.meaning for element in shown.udh if element.meaning.startswith("part ")), ""),
        "error": shown.error,
        "octets": shown.octets,
        "hex": shown.hex,
    }


def _command(frame: bytes) -> str:
    return command_name(HEADER.unpack_from(frame)[1]) if len(frame) >= HEADER_OCTETS else ""


def _event(kind: str, number: int, value: dict[str, Any]) -> str:
    # JSON has no raw line break, so one data line holds it.
    return f"event: {kind}\nid: {number}\ndata: {json.dumps(value, ensure_ascii=False)}\n\n"
