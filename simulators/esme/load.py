"""A load run: many messages over several binds, in a closed or an open loop, and what came of them.

``Load.run`` binds everything first, sends, waits for answers and receipts, unbinds and returns the
result. Each connection has one task that keeps it bound; no message has one.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

from simulators.esme.counts import Counts
from simulators.esme.ledger import Ledger
from simulators.esme.load_link import LoadLink
from simulators.esme.load_settings import LoadSettings
from simulators.esme.mix import Mix
from simulators.esme.pace import Pace
from simulators.esme.settings import EsmeSettings
from simulators.esme.template import Template
from simulators.tap import Tap
from simulators.turn import Turn
from smsgw.errors import BindRejected, ConnectFailed, LinkError, LinkLost

_LOOK_S = 0.02
_PACE_TICK_S = 0.001
_UNBIND_S = 2.0


class Load:
    """One run. Raises LocalError at once when the body does not fit, OSError when the ledger can't be written."""

    def __init__(self, settings: LoadSettings) -> None:
        self.settings = settings
        self.counts = Counts()
        self._templates = templates_of(settings)
        self.ledger = Ledger(settings.ledger_path) if settings.ledger_path else None
        self.turn: Turn
        #: Bound connections.
        self.links: list[LoadLink] = []
        self._senders: list[LoadLink] = []
        self._pace = Pace(settings.rate, settings.ramp_s) if settings.rate else None
        self._next = 0
        self._total = settings.count or sys.maxsize
        if self._pace is not None and settings.duration_s:
            self._total = min(self._total, self._pace.due_by(settings.duration_s) - 1)
        self._sending = False
        self._ending = False
        self._turn_of = 0
        self._unanswered = 0
        self._stopped = False
        self._failure: LinkError | None = None
        self._heard = 0
        self._heard_s = 0.0
        self._pace_timer: asyncio.TimerHandle | None = None
        self._tap: Tap | None = None
        self._connections = 0

    def attach(self, tap: Tap) -> None:
        """Have one tap listen to every connection to come."""
        self._tap = tap

    async def run(self) -> dict[str, Any]:
        """The result, ready for JSON. Raises ConnectFailed, BindRejected or LinkLost when not all could bind."""
        settings = self.settings
        self.turn = Turn(asyncio.get_running_loop())
        if self.ledger is not None:
            self.turn.at_end.append(self.ledger.flush)
        kinds = [settings.bind] * settings.connections + ["receiver"] * settings.receivers
        async with asyncio.TaskGroup() as group:
            keepers = [
                group.create_task(
                    self._keep(kind, *settings.accounts[number % len(settings.accounts)], self._bind_after_s(number))
                )
                for number, kind in enumerate(kinds)
            ]
            try:
                await self._all_bound(1 if settings.bind_ramp_s else len(kinds))
                if self._failure is None and not self._ending:
                    self._begin()
                    await self._until_done()
                await self._end()
            finally:
                self._ending = True
                for keeper in keepers:
                    keeper.cancel()
                if self.ledger is not None:
                    self.ledger.close()
                    self.turn.at_end.clear()
        if self._failure is not None:
            raise self._failure
        return self._result()

    def template_of(self, system_id: str) -> Template | Mix:
        """What an account sends."""
        return self._templates[system_id]

    def stop(self) -> None:
        """Send nothing more; the run ends with what has come."""
        self._ending = self._stopped = True
        self._stop_sending()
        self.turn.touch()

    # connections

    def _bind_after_s(self, number: int) -> float:
        return self.settings.bind_ramp_s * number / (self.settings.connections + self.settings.receivers)

    async def _keep(self, kind: str, system_id: str, password: str, after_s: float) -> None:
        settings = self.settings
        if after_s:
            await asyncio.sleep(after_s)
        give_up_s = time.monotonic() + settings.bind_timeout_s
        while not self._ending:
            try:
                link = await self._bind(kind, system_id, password)
            except (ConnectFailed, LinkLost, BindRejected) as error:
                refused = isinstance(error, BindRejected)
                self.counts.binds_refused += refused
                if not self.counts.started_s and (time.monotonic() > give_up_s or (refused and not settings.reconnect)):
                    self._failure = error
                    self.turn.touch()
                    return
                if self.counts.started_s and not settings.reconnect:
                    print(f"sent without one connection: {error}", file=sys.stderr)
                    return
            else:
                self._joined(link)
                await link.gone.wait()
                if not self.counts.started_s and not self._ending:
                    self._failure = LinkLost("a connection went before all were bound")
                    self.turn.touch()
                    return
                if not settings.reconnect:
                    return
            await asyncio.sleep(settings.reconnect_after_s if self.counts.started_s else 0.1)

    async def _bind(self, kind: str, system_id: str, password: str) -> LoadLink:
        settings = self.settings
        account = EsmeSettings(
            port=settings.port,
            host=settings.host,
            system_id=system_id,
            password=password,
            system_type=settings.system_type,
        )
        context = None if settings.tls is None else settings.tls.context()
        server_name = (settings.tls.server_name or settings.host) if settings.tls is not None else None
        try:
            async with asyncio.timeout(settings.bind_timeout_s):
                _, link = await asyncio.get_running_loop().create_connection(
                    lambda: self._link(account, kind),
                    settings.host,
                    settings.port,
                    ssl=context,
                    server_hostname=server_name,
                )
                try:
                    await link.bound
                except BaseException:  # also when cancelled: nobody else would close it
                    link.abort()
                    raise
        except TimeoutError:
            raise ConnectFailed(f"no bind within {settings.bind_timeout_s:g} s") from None
        except OSError as error:
            raise ConnectFailed(f"{settings.host}:{settings.port}: {error}") from error
        return link

    def _link(self, account: EsmeSettings, kind: str) -> LoadLink:
        self._connections += 1
        link = LoadLink(self, account, kind, self._connections)
        link.tap = self._tap
        return link

    def _joined(self, link: LoadLink) -> None:
        self.counts.binds += 1
        if not link.open:
            return  # it went in the turn in which it was bound
        self.links.append(link)
        if link.can_submit:
            self._senders.append(link)
        if self._sending:
            self.answered(link)
        self.turn.touch()

    def gone(self, link: LoadLink) -> None:
        """A connection is gone, bound or not."""
        if link in self.links:
            self.links.remove(link)
            self.counts.disconnects += not self._ending
            if not self._ending and self.settings.progress_s:
                why = f" ({link.why_lost})" if link.why_lost else ""
                print(f"connection lost{why}, {len(self.links)} left", file=sys.stderr)
        if link in self._senders:
            self._senders.remove(link)

    async def _all_bound(self, wanted: int) -> None:
        deadline_s = self.settings.bind_timeout_s + 5
        try:
            await self.turn.wait_for(lambda: len(self.links) == wanted or self._failure or self._ending, deadline_s)
        except TimeoutError:
            self._failure = ConnectFailed(f"only {len(self.links)} of {wanted} connections bound")

    # sending

    def _begin(self) -> None:
        self.counts.start()
        self._heard_s = self.counts.started_s
        self._sending = True
        if self._pace is not None:
            self._pace_tick()
        else:
            for link in self._senders:
                self.answered(link)

    def answered(self, link: LoadLink) -> None:
        """A connection read something, so there may be room for more."""
        if not self._sending:
            return
        if self._pace is not None:
            self._send_due(self._pace)
            return
        now_s = time.monotonic()
        settings = self.settings
        elapsed_s = now_s - self.counts.started_s
        if settings.duration_s and elapsed_s >= settings.duration_s:
            self._stop_sending()
            return
        window = settings.window
        if elapsed_s < settings.ramp_s:
            window = max(1, int(window * elapsed_s / settings.ramp_s))
        if link.can_submit:
            room = link.room(window)
            while room > 0 and self._next < self._total:
                room -= link.submit(self._next, now_s)
                self._next += 1
            if self._next >= self._total:
                self._stop_sending()

    def _pace_tick(self) -> None:
        if self._sending and self._pace is not None:
            self._send_due(self._pace)
            self._pace_timer = asyncio.get_running_loop().call_later(_PACE_TICK_S, self._pace_tick)

    def _send_due(self, pace: Pace) -> None:
        started_s = self.counts.started_s
        due = min(pace.due_by(time.monotonic() - started_s), self._total)
        senders = self._senders
        # What is due now goes on one connection, the next lot on the next one: fewer writes.
        for _ in range(len(senders)):
            if self._next >= due:
                break
            self._turn_of = (self._turn_of + 1) % len(senders)
            link = senders[self._turn_of]
            room = link.room(self.settings.window)
            while room > 0 and self._next < due:
                room -= link.submit(self._next, started_s + pace.due_at(self._next))
                self._next += 1
        if self._next >= self._total:
            self._stop_sending()

    def _stop_sending(self) -> None:
        if self._sending:
            self._sending = False
            self.counts.sending_ended_s = time.monotonic()
        if self._pace_timer is not None:
            self._pace_timer.cancel()

    # waiting

    async def _until_done(self) -> None:
        settings = self.settings
        progress = Progress(self) if settings.progress_s else None
        while not self._done(time.monotonic()):
            await asyncio.sleep(_LOOK_S)
            now_s = time.monotonic()
            for link in list(self.links):
                if settings.enquire_s:
                    link.enquire_if_silent(now_s, settings.enquire_s)
                if self._sending and self._pace is None:
                    self.answered(link)
            if progress is not None:
                progress.show(now_s)

    def _done(self, now_s: float) -> bool:
        counts, settings = self.counts, self.settings
        heard = counts.sent + counts.answered + counts.receipts + counts.lost
        if heard != self._heard:
            self._heard, self._heard_s = heard, now_s
        if self._ending:
            return True
        if not self.links and not settings.reconnect:
            return True
        if self._sending and settings.duration_s and now_s - counts.started_s >= settings.duration_s:
            overdue = self._pace is not None and self._next < self._total
            if not overdue or now_s - counts.started_s >= settings.duration_s + settings.wait_s:
                self._stop_sending()
        if self._sending:
            return self._is_stuck(now_s)
        is_answered = not any(link.is_busy for link in self._senders)
        complete = is_answered and counts.matched >= counts.wanted
        return complete or now_s - self._heard_s > settings.wait_s

    def _is_stuck(self, now_s: float) -> bool:
        """Nothing can be sent and nothing came for so long that it never will; a run with a duration waits it out."""
        settings = self.settings
        patience_s = settings.wait_s if self.links else max(settings.wait_s, settings.bind_timeout_s)
        if settings.duration_s or now_s - self._heard_s <= patience_s:
            return False
        if any(link.room(settings.window) > 0 for link in self._senders):
            return False
        print(f"given up: nothing could be sent, and nothing came, for {patience_s:g} s", file=sys.stderr)
        return True

    def _open_requests(self) -> int:
        return sum(len(link.waiting) for link in self._senders)

    def _never_sent(self) -> int:
        """Messages that were due, or asked for by count, and segments of messages that were begun."""
        settings, left = self.settings, 0
        if self._pace is not None or not settings.duration_s:
            left = 0 if self._stopped else self._total - self._next
        return left + self.counts.unsent

    async def _end(self) -> None:
        self._ending = True
        self._stop_sending()
        self._unanswered = self._open_requests()
        links = list(self.links)
        for link in links:
            link.forget()
            link.unbind()
        try:
            await self.turn.wait_for(lambda: not any(link.open for link in links), _UNBIND_S)
        except TimeoutError:
            for link in links:
                link.abort()

    def _result(self) -> dict[str, Any]:
        settings = self.settings
        return {
            "tool": "esme-sim",
            "conns": settings.connections,
            "rx_conns": settings.receivers,
            "window": settings.window,
            "offered_rate": settings.rate,
            "messages": self._next,
            "unsent": self._never_sent(),
            **self.counts.to_json(self._unanswered),
            **(self.counts.histograms() if settings.histogram else {}),
        }


