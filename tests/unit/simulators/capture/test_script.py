"""Who answered what, which receipt is for which message, and which recorded request one of now is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from simulators.capture.conversation import Selection, conversations
from simulators.capture.format import Event
from simulators.capture.ids import Ids
from simulators.capture.matching import Match, Matcher
from simulators.capture.pace import Pace, parse_speed
from simulators.capture.script import Request, Script, receipt_id_of, script_of
from smsgw.smpp import pdu
from smsgw.smpp.codec import Pdu, decode, encode
from smsgw.smpp.constants import CommandId
from smsgw.smpp.udh import build_concat_udh
from tests.unit.simulators.capture.streams import (
    answer,
    bind,
    bind_answer,
    events,
    mo,
    receipt,
    submit,
    whole_run,
)


def _script(*said: tuple[str, bytes]) -> Script:
    return script_of(conversations(events(("in", bind()), ("out", bind_answer()), *said)))


def test_answers_receipts_and_mo_find_their_places() -> None:
    script = script_of(conversations(whole_run()))
    first, second = script.requests
    assert (first.status, first.message_id, second.status) == (0, b"100", 0x58)
    assert [delivery.receipt_of for delivery in first.deliveries] == [first]
    assert first.deliveries[0].after_ns == 4_000_000
    assert [delivery.receipt_of for delivery in second.deliveries] == [None]  # the MO followed it
    assert second.deliveries[0].status == 0
    assert (script.sessions[0].bind, script.sessions[0].bind_status) == (int(CommandId.BIND_TRANSCEIVER), 0)


def test_the_side_that_recorded_does_not_matter() -> None:
    turned = [
        Event({"in": "out", "out": "in"}.get(each.kind, each.kind), 1, each.at_ns, 0, octets=each.octets)  # type: ignore[arg-type]
        for each in whole_run()
    ]
    ours, theirs = (script_of(conversations(made)) for made in (whole_run(), turned))
    assert [each.pdu.octets for each in ours.requests] == [each.pdu.octets for each in theirs.requests]
    assert [each.status for each in ours.requests] == [each.status for each in theirs.requests]


@pytest.mark.parametrize(
    ("given", "written"),
    [
        (b"100", b"100"),
        (b"1A2B", b"6699"),
        (b"6699", b"1a2b"),
        (b"00ff10", b"FF10"),
        (b"a-b-c", b"A-B-C"),
        (b"1234567890abc", b"1234567890"),
        (b"xyz1234567890", b"1234567890"),
    ],
)
def test_receipts_are_known_in_whatever_base(given: bytes, written: bytes) -> None:
    script = _script(("in", submit(2)), ("out", answer(2, given)), ("in", submit(3)), ("out", receipt(1, written)))
    assert script.requests[0].deliveries[0].receipt_of is script.requests[0]


def test_a_receipt_before_the_answer_and_one_without_a_message() -> None:
    script = _script(
        ("out", mo(1)),
        ("in", submit(2)),
        ("out", receipt(2, b"7")),
        ("out", answer(2, b"7")),
        ("out", receipt(3, b"9")),
    )
    early, stray = script.requests[0].deliveries
    assert early.receipt_of is script.requests[0]
    assert early.after_ns < 2_000_000
    assert stray.receipt_of is None
    assert [delivery.pdu.octets for delivery in script.openings["shop"][1]] == [mo(1)]


def test_sequence_numbers_used_again_and_answers_out_of_order() -> None:
    script = _script(
        ("in", submit(5)), ("in", submit(6)), ("out", answer(6, b"b")), ("out", answer(5, b"a")),
        ("in", submit(5)), ("out", answer(5, b"c")),
    )  # fmt: skip
    assert [request.message_id for request in script.requests] == [b"a", b"b", b"c"]
    assert script.sessions[0].window == 2


def test_selection_by_account_connection_and_name() -> None:
    other = [replace(each, account="", where="beta") for each in events(("in", bind(system_id=b"other")), connection=2)]
    made = [*whole_run(), *other]

    def taken(**chosen: Any) -> list[int]:
        return [each.connection for each in conversations(made, Selection(**chosen))]

    assert taken() == [1, 2]
    assert taken(accounts={"other"}) == [2]  # by its bind
    assert taken(connections={1}) == [1]
    assert taken(where={"beta"}) == [2]
    assert taken(accounts={"shop"}, where={"beta"}) == []


def _requests(*frames: bytes) -> list[Request]:
    return _script(*(("in", frame) for frame in frames)).requests


def _found(matcher: Matcher, frame: bytes) -> tuple[int | None, bool]:
    request, exactly = matcher.find(_requests(frame)[0])
    return (request.pdu.sequence_number if request is not None else None), exactly


def test_equal_messages_are_matched_in_their_order_and_once() -> None:
    matcher = Matcher(_requests(submit(2), submit(3), submit(4, text=b"other")), "exact")
    assert [_found(matcher, submit(9)) for _ in range(3)] == [(2, True), (3, True), (None, False)]
    assert _found(matcher, submit(9, text=b"other")) == (4, True)


@pytest.mark.parametrize(
    ("match", "found"), [("exact", (None, False)), ("recipient", (3, False)), ("order", (3, False))]
)
def test_looser_matching(match: Match, found: tuple[int | None, bool]) -> None:
    matcher = Matcher(_requests(submit(2), submit(3, b"8613800138001")), match)
    assert _found(matcher, submit(8)) == (2, True)
    assert _found(matcher, submit(9, b"8613800138001", b"another code")) == found


def test_any_turn_takes_what_is_left() -> None:
    matcher = Matcher(_requests(submit(2), submit(3, b"8613800138001")), "order")
    assert _found(matcher, submit(9, b"8613800138007")) == (2, False)
    assert _found(matcher, submit(9, b"8613800138008")) == (3, False)


@pytest.mark.parametrize("wide", [False, True])
def test_the_reference_of_parts_does_not_count(wide: bool) -> None:
    def part(number: int, reference: int, index: int) -> bytes:
        return pdu.submit_sm(
            number, source_addr=b"1", destination_addr=b"2", esm_class=0x40,
            short_message=build_concat_udh(reference, 2, index, wide) + b"text",
        )  # fmt: skip

    matcher = Matcher(_requests(part(2, 7, 1), part(3, 7, 2)), "exact")
    assert _found(matcher, part(9, 99, 2)) == (3, True)
    assert _found(matcher, part(9, 99, 1)) == (2, True)


@pytest.mark.parametrize("old", [b"100", b"1000000021", b"1A2B3C4D", b"1a2b3c4d", b"3f0c-77aa_x"])
def test_new_ids_look_like_the_old_ones(old: bytes) -> None:
    ids = Ids(b"salt")
    new = ids.give(old)
    assert new != old
    assert new == ids.give(old)
    assert len(new) == len(old)
    assert new.isdigit() == old.isdigit()
    assert new.isupper() == old.isupper()
    assert Ids().give(old) == old


@pytest.mark.parametrize("old", [b"1234567890abcdef", b"20261118-000000001234"])
def test_an_id_that_receipts_cut_to_ten_characters_is_cut_again(old: bytes) -> None:
    ids = Ids(b"salt")
    new = ids.give(old)
    for written, expected in ((old[:10], new[:10]), (old[-10:], new[-10:])):
        named = receipt_id_of(ids.in_receipt(receipt(1, written), written.decode(), old))
        assert named == expected.decode()


@pytest.mark.parametrize(("old", "written"), [(b"1A2B", b"6699"), (b"6699", b"1a2b"), (b"1000000021", b"1000000021")])
def test_receipts_name_the_new_id_in_their_own_form(old: bytes, written: bytes) -> None:
    ids = Ids(b"salt")
    new = ids.give(old)
    named = receipt_id_of(ids.in_receipt(receipt(1, written), written.decode(), old))
    assert named is not None
    assert named != written.decode()
    if written == old:
        assert named.encode() == new
    elif old.isdigit():
        assert int(named, 16) == int(new)
    else:
        assert int(named) == int(new, 16)


def test_questions_name_the_id_of_now_and_are_known_by_the_recorded_one() -> None:
    ids = Ids()
    ids.learn(b"100", b"777")
    question = encode(Pdu(int(CommandId.QUERY_SM), 0, 5, {"message_id": b"100", "source_addr": b"1"}))
    asked = ids.in_question(question)
    assert decode(asked).fields["message_id"] == b"777"
    assert ids.as_recorded(asked) == question


def test_speeds() -> None:
    assert [parse_speed(text) for text in ("1", "10x", "0.5", "max")] == [1.0, 10.0, 0.5, 0.0]
    for wrong in ("", "0", "-1", "fast", "nan"):
        with pytest.raises(ValueError, match="is no speed; write"):
            parse_speed(wrong)
    assert Pace(4.0).seconds(2_000_000_000) == 0.5
    assert Pace(0.0).seconds(2_000_000_000) == 0
