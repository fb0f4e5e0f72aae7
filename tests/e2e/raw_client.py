"""A client of a few lines on a plain socket, for what a well-behaved library won't do."""

from __future__ import annotations

import asyncio

from smsgw.smpp.constants import CommandId
from smsgw.smpp.framing import Framer
from smsgw.smpp.pdu import bind, response, submit_sm
from smsgw.smpp.views import HEADER, Sm

SOURCE = b"1069000120"


class RawClient:
    """One bound connection; speaks only when told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._framer = Framer(70_000)
        self._frames: list[bytes] = []
        self._sequence = 0

    @classmethod
    async def bind_transmitter(cls, port: int, system_id: str, password: str) -> RawClient:
        return await cls._bind(CommandId.BIND_TRANSMITTER, port, system_id, password)

    @classmethod
    async def bind_receiver(cls, port: int, system_id: str, password: str) -> RawClient:
        return await cls._bind(CommandId.BIND_RECEIVER, port, system_id, password)

    @classmethod
    async def _bind(cls, command_id: int, port: int, system_id: str, password: str) -> RawClient:
        client = cls(*await asyncio.open_connection("127.0.0.1", port))
        client._send(bind(int(command_id), 1, system_id=system_id.encode(), password=password.encode()))
        answer = await client._next()
        assert HEADER.unpack_from(answer)[2] == 0, "the bind was refused"
        client._sequence = 1
        return client

    async def submit(self, recipient: str, text: str) -> int:
        """Send one message and wait for its command_status."""
        self._sequence += 1
        octets = text.encode("utf-16-be")
        self._send(
            submit_sm(
                self._sequence,
                source_addr=SOURCE,
                destination_addr=recipient.encode(),
                short_message=octets,
                data_coding=8,
                registered_delivery=1,
            )
        )
        status: int = HEADER.unpack_from(await self._next())[2]
        return status

    async def take_receipts(self, breaks_over: str, idle_s: float) -> set[str]:
        """Answer receipts until ``idle_s`` brings none; one about ``breaks_over`` ends the connection unanswered."""
        taken: set[str] = set()
        while True:
            try:
                raw = await asyncio.wait_for(self._next(), idle_s)
            except (TimeoutError, ConnectionError):
                return taken
            if HEADER.unpack_from(raw)[1] != CommandId.DELIVER_SM:
                continue
            about = Sm(raw).source_addr.decode()
            if about == breaks_over:
                return taken
            self._send(response(int(CommandId.DELIVER_SM_RESP), 0, Sm(raw).sequence_number, b""))
            taken.add(about)

    async def close(self) -> None:
        """Close without unbinding."""
        self._writer.close()

    def _send(self, raw: bytes) -> None:
        self._writer.write(raw)

    async def _next(self) -> bytes:
        while not self._frames:
            data = await self._reader.read(65536)
            if not data:
                raise ConnectionError("closed by the gateway")
            self._frames.extend(self._framer.feed(data))
        return self._frames.pop(0)
