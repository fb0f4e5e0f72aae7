"""Every number of the statistics is what the simulators counted: what applications were answered and got back, what
carriers took, refused, delivered and failed, what recipients replied; by every group, and the cost recomputed.
"""

from __future__ import annotations

import asyncio
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from simulators.carrier.message import Message
from smsgw.cli.archive import round_of
from smsgw.clock import to_ms
from smsgw.config.load import load_site
from smsgw.config.number_plan import province_table
from smsgw.config.site import Site
from smsgw.policy.model import CLASS_LABELS
from smsgw.records.archive import raw
from smsgw.records.history import Asked
from smsgw.services import templates, words
from smsgw.services.archive import history_of
from tests.e2e.gateway import EXAMPLE, WORKDAY
from tests.e2e.staff import staff_of
from tests.e2e.stage import OTP, Stage, open_stage, source_of

pytestmark = pytest.mark.e2e

CLASSES = {"login": "otp", "orders": "notice", "shop": "marketing"}
PRICES = {"alpha": {"": 0.03, "telecom": 0.04}, "beta": {"": 0.05}}
FILES: dict[str, dict[str, Any]] = {
    "carriers/alpha.toml": {"cost": 0.03, "costs": {"telecom": 0.04}},
    "carriers/beta.toml": {"cost": 0.05},
}
FENCE, TEMPLATE = "围栏词", "parcel@1"
HOURS = [datetime.fromisoformat(WORKDAY).replace(minute=0) + timedelta(hours=each) for each in (0, 1)]
SLOW = "861990000" + "4002"
"""Answered after a second, in which an hour passes."""
DIMENSIONS = ("account", "carrier", "province", "message_class", "template", "hour")
Fact = tuple[str, float, dict[str, str]]


@dataclass
class Sent:
    """One request of an application, as it knows it."""

    account: str
    recipient: str
    template: str
    hour: int
    ok: bool
    message_id: str


@dataclass
class Script:
    """What the applications do; who looks at it later knows nothing of the gateway."""

    stage: Stage
    hour: int = 0
    sent: list[Sent] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    async def send(self, account: str, prefix: str, text: str, template: str = "", times: int = 1) -> None:
        for _ in range(times):
            recipient = prefix if len(prefix) == 13 else f"{prefix}{next(self.numbers):0{13 - len(prefix)}d}"
            for answer in await self.stage.send(account, recipient, text, registered_delivery=1):
                self.sent.append(Sent(account, recipient, template, self.hour, answer.ok, answer.message_id))

    async def half(self) -> None:
        """Codes, notices by template and without, marketing over either carrier; failing, refused by both sides."""
        await self.send("login", "8613800001", OTP, times=4)
        await self.send("login", "861990000" + f"1{1 + self.hour:03d}", OTP)
        await self.send("orders", "8613700002", f"【示例物流】您的包裹{4711 + self.hour}已送达", TEMPLATE, times=3)
        await self.send("orders", "8613300002", "【示例物流】" + "您的包裹已送达，请凭取件码领取。" * 8)
        await self.send("orders", f"86199000045{self.hour:02d}", "【示例物流】您的包裹已送达")
        await self.send("shop", "8613500003", "【示例商城】新品上市，拒收请回复R", times=3)
        await self.send("shop", "8618900003", "【示例商城】新品上市，拒收请回复R", times=2)
        await self.send("shop", "8618900004", "【示例商城】新品上市", times=2)
        if not self.hour:
            await self.send("orders", "861990000" + f"2{0x0B:03d}", "【示例物流】您的包裹已送达")

    async def settled(self) -> None:
        """Every receipt that somebody waits for has come back."""
        for account in CLASSES:
            esme = await self.stage.esme(account)
            wanted = {each.message_id for each in self.sent if each.account == account and each.ok}
            wanted -= {each.message_id for each in self.sent if each.recipient == SLOW and each.hour == self.hour}
            got = lambda esme=esme: {each.message_id for each in esme.receipts}  # noqa: E731
            await esme.wait_for(lambda wanted=wanted, got=got: wanted <= got(), 20, f"receipts of {account}")


async def test_every_number_is_the_simulators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw, "LOCK_KEPT_S", 0.0)
    async with open_stage(tmp_path / "site", overrides=FILES) as stage:
        script = Script(stage)
        await fence(stage, script)
        await script.half()
        await script.settled()
        await stage.mo("8613800009001", source_of("shop"), "R")
        await stage.mo("8613800009002", source_of("orders"), "什么时候到")
        await script.send("orders", SLOW, "【示例物流】您的包裹已送达")
        await stage.arrives(SLOW)
        stage.gateway.set_clock((HOURS[1] + timedelta(minutes=10)).isoformat())
        script.hour = 1
        await script.half()
        await script.settled()
        await stage.gateway.wait_for(stage._is_quiet, 10, "nothing under way")
        facts = [*of_applications(stage, script), *of_carriers(stage, script)]
        await reconcile(stage, facts)


async def fence(stage: Stage, script: Script) -> None:
    """A template that is in force when a word that was entered after it is."""
    async with staff_of(stage.gateway) as staff:
        await templates.add(
            staff(), "parcel", message_class="notice", account="orders", text="您的包裹{no}已送达",
            variables=["no:digits:1-8"], why="asked for",
        )  # fmt: skip
        for person, action in (("bo", "approve-department"), ("cy", "approve-market"), ("cy", "activate")):
            await templates.step(staff(person), "parcel", action, why="read it")
        await words.put(staff(), "company", FENCE, category="test", action="reject", why="a fence")
    async with asyncio.timeout(10):
        while not script.sent or script.sent[-1].ok:
            await script.send("orders", "8613600005", f"【示例物流】{FENCE}包裹已送达")


