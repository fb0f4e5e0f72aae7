"""One worker as its supervisor sees it: a process, the pipes to it, what it said and what it used.

Owns: starting the process in a group of its own (so that Ctrl-C of a terminal reaches it once, by way of the
supervisor), telling it to stop, killing it. Which worker runs when is the ``Supervisor``'s.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from time import monotonic
from typing import Final

from smsgw.config.workers import Role
from smsgw.supervisor.errand import Errand

COMMAND: Final = (sys.executable, "-m", "smsgw", "worker")
_CLOCK_TICKS: Final = os.sysconf("SC_CLK_TCK")
_STOP: Final = b'{"do": "stop"}\n'
_LOOK: Final = b'{"do": "look"}\n'


class Worker:
    """A slot: the same name and role over all its lives. Attributes are read by the ops port's threads."""

    def __init__(self, name: str, role: Role, directory: Path, command: Sequence[str] = COMMAND) -> None:
        self.name = name
        self.role: Role = role
        self._command = (*command, "--site", str(directory))
        self._process: asyncio.subprocess.Process | None = None
        self._began_s = 0.0
        #: Where it can be asked; 0 until it has said so, and when it does not run.
        self.ops_port = 0
        self.lives = 0
        #: A life has begun and is not over, be its process there or not.
        self.is_alive = False
        #: One of its lives came so far that it could be asked.
        self.ever_served = False
        #: It was told to stop: its end is no failure.
        self.is_stopping = False
        #: When it is started again, monotonic, and after how many failures in a row; for people.
        self.next_try_s = 0.0
        self.failures = 0
        #: Status of its last end; None before any. Below 0: the signal.
        self.last_status: int | None = None
        #: Called with the port where it can be asked now; sets ``ops_port``.
        self.introduce: Callable[[int], Awaitable[None]] = self._introduce
        #: Called when it has given back its binds.
        self.has_left: Callable[[], None] = lambda: None

    @property
    def pid(self) -> int:
        """0 when it does not run."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else 0

    @property
    def up_s(self) -> float:
        """How long this life lasts; 0 when it does not run."""
        return monotonic() - self._began_s if self.pid else 0.0

    @property
    def cpu_s(self) -> float:
        """Seconds of CPU that this life has used."""
        return _cpu_s(self.pid)

    async def live(self, errand: Errand) -> int:
        """One life: start the process and return the status of its end. Raises OSError when it can't be started."""
        self.lives += 1
        self.is_alive, self.is_stopping, self.next_try_s = True, False, 0.0
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
            self._process, self._began_s = process, monotonic()
            self._write(errand.to_line())
            if self.is_stopping:  # said before there was anybody to hear it
                self._write(_STOP)
            assert process.stdout is not None
            while line := await process.stdout.readline():
                await self._heard(line)
            self.last_status = await process.wait()
        finally:
            self.ops_port, self.is_alive = 0, False
        return self.last_status

    def stop(self) -> None:
        """Have it drain and end."""
        self.is_stopping = True
        self._write(_STOP)

    def look(self) -> None:
        """Have it look at the leases of binds: another one has left."""
        self._write(_LOOK)

    def kill(self) -> None:
        """SIGKILL."""
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def _write(self, line: bytes) -> None:
        process = self._process
        if process is not None and process.stdin is not None and process.returncode is None:
            with contextlib.suppress(OSError):
                process.stdin.write(line)

    async def _introduce(self, port: int) -> None:
        self.ops_port = port

    async def _heard(self, line: bytes) -> None:
        try:
            said = json.loads(line)
        except ValueError:
            return
        if not isinstance(said, dict):
            return
        if isinstance(said.get("ops_port"), int):
            await self.introduce(said["ops_port"])
            self.ever_served = True
        if said.get("left"):
            self.has_left()


def _cpu_s(pid: int) -> float:
    """What a process has used of the CPUs, by the kernel's count; 0 when that can't be known."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS
    except (OSError, IndexError, ValueError):
        return 0.0
