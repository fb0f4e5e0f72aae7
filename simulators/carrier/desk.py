"""What the simulated carrier does with everything but messages: binds, timers, queries.

Connections report here. It holds the accounts, which outlive their connections, and the switches
that can be thrown while the carrier runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import cast

from simulators.carrier import operations
from simulators.carrier.account import Account
from simulators.carrier.intake import Intake
from simulators.carrier.link import CarrierLink
from simulators.carrier.outbox import Outbox
from simulators.carrier.settings import CarrierSettings
from simulators.carrier.stats import Stats
from smsgw.smpp import pdu
from smsgw.smpp.codec import Pdu, decode
from smsgw.smpp.constants import V33, V34, CommandId, CommandStatus
from smsgw.smpp.session import State

Handler = Callable[[CarrierLink, int, Pdu], None]

_NO_SUCH_ACCOUNT = int(CommandStatus.ESME_RINVSYSID)
_WRONG_PASSWORD = int(CommandStatus.ESME_RINVPASWD)


class Desk:
    """All connections and accounts of one carrier."""

    def __init__(self, settings: CarrierSettings, intake: Intake, outbox: Outbox, stats: Stats) -> None:
        self._settings = settings
        self.intake = intake
        self.outbox = outbox
        self.stats = stats
        self.accounts: dict[str, Account] = {}
        self.links: list[CarrierLink] = []
        #: Refuse every bind with this status; 0 takes them.
        self.refuse_binds = settings.refuse_binds
        self._handlers: dict[int, Handler] = {
            int(CommandId.BIND_TRANSMITTER): self._bind,
            int(CommandId.BIND_RECEIVER): self._bind,
            int(CommandId.BIND_TRANSCEIVER): self._bind,
            int(CommandId.UNBIND): self._unbind,
            int(CommandId.ENQUIRE_LINK): self._enquire_link,
            int(CommandId.QUERY_SM): operations.Query(intake),
            int(CommandId.CANCEL_SM): operations.Cancel(intake),
            int(CommandId.REPLACE_SM): operations.Replace(intake),
            int(CommandId.SUBMIT_MULTI): operations.SubmitMulti(intake),
        }

    # what links report

    def connected(self, link: CarrierLink) -> None:
        """A connection was accepted."""
        self.stats.connections += 1
        self.links.append(link)

    def lost(self, link: CarrierLink) -> None:
        """A connection is gone; what it had not answered goes out on another, or waits."""
        self.links.remove(link)
        link.session.closed()
        link.can_submit = link.can_receive = False
        if link.account is not None:
            link.account.left(link)
            self.outbox.lost(link.deliveries.drain())

    def handle(self, link: CarrierLink, command_id: int, sequence_number: int, frame: bytes) -> None:
        """A PDU that is neither a message nor an answer to one. Raises RecoverableError when malformed."""
        handler = self._handlers.get(command_id)
        if handler is not None:
            handler(link, sequence_number, decode(frame))
        elif command_id < CommandId.GENERIC_NACK:
            self.stats.unknown_pdus += 1
            link.respond(command_id, CommandStatus.ESME_RINVCMDID, sequence_number)

    # switches

    def tick(self) -> None:
        """Look at what is overdue; called a few times a second."""
        now_s = time.monotonic()
        settings = self._settings
        for link in list(self.links):
            overdue = link.deliveries.expired(now_s)
            if overdue:
                self.outbox.lost([delivery for _, delivery in overdue])
            silent_s = now_s - link.heard_s
            if settings.idle_drop_s and silent_s >= settings.idle_drop_s:
                self.stats.drops += 1
                link.abort()
            elif settings.enquire_s and link.account and min(silent_s, now_s - link.enquired_s) >= settings.enquire_s:
                link.enquired_s = now_s
                link.write(pdu.enquire_link(link.session.next_sequence()))

    def drop(self, system_id: str = "") -> int:
        """Close the connections of an account, or all, at once; returns how many."""
        gone = [link for link in self.links if not system_id or link.system_id == system_id]
        for link in gone:
            self.stats.drops += 1
            link.abort()
        return len(gone)

    def pause(self) -> None:
        """Stop reading and sending on every connection."""
        self.outbox.paused = True
        for link in self.links:
            link.hold(True)

    def resume(self) -> None:
        """Go on after ``pause``."""
        self.outbox.paused = False
        for link in self.links:
            link.hold(False)
        for account in self.accounts.values():
            self.outbox.drain(account)

    # handlers

    def _bind(self, link: CarrierLink, sequence_number: int, request: Pdu) -> None:
        fields = request.fields
        system_id = cast(bytes, fields["system_id"]).decode("latin-1")
        status = self._bind_status(system_id, cast(bytes, fields["password"]).decode("latin-1"))
        if status:
            self.stats.binds_refused += 1
            link.respond(request.command_id, status, sequence_number)
            return
        version = cast(int, fields["interface_version"])
        link.session.bound(request.command_id)
        link.can_submit = link.session.state in (State.BOUND_TX, State.BOUND_TRX)
        link.can_receive = link.session.state in (State.BOUND_RX, State.BOUND_TRX)
        account = self.accounts.get(system_id)
        if account is None:
            account = self.accounts[system_id] = Account(system_id)
        link.account = account
        account.joined(link)
        self.stats.binds += 1
        link.write(
            pdu.bind_resp(
                request.command_id, 0, sequence_number, self._settings.smsc_id.encode(), V34 if version > V33 else None
            )
        )
        self.outbox.drain(account)

    def _bind_status(self, system_id: str, password: str) -> int:
        settings = self._settings
        if self.refuse_binds:
            return self.refuse_binds
        if settings.accounts is not None:
            expected = settings.accounts.get(system_id)
            if expected is None:
                return _NO_SUCH_ACCOUNT
            if expected != password:
                return _WRONG_PASSWORD
        account = self.accounts.get(system_id)
        if settings.max_binds and account is not None and len(account.links) >= settings.max_binds:
            return settings.max_binds_status
        return 0

    def _unbind(self, link: CarrierLink, sequence_number: int, request: Pdu) -> None:
        self.stats.unbinds += 1
        link.write(pdu.unbind_resp(sequence_number))
        link.close()

    def _enquire_link(self, link: CarrierLink, sequence_number: int, request: Pdu) -> None:
        self.stats.enquire_links += 1
        link.write(pdu.enquire_link_resp(sequence_number))
