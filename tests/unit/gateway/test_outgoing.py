"""Which PDU of a message answers for which of the application's segments, however it is cut for a carrier."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsgw.carrier.settings import CarrierSettings
from smsgw.gateway.lanes import Job
from smsgw.gateway.outgoing import Outgoing, Shipment, Tell
from smsgw.gateway.views import view_of
from smsgw.policy.references import ReferenceShare
from smsgw.smpp.alphabet import encode_text
from smsgw.smpp.convert import Fit, Unfit
from smsgw.smpp.pdu import submit_sm
from smsgw.smpp.segments import split_udh
from smsgw.smpp.udh import concat_of
from smsgw.store.envelope import Envelope


def shipment(originals: int, count: int, receipts: str = "each") -> Shipment:
    return Shipment((b"",) * count, (1,) * count, originals, receipts)


@given(st.integers(1, 8), st.integers(1, 8), st.sampled_from(["each", "first", "last"]))
def test_every_segment_is_told_of_once_and_ends_with_something(originals: int, count: int, receipts: str) -> None:
    made = shipment(originals, count, receipts)
    everyone = set(range(originals))
    assert set().union(*made.stands_for) == everyone
    assert set().union(*made.ends) == everyone
    if made.is_plain:
        assert made.ends == tuple((index,) for index in range(count))
        return
    parts: dict[int, list[Tell]] = {}
    for tells in made.tells:
        for tell in tells:
            parts.setdefault(tell.original, []).append(tell)
    assert parts.keys() == everyone
    for original, tells in parts.items():
        assert [each.part for each in tells] == list(range(len(tells)))
        whole = {each.parts for each in tells}
        assert whole == ({len(tells)} if original in made.gathered else {0})
        assert original in made.gathered or len(tells) == 1
    # Who is told of by one PDU and could end with another is gathered, so that only one of the two tells.
    for index, ends in enumerate(made.ends):
        for original in ends:
            told_by = [other for other, tells in enumerate(made.tells) if original in {t.original for t in tells}]
            assert original in made.gathered or told_by == [index]


@pytest.mark.parametrize(
    ("originals", "count", "receipts", "tells"),
    [
        (1, 3, "each", ((Tell(0, 0, 3),), (Tell(0, 1, 3),), (Tell(0, 2, 3),))),
        (3, 1, "each", ((Tell(0), Tell(1), Tell(2)),)),
        (3, 2, "each", ((Tell(0),), (Tell(1), Tell(2)))),
        (2, 3, "each", ((Tell(0),), (Tell(1, 0, 2),), (Tell(1, 1, 2),))),
        (2, 2, "last", ((), (Tell(0, 0, 1), Tell(1, 0, 1)))),
        (1, 2, "first", ((Tell(0, 0, 1),), ())),
        (2, 1, "first", ((Tell(0), Tell(1)),)),
    ],
)
def test_who_tells_of_whom(originals: int, count: int, receipts: str, tells: tuple[tuple[Tell, ...], ...]) -> None:
    assert shipment(originals, count, receipts).tells == tells


@pytest.mark.parametrize("receipts", ["each", "first"])
@pytest.mark.parametrize(("originals", "count"), [(3, 3), (3, 1), (2, 3)])
def test_one_receipt_for_all_segments(originals: int, count: int, receipts: str) -> None:
    """Whoever wants one is told of the whole, and every segment ends with it."""
    made = Shipment((b"",) * count, (1,) * count, originals, receipts, is_one=True)
    everyone = tuple(range(originals))
    assert made.ends == (everyone,) * count
    assert made.gathered == frozenset(everyone)
    tellers = [tells for tells in made.tells if tells]
    assert len(tellers) == (1 if receipts == "first" else count)
    for part, tells in enumerate(tellers):
        assert tells == tuple(Tell(original, part, len(tellers)) for original in everyone)


def envelope(*pdus: bytes) -> Envelope:
    ids = [f"id{number}" for number in range(len(pdus))]
    return Envelope(ids, list(pdus), "shop", 1, "8613800000000", "1069", "", [1] * len(pdus), 0, segments=len(pdus))


def segments(text: str, coding: int = 8, reference: int = 9) -> list[bytes]:
    return [
        submit_sm(1, source_addr=b"1069", destination_addr=b"8613800000000", esm_class=0x40, data_coding=coding,
                  short_message=each)
        for each in split_udh(text, coding, reference)
    ]  # fmt: skip


def outgoing(**settings: object) -> Outgoing:
    return Outgoing(CarrierSettings("alpha", "h", 1, "s", "p", **settings), ReferenceShare())  # type: ignore[arg-type]


def test_what_a_carrier_takes_is_not_touched() -> None:
    message = envelope(*segments("长短信" * 40))
    made = outgoing().ship(message)
    assert isinstance(made, Shipment)
    assert (list(made.pdus), made.is_plain, made.segments) == (message.pdus, True, (1, 1))


def test_two_messages_to_one_recipient_never_have_one_reference() -> None:
    desk = outgoing()
    found = []
    for _ in range(3):
        made = desk.ship(envelope(*segments("长短信" * 40)))
        assert isinstance(made, Shipment)
        (concat,) = {(concat.reference, concat.total) for pdu in made.pdus if (concat := concat_of(view_of(pdu)))}
        found.append(concat)
    assert found[0] == (9, 2)
    assert len(set(found)) == 3


def test_the_carriers_number_and_its_forms_together() -> None:
    made = outgoing(source_number="10690000", fit=Fit(("payload",))).ship(envelope(*segments("长短信" * 40)))
    assert isinstance(made, Shipment)
    view = view_of(made.pdus[0])
    assert (view.source_addr, view.payload) == (b"10690000", encode_text("长短信" * 40, 8))
    assert (made.stands_for, made.segments) == (((0, 1),), (2,))


def test_a_job_ends_each_segment_of_the_application_once() -> None:
    message = envelope(*segments("长短信" * 60))
    job = Job("s", b"1-0", (1, 0, 0), 1, message)
    assert job.is_whole
    made = outgoing(fit=Fit(("sar",)), segment_receipts="last").ship(message)
    assert isinstance(made, Shipment)
    job.fit(made)
    assert (job.is_whole, job.open_segments, job.original(2)) == (True, 3, 2)
    assert [job.ends(1), job.ends(0)] == [[0, 1, 2], []]


def test_what_can_not_be_said_says_why() -> None:
    made = outgoing(fit=Fit((), (0,))).ship(envelope(*segments("长短信" * 40)))
    assert isinstance(made, Unfit)
    assert outgoing(fit=Fit((), (0,))).alone(segments("长短信" * 40)[0]) is None
    plain = submit_sm(1, source_addr=b"1", destination_addr=b"2", short_message=b"hi", data_coding=3)
    recoded = outgoing(fit=Fit((), (0,))).alone(plain)
    assert recoded is not None
    assert view_of(recoded).data_coding == 0
    assert outgoing().alone(plain) == plain
