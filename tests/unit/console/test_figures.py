"""Statistics and costs over HTTP: what an archive holds, by groups, for those who see all accounts and for others."""

from __future__ import annotations

import csv
from dataclasses import replace
from io import StringIO
from pathlib import Path

import httpx
import pytest

from smsgw.config.site import Site
from smsgw.console.app import build_app
from smsgw.records.archive import raw
from smsgw.records.record import HOUR_MS, NO_CLASS, Step
from smsgw.store.connection import Store
from tests.unit.console.conftest import Asked, ok, person, problem
from tests.unit.records.archive.world import HOUR, World, life
from tests.unit.services.conftest import Time

SINCE = "2026-11-18"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Eight messages of shop, of which one failed, and two verification codes of login, of which one came late."""
    monkeypatch.setattr(raw, "LOCK_KEPT_S", 0.0)
    world = World(tmp_path / "state" / "records")
    rows = [row for number in range(7) for row in life(number, HOUR + number)] + life(7, HOUR + 7, err="MBBLACK")
    codes = [life(8, HOUR + 8, account="login"), life(9, HOUR + HOUR_MS, account="login", receipt_ms=31_000)]
    rows += [(*row[:5], 0 if row[5] != NO_CLASS else NO_CLASS, *row[6:]) for code in codes for row in code]
    rows.append((HOUR, Step.OPTOUT, "", "shop", "", NO_CLASS, "", "", 0, 0, "", "", 0, "shop", "mo"))
    world.write(sorted(rows, key=lambda row: row[0]))
    return world


@pytest.fixture
def here(site: Site, world: World, store: Store, time: Time) -> httpx.AsyncClient:
    team = person("team", "application").model_copy(update={"accounts": ("login",)})
    records = site.file.records.model_copy(update={"directory": str(world.directory)})
    file = site.file.model_copy(update={"records": records})
    mine = replace(site, people={**site.people, "team": team}, file=file)
    assert mine.records_dir == world.directory
    app = build_app(mine, store, lambda: time.now_ms)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost:8776")


async def test_before_there_is_an_archive_it_says_how_to_get_one(here: httpx.AsyncClient) -> None:
    assert "archive keep" in problem(await Asked(here, "viewer").get("/api/figures"), 404)


async def test_figures_of_everything(here: httpx.AsyncClient, world: World) -> None:
    world.round()
    found = ok(await Asked(here, "viewer").get("/api/figures", since=SINCE))
    assert found["since"] == "2026-11-18T00:00+08:00"
    (row,) = found["rows"]
    assert row == found["total"]
    assert row["group"] == {}
    counts = row["counts"]
    assert (counts["accepted"], counts["delivered"], counts["failed"], counts["unsubscribed"]) == (10, 9, 1, 1)
    assert row["delivered_of_accepted"] == row["delivered_of_final"] == 0.9
    assert row["failed_by"] == {"blacklist": 1}
    assert row["codes"] == {"delivered": 2, "within_30_s": 1, "share": 0.5}
    assert row["cost"] == pytest.approx(0.3)
    assert row["latencies"]["carrier_answer_ms"] == pytest.approx([15.5] * 3, rel=0.08)


async def test_figures_by_groups_and_conditions(here: httpx.AsyncClient, world: World) -> None:
    world.round()
    viewer = Asked(here, "viewer")
    found = ok(await viewer.get("/api/figures", since=SINCE, by="account,message_class,hour"))
    assert found["by"] == ["account", "message_class", "hour"]
    groups = [tuple(row["group"].values()) for row in found["rows"]]
    assert groups == [
        ("login", "otp", "2026-11-18 19:00"), ("login", "otp", "2026-11-18 20:00"), ("shop", "", "2026-11-18 19:00"),
        ("shop", "marketing", "2026-11-18 19:00"),
    ]  # fmt: skip
    assert [row["codes"]["share"] for row in found["rows"]] == [1.0, 0.0, None, None]
    only = ok(await viewer.get("/api/figures", since=SINCE, by="carrier", message_class="marketing", account="shop"))
    assert [(row["group"]["carrier"], row["counts"]["delivered"]) for row in only["rows"]] == [("", 0), ("alpha", 7)]
    assert only["total"]["codes"] == {"delivered": 0, "within_30_s": 0, "share": None}
    until = ok(await viewer.get("/api/figures", since=SINCE, until="2026-11-18T20:00"))
    assert until["total"]["counts"]["accepted"] == 9


async def test_a_team_sees_its_own_account_alone(here: httpx.AsyncClient, world: World) -> None:
    world.round()
    team = Asked(here, "team")
    found = ok(await team.get("/api/figures", since=SINCE, by="account"))
    assert [row["group"] for row in found["rows"]] == [{"account": "login"}]
    assert found["total"]["counts"]["accepted"] == 2
    assert found["total"]["latencies"]["answer_ms"]
    assert ok(await team.get("/api/figures/cost", since=SINCE))["total"]["segments"] == 2
    assert problem(await team.get("/api/figures", since=SINCE, account="shop"), 403)
    assert problem(await team.get("/api/figures/cost.csv", since=SINCE, account="shop"), 403)


async def test_costs(here: httpx.AsyncClient, world: World) -> None:
    world.round()
    viewer = Asked(here, "viewer")
    found = ok(await viewer.get("/api/figures/cost", since=SINCE, by="account"))
    shop, login = found["rows"]
    assert shop == {
        "group": {"account": "shop"}, "segments": 8, "cost": 0.24, "cost_per_segment": 0.03, "delivered": 7,
        "cost_per_delivered": pytest.approx(0.24 / 7, abs=1e-6), "share": 0.8,
    }  # fmt: skip
    assert (login["segments"], login["share"]) == (2, 0.2)
    assert (found["total"]["segments"], found["total"]["cost"]) == (10, 0.3)
    assert ok(await viewer.get("/api/figures/cost", since="2026-11-20"))["rows"] == []


async def test_files_for_spreadsheets(here: httpx.AsyncClient, world: World) -> None:
    rows = [(*row[:11], "=cmd()", *row[12:]) for row in life(20, HOUR)]
    world.write(rows, "node2")
    world.round()
    answer = await Asked(here, "viewer").get("/api/figures.csv", since=SINCE, by="signature", message_class="marketing")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["content-disposition"]
    lines = list(csv.DictReader(StringIO(answer.text.removeprefix("\ufeff"))))
    assert [(line["signature"], line["accepted"], line["delivered"]) for line in lines] == [
        ("'=cmd()", "1", "1"), ("示例", "8", "7"),
    ]  # fmt: skip
    assert lines[1]["failed: blacklist"] == "1"
    answer = await Asked(here, "viewer").get("/api/figures/cost.csv", since=SINCE, by="department,carrier")
    lines = list(csv.DictReader(StringIO(answer.text.removeprefix("\ufeff"))))
    found = {(line["department"], line["carrier"]): line["segments"] for line in lines}
    assert found == {("", "alpha"): "2", ("retail", "alpha"): "9"}


WRONG = [
    ({"by": "carier"}, "carrier"),
    ({"by": "carrier,carrier"}, "twice"),
    ({"since": "yesterday"}, "since"),
    ({"since": "2026-11-18T10:30"}, "hour"),
    ({"since": "2026-11-18", "until": "2026-11-18"}, "until"),
    ({"message_class": "spam"}, "message_class"),
]


async def test_wrong_questions(here: httpx.AsyncClient) -> None:
    for query, why in WRONG:
        assert why in problem(await Asked(here, "viewer").get("/api/figures", **query), 400)
