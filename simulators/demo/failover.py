"""The carrier that dies under traffic: what it had is told, the rest goes by the other, nothing is lost or doubled.

"Dies" means: all its connections go in the middle of everything, with messages written and not answered, and it
takes no binds until the other carrier has all the rest. Then it is back, with the receipts that it still owed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, KeysView

from simulators.demo.acts import ACCOUNTS, Burst, CarrierDies, Country, Spread
from simulators.demo.country import is_reached
from simulators.demo.facts import Row
from simulators.demo.stage import Stage, until
from simulators.esme import Answer, EsmeSim, Incoming
from smsgw.errors import LinkError
from smsgw.smpp.constants import CommandStatus

#: Unanswered messages of one application; its account allows 50.
_WINDOW = 40
_DIES_AFTER = 0.25
_MOVED_S = 20.0
_RECEIPTS_S = 20.0


class Traffic:
    """One application's messages, each to a recipient of its own."""

    def __init__(self, application: EsmeSim, row: Row, burst: Burst | Spread) -> None:
        self.application = application
        self.row = row
        self.account = burst.account
        self.count = len(burst.recipients)
        self.resends = burst.resends
        self.recipients = list(burst.recipients)
        self.ids: dict[str, str] = {}
        self._text = burst.text
        self._pause_s = burst.pause_s

    async def send(self) -> None:
        """Send all of it, a window at a time."""
        window = asyncio.Semaphore(_WINDOW)
        async with asyncio.TaskGroup() as tasks:
            for number, recipient in enumerate(self.recipients):
                await window.acquire()
                text = self._text.replace("{n}", f"{100000 + number}")
                future = self.application.submit(ACCOUNTS[self.account][2], recipient, text)
                tasks.create_task(self._answer(recipient, future, window.release))
                await asyncio.sleep(self._pause_s)

    async def _answer(self, recipient: str, future: asyncio.Future[Answer], release: Callable[[], None]) -> None:
        self.row.sent += 1
        try:
            answer = await future
        except LinkError as error:
            self.row.note = str(error)
            return
        finally:
            release()
        if answer.ok:
            self.row.accepted += 1
            self.ids[answer.message_id] = recipient
        else:
            self.row.refused += 1
            self.row.status = answer.status

    def receipts(self) -> list[Incoming]:
        """Those that came for this traffic."""
        return [came for came in self.application.receipts if came.message_id in self.ids]

    def stats(self) -> dict[str, str]:
        """Recipient → stat of its receipt."""
        return {
            self.ids[came.message_id]: (came.receipt.stat or "") if came.receipt is not None else ""
            for came in self.receipts()
        }

    def at(self, stage: Stage, carrier: str) -> Counter[str]:
        """How often each recipient's message was received by a carrier."""
        wanted = set(self.recipients)
        received = stage.carriers[carrier].received
        return Counter(message.recipient for message in received if message.recipient in wanted)


async def carrier_dies(stage: Stage, act: CarrierDies, rows: list[Row]) -> None:
    """Perform it; the rows are in the order of the act's traffic."""
    all_traffic = [
        Traffic(stage.applications[burst.account], row, burst) for row, burst in zip(rows, act.traffic, strict=True)
    ]
    total = sum(traffic.count for traffic in all_traffic)
    carrier = stage.carriers[act.carrier]

    def seen(name: str) -> int:
        return sum(traffic.at(stage, name).total() for traffic in all_traffic)

    async with asyncio.TaskGroup() as tasks:
        for traffic in all_traffic:
            tasks.create_task(traffic.send())
        await until(lambda: seen(act.carrier) >= total * _DIES_AFTER, _MOVED_S)
        carrier.refuse_binds(int(CommandStatus.ESME_RBINDFAIL))
        carrier.drop_all()
        had = {traffic.account: traffic.at(stage, act.carrier).keys() for traffic in all_traffic}
    await until(lambda: all(_is_away(stage, act, traffic) for traffic in all_traffic), _MOVED_S)
    carrier.refuse_binds(0)
    await until(lambda: stage.binds(act.carrier) == 2, 10)
    await until(lambda: all(len(traffic.receipts()) >= len(traffic.ids) for traffic in all_traffic), _RECEIPTS_S)
    for traffic in all_traffic:
        _judge(stage, act, traffic, had[traffic.account])


