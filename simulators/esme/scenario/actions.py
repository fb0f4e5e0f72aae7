"""What the steps of a scenario do, each with the applications it names. Raises StepFailed with a sentence."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import cycle

from simulators.clock import SimClock
from simulators.clock_drive import ClockDriver
from simulators.esme.answer import Answer
from simulators.esme.due import Due
from simulators.esme.message import Envelope, numbering
from simulators.esme.pace import Pace
from simulators.esme.scenario.model import Application, Step, text_of
from simulators.esme.sim import EsmeSim
from simulators.esme.sim_link import SimLink
from simulators.turn import Turn
from smsgw.errors import BindRejected, LinkError, LocalError
from smsgw.smpp.alphabet import encode_text
from smsgw.smpp.codec import Pdu, encode
from smsgw.smpp.constants import CommandId, status_name

_QUESTIONS = {
    "query": CommandId.QUERY_SM,
    "cancel": CommandId.CANCEL_SM,
    "replace": CommandId.REPLACE_SM,
}


class StepFailed(Exception):
    """A step could not be done, or what it waited for did not come."""


class Actor:
    """An application of the scenario and what the run keeps of it."""

    def __init__(self, application: Application, sim: EsmeSim) -> None:
        self.application = application
        self.sim = sim
        self.due = Due()
        self.sent = 0
        self.answered = 0
        sim.on_incoming.append(self.due.came)

    def room(self, bind: int) -> SimLink | None:
        """A bind that may submit and whose window is not full, the emptiest; ``bind`` from 1, 0 any."""
        links = self.sim.links if not bind else self.sim.links[bind - 1 : bind]
        able = [link for link in links if link.can_submit and link.open]
        link = min(able, key=lambda link: len(link.unanswered), default=None)
        window = self.application.window
        return None if link is None or (window and len(link.unanswered) >= window) else link


class Actions:
    """``do`` carries a step out; ``ids`` remembers each step's last message."""

    def __init__(self, actors: Sequence[Actor], clock: SimClock, driver: ClockDriver, turn: Turn) -> None:
        self._actors = actors
        self._clock = clock
        self._driver = driver
        self._turn = turn
        self._references = 0
        #: step name -> (application, source, recipient, message_id)
        self._last: dict[str, tuple[Actor, str, str, str]] = {}

    async def do(self, step: Step) -> str:
        """What came of it, in words. Raises StepFailed."""
        chosen = [
            actor for actor in self._actors if not step.application or actor.application.label in step.application
        ]
        action: Callable[[Step, list[Actor]], Awaitable[str]] = getattr(self, f"_do_{step.do}")
        try:
            return await action(step, chosen)
        except (LinkError, LocalError, ValueError, OSError) as error:
            raise StepFailed(str(error)) from None

    # messages

    async def _do_send(self, step: Step, actors: list[Actor]) -> str:
        count = step.count or step.to_count * len(step.to)
        pace = Pace(step.rate) if step.rate is not None else None
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        futures: list[asyncio.Future[Answer]] = []
        turns = cycle(actors)
        for n in range(count):
            if pace is not None:
                await asyncio.sleep(max(0.0, started_s + pace.due_at(n) - loop.time()))
            actor = next(turns)
            link = await self._room(step, actor)
            futures += self._submit(step, actor, link, n)
        accepted = refused = lost = 0
        if step.wait != "nothing":
            accepted, refused = await self._answers(futures, step)
            lost = len(futures) - accepted - refused
        if step.wait == "receipts":
            await self._receipts(step, actors)
        shown = f"{count} sent" if len(futures) == count else f"{count} sent in {len(futures)} segments"
        if step.wait != "nothing":
            shown += f", {accepted} accepted, {refused} refused" + (
                f", {lost} lost with their connection" if lost else ""
            )
        return shown

    async def _room(self, step: Step, actor: Actor) -> SimLink:
        link = actor.room(step.bind)
        if link is None:
            name = actor.application.label
            await self._until(lambda: actor.room(step.bind), step.within, f"{name}: no bind with room in its window")
            link = actor.room(step.bind)
            assert link is not None
        return link

    def _submit(self, step: Step, actor: Actor, link: SimLink, n: int) -> list[asyncio.Future[Answer]]:
        recipient = step.recipient(n)
        envelope = Envelope(
            step.from_,
            recipient,
            registered_delivery=step.rd,
            data_coding=step.coding,
            service_type=step.service_type,
            priority_flag=step.priority,
            protocol_id=step.protocol_id,
            schedule_delivery_time=step.schedule,
            validity_period=step.validity,
            esm_class=step.esm_class,
            tlvs=step.tlvs,
        )
        self._references += 1
        if step.hex is not None:
            builds = [envelope.build(step.hex, step.coding or 0)]
        else:
            builds = envelope.parts(text_of(step.text or "", n), step.long, self._references)
        futures = [link.request(build) for build in builds]
        actor.sent += len(futures)

        def answered(future: asyncio.Future[Answer]) -> None:
            if future.cancelled() or future.exception() is not None:
                return
            answer = future.result()
            actor.answered += 1
            if answer.ok:
                self._last[step.name] = self._last[""] = (actor, step.from_, recipient, answer.message_id)
                if step.rd & 3:
                    actor.due.accepted(answer.message_id)
            self._turn.touch()

        for future in futures:
            future.add_done_callback(answered)
        return futures

    async def _answers(self, futures: list[asyncio.Future[Answer]], step: Step) -> tuple[int, int]:
        if futures:
            await asyncio.wait(futures, timeout=step.within)
        missing = sum(not future.done() for future in futures)
        if missing:
            raise StepFailed(f"{missing} of {len(futures)} answers did not come within {step.within:g} s")
        answers = [future.result() for future in futures if future.exception() is None]
        accepted = sum(answer.ok for answer in answers)
        return accepted, len(answers) - accepted

    async def _receipts(self, step: Step, actors: list[Actor]) -> None:
        def missing() -> int:
            return sum(actor.due.count for actor in actors)

        await self._until(lambda: not missing(), step.within, lambda: f"{missing()} receipts did not come")

    async def _do_query(self, step: Step, actors: list[Actor]) -> str:
        return await self._ask(step, actors)

    async def _do_cancel(self, step: Step, actors: list[Actor]) -> str:
        return await self._ask(step, actors)

    async def _do_replace(self, step: Step, actors: list[Actor]) -> str:
        return await self._ask(step, actors)

    async def _ask(self, step: Step, actors: list[Actor]) -> str:
        last = self._last.get(step.of)
        if last is None and not step.message_id:
            raise StepFailed("no message was accepted before; give message_id, or of = the name of a step")
        actor, source, recipient, message_id = last or (actors[0], step.from_, "", "")
        if step.message_id:
            actor, source, message_id = actors[0], step.from_, step.message_id
        ton, npi = numbering(source)
        fields: dict[str, object] = {
            "message_id": message_id.encode(),
            "source_addr_ton": ton,
            "source_addr_npi": npi,
            "source_addr": source.encode(),
        }
        if step.do == "cancel":
            fields["destination_addr"] = recipient.encode()
        elif step.do == "replace":
            coding = Envelope(step.from_, "").coding_for(step.text or "")
            fields["short_message"] = encode_text(step.text or "", coding)
        command = int(_QUESTIONS[step.do])
        future = actor.sim.request(lambda sequence: encode(Pdu(command, 0, sequence, fields)))
        await self._answers([future], step)
        return str(future.result())

    # waiting

    async def _do_wait(self, step: Step, actors: list[Actor]) -> str:
        what = step.for_
        if what == "receipts" and step.count is None:
            await self._receipts(step, actors)
            return "all receipts came"

        def count() -> int:
            kinds: dict[str, Callable[[Actor], int]] = {
                "answers": lambda actor: actor.answered,
                "receipts": lambda actor: len(actor.sim.receipts),
                "mo": lambda actor: len(actor.sim.mo),
                "binds": lambda actor: actor.sim.bound,
                "outbind": lambda actor: len(actor.sim.outbinds),
            }
            return sum(kinds[what or ""](actor) for actor in actors)

        wanted = step.count
        if wanted is None:
            wanted = sum(actor.sent if what == "answers" else 1 for actor in actors)
        await self._until(
            lambda: count() >= (wanted or 0), step.within, lambda: f"only {count()} of {wanted} {what} came"
        )
        return f"{count()} {what}"

    async def _do_listen(self, step: Step, actors: list[Actor]) -> str:
        before = sum(len(actor.sim.receipts) + len(actor.sim.mo) for actor in actors)
        await asyncio.sleep(step.time or 0.0)
        return f"{sum(len(actor.sim.receipts) + len(actor.sim.mo) for actor in actors) - before} came"

    async def _until(self, condition: Callable[[], object], within_s: float, failure: str | Callable[[], str]) -> None:
        try:
            await self._turn.wait_for(condition, within_s)
        except TimeoutError:
            words = failure if isinstance(failure, str) else failure()
            raise StepFailed(f"{words} within {within_s:g} s") from None

    # connections

    async def _do_bind(self, step: Step, actors: list[Actor]) -> str:
        for actor in actors:
            links = actor.sim.links
            try:
                if not any(link.open for link in links):
                    await actor.sim.connect()
                for index, link in enumerate(links):
                    if actor.sim.links[index] is link and not link.open:
                        await actor.sim.rebind(index)
            except BindRejected as error:
                if not step.refused:
                    raise StepFailed(str(error)) from None
                continue
            if step.refused:
                raise StepFailed(f"{actor.application.label} was bound, and should have been refused")
        return "refused, as it should be" if step.refused else "bound"

    async def _do_unbind(self, step: Step, actors: list[Actor]) -> str:
        for actor in actors:
            await actor.sim.disconnect()
        return "unbound"

    async def _do_drop(self, step: Step, actors: list[Actor]) -> str:
        for link in _links(step, actors):
            link.abort()
        return "dropped"

    async def _do_half_open(self, step: Step, actors: list[Actor]) -> str:
        for link in _links(step, actors):
            link.mute = True
        return "half open"

    async def _do_pause(self, step: Step, actors: list[Actor]) -> str:
        for link in _links(step, actors):
            link.hold(True)
        if step.time is None:
            return "nothing is read"
        await asyncio.sleep(step.time)
        for link in _links(step, actors):
            link.hold(False)
        return f"nothing was read for {step.time:g} s"

    async def _do_resume(self, step: Step, actors: list[Actor]) -> str:
        for link in _links(step, actors):
            link.hold(False)
        return "reading again"

    async def _do_answer(self, step: Step, actors: list[Actor]) -> str:
        for actor in actors:
            actor.sim.deliver_status, actor.sim.deliver_after_s = step.status, step.late
        return "never" if step.status is None else status_name(step.status)

    async def _do_enquire(self, step: Step, actors: list[Actor]) -> str:
        await self._answers([future for actor in actors for future in actor.sim.enquire()], step)
        return "answered"

    async def _do_raw(self, step: Step, actors: list[Actor]) -> str:
        assert step.hex is not None
        links = _links(step, actors)
        for link in links:
            link.write(step.hex)
        return f"{len(step.hex)} octets on {len(links)} connection{'s' if len(links) != 1 else ''}"

    async def _do_clock(self, step: Step, actors: list[Actor]) -> str:
        if step.set is not None:
            self._clock.set(step.set)
        if step.advance is not None:
            self._clock.advance(step.advance)
        if step.rate_of_clock is not None:
            self._clock.run_at(step.rate_of_clock)
        await self._driver.push()
        return self._clock.now().astimezone().isoformat(timespec="seconds")


def _links(step: Step, actors: list[Actor]) -> list[SimLink]:
    chosen = [
        link
        for actor in actors
        for link in (actor.sim.links[step.bind - 1 : step.bind] if step.bind else actor.sim.links)
    ]
    links = [link for link in chosen if link.open]
    if not links:
        raise StepFailed("no connection is open")
    return links
