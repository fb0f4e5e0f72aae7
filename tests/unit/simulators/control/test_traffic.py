"""The traffic tap: attached only while somebody listens, bounded, in place again after it lost its place."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from simulators.clock import SimClock
from simulators.control.traffic import Happening, TrafficHub
from smsgw.smpp import pdu

_PDU = pdu.enquire_link(7)


class _Group:
    """Counts what is attached."""

    def __init__(self) -> None:
        self.clock = SimClock()
        self.taps: list[object] = []

    def attach(self, tap: object) -> None:
        self.taps.append(tap)

    def detach(self, tap: object) -> None:
        self.taps.remove(tap)


def _hub() -> tuple[TrafficHub, _Group]:
    group = _Group()
    return TrafficHub(cast(Any, group)), group


def _link(number: int = 1) -> Any:
    return SimpleNamespace(
        number=number, where="alpha", system_id="shop", local=("127.0.0.1", 1), remote=("127.0.0.1", 2)
    )


def _all(_: Happening) -> bool:
    return True


def test_it_is_attached_only_while_somebody_listens() -> None:
    hub, group = _hub()
    assert group.taps == []
    with hub.listen(_all):
        with hub.listen(_all):
            assert len(group.taps) == 1
        assert hub.is_attached
    assert group.taps == []
    assert not hub.is_attached


def test_reads_are_cut_to_pdus_and_pieces_are_told_apart() -> None:
    hub, _ = _hub()
    with hub.listen(_all) as listener:
        hub.opened(_link())
        hub.received(_link(), _PDU)
        for octet in _PDU + _PDU:
            hub.received(_link(), bytes([octet]))
        hub.sent(_link(), _PDU + _PDU)
        hub.sent(_link(), b"\x00\x00\x00\x99garbage that is no PDU")
        hub.closed(_link())
        taken, dropped = listener.take(100)
    assert dropped == 0
    told = [(each.direction, each.frame) for each in taken]
    assert told == [
        ("opened", b""), ("in", _PDU), ("in", _PDU), ("in", _PDU), ("out", _PDU), ("out", _PDU),
        ("out", b"\x00\x00\x00\x99garbage that is no PDU"), ("closed", b""),
    ]  # fmt: skip
    assert [each.number for each in taken] == list(range(1, 9))


def test_attached_in_the_midst_of_a_pdu_it_finds_its_place_again() -> None:
    hub, _ = _hub()
    with hub.listen(_all) as listener:
        hub.received(_link(), b"the end of a text")
        hub.received(_link(), _PDU)
        taken, _ = listener.take(10)
    assert [each.frame for each in taken] == [b"the end of a text", _PDU]


def test_a_slow_listener_loses_with_a_count_and_the_others_nothing() -> None:
    hub, _ = _hub()
    with hub.listen() as slow, hub.listen(_all) as quick:
        got = 0
        for _ in range(5000):
            hub.sent(_link(), _PDU)
            got += len(quick.take(10)[0])
        kept, dropped = slow.take(10_000)
        assert got == 5000
        assert len(kept) + dropped == 5000
        assert dropped == hub.dropped > 0
        assert slow.take(1) == ([], 0)


def test_what_nobody_can_take_is_only_counted() -> None:
    hub, _ = _hub()
    with hub.listen() as first, hub.listen() as second:
        for _ in range(3000):
            hub.sent(_link(), _PDU)
        lost = [len(kept) + dropped for kept, dropped in (first.take(5000), second.take(5000))]
        assert lost == [3000, 3000]
        hub.sent(_link(), _PDU)
        assert [each.number for each in first.take(10)[0]] == [3001]


def test_octets_are_bounded_too() -> None:
    hub, _ = _hub()
    with hub.listen() as listener:
        big = pdu.HEADER.pack(60_016, 0x15, 0, 1) + bytes(60_000)
        for _ in range(200):
            hub.sent(_link(), big)
        kept, dropped = listener.take(1000)
    assert sum(len(each.frame) for each in kept) < 4_200_000
    assert dropped == 200 - len(kept) > 0


def test_only_what_is_wanted_is_queued() -> None:
    hub, _ = _hub()
    with hub.listen(lambda happening: happening.bind == 2) as listener:
        hub.sent(_link(1), _PDU)
        hub.sent(_link(2), _PDU)
        assert [each.bind for each in listener.take(10)[0]] == [2]


async def test_a_listener_wakes_for_traffic_and_for_the_end() -> None:
    hub, _ = _hub()
    closing = asyncio.Event()
    with hub.listen(_all) as listener:
        assert not await listener.wait(closing, 0.01)
        waiting = asyncio.ensure_future(listener.wait(closing, 30))
        await asyncio.sleep(0)
        hub.sent(_link(), _PDU)
        assert await waiting
        listener.take(10)
        closing.set()
        assert await listener.wait(closing, 30)
