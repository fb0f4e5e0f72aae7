"""Ports for the servers of tests and benchmarks, of which several processes may look for some at one time.

A port is claimed for as long as the process lives that was given it: between finding it free and somebody's listening
on it, which may be seconds, it is not found free by another.
"""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path


def free_port(first: int = 20_000, last: int = 32_000, *, beside: int = 0) -> int:
    """A port that nobody listens on, outside the range that the system takes for outgoing connections.

    ``beside``: neither does anybody on the one so much above it.
    """
    for port in _drawn(first, last):
        if _claim(port) and _is_free(port) and (not beside or _is_free(port + beside)):
            return port
    raise RuntimeError(f"no free port from {first} to {last}")


def _drawn(first: int, last: int) -> Iterator[int]:
    ports = list(range(first, last + 1))
    random.SystemRandom().shuffle(ports)
    yield from ports


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _claim(port: int) -> bool:
    """Whether nobody who lives has it; now this process does."""
    directory = Path(tempfile.gettempdir()) / f"smsgw-test-ports-{os.getuid()}"
    directory.mkdir(exist_ok=True)
    claim = directory / str(port)
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _lives(claim):
            return False
        claim.write_text(str(os.getpid()), encoding="ascii")
        return True


def _lives(claim: Path) -> bool:
    try:
        os.kill(int(claim.read_text(encoding="ascii")), 0)
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return False
    return True
