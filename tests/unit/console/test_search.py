"""Finding messages and looking at one whole over HTTP: what the archive has and what is not in it yet, masked until
somebody who may gives a reason.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import httpx
import msgpack  # type: ignore[import-untyped, unused-ignore]
import pytest

from smsgw.config.site import Site
from smsgw.console.app import build_app
from smsgw.records.archive import raw
from smsgw.records.record import HOUR_MS, NO_CLASS, Row, Step
from smsgw.services.archive import keeper_of
from smsgw.smpp.alphabet import encode_text
from smsgw.smpp.constants import RESPONSE_BIT, CommandId
from smsgw.smpp.pdu import response, submit_sm
from smsgw.store.connection import Store
from smsgw.store.envelope import Envelope
from smsgw.store.secrets import Secrets, load_or_create
from tests.unit.console.conftest import Asked, ok, person, problem
from tests.unit.records.archive.world import World, message_id
from tests.unit.services.conftest import NOW_MS, Time

NUMBER = "8613800138000"
OTHER = "8618900002222"
TEXT = "【示例商城】您的订单已发货，拒收请回复R"
BEGAN = NOW_MS - 2 * HOUR_MS
SUBMIT_SM_RESP = int(CommandId.SUBMIT_SM) | RESPONSE_BIT


class Scene:
    """A site's records, sealed with its own secrets."""

    def __init__(self, site: Site, world: World) -> None:
        self.site = site
        self.world = world
        self.secrets: Secrets = load_or_create(site.secrets_file)
        self.sealer, self.hasher = self.secrets.sealer(), self.secrets.hasher()

    def keep(self) -> None:
        keeper = keeper_of(self.site, self.secrets, lambda: NOW_MS)
        keeper.round()
        keeper.close()

    def life(self, number: int, *, to: str = NUMBER, account: str = "shop", carrier: str = "alpha") -> list[Row]:
        """A message of two segments, delivered; its ids are those of ``number`` and the next."""
        at_ms = BEGAN + number * 1000
        names = [message_id(number, at_ms), message_id(number + 1, at_ms)]
        pdus = [self._pdu(to, TEXT + str(number)), self._pdu(to, "第二段")]
        envelope = Envelope(
            names, pdus, account, 2, to, "106900000001", "示例商城", [1, 1], at_ms, template="sale@2",
            campaign="spring", route="main", province="北京", segments=2,
        )  # fmt: skip
        sealed = self.sealer.seal(envelope.pack())
        who = (2, self.hasher.hash(to), f"{to[2:5]}****{to[-4:]}", 1, 0, "", "示例商城")
        rows: list[Row] = []
        for place, name in enumerate(names):
            more: tuple[object, ...] = () if place else (sealed,)
            cid = f"c{number}-{place}"
            rows += [
                (at_ms, Step.ACCEPTED, name, account, "", *who, 2, "main", *more),
                (at_ms + 4, Step.SENT, name, account, carrier, *who, 0, 1),
                (at_ms + 20, Step.ANSWERED, name, account, carrier, *who, 15.5, cid),
                (at_ms + 3000, Step.RECEIPT, name, account, carrier, NO_CLASS, "", "", 0, 0, "", "", 0, 2, "000", cid),
                (at_ms + 3010, Step.RECEIPT_RETURNED, name, account, "", NO_CLASS, "", "", 0, 0, "", "", 0, 2),
            ]  # fmt: skip
        return rows

    def refused(self, at_ms: int, account: str = "shop") -> Row:
        who = (2, self.hasher.hash(OTHER), "189****2222", 1, 0x410, "optout", "")
        return (at_ms, Step.REFUSED, message_id(99, at_ms), account, "", *who, 0, "for the company")

    @staticmethod
    def _pdu(to: str, text: str) -> bytes:
        return submit_sm(
            0, source_addr=b"106900000001", destination_addr=to.encode(), short_message=encode_text(text, 8),
            data_coding=8, registered_delivery=1,
        )  # fmt: skip


