"""Long messages: which forms are taken, what becomes of segments, on the wire."""

from __future__ import annotations

from typing import Any

import pytest

from simulators.spread import NO_DELAY
from tests.behaviours.wire import Peer, playing

_UDHI = 0x40
#: form -> fields of one segment of two
FORMS: dict[str, dict[str, Any]] = {
    "udh8": {"text": b"\x05\x00\x03\x07\x02\x01part", "esm_class": _UDHI},
    "udh16": {"text": b"\x06\x08\x04\x01\x07\x02\x01part", "esm_class": _UDHI},
    "sar": {"text": b"part", "sar_msg_ref_num": 7, "sar_total_segments": 2, "sar_segment_seqnum": 1},
    "payload": {"text": b"", "message_payload": b"part" * 75},
}


def _part(reference: int, total: int, index: int, text: bytes = b"part") -> dict[str, Any]:
    return {"text": bytes((5, 0, 3, reference, total, index)) + text, "esm_class": _UDHI}


@pytest.mark.parametrize("form", FORMS)
async def test_every_form_is_taken(form: str) -> None:
    async with playing("long-any-form") as stage, await Peer.bound(stage) as peer:
        answer = await peer.ask(**FORMS[form])
        assert (answer.status, (await peer.delivery()).receipted) == (0, answer.message_id)


@pytest.mark.parametrize("form", FORMS)
async def test_only_user_data_headers_are_taken(form: str) -> None:
    async with playing("long-only-udh") as stage, await Peer.bound(stage) as peer:
        refused = form in ("sar", "payload")
        assert (await peer.ask(**FORMS[form])).status == (0x45 if refused else 0)
        assert (await peer.ask()).status == 0
        assert stage.report().ok is not refused


@pytest.mark.parametrize("apart", [False, True], ids=["one bind", "two binds"])
async def test_all_segments_over_one_bind(apart: bool) -> None:
    async with playing("long-in-one-piece") as stage, await Peer.bound(stage) as one, await Peer.bound(stage) as two:
        for index in (1, 2, 3):
            peer = two if apart and index == 2 else one
            assert (await peer.ask(**_part(7, 3, index))).status == 0
        assert stage.report().ok is not apart


@pytest.mark.parametrize("order", [(1, 2, 3), (2, 1, 3)])
async def test_all_segments_in_order(order: tuple[int, ...]) -> None:
    async with playing("long-in-one-piece") as stage, await Peer.bound(stage) as peer:
        for index in order:
            await peer.ask(**_part(7, 3, index))
        assert stage.report().ok is (order == (1, 2, 3))


@pytest.mark.parametrize("references", [(7, 8), (7, 7)])
async def test_references_while_in_flight(references: tuple[int, int]) -> None:
    """Two messages to one recipient, their segments on the wire in turns."""
    async with playing("long-references", by_hand=True, response=NO_DELAY) as stage, await Peer.bound(stage) as peer:
        numbers = [
            peer.submit(**_part(reference, 2, index, bytes(text)))
            for index in (1, 2)
            for reference, text in zip(references, (b"one", b"two"), strict=True)
        ]
        for number in numbers:
            assert (await peer.answer(number)).status == 0
        assert await peer.alive()
        assert not peer.kept  # in flight: no receipt yet
        assert stage.report().ok is (references == (7, 8))
        stage.group.clock.advance(6)
        for _ in numbers:
            await peer.delivery()


async def test_a_missing_segment() -> None:
    async with playing("long-incomplete", by_hand=True) as stage, await Peer.bound(stage) as peer:
        ids = [(await peer.ask(**_part(7, 3, index))).message_id for index in (1, 3)]
        stage.group.clock.advance(179)
        assert await peer.alive()
        assert not peer.kept
        stage.group.clock.advance(2)
        receipts = [await peer.delivery() for _ in range(2)]
        assert [(each.receipted, each.pdu.message_state) for each in receipts] == [(each, 3) for each in ids]
        assert all(b"stat:EXPIRED" in each.text for each in receipts)


async def test_none_missing() -> None:
    async with playing("long-incomplete", by_hand=True) as stage, await Peer.bound(stage) as peer:
        ids = [(await peer.ask(**_part(7, 2, index))).message_id for index in (2, 1)]
        receipts = [await peer.delivery() for _ in range(2)]
        assert {(each.receipted, each.pdu.message_state) for each in receipts} == {(each, 2) for each in ids}
