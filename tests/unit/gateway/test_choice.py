"""Which carrier a message goes to."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from smsgw.gateway.choice import CarrierChoice
from smsgw.policy.registers import Registers


class World:
    """Carriers a, b, c, d; those of ``up`` are up, those of ``paused`` are paused."""

    def __init__(self, up: str = "bd", paused: str = "") -> None:
        self.context: Any = SimpleNamespace(
            pools={name: SimpleNamespace(up=name in up) for name in "abcd"},
            registers=Registers(),
            is_open=lambda name: name not in paused,
        )
        self.choice = CarrierChoice(self.context)


def test_the_next_carrier_is_the_first_untried_that_is_up() -> None:
    choice = World().choice
    assert choice.first(["a", "b", "d"]) == "b"
    assert choice.first(["a", "c"]) == "a"
    assert choice.next(["a", "b", "d"], ["b"]) == "d"
    assert choice.next(["a", "b", "c"], ["b"]) == "a"
    assert choice.next(["a", "b", "c"], ["b"], only_up=True) is None
    assert choice.next(["a"], ["a"]) is None


def test_a_paused_carrier_is_taken_only_where_there_is_nothing_else() -> None:
    choice = World(up="abcd", paused="ab").choice
    assert choice.first(["a", "c"]) == "c"
    assert choice.first(["a", "b"]) == "a"
    assert choice.next(["a", "b"], []) is None


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("d", ""),
        ("a", "none of its binds is up"),
        ("b", "it is paused"),
        ("gone", "it is not in the site's files"),
    ],
)
def test_why_not(name: str, why: str) -> None:
    choice = World(paused="b").choice
    assert choice.why_not(name) == why
    assert choice.usable(name) is not bool(why)
