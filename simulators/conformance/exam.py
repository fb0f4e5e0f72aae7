"""What a check may do: wait for the application, have a person do something, ask, provoke, and look.

All waiting has a deadline. When the application stays away once, later checks wait for it much less; when it
never came at all, they don't.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from simulators.conformance.bench import Bench, Policy, Session
from simulators.conformance.check import NotSeen
from simulators.conformance.log import BINDS, SUBMITS, Event, Log
from simulators.conformance.messages import Build, Message, message_of
from smsgw.smpp import pdu
from smsgw.smpp.constants import RESPONSE_BIT, CommandId, command_name, status_name

_BIND_RESPONSES = tuple(command | RESPONSE_BIT for command in BINDS)
#: The share of the patience that an application gets which stayed away before.
_LESS = 0.1


class Exam:
    """One run over a bench; ``say`` tells the person what to do."""

    def __init__(self, bench: Bench, say: Callable[[str], None]) -> None:
        self.bench = bench
        self.settings = bench.settings
        self.say = say
        self._away = False
        self._mute = False

    @property
    def log(self) -> Log:
        """Everything that happened."""
        return self.bench.log

    # waiting for the application

    async def session(self, sends: bool = False, receives: bool = False) -> Session:
        """A bound session of this kind; raises NotSeen when none comes."""

        def found() -> list[Session]:
            return [each for each in self.bench.bound if each.can_submit >= sends and each.can_receive >= receives]

        kind = "submit" if sends else "receive"
        if not await self.bench.wait_for(found, min(self.settings.quiet_s, self._patience_s)):
            others = bool(self.bench.bound)
            if others:
                self.say(f"Let your application bind so that it may {kind} (transceiver, or one more bind).")
            elif not self._away:
                again = "again" if self.log.sent(*_BIND_RESPONSES) else "now"
                self.say(f"Start your application {again}; it binds to port {self.bench.port}{self._account}.")
            if not await self.bench.wait_for(found, self._patience_s):
                self._away = True
                raise NotSeen(f"no bind that may {kind}" if others else "the application did not bind")
        self._away = False
        return found()[-1]

    async def submits(self, since: int, count: int = 1, what: str = "a message to any number") -> list[Event]:
        """At least ``count`` messages that came after ``since`` (a mark of the log); raises NotSeen."""

        def came() -> bool:
            return len(self.log.received(*SUBMITS, since=since)) >= count

        if not await self.bench.wait_for(came, self.settings.quiet_s):
            await self.session(sends=True)
            if not self._mute:
                self.say(f"Let your application send {what}; best once a second for the whole run.")
            if not await self.bench.wait_for(came, self.settings.patience_s * (_LESS if self._mute else 1)):
                self._mute = True
                raise NotSeen("it did not send a message")
        self._mute = False
        return self.log.received(*SUBMITS, since=since)

    async def message(self) -> tuple[Message, bytes]:
        """A message that was accepted, and its id; raises NotSeen when it never sends one."""
        if self.bench.last is None:
            await self.submits(self.log.mark())
        if self.bench.last is None:
            raise NotSeen("no message was accepted yet")
        return self.bench.last

    async def pause(self, seconds: float, until: Callable[[], object] = lambda: False) -> None:
        """Look on for so long, or until a condition."""
        await self.bench.wait_for(until, seconds)

    # asking

    async def answer(self, session: Session, sequence_number: int) -> bytes | None:
        """The response to a request of ours; None when it does not come in time or the connection goes."""
        await self.bench.wait_for(
            lambda: sequence_number in session.answers or not session.open, self.settings.answer_s
        )
        return session.answers.get(sequence_number)

    async def ask(self, session: Session, build: Build) -> bytes | None:
        """Send a request and wait for its response."""
        return await self.answer(session, session.request(build))

    async def trouble(self, session: Session) -> str:
        """Empty when the session is there and answers enquire_link; else what is wrong."""
        if session.open and await self.ask(session, pdu.enquire_link) is not None:
            return ""
        if session.open:
            return f"it answers nothing any more (enquire_link, {self.settings.answer_s:g} s)"
        return (
            "it unbound" if self.log.received(CommandId.UNBIND, session=session.number) else "it closed the connection"
        )

    @contextmanager
    def answering(self, policy: Policy) -> Iterator[None]:
        """Have messages answered otherwise for a while."""
        self.bench.submits = policy
        try:
            yield
        finally:
            self.bench.submits = self.bench.accept

    async def number(self) -> bytes:
        """An address of the application, to which a subscriber may write."""
        if self.bench.last is not None:
            return self.bench.last[0].source_addr
        found = [message_of(event.frame) for event in self.log.received(CommandId.SUBMIT_SM)]
        return next((message.source_addr for message in found if message is not None), b"10690000")

    @property
    def _patience_s(self) -> float:
        if not self._away:
            return self.settings.patience_s
        return self.settings.patience_s * _LESS if self.log.received(*BINDS) else 0.0

    @property
    def _account(self) -> str:
        return f" as {self.settings.system_id}" if self.settings.system_id else ""


def shown(frame: bytes) -> str:
    """A PDU in a few words."""
    _length, command_id, status, sequence_number = pdu.HEADER.unpack_from(frame)
    name = command_name(command_id)
    return f"{name} {status_name(status)} (sequence {sequence_number})" if status else f"{name} ({sequence_number})"


async def settle() -> None:
    """Let what was written leave before more is."""
    await asyncio.sleep(0.005)
