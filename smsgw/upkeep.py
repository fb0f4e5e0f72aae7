"""What a running gateway does by the clock, beside the traffic: its heartbeat, records, and a look at the store.

Owns nothing: it sets the application's figures (``store_up``, ``memory``, ``clock_ahead_s``). Redis away is told once,
and once that it is back.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from smsgw.beats import beat, beat_in_s
from smsgw.errors import StoreError
from smsgw.store.disk import refuse_unwritten
from smsgw.supervisor.orphans import Orphans
from smsgw.telemetry.logs import EventLog

if TYPE_CHECKING:
    from smsgw.app import App

BEAT_S = 1.0
RECORDS_PERIOD_S = 0.05
#: After so many rounds in which there was nothing to write, until there is something again.
BUSY_ROUNDS = 20
RECORDS_IDLE_PERIOD_S = 0.25
STORE_CHECK_S = 1.0
#: Processes whose clocks differ by more judge hours, caps and validities differently.
CLOCK_TOLERANCE_S = 2.0
_log = EventLog("smsgw.app")


class Upkeep:
    """``jobs`` by name, each until it is cancelled."""

    def __init__(self, app: App) -> None:
        self._app = app

    def jobs(self) -> dict[str, Coroutine[Any, Any, None]]:
        """For the application's task group."""
        return {"heartbeat": self._beat(), "records": self._flush_records(), "store": self._watch_store()}

    async def _beat(self) -> None:
        app, loop, orphans = self._app, asyncio.get_running_loop(), Orphans()
        while True:
            due_s = loop.time() + beat_in_s(BEAT_S)
            await asyncio.sleep(due_s - loop.time())
            app.heartbeat.beat()
            orphans.bury()
            app.metrics.loop_lag.observe(max(0.0, (loop.time() - due_s) * 1000))

    async def _flush_records(self) -> None:
        records, written, idle_rounds = self._app.records, 0, 0
        while True:
            await beat(RECORDS_PERIOD_S if idle_rounds < BUSY_ROUNDS else RECORDS_IDLE_PERIOD_S)
            self._app.flush_pdus()
            records.flush()
            idle_rounds = 0 if records.written != written else idle_rounds + 1
            written = records.written

    async def _watch_store(self) -> None:
        """Is Redis there, does it have memory left, and is it as late there as here?"""
        app, context = self._app, self._app.gateway.context
        while True:
            try:
                share = await app.store.memory_share()
                await refuse_unwritten(app.store)
                app.clock_ahead_s = await app.store.clock_ahead_s(time.time)
            except StoreError as error:
                if app.store_up:
                    _log.warning("store.lost", why=str(error))
                app.store_up = context.store_up = False
            else:
                if not app.store_up:
                    _log.event("store.back")
                app.store_up = context.store_up = True
                if app.memory.see(share):
                    _log.warning("store.memory", used=round(share, 3), refused=app.memory.refused or "nothing")
                context.admission.memory_stage = app.memory.stage
                if abs(app.clock_ahead_s) > CLOCK_TOLERANCE_S:
                    app.told("clock.differs", {"ahead_of_redis_s": round(app.clock_ahead_s, 1)})
            await beat(STORE_CHECK_S)
