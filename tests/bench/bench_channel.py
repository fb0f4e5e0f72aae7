"""What a call to Redis costs this process, without what Redis does: one at a time, and eight that one turn brought.

Run: ``python tests/bench/bench_channel.py``.
CPU of this process only, the least of several rounds: what the machine does meanwhile matters little.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop

from smsgw.store.channel import Channel, target_of
from smsgw.store.server import EmbeddedServer

ROUNDS = 15
CALLS = 800
AT_ONCE = 8
PAYLOAD = bytes(2_000)


async def one_at_a_time(channel: Channel) -> None:
    for _ in range(CALLS):
        await channel.call("ECHO", PAYLOAD)


async def several_a_turn(channel: Channel) -> None:
    for _ in range(CALLS // AT_ONCE):
        await asyncio.gather(*(channel.call("ECHO", PAYLOAD) for _ in range(AT_ONCE)))


async def main() -> None:
    with TemporaryDirectory() as directory:
        server = EmbeddedServer(Path(directory), fsync="no")
        await server.start()
        channel = Channel(target_of(server.url, 5.0), 5.0)
        try:
            for way in (one_at_a_time, several_a_turn):
                least_s = float("inf")
                for _ in range(ROUNDS):
                    began_s = time.process_time()
                    await way(channel)
                    least_s = min(least_s, time.process_time() - began_s)
                print(f"{way.__name__:16} {least_s / CALLS * 1e6:5.1f} us of CPU a call")
        finally:
            await channel.close()
            await server.stop()


if __name__ == "__main__":
    uvloop.run(main())
