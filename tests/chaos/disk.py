"""A small disk that a test can fill: a tmpfs in a mount namespace of its own, which gateways join.

    disk = SmallDisk(directory / "disk", megabytes=64)      # raises Skipped where the system does not allow it
    gateway.wrapper = disk.wrapper
    disk.fill(); disk.empty(); disk.close()

What is written there is seen under ``disk.inside`` only. ``close`` kills whatever still runs in the namespace.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
from pathlib import Path

from tests.chaos.scenario import Skipped
from tests.e2e.gateway import ROOT

_PIECE = bytes(65_536)
_MOUNT = 'mount -t tmpfs -o size="$1"m,mode=700 chaos "$0" && echo mounted && exec sleep 100000'


class SmallDisk:
    """See above."""

    def __init__(self, at: Path, megabytes: int) -> None:
        for program in ("unshare", "nsenter"):
            if shutil.which(program) is None:
                raise Skipped(f"no {program}: a small disk needs a mount namespace (util-linux)")
        at.mkdir(parents=True)
        self._holder = subprocess.Popen(
            ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", _MOUNT, str(at), str(megabytes)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != b"mounted\n":
            why = self._holder.communicate()[1].decode(errors="replace").strip()
            raise Skipped(f"no mount namespace of one's own is allowed here: {why}")
        pid = self._holder.pid
        self.inside = Path(f"/proc/{pid}/root{at}")
        self.wrapper = (
            "nsenter",
            "--user",
            "--mount",
            "--preserve-credentials",
            f"--target={pid}",
            f"--wd={ROOT}",
            "--",
        )
        self._namespace = os.readlink(f"/proc/{pid}/ns/mnt")

    @property
    def free_octets(self) -> int:
        """What may still be written."""
        found = os.statvfs(self.inside)
        return found.f_bavail * found.f_frsize

    def fill(self) -> int:
        """Leave not one octet; returns how many it took."""
        octets = 0
        with (self.inside / "filler").open("ab", buffering=0) as filler:
            for piece in (_PIECE, _PIECE[:1]):
                with contextlib.suppress(OSError):
                    while True:
                        octets += filler.write(piece)
        return octets

    def empty(self) -> None:
        """Give back what ``fill`` took."""
        (self.inside / "filler").unlink()

    def close(self) -> None:
        """End what runs on it, and it."""
        for process in Path("/proc").iterdir():
            if process.name.isdigit() and int(process.name) != self._holder.pid and self._is_here(process):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(process.name), signal.SIGKILL)
        self._holder.kill()
        self._holder.wait()

    def _is_here(self, process: Path) -> bool:
        try:
            return os.readlink(process / "ns" / "mnt") == self._namespace
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ESRCH, errno.EACCES, errno.EPERM):
                return False
            raise
