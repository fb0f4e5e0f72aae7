"""An application that only receives: it stays bound over every restart of the gateway and keeps each receipt's state.

    async with Receiver(EsmeSettings(port=…, system_id="load", password="load1234", binds=("rx",))) as receiver:
        ...
        receiver.states["00…"]        # ["DELIVRD"]

Fast enough for thousands of receipts a second beside the test's own work: no future, no object for a receipt.
"""

from __future__ import annotations

import asyncio
import time
from types import TracebackType

from simulators.esme.link import EsmeLink
from simulators.esme.settings import EsmeSettings
from simulators.turn import Turn
from smsgw.errors import BindRejected, LinkError
from smsgw.smpp import pdu

_AGAIN_S = 0.1
_STAT = b" stat:"


class Receiver:
    """``states`` maps message ids to the states of their receipts, in the order they came."""

    def __init__(self, settings: EsmeSettings) -> None:
        self.settings = settings
        self.states: dict[str, list[str]] = {}
        self.count = 0
        self.malformed = 0
        #: How often it was bound, and when something last came (time.monotonic()).
        self.binds = 0
        self.heard_s = 0.0
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Receiver:
        self._task = asyncio.create_task(self._keep())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def took(self, text: bytes) -> None:
        """A receipt of the gateway: ``id:… stat:…``."""
        if text[:3] != b"id:" or _STAT not in text:
            self.malformed += 1
            return
        message_id = text[3:].partition(b" ")[0].decode("ascii")
        state = text.partition(_STAT)[2][:7].decode("ascii")
        self.states.setdefault(message_id, []).append(state)
        self.count += 1
        self.heard_s = time.monotonic()

    async def _keep(self) -> None:
        turn = Turn(asyncio.get_running_loop())
        while True:
            link: _ReceiverLink | None = None
            try:
                link = await self._bind(turn)
                self.binds += 1
                await link.gone.wait()
            except (OSError, LinkError, BindRejected):
                # The gateway is down at the moment: that is what these tests are about.
                await asyncio.sleep(_AGAIN_S)
            finally:
                if link is not None:
                    link.abort()

    async def _bind(self, turn: Turn) -> _ReceiverLink:
        settings = self.settings
        _, link = await asyncio.get_running_loop().create_connection(
            lambda: _ReceiverLink(self, settings, settings.binds[0], turn), settings.host, settings.port
        )
        try:
            await link.bound
        except BaseException:  # also when cancelled: nobody else would close it
            link.abort()
            raise
        return link


class _ReceiverLink(EsmeLink):
    def __init__(self, receiver: Receiver, settings: EsmeSettings, bind: str, turn: Turn) -> None:
        super().__init__(settings, bind, turn)
        self.gone = asyncio.Event()
        self._receiver = receiver

    def on_deliver(self, command_id: int, sequence_number: int, frame: bytes) -> None:
        # Kept first: what was answered must be in the account of the run.
        self._receiver.took(bytes(pdu.Sm(frame).short_message))
        self.write(pdu.response(command_id, 0, sequence_number, b""))

    def on_gone(self) -> None:
        self.gone.set()
