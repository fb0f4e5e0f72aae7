"""A shipped scenario on a real socket, and the other end of it: what is sent is written by smpplib, what comes is
read by smpplib, and deliveries by smpp.pdu3 as well.

async with playing("receipts-twice") as stage, await Peer.bound(stage) as peer:
    answer = await peer.ask("8613800000001")
    receipt = await peer.delivery()
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import itertools
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import TracebackType
from typing import Any

import smpplib.exceptions
import smpplib.smpp
from smpp.pdu.error import PDUParseError
from smpp.pdu.pdu_encoding import PDUEncoder

from simulators.carrier.group import CarrierGroup
from simulators.carrier.sim import CarrierSim
from simulators.clock import SimClock
from simulators.expect.evaluate import evaluate
from simulators.expect.report import Report
from simulators.scenario import Play, Scenario, load_scenario
from simulators.scenario.library import shipped

SOON_S = 5.0
#: In seconds; long enough that something would have come, if it was to come.
SILENCE_S = 0.15
START = datetime.fromisoformat("2026-11-18T10:30:00+08:00")
SOURCE = "10690001"
_DELIVERIES = ("deliver_sm", "data_sm")


@dataclass
class Stage:
    """A scenario that is played."""

    group: CarrierGroup
    play: Play
    scenario: Scenario
    #: Closed with it.
    peers: list[Peer] = field(default_factory=list)

    @property
    def sim(self) -> CarrierSim:
        """The first carrier."""
        return next(iter(self.group.carriers.values()))

    def report(self) -> Report:
        """What became of what the scenario expects."""
        return evaluate(self.scenario.expectations, self.group.entries(), phases=self.play.spans)


@asynccontextmanager
async def playing(name: str, *, by_hand: bool = False, **changes: Any) -> AsyncIterator[Stage]:
    """A shipped scenario on free ports, with other settings where its own would take too long.

    ``by_hand``: its business time begins at START and stands still.
    """
    scenario = load_scenario(shipped()[name])
    carriers = tuple(replace(each, port=0, **changes) for each in scenario.carriers)
    plan = scenario.clock
    clock = SimClock(START, 0) if by_hand else SimClock(plan.start, plan.speed)
    async with CarrierGroup(carriers, clock=clock) as group:
        play = Play(group, replace(scenario, carriers=carriers))
        play.start()
        stage = Stage(group, play, scenario)
        try:
            yield stage
        finally:
            play.stop()
            for peer in stage.peers:
                await peer.close()


class _Sequence:
    """What smpplib asks for numbers."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self.sequence = 0

    def next_sequence(self) -> int:
        self.sequence = next(self._numbers)
        return self.sequence


@dataclass(frozen=True)
class Came:
    """One PDU: its octets, and how smpplib reads them (None: it knows no such command)."""

    raw: bytes
    pdu: Any
    #: What smpp.pdu3 has against it.
    complaint: str = ""

    @property
    def command(self) -> str:
        return str(self.pdu.command) if self.pdu is not None else ""

    @property
    def command_id(self) -> int:
        return int.from_bytes(self.raw[4:8], "big")

    @property
    def status(self) -> int:
        return int.from_bytes(self.raw[8:12], "big")

    @property
    def sequence(self) -> int:
        return int.from_bytes(self.raw[12:16], "big")

    @property
    def message_id(self) -> bytes:
        """Of a response."""
        return self.pdu.message_id or b""

    @property
    def text(self) -> bytes:
        """short_message, or message_payload of a data_sm."""
        return (self.pdu.message_payload if self.command == "data_sm" else self.pdu.short_message) or b""

    @property
    def esm_class(self) -> int:
        return int(self.pdu.esm_class)

    @property
    def receipted(self) -> bytes | None:
        """receipted_message_id, if there is one."""
        value: bytes | None = self.pdu.receipted_message_id
        return value