async def country(stage: Stage, act: Country, rows: list[Row]) -> None:
    """Send to every province; the rows are in the order of the act's spreads."""
    all_traffic = [
        Traffic(stage.applications[spread.account], row, spread) for row, spread in zip(rows, act.spreads, strict=True)
    ]
    async with asyncio.TaskGroup() as tasks:
        for traffic in all_traffic:
            tasks.create_task(traffic.send())
    await until(lambda: all(len(traffic.receipts()) >= len(traffic.ids) for traffic in all_traffic), _RECEIPTS_S)
    for traffic, spread in zip(all_traffic, act.spreads, strict=True):
        row, stats = traffic.row, traffic.stats()
        row.receipts = len(traffic.receipts())
        row.delivered = sum(stat == "DELIVRD" for stat in stats.values())
        row.way = spread.carrier
        row.check("accepted", traffic.count, row.accepted)
        row.check(f"received by {spread.carrier}", traffic.count, traffic.at(stage, spread.carrier).total())
        wanted = {name: "DELIVRD" if is_reached(name) else "UNDELIV" for name in traffic.recipients}
        row.check_that("each has the receipt that its carrier sent", stats == wanted, len(stats))
        row.owed.extend((traffic.account, message_id, wanted[name]) for message_id, name in traffic.ids.items())


def _is_away(stage: Stage, act: CarrierDies, traffic: Traffic) -> bool:
    """Every message was received by the other carrier, answered by the dead one, or reported as unknown."""
    known = traffic.stats().keys() | traffic.at(stage, act.other).keys() | traffic.at(stage, act.carrier).keys()
    return known >= set(traffic.ids.values())


def _judge(stage: Stage, act: CarrierDies, traffic: Traffic, had: KeysView[str]) -> None:
    """``had`` are the recipients whose messages the carrier had received when it died."""
    row = traffic.row
    stats = traffic.stats()
    at_dead = traffic.at(stage, act.carrier)
    at_other = traffic.at(stage, act.other)
    both = at_dead + at_other
    unknown = {recipient for recipient, stat in stats.items() if stat == "UNKNOWN"}
    doubled = [recipient for recipient, times in both.items() if times > 1]
    row.receipts = len(traffic.receipts())
    row.delivered = sum(stat == "DELIVRD" for stat in stats.values())
    row.way = f"{act.carrier} {at_dead.total()}, {act.other} {at_other.total()}"
    row.note = f"{len(unknown)} unknown, reported" if not traffic.resends else f"{len(doubled)} sent again"
    row.owed.extend((traffic.account, message_id, "") for message_id in traffic.ids)
    row.check("accepted", traffic.count, row.accepted)
    rest = set(traffic.recipients) - had - unknown
    row.check(f"of {len(rest)} that {act.carrier} never had, not sent by {act.other}", 0, len(rest - at_other.keys()))
    row.check_that(f"{act.carrier} carried some before, {act.other} some after", bool(had) and bool(at_other))
    row.check("a receipt for each", traffic.count, len(stats))
    lost = set(traffic.recipients) - both.keys() - unknown
    row.check("lost", 0, len(lost))
    row.check("delivered or reported as unknown", traffic.count, row.delivered + len(unknown))
    if traffic.resends:
        row.check("unknown", 0, len(unknown))
    else:
        row.check("sent twice", 0, len(doubled))
        row.check(f"unknown and yet sent by {act.other}", 0, len(unknown & at_other.keys()))
