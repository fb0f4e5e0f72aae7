"""What the simulated carrier does with everything but messages: connections, timers, queries.

Connections report here. Binds and accounts, which outlive their connections, are ``binds``.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from simulators.carrier import operations
from simulators.carrier.binds import Binds
from simulators.carrier.history import History
from simulators.carrier.intake import Intake
from simulators.carrier.link import CarrierLink
from simulators.carrier.outbox import Outbox
from simulators.carrier.settings import CarrierSettings
from simulators.carrier.stats import Stats
from simulators.draws import Draws
from simulators.wheel import TimeWheel
from smsgw.smpp import pdu
from smsgw.smpp.codec import Pdu, decode
from smsgw.smpp.constants import CommandId, CommandStatus

Handler = Callable[[CarrierLink, int, Pdu], None]

#: An application that does not answer our unbind is dropped after this.
_UNBIND_S = 5.0
_UNBIND_RESP = int(CommandId.UNBIND_RESP)


class Desk:
    """All connections of one carrier. ``wheel`` is of real time."""

    def __init__(
        self,
        settings: CarrierSettings,
        intake: Intake,
        outbox: Outbox,
        stats: Stats,
        wheel: TimeWheel,
        history: History,
    ) -> None:
        self._settings = settings
        self.name = settings.name
        self.intake = intake
        self.outbox = outbox
        self.stats = stats
        self.binds = Binds(settings, outbox, stats, wheel, history)
        self.accounts = self.binds.accounts
        #: Open connections by number, in the order of connecting.
        self.links: dict[int, CarrierLink] = {}
        #: New connections are held too.
        self.paused = False
        self._wheel = wheel
        self._draws = Draws(settings.seed or 0)
        self._enquired = 0
        self._handlers: dict[int, Handler] = {
            int(CommandId.BIND_TRANSMITTER): self.binds.asked,
            int(CommandId.BIND_RECEIVER): self.binds.asked,
            int(CommandId.BIND_TRANSCEIVER): self.binds.asked,
            int(CommandId.UNBIND): self.binds.unbind_asked,
            int(CommandId.ENQUIRE_LINK): self._enquire_link,
            int(CommandId.QUERY_SM): operations.Query(intake),
            int(CommandId.CANCEL_SM): operations.Cancel(intake),
            int(CommandId.REPLACE_SM): operations.Replace(intake),
            int(CommandId.SUBMIT_MULTI): operations.SubmitMulti(intake),
        }

    def use(self, settings: CarrierSettings) -> None:
        """Go by these settings from now on, on the open connections too."""
        self._settings = settings
        self.binds.use(settings)
        for link in self.links.values():
            self._equip(link)
        for account in self.accounts.values():
            self.outbox.drain(account)  # a window may have grown

    def reset(self) -> None:
        """Forget how often who asked for what."""
        self._enquired = 0
        self.binds.reset()

    # what links report

    def connected(self, link: CarrierLink) -> None:
        """A connection was made."""
        self.stats.connections += 1
        self.links[link.number] = link
        self._equip(link)
        if self.paused:
            link.hold(True)

    def lost(self, link: CarrierLink) -> None:
        """A connection is gone; what it had not answered goes out on another, or waits."""
        self.links.pop(link.number, None)
        link.session.closed()
        link.can_submit = link.can_receive = False
        if link.account is not None:
            self.binds.lost(link)
            self.outbox.lost(link.deliveries.drain())

    def handle(self, link: CarrierLink, command_id: int, sequence_number: int, frame: bytes) -> None:
        """A PDU that is neither a message nor an answer to one. Raises RecoverableError when malformed."""
        handler = self._handlers.get(command_id)
        if handler is not None:
            handler(link, sequence_number, decode(frame))
        elif command_id == _UNBIND_RESP:
            link.close()
        elif command_id < CommandId.GENERIC_NACK:
            self.stats.unknown_pdus += 1
            link.respond(command_id, CommandStatus.ESME_RINVCMDID, sequence_number)

    # switches

    def chosen(self, system_id: str = "", bind: int = 0) -> list[CarrierLink]:
        """The open connections of an account, or all; or the one with this number."""
        links = self.links
        found = [link for link in (links.get(bind),) if link is not None] if bind else list(links.values())
        return [link for link in found if link.system_id == system_id] if system_id else found

    def tick(self) -> None:
        """Look at what is overdue; called a few times a second."""
        now_s = time.monotonic()
        settings = self._settings
        for link in list(self.links.values()):
            overdue = link.deliveries.expired(now_s)
            if overdue:
                self.outbox.lost([delivery for _, delivery in overdue])
            silent_s = now_s - link.heard_s
            if settings.idle_drop_s and silent_s >= settings.idle_drop_s:
                self._end(link, f"dropped after {settings.idle_drop_s:g} s of silence")
            elif link.unbound_s and now_s - link.unbound_s >= _UNBIND_S:
                self._end(link, "dropped, for the unbind was not answered")
            elif settings.enquire_s and link.account and min(silent_s, now_s - link.enquired_s) >= settings.enquire_s:
                link.enquired_s = now_s
                link.write(pdu.enquire_link(link.session.next_sequence()))

    def drop(self, system_id: str = "", bind: int = 0, *, reset: bool = False) -> int:
        """Close the chosen connections at once, with FIN or, ``reset``, with RST; returns how many."""
        gone = self.chosen(system_id, bind)
        for link in gone:
            self._end(link, "dropped by RST" if reset else "dropped", reset=reset)
        return len(gone)

    def hold(self, held: bool, system_id: str = "", bind: int = 0) -> int:
        """Stop reading and sending on the chosen connections, or go on; returns how many.

        With neither argument it holds for connections to come, too.
        """
        if not system_id and not bind:
            self.paused = self.outbox.paused = held
        links = self.chosen(system_id, bind)
        for link in links:
            link.hold(held)
        if not held:
            for account in self.accounts.values():
                self.outbox.drain(account)
        return len(links)

    def _end(self, link: CarrierLink, why: str, *, reset: bool = False) -> None:
        self.stats.drops += 1
        link.ended = why
        link.abort(reset)

    def _equip(self, link: CarrierLink) -> None:
        settings = self._settings
        link.deliveries.limit = settings.receipt_window
        link.piece_octets = settings.write_octets
        link.read_slowly(settings.read_octets_per_s)

    # handlers

    def _enquire_link(self, link: CarrierLink, sequence_number: int, request: Pdu) -> None:
        self.stats.enquire_links += 1
        settings = self._settings
        if not settings.answer_enquires:
            return
        delay_s = settings.enquire_response.constant_s
        if delay_s is None:
            self._enquired += 1
            delay_s = settings.enquire_response.at(self._draws.words(b"enquire", self._enquired)[0])
        if delay_s:
            self._wheel.add(delay_s, link.write_if_open, pdu.enquire_link_resp(sequence_number))
        else:
            link.write(pdu.enquire_link_resp(sequence_number))
