"""Binds at the simulated carrier: who may bind how often and how, when that is answered, and unbinding.

A bind is judged when its response is due, so that a late one finds what the carrier has become
meanwhile. How late each is comes from the seed, the account and how often it asked.
"""

from __future__ import annotations

import time
from typing import cast

from simulators.carrier.account import Account
from simulators.carrier.history import History
from simulators.carrier.link import CarrierLink
from simulators.carrier.outbox import Outbox
from simulators.carrier.settings import CarrierSettings
from simulators.carrier.stats import Stats
from simulators.draws import Draws
from simulators.wheel import TimeWheel
from smsgw.smpp import pdu
from smsgw.smpp.codec import Pdu
from smsgw.smpp.constants import V33, V34, CommandId, CommandStatus
from smsgw.smpp.session import State

_NO_SUCH_ACCOUNT = int(CommandStatus.ESME_RINVSYSID)
_WRONG_PASSWORD = int(CommandStatus.ESME_RINVPASWD)
_WRONG_KIND = int(CommandStatus.ESME_RBINDFAIL)
_ALREADY_BOUND = int(CommandStatus.ESME_RALYBND)
_KINDS = {
    int(CommandId.BIND_TRANSMITTER): "transmitter",
    int(CommandId.BIND_RECEIVER): "receiver",
    int(CommandId.BIND_TRANSCEIVER): "transceiver",
}
_OPEN = (State.OPEN, State.OUTBOUND)


class Binds:
    """The accounts and their binds. ``wheel`` is of real time."""

    def __init__(
        self, settings: CarrierSettings, outbox: Outbox, stats: Stats, wheel: TimeWheel, history: History
    ) -> None:
        self._settings = settings
        self._outbox = outbox
        self._stats = stats
        self._wheel = wheel
        self._history = history
        self._draws = Draws(settings.seed or 0)
        self._asked: dict[bytes, int] = {}
        self.accounts: dict[str, Account] = {}

    def use(self, settings: CarrierSettings) -> None:
        """Go by these settings from now on; those who are bound stay."""
        self._settings = settings
        if not settings.ghost_s:
            for account in self.accounts.values():
                account.exorcise()

    def reset(self) -> None:
        """Forget how often each asked, ghosts, and what is parked."""
        self._asked.clear()
        for account in self.accounts.values():
            account.exorcise()
            account.parked.clear()

    def asked(self, link: CarrierLink, sequence_number: int, request: Pdu) -> None:
        """A bind came."""
        delay = self._settings.bind_response
        delay_s = delay.constant_s
        if delay_s is None:
            name = cast(bytes, request.fields["system_id"])
            nth = self._asked.get(name, 0)
            self._asked[name] = nth + 1
            delay_s = delay.at(self._draws.words(b"bind\0" + name, nth)[0])
        if not self._settings.answer_binds:
            return
        if delay_s:
            self._wheel.add(delay_s, self._answer, (link, sequence_number, request))
        else:
            self._answer((link, sequence_number, request))

    def unbind_asked(self, link: CarrierLink, sequence_number: int, request: Pdu) -> None:
        """An unbind came: answered, and the connection closed."""
        self._stats.unbinds += 1
        self._leave(link, "")
        link.write(pdu.unbind_resp(sequence_number))
        link.close()

    def unbind(self, link: CarrierLink) -> None:
        """Send an unbind; the connection is closed with its answer."""
        self._leave(link, "by the carrier")
        link.unbind()

    def lost(self, link: CarrierLink) -> None:
        """A connection is gone."""
        account = link.account
        if account is None:
            return
        unbound = link not in account.links
        account.left(link)
        if not unbound:
            self._history.note("lost", link, account.system_id, fate=link.ended)
            if self._settings.ghost_s:
                account.haunted(time.monotonic() + self._settings.ghost_s)

    def _leave(self, link: CarrierLink, fate: str) -> None:
        account = link.account
        if account is not None and link in account.links:
            account.left(link)
            self._history.note("unbind", link, account.system_id, fate=fate)

    def _answer(self, what: tuple[CarrierLink, int, Pdu]) -> None:
        link, sequence_number, request = what
        if not link.open:
            return
        fields = request.fields
        system_id = cast(bytes, fields["system_id"]).decode("latin-1")
        password = cast(bytes, fields["password"]).decode("latin-1")
        if link.session.state not in _OPEN:
            status = _ALREADY_BOUND
        else:
            status = self._status(system_id, password, _KINDS[request.command_id])
        if status:
            self._stats.binds_refused += 1
            self._history.note("refused_bind", link, system_id, status)
            link.respond(request.command_id, status, sequence_number)
            return
        link.session.bound(request.command_id)
        link.can_submit = link.session.state in (State.BOUND_TX, State.BOUND_TRX)
        link.can_receive = link.session.state in (State.BOUND_RX, State.BOUND_TRX)
        account = self.accounts.get(system_id)
        if account is None:
            account = self.accounts[system_id] = Account(system_id)
        link.account = account
        account.joined(link)
        self._stats.binds += 1
        self._history.note("bind", link, system_id, 0, _KINDS[request.command_id])
        spoken = V34 if cast(int, fields["interface_version"]) > V33 else None
        smsc_id = self._settings.smsc_id.encode()
        link.write(pdu.bind_resp(request.command_id, 0, sequence_number, smsc_id, spoken))
        self._outbox.drain(account)

    def _status(self, system_id: str, password: str, kind: str) -> int:
        settings = self._settings
        if settings.refuse_binds:
            return settings.refuse_binds
        if settings.accounts is not None:
            expected = settings.accounts.get(system_id)
            if expected is None:
                return _NO_SUCH_ACCOUNT
            if expected != password:
                return _WRONG_PASSWORD
        if kind not in settings.bind_kinds:
            return _WRONG_KIND
        account = self.accounts.get(system_id)
        if settings.max_binds and account is not None and account.binds_at(time.monotonic()) >= settings.max_binds:
            return settings.max_binds_status
        return 0
