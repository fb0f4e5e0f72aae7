"""The applications of ``bin/chaos``, as a process: three accounts, each with several binds to each gateway.

It sends at a steady rate whatever the answers are. What finds no bind with room is not sent, so a gateway that was away
is not met by a flood. Each request has one line in the ledger, written when it was answered or its connection went:

    number part class recipient-hash sent_s answered_s status message_id     # "lost" and "-" where no answer came

Receipts are written to a file of their own (``message_id state``) before they are answered. Commands come as JSON lines
on stdin: ``{"begin": true}``, ``{"opted_out": 3}`` (the first 3 of that pool may be sent to), ``{"end": quiet_s}``:
send no more, and end when each accepted message has its last receipt, or none came for so long. Progress goes to stdout
every 100 ms.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from simulators.esme.link import EsmeLink
from simulators.esme.pace import Pace
from simulators.esme.settings import EsmeSettings
from simulators.turn import Turn
from smsgw.errors import BindRejected, LinkError
from smsgw.smpp import pdu
from smsgw.smpp.constants import ESM_UDHI
from tests.chaos import wording

FINAL = frozenset(("DELIVRD", "UNKNOWN", "EXPIRED", "UNDELIV", "REJECTD", "DELETED"))
_TICK_S = 0.005
_TOLD_S = 0.1
_AGAIN_S = 0.2
_UCS2 = 8
_STAT = b" stat:"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the world says, as JSON in the only argument."""

    ports: list[int]
    directory: str
    rate: int
    seed: int
    binds: int
    window: int
    enquire_s: float = 3.0


@dataclass(slots=True)
class Message:
    """One message of the load; ``parts`` are the short_messages of its segments."""

    message_class: str
    number: int
    recipient: str
    parts: list[bytes]


@dataclass(slots=True)
class Told:
    """What the progress says, and what the ends wait for."""

    sent: Counter[str] = field(default_factory=Counter)
    ok: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    unsent: int = 0
    receipts: int = 0
    binds: int = 0


