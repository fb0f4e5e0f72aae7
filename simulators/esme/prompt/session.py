"""The commands of the prompt, carried out on one ``EsmeSim``; everything is told by ``say``, line by line.

A command that can't be done raises an error with a sentence; the terminal prints it, a script counts it.
"""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import Awaitable, Callable

from simulators.entry import Entry
from simulators.esme.answer import Answer
from simulators.esme.due import Due
from simulators.esme.incoming import Incoming
from simulators.esme.prompt.words import help_text, parse
from simulators.esme.requests import requests
from simulators.esme.send import detail_lines
from simulators.esme.sim import EsmeSim
from simulators.esme.telling import incoming_line
from smsgw.errors import LinkError, LocalError
from smsgw.smpp import pdu
from smsgw.smpp.constants import status_name

_QUESTION_DEFAULTS = {
    "pdu": None, "query": None, "cancel": None, "replace": None, "text": None, "coding": None, "rd": 1,
    "schedule": "", "validity": "",
}  # fmt: skip
#: Characters of one part of a long text in the GSM alphabet, behind a header of six octets.
_GSM_PART = 153
_MOST_PARTS = 255
_EVENTS = {
    "bind": "bound", "refused_bind": "bind refused", "unbind": "unbound", "lost": "connection lost",
}  # fmt: skip


class Failed(Exception):
    """A command was carried out, and what it wanted did not happen."""


