"""Ids of carriers whose form nobody knows, on a real Redis: found meanwhile, learnt, kept, and nothing lost."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from simulators.carrier.ids import IdForm
from smsgw.gateway.carrier_ids import CarrierIds
from smsgw.gateway.keeping import Keeping
from smsgw.gateway.lanes import Job
from smsgw.gateway.overdue import Due, OverdueReceipts
from smsgw.policy.id_forms import MATCHES_NEEDED, Pair
from smsgw.smpp.pdu import submit_sm
from smsgw.store.correlation import DUPLICATE, KIND_SUCCESS, MATCHED, PARKED, Correlated, Receipt
from smsgw.store.envelope import Envelope
from smsgw.telemetry.metrics import Metrics
from tests.store.conftest import MakeKit
from tests.store.kit import NOW_MS, Kit, until

PDU = submit_sm(1, source_addr=b"1069", destination_addr=b"13800138000", short_message=b"hello")
FORMS = [("hex", "dec"), ("dec", "HEX:10"), ("dec:12", "dec:12>10")]


class Desk:
    """A gateway's part that knows ids; a second one on the same kit is another process, or the next life."""

    def __init__(
        self, kit: Kit, response: str = "auto", receipt: str = "auto", forms: tuple[str, str] = FORMS[0]
    ) -> None:
        self.kit = kit
        kit.correlation._now_ms = lambda: kit.now_ms  # type: ignore[method-assign]
        self.events: list[str] = []
        self.context: Any = SimpleNamespace(
            store=kit.store,
            settlement=kit.settlement,
            correlation=kit.correlation,
            clock=SimpleNamespace(now_ms=lambda: kit.now_ms),
            metrics=Metrics("0", str),
            rules={"shop": SimpleNamespace(country="86")},
            pools={"alpha": None},
            log=lambda event, fields: self.events.append(event),
            spawn=kit.run,
        )
        settings: Any = SimpleNamespace(name="alpha", response_id=response, receipt_id=receipt, receipt_overdue_s=600)
        self.context.overdue = self.overdue = OverdueReceipts(self.context)
        self.context.carrier_ids = self.ids = CarrierIds(self.context)
        self.keeping = Keeping(self.context)
        failover = SimpleNamespace(breaker=None, codes=(), on_receipt=False)
        self.queue: Any = SimpleNamespace(
            name="alpha", pool=SimpleNamespace(settings=SimpleNamespace(failover=failover))
        )
        self.overdue.add(settings)
        self.ids.add(settings)
        self._said, self._told = (IdForm(form).octets for form in forms)

    def taken(self, number: int) -> str:
        """The carrier has taken a message to its own recipient; its id is ``number``."""
        recipient = f"86138{number % 10**8:08}"
        message_id = f"00{number:016x}"
        envelope = Envelope([message_id], [PDU], "shop", 1, recipient, "1069", "", [1], NOW_MS)
        job = Job("stream", b"1-0", (1, 0, 0), 1, envelope)
        self.keeping.taken(self.queue, job, 0, self._said(number).decode("latin-1"), self.kit.now_ms)
        return message_id

    async def receipt(self, number: int, sender: bytes | None = None) -> Correlated:
        """What becomes of the receipt with ``number``, as ``ReceiptJourney`` has it."""
        said = self._told(number).decode("latin-1")
        sender = b"138%08d" % (number % 10**8) if sender is None else sender
        forms = self.ids.of("alpha")
        first = len(self.kit.correlated)
        receipt = Receipt("context", "alpha", forms.sought_as(said), b"receipt", KIND_SUCCESS, True, b"")
        if forms.learnt is None:
            self.ids.seek(receipt, said, (sender, b"1069"), False)
        else:
            self.kit.correlation.again(receipt, receipt.cid)
        await until(lambda: len(self.kit.correlated) > first)
        result = self.kit.correlated[first][1]
        assert isinstance(result, Correlated)
        if forms.learnt is not None and result.outcome == PARKED:
            self.ids.seek(receipt, said, (sender, b"1069"), True)
            await until(lambda: len(self.kit.correlated) > first + 1)
            result = self.kit.correlated[first + 1][1]
            assert isinstance(result, Correlated)
        return result


@pytest.fixture(params=[4])
async def any_kit(request: pytest.FixtureRequest, make_kit: MakeKit) -> Kit:
    return await make_kit(partitions=request.param)