class Applications:
    """All three; ``run`` returns when the end has come."""

    def __init__(self, settings: Settings) -> None:
        directory = Path(settings.directory)
        self.settings = settings
        self.told = Told()
        #: Accepted, and no last receipt yet.
        self.owed: set[str] = set()
        #: Had their last receipt, for one that came before its answer.
        self.reported: set[str] = set()
        self.heard_s = time.monotonic()
        self.links: dict[str, list[Link]] = {each: [] for each in wording.CLASSES}
        self.turn = Turn(asyncio.get_running_loop())
        self._lines: list[str] = []
        self._receipts: list[str] = []
        self._ledger = (directory / "ledger.txt").open("w", encoding="ascii")
        self._receipt_file = (directory / "receipts.txt").open("w", encoding="ascii")
        self._chance = random.Random(f"load {settings.seed}")
        self._counts = dict.fromkeys((*wording.CLASSES, "capped", "opted_out", "reference"), 0)
        self._opted_out = 0
        self._begun = asyncio.Event()
        self._ended = asyncio.Event()
        self._quiet_s = 0.0
        self._turns = itertools.count()

    async def run(self) -> None:
        """Until the end; every connection is closed and the files are complete."""
        self.turn.at_end.append(self.flush)
        async with asyncio.TaskGroup() as tasks:
            kept = [tasks.create_task(self._listen()), tasks.create_task(self._tell())]
            kept += [
                tasks.create_task(self._keep(name, port))
                for port in self.settings.ports
                for name in wording.CLASSES
                for _ in range(self.settings.binds)
            ]
            await self._begun.wait()
            await self._send()
            await self._drained()
            for task in kept:
                task.cancel()
        self.flush()
        self._say()

    # -- what links tell

    def answered(self, message: Message, part: int, sent_s: float, status: int, message_id: str) -> None:
        """An answer came."""
        now_s = time.monotonic()
        self._line(message, part, sent_s, f"{now_s:.3f}", f"{status:#x}", message_id or "-")
        self.heard_s = now_s
        if status:
            self.told.refused[f"{status:#x}"] += 1
            return
        self.told.ok[message.message_class] += 1
        if message_id not in self.reported:
            self.owed.add(message_id)

    def lost(self, message: Message, part: int, sent_s: float) -> None:
        """No answer will come."""
        self._line(message, part, sent_s, "-", "lost", "-")
        self.told.lost += 1

    def receipt(self, text: bytes) -> None:
        """``id:… stat:…``."""
        message_id = text[3:].partition(b" ")[0].decode("ascii")
        state = text.partition(_STAT)[2][:7].decode("ascii").strip()
        self._receipts.append(f"{message_id} {state}\n")
        self.told.receipts += 1
        self.heard_s = time.monotonic()
        if state in FINAL:
            self.reported.add(message_id)
            self.owed.discard(message_id)

    def flush(self) -> None:
        """Write what this turn brought."""
        for lines, file in ((self._lines, self._ledger), (self._receipts, self._receipt_file)):
            if lines:
                file.write("".join(lines))
                file.flush()
                lines.clear()

    def _line(self, message: Message, part: int, sent_s: float, *rest: str) -> None:
        words = (message.number, part, message.message_class, wording.hashed(message.recipient), f"{sent_s:.3f}", *rest)
        self._lines.append(" ".join(map(str, words)) + "\n")
        self.turn.touch()

    # -- sending

    async def _send(self) -> None:
        pace, begun_s, due = Pace(self.settings.rate), time.monotonic(), 0
        while not self._ended.is_set():
            upto = pace.due_by(time.monotonic() - begun_s)
            # Of a machine that stood still not everything is made good at once.
            due = max(due, upto - self.settings.rate)
            for _ in range(upto - due):
                self._submit(self._next())
            due = upto
            await asyncio.sleep(_TICK_S)

    def _submit(self, message: Message) -> None:
        links = self.links[message.message_class]
        turn = next(self._turns)
        for offset in range(len(links)):
            link = links[(turn + offset) % len(links)]
            if link.room() >= len(message.parts):
                link.submit(message)
                self.told.sent[message.message_class] += len(message.parts)
                return
        self.told.unsent += 1

    def _next(self) -> Message:
        chance, counts = self._chance, self._counts
        message_class = chance.choices(wording.CLASSES, [wording.SHARES[each] for each in wording.CLASSES])[0]
        count = counts[message_class]
        counts[message_class] += 1
        number = wording.number_of(message_class, count)
        recipient = wording.recipient(message_class, count)
        text = wording.TEXTS[message_class]
        draw = chance.random()
        if message_class == "marketing" and draw < wording.CAPPED_SHARE:
            recipient = wording.capped(counts["capped"])
            counts["capped"] += 1
        elif message_class == "marketing" and draw < wording.CAPPED_SHARE + wording.OPTED_OUT_SHARE and self._opted_out:
            recipient = wording.opting_out(counts["opted_out"] % self._opted_out)
            counts["opted_out"] += 1
        elif message_class == "notice" and draw < wording.LONG_SHARE:
            text = wording.LONG_TEXT
            counts["reference"] += 1
        parts = wording.payloads(text.format(n=number), counts["reference"])
        return Message(message_class, number, recipient, parts)

    async def _drained(self) -> None:
        """Everything is answered and has its last receipt, or nothing came for ``quiet_s``."""
        links = self.links.values()
        self.heard_s = max(self.heard_s, time.monotonic())
        while self.owed or any(link.waiting for each in links for link in each):
            if time.monotonic() - self.heard_s > self._quiet_s:
                return
            await asyncio.sleep(_TICK_S)

    # -- connections

    async def _keep(self, name: str, port: int) -> None:
        settings = EsmeSettings(port=port, system_id=name, password=wording.PASSWORD)
        loop = asyncio.get_running_loop()
        while True:
            link = Link(self, settings)
            try:
                async with asyncio.timeout(5):
                    await loop.create_connection(lambda link=link: link, settings.host, port)  # type: ignore[misc]
                    await link.bound
                self.links[name].append(link)
                self.told.binds += 1
                while not link.gone.is_set():
                    link.enquire_if_silent(time.monotonic(), self.settings.enquire_s)
                    await asyncio.sleep(_TOLD_S)
            except (OSError, LinkError, BindRejected, TimeoutError):
                pass  # the gateway is down at the moment: that is what this is about
            finally:
                if link in self.links[name]:
                    self.links[name].remove(link)
                link.abort()
                link.end()
            await asyncio.sleep(self._chance.uniform(0.5, 1.5) * _AGAIN_S)

    # -- the world

    async def _listen(self) -> None:
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            command = json.loads(line)
            if command.get("begin"):
                self._begun.set()
            self._opted_out = command.get("opted_out", self._opted_out)
            if "end" in command:
                self._quiet_s = command["end"]
                self._ended.set()
        # The world is gone, and nobody will read what we write.
        sys.exit("the world ended before its load")

    async def _tell(self) -> None:
        while True:
            self._say()
            await asyncio.sleep(_TOLD_S)

    def _say(self) -> None:
        told = self.told
        progress = {
            "sent": told.sent, "ok": told.ok, "refused": told.refused, "lost": told.lost, "unsent": told.unsent,
            "receipts": told.receipts, "owed": len(self.owed), "binds": told.binds,
            "bound": sum(map(len, self.links.values())),
        }  # fmt: skip
        print(json.dumps(progress), flush=True)