class Peer:
    """One connection of an application; it answers nothing by itself."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        #: What came while something else was waited for.
        self.kept: list[Came] = []
        self._sequence = _Sequence()

    @classmethod
    async def connect(cls, stage: Stage, carrier: str = "", context: ssl.SSLContext | None = None) -> Peer:
        """Connected, not bound. Raises OSError when nobody listens."""
        sim = stage.group.carriers[carrier] if carrier else stage.sim
        name = "localhost" if context is not None else None
        peer = cls(*await asyncio.open_connection("127.0.0.1", sim.port, ssl=context, server_hostname=name))
        stage.peers.append(peer)
        return peer

    @classmethod
    async def bound(cls, stage: Stage, kind: str = "transceiver", system_id: str = "shop", carrier: str = "") -> Peer:
        """Bound; fails when the bind is refused."""
        peer = await cls.connect(stage, carrier)
        assert await peer.bind(kind, system_id) == 0
        return peer

    async def close(self) -> None:
        """Close the connection."""
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()

    async def __aenter__(self) -> Peer:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # sending

    def send(self, command: str, status: int = 0, sequence: int = 0, **fields: Any) -> int:
        """Write a PDU; returns its sequence number."""
        made = smpplib.smpp.make_pdu(command, client=self._sequence, **fields)
        made.status = status
        made.sequence = sequence or made.sequence
        self.writer.write(made.generate())
        return int(made.sequence)

    def submit(self, recipient: str = "8613800000001", text: bytes = b"x", **fields: Any) -> int:
        """Write a message that asks for a receipt; returns its sequence number."""
        given = {"source_addr": SOURCE, "registered_delivery": 1, **fields}
        return self.send("submit_sm", destination_addr=recipient, short_message=text, **given)

    def reply(self, request: Came, status: int = 0) -> None:
        """Answer a delivery."""
        self.send(f"{request.command}_resp", status, request.sequence)

    async def bind(self, kind: str = "transceiver", system_id: str = "shop", password: str = "secret") -> int:
        """Bind; returns the status of the answer."""
        number = self.send(f"bind_{kind}", system_id=system_id, password=password)
        return (await self.answer(number)).status

    @classmethod
    async def tried(cls, stage: Stage, kind: str = "transceiver") -> int:
        """Connect, bind and go; returns the status of the bind's answer."""
        async with await cls.connect(stage) as peer:
            return await peer.bind(kind)

    @classmethod
    async def tried_until_bound(cls, stage: Stage) -> None:
        """Try again and again, as long as nobody listens."""
        async with asyncio.timeout(SOON_S):
            while True:
                with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                    assert await cls.tried(stage) == 0
                    return
                await asyncio.sleep(0.01)

    async def ask(self, recipient: str = "8613800000001", text: bytes = b"x", **fields: Any) -> Came:
        """Send a message and return its answer."""
        return await self.answer(self.submit(recipient, text, **fields))

    async def alive(self) -> bool:
        """Whether enquire_link is answered; everything that was sent before has come then."""
        return (await self.answer(self.send("enquire_link"))).command == "enquire_link_resp"

    # reading

    async def read(self) -> Came:
        """The next PDU. Raises IncompleteReadError at the end, ConnectionResetError at a hard one."""
        async with asyncio.timeout(SOON_S):
            head = await self.reader.readexactly(4)
            raw = head + await self.reader.readexactly(int.from_bytes(head, "big") - 4)
        return _read(raw)

    async def take(self, wanted: Callable[[Came], bool]) -> Came:
        """The first PDU that is wanted; what comes before it is kept."""
        for place, came in enumerate(self.kept):
            if wanted(came):
                return self.kept.pop(place)
        while not wanted(came := await self.read()):
            self.kept.append(came)
        return came

    async def answer(self, sequence: int) -> Came:
        """The response of this number."""
        return await self.take(lambda came: came.command_id >= 0x80000000 and came.sequence == sequence)

    async def delivery(self, status: int | None = 0, *, sound: bool = True) -> Came:
        """The next deliver_sm or data_sm, answered with ``status``; None does not answer."""
        came = await self.take(lambda each: each.command in _DELIVERIES)
        assert came.complaint == "" or not sound
        if status is not None:
            self.reply(came, status)
        return came

    async def ended(self) -> bool:
        """Whether the carrier closes; what comes before that is kept."""
        try:
            while True:
                self.kept.append(await self.read())
        except (asyncio.IncompleteReadError, ConnectionResetError):
            return True
        except TimeoutError:
            return False

    async def silent(self, seconds: float = SILENCE_S) -> bool:
        """Whether nothing comes for so long."""
        try:
            async with asyncio.timeout(seconds):
                self.kept.append(await self.read())
        except TimeoutError:
            return True
        return False


def _read(raw: bytes) -> Came:
    try:
        came = Came(raw, smpplib.smpp.parse_pdu(raw, sequence=1, allow_unknown_opt_params=True))
    except smpplib.exceptions.UnknownCommandError:
        return Came(raw, None)
    if came.command != "deliver_sm":
        return came
    try:
        read = PDUEncoder().decode(io.BytesIO(raw)).params
    except PDUParseError as error:
        return replace(came, complaint=str(error))
    assert (read["source_addr"], read["destination_addr"]) == (came.pdu.source_addr, came.pdu.destination_addr)
    assert (read["short_message"] or b"") == came.text
    return came