@pytest.mark.parametrize("forms", FORMS, ids=str)
async def test_no_receipt_is_lost_while_learning_and_none_afterwards(kit: Kit, forms: tuple[str, str]) -> None:
    desk = Desk(kit, forms=forms)
    numbers = range(50_000, 50_000 + MATCHES_NEEDED + 10)
    ids = [desk.taken(number) for number in numbers]
    await kit.drain()
    for number, message_id in zip(numbers, ids, strict=True):
        assert await desk.receipt(number) == Correlated(MATCHED, "shop", message_id, True)
    assert desk.events == ["carrier.id_form_learnt"]
    # Kept and told by one name now.
    message_id = desk.taken(77_777)
    await kit.drain()
    assert await desk.receipt(77_777) == Correlated(MATCHED, "shop", message_id, True)
    assert (await desk.receipt(77_777)).outcome == DUPLICATE
    shown = desk.ids.status("alpha")
    assert (shown["learnt"], shown["matched"]) == ("learnt", MATCHES_NEEDED)


async def test_a_counter_that_looks_like_another_one(any_kit: Kit) -> None:
    """Hexadecimal 0x3e8 is 1000, and 1000 is a response of another message: the number it went to decides."""
    desk = Desk(any_kit)
    wrong, right = desk.taken(0x1000), desk.taken(1000)
    await any_kit.drain()
    assert await desk.receipt(1000) == Correlated(MATCHED, "shop", right, True)
    assert await desk.receipt(0x1000) == Correlated(MATCHED, "shop", wrong, True)
    # A number that nobody was sent anything to is a coincidence.
    desk.taken(2000)
    await any_kit.drain()
    assert (await desk.receipt(2000, b"13999999999")).outcome == PARKED
    assert (await desk.receipt(2000, b"")).outcome == MATCHED  # one that says nothing is believed


async def test_a_receipt_before_its_response_while_nothing_is_known(any_kit: Kit) -> None:
    desk = Desk(any_kit)
    assert (await desk.receipt(4711)).outcome == PARKED
    desk.taken(4711)
    await any_kit.drain()
    assert (await desk.receipt(4711)).outcome == DUPLICATE


async def test_over_a_restart_and_for_another_process(any_kit: Kit) -> None:
    desk, other = Desk(any_kit), Desk(any_kit)
    numbers = range(60_000, 60_000 + MATCHES_NEEDED)
    before = desk.taken(1_234_567)  # in flight while the form is learnt
    for number in numbers:
        desk.taken(number)
    await any_kit.drain()
    for number in numbers:
        await desk.receipt(number)
    later = desk.taken(7_654_321)
    await any_kit.drain()
    await until(lambda: desk.events)
    # Whoever has not heard of it finds what is kept by the name that was learnt.
    assert other.ids.of("alpha").learnt is None
    assert (await other.receipt(7_654_321)).message_id == later
    await other.ids.load()
    assert other.ids.of("alpha").learnt == Pair("hex", "dec")
    assert await other.receipt(1_234_567) == Correlated(MATCHED, "shop", before, True)
    assert await other.overdue.look("alpha") is None
    assert other.overdue.of("alpha") == Due(0, 0, 0)


async def test_what_a_file_said_before_is_found_too(kit: Kit) -> None:
    by_hand = Desk(kit, "hex", "dec")
    message_id = by_hand.taken(999_999)
    await kit.drain()
    assert (await Desk(kit).receipt(999_999)).message_id == message_id


async def test_overdue_and_orphan_receipts(kit: Kit) -> None:
    desk = Desk(kit, "text", "text", ("dec", "dec"))
    for number in range(5):
        desk.taken(number)
    await kit.drain()
    await desk.receipt(0)
    assert (await desk.receipt(99)).outcome == PARKED
    await desk.overdue.look("alpha")
    assert desk.overdue.of("alpha") == Due(4, 0, 1)
    kit.now_ms += 720_000
    desk.taken(6)
    await kit.drain()
    await desk.overdue.look("alpha")
    assert desk.overdue.of("alpha") == Due(5, 4, 1)
    assert desk.events == ["carrier.receipts_overdue", "carrier.receipts_orphan"]
    counters = desk.context.metrics.carrier("alpha")
    assert (counters.receipts_orphan, counters.receipts_never) == (1, 0)
    kit.now_ms += 72 * 3_600_000
    await desk.overdue.look("alpha")
    assert (counters.receipts_orphan, counters.receipts_never) == (1, 4)
    kit.now_ms = NOW_MS
