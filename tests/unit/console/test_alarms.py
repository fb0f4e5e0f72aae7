"""Alarms over HTTP: what rings for whom, silences, acknowledgements, trying a channel."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from smsgw.alarms.state import ChannelState, State, packed
from smsgw.config.alarms import load_alarms
from smsgw.config.site import Site
from smsgw.console.app import build_app
from smsgw.documents.problems import Problems
from smsgw.policy.alarms.standing import FIRING, PENDING, Standing
from smsgw.services.desk import Desk
from smsgw.store.alarms import AlarmStore
from smsgw.store.connection import Store
from tests.unit.console.conftest import Asked, ok, person, problem
from tests.unit.services.conftest import NOW_MS, Time

DELIVERY = Standing("delivery_low", (("carrier", "alpha"),), FIRING, NOW_MS - 60_000, 0.62, 0.8, NOW_MS - 1, volume=412)
PROVINCE = dataclasses.replace(DELIVERY, labels=(("carrier", "alpha"), ("province", "广东")))
UNSUBSCRIBED = Standing(
    "unsubscribe_rate", (("account", "shop"), ("template", "t1")), FIRING, NOW_MS, 0.07, 0.03, NOW_MS, volume=900
)
TRAFFIC = Standing("traffic_low", (("account", "orders"),), PENDING, NOW_MS, 0.1, 0.2, volume=4000)
ALL = (DELIVERY, PROVINCE, UNSUBSCRIBED, TRAFFIC)
NUMBER = "13912345678"


class Wire:
    """A channel that takes what it is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.fault = ""

    async def send(self, channel: Any, title: str, body: str) -> str:
        self.sent.append((title, body))
        return self.fault


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
async def client(site: Site, store: Store, time: Time, wire: Wire, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    (tmp_path / "duty.url").write_text("json://127.0.0.1/verysecret")
    text = '[[channel]]\nname = "duty"\nurl_file = "duty.url"\nquiet = "22:00-07:00"\n'
    (tmp_path / "alarms.toml").write_text(text)
    settings = load_alarms(tmp_path, Problems())
    team = person("team", "application").model_copy(update={"accounts": ("shop",)})
    here = replace(site, alarms=settings, people={**site.people, "team": team})
    app = build_app(here, store, lambda: time.now_ms)
    app.state.alarm_sender = wire
    state = State({each.id: each for each in ALL}, {"duty": ChannelState(failing_ms=1, failures=2, why="refused")})
    alarms = AlarmStore(store)
    assert await alarms.take_turn()
    assert await alarms.write(packed(state), [{"at_ms": 1, "what": "firing", "id": DELIVERY.id}])
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8776") as client:
        yield client


async def ids(asked: Asked, part: str) -> list[str]:
    return [each["id"] for each in ok(await asked.get("/api/alarms"))[part]]


async def test_what_rings_is_told_in_both_languages(root: Asked) -> None:
    found = ok(await root.get("/api/alarms"))
    assert [each["id"] for each in found["firing"]] == [DELIVERY.id, UNSUBSCRIBED.id]
    # The carrier rings as a whole, so its province is not told beside it.
    assert [(each["id"], each["covered"]) for each in found["silenced"]] == [(PROVINCE.id, True)]
    assert [each["id"] for each in found["pending"]] == [TRAFFIC.id]
    first = found["firing"][0]
    assert first["text"] == "delivery rate down: carrier alpha 62% (threshold 80%, of 412, last 15 min)"
    assert first["text_zh"] == "送达率过低：通道 alpha 62%（阈值 80%，412 条，近 15 分钟）"
    assert found["late"]
    (channel,) = found["channels"]
    assert (channel["name"], channel["why"], channel["quiet"]) == ("duty", "refused", ["22:00-07:00"])
    assert "verysecret" not in str(found)


async def test_an_application_team_sees_its_own_alarms(client: httpx.AsyncClient) -> None:
    team = Asked(client, "team")
    found = ok(await team.get("/api/alarms"))
    assert [each["id"] for each in found["firing"]] == [UNSUBSCRIBED.id]
    assert (found["pending"], found["channels"], found["silences"], found["why_not"]) == ([], [], [], {})
    assert ok(await team.get("/api/alarms/history"))["items"] == []
    body = {"kind": "", "only": {}, "until": "2h", "why": "noise"}
    assert problem(await team.post("/api/alarms/silences", body), 403)


async def test_a_silence_is_kept_audited_and_ended(root: Asked, desk: Desk) -> None:
    body = {"kind": "delivery_low", "only": {"carrier": "al*"}, "until": "2h", "why": f"works, call {NUMBER}"}
    made = ok(await root.post("/api/alarms/silences", body))
    assert made["until_ms"] == NOW_MS + 7_200_000
    assert await ids(root, "firing") == [UNSUBSCRIBED.id]
    silenced = ok(await root.get("/api/alarms"))["silenced"][0]
    assert (silenced["silenced_by"], silenced["silenced_why"]) == ("root", "works, call 139****5678")
    (entry,) = [each for each in await desk.log.read_back(0, 10) if each.action == "alarm.silence"]
    assert (entry.who, entry.subject) == ("root", "alarm delivery_low carrier=al*")
    assert NUMBER not in str(entry)
    ended = ok(await root.post("/api/alarms/silences/end", {"id": made["id"], "why": "done"}))
    assert ended["id"] == made["id"]
    assert await ids(root, "firing") == [DELIVERY.id, UNSUBSCRIBED.id]
    assert problem(await root.post("/api/alarms/silences/end", {"id": made["id"], "why": "done"}), 404)
    history = ok(await root.get("/api/alarms/history", limit=2))
    assert [each["what"] for each in history["items"]] == ["unsilenced", "silenced"]
    assert history["total"] == 3
    assert NUMBER not in str(history)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"kind": "delivery"}, "kind: 'delivery' is not known"),
        ({"only": {"template": "t"}}, "only: 'template' is not known"),
        ({"only": {"carrier": ""}}, "only.carrier: must not be empty"),
        ({"until": ""}, "until: a silence has an end, such as 2h"),
        ({"until": "32d"}, "until: a silence ends within 31 days"),
        ({"until": "soon"}, "expires: 'soon' is neither"),
        ({"why": " "}, "why: every change needs a reason"),
    ],
)
async def test_a_silence_that_makes_no_sense(root: Asked, changes: dict[str, Any], expected: str) -> None:
    body = {"kind": "delivery_low", "only": {"carrier": "alpha"}, "until": "2h", "why": "works", **changes}
    assert problem(await root.post("/api/alarms/silences", body), 400).startswith(expected)