def templates_of(settings: LoadSettings) -> dict[str, Template | Mix]:
    """What each account sends. Raises LocalError for a body that does not fit, ValueError for an idle account."""
    if not settings.mix:
        template = Template(settings)
        return {system_id: template for system_id, _ in settings.accounts}
    # Kinds that go to the same recipients begin their references at other numbers.
    made = [(Template(message, 61 * index), message) for index, message in enumerate(settings.mix)]
    templates: dict[str, Template | Mix] = {}
    for system_id, _ in settings.accounts:
        own = [(template, message.weight) for template, message in made if message.account in ("", system_id)]
        if not own:
            raise ValueError(f"no message of the mix is for the account {system_id}")
        templates[system_id] = Mix(own)
    return templates


class Progress:
    """A line on stderr every now and then."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._shown_s = load.counts.started_s
        self._before = (0, 0, 0)

    def show(self, now_s: float) -> None:
        """Print a line when one is due."""
        since_s = now_s - self._shown_s
        if since_s < self._load.settings.progress_s:
            return
        counts = self._load.counts
        numbers = (counts.sent, counts.ok, counts.matched)
        rates = [(new - old) / since_s for new, old in zip(numbers, self._before, strict=True)]
        shown = zip(("sent", "ok", "receipts"), numbers, rates, strict=True)
        line = " ".join(f"{name} {number} (+{rate:.0f}/s)" for name, number, rate in shown)
        print(f"{now_s - counts.started_s:6.1f}s {line}", file=sys.stderr, flush=True)
        self._shown_s, self._before = now_s, numbers
