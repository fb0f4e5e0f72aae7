"""An application for conformance runs: it does everything right, but for the faults that a test gives it.

It shares no code with the simulators: streams, struct, and its own idea of SMPP. It sends all the time, every third
message a long one, with a window, and has short timers.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import time
from collections.abc import Iterable
from itertools import count

HEADER = struct.Struct(">IIII")
BIND_TRX, BIND_TX, BIND_RX = 9, 2, 1
SUBMIT, DELIVER, DATA, ENQUIRE, UNBIND, ALERT = 4, 5, 0x103, 0x15, 6, 0x102
RESPONSE = 0x80000000
NACK = 0x80000000
OUTCOMES = (0x58, 0x14)


class Application:
    """``run`` until ``stop``; ``faults`` are words that the methods below look for."""

    def __init__(self, port: int, faults: Iterable[str] = (), bind: int = BIND_TRX, window: int = 4) -> None:
        self.port = port
        self.faults = frozenset(faults)
        self.bind_command = bind
        self.window = window
        self.stopping = asyncio.Event()
        self.queue: list[list[tuple[int, int, bytes]]] = []  # texts: segments of (esm_class, data_coding, octets)
        self._texts = count(1)
        self._resend: list[tuple[int, int, bytes]] = []
        self._segments: list[tuple[int, int, bytes]] = []

    async def run(self) -> None:
        wait_s = 0.03
        while not self.stopping.is_set():
            began_s = time.monotonic()
            status = None
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
                status = await self.connection()
            if status in (0x0E, 0x0F) and "hammers_password" not in self.faults:
                wait_s = 0.4
            elif time.monotonic() - began_s > 0.3:
                wait_s = 0.03
            if "hammers_binds" in self.faults or ("hammers_password" in self.faults and status in (0x0E, 0x0F)):
                wait_s = 0.001
            if "stays_away" in self.faults:
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), wait_s)
            wait_s = 0.12 if "constant_wait" in self.faults else min(0.4, wait_s * 2)

    async def connection(self) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            return await _Connection(self, reader, writer).run()
        finally:
            writer.close()

    def next_segment(self) -> tuple[int, int, bytes]:
        if self._resend:
            return self._resend.pop(0)
        if not self._segments:
            self._segments = self.text(next(self._texts))
        return self._segments.pop(0)

    def again(self, segment: tuple[int, int, bytes]) -> None:
        self._resend.append(segment)

    def text(self, number: int) -> list[tuple[int, int, bytes]]:
        if "utf8" in self.faults:
            return [(0, 0, f"您好 {number}".encode())]
        if number % 3:
            return [(0, 8, f"您好 {number}".encode("utf-16-be"))]
        octets = f"{number} ".encode() + b"long " * 60
        parts = [octets[at : at + 153] for at in range(0, len(octets), 153)]
        reference = 1 if "same_reference" in self.faults else number % 256
        flag = 0 if "no_udhi" in self.faults else 0x40
        if "loses_segments" in self.faults:
            return [
                (flag, 0, bytes((5, 0, 3, reference, len(parts) + 1, at)) + part) for at, part in enumerate(parts, 1)
            ]
        return [(flag, 0, bytes((5, 0, 3, reference, len(parts), at)) + part) for at, part in enumerate(parts, 1)]


class _Connection:
    def __init__(self, application: Application, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.app, self.reader, self.writer = application, reader, writer
        self.faults = application.faults
        self.numbers = count(5) if "from_five" in self.faults else count(1)
        self.waiting: dict[int, tuple[tuple[int, int, bytes], float]] = {}
        self.enquired_s = 0.0
        self.heard_s = time.monotonic()
        self.slow_until_s = 0.0
        self.slow_s = 0.05

    def write(self, command: int, status: int, number: int, body: bytes = b"") -> None:
        self.writer.write(HEADER.pack(16 + len(body), command, status, number) + body)

    def request(self, command: int, body: bytes = b"") -> int:
        number = 7 if "same_number" in self.faults and command == SUBMIT else next(self.numbers)
        self.write(command, 0, number, body)
        return number

    async def run(self) -> int:
        fields = (b"shop\0", b"secret", b"" if "no_nul" in self.faults else b"\0", b"\0", b"\x34\0\0\0")
        self.request(self.app.bind_command, b"".join(fields))
        if "early" in self.faults:
            self.submit()
        while True:
            command, status, _number, _ = await self.read(3)
            if command == self.app.bind_command | RESPONSE:
                break
        if status:
            return status
        tasks = asyncio.ensure_future(self.receive()), asyncio.ensure_future(self.send())
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if self.app.stopping.is_set() and not tasks[0].done() and "just_goes" not in self.faults:
                await asyncio.wait(tasks[:1], timeout=1)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return 0

    async def read(self, deadline_s: float | None = None) -> tuple[int, int, int, bytes]:
        async with asyncio.timeout(deadline_s):
            if "reads_are_pdus" in self.faults:
                octets = await self.reader.read(65536)
                if len(octets) < 16:
                    raise OSError("what is this?")
                length, *header = HEADER.unpack_from(octets)
                return header[0], header[1], header[2], octets[16:length]
            length, command, status, number = HEADER.unpack(await self.reader.readexactly(16))
            return command, status, number, await self.reader.readexactly(length - 16)

    async def receive(self) -> None:
        while True:
            command, status, number, body = await self.read()
            self.heard_s = time.monotonic()
            if command in (SUBMIT | RESPONSE, NACK):
                self.answered(status, number, body)
            elif command == UNBIND | RESPONSE:
                return
            elif command == UNBIND:
                if "ignores_unbind" not in self.faults:
                    self.write(UNBIND | RESPONSE, 0, number)
                    return
            elif command == ENQUIRE and "ignores_enquiries" not in self.faults:
                self.write(ENQUIRE | RESPONSE, 0, number + ("wrong_number" in self.faults))
            elif command in (DELIVER, DATA):
                self.delivered(command, number, body)
            elif not command & RESPONSE and command not in (ENQUIRE, ALERT):
                if "drops_unknown" in self.faults:
                    return
                self.write(NACK, 3, number)

    def delivered(self, command: int, number: int, body: bytes) -> None:
        if "ignores_receipts" in self.faults and command == DELIVER and b"stat:" in body:
            return
        if "bare" in self.faults:
            self.write(command | RESPONSE, 0, number)
            return
        status = 0x08 if "refuses_mo" in self.faults and b"stat:" not in body else 0
        if "rejects_binary" in self.faults and bytes(range(140)) in body:
            status = 0x66
        if b"short" in body[-8:]:
            status = 1
        self.write(command | RESPONSE, status, number, b"\0")

    def answered(self, status: int, number: int, body: bytes) -> None:
        found = self.waiting.pop(number, None)
        if found is None:
            return
        if "id_is_number" in self.faults and not status:
            try:
                int(body.rstrip(b"\0") or b"0", 16)
            except ValueError:
                raise OSError("no number") from None
        if status in OUTCOMES and "hammers_messages" not in self.faults:
            self.app.again(found[0])
            self.slow_until_s = time.monotonic() + self.slow_s
            self.slow_s = min(1.0, self.slow_s * 2)
        elif status in OUTCOMES:
            self.app.again(found[0])
        elif not status:
            self.slow_s = 0.05

    def submit(self) -> None:
        segment = esm_class, coding, text = self.app.next_segment()
        asked = b"\0" if "no_receipts" in self.faults else b"\1"
        addresses = b"\0\0\x01" + b"10690001\0" + b"\1\1" + b"8613800138000\0"
        flags = bytes((esm_class, 0, 0)) + b"\0\0" + asked + b"\0" + bytes((coding, 0, len(text)))
        self.waiting[self.request(SUBMIT, addresses + flags + text)] = segment, time.monotonic()

    async def send(self) -> None:
        while not self.app.stopping.is_set():
            now_s = time.monotonic()
            lost = [number for number, (_, sent_s) in self.waiting.items() if now_s - sent_s > 0.4]
            for number in lost:
                del self.waiting[number]
            room = 100 if "no_window" in self.faults else self.app.window
            if self.app.bind_command != BIND_RX and now_s >= self.slow_until_s and len(self.waiting) < room:
                self.submit()
            if "never_enquires" not in self.faults and now_s - max(self.heard_s, self.enquired_s) > 0.3:
                if self.enquired_s > self.heard_s:
                    return  # nobody is there
                self.enquired_s = now_s
                self.request(ENQUIRE)
            await asyncio.sleep(0.001 if "hammers_messages" in self.faults else 0.01)
        if "just_goes" in self.faults:
            self.writer.transport.abort()
        else:
            self.request(UNBIND)
