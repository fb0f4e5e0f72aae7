"""Forms of long messages, and segments that wait for each other."""

from __future__ import annotations

from typing import cast

import pytest

from simulators.carrier.account import Account
from simulators.carrier.link import CarrierLink
from simulators.carrier.long import Reassembly, form_of, segment_of
from simulators.carrier.message import Message
from simulators.carrier.plan import Plan
from simulators.wheel import TimeWheel
from smsgw.smpp.constants import Tag
from smsgw.smpp.tlv import tlv
from smsgw.smpp.udh import build_concat_udh
from tests.unit.simulators.builders import submit_sm

_SAR = tlv(Tag.SAR_MSG_REF_NUM, b"\0\1") + tlv(Tag.SAR_TOTAL_SEGMENTS, b"\2") + tlv(Tag.SAR_SEGMENT_SEQNUM, b"\1")


class _Wheel:
    """Remembers what waits."""

    def __init__(self) -> None:
        self.added: list[tuple[float, object, object]] = []

    def add(self, delay_s: float, action: object, item: object) -> None:
        self.added.append((delay_s, action, item))

    def run(self) -> None:
        for _, action, item in self.added:
            action(item)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("text", "fields", "form"),
    [
        (b"x", {}, "plain"),
        (build_concat_udh(1, 2, 1) + b"x", {"esm_class": 0x40}, "udh8"),
        (build_concat_udh(1, 2, 1, wide=True) + b"x", {"esm_class": 0x40}, "udh16"),
        (b"x", {"tlvs": _SAR}, "sar"),
        (b"", {"tlvs": tlv(Tag.MESSAGE_PAYLOAD, b"x")}, "payload"),
        (b"", {}, "plain"),
        (b"\x09x", {"esm_class": 0x40}, "plain"),
        (b"", {"tlvs": b"\4\4"}, "plain"),
    ],
)
def test_forms(text: bytes, fields: dict[str, int | bytes], form: str) -> None:
    assert form_of(submit_sm(b"1", text, **fields)) == form


def _segment(index: int, reference: int = 1, recipient: bytes = b"1", account: str = "shop", total: int = 3) -> Message:
    sm = submit_sm(recipient, build_concat_udh(reference, total, index) + b"x", esm_class=0x40)
    return Message(cast(CarrierLink, None), Account(account), sm, 1, 0x80000004, Plan(), 0.0)


def _came(long: Reassembly, message: Message) -> list[Message]:
    concat = segment_of(message.sm)
    assert concat is not None
    return long.came(message, concat, 60.0)


def _made() -> tuple[Reassembly, _Wheel, list[list[Message]]]:
    wheel, lost = _Wheel(), list[list[Message]]()
    return Reassembly(cast(TimeWheel, wheel), lost.append), wheel, lost


def test_a_message_is_whole_when_all_its_segments_came_in_any_order() -> None:
    long, wheel, lost = _made()
    segments = {index: _segment(index) for index in (3, 1, 2)}
    assert [_came(long, segments[index]) for index in (3, 1)] == [[], []]
    assert _came(long, _segment(2, reference=2)) == []
    assert _came(long, _segment(2, recipient=b"2")) == []
    assert _came(long, _segment(2, account="login")) == []
    assert _came(long, segments[2]) == [segments[1], segments[2], segments[3]]
    assert [delay_s for delay_s, _, _ in wheel.added] == [60.0] * 4
    wheel.run()
    assert [len(each) for each in lost] == [1, 1, 1]


def test_a_segment_that_comes_twice_counts_once() -> None:
    long, wheel, lost = _made()
    for message in (_segment(1), _segment(1), _segment(3)):
        assert _came(long, message) == []
    wheel.run()
    assert [[segment_of(each.sm).index for each in whole] for whole in lost] == [[1, 3]]  # type: ignore[union-attr]
    assert _came(long, _segment(2)) == []


def test_a_message_that_begins_again_has_its_own_time() -> None:
    long, wheel, lost = _made()
    for _ in range(2):
        for index in (1, 2, 3):
            _came(long, _segment(index))
    _came(long, _segment(1))
    long.reset()
    wheel.run()
    assert lost == []
