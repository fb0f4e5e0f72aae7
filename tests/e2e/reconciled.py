"""Traffic of every kind for ``test_reconciled``, and what applications, carriers, recipients and visitors count of it.

Whoever counts here knows what was asked for, and what the simulators saw; nothing of the gateway's records.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

import httpx

from simulators.carrier.message import Message
from simulators.esme.sim import EsmeSim
from smsgw.config.number_plan import province_table
from smsgw.smpp.constants import CommandId
from smsgw.smpp.tlv import tlv
from tests.e2e.gateway import EXAMPLE, WORKDAY
from tests.e2e.stage import OTP, Stage, source_of
from tests.ports import free_port

CLASSES = {"login": "otp", "orders": "notice", "shop": "marketing"}
DEPARTMENTS = {"login": "security", "orders": "logistics", "shop": "retail"}
SIGNATURES = {"login": "示例科技", "orders": "示例物流", "shop": "示例商城"}
PRICES = {"alpha": {"": 0.03, "telecom": 0.04}, "beta": {"": 0.05}}
PARCEL, SALE, CAMPAIGN = "parcel@1", "sale@1", "may"
HOURS = [datetime.fromisoformat(WORKDAY).replace(minute=0) + timedelta(hours=each) for each in (0, 1)]
LATER = HOURS[1] + timedelta(minutes=10)
"""When it is after the first hour is over."""
SCHEDULED, ENDS = (f"261118{minute}00032+" for minute in ("1050", "1100"))
"""When what is scheduled would be sent, and no longer; both have gone by at ``LATER``."""
SLOW, TARDY, MUTE, EARLY = (f"861990000{code}" for code in ("4002", "4107", "4000", "4100"))
"""Answered after a second, told of after three, never answered, told of before it is answered."""
FAILING = ("4500", "4303"), ("4501", "4305")
"""In each hour: a network's code, and a carrier's own EXPIRED and UNDELIV."""
VAGUE = "8619900004307"
"""The carrier says UNKNOWN, which is no end of it, and nothing more."""
NEVER = 2
CALLS = "8613800009004"
NOTICE = "【示例物流】您的包裹已送达"
LONG = "【示例物流】" + "您的包裹已送达，请凭取件码领取。" * 8
URL = "https://shop.example.com/spring?id=1"
PORT = free_port()
BASE = f"http://127.0.0.1:{PORT}"
_SHORT = re.compile(rf"{re.escape(BASE)}(/[0-9A-Za-z]{{8}})")
_CAMPAIGN_TAG = 0x1411
DIMENSIONS = (
    "account", "department", "carrier", "province", "message_class", "template", "campaign", "signature", "hour", "day"
)  # fmt: skip
Fact = tuple[str, float, dict[str, str]]
"""A figure, how much is added to it, and the group of it by every dimension."""


@dataclass
class Sent:
    """One request of an application, as it knows it; ``ends``: the hour in which it must have its receipt."""

    account: str
    recipient: str
    template: str
    campaign: str
    hour: int
    ends: int
    ok: bool
    message_id: str


@dataclass
class Script:
    """What applications, recipients and visitors do."""

    stage: Stage
    hour: int = 0
    sent: list[Sent] = field(default_factory=list)
    #: Facts of whom no simulator keeps: subscribers who wrote, what was cancelled, links that were followed.
    done: list[Fact] = field(default_factory=list)
    #: What was accepted before the hour ended and delivered after it took so long, at least and at most.
    late_ms: tuple[int, int] = (0, 0)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    async def send(
        self, account: str, prefix: str, text: str, template: str = "", *,
        times: int = 1, campaign: str = "", ends: int | None = None, **fields: Any,
    ) -> list[Sent]:  # fmt: skip
        """Submit it to that number, or to further ones that begin so; every segment's answer."""
        begun = len(self.sent)
        tlvs = tlv(_CAMPAIGN_TAG, campaign.encode() + b"\0") if campaign else b""
        last = self.hour if ends is None else ends
        for _ in range(times):
            recipient = prefix if len(prefix) == 13 else f"{prefix}{next(self.numbers):0{13 - len(prefix)}d}"
            for each in await self.stage.send(account, recipient, text, registered_delivery=1, tlvs=tlvs, **fields):
                self.sent.append(
                    Sent(account, recipient, template, campaign, self.hour, last, each.ok, each.message_id)
                )
        return self.sent[begun:]

    async def half(self) -> None:
        """Codes, notices by template and without, marketing over either carrier; failing, refused by both sides."""
        await self.send("login", "8613800001", OTP, times=4)
        await self.send("login", "861990000" + f"1{1 + self.hour:03d}", OTP)
        await self.send("orders", "8613700002", f"【示例物流】您的包裹{4711 + self.hour}已送达", PARCEL, times=3)
        await self.send("orders", "8613300002", LONG)
        for code in FAILING[self.hour]:
            await self.send("orders", f"861990000{code}", NOTICE)
        await self.send("shop", "8613500003", "【示例商城】新品上市，拒收请回复R", times=3)
        await self.send("shop", "8618900003", "【示例商城】新品上市，拒收请回复R", times=2)
        await self.send("shop", "8618900004", "【示例商城】新品上市", times=2)
        await self.send("shop", "8613500006", f"【示例商城】会员日{URL} 拒收请回复R", SALE, times=2, campaign=CAMPAIGN)
        await self.send("shop", "8618900007", f"【示例商城】还有{URL}&b 拒收请回复R")

    async def endings(self) -> None:
        """Refused by a carrier and never answered by one, scheduled and cancelled, scheduled and over before."""
        await self.send("orders", "861990000" + f"2{0x0B:03d}", NOTICE)
        await self.send("orders", MUTE, NOTICE)
        await self.send("orders", EARLY, NOTICE)
        await self.send("orders", VAGUE, NOTICE, ends=NEVER)
        scheduled: dict[str, Any] = {"schedule_delivery_time": SCHEDULED}
        (mine,) = await self.send("orders", "8613700006", NOTICE, **scheduled)
        answer = await self.stage.ask("orders", CommandId.CANCEL_SM, mine.message_id)
        assert answer.ok, answer
        self.done.append(("cancelled", 1, dims(mine, self.hour)))
        over: dict[str, Any] = {**scheduled, "validity_period": ENDS, "ends": 1}
        await self.send("orders", "8613700007", LONG, **over)
        await self.send("shop", "8613500008", f"【示例商城】会员日{URL} 拒收请回复R", SALE, campaign=CAMPAIGN, **over)

    async def replies(self) -> None:
        """A word of refusal, two of complaint, and an answer that is no word."""
        for number, account, text, carrier, column in (
            ("8613800009001", "shop", "R", "alpha", "unsubscribed"),
            ("8613800009002", "orders", "什么时候到", "alpha", ""),
            ("8613800009003", "shop", "投诉", "beta", "complained"),
            ("8613800009005", "orders", "举报", "alpha", "complained"),
        ):
            await self.stage.mo(number, source_of(account), text, carrier)
            place = {**nobody(self.hour), "account": account, "department": DEPARTMENTS[account], "carrier": carrier}
            self.done.append(("mo", 1, {**place, "province": province_table().find(number)}))
            if column:
                self.done.append((column, 1, place))

    async def follow(self, client: httpx.AsyncClient) -> None:
        """Links of this hour that carriers were given: the first once, the second twice, and what is no click."""
        visits = count(1)
        for sim in self.stage.carriers.values():
            for message in sim.received:
                own = next((each for each in self.sent if each.recipient.endswith(message.recipient[-11:])), None)
                found = _SHORT.search(message.text)
                if own is None or found is None or own.hour != self.hour:
                    continue
                for _ in range(next(visits)):
                    assert (await client.get(found[1])).headers["location"].startswith(URL)
                    self.done.append(("clicked", 1, {**dims(own, self.hour), "province": ""}))
                assert (await client.head(found[1])).status_code == 302
        assert (await client.get("/unknown0")).status_code == 404

    async def settled(self) -> None:
        """Every receipt that is due has come back."""
        for account in CLASSES:
            esme = await self.stage.esme(account)
            wanted = {each.message_id for each in self.sent if each.account == account and each.ok}
            wanted -= {each.message_id for each in self.sent if each.ends > self.hour}
            await esme.wait_for(partial(_has, esme, wanted), 20, f"receipts of {account}")

    def facts(self) -> Iterator[Fact]:
        """Everything that anybody counted."""
        yield from self.done
        yield from self._of_applications()
        yield from self._of_carriers()

    def _of_applications(self) -> Iterator[Fact]:
        """What they were answered, and the receipts that they got; one of EXPIRED for what no carrier had."""
        sent = {each.message_id: each for each in self.sent if each.message_id}
        arrived = {each.recipient[-11:] for sim in self.stage.carriers.values() for each in sim.received}
        for each in self.sent:
            yield "accepted" if each.ok else "refused", 1, dims(each, each.hour)
        for account in CLASSES:
            for receipt in self.stage._esmes[account].receipts:
                own = sent.get(receipt.message_id)
                if own is None:
                    continue
                yield "receipts_returned", 1, dims(own, own.ends)
                assert receipt.receipt is not None
                if receipt.receipt.stat == "EXPIRED" and own.recipient[-11:] not in arrived:
                    yield "expired", 1, dims(own, own.ends)

    def _of_carriers(self) -> Iterator[Fact]:
        """What they received, and said of it."""
        classes = _code_classes()
        by_recipient: dict[str, list[Sent]] = {}
        for each in self.sent:
            if each.ok:
                by_recipient.setdefault(each.recipient[-11:], []).append(each)
        for carrier, sim in self.stage.carriers.items():
            for message in sim.received:
                # Several segments of one have everything in common that is counted by.
                own = by_recipient[message.recipient[-11:]][0]
                sent = dims(own, own.hour, carrier)
                answered = dims(own, own.ends if own.recipient == SLOW else own.hour, carrier)
                yield "sent_segments", 1, sent
                if not message.answered_s:
                    yield "unknown", 1, sent
                    continue
                if message.status:
                    yield "refused_by_carrier", 1, answered
                    continue
                yield "taken", 1, answered
                yield "billed_segments", 1, answered
                network = "telecom" if own.recipient[2:5] in ("133", "189", "199") else ""
                yield "cost", PRICES[carrier].get(network, PRICES[carrier][""]), answered
                yield from _outcome(sim, message, own, carrier, classes)


