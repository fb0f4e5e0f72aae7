"""Runs the workers of one machine: starts them, starts dead ones again, drains them at the end, renews them on request.

Owns what they share: the embedded server, the listener's ports, the test clock, the ops port. Order of starting: ports,
ops port, server, workers; of ending: workers drain, all at once, then the rest. SIGTERM or SIGINT ends, a second one
ends at once; SIGHUP renews one worker after another, each waited for until it is ready, and the next begins when all
have their share of the carriers' binds. When one has left, the others are told to take its binds at once. One that dies
is started again after a wait with jitter that grows while it dies at once; the others go on. Carries no message.
What can go wrong: no worker starts at all (then neither does this: the site or the store must be mended first).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import signal
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic
from typing import Final

from smsgw.clock import RealClock, TestClock
from smsgw.config.load import load_node, load_site
from smsgw.config.site import Site
from smsgw.config.workers import Role
from smsgw.errors import SmsgwError
from smsgw.policy.retry import Backoff
from smsgw.process import plainly, unless
from smsgw.store.secrets import load_or_create
from smsgw.store.server import EmbeddedServer
from smsgw.store.server_keeper import keep_running
from smsgw.supervisor.asking import NoAnswer, is_healthy, is_ready, read_object
from smsgw.supervisor.errand import Errand
from smsgw.supervisor.machine import Machine
from smsgw.supervisor.orphans import Orphans
from smsgw.supervisor.ports import KeptPorts
from smsgw.supervisor.shares import unsettled
from smsgw.supervisor.worker import COMMAND, Worker
from smsgw.telemetry.logs import EventLog
from smsgw.telemetry.ops import Heartbeat
from smsgw.telemetry.repeats import Repeats

#: Waits before a dead worker is started again: the first is short, for its binds are down meanwhile.
AGAIN_S: Final = 0.5
AGAIN_MOST_S: Final = 30.0
AGAIN_LEAST_S: Final = 0.05
#: A life of this length was a good one: the next end is waited for as if it were the first.
QUIET_S: Final = 30.0
#: From so many ends in a row on they are told as errors.
LOUD: Final = 3
#: A worker drains for ten seconds at most, says goodbye and hands over; one that has not ended by then is killed.
STOP_S: Final = 30.0
#: A renewed worker that serves but is not ready holds the others up for no longer: its carriers may be down anyway.
READY_S: Final = 30.0
#: Nor do binds that are on their way: who lets go of one waits until it is answered, and let go of, for ten seconds.
SHARES_S: Final = 15.0
#: A worker that served and whose loop stands still for so long is killed: nobody else would do it.
HUNG_S: Final = 30.0
HEALTH_PERIOD_S: Final = 2.0
_LOOK_S: Final = 0.1
_SHARES_LOOK_S: Final = 0.25
_log = EventLog("smsgw.supervisor")


class Supervisor:
    """One per machine and site. ``run`` returns when everything has ended in order."""

    def __init__(
        self, site: Site, roles: Sequence[Role], applied: bool = False, command: Sequence[str] = COMMAND
    ) -> None:
        self._site = site
        self._applied = applied
        self.workers = tuple(
            Worker(f"{site.node_name}-{number}", role, site.directory, command) for number, role in enumerate(roles, 1)
        )
        for each in self.workers:
            each.has_left = partial(self._share_out, each)
        self._clock = _test_clock(site)
        self._rng = random.Random()
        self._heartbeat = Heartbeat()
        self._orphans = Orphans()
        self._repeats = Repeats()
        self._stop = asyncio.Event()
        #: Every worker has ended, and none of them ever served.
        self._hopeless = False
        self._renewing: asyncio.Task[None] | None = None
        self._ports: tuple[int, ...] = ()
        self._store_url = ""

    async def run(self) -> None:
        """Until SIGTERM or SIGINT. Raises SmsgwError when it can't start."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, lambda: None)  # nobody is there yet to be renewed
        site = self._site
        async with contextlib.AsyncExitStack() as stack:
            self._ports = self._keep_ports(stack)
            site.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            load_or_create(site.secrets_file)
            machine = Machine(site, self.workers, self._heartbeat, self._clock, lambda: self._stop.is_set())
            machine.start()
            stack.callback(machine.stop)
            server = await self._start_server(stack)
            for each in self.workers:
                each.introduce = partial(machine.introduce, each)
            _log.event("supervisor.started", workers={each.name: each.role for each in self.workers})
            async with asyncio.TaskGroup() as tasks:
                loop.add_signal_handler(signal.SIGHUP, partial(self.renew, tasks))
                tasks.create_task(self._drain(), name="drain")
                background = [
                    tasks.create_task(self._beat(), name="heartbeat"),
                    *(tasks.create_task(self._watch(each), name=f"health of {each.name}") for each in self.workers),
                ]
                if server is not None:
                    background.append(tasks.create_task(keep_running(server, self._told), name="server"))
                lives = [tasks.create_task(self._keep(each), name=each.name) for each in self.workers]
                await asyncio.wait(lives)
                for task in (*background, self._renewing):
                    if task is not None:
                        task.cancel()
        _log.event("supervisor.stopped")
        if self._hopeless:
            raise SmsgwError("no worker could start; what each of them says stands above")

    # -- what they share

    def _keep_ports(self, stack: contextlib.AsyncExitStack) -> tuple[int, ...]:
        if all(each.role == "carrier" for each in self.workers):
            return ()
        listener = self._site.listener
        ports = KeptPorts(listener.host, [listener.port, *([listener.tls.port] if listener.tls is not None else [])])
        stack.callback(ports.close)
        return ports.numbers

    async def _start_server(self, stack: contextlib.AsyncExitStack) -> EmbeddedServer | None:
        """None when it is not ours to run, or when all is to end before it runs."""
        store = self._site.store
        if store.url:
            return None
        server = EmbeddedServer(self._site.state_dir, store.server or None, store.fsync, store.memory_octets)
        with plainly():
            if not await unless(self._stop, server.start()):
                return None
        stack.push_async_callback(server.stop)
        self._store_url = server.url
        return server

    def _errand(self, worker: Worker) -> Errand:
        return Errand(
            name=worker.name,
            role=worker.role,
            number=self.workers.index(worker) + 1,
            of=len(self.workers),
            store_url=self._store_url,
            ports=self._ports,
            clock=self._clock.anchor if self._clock is not None else None,
            applied=self._applied,
        )

    async def _beat(self) -> None:
        while True:
            self._heartbeat.beat()
            self._orphans.bury({each.pid for each in self.workers})
            await asyncio.sleep(1.0)

    def _told(self, event: str, fields: dict[str, object]) -> None:
        _log.repeated(self._repeats, event, monotonic(), event, **fields)

    # -- the lives of workers

    async def _keep(self, worker: Worker) -> None:
        """Life after life, until the end of all."""
        backoff = Backoff(AGAIN_S, AGAIN_MOST_S, self._rng, AGAIN_LEAST_S)
        while not self._stop.is_set():
            began_s = monotonic()
            try:
                status = await worker.live(self._errand(worker))
            except OSError as error:
                _log.error("worker.not_started", worker=worker.name, why=str(error))
                status = 1
            lived_s = monotonic() - began_s
            if self._stop.is_set():
                return
            if worker.is_stopping and status == 0:
                continue  # renewed
            if lived_s >= QUIET_S:
                backoff.reset()
                worker.failures = 0
            worker.failures += 1
            if all(each.failures and not each.ever_served for each in self.workers):
                self._hopeless = True  # that is no accident
                self._stop.set()
                return
            delay_s = backoff.next_s()
            self._tell_end(worker, status, lived_s, delay_s)
            worker.next_try_s = monotonic() + delay_s
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), delay_s)

    async def _watch(self, worker: Worker) -> None:
        """Kill it when it hangs; ``_keep`` starts it again."""
        life, good_s = 0, monotonic()
        while True:
            await asyncio.sleep(HEALTH_PERIOD_S)
            asked = worker.lives
            if asked != life or not worker.ops_port or await asyncio.to_thread(is_healthy, worker):
                life, good_s = asked, monotonic()
            elif monotonic() - good_s >= HUNG_S and worker.lives == life:
                _log.error("worker.hangs", worker=worker.name, for_s=round(monotonic() - good_s), then="killed")
                worker.kill()

    async def _drain(self) -> None:
        """When all is to end, everybody drains at once."""
        await self._stop.wait()
        await asyncio.gather(*(self._stop_one(each) for each in self.workers if each.is_alive))

    async def _stop_one(self, worker: Worker) -> None:
        """Have it drain; kill what does not end. Returns when that life is over."""
        life = worker.lives
        worker.stop()
        if not await _until(lambda: worker.lives != life or not worker.is_alive, STOP_S):
            _log.error("worker.killed", worker=worker.name, why=f"it has not ended within {STOP_S:g} s")
            worker.kill()

    def _share_out(self, left: Worker) -> None:
        """Its binds are free: the others take them now, and not when they look next."""
        for each in self.workers:
            if each is not left:
                each.look()

    def _tell_end(self, worker: Worker, status: int, lived_s: float, delay_s: float) -> None:
        fields: dict[str, object] = {
            "worker": worker.name,
            "status": _ended(status),
            "lived_s": round(lived_s, 1),
            "in_a_row": worker.failures,
            "again_in_s": round(delay_s, 1),
        }
        if worker.failures >= LOUD:
            _log.tell(logging.ERROR, "worker.keeps_ending", fields)
        else:
            _log.tell(logging.WARNING, "worker.ended", fields)

    # -- renewing

    def renew(self, tasks: asyncio.TaskGroup) -> None:
        """Renew all workers, in a task of its own."""
        if self._stop.is_set():
            return
        if self._renewing is not None and not self._renewing.done():
            _log.warning("supervisor.renewing_already")
            return
        self._renewing = tasks.create_task(self._renew(), name="renewing")

    async def _renew(self) -> None:
        """One worker after another drains and ends, each when those before are ready and all have their binds."""
        try:
            await asyncio.to_thread(load_node if self._applied else load_site, self._site.directory)
        except SmsgwError as error:
            _log.error("supervisor.not_renewed", why=str(error))
            return
        _log.event("supervisor.renewing")
        for worker in self.workers:
            if carrier := await self._on_their_way():
                _log.warning("supervisor.not_settled", next=worker.name, carrier=carrier, waited_s=SHARES_S)
            if self._stop.is_set():
                return
            life, began_s = worker.lives, monotonic()
            if worker.is_alive:
                await self._stop_one(worker)
            if not await _until(partial(_serves_again, worker, life), STOP_S):
                _log.error("supervisor.renewal_ended", worker=worker.name, why="it does not start; the others stay")
                return
            if not await self._gets_ready(worker):
                _log.warning("worker.not_ready", worker=worker.name, waited_s=READY_S)
            _log.event("worker.renewed", worker=worker.name, took_s=round(monotonic() - began_s, 1))
        _log.event("supervisor.renewed")

    async def _gets_ready(self, worker: Worker) -> bool:
        deadline_s = monotonic() + READY_S
        while not await asyncio.to_thread(is_ready, worker):
            if monotonic() > deadline_s:
                return False
            await asyncio.sleep(_LOOK_S)
        return True

    async def _on_their_way(self) -> str:
        """Wait until the workers have shared out the binds; a carrier whose binds are not in time, else ""."""
        deadline_s = monotonic() + SHARES_S
        while (carrier := await asyncio.to_thread(self._unsettled)) and monotonic() < deadline_s:
            await asyncio.sleep(_SHARES_LOOK_S)
        return carrier

    def _unsettled(self) -> str:
        pages = []
        for each in self.workers:
            # One that does not answer has no binds that it could leave to others.
            with contextlib.suppress(NoAnswer):
                if each.role != "esme":
                    pages.append(read_object(each, "/status"))
        return unsettled(pages, {each.name for each in self.workers})

    def stop(self) -> None:
        """Have all workers drain, and end; the second time end at once. What a signal does."""
        if self._stop.is_set():
            _log.warning("supervisor.killed", why="second signal")
            for worker in self.workers:
                worker.kill()
            os._exit(130)
        _log.event("supervisor.stopping")
        self._stop.set()


async def _until(condition: Callable[[], object], patience_s: float) -> bool:
    deadline_s = monotonic() + patience_s
    while not condition():
        if monotonic() > deadline_s:
            return False
        await asyncio.sleep(_LOOK_S)
    return True


def _serves_again(worker: Worker, life: int) -> bool:
    return worker.lives > life and bool(worker.ops_port)


def _test_clock(site: Site) -> TestClock | None:
    """The clock that all workers go by, in test mode."""
    if site.clock.mode == "real":
        return None
    return TestClock(site.clock.start or RealClock().now(), site.clock.rate)


def _ended(status: int) -> str:
    """How a process ended, in words."""
    if status >= 0:
        return f"status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
