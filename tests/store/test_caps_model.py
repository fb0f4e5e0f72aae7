"""Caps against a naive model that keeps every message for ever."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smsgw.store.admission import ACCEPTED, CAPPED, AdmitItem, AdmitReply
from tests.store.kit import DAY_MS, MINUTE_MS, NOW_MS, Kit

HOUR_MS = 60 * MINUTE_MS
_next_example = count().__next__


@dataclass(frozen=True)
class Cap:
    """One configured cap."""

    key: str
    kind: int
    limit: int
    period_ms: int

    def row(self, at_ms: int) -> list[Any]:
        start = at_ms - at_ms % self.period_ms
        return [self.key, self.kind, self.limit, {}, start, start + self.period_ms, self.period_ms]


CAP_SETS = (
    (Cap("otp-minute", 0, 1, MINUTE_MS), Cap("otp-hour", 0, 3, HOUR_MS)),
    (Cap("notice-rolling", 1, 2, 90_000), Cap("notice-day", 0, 5, DAY_MS)),
    (Cap("marketing-day", 0, 2, DAY_MS), Cap("marketing-rolling", 1, 3, DAY_MS)),
    (Cap("otp-hour", 0, 3, HOUR_MS),),
)


@dataclass
class Model:
    """Times counted for each (recipient, cap key)."""

    times: dict[tuple[int, str], list[int]] = field(default_factory=dict)

    def admit(self, who: int, caps: tuple[Cap, ...], at_ms: int) -> tuple[int, int]:
        """(code, row)."""
        for number, cap in enumerate(caps):
            if self.seen(who, cap, at_ms) >= cap.limit:
                return CAPPED, number
        for cap in caps:
            self.times.setdefault((who, cap.key), []).append(at_ms)
        return ACCEPTED, -1

    def seen(self, who: int, cap: Cap, at_ms: int) -> int:
        times = self.times.get((who, cap.key), [])
        if cap.kind == 0:
            return sum(time // cap.period_ms == at_ms // cap.period_ms for time in times)
        return sum(abs(time - at_ms) < cap.period_ms for time in times)


messages = st.tuples(
    st.integers(0, 2),
    st.integers(0, len(CAP_SETS) - 1),
    st.sampled_from([0, 0, 0, 30_000, HOUR_MS, DAY_MS, 2 * DAY_MS]),  # how far ahead it is due
)
batches = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 999, 30_000, 59_000, 90_000, HOUR_MS, DAY_MS // 2, DAY_MS]),  # how long after the last
        st.lists(messages, min_size=1, max_size=8),
    ),
    min_size=1,
    max_size=12,
)


@given(batches)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_caps_decide_as_the_model_does(kit: Kit, history: list[tuple[int, list[tuple[int, int, int]]]]) -> None:
    model, example = Model(), _next_example()
    kit.now_ms = NOW_MS
    numbers = [f"861{example:07d}{who}" for who in range(3)]
    for later_ms, batch in history:
        kit.now_ms += later_ms
        items: list[AdmitItem] = []
        expected: list[tuple[int, int]] = []
        for who, cap_set, ahead_ms in batch:
            caps, at_ms = CAP_SETS[cap_set], kit.now_ms + ahead_ms
            rows = tuple(cap.row(at_ms) for cap in caps)
            items.append(kit.item(numbers[who], caps=rows, at_ms=at_ms, due_ms=at_ms if ahead_ms else 0))
            expected.append(model.admit(who, caps, at_ms))
        replies = await kit.admit(*items)
        assert [(reply.code, reply.row) for reply in replies if isinstance(reply, AdmitReply)] == expected
    for who, number in enumerate(numbers):
        caps = tuple(cap for cap_set in CAP_SETS for cap in cap_set)
        report = await kit.admission.dry(kit.item(number, caps=tuple(cap.row(kit.now_ms) for cap in caps)))
        assert report.seen == [model.seen(who, cap, kit.now_ms) for cap in caps]
