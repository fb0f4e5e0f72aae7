"""Where control lines come from: a file descriptor such as stdin, a TCP port, a unix socket."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from typing import cast

from simulators.carrier.control import Control


class Lines:
    """Cuts what comes into lines and writes a line of JSON for each."""

    def __init__(self, control: Control, write: Callable[[bytes], object]) -> None:
        self._control = control
        self._write = write
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Run every whole line."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            reply = self._control.run(line.decode("utf-8", "replace"))
            if reply is not None:
                self._write(json.dumps(reply, ensure_ascii=False).encode() + b"\n")


class _Connection(asyncio.Protocol):
    def __init__(self, control: Control) -> None:
        self._control = control
        self._lines: Lines | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports implement the class without deriving from it.
        self._lines = Lines(self._control, cast(asyncio.WriteTransport, transport).write)

    def data_received(self, data: bytes) -> None:
        if self._lines is not None:
            self._lines.feed(data)


async def listen(control: Control, where: str) -> asyncio.Server:
    """Take control connections on a port of 127.0.0.1, or on a unix socket when ``where`` is no number."""
    loop = asyncio.get_running_loop()
    if where.isdigit():
        return await loop.create_server(lambda: _Connection(control), "127.0.0.1", int(where))
    return await loop.create_unix_server(lambda: _Connection(control), where)


def read_descriptor(control: Control, descriptor: int, write: Callable[[bytes], object]) -> None:
    """Take lines from a descriptor as they come; a plain file is read to its end at once.

    A terminal that belongs to another process group is left alone: reading it would stop us.
    """
    if not _is_ours_to_read(descriptor):
        return
    loop = asyncio.get_running_loop()
    lines = Lines(control, write)

    def read() -> bool:
        data = os.read(descriptor, 65536)
        if data:
            lines.feed(data)
        else:
            loop.remove_reader(descriptor)
        return bool(data)

    try:
        loop.add_reader(descriptor, read)
    except OSError:  # epoll takes no plain files
        while read():
            pass


def _is_ours_to_read(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
        return not os.isatty(descriptor) or os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:  # closed, or no terminal of ours
        return False