async def test_an_alarm_is_acknowledged(root: Asked, desk: Desk, store: Store) -> None:
    shown = ok(await root.post("/api/alarms/acknowledge", {"id": DELIVERY.id, "why": "I ask the carrier"}))
    assert shown["acknowledged_by"] == "root"
    assert (await AlarmStore(store).said())[f"ack {DELIVERY.id}"]["who"] == "root"
    assert [each.action for each in await desk.log.read_back(0, 1)] == ["alarm.acknowledge"]
    assert problem(await root.post("/api/alarms/acknowledge", {"id": TRAFFIC.id, "why": "early"}), 404)


async def test_a_channel_is_tried(root: Asked, wire: Wire, desk: Desk) -> None:
    asked = {"channel": "duty", "why": "new"}
    assert ok(await root.post("/api/alarms/channels/test", asked)) == {"arrived": True, "why": ""}
    wire.fault = "refused"
    assert ok(await root.post("/api/alarms/channels/test", asked)) == {"arrived": False, "why": "refused"}
    assert len(wire.sent) == 2
    assert "测试" in wire.sent[0][0]
    assert [each.action for each in await desk.log.read_back(0, 2)] == ["alarm.test"] * 2
    assert "there is no channel of alarms 'dut'" in problem(
        await root.post("/api/alarms/channels/test", {**asked, "channel": "dut"}), 400
    )
