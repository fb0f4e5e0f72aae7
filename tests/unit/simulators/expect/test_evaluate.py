"""What expectations refer to: others, phases; what is decided for good; names."""

from __future__ import annotations

from simulators.expect.evaluate import Span, evaluate, state
from tests.unit.simulators.expect.builders import expectation, judged, segment, submit


def test_after_another_expectation_was_met() -> None:
    entries = [submit(1, "138"), submit(2, "106", "T"), submit(3, "138")]
    stop, none, some, within = (
        expectation(name="stop", text="T"),
        expectation(destination="138", after="stop", count=0),
        expectation(destination="138", before="stop", count=1),
        expectation(destination="138", after="stop", within="1s"),
    )
    report = evaluate([stop, none, some, within], entries)
    assert [result.ok for result in report.results] == [True, False, True, True]
    assert report.results[1].offenders[0].entry.real_s == 3
    assert evaluate([within, stop], [*entries[:2], submit(3.1, "138")]).results[0].found == "1 after 1.1 s"


def test_after_counts_from_the_moment_there_were_enough() -> None:
    entries = [submit(1, text="a"), submit(2, text="b"), submit(3, text="a"), submit(4, text="b")]
    both = [expectation(name="two", text="a", at_least=2), expectation(text="b", after="two", count=1)]
    assert evaluate(both, entries).ok


def test_entries_of_one_read_keep_the_order_they_came_in() -> None:
    entries = [submit(1, text="a"), submit(1, text="T"), submit(1, text="b")]
    report = evaluate([expectation(name="T", text="T"), expectation(text="?", after="T", before="z", count=1)], entries)
    assert report.results[1].found == "no expectation and no phase is called 'z'; valid: T"
    assert evaluate([expectation(name="T", text="T"), expectation(after="T", count=1, text="b")], entries).ok
    assert evaluate([expectation(name="T", text="T"), expectation(before="T", count=1, text="a")], entries).ok


def test_after_what_has_not_happened_nothing_is_looked_at() -> None:
    report = evaluate(
        [expectation(name="stop", text="T"), expectation(after="stop", count=0), expectation(after="stop")], [submit(1)]
    )
    assert [result.ok for result in report.results] == [False, True, False]


def test_phases() -> None:
    entries = [submit(at_s) for at_s in (1, 2, 3, 4, 5)]
    run = {"phases": {"outage": [Span(2.0, 4.0)], "later": [Span(9.0)]}}
    assert judged(entries, run=run, phase="outage", count=2).ok
    assert judged(entries, run=run, after="outage", count=2).ok
    assert judged(entries, run=run, before="outage", count=1).ok
    assert judged(entries, run=run, before="later", count=5).ok
    assert judged(entries, run=run, after="later", count=0).ok
    assert judged(entries, run=run, after="outage", at_least=1, within="1ms").ok
    assert judged(entries, run=run, phase="outage", at_least=2, within="1s").ok
    assert not judged(entries, run=run, phase="outage", at_least=2, within="900ms").ok


def test_a_circle_and_what_hangs_on_it_fail_in_words() -> None:
    circle = [expectation(name="a", after="b"), expectation(name="b", after="a"), expectation(after="a")]
    report = evaluate(circle, [submit(1)])
    assert [result.ok for result in report.results] == [False, False, False]
    assert report.results[0].found == "'b' waits for this one in turn"


def test_entries_in_any_order() -> None:
    entries = [submit(3, text="No 3"), submit(1, text="No 1"), submit(2, text="No 2")]
    assert judged(entries, sorted_by="/([0-9])/").ok


def test_several_requirements_must_all_hold() -> None:
    result = judged([submit(0), submit(0.5)], count=2, rate={"at_most": 1}, each={"text": "bye"})
    assert (result.ok, result.found) == (False, "2 of 2 wrong; 2 in the busiest")
    assert result.expected == (
        "submitted messages: exactly 2; each with the text 'bye'; never more than 1 segment in any 1 s"
    )


def test_states() -> None:
    assert state(expectation(at_least=2), [submit(1)]) == "open"
    assert state(expectation(at_least=2), [submit(1), submit(2)]) == "met"
    assert state(expectation(count=0), [submit(1)]) == "failed"
    assert state(expectation(at_least=1, each={"text": "hello"}), [submit(1)]) == "open"
    assert state(expectation(within="2s", at_least=2), [submit(1)], now_s=9.0) == "failed"


def test_decided_is_a_report_that_nothing_can_change() -> None:
    entries = [submit(1), segment(1, 2, 2)]
    assert evaluate([expectation(at_least=1), expectation(at_most=1)], entries).decided
    assert not evaluate([expectation(at_least=1), expectation(at_most=2)], entries).decided


def test_generated_names_are_sentences() -> None:
    names = [
        result.name
        for result in evaluate(
            [
                expectation(destination="138*", text=["a", "/b/"], count=2),
                expectation(kind=["mo", "receipt"], where="alpha", status="0x58", at_most=3),
                expectation(kind="receipt", stat="DELIVRD", tlv={"0x1400": 5, "message_state": False}, at_least=1),
                expectation(links={"at_most": 2, "reconnect_after": "1s"}),
                expectation(rate={"at_most": 100}, phase="day", per=["account"]),
                expectation(latency={"at_most": "500ms", "quantile": 0.99}, name="fast"),
                expectation(whole=False, distinct=["text"], answered=False),
            ],
            [submit(1)],
            phases={"day": [Span(0.0)]},
        ).results
    ]
    assert names == [
        "submitted messages to 138* with the text 'a' or '/b/': exactly 2",
        "MO messages or receipts at alpha with status ESME_RTHROTTLED: at most 3",
        "receipts with stat DELIVRD with TLV 0x1400 = 5 without TLV message_state: at least 1",
        "links: never more than 2 bound at one time; no reconnect sooner than 1 s after a loss",
        "submitted messages in phase 'day': never more than 100 segments in any 1 s for each account",
        "fast",
        "submitted PDUs that are not answered: no two with the same text",
    ]


def test_what_was_forgotten_makes_nothing_sure() -> None:
    report = evaluate([expectation(at_most=1)], [submit(1)], forgotten=7)
    assert (report.ok, report.results[0].ok) == (False, True)
    assert report.results[1].found == "7 were forgotten; set record higher, or to 0 for all"
    assert evaluate([], [submit(1)], forgotten=7).ok