def of_applications(stage: Stage, script: Script) -> Iterator[Fact]:
    """What the applications were answered, and the receipts that they got."""
    sent = {each.message_id: each for each in script.sent if each.message_id}
    for each in script.sent:
        yield "accepted" if each.ok else "refused", 1, dims(each, each.hour)
    for account in CLASSES:
        for receipt in stage._esmes[account].receipts:
            own = sent.get(receipt.message_id)
            if own is not None:
                yield "receipts_returned", 1, dims(own, 1 if own.recipient == SLOW else own.hour)


def of_carriers(stage: Stage, script: Script) -> Iterator[Fact]:
    """What the carriers received, said, and what their recipients replied."""
    classes = code_classes()
    by_recipient: dict[str, list[Sent]] = {}
    for each in script.sent:
        if each.ok:
            by_recipient.setdefault(each.recipient[-11:], []).append(each)
    for carrier, sim in stage.carriers.items():
        for message in sim.received:
            own = owner(message, by_recipient)
            sent, later = dims(own, own.hour, carrier), dims(own, 1 if own.recipient == SLOW else own.hour, carrier)
            yield "sent_segments", 1, sent
            if message.status:
                yield "refused_by_carrier", 1, later
                continue
            yield "taken", 1, later
            yield "billed_segments", 1, later
            network = "telecom" if own.recipient[2:5] in ("133", "189", "199") else ""
            yield "cost", PRICES[carrier].get(network, PRICES[carrier][""]), later
            yield from outcome(sim, message, own, later, classes)
    for number, account in (("8613800009001", "shop"), ("8613800009002", "orders")):
        place = {"account": account, "carrier": "alpha", "message_class": "", "template": "", "hour": hour_text(0)}
        yield "mo", 1, {**place, "province": province_table().find(number)}
        if account == "shop":
            yield "unsubscribed", 1, {**place, "province": ""}


def outcome(sim: Any, message: Message, own: Sent, later: dict[str, str], classes: dict[str, str]) -> Iterator[Fact]:
    """By the carrier's own receipts: the first final one counts."""
    said = [each for each in sim.deliveries if each.is_receipt and each.message is message]
    (receipt,) = said
    words_of = dict(pair.split(":", 1) for pair in text_of(receipt.body).split() if ":" in pair)
    if words_of["stat"] == "DELIVRD":
        yield "delivered", 1, later
        if own.recipient != SLOW:
            yield "delivered_within_30_s", 1, later
    else:
        yield "failed", 1, later
        code = next((each for each in (words_of["err"], words_of["stat"]) if each in classes), "")
        yield f"failed_by {classes.get(code, '')}", 1, later


def text_of(body: bytes) -> str:
    return body[body.index(b"id:") :].decode("latin-1")


def owner(message: Message, by_recipient: dict[str, list[Sent]]) -> Sent:
    """The request that it came of: several segments of one have everything in common that is counted by."""
    return by_recipient[message.recipient[-11:]][0]


def code_classes() -> dict[str, str]:
    tables = tomllib.loads((EXAMPLE / "codes" / "cn.toml").read_text())
    return {code: name for name, codes in tables.items() if isinstance(codes, list) for code in codes}


def hour_text(hour: int) -> str:
    return f"{HOURS[hour]:%Y-%m-%d %H:00}"


def dims(sent: Sent, hour: int, carrier: str = "") -> dict[str, str]:
    return {
        "account": sent.account, "carrier": carrier, "province": province_table().find(sent.recipient),
        "message_class": CLASSES[sent.account], "template": sent.template, "hour": hour_text(hour),
    }  # fmt: skip


async def reconcile(stage: Stage, facts: list[Fact]) -> None:
    await stage.gateway.stop()
    site = load_site(stage.gateway.site)
    round_of(site)
    for by in [(), *((name,) for name in DIMENSIONS), ("carrier", "province", "message_class"), DIMENSIONS]:
        expected: Counter[tuple[str, ...]] = Counter()
        for column, amount, place in facts:
            expected[*(place[name] for name in by), column] += amount  # type: ignore[assignment]
        found = counted(site, by)
        assert {key: round(value, 6) for key, value in found.items()} == {
            key: round(value, 6) for key, value in expected.items()
        }, by


def counted(site: Site, by: tuple[str, ...]) -> dict[tuple[str, ...], float]:
    """What the statistics say, without their zeros."""
    found: dict[tuple[str, ...], float] = {}
    for row in history_of(site).statistics(Asked(by, latencies=False)):
        group = tuple(SHOWN.get(name, str)(value) for name, value in zip(by, row.group, strict=True))
        values = {**row.counts, "cost": row.cost, **{f"failed_by {name}": n for name, n in row.failed_by.items()}}
        found |= {(*group, name): value for name, value in values.items() if value}
    return found


SHOWN: dict[str, Callable[[Any], str]] = {
    "hour": lambda at_ms: hour_text([to_ms(hour) for hour in HOURS].index(at_ms)),
    "message_class": lambda number: CLASS_LABELS[number] if number >= 0 else "",
}
