"""Everything the simulated carrier sends by itself: receipts and MO, until they are answered.

A delivery is sent on a bind with room in its window; with none it is parked at its account, in
order, and leaves when a bind comes or answers. One that is unanswered too long, or whose
connection went, is sent again; a refused one again only for the statuses after which carriers do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from simulators.carrier.account import Account
from simulators.carrier.delivery import Delivery
from simulators.carrier.journal import Journal
from simulators.carrier.link import CarrierLink
from simulators.carrier.settings import CarrierSettings
from simulators.carrier.stats import Stats
from simulators.wheel import TimeWheel
from smsgw.smpp import pdu
from smsgw.smpp.alphabet import choose_coding
from smsgw.smpp.constants import ESM_UDHI, HEADER_OCTETS, CommandId
from smsgw.smpp.segments import split_udh

__all__ = ["Delivery", "Outbox"]


class Outbox:
    """Sends deliveries and hears how they were answered. ``wheel`` is of real time, ``now_ms`` business time."""

    def __init__(
        self,
        settings: CarrierSettings,
        stats: Stats,
        wheel: TimeWheel,
        now_ms: Callable[[], int],
        journal: Journal | None,
    ) -> None:
        self._stats = stats
        self._wheel = wheel
        self._now_ms = now_ms
        self._journal = journal
        self._reference = 0
        #: What was sent, each once, in the order of first sending; trimmed to about ``settings.record``.
        self.deliveries: list[Delivery] = []
        #: How many of them were not kept.
        self.forgotten = 0
        #: Counts the resets: what was sent before the last one is neither counted nor sent again.
        self._epoch = 0
        #: Nothing is sent while True; see ``resume``.
        self.paused = False
        self.use(settings)

    def use(self, settings: CarrierSettings) -> None:
        """Go by these settings from now on."""
        self._resend_after_s = settings.resend_after_s or 1e9
        self._retry_after_s = settings.retry_after_s
        self._most_tries = settings.receipt_tries
        self._retried = settings.retried_statuses
        self._record = settings.record
        self._trim_at = 2 * settings.record or 1 << 62

    def reset(self) -> None:
        """Forget what was sent; what is not answered yet is finished."""
        self.deliveries.clear()
        self.forgotten = 0
        self._reference = 0
        self._epoch += 1

    def send(self, delivery: Delivery) -> None:
        """Send now, or park until a bind has room."""
        account = delivery.account
        if account.parked or self.paused:
            account.parked.append(delivery)
            return
        link = account.receiver_for(delivery)
        if link is None:
            account.parked.append(delivery)
        else:
            self._send_on(link, delivery)

    def send_mo(
        self,
        account: Account,
        source: str,
        destination: str,
        text: str,
        *,
        data_coding: int | None = None,
        origin: CarrierLink | None = None,
    ) -> int:
        """Send what a handset wrote; a long text as segments. Returns the number of deliver_sm.

        ``data_coding`` None picks the one that the text needs; ``origin`` is the bind to prefer. Raises
        LocalError for a text that ``data_coding`` can't hold.
        """
        coding = choose_coding(text) if data_coding is None else data_coding
        self._reference = (self._reference + 1) & 0xFF
        payloads = split_udh(text, coding, self._reference)
        for payload in payloads:
            octets = pdu.deliver_sm(
                1,
                source_addr_ton=1,
                source_addr_npi=1,
                source_addr=source.encode(),
                dest_addr_npi=1,
                destination_addr=destination.encode(),
                esm_class=ESM_UDHI if len(payloads) > 1 else 0,
                data_coding=coding,
                short_message=payload,
            )
            self.send(Delivery(account, int(CommandId.DELIVER_SM), octets[HEADER_OCTETS:], origin))
        return len(payloads)

    def drain(self, account: Account) -> None:
        """A bind of ``account`` has room: send what is parked."""
        parked = account.parked
        while parked and not self.paused:
            link = account.receiver_for(parked[0])
            if link is None:
                return
            self._send_on(link, parked.popleft())

    def answered(self, link: CarrierLink, sequence_number: int, status: int) -> None:
        """deliver_sm_resp, data_sm_resp or generic_nack for something we sent on ``link``."""
        delivery = link.deliveries.pop(sequence_number)
        stats = self._stats
        if delivery is None:
            if sequence_number in link.faults:
                del link.faults[sequence_number]
                stats.faults_answered[status] = stats.faults_answered.get(status, 0) + 1
            else:
                stats.unknown_pdus += 1
            return
        delivery.status = status
        delivery.answered_s = now_s = time.monotonic()
        if delivery.epoch != self._epoch:
            pass
        elif status:
            self._refused(delivery, status)
        elif delivery.is_receipt:
            stats.receipts_acked += 1
            stats.last_ack_s = now_s
            if not stats.first_ack_s:
                stats.first_ack_s = now_s
            stats.receipt_ack.add(now_s - delivery.sent_s)
        else:
            stats.mo_acked += 1
        if delivery.account.parked:
            self.drain(delivery.account)

    def lost(self, deliveries: Iterable[Delivery]) -> None:
        """The connection went, or the answers are overdue: send again."""
        accounts = set()
        for delivery in deliveries:
            accounts.add(delivery.account)
            if delivery.epoch == self._epoch and self._is_tried_again(delivery):
                self.send(delivery)
        # A window that was full of what is overdue has room now, and no answer may come that would say so.
        for account in accounts:
            self.drain(account)

    def _send_on(self, link: CarrierLink, delivery: Delivery) -> None:
        delivery.sent_s = now_s = time.monotonic()
        delivery.at_ms = self._now_ms()
        delivery.tries += 1
        link.deliver(delivery, now_s + self._resend_after_s)
        if delivery.tries == 1:
            delivery.epoch = self._epoch
            deliveries = self.deliveries
            deliveries.append(delivery)
            if len(deliveries) >= self._trim_at:
                self.forgotten += len(deliveries) - self._record
                del deliveries[: -self._record]
        if delivery.is_receipt:
            self._stats.receipts_sent += 1
        else:
            self._stats.mo_sent += 1
        if self._journal is not None:
            self._journal.delivered(link, delivery)

    def _refused(self, delivery: Delivery, status: int) -> None:
        stats = self._stats
        if delivery.is_receipt:
            stats.receipts_nacked += 1
        else:
            stats.mo_nacked += 1
        if self._is_tried_again(delivery, status in self._retried):
            self._wheel.add(self._retry_after_s, self._again, delivery)

    def _again(self, delivery: Delivery) -> None:
        if delivery.epoch == self._epoch:
            self.send(delivery)

    def _is_tried_again(self, delivery: Delivery, allowed: bool = True) -> bool:
        """Whether another try is allowed and left; counts it, or the giving up."""
        again = allowed and delivery.tries < self._most_tries
        delivery.given_up = not again
        stats = self._stats
        if delivery.is_receipt:
            stats.receipts_resent += again
            stats.receipts_given_up += not again
        else:
            stats.mo_resent += again
            stats.mo_given_up += not again
        return again
