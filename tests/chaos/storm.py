"""Many applications that connect, bind as receivers, and are cut and connect again all at once; a process of its own.

    python -m tests.chaos.storm PORT COUNT PASSWORD SYSTEM_ID [SYSTEM_ID …]

A line ``again`` on stdin cuts every connection at once; each comes back by itself, as often as it takes. Every 100 ms
a line of JSON on stdout says how many are bound, and how many binds there were. It ends with its stdin.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys

from simulators.esme.link import EsmeLink
from simulators.esme.settings import EsmeSettings
from simulators.turn import Turn
from smsgw.errors import BindRejected, LinkError

_TOLD_S = 0.1
_BIND_S = 30.0
_AGAIN_S = 0.3


class Storm:
    """``bound`` are open now, ``binds`` all that ever were."""

    def __init__(self, count: int, settings: list[EsmeSettings]) -> None:
        self.settings = settings
        self.binds = self.refused = 0
        self.links: set[_Link] = set()
        self._count = count
        self._turn = Turn(asyncio.get_running_loop())

    async def run(self) -> None:
        """Until stdin ends."""
        async with asyncio.TaskGroup() as tasks:
            kept = [
                tasks.create_task(self._keep(self.settings[number % len(self.settings)]))
                for number in range(self._count)
            ]
            kept.append(tasks.create_task(self._tell()))
            reader = asyncio.StreamReader()
            await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
            while await reader.readline():
                for link in tuple(self.links):
                    link.abort()
            for task in kept:
                task.cancel()

    async def _keep(self, settings: EsmeSettings) -> None:
        loop = asyncio.get_running_loop()
        while True:
            link = _Link(settings, "receiver", self._turn)
            try:
                async with asyncio.timeout(_BIND_S):
                    await loop.create_connection(lambda link=link: link, settings.host, settings.port)  # type: ignore[misc]
                    await link.bound
                self.binds += 1
                self.links.add(link)
                await link.gone.wait()
            except (OSError, LinkError, BindRejected, TimeoutError):
                self.refused += 1
                await asyncio.sleep(random.uniform(0.5, 1.5) * _AGAIN_S)
            finally:
                self.links.discard(link)
                link.abort()

    async def _tell(self) -> None:
        while True:
            told = {"bound": len(self.links), "binds": self.binds, "refused": self.refused}
            print(json.dumps(told), flush=True)
            await asyncio.sleep(_TOLD_S)


class _Link(EsmeLink):
    def __init__(self, settings: EsmeSettings, bind: str, turn: Turn) -> None:
        super().__init__(settings, bind, turn)
        self.gone = asyncio.Event()

    def on_gone(self) -> None:
        self.gone.set()


async def main() -> None:
    """Run with the words of the command line."""
    port, count, password, *names = sys.argv[1:]
    await Storm(int(count), [EsmeSettings(port=int(port), system_id=name, password=password) for name in names]).run()


if __name__ == "__main__":
    asyncio.run(main())
