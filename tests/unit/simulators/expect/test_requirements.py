"""Requirements about the messages that came: counts, each, order, doubles, one piece, hours."""

from __future__ import annotations

from typing import Any

import pytest

from simulators.entry import Entry
from tests.unit.simulators.expect.builders import at, judged, link, receipt, segment, submit

THREE = [submit(1), submit(2), submit(3)]


@pytest.mark.parametrize(
    ("keys", "ok", "state"),
    [
        ({}, True, "met"),
        ({"count": 3}, True, "open"),
        ({"count": 2}, False, "failed"),
        ({"count": 4}, False, "open"),
        ({"count": 0}, False, "failed"),
        ({"at_least": 3}, True, "met"),
        ({"at_least": 4}, False, "open"),
        ({"at_most": 3}, True, "open"),
        ({"at_most": 2}, False, "failed"),
        ({"at_least": 1, "at_most": 3}, True, "open"),
        ({"destination": "139*"}, False, "open"),
        ({"destination": "139*", "count": 0}, True, "open"),
    ],
)
def test_counts(keys: dict[str, Any], ok: bool, state: str) -> None:
    result = judged(THREE, **keys)
    assert (result.ok, result.state) == (ok, state)


def test_what_is_too_many_is_shown() -> None:
    result = judged(THREE, at_most=1)
    assert [(offender.entry.real_s, offender.why) for offender in result.offenders] == [
        (2, "too many"),
        (3, "too many"),
    ]
    assert (result.expected, result.found) == ("submitted messages: at most 1", "3")


def test_segments_count_as_one_message_unless_each_pdu_is_asked_for() -> None:
    entries = [segment(1, 2, 1), segment(2, 2, 2)]
    assert judged(entries, count=1).ok
    assert judged(entries, count=2, whole=False).ok
    assert judged(entries, text="<1><2>").ok


def test_an_incomplete_message_is_not_enough_but_too_many() -> None:
    entries = [segment(1, 2, 1)]
    assert not judged(entries, at_least=1).ok
    assert judged(entries, count=0).state == "failed"
    assert judged(entries, at_least=1).found == "0 and 1 incomplete"


@pytest.mark.parametrize(
    ("within", "now_s", "ok", "state"),
    [("3s", 3.0, True, "met"), ("2.9s", 3.0, False, "failed"), ("3s", None, True, "met")],
)
def test_within_counts_from_the_beginning(within: str, now_s: float | None, ok: bool, state: str) -> None:
    result = judged(THREE, run={"started_s": 0.0, "now_s": now_s}, at_least=3, within=within)
    assert (result.ok, result.state) == (ok, state)


def test_within_runs_out() -> None:
    assert judged(THREE, run={"started_s": 0.0, "now_s": 4.9}, at_least=4, within="5s").state == "open"
    assert judged(THREE, run={"started_s": 0.0, "now_s": 5.1}, at_least=4, within="5s").state == "failed"
    assert judged([], run={"started_s": 0.0, "now_s": 5.1}, within="5s").found == "0"


def test_each_names_what_is_wrong_instead() -> None:
    entries = [submit(1, tlvs=((0x1400, b"\1"),)), submit(2), submit(3, data_coding=8)]
    result = judged(entries, each={"tlv": {"0x1400": 1}, "data_coding": 0})
    assert (result.ok, result.state, result.found) == (False, "failed", "2 of 3 wrong")
    assert [offender.why for offender in result.offenders] == ["no TLV 0x1400", "data_coding is 8"]
    assert judged(entries[:1], each={"tlv": {"0x1400": 1}}).ok


def test_what_is_not_answered_yet_may_still_be() -> None:
    unanswered = [receipt("1", status=None)]
    result = judged(unanswered, kind="receipt", each={"answered": True})
    assert (result.ok, result.state, result.offenders[0].why) == (False, "open", "not answered")
    assert judged(unanswered, kind="receipt", each={"status": 0}).state == "open"
    assert judged([receipt("1", status=8)], kind="receipt", each={"status": 0}).state == "failed"
    assert judged([receipt("1", status=0)], kind="receipt", each={"answered": True}).ok


def _texts(*texts: str) -> list[Entry]:
    return [submit(number, text=text) for number, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("steps", "texts", "ok", "state"),
    [
        ("abc", "abc", True, "open"),
        ("abc", "axbyc", True, "open"),
        ("abc", "aabbcc", True, "open"),
        ("abc", "ab", False, "open"),
        ("abc", "babc", False, "failed"),
        ("abc", "acb", False, "failed"),
        ("abc", "abca", False, "failed"),
        ("aba", "aba", True, "open"),
        ("aba", "ab", False, "open"),
        ("aa", "aa", True, "open"),
        ("aa", "a", False, "open"),
        ("abc", "", False, "open"),
    ],
)
def test_order(steps: str, texts: str, ok: bool, state: str) -> None:
    result = judged(_texts(*texts), order=[{"text": step} for step in steps])
    assert (result.ok, result.state) == (ok, state)


