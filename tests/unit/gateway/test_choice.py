"""Which carrier a message goes to."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from smsgw.gateway.choice import CarrierChoice
from smsgw.policy.entries import OrderEntry
from smsgw.policy.orders import Orders
from smsgw.policy.registers import Registers


class World:
    """Carriers a, b, c, d; those of ``up`` are up, those of ``paused`` are paused."""

    def __init__(self, up: str = "bd", paused: str = "") -> None:
        self.context: Any = SimpleNamespace(
            pools={name: SimpleNamespace(up=name in up, elsewhere=False) for name in "abcd"},
            registers=Registers(),
            is_open=lambda name: name not in paused,
            clock=SimpleNamespace(now_ms=lambda: 5000),
            health=self,
        )
        self.context.registers.pauses = SimpleNamespace(any=True)
        self.bad: dict[tuple[str, str], str] = {}
        self.probes: list[tuple[str, str]] = []
        self.choice = CarrierChoice(self.context)

    def lets(self, name: str, province: str) -> bool:
        self.probes.append((name, province))
        return (name, province) not in self.bad

    def why_not(self, name: str, province: str) -> str:
        return self.bad.get((name, province), "")

    def is_open(self, name: str, province: str) -> bool:
        return (name, province) in self.bad


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


def test_a_province_that_does_badly_goes_elsewhere_but_never_nowhere() -> None:
    world = World(up="ab")
    world.bad["a", "guangdong"] = "few arrive"
    choice = world.choice
    assert choice.first(["a", "b"], "guangdong") == "b"
    assert choice.first(["a", "b"], "hunan") == "a"
    assert choice.why_not("a", "guangdong") == "few arrive"
    assert choice.leaves("a", "guangdong")
    assert not choice.leaves("a", "hunan")
    world.bad["b", "guangdong"] = "few arrive"
    assert choice.first(["c", "a", "b"], "guangdong") == "a"
    assert choice.next(["a", "b"], ["a"], only_up=True, province="guangdong") is None


def test_only_what_would_be_taken_is_counted_as_a_probe() -> None:
    world = World(up="ab")
    world.choice.first(["c", "a", "b"], "hunan")
    assert world.probes == [("a", "hunan")]
    world.choice.usable("a", "hunan")
    assert len(world.probes) == 1


def test_a_carrier_that_the_text_does_not_suit_is_passed_over() -> None:
    choice = World(up="ab").choice
    assert choice.first(["a", "b"], "", lambda name: name != "a") == "b"
    assert choice.next(["a", "b"], ["b"], suits=lambda name: name != "a") is None
    assert choice.first(["a", "b"], "", lambda name: False) == "a"


def test_what_staff_ordered() -> None:
    world = World(up="ab")
    entry = OrderEntry("carrier:a", "suspend", "maintenance", "li", 0, 10_000)
    world.context.registers.orders = Orders([entry])
    assert world.choice.first(["a", "b"]) == "b"
    assert world.choice.why_not("a") == "staff ordered suspend: maintenance"
    assert not world.choice.allowed("a")


def test_another_process_may_have_its_binds() -> None:
    world = World(up="b")
    world.context.pools["a"].elsewhere = True
    assert world.choice.first(["a", "b"]) == "a"


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
