"""What bin/soak calls flat: a leak of memory, files or latency is found, a slow minute is not one."""

from __future__ import annotations

import pytest

from tests.soak.judging import MIB, Minute, Seen, judge


def _minute(
    memory_mib: float = 100, fds: int = 40, p99_ms: float = 80, failed: int = 0, name: str = "gateway"
) -> Minute:
    return Minute(1000, failed, 20, p99_ms, 60, 200, {name: Seen(int(memory_mib * MIB), fds, 0.5)})


def test_what_stays_is_flat_whatever_the_first_minutes_did() -> None:
    minutes = [_minute(60), _minute(90), *[_minute(100 + n % 3) for n in range(20)]]
    found = judge(minutes, 2)
    assert found.flat, found.problems
    assert {each.what for each in found.findings} >= {"gateway memory", "gateway files", "answer p99", "receipt p50"}


def test_one_slow_minute_is_no_growth() -> None:
    minutes = [_minute() for _ in range(20)]
    minutes[-1] = _minute(p99_ms=5000)
    assert judge(minutes, 2).flat


@pytest.mark.parametrize(
    ("last", "what"),
    [
        (lambda n: _minute(100 + n), "gateway memory"),
        (lambda n: _minute(fds=40 + n), "gateway files"),
        (lambda n: _minute(p99_ms=80 + 20 * n), "answer p99"),
        (lambda n: _minute(failed=int(n == 5)), "messages"),
    ],
)
def test_what_grows_is_found(last, what) -> None:  # type: ignore[no-untyped-def]
    found = judge([last(n) for n in range(30)], 3)
    assert not found.flat
    assert any(what in problem for problem in found.problems), found.problems


def test_memory_that_is_kept_on_purpose_is_not_judged() -> None:
    minutes = [_minute(100 + 50 * n, name="redis") for n in range(20)]
    assert judge(minutes, 3, ("redis",)).flat
    assert not judge(minutes, 3).flat


def test_a_process_that_was_replaced_and_too_few_minutes_are_told() -> None:
    assert "too few" in judge([_minute()] * 3, 3).problems[0]
    minutes = [_minute(name="worker1"), _minute(name="worker1"), _minute(name="worker2"), _minute(name="worker2")]
    assert "not there all the time" in judge(minutes, 0).problems[0]