def test_order_tells_what_came_too_early() -> None:
    result = judged(_texts("a", "c", "b"), order=[{"text": step} for step in "abc"])
    assert [(offender.entry.text, offender.why) for offender in result.offenders] == [
        ("c", "step 3, when step 1 was reached")
    ]


def test_sorted_by_a_number_in_the_text() -> None:
    key = r"/No ([0-9]+)/"
    assert judged(_texts("No 2", "No 9", "No 10", "No 10"), sorted_by=key).ok
    result = judged(_texts("No 9", "No 10", "No 2", "none", "No 11"), sorted_by=key)
    assert [offender.why for offender in result.offenders] == ["2 after 10", "no number found"]


def test_sorted_by_a_field_for_each_group() -> None:
    entries = [submit(number, *each) for number, each in enumerate([("1", "b"), ("2", "a"), ("1", "c"), ("2", "b")])]
    assert not judged(entries, sorted_by="text").ok
    assert judged(entries, sorted_by="text", per=["destination"]).ok


def test_doubles() -> None:
    entries = [submit(1, "1", "a"), submit(2, "2", "a"), submit(3.5, "1", "a")]
    assert judged(entries[:2], distinct=["destination", "text"]).ok
    result = judged(entries, distinct=["destination", "text"])
    assert (result.state, result.found, result.offenders[0].why) == ("failed", "1 double", "as 2.5 s before")


def test_a_cap_for_each_recipient_and_day() -> None:
    entries = [submit(n, destination, at_ms=at(time)) for n, (destination, time) in enumerate([
        ("1", "2026-11-23T23:00+08:00"), ("1", "2026-11-23T23:59+08:00"), ("2", "2026-11-23T23:59+08:00"),
        ("1", "2026-11-24T00:00+08:00"), ("1", "2026-11-24T00:01+08:00"),
    ])]  # fmt: skip
    assert judged(entries, at_most=2, per=["destination", "day"]).ok
    result = judged(entries, at_most=2, per=["destination"])
    assert (result.ok, result.found) == (False, "4 for 1")
    assert not judged(entries, at_most=2, per=["destination", "day"], zone="Europe/London").ok


def test_groups_beyond_those_shown_are_counted() -> None:
    entries = [submit(0, str(number % 9)) for number in range(18)]
    assert judged(entries, at_most=1, per=["destination"]).found.endswith("2 for 4; and 4 more")
    assert judged(entries, at_most=2, per=["destination"]).found == "so for all 9"


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ([segment(1, 2, 1), segment(2, 2, 2)], ""),
        ([segment(1, 2, 1, status=0x58), segment(1, 2, 2), segment(2, 2, 3)], ""),
        ([segment(1, 2, 1), segment(2, 2, 2, bind=4)], "over binds 0, 4"),
        ([segment(2, 2, 1), segment(1, 2, 2)], "in the order 2, 1"),
        ([segment(1, 3, 1), segment(3, 3, 2)], "2 of 3 segments came"),
        ([segment(1, 2, 1), segment(2, 2, 2, status=0x45)], "a segment was refused"),
        ([segment(1, 2, 1), segment(2, 2, 2, status=None)], "not all answered"),
        ([submit(1)], ""),
    ],
)
def test_in_one_piece(entries: list[Entry], why: str) -> None:
    result = judged(entries, in_one_piece=True)
    assert [offender.why for offender in result.offenders] == ([why] if why else [])
    assert result.ok is not bool(why)


def test_no_message_at_night_nor_at_the_weekend() -> None:
    day, night, sunday = (
        submit(at_ms=at("20:59:59")),
        submit(at_ms=at("21:00")),
        submit(at_ms=at("2026-11-22T12:00+08:00")),
    )
    assert judged([day], hours="08:00-21:00", days="mon-fri").state == "open"
    result = judged([day, night, sunday], hours="08:00-21:00", days="mon-fri")
    assert (result.state, result.found) == ("failed", "2 of 3 outside")
    assert [offender.why for offender in result.offenders] == ["mon 21:00:00", "sun 12:00:00"]
    assert judged([night], hours="08:00-21:00", zone="Europe/London").ok
    assert judged([], hours="08:00-21:00").found == "none came"


def test_every_segment_counts_at_night() -> None:
    late = [segment(1, 2, 1, at_ms=at("20:59:59")), segment(2, 2, 2, at_ms=at("21:00:01"))]
    assert judged(late, hours="08:00-21:00").offenders[0].why == "mon 21:00:01"


def test_only_what_is_selected_is_looked_at() -> None:
    entries = [*THREE, receipt("1"), link("bind", 1, 0)]
    assert judged(entries, count=3).ok
    assert judged(entries, kind="receipt", count=1).ok
    assert judged(entries, kind=["receipt", "bind"], count=2).ok
