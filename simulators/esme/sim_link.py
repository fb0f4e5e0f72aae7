"""One bind of an ``EsmeSim``: a future for each request, receipts and MO kept and answered as told."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING

from simulators.esme.answer import Answer
from simulators.esme.incoming import MESSAGES, Incoming, Sent
from simulators.esme.link import EsmeLink
from simulators.esme.message import Build
from simulators.esme.settings import EsmeSettings
from simulators.turn import Turn
from smsgw.errors import LinkLost, RecoverableError
from smsgw.smpp import pdu
from smsgw.smpp.constants import HEADER_OCTETS, CommandId
from smsgw.smpp.receipt import parse_receipt
from smsgw.smpp.session import State

if TYPE_CHECKING:
    from simulators.esme.sim import EsmeSim

_DATA_SM = int(CommandId.DATA_SM)
_OUTBIND = int(CommandId.OUTBIND)


class SimLink(EsmeLink):
    """``index`` is its place among the application's binds, ``number`` that of the connection."""

    def __init__(self, sim: EsmeSim, settings: EsmeSettings, bind: str, turn: Turn, index: int, number: int) -> None:
        super().__init__(settings, bind, turn, number)
        self.index = index
        self.unanswered: dict[int, tuple[asyncio.Future[Answer], Sent | None]] = {}
        self._sim = sim

    def request(self, build: Build) -> asyncio.Future[Answer]:
        """Send a request; the future is the answer, or LinkLost."""
        sequence_number = self.session.next_sequence()
        octets = build(sequence_number)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        sent = None
        if int.from_bytes(octets[4:8], "big") in MESSAGES:
            sent = Sent(octets, self.number, time.monotonic(), self._sim.clock.now_ms())
            self._sim.keep_sent(sent)
        self.unanswered[sequence_number] = future, sent
        self.write(octets)
        return future

    def on_answer(self, command_id: int, status: int, sequence_number: int, frame: bytes) -> None:
        future, sent = self.unanswered.pop(sequence_number, (None, None))
        answer = Answer.of(frame)
        if sent is not None:
            sent.answer, sent.answered_s = answer, self.heard_s
        if future is None:
            self._sim.keep_unexpected(answer)
        elif not future.done():
            future.set_result(answer)

    def on_enquire_answer(self, sequence_number: int, frame: bytes) -> None:
        if sequence_number in self.unanswered:  # asked by request, not because of silence
            self.on_answer(int(CommandId.ENQUIRE_LINK_RESP), 0, sequence_number, frame)

    def on_deliver(self, command_id: int, sequence_number: int, frame: bytes) -> None:
        sim = self._sim
        incoming = None
        status = sim.deliver_status
        try:
            sm = pdu.DataSm(frame) if command_id == _DATA_SM else pdu.Sm(frame)
        except RecoverableError as error:
            sim.keep_malformed(frame)
            if status is not None:
                status = error.command_status
        else:
            receipt = parse_receipt(sm)
            incoming = Incoming(sm, receipt, self.index, time.monotonic(), sim.clock.now_ms(), self.number)
        if status is not None:
            answer = partial(self._answer, incoming, pdu.response(command_id, status, sequence_number, b""), status)
            if sim.deliver_after_s:
                asyncio.get_running_loop().call_later(sim.deliver_after_s, answer)
            else:
                answer()
        if incoming is not None:
            sim.keep_incoming(incoming)

    def on_bind_answer(self, status: int) -> None:
        self._sim.note("refused_bind" if status else "bind", self, status=status)

    def on_unbind(self, by_peer: bool) -> None:
        self._sim.note("unbind", self, fate="by the peer" if by_peer else "")

    def on_gone(self) -> None:
        why = f" ({self.why_lost})" if self.why_lost else ""
        for future, sent in self.unanswered.values():
            if sent is not None:
                sent.fate = "connection lost"
            if not future.done():
                future.set_exception(LinkLost(f"the connection went before the answer{why}"))
                future.exception()  # whoever waits gets it; nobody has to
        self.unanswered.clear()
        if not self.is_unbinding:
            self._sim.note("lost", self, fate=self.why_lost)
        self._sim.gone(self)

    def _answer(self, incoming: Incoming | None, octets: bytes, status: int) -> None:
        if not self.open:
            return  # the connection went before a late answer
        self.write(octets)
        if incoming is not None:
            incoming.status, incoming.answered_s = status, time.monotonic()


class OutboundLink(SimLink):
    """A connection that the SMSC made: it binds once the outbind came (SMPP 3.4 §2.2.1)."""

    def on_open(self) -> None:
        self._sim.joined(self)

    def on_frame(self, frame: bytes) -> None:
        _length, command_id, _status, _sequence_number = pdu.HEADER.unpack_from(frame)
        if command_id != _OUTBIND or self.session.state is not State.OPEN:
            super().on_frame(frame)
            return
        system_id, _, _password = frame[HEADER_OCTETS:].partition(b"\0")
        self._sim.outbinds.append(system_id.decode("latin-1"))
        self.session.outbound()
        self.send_bind()