class Session:
    """``say`` may be replaced before the first command; it must not block."""

    def __init__(self, esme: EsmeSim, wait_s: float) -> None:
        self.esme = esme
        self.wait_s = wait_s
        self.say: Callable[[str], None] = lambda line: print(line, flush=True)
        #: ``quit`` was given.
        self.is_over = False
        self.due = Due()
        self.refused = 0
        self.answered = 0
        esme.on_incoming.append(self._came)
        esme.on_event.append(self._happened)

    async def run(self, line: str) -> None:
        """Carry out one line. Raises WordError, ValueError, LocalError, LinkError, TimeoutError or Failed."""
        arguments = parse(line)
        if arguments is None:
            return
        command: Callable[[Namespace], Awaitable[None] | None] = getattr(self, f"_{arguments.name.replace('-', '_')}")
        waiting = command(arguments)
        if waiting is not None:
            await waiting

    async def drain(self) -> None:
        """Wait for the receipts that are due. Raises TimeoutError."""
        if self.esme.bound:
            due = self.due
            await self.esme.wait_for(lambda: not due.waiting or not self.esme.bound, self.wait_s, "every receipt")
        if self.due.waiting:
            raise Failed(f"{len(self.due.waiting)} receipts are missing")

    # commands

    async def _send(self, arguments: Namespace) -> None:
        arguments.recipients = arguments.to.split(",")
        text = " ".join(arguments.text)
        arguments.text = text if text or arguments.payload is None else None
        await self._ask({**_QUESTION_DEFAULTS, **vars(arguments)})

    async def _long(self, arguments: Namespace) -> None:
        if len(arguments.text) == 1 and arguments.text[0].isdecimal():
            arguments.text = [_made_up(int(arguments.text[0]))]
        if "," in arguments.to:
            arguments.each = True
        await self._send(arguments)

    async def _query(self, arguments: Namespace) -> None:
        await self._question("query", arguments)

    async def _cancel(self, arguments: Namespace) -> None:
        await self._question("cancel", arguments)

    async def _replace(self, arguments: Namespace) -> None:
        arguments.text = " ".join(arguments.text)
        await self._question("replace", arguments)

    def _answer(self, arguments: Namespace) -> None:
        self.esme.deliver_status, self.esme.deliver_after_s = arguments.status, arguments.after_s
        shown = "never" if arguments.status is None else f"with {status_name(arguments.status)}"
        self.say(
            f"receipts and MO are answered {shown}" + (f" after {arguments.after_s:g} s" if arguments.after_s else "")
        )

    async def _enquire(self, arguments: Namespace) -> None:
        self._link()
        await self._answers([self.esme.request(pdu.enquire_link)])

    def _raw(self, arguments: Namespace) -> None:
        self._link()
        self.esme.send_raw(arguments.octets)
        self.say(f"{len(arguments.octets)} octets sent")

    async def _unbind(self, arguments: Namespace) -> None:
        self._link()
        await self.esme.disconnect()

    def _drop(self, arguments: Namespace) -> None:
        self._link()
        self.esme.drop()

    async def _bind(self, arguments: Namespace) -> None:
        if self.esme.bound:
            raise Failed("bound already")
        await self.esme.connect()

    def _half_open(self, arguments: Namespace) -> None:
        self._link()
        for link in self.esme.links:
            link.mute = True
        self.say("nothing is heard or said any more; drop ends it")

    def _pause(self, arguments: Namespace) -> None:
        self._hold(True)

    def _resume(self, arguments: Namespace) -> None:
        self._hold(False)

    async def _wait(self, arguments: Namespace) -> None:
        counts: dict[str, Callable[[], int]] = {
            "receipts": lambda: len(self.esme.receipts),
            "mo": lambda: len(self.esme.mo),
            "answers": lambda: self.answered,
        }
        count = counts[arguments.what]
        try:
            await self.esme.wait_for(lambda: count() >= arguments.count, arguments.within_s)
        except TimeoutError:
            raise Failed(
                f"only {count()} of {arguments.count} {arguments.what} within {arguments.within_s:g} s"
            ) from None

    def _stats(self, arguments: Namespace) -> None:
        esme = self.esme
        self.say(
            f"bound {esme.bound}, sent {len(esme.sent)}, answered {self.answered}, refused {self.refused}, "
            f"receipts {len(esme.receipts)}, due {len(self.due.waiting)}, MO {len(esme.mo)}, "
            f"unreadable {len(esme.malformed)}, answers to nothing {len(esme.unexpected)}"
        )

    def _help(self, arguments: Namespace) -> None:
        self.say(help_text())

    def _quit(self, arguments: Namespace) -> None:
        self.is_over = True

    # what they share

    def _link(self) -> None:
        if not any(link.open for link in self.esme.links):
            raise Failed("not connected; bind connects again")

    def _hold(self, held: bool) -> None:
        self._link()
        for link in self.esme.links:
            link.hold(held)
        self.say("reading stopped" if held else "reading again")

    async def _question(self, kind: str, arguments: Namespace) -> None:
        asked = {**_QUESTION_DEFAULTS, **vars(arguments), kind: arguments.message_id, "rd": 0}
        await self._ask({**asked, "recipients": [arguments.recipient] if arguments.recipient else []})

    async def _ask(self, arguments: dict[str, object]) -> None:
        self._link()
        asked = Namespace(**arguments)
        builds = requests(asked)
        await self._answers([self.esme.request(build) for build in builds], bool(asked.rd & 3))

    async def _answers(self, futures: list[asyncio.Future[Answer]], wants_receipts: bool = False) -> None:
        refused = 0
        for number, future in enumerate(futures, 1):
            part = f"part {number} of {len(futures)}: " if len(futures) > 1 else ""
            try:
                async with asyncio.timeout(self.wait_s):
                    answer = await future
            except TimeoutError:
                raise Failed(f"{part}no answer within {self.wait_s:g} s") from None
            self.answered += 1
            self.say(f"{part}{answer}")
            for line in detail_lines(answer):
                self.say(f"  {line}")
            refused += not answer.ok
            if answer.ok and wants_receipts:
                self.due.accepted(answer.message_id)
        self.refused += refused
        self.esme.wake()
        if refused:
            raise Failed("refused" if len(futures) == 1 else f"{refused} of {len(futures)} refused")

    def _came(self, came: Incoming) -> None:
        self.say(incoming_line(came))
        self.due.came(came)

    def _happened(self, entry: Entry) -> None:
        status = f": {status_name(entry.status)}" if entry.status else ""
        self.say(f"{_EVENTS[entry.kind]}{' ' + entry.fate if entry.fate else ''}{status}")


def _made_up(parts: int) -> str:
    if not 1 <= parts <= _MOST_PARTS:
        raise ValueError(f"expected 1 to {_MOST_PARTS} parts, found {parts}")
    words = (f"part {part} of {parts}, ".ljust(_GSM_PART, "abcdefghij"[part % 10]) for part in range(1, parts + 1))
    return "".join(words)[: _GSM_PART * parts - (_GSM_PART - 20 if parts > 1 else 0)]


async def run_safely(session: Session, line: str) -> bool:
    """Carry out a line and say what went wrong; whether all went well."""
    try:
        await session.run(line)
    except (ValueError, LocalError, LinkError, TimeoutError, Failed) as error:
        session.say(f"{error}")
        return False
    return True
