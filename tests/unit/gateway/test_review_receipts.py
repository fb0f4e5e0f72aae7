"""Receipts of carriers that write what they like, and of messages whose addresses are long."""

from __future__ import annotations

from datetime import UTC
from types import SimpleNamespace
from typing import Any

import pytest

from smsgw.errors import StoreAway
from smsgw.gateway.learning import Learning
from smsgw.gateway.mo import MoJourney
from smsgw.gateway.receipts import MAX_ERR_CHARACTERS, MAX_UNANSWERED, ReceiptJourney
from smsgw.gateway.reports import Origin, Report, receipt_pdu
from smsgw.policy.id_forms import IdForms
from smsgw.records.record import Row, Step
from smsgw.smpp.canonical import canonical_id
from smsgw.smpp.codec import decode
from smsgw.smpp.constants import ESM_INTERMEDIATE, ESM_RECEIPT, CommandId
from smsgw.smpp.pdu import Sm, deliver_sm
from smsgw.store.correlation import MATCHED, PARKED_REPLY, Correlated
from smsgw.telemetry.metrics import Metrics

NOW_MS = 1_800_000_000_000


class Journey:
    """A receipt journey whose store keeps what it is given."""

    def __init__(self) -> None:
        self.put: list[tuple[Any, ...]] = []
        self.recorded: list[Row] = []
        idle = self.idle = SimpleNamespace(waiting=0)
        context: Any = SimpleNamespace(
            carrier_pdus=None,
            records=SimpleNamespace(append=self.recorded.append),
            clock=SimpleNamespace(now_ms=lambda: NOW_MS),
            store=SimpleNamespace(recipients=SimpleNamespace(hash=str)),
            metrics=Metrics("0", str),
            log=lambda event, fields: None,
            correlation=SimpleNamespace(commit=idle, put=lambda *item: self.put.append(item)),
            outbound=SimpleNamespace(appends=idle),
            facts=SimpleNamespace(commit=idle),
            carrier_ids=SimpleNamespace(
                of=lambda name: IdForms("text", "text", canonical_id),
                matched=lambda name: None,
                may_be_elsewhere=lambda name: False,
                waiting=0,
            ),
        )
        self.journey = ReceiptJourney(context, MoJourney(context), Learning(context))
        self.pool: Any = SimpleNamespace(name="alpha", settings=SimpleNamespace(receipt_id="text"))

    def inbound(self, bind: Any, text: bytes, sequence_number: int = 1, esm_class: int = ESM_RECEIPT) -> None:
        raw = deliver_sm(
            sequence_number, source_addr=b"1", destination_addr=b"2", esm_class=esm_class, short_message=text
        )
        self.journey.inbound(self.pool, bind, int(CommandId.DELIVER_SM), raw, sequence_number)


class Link:
    """What was sent over a connection."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closing = False

    def send(self, raw: bytes) -> None:
        self.sent.append(raw)


@pytest.mark.parametrize("err", [b"\xb2", b"\xb9\xb2\xb3", b"X" * 150, b"9" * 150])
def test_any_err_is_taken(err: bytes) -> None:
    journey = Journey()
    journey.inbound(SimpleNamespace(link=Link()), b"id:77 stat:UNDELIV err:" + err)
    assert len(journey.put) == 1


def test_receipts_of_one_moment_share_what_they_say_alike_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smsgw.gateway.receipts.MOST_SAID", 3)
    journey, bind = Journey(), SimpleNamespace(link=Link())
    said = [
        "DELIVRD err:000",
        "DELIVRD err:000",
        "UNDELIV err:000",
        "UNDELIV err:7",
        "EXPIRED err:7",
        "DELIVRD err:000",
    ]
    for number, each in enumerate(said):
        journey.inbound(bind, f"id:{number} stat:{each}".encode())
    told = [(cid, blob, kind, header[:4]) for _, _, cid, blob, kind, _, header in journey.put]
    assert [each[0] for each in told] == [str(number) for number in range(len(said))]
    assert told[0][1] is told[1][1]
    assert told[0][1:] == told[5][1:]
    assert [(kind, header) for _, _, kind, header in told] == [
        (1, b"2000"), (1, b"2000"), (2, b"5000"), (2, b"5007"), (2, b"3007"), (1, b"2000"),
    ]  # fmt: skip
    assert len({blob for _, blob, _, _ in told}) == 4


def test_a_failed_attempt_that_is_no_end_is_recorded_as_under_way() -> None:
    """Else figures had it as failed, and the delivery behind it as one too many."""
    journey = Journey()
    bind: Any = SimpleNamespace(link=Link(), respond=lambda raw, origin: None)
    for number, esm_class in enumerate((ESM_INTERMEDIATE, ESM_RECEIPT), 1):
        journey.inbound(bind, b"id:77 stat:UNDELIV err:003", number, esm_class)
        journey.journey.correlated([journey.put[-1][0]], [Correlated(MATCHED, "orders", message_id="m1")])
    states = [(row[1], row[2], *row[13:15]) for row in journey.recorded]
    assert states == [(Step.RECEIPT, "m1", 1, "003"), (Step.RECEIPT, "m1", 5, "003")]


def test_what_is_kept_of_an_err_fits_a_receipt() -> None:
    origin = Origin(b"\0\0" + b"1" * 64 + b"\0", b"\0\0" + b"2" * 64 + b"\0", NOW_MS)
    report = Report(5, "X" * MAX_ERR_CHARACTERS, NOW_MS)
    raw = receipt_pdu("0" * 20, origin, report, 1, UTC, True)
    assert Sm(raw).destination_addr == b"1" * 20
    assert Sm(raw).source_addr == b"2" * 20


def test_an_answer_never_goes_over_the_next_link() -> None:
    from smsgw.carrier.bind import Bind

    bind: Any = Bind.__new__(Bind)
    old, new = Link(), Link()
    bind.link = old
    journey = Journey()
    journey.inbound(bind, b"id:77 stat:DELIVRD err:000")
    bind.link, old.closing = new, True
    journey.journey.correlated([journey.put[0][0]], [PARKED_REPLY])
    assert new.sent == []
    journey.inbound(bind, b"id:78 stat:DELIVRD err:000")
    journey.journey.correlated([journey.put[1][0]], [PARKED_REPLY])
    assert len(new.sent) == 1
    assert old.sent == []


#: After any other answer a receipt is lost for good (carriers.md, "Receipts").
TRIED_AGAIN = {0x08, 0x14, 0x45, 0x58, 0x64, 0x67, 0xFE, 0xFF}


@pytest.mark.parametrize("trouble", ["the store is away", "too many wait"])
def test_a_receipt_that_can_not_be_kept_now_is_refused_so_that_it_comes_again(trouble: str) -> None:
    journey, link = Journey(), Link()
    bind: Any = SimpleNamespace(link=link, respond=lambda raw, origin: origin.send(raw))
    if trouble == "too many wait":
        journey.idle.waiting = MAX_UNANSWERED // 3 + 1
        journey.inbound(bind, b"id:77 stat:DELIVRD err:000", 7)
        assert not journey.put
    else:
        journey.inbound(bind, b"id:77 stat:DELIVRD err:000", 7)
        assert link.sent == []  # not before it is durable
        journey.journey.correlated([journey.put[0][0]], StoreAway("away"))
    (answer,) = map(decode, link.sent)
    assert (answer.command_id, answer.sequence_number) == (CommandId.DELIVER_SM_RESP, 7)
    assert answer.command_status in TRIED_AGAIN
