"""Segments joined to messages."""

from __future__ import annotations

from dataclasses import replace

from simulators.entry import Entry
from simulators.expect.whole import join
from smsgw.smpp.constants import ESM_UDHI
from smsgw.smpp.pdu import submit_sm
from smsgw.smpp.segments import split_udh
from tests.unit.simulators.expect.builders import receipt, segment, submit

_ADDRESSES = {"source_addr": b"10690001", "destination_addr": b"13800138000"}


def test_a_long_message_is_one_item_where_its_first_segment_came() -> None:
    items = join([segment(2, 2, 1.0, "b"), submit(2.0, text="alone"), segment(1, 2, 3.0, "a")])
    assert [(item.entry.text, item.entry.segments, item.first, item.last) for item in items] == [
        ("ab", 2, 0, 2),
        ("alone", 1, 1, 1),
    ]
    assert items[0].complete


def test_what_is_missing_is_said() -> None:
    (item,) = join([segment(1, 3, 1.0, "a"), segment(3, 3, 2.0, "c")])
    assert not item.complete
    assert (item.entry.text, item.entry.fate) == ("a…c", "incomplete: 2 of 3 segments")


def test_a_refused_segment_is_replaced_by_its_next_try() -> None:
    (item,) = join([segment(1, 2, 1.0, "a"), segment(2, 2, 2.0, "old", status=0x58), segment(2, 2, 3.0, "b")])
    assert (item.entry.text, item.entry.status, len(item.arrived)) == ("ab", 0, 3)


def test_an_accepted_index_again_is_another_message() -> None:
    items = join([segment(1, 2, 1.0, "a"), segment(1, 2, 2.0, "A"), segment(2, 2, 3.0, "b"), segment(2, 2, 4.0, "B")])
    assert [(item.entry.text, item.complete, item.mixed) for item in items] == [("aB", True, True), ("Ab", True, True)]


def test_a_reference_used_again_behind_a_whole_message_mixes_nothing() -> None:
    items = join([segment(1, 2, 1.0, "a"), segment(2, 2, 2.0, "b"), segment(1, 2, 3.0, "A"), segment(2, 2, 4.0, "B")])
    assert [(item.entry.text, item.mixed) for item in items] == [("ab", False), ("AB", False)]


def test_other_recipients_and_references_are_other_messages() -> None:
    assert len(join([segment(1, 2, 1.0), segment(2, 2, 2.0, reference=8), segment(2, 2, 3.0, destination="1")])) == 3


def test_status_of_the_whole_is_the_first_refusal_or_none_while_unanswered() -> None:
    assert join([segment(1, 2, 1.0), segment(2, 2, 2.0, status=0x14)])[0].entry.status == 0x14
    assert join([segment(1, 2, 1.0), segment(2, 2, 2.0, status=None)])[0].entry.status is None


def test_receipts_are_never_joined() -> None:
    assert len(join([receipt("1", concat=(7, 2, 1)), receipt("2", concat=(7, 2, 2))])) == 2


def test_a_character_cut_between_two_segments_is_whole_again() -> None:
    octets = "好😀好".encode("utf-16-be")
    entries: list[Entry] = []
    for index, (header, part) in enumerate(((b"\5\0\3\7\2\1", octets[:4]), (b"\5\0\3\7\2\2", octets[4:])), 1):
        pdu = submit_sm(index, **_ADDRESSES, short_message=header + part, esm_class=ESM_UDHI, data_coding=8)
        cut = part.decode("utf-16-be", "replace")
        entries.append(replace(segment(index, 2, index, cut, data_coding=8), pdu=pdu))
    assert "😀" not in "".join(entry.text for entry in entries)
    assert join(entries)[0].entry.text == "好😀好"


def test_gsm_text_of_three_segments() -> None:
    text = "0123456789" * 40 + "€"
    entries = [
        replace(segment(index, 3, index), pdu=submit_sm(index, **_ADDRESSES, short_message=part, esm_class=ESM_UDHI))
        for index, part in enumerate(split_udh(text, 0, 7), 1)
    ]
    assert join(entries)[0].entry.text == text
