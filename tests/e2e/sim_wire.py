"""A connection to the carrier simulator on a plain socket, which shows what a network shows: octets, FIN, RST."""

from __future__ import annotations

import asyncio
import socket
import struct
from types import TracebackType

from simulators.carrier import CarrierSim
from smsgw.smpp import pdu
from smsgw.smpp.constants import RESPONSE_BIT, CommandId
from smsgw.smpp.framing import Framer

SOON_S = 5.0
TRANSMITTER, RECEIVER, TRANSCEIVER = CommandId.BIND_TRANSMITTER, CommandId.BIND_RECEIVER, CommandId.BIND_TRANSCEIVER

_DATA_SEGS_IN = 152  # of struct tcp_info in linux/tcp.h


class RawSocket:
    """One connection; reads and writes when told to, and answers nothing by itself."""

    def __init__(self, plain: socket.socket) -> None:
        self.socket = plain
        self._loop = asyncio.get_running_loop()
        self._framer = Framer(70_000)
        self._frames: list[bytes] = []
        self._sequence = 0

    async def __aenter__(self) -> RawSocket:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    @classmethod
    async def connect(cls, sim: CarrierSim) -> RawSocket:
        """Raises ConnectionRefusedError when nothing listens."""
        plain = socket.socket()
        plain.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", sim.port))
        except OSError:
            plain.close()
            raise
        return cls(plain)

    @classmethod
    async def bound(cls, sim: CarrierSim, kind: CommandId = TRANSCEIVER, system_id: str = "shop") -> RawSocket:
        """A bound connection; fails when the bind is refused."""
        made = await cls.connect(sim)
        assert await made.bind(kind, system_id) == 0
        return made

    async def bind(self, kind: CommandId = TRANSCEIVER, system_id: str = "shop", password: str = "secret") -> int:
        """Bind; returns the status of the answer."""
        await self.send(pdu.bind(kind, self.number(), system_id=system_id.encode(), password=password.encode()))
        command_id, status, _, _ = await self.pdu()
        assert command_id == kind | RESPONSE_BIT
        return status

    async def submit(self, recipient: str = "8613800000001", source: str = "10690001") -> int:
        """Send one message that asks for a receipt; returns its sequence number."""
        number = self.number()
        await self.send(
            pdu.submit_sm(
                number,
                source_addr=source.encode(),
                destination_addr=recipient.encode(),
                short_message=b"x",
                registered_delivery=1,
            )
        )
        return number

    async def answer_to(self, sequence_number: int) -> int:
        """The status of the response with this number; what comes before it is thrown away."""
        while True:
            command_id, status, number, _ = await self.pdu()
            if command_id & RESPONSE_BIT and number == sequence_number:
                return status

    async def accept(self, sequence_number: int) -> None:
        """Answer a deliver_sm."""
        await self.send(pdu.response(CommandId.DELIVER_SM, 0, sequence_number, b""))

    async def send(self, octets: bytes) -> None:
        await self._loop.sock_sendall(self.socket, octets)

    async def read(self) -> bytes:
        """What came; empty at the end by FIN. Raises ConnectionResetError at one by RST."""
        async with asyncio.timeout(SOON_S):
            return await self._loop.sock_recv(self.socket, 65536)

    async def read_all(self, octets: int) -> bytes:
        """So many octets, or what came before the end."""
        found = b""
        while len(found) < octets:
            data = await self.read()
            if not data:
                break
            found += data
        return found

    async def frame(self) -> bytes:
        """The next whole PDU. Raises ConnectionError at the end."""
        while not self._frames:
            data = await self.read()
            if not data:
                raise ConnectionError("closed by FIN")
            self._frames += self._framer.feed(data)
        return self._frames.pop(0)

    async def pdu(self) -> tuple[int, int, int, bytes]:
        """command_id, command_status, sequence_number and body of the next."""
        frame = await self.frame()
        _, command_id, status, sequence_number = pdu.HEADER.unpack_from(frame)
        return command_id, status, sequence_number, frame[16:]

    async def silent_for(self, seconds: float) -> bool:
        """Whether nothing comes for so long."""
        try:
            async with asyncio.timeout(seconds):
                await self.frame()
        except TimeoutError:
            return True
        return False

    def number(self) -> int:
        self._sequence += 1
        return self._sequence

    def segments_received(self) -> int:
        """TCP segments with data that came so far."""
        info = self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        found: int = struct.unpack_from("=I", info, _DATA_SEGS_IN)[0]
        return found
