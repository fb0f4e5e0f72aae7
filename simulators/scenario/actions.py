"""What an event does to the carriers it is for.

Each action is a function of a carrier and the event; the clock's is one of the group. What can't be done
(no account has bound yet, no such message) is raised as LookupError or ValueError and told in the report.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from simulators.carrier.settings import PlannedReceipt
from simulators.scenario.mo_file import Mo
from simulators.scenario.model import Event

if TYPE_CHECKING:
    from simulators.carrier.message import Message
    from simulators.carrier.sim import CarrierSim
    from simulators.clock import SimClock


def _receipt(sim: CarrierSim, event: Event) -> None:
    assert event.state is not None, "the file's check asks for it"
    sim.send_receipt(_message(sim, event), PlannedReceipt(event.state, style=event.style, other_bind=event.other_bind))


def _message(sim: CarrierSim, event: Event) -> Message:
    if event.message_id:
        found = sim.find(event.message_id)
        if found is None:
            raise LookupError(f"no message has the id {event.message_id!r}")
        return found
    for message in reversed(sim.received):
        if message.status == 0 and event.to in ("", message.recipient):
            return message
    raise LookupError(f"no message to {event.to} was taken" if event.to else "no message was taken")


#: What each kind does to one carrier; "mo" and "clock" are the play's.
ON_CARRIER: dict[str, Callable[[CarrierSim, Event], object]] = {
    "drop": lambda sim, event: sim.drop_all(event.account, event.bind),
    "half_open": lambda sim, event: sim.half_open(event.account, event.bind),
    "unbind": lambda sim, event: sim.unbind(event.account, event.bind),
    "pause": lambda sim, event: sim.pause(event.account, event.bind),
    "resume": lambda sim, event: sim.resume(event.account, event.bind),
    "refuse_binds": lambda sim, event: sim.change(refuse_binds=event.status),
    "refuse_connections": lambda sim, event: sim.change(refuse_connections=event.on),
    "flood": lambda sim, event: sim.flood(event.kind, event.count, event.account, event.bind),
    "malformed": lambda sim, event: sim.send_malformed(event.kind, event.account, event.bind),
    "unknown": lambda sim, event: sim.flood("unknown", event.count, event.account, event.bind),
    "receipt": _receipt,
    "settings": lambda sim, event: sim.change(**event.changes()),
}


def send_mo(sim: CarrierSim, mo: Mo) -> None:
    """Send one MO; raises LookupError when nobody has bound."""
    sim.send_mo(mo.source, mo.destination, mo.text, mo.account, data_coding=mo.data_coding)


def mo_of(event: Event, rows: tuple[Mo, ...]) -> list[tuple[float, Mo]]:
    """The MO of an event, each with its seconds after it; ``{n}`` in a text is its number from 1."""
    apart_s = event.interval or 0.0
    if rows:
        return [(row.after_s if row.after_s is not None else n * apart_s, row) for n, row in enumerate(rows)]
    return [
        (n * apart_s, Mo(event.from_, event.to, event.text.replace("{n}", str(n + 1)), None, event.account,
                         event.data_coding))
        for n in range(event.count)
    ]  # fmt: skip


def move_clock(clock: SimClock, event: Event) -> None:
    """Set, advance, or change the pace."""
    if event.set is not None:
        clock.set(event.set)
    if event.advance is not None:
        clock.advance(event.advance)
    if event.rate is not None:
        clock.run_at(event.rate)
