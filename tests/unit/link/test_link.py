"""A link over a transport that only records: octets in → what the owner is told and what is written."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from smsgw.link.link import CLOSE_GRACE_S, STUCK_WRITE_S, Link
from smsgw.link.ticker import Ticker
from smsgw.smpp import pdu
from smsgw.smpp.codec import Pdu, decode
from smsgw.smpp.constants import CommandId
from smsgw.smpp.framing import Framer
from smsgw.smpp.session import Role
from smsgw.smpp.timers import SessionTimers

TRX = int(CommandId.BIND_TRANSCEIVER)
SUBMIT = pdu.submit_sm(7, source_addr=b"1", destination_addr=b"2", short_message=b"x")


class Transport:
    """Records what a link does to it; ``close`` and ``abort`` tell the link at once."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.reading = True
        self.ended = ""
        self.link: Link[str] | None = None

    def set_write_buffer_limits(self, high: int) -> None: ...

    def get_extra_info(self, name: str) -> object:
        return ("192.0.2.1", 1234) if name == "peername" else None

    def write(self, octets: bytes) -> None:
        self.written.append(octets)

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def close(self) -> None:
        self.ended = self.ended or "closed"

    def abort(self) -> None:
        self.ended = "aborted"

    def pdus(self) -> list[Pdu]:
        """Everything written, decoded; then forgotten."""
        framer = Framer(70_000)
        frames = framer.feed(b"".join(self.written))
        self.written.clear()
        return [decode(frame) for frame in frames]


class Owner:
    """Records what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def connected(self) -> None:
        self.told.append(("connected",))

    def received(self, command_id: int, command_status: int, sequence_number: int, raw: bytes) -> None:
        self.told.append(("received", command_id, sequence_number))

    def timed_out(self, sequence_number: int, item: str) -> None:
        self.told.append(("timed out", sequence_number, item))

    def writable(self) -> None:
        self.told.append(("writable",))

    def lost(self, reason: str, unanswered: list[str]) -> None:
        self.told.append(("lost", reason, unanswered))


class Peer:
    """A link, its owner and its transport. Times are seconds after the connection was made."""

    def __init__(self, *timers: float) -> None:
        self.owner, self.transport = Owner(), Transport()
        self.ticker = Ticker()
        self.link: Link[str] = Link(Role.SMSC, self.owner, self.ticker, SessionTimers(*timers or (0, 0, 0, 0)), 3, 10.0)
        self.link.connection_made(cast(asyncio.Transport, self.transport))
        self._start_s = self.link.now_s
        self.owner.told.clear()

    def bound(self) -> Peer:
        self.link.bound(TRX)
        return self

    async def takes(self, *octets: bytes) -> list[Pdu]:
        """Octets from the other side, a call each; what was written by the end of this turn of the loop."""
        for each in octets:
            self.link.data_received(each)
        await asyncio.sleep(0)
        return self.transport.pdus()

    async def tick(self, after_s: float) -> list[Pdu]:
        # As the ticker does.
        if self.link.check_s <= self._start_s + after_s:
            self.link.tick(self._start_s + after_s)
        await asyncio.sleep(0)
        return self.transport.pdus()


async def test_a_pdu_cut_anywhere_is_told_once_and_whole() -> None:
    for at in range(1, len(SUBMIT)):
        peer = Peer().bound()
        assert await peer.takes(SUBMIT[:at], SUBMIT[at:]) == []
        assert peer.owner.told == [("received", CommandId.SUBMIT_SM, 7)]


async def test_what_the_state_does_not_allow_is_refused_without_the_owner() -> None:
    peer = Peer()
    (answer,) = await peer.takes(SUBMIT)
    assert (answer.command_id, answer.command_status, answer.sequence_number) == (CommandId.SUBMIT_SM_RESP, 0x04, 7)
    peer.bound()
    (answer,) = await peer.takes(pdu.bind(TRX, 8, system_id=b"a", password=b"b"))
    assert (answer.command_id, answer.command_status) == (CommandId.BIND_TRANSCEIVER_RESP, 0x05)
    (answer,) = await peer.takes(pdu.HEADER.pack(16, 0x00000FFF, 0, 9))
    assert (answer.command_id, answer.command_status, answer.sequence_number) == (CommandId.GENERIC_NACK, 0x03, 9)
    assert peer.owner.told == []


async def test_a_response_that_nobody_may_send_is_not_answered() -> None:
    """Two peers that nack each other's nacks would never stop."""
    peer = Peer().bound()
    assert await peer.takes(pdu.HEADER.pack(16, CommandId.SUBMIT_SM_RESP, 0, 1)) == []
    assert await peer.takes(pdu.HEADER.pack(16, 0x80000FFF, 0, 1)) == []


