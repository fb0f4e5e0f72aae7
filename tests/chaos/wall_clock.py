"""A machine's wall clock that a test can set: a few lines of C before libc, for processes started with them.

    clock = WallClock(directory)                 # raises Skipped where there is no C compiler
    gateway.wrapper = clock.wrapper              # its embedded Redis has the same clock
    SingleServer(directory, binary=clock.around(find_binary()))
    clock.ahead_s = -3600                        # an hour back, at once, for all of them

Only the wall clock moves, as when somebody sets it; the monotonic clock goes on.
"""

from __future__ import annotations

import mmap
import shutil
import struct
import subprocess
from pathlib import Path

from tests.chaos.scenario import Skipped

_SOURCE = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile const int64_t *ahead_s;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("CHAOS_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *found = mmap(0, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
    if (found != MAP_FAILED) ahead_s = found;
    close(file);
}

static int64_t ahead(void) { return ahead_s ? *ahead_s : 0; }

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = (int)syscall(SYS_clock_gettime, clock, now);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += ahead();
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec exact;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *out) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (out) *out = exact.tv_sec;
    return exact.tv_sec;
}
"""


class WallClock:
    """See above."""

    def __init__(self, directory: Path) -> None:
        compiler = shutil.which("cc")
        if compiler is None:
            raise Skipped("no C compiler: a wall clock can't be set for a few processes without one")
        directory.mkdir(parents=True)
        source, library, offset = directory / "clock.c", directory / "clock.so", directory / "ahead_s"
        source.write_text(_SOURCE)
        made = subprocess.run(
            [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if made.returncode:
            raise Skipped(f"the clock could not be compiled: {made.stderr.strip()}")
        offset.write_bytes(bytes(8))
        with offset.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), 8)
        self._directory = directory
        self.wrapper = ("env", f"LD_PRELOAD={library}", f"CHAOS_CLOCK={offset}")

    @property
    def ahead_s(self) -> int:
        """How many seconds it is ahead of the true one."""
        return int(struct.unpack("=q", self._shared[:])[0])

    @ahead_s.setter
    def ahead_s(self, seconds: int) -> None:
        self._shared[:] = struct.pack("=q", seconds)

    def around(self, program: Path) -> Path:
        """A program that is this one, with this clock."""
        script = self._directory / program.name
        script.write_text(f'#!/bin/sh\nexec {" ".join(self.wrapper)} {program} "$@"\n')
        script.chmod(0o755)
        return script
