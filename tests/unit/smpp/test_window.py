"""The window: bounded, answered in any order, expired in the order of sending."""

from __future__ import annotations

import pytest

from smsgw.errors import LocalError
from smsgw.smpp.window import Window


def test_it_is_full_at_its_limit() -> None:
    window: Window[str] = Window(2)
    assert (window.free, window.full, len(window)) == (2, False, 0)
    window.add(1, "a", 10.0)
    window.add(2, "b", 10.0)
    assert (window.free, window.full, len(window)) == (0, True, 2)
    with pytest.raises(LocalError):
        window.add(3, "c", 10.0)


def test_answers_come_in_any_order_and_once() -> None:
    window: Window[str] = Window(3)
    for number, item in enumerate("abc", 1):
        window.add(number, item, 10.0)
    assert window.pop(2) == "b"
    assert window.pop(2) is None
    assert window.pop(9) is None
    assert window.pop(1) == "a"
    assert window.drain() == ["c"]


def test_a_sequence_number_that_waits_can_not_be_used_again() -> None:
    window: Window[str] = Window(3)
    window.add(1, "a", 10.0)
    with pytest.raises(LocalError):
        window.add(1, "b", 10.0)
    assert window.pop(1) == "a"
    window.add(1, "b", 10.0)


def test_expired_are_removed_oldest_first() -> None:
    window: Window[str] = Window(5)
    for number, item in enumerate("abcd", 1):
        window.add(number, item, float(number))
    window.pop(2)
    assert window.expired(0.5) == []
    assert window.expired(3.0) == [(1, "a"), (3, "c")]
    assert window.expired(3.0) == []
    assert len(window) == 1
    assert window.pop(3) is None


def test_a_later_add_never_expires_before_an_earlier_one() -> None:
    window: Window[str] = Window(5)
    window.add(1, "slow", 10.0)
    window.add(2, "quick", 1.0)
    assert window.expired(5.0) == []
    assert window.expired(10.0) == [(1, "slow"), (2, "quick")]


def test_drain_gives_everything_in_the_order_of_adding() -> None:
    window: Window[int] = Window(100)
    numbers = [7, 3, 0x7FFFFFFF, 1, 2]
    for number in numbers:
        window.add(number, number, 1.0)
    assert window.drain() == numbers
    assert len(window) == 0
    assert window.drain() == []


def test_a_smaller_limit_drops_nothing() -> None:
    window: Window[str] = Window(3)
    for number, item in enumerate("abc", 1):
        window.add(number, item, 10.0)
    window.limit = 1
    assert (window.free, window.full, len(window)) == (0, True, 3)
    window.pop(1)
    window.pop(2)
    assert window.full
    window.pop(3)
    assert window.free == 1
