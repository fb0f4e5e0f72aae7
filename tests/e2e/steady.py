"""An application that goes on whatever happens to the gateway, and counts what was promised to it.

    application = Application([gateway.port] * 4)
    async with AsyncExitStack() as stack:
        for sim in application.sims:
            await stack.enter_async_context(sim)
        async with application.load():
            ...                                   # restart, kill
        application.promised, application.states()

It sends notices, of which nothing may come twice, tries again what was refused for the moment or never answered, and
comes back wherever it is asked to go.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from simulators.esme.settings import EsmeSettings
from simulators.esme.sim import EsmeSim
from smsgw.errors import LinkError, LocalError

RATE_PER_S = 250
#: What is under way when the load ends is promised within this time.
_LAST_S = 30.0
BACKLOG = 300
#: Numbers that the routes send over each carrier.
PREFIXES = {"alpha": "861380", "beta": "861390"}


class Application:
    """Sends notices over whichever process has it bound, and counts what was promised."""

    def __init__(self, ports: list[int]) -> None:
        settings = [EsmeSettings(port, system_id="app", password="load1234", reconnect_s=0.05) for port in ports]
        self.sims = [EsmeSim(each) for each in settings]
        self.promised: dict[str, str] = {}
        self.refused: Counter[int] = Counter()
        self.unanswered = 0
        self.gives_up = False
        self._numbers = itertools.count(1)
        self._turns = itertools.cycle(self.sims)

    async def send(self, prefix: str) -> None:
        """One message; a refusal for the moment, or nobody to take it, is a reason to try again."""
        number = next(self._numbers)
        text = f"【示例科技】您的订单{number:09}已发货"
        while True:
            sim = next(self._turns)
            try:
                answer = await sim.submit("10690001", f"{prefix}{number:07}", text, registered_delivery=1)
            except LocalError:
                await asyncio.sleep(0.01)
                continue
            except LinkError:
                # Sent when the process was asked to go already; of one that died nobody knows what it had taken.
                self.unanswered += 1
                if self.gives_up:
                    return
                continue
            if answer.status == 0:
                self.promised[answer.message_id] = text
                return
            self.refused[answer.status] += 1
            await asyncio.sleep(0.01)

    @asynccontextmanager
    async def load(self) -> AsyncIterator[None]:
        """A backlog that the carriers' rates leave waiting in the store, and then a steady stream."""
        over = asyncio.Event()
        load = asyncio.create_task(self._load(over))
        try:
            yield
        except BaseException:
            load.cancel()  # what is tried again until it is taken may never be
            raise
        over.set()
        async with asyncio.timeout(_LAST_S):
            await load

    def all_reported(self) -> bool:
        """Every promised message has a receipt."""
        return self.promised.keys() <= self.states().keys()

    async def _load(self, over: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as tasks:
            for number, prefix in zip(range(BACKLOG), itertools.cycle(PREFIXES.values()), strict=False):
                tasks.create_task(self.send(prefix), name=f"backlog {number}")
            for prefix in itertools.cycle(PREFIXES.values()):
                if over.is_set():
                    return
                tasks.create_task(self.send(prefix))
                await asyncio.sleep(1 / RATE_PER_S)

    def states(self) -> dict[str, list[str]]:
        """What the receipts of each message say, by its id."""
        found: dict[str, list[str]] = {}
        for incoming in itertools.chain.from_iterable(sim.receipts for sim in self.sims):
            assert incoming.receipt is not None
            found.setdefault(str(incoming.receipt.id), []).append(str(incoming.receipt.stat))
        return found
