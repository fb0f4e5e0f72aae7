"""A little traffic for who looks at the console: codes and notices to all provinces, one after the other."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

from simulators.demo.acts import ACCOUNTS
from simulators.demo.country import PREFIXES
from simulators.demo.stage import Stage
from smsgw.errors import LinkError

_PAUSE_S: Final = 0.25
#: Nobody is sent to twice: a recipient's caps would refuse it.
_FIRST: Final = 2000


class Steady:
    """``until`` something happens."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._sent = 0

    async def until(self, ended: asyncio.Event) -> None:
        """Send, and mind no answer, until then; at most eight thousand to each province."""
        places = list(PREFIXES.values())
        while not ended.is_set():
            number, place = divmod(self._sent, len(places))
            recipient = f"{places[place][0]}{(_FIRST + number) % 10_000:04d}"
            account, text = (
                ("login", f"【示例科技】您的验证码是{100_000 + self._sent}，5分钟内有效。")
                if self._sent % 3 == 0
                else ("orders", f"【示例物流】您的包裹{100_000 + self._sent}已发出。")
            )
            with contextlib.suppress(LinkError):
                self._stage.applications[account].submit(ACCOUNTS[account][2], recipient, text)
            self._sent += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), _PAUSE_S)
