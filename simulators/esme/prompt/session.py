"""The commands of the prompt, carried out on one ``EsmeSim``; everything is told by ``tell``, in words or as JSON.

A line of JSON has its ``kind``: answer, receipt, mo, event, stats, said, or error.
A command that can't be done raises an error with a sentence; the terminal prints it, a script counts it.
"""

from __future__ import annotations

import asyncio
import json
from argparse import Namespace
from collections.abc import Awaitable, Callable
from contextlib import suppress

from simulators.entry import Entry
from simulators.esme.answer import Answer
from simulators.esme.due import Due
from simulators.esme.incoming import Incoming
from simulators.esme.prompt.words import help_text, parse
from simulators.esme.requests import requests
from simulators.esme.sim import EsmeSim
from simulators.esme.telling import answer_json, answer_lines, failed_of, incoming_json, incoming_line
from smsgw.errors import LinkError, LocalError
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
    """``say`` prints a line; it may be replaced before the first command, and must not block."""

    def __init__(self, esme: EsmeSim, wait_s: float, as_json: bool = False) -> None:
        self.esme = esme
        self.wait_s = wait_s
        self._as_json = as_json
        self.say: Callable[[str], None] = lambda line: print(line, flush=True)
        #: ``quit`` was given.
        self.is_over = False
        self.due = Due()
        self.refused = 0
        self.answered = 0
        esme.on_incoming.append(self._came)
        esme.on_event.append(self._happened)

    def tell(self, words: str, kind: str = "said", told: dict[str, object] | None = None) -> None:
        """Say it in words, or as a line of JSON: ``told``, or else the words as its text."""
        if self._as_json:
            words = json.dumps({"kind": kind, **({"text": words} if told is None else told)}, ensure_ascii=False)
        self.say(words)

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
        """Wait for the receipts that are due. Raises Failed."""
        if self.esme.bound:
            with suppress(TimeoutError):
                await self.esme.wait_for(lambda: not self.due.count or not self.esme.bound, self.wait_s)
        if self.due.count:
            raise Failed(f"{self.due.count} receipts are missing")

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
        late = f" after {arguments.after_s:g} s" if arguments.after_s else ""
        self.tell(f"receipts and MO are answered {shown}{late}")

    async def _enquire(self, arguments: Namespace) -> None:
        self._link()
        await self._answers(self.esme.enquire())

    def _raw(self, arguments: Namespace) -> None:
        self._link()
        self.esme.send_raw(arguments.octets)
        self.tell(f"{len(arguments.octets)} octets sent")

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
        self.tell("nothing is heard or said any more; drop ends it")

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
        counts: dict[str, object] = {
            "bound": esme.bound,
            "sent": len(esme.sent),
            "answered": self.answered,
            "refused": self.refused,
            "receipts": len(esme.receipts),
            "due": self.due.count,
            "mo": len(esme.mo),
            "unreadable": len(esme.malformed),
            "answers_to_nothing": len(esme.unexpected),
        }
        words = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in counts.items())
        self.tell(words, "stats", counts)

    def _help(self, arguments: Namespace) -> None:
        self.tell(help_text())

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
        self.tell("reading stopped" if held else "reading again")

    async def _question(self, kind: str, arguments: Namespace) -> None:
        asked = {**_QUESTION_DEFAULTS, **vars(arguments), kind: arguments.message_id, "rd": 0}
        await self._ask({**asked, "recipients": [arguments.recipient] if arguments.recipient else []})

    async def _ask(self, arguments: dict[str, object]) -> None:
        self._link()
        asked = Namespace(**arguments)
        futures = [self.esme.request(build) for build in requests(asked)]
        each = 1 if "each" not in asked or asked.each else len(asked.recipients)
        await self._answers(futures, each if asked.rd & 3 else 0)

    async def _answers(self, futures: list[asyncio.Future[Answer]], receipts: int = 0) -> None:
        """Tell the answers; each accepted one brings so many ``receipts``."""
        refused = 0
        for number, future in enumerate(futures, 1):
            part = f"part {number} of {len(futures)}: " if len(futures) > 1 else ""
            try:
                async with asyncio.timeout(self.wait_s):
                    answer = await future
            except TimeoutError:
                raise Failed(f"{part}no answer within {self.wait_s:g} s") from None
            self.answered += 1
            place: dict[str, object] = {"part": number, "parts": len(futures)} if len(futures) > 1 else {}
            self.tell(f"{part}{answer_lines(answer)}", "answer", {**answer_json(answer), **place})
            refused += not answer.ok
            if answer.ok and receipts:
                self.due.accepted(answer.message_id, receipts - len(failed_of(answer)))
        self.refused += refused
        self.esme.wake()
        if refused:
            raise Failed("refused" if len(futures) == 1 else f"{refused} of {len(futures)} refused")

    def _came(self, came: Incoming) -> None:
        told = incoming_json(came)
        self.tell(incoming_line(came), str(told["kind"]), told)
        self.due.came(came)

    def _happened(self, entry: Entry) -> None:
        status = f": {status_name(entry.status)}" if entry.status else ""
        fate = f" ({entry.fate})" if entry.fate else ""
        words = f"{_EVENTS[entry.kind]}{fate}{status}"
        told: dict[str, object] = {"event": entry.kind, "status": entry.status, "bind": entry.bind, "text": words}
        self.tell(words, "event", told)


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
        session.tell(str(error), "error")
        return False
    return True
