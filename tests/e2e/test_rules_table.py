"""The rules' table (``rules_table``) played against a real gateway: every rule, six cases each, every reason.

One gateway with carriers, one site with all profiles; each row has recipients of its own. The clock stands still and
is set by the rows, so a border is tried to the millisecond. At the end nothing may have reached a carrier but what was
accepted, each segment of it once.
"""

from __future__ import annotations

import itertools
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from simulators.esme.answer import Answer
from simulators.esme.message import Envelope
from simulators.esme.sim import EsmeSim
from smsgw.errors import BindRejected
from smsgw.policy.reasons import REASONS
from smsgw.smpp.tlv import tlv
from smsgw.store.audit import AuditEntry
from smsgw.store.recipients import RecipientFacts
from smsgw.store.registers import RegisterChange, RegisterStore
from tests.e2e.gateway import redis_pid
from tests.e2e.rules_scene import (
    CASES,
    FAILING,
    LONG,
    At,
    Bound,
    Dropped,
    Known,
    Lands,
    Row,
    Said,
    Sent,
    Split,
    Step,
    Store,
    ms,
)
from tests.e2e.rules_site import (
    NETWORKS,
    PLAIN,
    RECEIPT,
    REGISTERS,
    TOLD_OTHERWISE,
    UP,
    accounts,
    documents,
    site,
)
from tests.e2e.rules_table import ANSWERS, DAY, MALL, PARCEL, SEGMENT, TABLE
from tests.e2e.staff import staff_of
from tests.e2e.stage import Stage, open_stage, source_of, state_and_err

pytestmark = pytest.mark.e2e
playing = pytest.mark.asyncio(loop_scope="module")

#: What passes by itself, or stands before the message is known, is told by status in any case.
ALWAYS_BY_STATUS = ("number.invalid", "rate", "queue.full", "store.away")
TIER, CAMPAIGN, AUDIENCE = 0x1410, 0x1411, 0x1412


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def play(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Play]:
    directory = tmp_path_factory.mktemp("site")
    async with (
        open_stage(directory, overrides=site(), accounts=accounts(), clock=DAY, ready=False) as stage,
        staff_of(stage.gateway) as staff,
    ):
        store = staff().store
        registers = RegisterStore(store)
        for kind in REGISTERS:
            entry = AuditEntry(ms(DAY), "amy", f"{kind}.import", kind, "the table of the rules")
            changes = [RegisterChange(name, document, None) for name, document in documents(kind).items()]
            await registers.write(kind, changes, entry)
        counts = {kind: len(documents(kind)) for kind in REGISTERS}
        status = stage.gateway.status
        await stage.gateway.wait_for(lambda: counts.items() <= status()["registers"].items(), 5, "registers in force")
        await stage.gateway.wait_for(
            lambda: all(status()["carriers"][each]["binds_up"] == 2 for each in UP), 5, "binds"
        )
        yield Play(stage, RecipientFacts(store))


# -- playing


