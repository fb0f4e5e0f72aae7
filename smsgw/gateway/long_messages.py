"""Long messages: segments are held until complete, then decided and answered together.

Every segment goes to the store at once, so that any process may complete a message and a crash loses
none. A client with a window of one waits for each answer, so a segment that has waited ``early_answer_s`` is answered
ESME_ROK as soon as it is durable; a later refusal then goes out as a receipt for each such segment.
A message that is never completed expires, and says so by receipts.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, NamedTuple, cast

from smsgw.beats import beat
from smsgw.errors import StoreError
from smsgw.gateway.alarm import Alarm
from smsgw.gateway.journal import Journal
from smsgw.gateway.mt import MtJourney
from smsgw.gateway.refuser import rok
from smsgw.gateway.reports import Report
from smsgw.gateway.submission import Part, Segment, Submission
from smsgw.gateway.views import air_segments, view_of, whole_text
from smsgw.policy.model import Draft, Reason, Refusal
from smsgw.policy.reasons import STORE_AWAY
from smsgw.records.record import Step
from smsgw.smpp.constants import HEADER_OCTETS, MessageState
from smsgw.smpp.udh import Concat
from smsgw.store.long import COMPLETE, DUPLICATE, REPLACED, LongGroup, LongItem, LongReply
from smsgw.store.packing import pack, unpack

if TYPE_CHECKING:
    from smsgw.esme.account import Account
    from smsgw.gateway.context import Context
    from smsgw.gateway.local_reports import Durable, LocalReports

#: How often to look for groups whose time is over.
EXPIRE_PERIOD_S = 1.0
#: Early answers that are due within so long of each other leave together.
EARLY_ANSWERS_S = 0.02


class _Kept(NamedTuple):
    """A segment as the store keeps it."""

    message_id: str
    registered: int
    pdu: bytes
    segment: Segment


class _Waiting:
    """A segment whose sender still waits for its answer."""

    __slots__ = ("deadline_s", "durable", "part")

    def __init__(self, part: Part, deadline_s: float) -> None:
        self.part = part
        self.deadline_s = deadline_s
        self.durable = False


class LongMessages:
    """Collects segments; ``run`` ends what never completes."""

    def __init__(self, context: Context, mt: MtJourney, reports: LocalReports) -> None:
        self._context = context
        self._mt = mt
        self._reports = reports
        self._journal = Journal(context)
        #: By message id; ``_order`` has the same in the order of their deadlines.
        self._waiting: dict[str, _Waiting] = {}
        self._order: deque[_Waiting] = deque()
        self._early = Alarm(asyncio.get_running_loop(), self._answer_early)
        #: Groups that this process is deciding on or ending; ``run`` leaves them alone meanwhile.
        self._deciding: set[str] = set()

    @property
    def waiting(self) -> int:
        """Segments whose senders wait for an answer."""
        return len(self._waiting)

    def take(self, part: Part, concat: Concat, account: Account, partition: int, segment: Segment) -> None:
        """One segment of an application."""
        store_long = self._context.long
        assert part.session is not None
        early_s = self._context.settings.early_answer_s
        waiting = self._waiting[part.message_id] = _Waiting(part, part.session.now_s + early_s)
        self._order.append(waiting)
        self._early.set(early_s)
        group = store_long.group(
            account.settings.system_id, segment.source_addr, segment.recipient, concat.reference, concat.total
        )
        blob = self._context.store.sealer.seal(pack((part.message_id, part.registered, part.pdu, segment)))
        expire_s = self._context.settings.long_expire_s
        # A clock that runs fast must not outrun segments that are under way.
        expires_ms = max(segment.accepted_ms + int(expire_s * 1000), self._context.clock.after_ms(expire_s))
        ticket = (part.message_id, account)
        store_long.put(LongItem(ticket, partition, group, concat.index, concat.total, blob, expires_ms))

    def stored(self, items: list[LongItem], replies: list[LongReply] | StoreError) -> None:
        """Called once for each batch: the segments are durable; some messages may be complete now."""
        for number, item in enumerate(items):
            message_id, account = cast("tuple[str, Account]", item.context)
            if isinstance(replies, StoreError):
                self._refuse(message_id, STORE_AWAY)
                continue
            waiting = self._waiting.get(message_id)
            if waiting is not None:
                waiting.durable = True
            reply = replies[number]
            if reply.code == DUPLICATE:
                self._answer(message_id)
            elif reply.code in (COMPLETE, REPLACED):
                try:
                    if reply.code == COMPLETE:
                        self._complete(account, item.partition, item.group, list(reply.blobs))
                    else:
                        self._replaced(item, reply)
                except StoreError as error:
                    self._unreadable(item.group, error)

    def decided(self, group: str) -> None:
        """Admission has decided, and deleted the segments."""
        self._deciding.discard(group)

    def forget(self, partition: int, group: str) -> None:
        """The message was refused before admission: its segments need not be kept."""
        self._context.spawn(self._drop(partition, group))

    def tick(self, now_s: float) -> None:
        """Answer what has waited long enough and is durable."""
        order = self._order
        while order:
            waiting = order[0]
            message_id = waiting.part.message_id
            is_answered = self._waiting.get(message_id) is not waiting
            if not is_answered and waiting.deadline_s > now_s:
                self._early.set(max(waiting.deadline_s - now_s, EARLY_ANSWERS_S))
                return
            order.popleft()
            if is_answered:
                continue
            if waiting.durable:
                self._answer(message_id)
            else:
                waiting.deadline_s = now_s + max(self._context.settings.early_answer_s, EARLY_ANSWERS_S)
                order.append(waiting)

    async def run(self) -> None:
        """End what never completes, and decide what a dead process had complete, until cancelled."""
        while True:
            await beat(EXPIRE_PERIOD_S)
            try:
                for partition in range(self._context.store.partitions):
                    for group in await self._context.long.expired(partition, self._context.clock.now_ms()):
                        await self._over(partition, group)
            except StoreError as error:
                self._context.log("store.away", {"while": "expiring segments", "why": str(error)})

    # -- inside

    def _answer_early(self) -> None:
        self.tick(asyncio.get_running_loop().time())

    async def _over(self, partition: int, group: LongGroup) -> None:
        if group.group in self._deciding:
            return
        system_id = group.group.partition(":")[0]
        account = self._context.accounts.get(system_id)
        blobs = [blob for _, blob in group.segments]
        try:
            if group.complete and account is not None:
                self._complete(account, partition, group.group, blobs)
                return
            kept = [self._open(blob) for blob in blobs]
        except StoreError as error:
            self._unreadable(group.group, error)
            return
        if not group.complete and not group.is_aside:
            # A segment may be on its way: it belongs to the next message, or completes this one after all.
            await self._context.long.put_aside(partition, group.group)
            return
        self._deciding.add(group.group)
        self._end_all(partition, group.group, kept, "the other segments never came")

    def _end_all(self, partition: int, group: str, kept: list[_Kept], why: str) -> None:
        """Report the end of all segments of a group, then drop it."""
        left, all_done = len(kept), True

        def durable(done: bool) -> None:
            nonlocal left, all_done
            left, all_done = left - 1, all_done and done
            if left > 0:
                return
            if all_done:
                self.forget(partition, group)
            else:  # the store refused a receipt: ``run`` finds the group once more
                self._deciding.discard(group)

        if not kept:
            self.forget(partition, group)
        for each in kept:
            self._expired(group.partition(":")[0], each, why, durable)

    async def _drop(self, partition: int, group: str) -> None:
        """Until the store has done it: else the group would be found, and its end reported, once more."""
        while True:
            try:
                await self._context.long.drop(partition, group)
                break
            except StoreError as error:
                self._context.log("store.away", {"while": "dropping segments", "why": str(error)})
                await asyncio.sleep(EXPIRE_PERIOD_S)
        self._deciding.discard(group)

    def _unreadable(self, group: str, error: StoreError) -> None:
        """It stays in the store, and is not tried again in this life: its key may come back with the next one."""
        self._deciding.add(group)
        self._context.log("long.unreadable", {"account": group.partition(":")[0], "why": str(error)})

    def _open(self, blob: bytes) -> _Kept:
        """Raises StoreError for what is none of ours."""
        try:
            message_id, registered, pdu, fields = unpack(self._context.store.sealer.open(blob))[:4]
            return _Kept(message_id, registered, pdu, Segment(*fields[: len(Segment._fields)]))
        except (ValueError, TypeError) as error:
            raise StoreError(f"not a segment: {error}") from error

    def _replaced(self, item: LongItem, reply: LongReply) -> None:
        """A segment took the place of another: the same sent again, or the first one of a message never completed."""
        old, new = self._open(reply.blobs[0]), self._open(item.blob)
        self._deciding.add(reply.aside)
        self._answer(old.message_id)
        if old.pdu[HEADER_OCTETS:] == new.pdu[HEADER_OCTETS:]:
            self.forget(item.partition, reply.aside)
        else:
            self._end_all(item.partition, reply.aside, [old], "another segment took its place")

    def _complete(self, account: Account, partition: int, group: str, blobs: list[bytes]) -> None:
        kept = [self._open(blob) for blob in blobs]
        self._deciding.add(group)
        parts = []
        for message_id, registered, pdu, _ in kept:
            waiting = self._waiting.pop(message_id, None)
            parts.append(waiting.part if waiting is not None else Part(None, 0, 0, message_id, registered, pdu))
        first = kept[0].segment
        views = [view_of(part.pdu) for part in parts]
        settings, now_ms = account.settings, self._context.clock.now_ms()
        draft = Draft(
            settings.system_id, settings.message_class, first.source_addr, first.recipient, whole_text(views),
            air_segments(views), first.due_ms or now_ms, campaign=first.campaign, audience=first.audience,
        )  # fmt: skip
        rhash = self._context.store.recipients.hash(first.recipient)
        submission = Submission(account, parts, draft, rhash, partition, now_ms)
        submission.tier = first.tier
        submission.received_s = asyncio.get_running_loop().time()
        submission.long_key = group
        submission.due_ms, submission.expires_ms = first.due_ms, first.expires_ms
        self._mt.decide(submission)

    def _expired(self, account: str, kept: _Kept, why: str, durable: Durable) -> None:
        self._answer(kept.message_id)
        segment = kept.segment
        report = Report(int(MessageState.EXPIRED), "000", self._context.clock.now_ms())
        self._reports.send(account, kept.message_id, view_of(kept.pdu), segment.accepted_ms, report, durable)
        self._journal.plain(int(Step.EXPIRED), kept.message_id, account, "", segment.recipient, 0, 0, why)

    def _answer(self, message_id: str) -> None:
        """ESME_ROK to whoever waits for this segment: it is durable, and what follows goes by receipt."""
        waiting = self._waiting.pop(message_id, None)
        if waiting is not None and waiting.part.session is not None:
            waiting.part.session.answer(rok(waiting.part))

    def _refuse(self, message_id: str, reason: Reason) -> None:
        waiting = self._waiting.pop(message_id, None)
        if waiting is not None and waiting.part.session is not None:
            part = waiting.part
            waiting.part.session.refuse(part.command_id, part.sequence_number, Refusal(reason, "", 5))
