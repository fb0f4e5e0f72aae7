"""The run as a whole: clock, waiting, reset, snapshot, ledger, expectations, phases, recordings."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, BinaryIO
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import PlainTextResponse, StreamingResponse

from simulators.capture import CaptureError
from simulators.carrier.ledger import ledger_of_all, ledger_text
from simulators.carrier.sim import CarrierSim
from simulators.control import models
from simulators.control.api_state import state, with_entries
from simulators.control.control import (
    Control,
    ControlError,
    control_of,
    parsed_changes,
    refusals,
    select,
    shown_settings,
)
from simulators.control.finding import everything, find, most
from simulators.control.problems import changing, of_text, responses
from simulators.control.waiting import wait_until
from simulators.expect.evaluate import DEFAULT_ZONE, evaluate
from smsgw.clock import checked_ms
from smsgw.documents.units import parse_duration

router = APIRouter(prefix="/api", tags=["run"])

The = Annotated[Control, Depends(control_of)]
_LONGEST_WAIT_S = 3600.0
_SNAPSHOT_ENTRIES = 10_000
_READ_OCTETS = 1 << 18


def seconds(value: str | float, where: str) -> float:
    """Seconds of "5s" or 5; raises ControlError 422."""
    try:
        length_s = parse_duration(value) if isinstance(value, str) else float(value)
    except ValueError as error:
        raise ControlError(422, f"{where}: {error}", where) from None
    if not 0 <= length_s < float("inf"):
        raise ControlError(422, f"{where}: expected 0 seconds or more, found {value}", where)
    return length_s


@router.get("/clock", responses=responses())
async def clock(control: The) -> models.ClockState:
    """Business time."""
    return control.clock_state()


@router.put("/clock", responses=changing(400, 502))
async def move_clock(control: The, change: models.ClockChange) -> models.ClockState:
    """Set the clock, advance it, or change its rate; the gateways' clocks follow before it answers.

    What is due by then happens at once, in its order. From the first change on the clock is not the system's any more.
    """
    if (change.set is None) == (change.advance is None) and (change.set is not None or change.rate is None):
        raise ControlError(400, "give either set or advance, or rate alone", "set")
    clock = control.group.clock
    advance_s = None if change.advance is None else seconds(change.advance, "advance")
    try:
        at = None if change.set is None else _moment(change.set)
        if at is not None:
            checked_ms(at)
        if advance_s is not None:
            checked_ms(clock.now() + timedelta(seconds=advance_s))
    except OverflowError:
        raise ControlError(422, f"advance: {change.advance} from now is beyond the year 9999", "advance") from None
    except ValueError as error:
        raise ControlError(422, str(error), "set" if change.set is not None else "advance") from None
    if change.rate is not None:
        clock.run_at(change.rate)
    if at is not None:
        clock.set(at)
    if advance_s is not None:
        clock.advance(advance_s)
    await _push(control)
    return control.clock_state()


def _moment(written: str) -> datetime:
    try:
        return datetime.fromisoformat(written)
    except ValueError:
        raise ValueError(
            f'expected a time with its zone such as "2026-11-18T21:30:00+08:00", found {written!r}'
        ) from None


async def _push(control: Control) -> None:
    if control.driver is None:
        return
    try:
        await control.driver.push()
    except (OSError, ValueError) as error:
        raise ControlError(502, f"the simulator's clock was moved, but not a gateway's: {error}", "drives") from None


@router.post("/wait", responses=changing(404, 408))
async def wait(control: The, request: models.WaitRequest, asking: Request) -> models.Waited:
    """Answer as soon as the condition holds; 408 when it does not within ``timeout``."""
    selection = select(request.select or {})
    sims = [control.carrier(request.carrier)] if request.carrier else list(control.group.carriers.values())
    counts_entries = request.select is not None or (request.bound is None and not request.idle)
    found = models.Waited(count=0, bound=0, waited_s=0)

    async def holds() -> bool:
        found.bound = sum(sim.bound for sim in sims)
        if (request.bound or 0) > found.bound or (request.idle and any(sim.receipts_waiting for sim in sims)):
            return False
        if not counts_entries:
            return True
        possible = most(sims, selection)
        found.count = min(found.count, possible) if possible < request.count else (await find(sims, selection, 0))[0]
        return found.count >= request.count

    timeout_s = min(seconds(request.timeout, "timeout"), _LONGEST_WAIT_S)
    started_s = time.monotonic()
    if not await wait_until(holds, timeout_s, control.closing, asking.is_disconnected):
        if counts_entries:
            found.count, _ = await find(sims, selection, 0)
        raise ControlError(
            408, _not_yet(request, found, sum(sim.receipts_waiting for sim in sims), timeout_s), "timeout"
        )
    found.waited_s = round(time.monotonic() - started_s, 3)
    return found


def _not_yet(request: models.WaitRequest, found: models.Waited, waiting: int, timeout_s: float) -> str:
    parts = []
    if found.count < request.count and (request.select is not None or (request.bound is None and not request.idle)):
        parts.append(f"found {found.count} of {request.count} entries")
    if request.bound is not None and found.bound < request.bound:
        parts.append(f"{found.bound} of {request.bound} connections are bound")
    if request.idle and waiting:
        parts.append(f"{waiting} receipts or MO still wait")
    return f"not within {timeout_s:g} s: " + (", ".join(parts) or "the simulator is ending")


@router.post("/reset", responses=changing())
async def reset(control: The) -> models.State:
    """Forget counts, entries and recipients' counts, and begin the time line anew; settings of carriers stay."""
    control.reset()
    return await state(control)


