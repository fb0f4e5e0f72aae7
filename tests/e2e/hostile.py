"""What strangers and broken clients do to a port: raw octets by chance, and the sound PDUs that they are made from."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
from collections.abc import Iterator
from pathlib import Path

from smsgw.smpp import pdu
from smsgw.smpp.constants import CommandId
from smsgw.smpp.framing import Framer

VECTORS = Path(__file__).parents[1] / "vectors"
_READ_OCTETS = 65536


class Raw:
    """One TCP connection that may send anything. ``frames`` is what came back, cut into PDUs."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._framer = Framer(100_000)
        self.frames: list[bytes] = []

    @classmethod
    async def open(cls, port: int, receive_octets: int = 0) -> Raw:
        """Connect; ``receive_octets`` makes the kernel's receive buffer that small."""
        loop = asyncio.get_running_loop()
        sock = socket.socket()
        if receive_octets:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_octets)
        sock.setblocking(False)
        try:
            await loop.sock_connect(sock, ("127.0.0.1", port))
        except BaseException:
            sock.close()
            raise
        return cls(*await asyncio.open_connection(sock=sock, limit=4096))

    async def send(self, octets: bytes) -> bool:
        """Write; False when the peer has closed."""
        try:
            self._writer.write(octets)
            await self._writer.drain()
        except OSError:
            return False
        return not self._writer.is_closing()

    async def read_until_closed(self, deadline_s: float = 5.0) -> list[bytes]:
        """All frames until the peer closes; TimeoutError when it does not."""
        async with asyncio.timeout(deadline_s):
            while await self._read():
                pass
        return self.frames

    async def read(self, count: int, deadline_s: float = 5.0) -> list[bytes]:
        """Until ``count`` frames are there or the peer closed; TimeoutError when neither happens."""
        async with asyncio.timeout(deadline_s):
            while len(self.frames) < count and await self._read():
                pass
        return self.frames

    def close(self) -> None:
        """Cut it."""
        self._writer.transport.abort()

    async def _read(self) -> bool:
        try:
            data = await self._reader.read(_READ_OCTETS)
        except OSError:
            return False
        self.frames += self._framer.feed(data)
        return bool(data)


@contextlib.asynccontextmanager
async def raw(port: int, receive_octets: int = 0):  # type: ignore[no-untyped-def]
    """A ``Raw`` that is cut at the end."""
    connection = await Raw.open(port, receive_octets)
    try:
        yield connection
    finally:
        connection.close()


def bind_octets(
    system_id: str, password: str, command_id: int = CommandId.BIND_TRANSCEIVER, sequence: int = 1
) -> bytes:
    """A bind request."""
    return pdu.bind(command_id, sequence, system_id=system_id.encode(), password=password.encode())


def submit_octets(sequence: int, recipient: str, text: str) -> bytes:
    """A submit_sm in UCS2 that asks for a receipt."""
    return pdu.submit_sm(
        sequence,
        source_addr=b"1069000120",
        destination_addr=recipient.encode(),
        short_message=text.encode("utf-16-be"),
        data_coding=8,
        registered_delivery=1,
    )


def sound_frames() -> list[bytes]:
    """Every PDU of the vectors, sound or malformed: what mutants are bred from."""
    files = [json.loads((VECTORS / f"{name}.json").read_text()) for name in ("pdus", "malformed_pdus")]
    return [bytes.fromhex(vector["hex"]) for file in files for vector in file["vectors"]]


def mutants(seed: int, count: int) -> Iterator[bytes]:
    """Frames with octets changed, cut out, put in or doubled; most with a command_length that fits again."""
    chance = random.Random(seed)
    parents = sound_frames()
    for _ in range(count):
        octets = bytearray(chance.choice(parents))
        for _ in range(chance.choice((1, 1, 2, 5))):
            at = chance.randrange(4, len(octets) + 1)
            match chance.randrange(4):
                case 0 if at < len(octets):
                    octets[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
                case 1:
                    del octets[at : at + chance.randint(1, 8)]
                case 2:
                    octets[at:at] = chance.randbytes(chance.randint(1, 8))
                case _:
                    octets[at:at] = octets[at : at + chance.randint(1, 16)]
        if len(octets) < 16:
            octets += bytes(16 - len(octets))
        if chance.random() < 0.97:
            octets[:4] = len(octets).to_bytes(4)
        yield bytes(octets)
