"""Alarms that ring, a silence, channels of which one fails: what the page of alarms shows."""

from __future__ import annotations

from typing import Final

from smsgw.alarms.state import ChannelState, State, packed
from smsgw.clock import RealClock
from smsgw.policy.alarms.standing import FIRING, PENDING, Standing
from smsgw.services import alarms
from smsgw.store.alarms import AlarmStore
from tests.e2e.console_pages.harness import Scene
from tests.ports import free_port
from tests.unit.services.conftest import NOW_MS

_MINUTE_MS = 60_000
DELIVERY: Final = Standing(
    "delivery_low", (("carrier", "alpha"), ("province", "广东")), FIRING, NOW_MS - 21 * _MINUTE_MS, 0.624, 0.8,
    NOW_MS - 16 * _MINUTE_MS, volume=1412, told={"duty": NOW_MS - 16 * _MINUTE_MS},
)  # fmt: skip
UNSUBSCRIBED: Final = Standing(
    "unsubscribe_rate", (("account", "shop"), ("template", "singles-day")), FIRING, NOW_MS - 3 * _MINUTE_MS, 0.071,
    0.03,
    NOW_MS - 3 * _MINUTE_MS, volume=8200,
    acted="template singles-day paused · 已暂停模板; smsgw resume template:singles-day",
)  # fmt: skip
QUEUE: Final = Standing(
    "queue_growing", (("carrier", "beta"), ("class", "marketing")), FIRING, NOW_MS - 40 * _MINUTE_MS, 5300, 1000,
    NOW_MS - 35 * _MINUTE_MS, volume=5300,
)  # fmt: skip
MEMORY: Final = Standing("store_memory", (), PENDING, NOW_MS - _MINUTE_MS, 0.83, 0.8)
_CHANNELS = """
[[channel]]
name = "duty"
url_file = "duty.url"
quiet = "22:00-07:00"
[[channel]]
name = "mail"
url_file = "duty.url"
severity = "page"
"""


async def seed_alarms(scene: Scene) -> None:
    """Something of every kind of row."""
    directory = scene.site.directory
    (directory / "duty.url").write_text(f"json://127.0.0.1:{free_port()}/verysecret")
    (directory / "alarms.toml").write_text(_CHANNELS, encoding="utf-8")
    store = AlarmStore(scene.store)
    assert await store.take_turn()
    real_ms = RealClock().now_ms()
    channels = {
        "duty": ChannelState(arrived_ms=real_ms - 90_000),
        "mail": ChannelState(failing_ms=real_ms - 300_000, failures=5, next_ms=real_ms, why="Connection refused"),
    }
    state = State({each.id: each for each in (DELIVERY, UNSUBSCRIBED, QUEUE, MEMORY)}, channels, looked_ms=real_ms)
    state.why_not = {"records": "the records did not answer within 60 s"}
    events = [
        {
            "at_ms": each.fired_ms,
            "what": "firing",
            "id": each.id,
            "kind": each.kind,
            "labels": [list(pair) for pair in each.labels],
        }
        for each in (QUEUE, DELIVERY, UNSUBSCRIBED)
    ]
    events.append(
        {"at_ms": NOW_MS, "what": "acted", "kind": UNSUBSCRIBED.kind, "labels": [], "outcome": UNSUBSCRIBED.acted}
    )
    assert await store.write(packed(state), events)
    await alarms.silence(
        scene.desk("engineer"), kind="queue_growing", only={"carrier": "beta"}, until="8h", why="beta moves"
    )  # fmt: skip