class Play:
    """Plays rows on a stage and remembers what each recipient must have been sent in the end."""

    def __init__(self, stage: Stage, facts: RecipientFacts) -> None:
        self.stage = stage
        self.expected: Counter[str] = Counter()
        self._facts = facts
        self._numbers = itertools.count(1)
        self._references = itertools.count(1)
        self._now = DAY
        self._named: dict[str, str] = {}
        self._waiting: Counter[str] = Counter()

    async def check(self, row: Row) -> None:
        """One scene. A store that a failed scene left standing goes on."""
        self._named = {}
        self._set(DAY)
        try:
            for step in row.steps:
                await self._step(step)
        finally:
            os.kill(redis_pid(self.stage.gateway), signal.SIGCONT)

    async def _step(self, step: Step) -> None:
        match step:
            case Sent():
                await self._sent(step)
            case Split():
                await self._split(step)
            case At(clock):
                self._set(clock)
            case Bound(account, refused):
                await self._bound(account, refused)
            case Dropped(account):
                esme = await self.stage.esme(account)
                esme.drop()
                await esme.connect()
            case Known():
                await self._known(step)
            case Said(to, dialled, text):
                await self.stage.mo(self._recipient(to), dialled, text)
            case Lands(to):
                await self._lands(self._recipient(to), self._waiting[self._recipient(to)])
            case Store(away):
                await self._store(away)

    def _set(self, clock: str) -> None:
        self._now = clock
        self.stage.gateway.set_clock(clock)

    def _recipient(self, to: str) -> str:
        """The number of a name; a new one where there is no name."""
        if to.isdigit():
            return to
        network, colon, _ = to.rpartition(":")
        if not colon and to in NETWORKS:
            return self._new(to)
        if to not in self._named:
            self._named[to] = self._new(network)
        return self._named[to]

    def _new(self, network: str) -> str:
        number = next(self._numbers)
        prefix = NETWORKS[network]
        return f"{prefix}{2_000_000 + number:07}" if prefix.startswith("1") else f"{prefix}{50_000_000 + number:08}"

    async def _sent(self, step: Sent) -> None:
        if step.at:
            self._set(step.at)
        for _ in range(step.times):
            recipient = self._recipient(step.to)
            if step.elsewhere:
                async with EsmeSim(self.stage.settings(step.account)) as esme:
                    answers = await self._answers(esme, step, recipient)
            else:
                answers = await self._answers(await self.stage.esme(step.account), step, recipient)
            await self._check(step.account, answers, step.refused, step.retry_after_s)
            if not step.refused and step.waits:
                self._waiting[recipient] += len(answers)
            elif not step.refused:
                await self._lands(recipient, len(answers))

    async def _answers(self, esme: EsmeSim, step: Sent, recipient: str) -> list[Answer]:
        source = step.source or source_of(step.account)
        tlvs = _tlvs(step.tier, step.campaign, step.audience)
        reference = next(self._references)
        sent = esme.submit_long(source, recipient, step.text, long=step.form, reference=reference, tlvs=tlvs)
        return [await answer for answer in sent]

    async def _split(self, step: Split) -> None:
        """The first segment is answered before the others are sent, so it can only be refused by receipt."""
        recipient = self._recipient(step.to)
        envelope = Envelope(source_of(step.account), recipient, tlvs=_tlvs("", step.campaign, step.audience))
        first, *rest = envelope.parts(step.text, "udh", next(self._references))
        esme = await self.stage.esme(step.account)
        early = await esme.request(first)
        assert early.ok, early
        for each in step.between:
            await self._step(each)
        esme = await self.stage.esme(step.account)
        sent = [esme.request(part) for part in rest]
        await self._check(step.account, [await answer for answer in sent], step.refused, None)
        if not step.refused:
            await self._lands(recipient, 1 + len(rest))
            return
        (receipt,) = await self.stage.receipts(step.account, early.message_id)
        assert state_and_err(receipt) == ("REJECTD", 8, _err(step.refused))

    async def _check(self, account: str, answers: list[Answer], refused: str, retry_after_s: int | None) -> None:
        """Every segment is answered as the account wants it."""
        statuses = [answer.status for answer in answers]
        if not refused:
            assert statuses == [0] * len(answers), answers
            return
        _, status, fallback = ANSWERS[refused]
        if account.endswith(RECEIPT) and refused not in ALWAYS_BY_STATUS:
            assert statuses == [0] * len(answers), answers
            for receipt in await self.stage.receipts(account, *(answer.message_id for answer in answers)):
                assert state_and_err(receipt) == ("REJECTD", 8, _err(refused))
        elif account.endswith(PLAIN):
            assert statuses == [fallback] * len(answers), answers
            assert [len(answer.tlvs) for answer in answers] == [0] * len(answers)
        else:
            assert statuses == [status] * len(answers), answers
            if account.endswith(RECEIPT):
                return
            for explanation in [answer.explanation for answer in answers]:
                assert explanation.rule_id == refused
                assert explanation.reason
                assert retry_after_s is None or explanation.retry_after_s == retry_after_s

    async def _lands(self, recipient: str, count: int) -> None:
        self.expected[recipient] += count
        await self.stage.arrives(recipient, self.expected[recipient])

    async def _bound(self, account: str, refused: str) -> None:
        stage = self.stage
        if not refused:
            esme = await stage.esme(account)
            await esme.disconnect()
            await esme.connect()
            return
        with pytest.raises(BindRejected) as rejected:
            async with EsmeSim(stage.settings(account)):
                pass
        _, status, fallback = ANSWERS[refused]
        assert rejected.value.command_status == (fallback if account.endswith(PLAIN) else status)

    async def _known(self, step: Known) -> None:
        number, facts, scope = self._recipient(step.to), self._facts, step.scope
        at_ms = ms(step.at or self._now)
        expires_ms = ms(step.expires) if step.expires else 0
        tell: dict[str, Callable[[], Any]] = {
            "optout": lambda: facts.add(number, scope, "letter", at_ms),
            "start": lambda: facts.remove(number, scope, "letter", at_ms),
            "consent": lambda: facts.consent(number, scope, "form 7", at_ms, "v1"),
            "blacklist": lambda: facts.blacklist(number, "complaint", at_ms, "amy", expires_ms, scope),
            "dead": lambda: facts.dead(number, "three receipts", at_ms, "amy", expires_ms),
            "tier": lambda: facts.set_tier(number, scope),
        }
        await tell[step.what]()

    async def _store(self, away: bool) -> None:
        gateway = self.stage.gateway
        os.kill(redis_pid(gateway), signal.SIGSTOP if away else signal.SIGCONT)
        if away:  # what is on its way just then is not refused: it waits until Redis says
            await gateway.wait_for(lambda: gateway.metric("smsgw_store_up") == 0, 10, "the loss noticed")
        else:
            await gateway.wait_for(lambda: gateway.metric("smsgw_store_up") == 1, 10, "the store again")

    async def quiet(self) -> None:
        """Nothing is on its way any more but to carriers that are never up."""

        def is_quiet() -> bool:
            found = self.stage.gateway.status()["carriers"]
            return not any(found[each]["in_flight"] or any(found[each]["waiting"].values()) for each in UP)

        self._set(DAY)
        for step in (Sent("orders", PARCEL), Sent("shop", MALL, to="beta")):
            await self._step(step)
        await self.stage.gateway.wait_for(is_quiet, 10, "nothing under way")


