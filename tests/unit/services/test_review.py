"""The review queue: the whole text, masked numbers, decisions that are written once, reveals that are audited."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest

from smsgw.errors import RequestError
from smsgw.services import review
from smsgw.services.desk import Desk
from smsgw.smpp.codec import Pdu, encode
from smsgw.smpp.constants import CommandId
from smsgw.smpp.segments import split_udh
from smsgw.store.admission import Admission, AdmitItem
from smsgw.store.connection import Store
from smsgw.store.envelope import REVIEW_REJECTED, REVIEWED, Envelope
from smsgw.store.held import Held
from smsgw.store.parked import LOT_REVIEW, Parked
from tests.unit.services.conftest import NOW_MS, MakeDesk

NUMBER = "8613800138000"
TEXT = (
    "【示例商城】高收益理财，保本保息，详情请来电咨询，本活动最终解释权归本公司所有，欢迎到店，"
    "名额有限先到先得，双十一期间全场五折优惠，会员另有好礼相送，拒收请回复R"
)
DAY_MS = 86_400_000
Decide = Callable[[Desk, str, str], Awaitable[review.Decided]]
UCS2 = 8
UDHI = 0x40


def pdus(text: str) -> list[bytes]:
    """A text as the submit_sm of its segments."""
    payloads = split_udh(text, UCS2, 7)
    esm_class = UDHI if len(payloads) > 1 else 0
    return [
        encode(
            Pdu(
                CommandId.SUBMIT_SM,
                command_status=0,
                sequence_number=1,
                fields={
                    "source_addr": b"106900013001",
                    "destination_addr": NUMBER.encode(),
                    "esm_class": esm_class,
                    "data_coding": UCS2,
                    "short_message": payload,
                },
            )
        )
        for payload in payloads
    ]


async def park(store: Store, n: int, text: str = TEXT, lot: str = LOT_REVIEW) -> str:
    """A message that the gateway has accepted and parked; its id."""
    partition = store.recipients.partition(NUMBER, store.partitions)
    segments = pdus(text)
    ids = [f"{partition:02x}{n:014x}{part:02x}" for part in range(len(segments))]
    accepted_ms = NOW_MS + n
    envelope = Envelope(
        ids, segments, "shop", 2, NUMBER, "106900013001", "示例商城", [1] * len(ids), accepted_ms,
        segments=len(ids), lot=lot, note="company:保本保息",
    )  # fmt: skip
    replies: list[object] = []
    admission = Admission(store, lambda items, found: replies.append(found), lambda: accepted_ms)
    running = asyncio.create_task(admission.commit.run())
    blob = store.sealer.seal(envelope.pack())
    rhash = store.recipients.hash(NUMBER)
    admission.submit(AdmitItem(None, rhash, ids, blob, "alpha:2", accepted_ms, due_ms=NOW_MS + DAY_MS, lot=lot))
    async with asyncio.timeout(5):
        while not replies:
            await asyncio.sleep(0)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    return ids[0]


async def stored(desk: Desk, message_id: str) -> Envelope:
    held = await Held(desk.store, lambda *_: None).get(message_id)
    assert held is not None
    return Envelope.unpack(desk.store.sealer.open(held.blob))


async def test_the_queue_shows_the_whole_text_and_no_number(desk: Desk) -> None:
    first, second = await park(desk.store, 1), await park(desk.store, 2, "短")
    found = await review.list_(desk)
    assert (found.total, [each.id for each in found.items], found.next) == (2, [first, second], "")
    shown = found.items[0]
    assert (shown.text, shown.segments > 1, shown.number) == (TEXT, True, "138****8000")
    assert (shown.account, shown.message_class, shown.reason) == ("shop", "marketing", "company:保本保息")
    assert shown.accepted == "2026-11-18 10:30:00+08:00"
    assert shown.expires == "2026-11-19 10:30:00+08:00"
    assert NUMBER not in found.model_dump_json()
    assert await review.get(desk, first.upper()) == shown


async def test_pages(desk: Desk) -> None:
    ids = [await park(desk.store, n, "短") for n in range(5)]
    first = await review.list_(desk, limit=2)
    second = await review.list_(desk, limit=2, after=first.next)
    last = await review.list_(desk, limit=2, after=second.next)
    assert [each.id for page in (first, second, last) for each in page.items] == ids
    assert last.next == ""
    for wrong in ({"limit": 0}, {"limit": 10_000}, {"after": "x:y"}):
        with pytest.raises(RequestError, match="expected"):
            await review.list_(desk, **wrong)


@pytest.mark.parametrize(
    ("decide", "flag", "word"), [(review.release, REVIEWED, "release"), (review.reject, REVIEW_REJECTED, "reject")]
)
async def test_a_decision_is_taken_once(desk: Desk, decide: Decide, flag: int, word: str) -> None:
    message_id = await park(desk.store, 1)
    done = await decide(desk, message_id, "asked legal")
    assert (done.id, done.decision, done.who) == (message_id, word, "root")
    envelope = await stored(desk, message_id)
    assert envelope.flags & flag
    assert envelope.note == "root: asked legal"
    assert await Parked(desk.store).count(LOT_REVIEW) == 0
    for again in (review.release, review.reject, review.get, review.reveal):
        arguments = () if again is review.get else ("late",)
        with pytest.raises(RequestError) as caught:
            await again(desk, message_id, *arguments)
        assert caught.value.kind == "missing"
    (entry,) = await desk.log.read()
    assert (entry.action, entry.subject, entry.why) == (f"review.{word}", f"message {message_id}", "asked legal")
    assert entry.detail == {"account": "shop", "recipient": "138****8000"}


async def test_of_two_at_once_one_decides(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    message_id = await park(desk.store, 1)
    first_looked = review._find

    async def find(desk: Desk, message_id: str) -> object:
        found = await first_looked(desk, message_id)
        monkeypatch.setattr(review, "_find", first_looked)
        await review.reject(desk, message_id, "quicker")
        return found

    monkeypatch.setattr(review, "_find", find)
    with pytest.raises(RequestError) as caught:
        await review.release(desk, message_id, "slower")
    assert caught.value.kind == "conflict"
    assert (await stored(desk, message_id)).flags & REVIEW_REJECTED
    assert [entry.action for entry in await desk.log.read()] == ["review.reject", "review.release", "review.void"]


async def test_a_full_number_is_shown_for_a_reason(desk_of: MakeDesk) -> None:
    desk = desk_of("li.na", "compliance")
    message_id = await park(desk.store, 1)
    with pytest.raises(RequestError, match="why: every change needs a reason"):
        await review.reveal(desk, message_id, "")
    assert await desk.log.read() == []
    assert (await review.reveal(desk, message_id, "court order 7")).full_number == NUMBER
    (entry,) = await desk.log.read()
    assert (entry.who, entry.action, entry.detail) == ("li.na", "review.reveal", {"message_id": message_id})
    assert entry.subject.startswith("recipient 138****8000 ")


async def test_who_may(desk_of: MakeDesk) -> None:
    viewer = desk_of("li", "viewer", "engineer", "market", "management")
    message_id = await park(viewer.store, 1)
    assert (await review.get(desk_of("na", "compliance"), message_id)).id == message_id
    for look in (review.list_(viewer), review.get(viewer, message_id)):
        with pytest.raises(RequestError) as caught:
            await look
        assert caught.value.kind == "forbidden"
    for act in (review.release, review.reject, review.reveal):
        with pytest.raises(RequestError) as caught:
            await act(viewer, message_id, "test")
        assert caught.value.kind == "forbidden"


async def test_what_does_not_wait_for_review(desk: Desk) -> None:
    paused = await park(desk.store, 1, lot="pause:account:shop")
    for message_id in (paused, "", "zz", "00" + "f" * 16, "x" * 1000):
        with pytest.raises(RequestError) as caught:
            await review.release(desk, message_id, "test")
        assert caught.value.kind == "missing"
    assert await desk.log.read() == []


async def test_a_text_that_cant_be_read_says_so(desk: Desk) -> None:
    assert review.text_of([b"\0\0\0\x10"]).startswith("[can't be read")
    assert review.text_of([]).startswith("[can't be read")