async def test_enquire_link_is_answered_in_every_state_without_the_owner() -> None:
    for peer in (Peer(), Peer().bound()):
        (answer,) = await peer.takes(pdu.enquire_link(3))
        assert (answer.command_id, answer.sequence_number) == (CommandId.ENQUIRE_LINK_RESP, 3)
        assert peer.owner.told == []


async def test_everything_of_one_turn_leaves_in_one_write() -> None:
    peer = Peer().bound()
    peer.link.data_received(b"".join(pdu.enquire_link(number) for number in range(1, 6)))
    peer.link.send(pdu.unbind(1))
    assert peer.transport.written == []
    await asyncio.sleep(0)
    assert len(peer.transport.written) == 1
    assert len(peer.transport.pdus()) == 6


@pytest.mark.parametrize("length", [0, 15, 1 << 30])
async def test_what_can_not_be_framed_ends_the_link_after_the_good_pdus_before_it(length: int) -> None:
    peer = Peer().bound()
    answers = await peer.takes(SUBMIT + length.to_bytes(4, "big") + SUBMIT)
    assert peer.owner.told == [("received", CommandId.SUBMIT_SM, 7)]
    assert [(each.command_id, each.command_status) for each in answers] == [(CommandId.GENERIC_NACK, 0x02)]
    assert peer.transport.ended == "closed"
    assert await peer.takes(SUBMIT) == []
    assert len(peer.owner.told) == 1


async def test_frames_are_small_until_the_bind() -> None:
    large = pdu.submit_sm(
        7, source_addr=b"1", destination_addr=b"2", short_message=b"", tlvs=b"\x04\x24\x27\x10" + b"x" * 10_000
    )
    peer = Peer()
    await peer.takes(large)
    assert peer.transport.ended == "closed"
    peer = Peer().bound()
    await peer.takes(large)
    assert peer.owner.told == [("received", CommandId.SUBMIT_SM, 7)]


async def test_requests_without_an_answer_are_told_oldest_first() -> None:
    peer = Peer().bound()
    for number, item in ((5, "a"), (3, "b"), (9, "c")):
        peer.link.request(pdu.enquire_link(number), number, item)
    assert peer.link.window.full
    assert peer.link.window.pop(3) == "b"
    await peer.tick(9.9)
    assert peer.owner.told == []
    await peer.tick(10.1)
    assert peer.owner.told == [("timed out", 5, "a"), ("timed out", 9, "c")]
    assert peer.link.window.pop(5) is None  # too late


async def test_what_is_unanswered_when_the_link_goes_is_handed_over_in_order_and_nothing_follows() -> None:
    peer = Peer().bound()
    for number, item in ((5, "a"), (3, "b")):
        peer.link.request(pdu.enquire_link(number), number, item)
    peer.link.connection_lost(None)
    assert peer.owner.told == [("lost", "peer closed the connection", ["a", "b"])]
    assert peer.link.closing
    assert len(peer.ticker) == 0
    peer.link.resume_writing()
    peer.link.send(b"x")
    peer.link.close("again")
    await asyncio.sleep(0)
    assert len(peer.owner.told) == 1


