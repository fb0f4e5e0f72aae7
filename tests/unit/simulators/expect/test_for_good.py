"""What is met or failed for good stays so, whatever comes."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.entry import Entry
from simulators.expect.evaluate import Span, evaluate
from tests.unit.simulators.expect.builders import expectation, link, receipt, segment, submit

_TEXTS = st.sampled_from(["a", "b", "T", "No 1", "No 2"])
_STATUS = st.sampled_from([0, 0, 0, 0x58])


def _time(index: int, tick: int) -> float:
    return index / 4 + tick / 16


@st.composite
def _entries(draw: st.DrawFn) -> list[Entry]:
    entries: list[Entry] = []
    for index in range(draw(st.integers(0, 8))):
        at_s = _time(index, draw(st.integers(0, 3)))
        match draw(st.sampled_from(["submit", "submit", "segment", "receipt", "link"])):
            case "submit":
                new = submit(
                    at_s, draw(st.sampled_from("12")), draw(_TEXTS), status=draw(_STATUS), message_id=str(index)
                )
            case "segment":
                new = segment(draw(st.integers(1, 2)), 2, at_s, status=draw(_STATUS), message_id=str(index))
            case "receipt":
                new = receipt(str(draw(st.integers(0, 8))), at_s, draw(st.sampled_from(["DELIVRD", "EXPIRED"])))
            case _:
                new = link(
                    draw(st.sampled_from(["bind", "refused_bind", "lost", "unbind"])), draw(st.integers(1, 2)), at_s
                )
        entries.append(new)
    return entries


_REQUIREMENTS: dict[str, st.SearchStrategy[Any]] = {
    "count": st.integers(0, 3),
    "at_least": st.integers(0, 3),
    "at_most": st.integers(0, 3),
    "within": st.sampled_from(["500ms", "1s"]),
    "each": st.sampled_from([{"text": "a"}, {"status": 0}, {"destination": "1"}]),
    "order": st.sampled_from([[{"text": "a"}, {"text": "T"}, {"text": "b"}], [{"text": "a"}, {}, {"text": "a"}]]),
    "sorted_by": st.sampled_from(["text", "/No ([0-9])/"]),
    "distinct": st.just(["destination", "text"]),
    "in_one_piece": st.just(True),
    "rate": st.sampled_from([{"at_most": 2}, {"at_most": 1, "of": "messages", "within": "500ms"}]),
    "receipts": st.sampled_from([{}, {"count": 1}, {"at_most": 0, "stat": "EXPIRED"}]),
    "latency": st.sampled_from(
        [{"to": "receipt", "at_most": "500ms"}, {"to": "receipt", "at_most": "1s", "quantile": 0.5}]
    ),
    "links": st.sampled_from([{"at_most": 1}, {"at_least": 2}, {"reconnect_after": "500ms"}]),
}
_CONDITIONS: dict[str, st.SearchStrategy[Any]] = {
    "destination": st.just("1"),
    "text": st.sampled_from([["a", "T"], "*…*", "<1>*"]),
    "status": st.sampled_from([0, 0x58]),
    "answered": st.booleans(),
    "per": st.just(["destination"]),
    "after": st.sampled_from(["stop", "day"]),
    "before": st.sampled_from(["stop", "day"]),
    "phase": st.just("day"),
}


@st.composite
def _tables(draw: st.DrawFn) -> dict[str, Any]:
    required = draw(st.lists(st.sampled_from(sorted(_REQUIREMENTS)), max_size=2, unique=True))
    conditions = draw(st.lists(st.sampled_from(sorted(_CONDITIONS)), max_size=2, unique=True))
    table = {name: draw(_REQUIREMENTS[name]) for name in required}
    table |= {name: draw(_CONDITIONS[name]) for name in conditions}
    if "count" in table:
        table.pop("at_least", None)
        table.pop("at_most", None)
    if table.get("at_least", 0) > table.get("at_most", 9):
        del table["at_most"]
    if "links" in table:
        table = {"links": table["links"]}
    return table


def _seen(entries: list[Entry]) -> list[Entry]:
    """What came last is not answered yet."""
    if not entries or entries[-1].kind != "submit":
        return entries
    return [*entries[:-1], replace(entries[-1], status=None, message_id="")]


@settings(max_examples=300)
@given(_entries(), _tables())
def test_for_good_is_for_good(entries: list[Entry], table: dict[str, Any]) -> None:
    wanted = [expectation(**table), expectation(name="stop", text="T")]
    phases = {"day": [Span(0.5, 1.25)]}
    states = [
        evaluate(wanted, _seen(entries[:end]), phases=phases, started_s=0.0, now_s=_time(end, 0)).results[0]
        for end in range(len(entries) + 1)
    ]
    for earlier, later in pairwise(states):
        assert earlier.state in ("open", later.state), (earlier, later)
    assert all(result.ok for result in states if result.state == "met")
    assert not any(result.ok for result in states if result.state == "failed")
