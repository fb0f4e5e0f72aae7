"""Versions as one process follows them: prepares what is proposed, changes over to what is in force, goes back too.

Owns: this process's part in the fleet. It hears of every step within milliseconds, prepares a version aside (in a
thread), tells whether it could, and changes over between two turns of the loop. While a version is on trial it watches
the share of messages that go wrong, and whoever sees it grow, or the time end, rolls back or confirms for everybody;
of several that decide at once one wins. What can go wrong: a version in force that this process can't build; then it
goes on with the one it has, says so, and ends a trial. Without Redis nothing changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, Generic, TypeVar

from smsgw.beats import beat
from smsgw.errors import RequestError, SmsgwError, StoreError
from smsgw.policy.error_watch import ErrorWatch, Totals
from smsgw.store.audit import AuditEntry
from smsgw.store.changes import EVERYTHING, ChangeFeed
from smsgw.store.connection import Store
from smsgw.store.versions import KIND, Now, Process, VersionStore

PERIOD_S: Final = 1.0
#: Versions that are kept ready to go back to.
READY: Final = 3
Site = TypeVar("Site")


class Reloader(Generic[Site]):
    """``run`` in the application's task group. ``build`` is called in a thread, ``put`` on the loop."""

    def __init__(
        self,
        store: Store,
        node: str,
        running: int,
        own: Mapping[str, str],
        build: Callable[[Mapping[str, str]], Site],
        put: Callable[[Site, int], None],
        totals: Callable[[], Totals],
        watch: ErrorWatch,
        now_ms: Callable[[], int],
        log: Callable[[str, dict[str, object]], None],
    ) -> None:
        self.versions = VersionStore(store)
        self._feed = ChangeFeed(store, self._changed, on_error=self._lost)
        self._build = build
        self._put = put
        self._totals = totals
        self._watch = watch
        self._now_ms = now_ms
        self._log = log
        self.process = Process(node, 0, running, own=own)
        #: Built and ready, by number; what was used last is last.
        self._ready: dict[int, Site] = {}
        self._woken = asyncio.Event()
        #: On trial here since it came into force.
        self._watching = 0

    @property
    def running(self) -> int:
        """The version that this process runs; 0: its own files, of which nobody knows."""
        return self.process.running

    def keep(self, site: Site) -> None:
        """What this process was started with: there is no quicker way back."""
        if self.running:
            self._ready[self.running] = site

    async def run(self) -> None:
        """Follow until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._feed.run(), name="version changes")
            group.create_task(self._beat(), name="version beat")
            group.create_task(self._keep(), name="versions")

    async def leave(self) -> None:
        """This process ends: nobody waits for it."""
        try:
            await self.versions.leave(self.process.node)
        except StoreError as error:
            self._lost(error)

    # -- inside

    def _changed(self, kind: str, ids: frozenset[str] | None) -> None:
        if kind in (KIND, EVERYTHING):
            self._woken.set()

    def _lost(self, error: StoreError) -> None:
        self._log("store.away", {"while": "following versions of the site", "why": str(error)})

    async def _beat(self) -> None:
        """Tell that this process lives, and look each second: a deadline is no event."""
        while True:
            self._watch.note(asyncio.get_running_loop().time(), self._totals())
            await self._tell(self.process)
            self._woken.set()
            await beat(PERIOD_S)

    async def _tell(self, process: Process) -> None:
        self.process = process
        try:
            await self.versions.tell(process)
        except StoreError as error:
            self._lost(error)

    async def _keep(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            try:
                await self._follow(await self.versions.now())
            except StoreError as error:
                self._lost(error)
            except RequestError:
                self._woken.set()  # somebody else decided first: look again

    async def _follow(self, now: Now) -> None:
        """Do what is to be done now. Raises StoreError, and RequestError when somebody else was quicker."""
        if now.proposed and now.proposed not in (self.process.ready, self.process.fault_of):
            await self._prepare(now.proposed)
        if now.number and now.number not in (self.process.running, self._faulty):
            await self._change_over(now)
        if now.trial and now.number == self.process.running:
            await self._judge(now)
        elif now.trial and now.number == self._faulty:
            await self._roll_back(now, f"{self.process.node} can't run it: {self.process.fault}")
        if not now.trial:
            self._watching = 0

    @property
    def _faulty(self) -> int:
        return self.process.fault_of if self.process.fault else 0

    async def _prepare(self, number: int) -> None:
        """Build a version aside and tell whether it could be."""
        if number not in self._ready:
            try:
                files = await self.versions.files(number)
                built = await asyncio.to_thread(self._build, files)
            except StoreError:
                raise
            except (SmsgwError, OSError) as error:
                return await self._refuse(number, str(error))
            except Exception as error:  # whatever is wrong with it: this process goes on with what it has
                return await self._refuse(number, f"{type(error).__name__}: {error}")
            self._use(number, built)
            while len(self._ready) > READY:
                del self._ready[next(iter(self._ready))]
        await self._tell(replace(self.process, ready=number, fault_of=0, fault=""))

    async def _refuse(self, number: int, why: str) -> None:
        self._log("site.unusable", {"version": number, "why": why})
        await self._tell(replace(self.process, fault_of=number, fault=why))

    async def _change_over(self, now: Now) -> None:
        before = self.process.running
        if now.number not in self._ready:
            await self._prepare(now.number)
        site = self._ready.get(now.number)
        if site is None:
            return
        self._use(now.number, site)
        if now.trial:
            self._watch.begin(self._totals())
            self._watching = now.number
        try:
            self._put(site, now.number)
        except Exception as error:  # half of it may be in place: only another version puts that right
            self.process = replace(self.process, running=0)
            return await self._refuse(now.number, f"{type(error).__name__}: {error}")
        self._log("site.in_force", {"version": now.number, "before": before, "trial": now.trial})
        await self._tell(replace(self.process, running=now.number, fault_of=0, fault=""))

    def _use(self, number: int, site: Site) -> None:
        self._ready.pop(number, None)
        self._ready[number] = site

    async def _judge(self, now: Now) -> None:
        """On trial: has its time ended, or have errors risen here?"""
        if self._watching == now.number and (why := self._watch.judge(self._totals())):
            await self._roll_back(now, f"{self.process.node}: {why}")
        elif await self.versions.clock_ms() >= now.until_ms:
            if now.trial == "roll back":
                await self._roll_back(now, "nobody confirmed it in time")
            else:
                await self.versions.confirm(now, self._entry("version.confirm", now, "errors have not risen"))
                self._log("site.confirmed", {"version": now.number})

    async def _roll_back(self, now: Now, why: str) -> None:
        version = await self.versions.get(now.number)
        if version is None or not version.before:
            return
        await self.versions.roll_back(now, version.before, why, self._entry("version.rollback", now, why))
        self._log("site.rolled_back", {"version": now.number, "to": version.before, "why": why})

    def _entry(self, action: str, now: Now, why: str) -> AuditEntry:
        return AuditEntry(self._now_ms(), f"smsgw {self.process.node}", action, f"version {now.number}", why)