async def test_a_peer_that_does_not_read_is_not_read_from_and_cut_after_a_while() -> None:
    peer = Peer().bound()
    peer.link.pause_writing()
    assert not peer.link.writable
    assert not peer.transport.reading
    peer.link.resume_writing()
    assert peer.link.writable
    assert peer.transport.reading
    assert peer.owner.told == [("writable",)]
    peer.link.pause_writing()
    await peer.tick(STUCK_WRITE_S - 1)
    assert peer.transport.ended == ""
    await peer.tick(STUCK_WRITE_S + 1)
    assert peer.transport.ended == "aborted"


async def test_closing_flushes_and_is_forced_after_a_grace() -> None:
    peer = Peer().bound()
    peer.link.send(pdu.unbind(1))
    peer.link.close("enough")
    assert [each.command_id for each in peer.transport.pdus()] == [CommandId.UNBIND]
    assert peer.transport.ended == "closed"
    await peer.tick(CLOSE_GRACE_S - 0.1)
    assert peer.transport.ended == "closed"
    await peer.tick(CLOSE_GRACE_S + 0.5)
    assert peer.transport.ended == "aborted"
    peer.link.connection_lost(None)
    assert peer.owner.told == [("lost", "enough", [])]


async def test_no_bind_in_time() -> None:
    peer = Peer(5, 0, 0, 0)
    await peer.tick(4.9)
    assert peer.transport.ended == ""
    await peer.tick(5.1)
    assert peer.transport.ended == "closed"
    peer = Peer(5, 0, 0, 0).bound()
    await peer.tick(100)
    assert peer.transport.ended == ""


async def test_silence_is_asked_about_once_and_then_the_link_is_closed() -> None:
    peer = Peer(0, 30, 0, 10).bound()
    assert await peer.tick(29) == []
    (asked,) = await peer.tick(31)
    assert asked.command_id == CommandId.ENQUIRE_LINK
    assert await peer.tick(35) == []
    assert await peer.tick(42) == []
    assert peer.transport.ended == "closed"


async def test_anything_that_comes_answers_an_enquire_link() -> None:
    peer = Peer(0, 30, 0, 10).bound()
    (asked,) = await peer.tick(31)
    await peer.takes(pdu.enquire_link_resp(asked.sequence_number))
    await peer.tick(42)
    assert peer.transport.ended == ""
    assert peer.owner.told == []


async def test_an_idle_session_is_left_alone_until_its_next_timer() -> None:
    peer = Peer(0, 30, 150, 10).bound()
    await peer.tick(1)
    assert 29 <= peer.link.check_s - peer.link.now_s <= 30
    (asked,) = await peer.tick(31)
    await peer.takes(pdu.enquire_link_resp(asked.sequence_number))
    assert peer.link.check_s == 0, "the next enquire_link is due before the answer to this one was"


async def test_a_request_on_a_session_that_was_left_alone_has_its_whole_time() -> None:
    peer = Peer(0, 30, 0, 10).bound()
    await peer.tick(1)
    # As if the last tick were long ago.
    peer.link.now_s -= 1000
    peer.link.request(SUBMIT, 7, "receipt")
    await peer.tick(5)
    assert peer.owner.told == []
    await peer.tick(12)
    assert peer.owner.told == [("timed out", 7, "receipt")]


async def test_closing_and_a_peer_that_does_not_read_end_an_idle_session_too() -> None:
    peer = Peer(0, 0, 0, 0).bound()
    await peer.tick(1)
    assert peer.link.check_s > 1e9, "no timer is on"
    peer.link.pause_writing()
    await peer.tick(STUCK_WRITE_S + 2)
    assert peer.transport.ended == "aborted"
    peer = Peer(0, 0, 0, 0).bound()
    await peer.tick(1)
    peer.link.close("done")
    await peer.tick(CLOSE_GRACE_S + 1)
    assert peer.transport.ended == "aborted"


async def test_enquire_link_is_no_traffic() -> None:
    peer = Peer(0, 0, 60, 10).bound()
    await peer.takes(pdu.enquire_link(1))
    await peer.tick(61)
    assert peer.transport.ended == "closed"
