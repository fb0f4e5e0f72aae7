"""Requirements about real time: rate, receipts, latency, links."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.entry import Entry
from simulators.expect.timing import busiest
from tests.unit.simulators.expect.builders import judged, link, receipt, segment, submit

#: Multiples of 1/1024 s, so that differences are exact.
_TIMES = st.integers(0, 8 * 1024).map(lambda number: number / 1024)


@given(st.lists(st.tuples(_TIMES, st.integers(1, 4)), max_size=40), st.sampled_from([0.25, 1.0, 2.5]))
def test_the_busiest_window_is_that_of_a_naive_search(events: list[tuple[float, int]], within_s: float) -> None:
    events.sort(key=lambda event: event[0])
    naive = max(
        (sum(weight for at_s, weight in events if start <= at_s < start + within_s) for start, _ in events), default=0
    )
    most, (first, last) = busiest(events, within_s)
    assert most == naive
    assert sum(weight for _, weight in events[first:last]) == most


@pytest.mark.parametrize(
    ("times", "at_most", "ok"),
    [
        ([0.0, 0.5, 1.0, 1.5], 2, True),
        ([0.0, 0.5, 0.999], 2, False),
        ([0.0, 1.0, 2.0], 1, True),
        ([0.9, 0.9, 1.1, 1.1], 3, False),  # two calendar seconds, one window
        ([0.0], 0, False),
        ([], 0, True),
    ],
)
def test_never_more_in_any_second(times: list[float], at_most: int, ok: bool) -> None:
    result = judged([submit(at_s) for at_s in times], rate={"at_most": at_most})
    assert (result.ok, result.state) == (ok, "open" if ok else "failed")


def test_segments_count_unless_messages_are_asked_for() -> None:
    entries = [submit(0, segments=3), segment(1, 2, 0.1), segment(2, 2, 0.2)]
    assert judged(entries, rate={"at_most": 5}).ok
    assert judged(entries, rate={"at_most": 4}).found == "5 in the busiest"
    assert judged(entries, rate={"at_most": 2, "of": "messages"}).ok
    assert not judged(entries, rate={"at_most": 1, "of": "messages"}).ok


def test_refused_tries_count() -> None:
    assert not judged([segment(1, 2, 0, status=0x58), segment(1, 2, 0.1), segment(2, 2, 0.2)], rate={"at_most": 2}).ok


def test_other_windows_and_jitter() -> None:
    entries = [submit(at_s) for at_s in (0.0, 0.995)]
    assert not judged(entries, rate={"at_most": 1}).ok
    assert judged(entries, rate={"at_most": 1, "jitter": "10ms"}).ok
    assert judged([*entries, submit(59.0)], rate={"at_most": 3, "within": "1m"}).ok
    assert not judged([*entries, submit(59.0)], rate={"at_most": 2, "within": "1m"}).ok


def test_the_busiest_window_is_shown_from_its_beginning_to_its_end() -> None:
    result = judged([submit(5), *(submit(10 + number / 100) for number in range(8))], rate={"at_most": 4})
    assert [offender.entry.real_s for offender in result.offenders] == [10.0, 10.01, 10.02, 10.03, 10.07]
    assert result.offenders[-1].why == "at 70 ms of the busiest window"


@pytest.mark.parametrize(
    ("wanted", "stats", "ok", "state"),
    [
        ({}, ["DELIVRD"], True, "open"),
        ({}, [], False, "open"),
        ({"stat": "DELIVRD"}, ["EXPIRED"], False, "open"),
        ({"count": 1}, ["DELIVRD", "DELIVRD"], False, "failed"),
        ({"count": 0}, [], True, "open"),
        ({"at_most": 1}, [], True, "open"),
        ({"at_least": 2}, ["ENROUTE", "DELIVRD"], True, "open"),
    ],
)
def test_receipts(wanted: dict[str, Any], stats: list[str], ok: bool, state: str) -> None:
    entries = [submit(0, message_id="7"), *(receipt("7", 1 + number, stat) for number, stat in enumerate(stats))]
    result = judged(entries, receipts=wanted)
    assert (result.ok, result.state) == (ok, state)


def test_each_segment_needs_its_receipt() -> None:
    entries = [segment(1, 2, 0, message_id="7"), segment(2, 2, 0, message_id="8"), receipt("7")]
    assert [offender.why for offender in judged(entries, receipts={}).offenders] == ["0 receipts for segment 2"]
    assert judged([*entries, receipt("8")], receipts={}).found == "all 2"


def test_no_receipt_is_due_for_what_was_refused_or_did_not_ask() -> None:
    entries = [submit(status=0x58), submit(registered_delivery=0, message_id="5")]
    assert judged(entries, receipts={}).found == "all 0"
    assert judged(entries, receipts={"unasked": True}).found == "1 of 1 without"


@pytest.mark.parametrize(
    ("answered", "named"), [("1F", "31"), ("31", "1f"), ("31", "0000000031"), ("1f", "1F"), ("a-1", "a-1")]
)
def test_ids_that_are_written_otherwise_in_receipts(answered: str, named: str) -> None:
    assert judged([submit(message_id=answered), receipt(named)], receipts={}).ok


def test_a_receipt_that_names_another_message_exactly_is_that_ones() -> None:
    entries = [submit(message_id="10"), submit(message_id="a"), receipt("a")]
    result = judged(entries, receipts={})
    assert [offender.entry.message_id for offender in result.offenders] == ["10"]


@pytest.mark.parametrize(
    ("took", "latency", "ok", "state"),
    [
        ([0.1, 0.2], {"at_most": "200ms"}, True, "open"),
        ([0.1, 0.3], {"at_most": "200ms"}, False, "failed"),
        ([0.1] * 9 + [0.3], {"at_most": "200ms", "quantile": 0.9}, True, "open"),
        ([0.1] * 8 + [0.3] * 2, {"at_most": "200ms", "quantile": 0.9}, False, "open"),
        ([0.1, None], {"at_most": "200ms"}, False, "open"),
        ([], {"at_most": "200ms"}, True, "open"),
    ],
)
def test_latency_to_the_answer(took: list[float | None], latency: dict[str, Any], ok: bool, state: str) -> None:
    entries = [submit(5.0, answered_s=None if each is None else 5 + each) for each in took]
    result = judged(entries, latency=latency)
    assert (result.ok, result.state) == (ok, state)


def test_latency_to_the_receipt_of_the_last_segment() -> None:
    entries: list[Entry] = [segment(1, 2, 1.0, message_id="7"), segment(2, 2, 1.5, message_id="8")]
    entries += [receipt("7", 2.0), receipt("8", 3.0)]
    assert judged(entries, latency={"to": "receipt", "at_most": "2s"}).ok
    assert judged(entries, latency={"to": "receipt", "at_most": "1999ms"}).found == "2 s, the slowest 2 s"
    assert judged(entries[:-1], latency={"to": "receipt", "at_most": "2s"}).offenders[0].why == "never"
    assert judged([submit(registered_delivery=0)], latency={"to": "receipt", "at_most": "1s"}).found == "none came"


def test_binds_at_one_time() -> None:
    entries = [link("bind", 1, 0), link("bind", 2, 1), link("unbind", 1, 2), link("lost", 1, 2), link("bind", 3, 3)]
    entries.append(link("bind", 4, 4, "other"))
    assert judged(entries, links={"at_most": 2, "at_least": 2}).state == "open"
    assert judged(entries, links={"at_least": 2}).state == "met"
    assert judged(entries, links={"at_least": 3}).state == "open"
    result = judged(entries, links={"at_most": 1})
    assert (result.state, result.offenders[0].why) == ("failed", "bind 2 of account 'shop'")


@pytest.mark.parametrize(
    ("entries", "ok"),
    [
        ([link("bind", 1, 0), link("bind", 2, 0), link("lost", 1, 5), link("bind", 3, 6)], True),
        ([link("bind", 1, 0), link("lost", 1, 5), link("bind", 3, 5.9)], False),
        ([link("refused_bind", 1, 5), link("lost", 1, 5.1), link("bind", 2, 6.05)], True),
        ([link("refused_bind", 1, 5), link("refused_bind", 2, 5.2)], False),
        ([link("bind", 1, 0), link("unbind", 1, 5), link("lost", 1, 5), link("bind", 2, 5.1)], True),
        ([link("bind", 1, 0), link("lost", 1, 5), link("bind", 2, 5.1, "other")], True),
        ([link("bind", 1, 0), link("bind", 2, 0), link("lost", 1, 5), link("lost", 2, 5), link("bind", 3, 6),
          link("bind", 4, 6)], True),
    ],
)  # fmt: skip
def test_reconnects_not_too_soon(entries: list[Entry], ok: bool) -> None:
    result = judged(entries, links={"reconnect_after": "1s"})
    assert (result.ok, result.state) == (ok, "open" if ok else "failed")
