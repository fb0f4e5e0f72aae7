"""What travels over one connection to Redis: commands leave joined, once a turn, replies come in their order.

Owns: the pipeline, its time limits, and which StoreError an error reply stands for. Many callers share it, and what
one turn has brought is read by Redis in one of its turns, so that one fsync serves it all. Replies are raw RESP2:
bytes, int, list, None; an error reply is a StoreError object in its place.
What can go wrong: an answer that is overdue or no RESP at all. Then nobody knows what belongs to whom, so the
connection ends, and with it everything that was asked (StoreAway).
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from typing import Any, Final, cast

import hiredis

from smsgw.errors import StoreAway, StoreError, StoreLocked, StoreNotRun, StoreRefused

TEMPORARY: Final = (
    "LOADING",
    "BUSY",
    "CLUSTERDOWN",
    "TRYAGAIN",
    "MASTERDOWN",
    "MOVED",
    "ASK",
    "READONLY",
    "MISCONF",
    "NOREPLICAS",
    "UNKILLABLE",
)
"""Error replies that pass by themselves: the call did not run, and a later try may."""

LOCKED: Final = ("NOAUTH", "WRONGPASS", "NOPERM")
"""Error replies to who is not let in."""

_NO_ROOM: Final = "ERR max number of clients"
_NO_PASSWORD_SET: Final = "ERR AUTH <password> called without any password"
# Redis 6.2 wraps what a command inside a script answered into a text of its own, Redis 7 does not.
_IN_SCRIPT: Final = re.compile(r"@user_script: ?\d+: -([A-Z]+) ")
_NOT_YET: Final = object()


class StoreBusy(StoreNotRun):
    """Redis answered that it can't now (loading, failover, disk); the call did not run. Try again."""

    def __init__(self, code: str, text: str) -> None:
        self.code = code
        super().__init__(text)


def error_reply(text: str) -> StoreError:
    """The StoreError that stands for an error reply; ``text`` begins with Redis' upper-case word for it."""
    inner = _IN_SCRIPT.search(text)
    code = inner[1] if inner else text.split(" ", 1)[0]
    if code in LOCKED or text.startswith(_NO_PASSWORD_SET):
        return StoreLocked(f"{text.rstrip('.')} (see store.user and store.password_file)")
    if code in TEMPORARY:
        return StoreBusy(code, text)
    return StoreNotRun(text) if text.startswith(_NO_ROOM) else StoreRefused(text)


class _Exchange:
    """Commands that left together, and who waits for their replies."""

    __slots__ = ("deadline_s", "future", "limit_s", "name", "replies", "wanted")

    def __init__(
        self, future: asyncio.Future[list[Any]], wanted: int, name: str, limit_s: float, deadline_s: float
    ) -> None:
        self.future = future
        self.wanted = wanted
        self.name = name
        self.limit_s = limit_s
        self.deadline_s = deadline_s
        self.replies: list[Any] = []


class Wire(asyncio.Protocol):
    """One connection, from its opening to its end; ``ask`` until ``lost`` says why it ended."""

    __slots__ = ("_asked", "_feed", "_gets", "_loop", "_transport", "_watch", "lost", "lost_unheard")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        reader = hiredis.Reader(replyError=error_reply, notEnoughData=_NOT_YET)
        self._feed = reader.feed
        self._gets = reader.gets
        self._asked: deque[_Exchange] = deque()
        self._transport: asyncio.Transport
        self._watch: asyncio.TimerHandle | None = None
        self.lost: StoreAway | None = None
        self.lost_unheard = False
        """It was lost while nobody had asked anything."""

    def ask(self, packed: bytes, wanted: int, name: str, limit_s: float) -> asyncio.Future[list[Any]]:
        """Send commands in RESP that have ``wanted`` replies; those come as a list.

        uvloop joins what one turn writes, and sends it as that turn ends. Whoever waits may be cancelled: the replies
        go nowhere then. Replies have their order, so a command that blocks holds up what is asked behind it. Raises
        StoreNotRun; the future fails with StoreAway: it may have run.
        """
        try:
            self._transport.write(packed)
        except RuntimeError as error:  # what uvloop calls a connection of which we are about to hear that it is lost
            self.end(StoreAway(str(error)))
            raise StoreNotRun(str(error)) from error
        future: asyncio.Future[list[Any]] = self._loop.create_future()
        deadline_s = self._loop.time() + limit_s
        self._asked.append(_Exchange(future, wanted, name, limit_s, deadline_s))
        if self._watch is None or deadline_s < self._watch.when():
            self._watch_until(deadline_s)
        return future

    def end(self, why: StoreAway) -> None:
        """End the connection without waiting for the peer, and everything that was asked with it."""
        if self.lost is not None:
            return
        self.lost = why
        self.lost_unheard = not self._asked
        if self._watch is not None:
            self._watch.cancel()
        self._transport.abort()
        for exchange in self._asked:
            if not exchange.future.done():
                exchange.future.set_exception(type(why)(str(why)))
        self._asked.clear()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Called by the loop."""
        self.end(StoreAway(f"the connection was closed: {error}" if error else "Redis closed the connection"))

    def data_received(self, data: bytes) -> None:
        """Called by the loop: give out the replies that are whole by now."""
        asked, gets = self._asked, self._gets
        try:
            self._feed(data)
            while (reply := gets()) is not _NOT_YET:
                if not asked:
                    # Unasked for: what Redis tells before it closes a connection that it does not want.
                    self.end(StoreNotRun(str(reply)))
                    return
                exchange = asked[0]
                exchange.replies.append(reply)
                if len(exchange.replies) == exchange.wanted:
                    asked.popleft()
                    if not exchange.future.done():
                        exchange.future.set_result(exchange.replies)
        except hiredis.HiredisError as error:
            self.end(StoreAway(f"what answers is not Redis: {error}"))

    def _watch_until(self, deadline_s: float) -> None:
        if self._watch is not None:
            self._watch.cancel()
        self._watch = self._loop.call_at(deadline_s, self._look)

    def _look(self) -> None:
        """End the connection when the oldest answer is overdue; one timer serves all that was asked."""
        self._watch = None
        if not self._asked:
            return
        oldest = self._asked[0]
        if self._loop.time() < oldest.deadline_s:
            self._watch_until(oldest.deadline_s)
        else:
            self.end(StoreAway(f"no answer to {oldest.name} within {oldest.limit_s:g} s"))
