"""What waits, for people: how much for each carrier and lane and since when, what is held and why, and the first of it.

Owns: who may look, and how a waiting message is shown: its number masked, no text. Reads the store of the whole fleet,
not the memory of a process. Throwing away and moving are orders, see ``services.orders``.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from smsgw.errors import RequestError, StoreError
from smsgw.policy.model import CLASS_LABELS
from smsgw.policy.numbers import mask
from smsgw.policy.orders import HELD
from smsgw.services.desk import MOST_PAGE_ROWS, Desk, named, one_of
from smsgw.services.recipients import day_text
from smsgw.store.envelope import Envelope
from smsgw.store.queues import Queues

#: So many held messages are opened to say why they are held; of more than that, the first found.
SAMPLED: Final = 5_000


@dataclass(frozen=True, slots=True)
class Lane:
    """One carrier's lane. ``oldest_s``: how long its oldest message has waited there, 0 when nothing waits."""

    carrier: str
    lane: str
    waiting: int
    oldest_s: float


@dataclass(frozen=True, slots=True)
class Overview:
    """``held`` by reason, counted over ``sampled`` of ``held_total`` messages; ``undelivered`` by account."""

    lanes: list[Lane]
    held_total: int
    sampled: int
    held: dict[str, int]
    undelivered: dict[str, int]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that waits. ``why`` is empty in a carrier's queue."""

    message_id: str
    account: str
    message_class: str
    number: str
    signature: str
    segments: int
    accepted: str
    expires: str
    carriers: list[str]
    tried: list[str]
    attempts: int
    why: str


async def overview(desk: Desk) -> Overview:
    """Everything that waits."""
    desk.require_reader()
    queues = Queues(desk.store)
    now_ms = time.time() * 1000
    lanes = [
        Lane(
            each.carrier, CLASS_LABELS[each.lane], each.waiting,
            round(max(0.0, now_ms - each.oldest_ms) / 1000, 1) if each.oldest_ms else 0.0,
        )
        for each in await queues.lengths(list(desk.site.carriers))
    ]  # fmt: skip
    held: dict[str, int] = {}
    sampled = 0
    async for envelope in _held(desk, queues):
        why = why_held(envelope, desk.now_ms())
        held[why] = held.get(why, 0) + 1
        sampled += 1
        if sampled >= SAMPLED:
            break
    return Overview(lanes, await queues.held_count(), sampled, dict(sorted(held.items())), await undelivered(desk))


async def undelivered(desk: Desk) -> dict[str, int]:
    """Receipts and MO that applications have not taken yet, by account; none where there are none."""
    desk.require_reader()
    queues = Queues(desk.store)
    found = {name: await queues.undelivered(name) for name in desk.site.accounts}
    return {name: count for name, count in found.items() if count}


async def show(desk: Desk, carrier: str, *, lane: str = "", account: str = "", limit: int = 20) -> list[Waiting]:
    """The first messages that wait for a carrier, or are ``held``; of one lane and account, or any."""
    desk.require_reader()
    if not 1 <= limit <= MOST_PAGE_ROWS:
        raise RequestError("invalid", f"limit: expected 1 to {MOST_PAGE_ROWS}")
    if lane:
        one_of("lane", lane, CLASS_LABELS)
    if account:
        named("account", account, desk.site.accounts, "account")
    queues = Queues(desk.store)
    found: list[Envelope] = []
    if carrier == HELD:
        async for envelope in _held(desk, queues):
            if (not lane or CLASS_LABELS[envelope.lane_or_class] == lane) and account in ("", envelope.account):
                found.append(envelope)
                if len(found) >= SAMPLED:
                    break
        found.sort(key=lambda each: each.accepted_at_ms)
    else:
        named("carrier", carrier, desk.site.carriers, "carrier")
        for number, label in enumerate(CLASS_LABELS):
            if not lane or label == lane:
                first = await queues.first(carrier, number, SAMPLED if account else limit)
                found += [each for each in first if account in ("", each.account)]
    now_ms = desk.now_ms()
    return [_waiting(desk, each, why_held(each, now_ms) if carrier == HELD else "") for each in found[:limit]]


def why_held(envelope: Envelope, now_ms: int) -> str:
    """Why a message is held, in a word or two."""
    if envelope.lot:
        return envelope.lot
    if envelope.attempts:
        return "retry"
    return "window or schedule" if envelope.due_ms > now_ms else "due"


async def _held(desk: Desk, queues: Queues) -> AsyncIterator[Envelope]:
    for partition in range(desk.store.partitions):
        async for _, blob in queues.held(partition):
            try:
                yield Envelope.unpack(desk.store.sealer.open(blob))
            except StoreError:
                continue


def _waiting(desk: Desk, envelope: Envelope, why: str) -> Waiting:
    return Waiting(
        envelope.message_ids[0],
        envelope.account,
        CLASS_LABELS[envelope.message_class],
        mask(envelope.recipient),
        envelope.signature,
        envelope.segments,
        day_text(envelope.accepted_at_ms, desk.zone),
        day_text(envelope.expires_at_ms, desk.zone),
        list(envelope.carriers),
        list(envelope.tried),
        envelope.attempts,
        why,
    )


async def left(desk: Desk, carrier: str, lane: str, account: str, accepted_ms: int) -> int:
    """How many messages accepted by then still wait in a queue (``all``: any), as far as the first of it tell."""
    desk.require_reader()
    queues = Queues(desk.store)
    found: list[Envelope] = []
    for name in desk.site.carriers if carrier == "all" else () if carrier == HELD else (carrier,):
        for number, label in enumerate(CLASS_LABELS):
            if not lane or label == lane:
                found += await queues.first(name, number, SAMPLED)
    if carrier in (HELD, "all"):
        async for envelope in _held(desk, queues):
            if not lane or CLASS_LABELS[envelope.lane_or_class] == lane:
                found.append(envelope)
    return sum(each.accepted_at_ms <= accepted_ms and account in ("", each.account) for each in found)