@pytest.fixture
def scene(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(raw, "LOCK_KEPT_S", 0.0)
    world = World(tmp_path / "state" / "records")
    records = site.file.records.model_copy(update={"directory": str(world.directory)})
    team = person("team", "application").model_copy(update={"accounts": ("login",)})
    mine = replace(site, people={**site.people, "team": team}, file=site.file.model_copy(update={"records": records}))
    return Scene(mine, world)


@pytest.fixture
def here(scene: Scene, store: Store, time: Time, monkeypatch: pytest.MonkeyPatch) -> httpx.AsyncClient:
    monkeypatch.setattr(store, "recipients", scene.hasher)
    app = build_app(scene.site, store, lambda: time.now_ms)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost:8776")


@pytest.fixture(params=["archive", "raw", "both"])
def kept(request: pytest.FixtureRequest, scene: Scene) -> Scene:
    """Two messages of shop, one of login, one that was refused: archived, not yet, or the later half not yet."""
    scene.world.write([*scene.life(0), *scene.life(10, to=OTHER)])
    scene.world.archive.mkdir(parents=True, exist_ok=True)
    if request.param == "both":
        scene.keep()
    scene.world.write([*scene.life(20, account="login", carrier="beta"), scene.refused(BEGAN + 30_000)], "node2")
    if request.param == "archive":
        scene.keep()
    return scene


async def test_the_newest_come_first_masked_with_what_became_of_them(here: httpx.AsyncClient, kept: Scene) -> None:
    found = ok(await Asked(here, "viewer").post("/api/messages/search", {}))
    rows = found["items"]
    assert [(row["step"], row["account"], row["last_step"], row["state"]) for row in rows] == [
        ("refused", "shop", "refused", ""),
        *[("accepted", "login", "receipt", "DELIVERED")] * 2,
        *[("accepted", "shop", "receipt", "DELIVERED")] * 4,
    ]
    assert rows[0]["rule"] == "optout"
    assert rows[0]["rule_text_zh"]
    assert (rows[0]["number"], rows[-1]["number"], rows[-1]["carrier"]) == ("189****2222", "138****8000", "alpha")
    assert NUMBER[2:] not in str(found)


CONDITIONS: list[tuple[dict[str, str], int]] = [
    ({"number": "138 0013 8000"}, 4), ({"number": "18900002222"}, 3), ({"account": "login"}, 2),
    ({"carrier": "beta"}, 2), ({"carrier_message_id": "c10-1"}, 2), ({"step": "receipt"}, 6),
    ({"step": "refused"}, 1), ({"rule": "optout"}, 1), ({"rule": "quota"}, 0), ({"message_class": "otp"}, 0),
    ({"until": "2026-11-18 08:30:05"}, 2), ({"since": "2026-11-18 08:30:15"}, 3),
    ({"account": "shop", "number": "18900002222"}, 3),
]  # fmt: skip


async def test_conditions(here: httpx.AsyncClient, kept: Scene) -> None:
    viewer = Asked(here, "viewer")
    for wanted, count in CONDITIONS:
        assert len(ok(await viewer.post("/api/messages/search", wanted))["items"]) == count, wanted


async def test_conditions_that_only_the_archive_knows(here: httpx.AsyncClient, scene: Scene) -> None:
    scene.world.write([*scene.life(0), *scene.life(10, to=OTHER)])
    scene.keep()
    viewer = Asked(here, "viewer")
    for wanted in ({"template": "sale"}, {"template": "sale@2"}, {"campaign": "spring"}, {"province": "北京"}):
        rows = ok(await viewer.post("/api/messages/search", wanted))["items"]
        assert [(row["template"], row["province"]) for row in rows] == [("sale@2", "北京")] * 4
    assert not ok(await viewer.post("/api/messages/search", {"template": "sal"}))["items"]


async def test_pages_follow_one_another_without_a_gap(here: httpx.AsyncClient, kept: Scene) -> None:
    viewer, after, seen = Asked(here, "viewer"), "", []
    for _ in range(10):
        found = ok(await viewer.post("/api/messages/search", {"limit": 2, "after": after, "step": "accepted"}))
        seen += [row["message_id"] for row in found["items"]]
        after = found["next"]
        if not after:
            break
    whole = ok(await viewer.post("/api/messages/search", {"step": "accepted"}))["items"]
    assert seen == [row["message_id"] for row in whole]
    assert len(seen) == 6


async def test_a_team_finds_only_what_is_its_own(here: httpx.AsyncClient, kept: Scene) -> None:
    team = Asked(here, "team")
    assert {row["account"] for row in ok(await team.post("/api/messages/search", {}))["items"]} == {"login"}
    assert ok(await team.post("/api/messages/search", {"number": "13800138000"}))["items"]
    assert problem(await team.post("/api/messages/search", {"account": "shop"}), 403)
    own, others = message_id(20, BEGAN + 20_000), message_id(0, BEGAN)
    assert ok(await team.get(f"/api/messages/{own}"))["account"] == "login"
    assert "not known" in problem(await team.get(f"/api/messages/{others}"), 404)
    assert problem(await team.post(f"/api/messages/{own}/reveal", {"why": "a customer asked"}), 403)


async def test_a_message_whole_masked(here: httpx.AsyncClient, kept: Scene) -> None:
    found = ok(await Asked(here, "viewer").get(f"/api/messages/{message_id(0, BEGAN)}"))
    assert (found["account"], found["number"], found["route"]) == ("shop", "138****8000", "main")
    assert found["source"] == "106900000001"
    assert found["text"] == f"【示例商城】… ({len(TEXT + '0' + '第二段')})"
    steps = [event["step"] for event in found["events"]]
    assert steps == ["accepted", "sent", "answered", "receipt", "receipt_returned"]
    assert [event["leg"] for event in found["events"]] == [
        "application",
        "carrier",
        "carrier",
        "carrier",
        "application",
    ]
    shown = [(each["command"], each["leg"], each["direction"], each["source"]) for each in found["pdus"]]
    assert shown == [
        ("submit_sm", "application", "in", "kept"), ("submit_sm", "application", "in", "kept"),
        ("submit_sm_resp", "application", "out", "records"), ("submit_sm", "carrier", "out", "records"),
        ("submit_sm_resp", "carrier", "in", "records"), ("deliver_sm", "carrier", "in", "records"),
        ("deliver_sm", "application", "out", "records"),
    ]  # fmt: skip
    first = {field["name"]: field for field in found["pdus"][0]["fields"]}
    assert first["destination_addr"]["value"] == "138****8000"
    assert first["data_coding"] == {"name": "data_coding", "value": "8", "meaning": "UCS-2"}
    assert first["short_message"]["value"] == ""
    answered = {field["name"]: field["value"] for field in found["pdus"][4]["fields"]}
    assert answered["message_id"] == "c0-0"
    assert found["carrier_pdus"] is True
    assert not any(secret in str(found) for secret in (NUMBER[2:], "订单", encode_text("订单", 8).hex()))


async def test_a_later_segment_has_its_whole_message(here: httpx.AsyncClient, kept: Scene) -> None:
    found = ok(await Asked(here, "viewer").get(f"/api/messages/{message_id(1, BEGAN)}"))
    assert found["text_characters"] == len(TEXT + "0" + "第二段")


async def test_in_full_for_a_reason_that_is_audited(here: httpx.AsyncClient, kept: Scene) -> None:
    path = f"/api/messages/{message_id(0, BEGAN)}/reveal"
    boss = Asked(here, "compliance")
    assert "reason" in problem(await boss.post(path, {"why": " "}), 400)
    found = ok(await boss.post(path, {"why": "complaint 4711"}))
    assert (found["number"], found["text"]) == (NUMBER, TEXT + "0" + "第二段")
    first = {field["name"]: field["value"] for field in found["pdus"][0]["fields"]}
    assert (first["destination_addr"], first["short_message"]) == (NUMBER, encode_text(TEXT + "0", 8).hex())
    entries = ok(await Asked(here, "auditor").get("/api/audit", action="message.reveal"))["items"]
    assert [(each["who"], each["why"]) for each in entries] == [("compliance", "complaint 4711")]
    assert NUMBER[2:] not in str(entries)
    for role in ("viewer", "auditor", "market"):
        assert problem(await Asked(here, role).post(path, {"why": "curious"}), 403)


WRONG: list[tuple[dict[str, object], str]] = [
    ({"number": "12"}, "number"), ({"step": "recept"}, "receipt"), ({"since": "soon"}, "since"),
    ({"limit": 0}, "limit"), ({"after": "x"}, "after"), ({"message_id": "zz"}, "message_id"),
    ({"message_class": "spam"}, "message_class"), ({"since": "2026-11-18", "until": "2026-11-17"}, "until"),
    ({"wanted": 1}, "no such key"),
]  # fmt: skip


async def test_wrong_questions(here: httpx.AsyncClient) -> None:
    for body, why in WRONG:
        assert why in problem(await Asked(here, "viewer").post("/api/messages/search", body), 400)


async def test_what_nobody_knows(here: httpx.AsyncClient, kept: Scene) -> None:
    viewer = Asked(here, "viewer")
    assert "not known" in problem(await viewer.get(f"/api/messages/{message_id(77, BEGAN)}"), 404)
    assert problem(await viewer.get("/api/messages/nonsense"), 400)


async def test_the_carriers_leg_octet_for_octet_where_it_is_kept(here: httpx.AsyncClient, kept: Scene) -> None:
    at_ms = BEGAN + 60_000
    rows = kept.life(60)
    name = message_id(60, at_ms)
    sent = kept._pdu(NUMBER, TEXT + "60")
    said = response(SUBMIT_SM_RESP, 0, 7, b"c60-0")
    pdus = [(at_ms + 4, int(Step.SENT), name, "alpha", sent), (at_ms + 20, int(Step.ANSWERED), name, "alpha", said)]
    batch = kept.sealer.seal(msgpack.packb(pdus))
    rows.append((at_ms + 4, Step.CARRIER_PDU, "", "", "", NO_CLASS, "", "", 0, 0, "", "", 0, batch))
    kept.world.write(rows, "node3")
    for archived in (False, True):
        if archived:
            kept.keep()
        found = ok(await Asked(here, "viewer").get(f"/api/messages/{name}"))
        at_carrier = [each for each in found["pdus"] if each["leg"] == "carrier"]
        assert [(each["command"], each["source"]) for each in at_carrier] == [
            ("submit_sm", "kept"), ("submit_sm_resp", "kept"), ("deliver_sm", "records"),
        ]  # fmt: skip
        assert at_carrier[0]["octets"] == len(sent)
        assert at_carrier[0]["text"] == f"【示例商城】… ({len(TEXT) + 2})"
        assert {"name": "message_id", "value": "c60-0", "meaning": ""} in at_carrier[1]["fields"]
        assert NUMBER[2:] not in str(found)
        assert "carrier_pdu" not in [event["step"] for event in found["events"]]
    full = ok(await Asked(here, "engineer").post(f"/api/messages/{name}/reveal", {"why": "a carrier asked"}))
    assert next(each for each in full["pdus"] if each["leg"] == "carrier")["text"] == TEXT + "60"
    found = ok(await Asked(here, "viewer").post("/api/messages/search", {"number": "13800138000"}))
    assert len(found["items"]) == 6


async def test_what_was_refused_is_known_like_what_was_not(here: httpx.AsyncClient, scene: Scene) -> None:
    at_ms, name = BEGAN + 70_000, message_id(70, BEGAN + 70_000)
    envelope = Envelope(
        [name], [scene._pdu(NUMBER, TEXT)], "shop", 2, NUMBER, "1069", "示例商城", [1], at_ms, template="sale@3",
        campaign="spring", province="广东",
    )  # fmt: skip
    who = (2, scene.hasher.hash(NUMBER), "138****8000", 1, 0x430, "frequency", "示例商城")
    scene.world.write([(at_ms, Step.REFUSED, name, "shop", "", *who, 0, "1 a day", scene.sealer.seal(envelope.pack()))])
    scene.keep()
    viewer = Asked(here, "viewer")
    (row,) = ok(await viewer.post("/api/messages/search", {"template": "sale"}))["items"]
    assert (row["step"], row["template"], row["province"]) == ("refused", "sale@3", "广东")
    found = ok(await viewer.get(f"/api/messages/{name}"))
    assert (found["campaign"], found["text_characters"], found["now"]["code"]) == ("spring", len(TEXT), "refused")
    assert [(each["command"], each["status"]) for each in found["pdus"]] == [
        ("submit_sm", ""), ("submit_sm_resp", "0x00000430"),
    ]  # fmt: skip
    figures = ok(await viewer.get("/api/figures", by="template,province", since="2026-11-18"))
    assert [(each["group"], each["counts"]["refused"]) for each in figures["rows"]] == [
        ({"template": "sale@3", "province": "广东"}, 1)
    ]
