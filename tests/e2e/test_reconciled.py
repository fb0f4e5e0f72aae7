"""Every number of the statistics is what the simulators counted: what applications were answered and got back, what
carriers took, refused, delivered, failed and left unanswered, what recipients replied and followed; by every group, the
cost recomputed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from smsgw.cli.archive import round_of
from smsgw.clock import to_ms
from smsgw.config.load import load_site
from smsgw.policy.model import CLASS_LABELS
from smsgw.records.archive import raw
from smsgw.records.history import Asked, Figures, History
from smsgw.services import blacklist, campaigns, contacts, templates, words
from smsgw.services.archive import history_of
from tests.e2e import reconciled as scene
from tests.e2e.reconciled import DIMENSIONS, HOURS, Fact, Script
from tests.e2e.redirecting import PHONE, healthy, redirects
from tests.e2e.staff import staff_of
from tests.e2e.stage import OTP, Stage, open_stage

pytestmark = pytest.mark.e2e

FILES: dict[str, dict[str, Any]] = {
    "carriers/alpha.toml": {"cost": 0.03, "costs": {"telecom": 0.04}, "response": "3s"},
    "carriers/beta.toml": {"cost": 0.05},
    "accounts/shop.toml": {"short_links": True},
    "smsgw.toml": {"links": {"base_url": scene.BASE, "port": scene.PORT, "classes": ["marketing"]}},
}
FENCE = "围栏词"
OFFSET_MS = 8 * 3_600_000


async def test_every_number_is_the_simulators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw, "LOCK_KEPT_S", 0.0)
    async with open_stage(tmp_path / "site", overrides=FILES) as stage:
        script = Script(stage)
        client = httpx.AsyncClient(base_url=scene.BASE, headers={"user-agent": PHONE}, timeout=10)
        with redirects(stage.gateway):
            async with client:
                await prepare(stage, script)
                await first_hour(stage, script, client)
                await second_hour(stage, script, client)
        await stage.gateway.wait_for(stage._is_quiet, 10, "nothing under way")
        facts = list(script.facts())
        await stage.gateway.stop()
        site = load_site(stage.gateway.site)
        round_of(site)
        reconcile(history_of(site), facts)
        late(history_of(site), script.late_ms)


async def first_hour(stage: Stage, script: Script, client: httpx.AsyncClient) -> None:
    """All kinds of traffic, and at last two messages that the hour ends upon."""
    await script.half()
    await script.endings()
    await script.settled()
    await script.replies()
    await healthy(client)
    await script.follow(client)
    async with staff_of(stage.gateway) as staff:
        await blacklist.complain(staff(), scene.CALLS, "called the hotline", source="12321")
    script.done.append(("complained", 1, scene.nobody(0)))
    earliest = stage.gateway.clock_now()
    await script.send("login", scene.TARDY, OTP, ends=1)
    await stage.arrives(scene.TARDY)
    await script.send("orders", scene.SLOW, scene.NOTICE, ends=1)
    await stage.arrives(scene.SLOW)
    script.late_ms = to_ms(scene.LATER) - to_ms(stage.gateway.clock_now()), to_ms(scene.LATER) - to_ms(earliest)
    stage.gateway.set_clock(scene.LATER.isoformat())


async def second_hour(stage: Stage, script: Script, client: httpx.AsyncClient) -> None:
    """The same traffic again."""
    script.hour = 1
    await script.half()
    await script.settled()
    await script.follow(client)
    least_ms, most_ms = script.late_ms
    script.late_ms = least_ms, most_ms + to_ms(stage.gateway.clock_now()) - to_ms(scene.LATER)


async def prepare(stage: Stage, script: Script) -> None:
    """What is registered is in force when a word that was entered after it is."""
    async with staff_of(stage.gateway) as staff:
        for name, account, text, variables in (
            ("parcel", "orders", "您的包裹{no}已送达", ["no:digits:1-8"]),
            ("sale", "shop", f"会员日{scene.URL} 拒收请回复R", []),
        ):
            message_class = "notice" if account == "orders" else "marketing"
            await templates.add(
                staff(), name, message_class=message_class, account=account, text=text, variables=variables,
                why="asked for",
            )  # fmt: skip
            for person, action in (("bo", "approve-department"), ("cy", "approve-market"), ("cy", "activate")):
                await templates.step(staff(person), name, action, why="read it")
        await campaigns.add(staff(), scene.CAMPAIGN, why="planned")
        await contacts.add(staff(), "shop", "link", "shop.example.com", why="ours")
        await words.put(staff(), "company", FENCE, category="test", action="reject", why="a fence")
    async with asyncio.timeout(10):
        while not script.sent or script.sent[-1].ok:
            await script.send("orders", "8613600005", f"【示例物流】{FENCE}包裹已送达")


def reconcile(history: History, facts: Sequence[Fact]) -> None:
    """The statistics by everything, and those of codes alone, are what these facts come to."""
    assert {column for column, _, _ in facts} >= COLUMNS
    for by in [(), *((name,) for name in DIMENSIONS), ("carrier", "province", "message_class"), DIMENSIONS]:
        same(history, by, facts)
    otp = [each for each in facts if each[2]["message_class"] == "otp"]
    same(history, ("carrier", "hour"), otp, (("message_class", CLASS_LABELS.index("otp")),))


COLUMNS = {
    "accepted", "refused", "sent_segments", "billed_segments", "taken", "refused_by_carrier", "delivered", "failed",
    "delivered_within_30_s", "clicked", "expired", "cancelled", "unknown", "mo", "unsubscribed", "complained",
    "receipts_returned", "cost",
}  # fmt: skip
"""The scenario brings forth every figure, so that none is right by being nothing twice."""


def same(
    history: History, by: tuple[str, ...], facts: Sequence[Fact], where: tuple[tuple[str, str | int], ...] = ()
) -> None:
    expected: Counter[tuple[str, ...]] = Counter()
    for column, amount, place in facts:
        expected[*(place[name] for name in by), column] += amount  # type: ignore[assignment]
    found: dict[tuple[str, ...], float] = {}
    for row in history.statistics(Asked(by, where=where, offset_ms=OFFSET_MS)):
        assert not set(row.counts) ^ (COLUMNS - {"cost"}), "a figure that scene.nobody counts here"
        found |= {(*shown(by, row), name): round(value, 6) for name, value in values_of(row).items() if value}
        timed(row)
    assert found == {key: round(value, 6) for key, value in expected.items()}, by


def values_of(row: Figures) -> dict[str, float]:
    return {**row.counts, "cost": row.cost, **{f"failed_by {name}": n for name, n in row.failed_by.items()}}


def timed(row: Figures) -> None:
    """A group has latencies of what it has: of our answers, of carriers' answers, of receipts of delivery."""
    counts = row.counts
    there = {
        "answer_ms": counts["accepted"], "carrier_answer_ms": counts["taken"] + counts["refused_by_carrier"],
        "receipt_ms": counts["delivered"],
    }  # fmt: skip
    assert set(row.latencies) == {name for name, count in there.items() if count}, row
    assert all(value is not None for values in row.latencies.values() for value in values), row


