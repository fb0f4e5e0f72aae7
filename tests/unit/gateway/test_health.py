"""The desk of breakers: what counts, what probes, what is told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from smsgw.gateway.health import STALE_MS, Health
from smsgw.policy.breaker import BreakerSettings
from smsgw.policy.code_classes import CodeClass
from smsgw.policy.failover import FailoverPolicy
from smsgw.telemetry.metrics import Metrics

POLICY = FailoverPolicy(breaker=BreakerSettings(sample=20, open_s=10, probe_share=0.5, probe_sample=5))
SLOW = FailoverPolicy(latency_s=1.0)


class World:
    """Carriers alpha and beta; ``now_s`` is both clocks."""

    def __init__(self) -> None:
        self.now_s = 1_800_000_000.0
        self.events: list[str] = []
        self.woken = 0
        self.metrics = Metrics("0", str)
        context: Any = SimpleNamespace(
            clock=SimpleNamespace(now_ms=lambda: round(self.now_s * 1000)),
            metrics=self.metrics,
            log=lambda event, fields: self.events.append(event),
            wake_queues=self.wake,
        )
        self.health = Health(context, lambda: self.now_s)

    def wake(self) -> None:
        self.woken += 1

    def fail(self, times: int, province: str = "guangdong", code: CodeClass | None = None, late_ms: int = 0) -> None:
        for _ in range(times):
            self.now_s += 1
            sent_ms = round(self.now_s * 1000) - late_ms
            self.health.failed("alpha", POLICY, "id", province, code, sent_ms)


def sent(message_id: str, province: str = "guangdong") -> Any:
    return SimpleNamespace(message_ids=[message_id], province=province)


def test_a_province_leaves_and_the_others_stay() -> None:
    world = World()
    health = world.health
    assert health.lets("alpha", "guangdong")
    assert not health.troubled
    world.fail(25)
    assert health.troubled
    assert health.is_open("alpha", "guangdong")
    assert not health.lets("alpha", "guangdong")
    assert health.lets("alpha", "hunan")
    assert health.lets("beta", "guangdong")
    assert "guangdong" in health.why_not("alpha", "guangdong")
    assert (world.events, world.woken) == (["carrier.breaker_open"], 1)
    assert world.metrics.carrier("alpha").breaker_opened == {"guangdong": 1}
    (standing,) = health.standings()
    assert (standing.carrier, standing.province, standing.state) == ("alpha", "guangdong", "open")


def test_what_speaks_of_the_recipient_or_comes_late_does_not_count() -> None:
    world = World()
    world.fail(50, code=CodeClass.BLACKLIST)
    world.fail(50, late_ms=STALE_MS + 1)
    assert not world.health.troubled


def test_probes_bring_it_back_and_older_receipts_do_not() -> None:
    world = World()
    health = world.health
    world.fail(25)
    world.now_s += 10
    health.tick()
    assert world.events[-1] == "carrier.breaker_half_open"
    for _ in range(20):
        health.delivered("alpha", POLICY, "sent before", "guangdong")
    assert health.troubled
    assert sum(health.lets("alpha", "guangdong") for _ in range(10)) in (5, 6)
    assert not health.is_open("alpha", "guangdong")
    for number in range(5):
        health.taken("alpha", POLICY, sent(f"probe{number}"), 0)
        health.delivered("alpha", POLICY, f"probe{number}", "guangdong")
    assert world.events[-1] == "carrier.breaker_closed"
    health.tick()
    assert not health.troubled


def test_slow_answers_and_none_at_all() -> None:
    world = World()
    health = world.health
    for number in range(40):
        world.now_s += 1
        health.answered("alpha", SLOW, 5.0 if number % 2 else None)
    assert not health.lets("alpha", "")
    assert "slowly" in health.why_not("alpha", "hunan")
    assert health.is_open("alpha", "hunan")
    world.now_s += 31
    assert health.lets("alpha", "")
    for _ in range(30):
        world.now_s += 1
        health.answered("alpha", SLOW, 0.1)
    assert health.why_not("alpha", "") == ""


def test_nothing_is_watched_unless_asked_for() -> None:
    world = World()
    for _ in range(100):
        world.now_s += 1
        world.health.answered("alpha", FailoverPolicy(), 60.0)
        world.health.failed("alpha", FailoverPolicy(), "id", "hunan", None, 0)
    assert world.health.standings() == []


def test_another_version_of_the_file_keeps_what_it_asks_for_alike() -> None:
    world = World()
    world.fail(25)
    again = FailoverPolicy(breaker=BreakerSettings(sample=20, open_s=10, probe_share=0.5, probe_sample=5))
    world.health.delivered("alpha", again, "id", "guangdong")
    assert world.health.is_open("alpha", "guangdong")
    world.health.delivered("alpha", FailoverPolicy(breaker=BreakerSettings()), "id", "guangdong")
    assert not world.health.is_open("alpha", "guangdong")
