"""Performs the acts, one after the other, and writes down what came of each.

What can only be judged at the end (no receipt twice, nothing forbidden at any carrier) is left to ``audit``.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from simulators.demo.acts import (
    ACCOUNTS,
    ACTS,
    Act,
    BindRefused,
    CarrierDies,
    Country,
    FromHandset,
    Heading,
    Send,
    SetClock,
    TooFast,
)
from simulators.demo.facts import Row, Trace
from simulators.demo.failover import carrier_dies, country
from simulators.demo.stage import Stage, until
from simulators.esme import Answer, EsmeSim, Incoming
from smsgw.errors import BindRejected, LinkError

ANSWER_S = 5.0
RECEIPT_S = 5.0


class Show(Protocol):
    """Who tells people what happens; called in the order of events."""

    def heading(self, title: str, at: str | None) -> None:
        """A chapter begins; ``at`` when business time was moved."""

    def began(self, row: Row) -> None:
        """An act began."""

    def ended(self, row: Row) -> None:
        """An act ended; its checks are filled in."""


class Play:
    """``run`` performs everything; ``rows`` fill up meanwhile."""

    def __init__(self, stage: Stage, show: Show, pause_s: float) -> None:
        self.stage = stage
        self.show = show
        self.rows: list[Row] = []
        self._pause_s = pause_s

    async def run(self) -> None:
        """All acts."""
        for act in ACTS:
            await self._perform(act)
            await asyncio.sleep(self._pause_s)

    async def _perform(self, act: Act) -> None:
        if isinstance(act, Heading):
            self.show.heading(act.title, None)
        elif isinstance(act, SetClock):
            await self.stage.gateway.set_clock(act.at)
            self.show.heading(act.title, act.at)
        elif isinstance(act, CarrierDies):
            rows = [self._begin(burst.name, burst.account) for burst in act.traffic]
            await carrier_dies(self.stage, act, rows)
            for row in rows:
                self._end(row)
        elif isinstance(act, Country):
            rows = [self._begin(spread.name, spread.account) for spread in act.spreads]
            await country(self.stage, act, rows)
            for row in rows:
                self._end(row)
        else:
            await self._perform_one(act)

    async def _perform_one(self, act: Send | TooFast | BindRefused | FromHandset) -> None:
        row = self._begin(act.name, act.account if isinstance(act, Send | TooFast) else "")
        if isinstance(act, Send):
            await self._send(act, row)
        elif isinstance(act, TooFast):
            await self._too_fast(act, row)
        elif isinstance(act, BindRefused):
            await self._bind_refused(act, row)
        else:
            await self._from_handset(act, row)
        self._end(row)

    def _begin(self, name: str, account: str) -> Row:
        row = Row(name, ACCOUNTS[account][1] if account else "")
        self.rows.append(row)
        self.show.began(row)
        return row

    def _end(self, row: Row) -> None:
        row.done = True
        self.show.ended(row)

    # -- the acts

    async def _send(self, act: Send, row: Row) -> None:
        expect = act.expect
        application = self.stage.applications[act.account]
        _, _, source = ACCOUNTS[act.account]
        answers = await answered(application.submit_long(source, act.to, act.text))
        count(row, answers)
        row.refused_messages = row.refused
        row.check("segments", expect.segments, len(answers))
        row.check("status", {expect.status}, {answer.status for answer in answers})
        if expect.status:
            rules = {answer.explanation.rule_id for answer in answers}
            row.check("rule", {expect.rule}, rules)
            row.check_that("a reason is given", bool(row.reason))
            told = all(answer.explanation.retry_after_s is not None for answer in answers)
            row.check("says when to try again", expect.retry_after, told)
            row.traces.append(Trace(act.to, act.text, ""))
            return
        row.traces.append(Trace(act.to, act.text, expect.carrier))
        row.way = expect.carrier
        await self._receipts(act.account, application, [each.message_id for each in answers], expect.stat, row)

    async def _receipts(self, account: str, application: EsmeSim, ids: list[str], stat: str, row: Row) -> None:
        row.owed.extend((account, message_id, stat) for message_id in ids)
        await until(lambda: set(ids) <= {came.message_id for came in application.receipts}, RECEIPT_S)
        note_receipts(row, [came for came in application.receipts if came.message_id in set(ids)])

    async def _too_fast(self, act: TooFast, row: Row) -> None:
        application = self.stage.applications[act.account]
        _, _, source = ACCOUNTS[act.account]
        recipients = [str(int(act.to) + number) for number in range(act.count)]
        answers = await answered([application.submit(source, recipient, act.text) for recipient in recipients])
        count(row, answers)
        row.refused_messages = row.refused
        row.check("accepted", act.accepted, row.accepted)
        row.check("refused", act.count - act.accepted, row.refused)
        row.check("status", 0x58, row.status)
        row.check("rule", "rate", row.rule)
        for recipient, answer in zip(recipients, answers, strict=False):
            row.traces.append(Trace(recipient, act.text, "alpha" if answer.ok else ""))
        row.way = "alpha"
        accepted = [answer.message_id for answer in answers if answer.ok]
        await self._receipts(act.account, application, accepted, "DELIVRD", row)

    async def _bind_refused(self, act: BindRefused, row: Row) -> None:
        application = self.stage.application(act.system_id, act.password)
        status = 0
        try:
            await application.connect()
            await application.disconnect()
        except BindRejected as error:
            status = error.command_status
        except LinkError as error:
            row.note = str(error)
        row.status, row.rule, row.way = status, act.rule, "bind"
        row.check("bind refused with", f"0x{act.status:X}", f"0x{status:X}")

    async def _from_handset(self, act: FromHandset, row: Row) -> None:
        application = self.stage.applications[act.account]

        def came() -> list[Incoming]:
            return [mo for mo in application.mo if mo.source == act.handset]

        acked = self.stage.carriers[act.carrier].stats.mo_acked
        self.stage.carriers[act.carrier].send_mo(act.handset, act.dialled, act.text)
        await until(came, ANSWER_S)
        row.way = f"{act.carrier} → {act.account}"
        row.check("the application got", [(act.dialled, act.text)], [(mo.destination, mo.text) for mo in came()])
        is_acked = await until(lambda: self.stage.carriers[act.carrier].stats.mo_acked > acked, ANSWER_S)
        row.check_that("the carrier was answered ESME_ROK", is_acked)


async def answered(futures: list[asyncio.Future[Answer]]) -> list[Answer]:
    """The answers that came in time, in order; one that did not is missing."""
    await asyncio.wait(futures, timeout=ANSWER_S)
    return [future.result() for future in futures if future.done() and future.exception() is None]


def count(row: Row, answers: list[Answer]) -> None:
    """Add answers to a row: how many, and of a refusal its status, rule and reason."""
    row.sent += len(answers)
    for answer in answers:
        if answer.ok:
            row.accepted += 1
            continue
        row.refused += 1
        row.status = answer.status
        row.rule = answer.explanation.rule_id or ""
        row.reason = answer.explanation.reason or ""


def note_receipts(row: Row, receipts: list[Incoming]) -> None:
    """Count receipts that came for a row so far."""
    row.receipts = len(receipts)
    row.delivered = sum(came.receipt is not None and came.receipt.stat == "DELIVRD" for came in receipts)