def _tlvs(tier: str, campaign: str, audience: str) -> bytes:
    named = ((TIER, tier), (CAMPAIGN, campaign), (AUDIENCE, audience))
    return b"".join(tlv(tag, name.encode()) for tag, name in named if name)


def _err(refused: str) -> str:
    """``err:`` of a receipt: the last three hex digits of the status."""
    return f"{ANSWERS[refused][1] & 0xFFF:03X}"


def told(row: Row, how: str) -> Row | None:
    """The same scene with accounts that are told otherwise; None where it has others."""
    steps: list[Step] = []
    for step in row.steps:
        match step:
            case Sent() if step.account in TOLD_OTHERWISE and not step.source:
                steps.append(step._replace(account=f"{step.account}-{how}"))
            case Bound() if step.account in TOLD_OTHERWISE:
                steps.append(step._replace(account=f"{step.account}-{how}"))
            case Known() if step.scope.startswith(":a:"):
                steps.append(step._replace(scope=f"{step.scope}-{how}"))
            case At() | Known() | Said() | Lands() | Store():
                steps.append(step)
            case _:
                return None
    return Row(row.rule, row.case, f"{row.what}; told by {how}", tuple(steps))


def _rows() -> list[Row]:
    refusing = [row for row in TABLE if row.case in (FAILING, LONG)]
    otherwise = [told(row, how) for row in refusing for how in (PLAIN, RECEIPT)]
    return [*TABLE, *(row for row in otherwise if row is not None)]


# -- the tests


@playing
@pytest.mark.parametrize("row", _rows(), ids=lambda row: f"{row.rule}-{row.case}-{row.what}")
async def test_a_row(play: Play, row: Row) -> None:
    await play.check(row)


@playing
async def test_nothing_but_what_was_accepted_reached_a_carrier_and_that_once(play: Play) -> None:
    await play.quiet()
    tails = {recipient[-11:]: recipient for recipient in play.expected}
    arrived = Counter(
        tails.get(each.recipient[-11:], each.recipient) for sim in play.stage.carriers.values() for each in sim.received
    )
    assert arrived == play.expected


def test_every_rule_has_every_case() -> None:
    there = {(row.rule, row.case if row.rule else "") for row in TABLE}
    assert there == {(rule, case) for rule in range(1, 20) for case in CASES} | {(0, "")}


def test_every_reason_is_refused_by_a_row_of_its_rule() -> None:
    refused = {(row.rule, getattr(step, "refused", "")) for row in TABLE for step in row.steps}
    assert {reason for rule, reason in refused if reason and ANSWERS[reason][0] == rule} == set(REASONS)


def test_the_table_answers_as_the_reasons_do() -> None:
    assert {name: (each.rule, each.status, each.fallback) for name, each in REASONS.items()} == ANSWERS


def test_long_rows_are_long() -> None:
    for row in TABLE:
        if row.case == LONG:
            texts = [step.text for step in row.steps if isinstance(step, Sent | Split)]
            assert any(len(text) > SEGMENT + 3 for text in texts), row.what
