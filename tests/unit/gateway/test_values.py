"""The small values of the journeys: ids, receipts' texts, times, owners of numbers, what a submit_multi gathers."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from smsgw.clock import to_ms
from smsgw.errors import RecoverableError
from smsgw.gateway.context import Dialled, Numbers
from smsgw.gateway.ids import MessageIds, shown, with_tail
from smsgw.gateway.multi import Multi
from smsgw.gateway.reports import FAILURE, INTERMEDIATE, SUCCESS, Origin, Report, kind_of, receipt_pdu, wanted_kinds
from smsgw.gateway.views import air_segments, check_text, outgoing, read_times, whole_text
from smsgw.smpp import pdu
from smsgw.smpp.codec import decode
from smsgw.smpp.constants import CommandId, Tag
from smsgw.smpp.layout import SmeAddress
from smsgw.smpp.receipt import parse_receipt
from smsgw.smpp.tlv import tlv
from smsgw.smpp.views import Sm
from smsgw.store.keys import home, state

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW_MS = to_ms(datetime(2026, 11, 18, 10, 26, 40, tzinfo=UTC))


# -- ids


def test_ids_differ_tell_their_partition_and_begin_anew_each_second() -> None:
    ids = MessageIds(0xABCD)
    made = [ids.next(7, NOW_MS // 1000 + later) for later in (0, 0, 0, 1)]
    assert len(set(made)) == 4
    assert {len(each) for each in made} == {20}
    assert {home(each, 256) for each in made} == {7}
    assert made[0][2:14] == f"{NOW_MS // 1000:08x}abcd"
    assert made[2][2:10] != made[3][2:10]


def test_ids_of_one_partition_are_neighbours_whatever_comes_between() -> None:
    ids = MessageIds(1)
    made = [ids.next(number % 16, NOW_MS // 1000) for number in range(256)]
    assert len(set(made)) == 256
    assert len({state(each, 16)[0] for each in made}) == 32


def test_the_id_of_a_further_destination_shows_that_of_the_first() -> None:
    first = MessageIds(1).next(0x0A, NOW_MS // 1000)
    other = with_tail(first, 0x0B, 253)
    assert home(other, 256) == 0x0B
    assert (shown(other), shown(first)) == (first, first)


# -- receipts


@pytest.mark.parametrize(
    ("registered", "kinds"),
    [(0, 0), (1, SUCCESS | FAILURE), (2, FAILURE), (3, SUCCESS), (0x10, INTERMEDIATE), (0x11, 7), (0xE1, 3)],
)
def test_which_receipts_are_asked_for(registered: int, kinds: int) -> None:
    assert wanted_kinds(registered) == kinds


def test_kinds_of_states() -> None:
    kinds = {state: kind_of(state) for state in range(1, 10)}
    assert [state for state, kind in kinds.items() if kind == SUCCESS] == [2]
    assert [state for state, kind in kinds.items() if kind == INTERMEDIATE] == [1, 6]


@pytest.mark.parametrize("tlvs_allowed", [True, False])
def test_a_receipt_swaps_the_addresses_and_reads_as_written(tlvs_allowed: bool) -> None:
    origin = Origin(b"\0\x011069\0", b"\1\x018613800000000\0", NOW_MS)
    raw = receipt_pdu("0" * 20, origin, Report(5, "402", NOW_MS + 60_000), 9, SHANGHAI, tlvs_allowed)
    sm = Sm(raw)
    assert (sm.source_addr, sm.source_addr_ton, sm.destination_addr, sm.dest_addr_npi) == (
        b"8613800000000", 1, b"1069", 1,
    )  # fmt: skip
    assert sm.esm_class & 0x3C == 4
    text = sm.short_message.decode()
    assert "submit date:2611181826 done date:2611181827 stat:UNDELIV err:402" in text
    receipt = parse_receipt(sm)
    assert receipt is not None
    assert (receipt.id, receipt.stat, receipt.message_state, receipt.err) == ("0" * 20, "UNDELIV", 5, "402")
    assert (sm.tlvs.first(int(Tag.RECEIPTED_MESSAGE_ID)) is not None) == tlvs_allowed


# -- views


def submit(**fields: Any) -> Sm:
    return Sm(pdu.submit_sm(1, source_addr=b"1", destination_addr=b"2", **{"short_message": b"x", **fields}))


def test_without_a_schedule_and_asking_for_a_receipt_the_octets_stay_as_they_came() -> None:
    view = submit(registered_delivery=1)
    assert outgoing(view) is view.raw


@pytest.mark.parametrize(("asked", "sent"), [(0, 1), (2, 1), (0x10, 0x11), (0x0D, 0x0D)])
def test_a_receipt_is_always_asked_for_and_a_schedule_is_ours(asked: int, sent: int) -> None:
    view = submit(registered_delivery=asked, schedule_delivery_time=b"000000010000000R", validity_period=b"")
    changed = Sm(outgoing(view))
    assert (changed.registered_delivery, changed.schedule_delivery_time, changed.short_message) == (sent, b"", b"x")


@pytest.mark.parametrize(
    ("schedule", "validity", "due_s", "expires_s"),
    [
        (b"", b"", None, None),
        (b"000000010000000R", b"", 3600, None),
        (b"", b"000001000000000R", None, 86_400),
        (b"261118000000032+", b"", None, None),  # long ago: now
        (b"000000010000000R", b"000000020000000R", 3600, 7200),
    ],
)
def test_times_are_read(schedule: bytes, validity: bytes, due_s: int | None, expires_s: int | None) -> None:
    due_ms, expires_ms = read_times(submit(schedule_delivery_time=schedule, validity_period=validity), NOW_MS)
    assert due_ms == (NOW_MS + due_s * 1000 if due_s else 0)
    assert expires_ms == (NOW_MS + expires_s * 1000 if expires_s else 0)


@pytest.mark.parametrize(
    ("schedule", "validity", "status"),
    [(b"soon", b"", 0x61), (b"", b"soon", 0x62), (b"000000020000000R", b"000000010000000R", 0x62)],
)
def test_times_that_make_no_sense(schedule: bytes, validity: bytes, status: int) -> None:
    with pytest.raises(RecoverableError) as raised:
        read_times(submit(schedule_delivery_time=schedule, validity_period=validity), NOW_MS)
    assert raised.value.command_status == status


def test_a_character_that_straddles_two_segments_is_read_whole() -> None:
    octets = "【示例】🀄".encode("utf-16-be")
    views: list[Any] = [
        submit(data_coding=8, esm_class=0x40, short_message=bytes((5, 0, 3, 1, 2, number)) + part)
        for number, part in ((1, octets[:-2]), (2, octets[-2:]))
    ]
    assert whole_text(views) == "【示例】🀄"


def segments_of(*parts: tuple[bytes, int]) -> list[Any]:
    total = len(parts)
    return [
        submit(data_coding=coding, esm_class=0x40, short_message=bytes((5, 0, 3, 1, total, number)) + part)
        for number, (part, coding) in enumerate(parts, 1)
    ]


def test_an_octet_too_many_changes_nothing_behind_its_segment() -> None:
    hidden, end = "快来赌博".encode("utf-16-be"), "回T退订".encode("utf-16-be")
    views = segments_of(("【示例】".encode("utf-16-be") + b"\0", 8), (hidden + b"\0", 8), (end, 8))
    assert whole_text(views) == "【示例】\ufffd快来赌博\ufffd回T退订"


def test_half_a_character_of_gbk_changes_nothing_behind_its_segment() -> None:
    views = segments_of(("【示例】".encode("gbk") + b"\x81", 15), ("快来赌博".encode("gbk"), 15))
    assert whole_text(views) == "【示例】\ufffd快来赌博"


def test_each_segment_is_read_by_its_own_data_coding() -> None:
    views = segments_of(("【示例】".encode("utf-16-be"), 8), (b"bet at evil.com ", 0), ("赌博".encode("gbk"), 15))
    assert whole_text(views) == "【示例】bet at evil.com 赌博"


def test_a_message_payload_in_a_segment_takes_several_on_the_air() -> None:
    long = tlv(Tag.MESSAGE_PAYLOAD, bytes((5, 0, 3, 1, 2, 1)) + b"a" * 300)
    views = [submit(esm_class=0x40, short_message=b"", tlvs=long), *segments_of((b"x", 0))]
    assert air_segments(views) == 3


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"short_message": b"shown", "tlvs": tlv(Tag.MESSAGE_PAYLOAD, b"judged")}, 0xC1),
        (
            {"short_message": b"", "tlvs": tlv(Tag.MESSAGE_PAYLOAD, b"judged") + tlv(Tag.MESSAGE_PAYLOAD, b"shown")},
            0xC1,
        ),
        ({"short_message": b"judged", "tlvs": tlv(Tag.MESSAGE_PAYLOAD, b"")}, 0xC1),
        ({"sm_default_msg_id": 1}, 0x63),
    ],
)
def test_a_message_has_one_text(fields: dict[str, Any], status: int) -> None:
    with pytest.raises(RecoverableError) as raised:
        check_text(submit(**fields))
    assert raised.value.command_status == status


@pytest.mark.parametrize(
    "fields", [{}, {"short_message": b"", "tlvs": tlv(Tag.MESSAGE_PAYLOAD, b"text")}, {"tlvs": tlv(0x1410, b"loyal")}]
)
def test_one_text_is_enough(fields: dict[str, Any]) -> None:
    check_text(submit(**fields))


# -- owners


def test_a_dialled_number_belongs_to_the_longest_that_it_begins_with() -> None:
    numbers = Numbers([Dialled("1069", "a", ""), Dialled("106901", "b", "签名"), Dialled("10690122", "c", "")])
    owners = {dialled: numbers.owner(dialled) for dialled in ("1069", "10690", "106901", "1069012", "106901229", "106")}
    assert [owner and owner.account for owner in owners.values()] == ["a", "a", "b", "b", "c", None]


# -- submit_multi


class Session:
    """Keeps the one answer."""

    def __init__(self, vendor_codes: bool = True) -> None:
        self.answers: list[bytes] = []
        self.account = SimpleNamespace(settings=SimpleNamespace(vendor_codes=vendor_codes))
        self.answer = self.answers.append


def multi_of(session: Session, destinations: int) -> Multi:
    context = SimpleNamespace(ids=MessageIds(1), wall_s=lambda: NOW_MS / 1000)
    return Multi(cast(Any, session), 5, cast(Any, context), destinations)


def test_a_submit_multi_is_answered_once_when_all_are_decided() -> None:
    session = Session()
    multi = multi_of(session, 3)
    senders = [multi.sender(SmeAddress(1, 1, b"86%d" % number)) for number in range(3)]
    ids = [sender.next_id(0) for sender in senders]
    assert [shown(each) for each in ids] == [ids[0]] * 3
    assert len(set(ids)) == 3
    senders[1].answer(pdu.response(int(CommandId.SUBMIT_MULTI_RESP), 0x430, 5))
    senders[0].answer(pdu.response(int(CommandId.SUBMIT_MULTI_RESP), 0, 5, ids[0].encode()))
    assert session.answers == []
    senders[2].answer(pdu.response(int(CommandId.SUBMIT_MULTI_RESP), 0, 5, ids[2].encode()))
    answer = decode(session.answers.pop())
    assert (answer.command_status, answer.sequence_number) == (0, 5)
    assert answer.fields["message_id"] == ids[0].encode()
    failures = cast("list[Any]", answer.fields["unsuccess_smes"])
    assert [(each.destination_addr, each.error_status_code) for each in failures] == [(b"861", 0x430)]


def test_when_every_destination_is_refused_the_first_refusal_is_the_status() -> None:
    session = Session()
    multi = multi_of(session, 2)
    multi.refused(SmeAddress(1, 1, b"861"), 0x410)
    multi.refused(SmeAddress(1, 1, b"862"), 0x430)
    answer = decode(session.answers.pop())
    assert (answer.command_id, answer.command_status) == (CommandId.SUBMIT_MULTI_RESP, 0x410)