class Link(EsmeLink):
    """One transceiver; ``waiting`` are its requests without an answer."""

    def __init__(self, applications: Applications, settings: EsmeSettings) -> None:
        super().__init__(settings, "transceiver", applications.turn)
        self.waiting: dict[int, tuple[Message, int, float]] = {}
        self.gone = asyncio.Event()
        self._applications = applications

    def room(self) -> int:
        """How many requests may be sent now."""
        usable = self.can_submit and self.open and not self.choked and not self.is_unbinding
        return self._applications.settings.window - len(self.waiting) if usable else 0

    def submit(self, message: Message) -> None:
        """Send all parts of it."""
        for part, payload in enumerate(message.parts, 1):
            sequence_number = self.session.next_sequence()
            self.waiting[sequence_number] = (message, part, time.monotonic())
            self.write(
                pdu.submit_sm(
                    sequence_number,
                    source_addr_ton=0,
                    source_addr_npi=1,
                    source_addr=wording.SOURCES[message.message_class].encode(),
                    dest_addr_ton=1,
                    dest_addr_npi=1,
                    destination_addr=message.recipient.encode(),
                    esm_class=ESM_UDHI if len(message.parts) > 1 else 0,
                    registered_delivery=1,
                    data_coding=_UCS2,
                    short_message=payload,
                )
            )

    def on_answer(self, command_id: int, status: int, sequence_number: int, frame: bytes) -> None:
        sent = self.waiting.pop(sequence_number, None)
        if sent is not None:
            message_id = "" if status else frame[16:].partition(b"\0")[0].decode("ascii")
            self._applications.answered(*sent, status, message_id)

    def on_deliver(self, command_id: int, sequence_number: int, frame: bytes) -> None:
        text = bytes(pdu.Sm(frame).short_message)
        if text.startswith(b"id:"):
            # On disk first: what was answered must be in the account of the run.
            self._applications.receipt(text)
            self._applications.flush()
        self.write(pdu.response(command_id, 0, sequence_number, b""))

    def on_gone(self) -> None:
        self.end()
        self.gone.set()

    def end(self) -> None:
        """What waits will have no answer."""
        waiting, self.waiting = self.waiting, {}
        for message, part, sent_s in waiting.values():
            self._applications.lost(message, part, sent_s)


async def main() -> None:
    """Run with the settings of the command line."""
    await Applications(Settings(**json.loads(sys.argv[1]))).run()


if __name__ == "__main__":
    asyncio.run(main())