def late(history: History, late_ms: tuple[int, int]) -> None:
    """The slowest of the second hour is what the hour ended upon, to the 8 % that quantiles are right to."""
    rows = history.statistics(Asked(("account",), since_ms=to_ms(HOURS[1])))
    found = {
        (row.group[0], name): [value or 0 for value in values] for row in rows for name, values in row.latencies.items()
    }
    least_ms, most_ms = late_ms
    for account in ("login", "orders"):
        assert least_ms / 1.08 <= found[account, "receipt_ms"][2] <= most_ms * 1.08
    assert found["shop", "receipt_ms"][2] < least_ms
    assert found["orders", "carrier_answer_ms"][2] >= 1000 / 1.08


def shown(by: tuple[str, ...], row: Figures) -> tuple[str, ...]:
    return tuple(SHOWN.get(name, str)(value) for name, value in zip(by, row.group, strict=True))


SHOWN: dict[str, Callable[[Any], str]] = {
    "hour": lambda at_ms: scene.hour_text([to_ms(hour) for hour in HOURS].index(at_ms)),
    "day": lambda at_ms: f"{HOURS[0]:%Y-%m-%d}" if at_ms == to_ms(HOURS[0].replace(hour=0)) else str(at_ms),
    "message_class": lambda number: CLASS_LABELS[number] if number >= 0 else "",
}