@router.get("/snapshot", responses=responses(), response_model=models.Snapshot)
async def snapshot(control: The) -> Response:
    """Everything as one value. Passwords are in it, so that it can be restored."""
    _, found = await find(control.group.carriers.values(), select({}), _SNAPSHOT_ENTRIES)
    answer = models.Snapshot(
        clock=control.clock_state(),
        carriers=[
            models.CarrierSnapshot(name=name, settings=shown_settings(sim.settings), counts=sim.summary())
            for name, sim in control.group.carriers.items()
        ],
        scenario=control.scenario.name if control.scenario is not None else "",
        phases=control.phases(),
    )
    return await with_entries(answer, found, raw=False)


@router.post("/snapshot", responses=changing(404, 502))
async def restore(control: The, snapshot: models.Snapshot) -> models.Restored:
    """Give carriers the settings of a snapshot, and the clock its time and rate; all of it or nothing."""
    with refusals("carriers"):
        changes = [(control.carrier(each.name), parsed_changes(each.settings)) for each in snapshot.carriers]
    at = _moment_of(snapshot.clock)
    _change_all(changes)
    if at is not None:
        control.group.clock.run_at(snapshot.clock.rate)
        control.group.clock.set(at)
        await _push(control)
    return models.Restored(clock=control.clock_state(), carriers=[each.name for each in snapshot.carriers])


def _change_all(changes: Sequence[tuple[CarrierSim, dict[str, object]]]) -> None:
    done: list[tuple[CarrierSim, dict[str, object]]] = []
    with refusals("carriers"):
        try:
            for sim, fields in changes:
                before = {name: getattr(sim.settings, name) for name in fields}
                sim.change(**fields)
                done.append((sim, before))
        except ValueError:
            for sim, before in done:
                sim.change(**before)
            raise


def _moment_of(state: models.ClockState) -> datetime | None:
    """None for a real clock, which needs no restoring."""
    if state.mode == "real":
        return None
    try:
        at = datetime.fromisoformat(state.now)
        checked_ms(at)
    except ValueError as error:
        raise ControlError(422, f"clock.now: {error}", "clock.now") from None
    return at


@router.get("/ledger", response_class=PlainTextResponse, responses=of_text(404))
async def ledger(control: The, carrier: str = "") -> str:
    """What was received and sent, without times: the same for the same seed and messages, whatever the timing."""
    if carrier:
        return await _ledger(control.carrier(carrier))
    return ledger_of_all({name: await _ledger(sim) for name, sim in control.group.carriers.items()})


async def _ledger(sim: CarrierSim) -> str:
    # In a thread, for it takes a second when very much was kept; what comes meanwhile is not in the copies.
    return await asyncio.to_thread(ledger_text, sim.received.copy(), sim.deliveries.copy())


@router.get("/expectations", responses=responses())
async def expectations(control: The) -> models.ExpectationsState:
    """How the scenario's expectations stand if the run ended now."""
    scenario = control.scenario
    expected = scenario.expectations if scenario is not None else ()
    sims = control.group.carriers.values()
    forgotten = sum(sim.forgotten for sim in sims)
    entries = await everything(sims) if expected else []
    # In a thread: it takes seconds when very much was kept, and looks at nothing that changes.
    report = await asyncio.to_thread(
        evaluate,
        expected,
        entries,
        phases=control.play.spans if control.play is not None else None,
        started_s=control.began_s,
        now_s=time.monotonic(),
        zone=scenario.clock.zone if scenario is not None else DEFAULT_ZONE,
        title=scenario.name if scenario is not None else "simulation",
        forgotten=forgotten,
    )
    told: dict[str, Any] = report.to_json()
    return models.ExpectationsState.model_validate(told)


@router.get("/phases", responses=responses())
async def phases(control: The) -> list[str]:
    """Names of the time line's phases that hold now."""
    return control.phases()


@router.get("/captures", responses=responses())
async def captures(control: The) -> list[models.CaptureState]:
    """Recordings, running and ended."""
    return control.recordings.states()


@router.post("/captures", responses=changing(409))
async def start_capture(control: The, request: models.CaptureRequest) -> models.CaptureState:
    """Begin to record all octets in both directions."""
    try:
        return control.recordings.start(request.file)
    except RuntimeError as error:
        raise ControlError(409, str(error), "file") from None
    except (ValueError, CaptureError) as error:
        raise ControlError(422, str(error), "file") from None


@router.delete("/captures/{file}", responses=changing(404))
async def stop_capture(control: The, file: str) -> models.CaptureState:
    """End a recording."""
    try:
        return control.recordings.stop(file)
    except LookupError as error:
        raise ControlError(404, str(error.args[0]), "file") from None


@router.get("/captures/{file}", response_class=StreamingResponse, responses=of_text(404))
async def capture_file(control: The, file: str) -> StreamingResponse:
    """What was recorded so far."""
    try:
        path, octets = control.recordings.file(file)
        opened = await asyncio.to_thread(path.open, "rb")
    except LookupError as error:
        raise ControlError(404, str(error.args[0]), "file") from None
    except OSError as error:
        raise ControlError(404, f"{file} is gone: {error.strerror}", "file") from None
    headers = {"content-length": str(octets), "content-disposition": f"attachment; filename*=utf-8''{quote(file)}"}
    return StreamingResponse(_octets(opened, octets), media_type="application/octet-stream", headers=headers)


async def _octets(opened: BinaryIO, octets: int) -> AsyncIterator[bytes]:
    """So many from a file that may grow meanwhile."""
    with opened:
        while octets and (some := await asyncio.to_thread(opened.read, min(octets, _READ_OCTETS))):
            octets -= len(some)
            yield some