def _outcome(sim: Any, message: Message, own: Sent, carrier: str, classes: dict[str, str]) -> Iterator[Fact]:
    """By the carrier's own receipt."""
    (receipt,) = (each for each in sim.deliveries if each.is_receipt and each.message is message)
    text = receipt.body[receipt.body.index(b"id:") :].decode("latin-1")
    words_of = dict(pair.split(":", 1) for pair in text.split() if ":" in pair)
    if words_of["stat"] == "UNKNOWN":
        return
    ended = dims(own, own.ends, carrier)
    if words_of["stat"] == "DELIVRD":
        yield "delivered", 1, ended
        if own.ends == own.hour:
            yield "delivered_within_30_s", 1, ended
    else:
        yield "failed", 1, ended
        code = next((each for each in (words_of["err"], words_of["stat"]) if each in classes), "")
        yield f"failed_by {classes.get(code, '')}", 1, ended


def _has(esme: EsmeSim, message_ids: set[str]) -> bool:
    return message_ids <= {each.message_id for each in esme.receipts}


def _code_classes() -> dict[str, str]:
    tables = tomllib.loads((EXAMPLE / "codes" / "cn.toml").read_text(encoding="utf-8"))
    return {code: name for name, codes in tables.items() if isinstance(codes, list) for code in codes}


def hour_text(hour: int) -> str:
    """An hour as groups of it are shown."""
    return f"{HOURS[hour]:%Y-%m-%d %H:00}"


def nobody(hour: int) -> dict[str, str]:
    """The group of what has only a time."""
    return {**dict.fromkeys(DIMENSIONS, ""), "hour": hour_text(hour), "day": f"{HOURS[hour]:%Y-%m-%d}"}


def dims(sent: Sent, hour: int, carrier: str = "") -> dict[str, str]:
    """The group of a step of this request."""
    return {
        **nobody(hour), "account": sent.account, "department": DEPARTMENTS[sent.account], "carrier": carrier,
        "province": province_table().find(sent.recipient), "message_class": CLASSES[sent.account],
        "template": sent.template, "campaign": sent.campaign, "signature": SIGNATURES[sent.account],
    }  # fmt: skip
