"""Who may bind, of those that come in by the listening ports, plain and TLS.

Owns: the accounts' table, the number of connections, the order of checks of a bind: known system_id,
allowed address, password, client certificate, account in force, bind type, bind cap. An unknown name
costs as much time as a wrong password, so that names can't be found by timing.
"""

from __future__ import annotations

import asyncio
import itertools
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

from smsgw.esme.account import Account, AccountSettings
from smsgw.esme.doors import BACKLOG, Doors
from smsgw.esme.password_desk import PasswordCheck, PasswordDesk, Proofs
from smsgw.esme.places import OwnPlaces, Places
from smsgw.esme.session import EsmeSession, Gateway
from smsgw.link.link import Link, LinkOwner
from smsgw.smpp.codec import decode
from smsgw.smpp.constants import CommandStatus
from smsgw.smpp.session import Role
from smsgw.smpp.timers import SessionTimers

if TYPE_CHECKING:
    from smsgw.link.ticker import Ticker
    from smsgw.policy.model import Refusal

#: Told of what happened: (event name, fields). The application wires it to logs and metrics.
Notify = Callable[[str, dict[str, object]], None]


#: Binds looked at in one turn of the loop; more wait for the next, so that a storm does not stand before the traffic.
BINDS_A_TURN = 64


@dataclass(frozen=True, slots=True)
class ListenerSettings:
    """Where to listen and how patient to be; all times in seconds, 0 switches a timer off."""

    host: str = "127.0.0.1"
    port: int = 2775
    system_id: str = "smsgw"
    session_init_s: float = 50.0
    enquire_link_s: float = 30.0
    inactivity_s: float = 150.0
    response_s: float = 10.0
    max_connections: int = 2000
    tls_port: int | None = None
    #: Other processes of this machine listen on the same ports; sessions are numbered so that no two have one number.
    reuse_port: bool = False
    first_number: int = 1
    number_step: int = 1

    @property
    def ports(self) -> list[int]:
        """Plain, TLS."""
        return [self.port, *([self.tls_port] if self.tls_port is not None else [])]


class Listener:
    """Accepts applications. ``serve``, then ``stop_accepting``, then ``unbind_all`` and ``close``."""

    def __init__(
        self,
        settings: ListenerSettings,
        accounts: dict[str, Account],
        gateway: Gateway,
        ticker: Ticker,
        check_password: PasswordCheck,
        notify: Notify,
        standing: Callable[[str], Refusal | None],
        tls: ssl.SSLContext | None = None,
        known_password: PasswordCheck = lambda stored, password: False,
        places: Places | None = None,
        proofs: Proofs | None = None,
    ) -> None:
        self._settings = settings
        self.accounts = accounts
        self._gateway = gateway
        self._ticker = ticker
        self._passwords = PasswordDesk(check_password, known_password, proofs)
        self._places = places or OwnPlaces()
        self._notify = notify
        self._standing = standing
        self._tls = tls
        self._servers: list[asyncio.Server] = []
        #: The ports really served, in the order plain, TLS.
        self.ports: list[int] = []
        self.sessions: set[EsmeSession] = set()
        self._binds_now = 0
        self._later: deque[Callable[[], None]] = deque()
        self._numbers = itertools.count(settings.first_number, settings.number_step)

    async def serve(self, doors: Doors) -> None:
        """Accept who comes, and who has waited since the doors were opened."""
        loop = asyncio.get_running_loop()
        self.ports = doors.numbers
        for sockets, context in zip(doors.sockets, (None, self._tls), strict=False):
            for each in sockets:
                self._servers.append(await loop.create_server(self._accept, sock=each, ssl=context, backlog=BACKLOG))

    @property
    def is_open(self) -> bool:
        """Whether applications can connect, or could."""
        return bool(self._servers)

    def stop_accepting(self) -> None:
        """Take no new connections; sessions stay."""
        for server in self._servers:
            server.close()

    def unbind_all(self) -> None:
        """Ask every bound application to go, close the others."""
        for session in tuple(self.sessions):
            if session.account is not None:
                session.send_unbind()
            else:
                session.link.close("shutting down")

    def close(self) -> None:
        """Close what is left."""
        self._passwords.close()
        for session in tuple(self.sessions):
            session.link.close("shutting down")

    # -- Admitter

    def bind(self, session: EsmeSession, command_id: int, raw: bytes, sequence_number: int) -> None:
        fields = decode(raw).fields
        system_id = cast(bytes, fields["system_id"]).decode("latin-1")
        password = cast(bytes, fields["password"])
        version = cast(int, fields["interface_version"])
        if self._binds_now >= BINDS_A_TURN:
            self._later.append(partial(self._look, session, command_id, sequence_number, system_id, password, version))
            return
        self._binds_now += 1
        if self._binds_now == 1:
            asyncio.get_running_loop().call_soon(self._next_turn)
        self._look(session, command_id, sequence_number, system_id, password, version)

    def _next_turn(self) -> None:
        """Those that waited; only when nobody does are new ones looked at as they come."""
        looked = 0
        while self._later and looked < BINDS_A_TURN:
            self._later.popleft()()
            looked += 1
        self._binds_now = BINDS_A_TURN if self._later else looked
        if self._binds_now:
            asyncio.get_running_loop().call_soon(self._next_turn)

    def _look(
        self, session: EsmeSession, command_id: int, sequence_number: int, system_id: str, password: bytes, version: int
    ) -> None:
        if session.link.closing:
            return
        account = self.accounts.get(system_id)
        host = session.link.peer.rpartition(":")[0]
        if account is not None and not account.settings.allows_address(host):
            self._refuse(
                session, command_id, sequence_number, CommandStatus.ESME_RBINDFAIL, system_id, "address not allowed"
            )
            return
        stored = account.settings.password_hash if account is not None else ""

        def checked(right: bool | None) -> None:
            if session.link.closing:
                return
            if right is None:
                self._refuse(
                    session, command_id, sequence_number, CommandStatus.ESME_RBINDFAIL, system_id,
                    "too many binds from this address wait for their password",
                )  # fmt: skip
            elif account is None:
                self._refuse(
                    session, command_id, sequence_number, CommandStatus.ESME_RINVSYSID, system_id, "unknown system_id"
                )
            elif not right:
                self._refuse(
                    session, command_id, sequence_number, CommandStatus.ESME_RINVPASWD, system_id, "wrong password"
                )
            else:
                self._admit(session, account, command_id, sequence_number, version)

        self._passwords.ask(host, stored, password, checked, lambda: not session.link.closing)

    def connected(self, session: EsmeSession) -> None:
        # Not before: of a TLS handshake that fails nobody would ever be told.
        self.sessions.add(session)
        if len(self.sessions) > self._settings.max_connections:
            self._notify("esme.too_many_connections", {"connections": len(self.sessions), "peer": session.link.peer})
            session.link.abort("too many connections")
        elif not session.link.peer:
            # Reset before we came to it: what it said would be judged by an address that nobody knows any more.
            session.link.abort("connection lost: reset before it was served")

    def left(self, account: Account) -> None:
        self._places.left(account)

    def gone(self, session: EsmeSession, reason: str) -> None:
        self.sessions.discard(session)
        account = session.account
        if account is not None:
            self._notify(
                "esme.unbound", {"account": account.settings.system_id, "peer": session.link.peer, "reason": reason}
            )

    # -- inside

    def _accept(self) -> Link[object]:
        settings = self._settings
        session = EsmeSession(self, self._gateway, next(self._numbers))
        timers = SessionTimers(
            settings.session_init_s, settings.enquire_link_s, settings.inactivity_s, settings.response_s
        )
        owner = cast(LinkOwner[object], session)
        session.link = Link(Role.SMSC, owner, self._ticker, timers, 1, settings.response_s)
        return session.link

    def _admit(
        self, session: EsmeSession, account: Account, command_id: int, sequence_number: int, version: int
    ) -> None:
        """The password was right: what else may speak against it."""
        settings = account.settings
        refused = self._objection(session, settings, command_id)
        if refused is not None:
            self._refuse(session, command_id, sequence_number, refused[0], settings.system_id, refused[1])
            return

        def placed(open_binds: int | None) -> None:
            if session.link.closing:
                if open_binds is None:
                    self._places.left(account)
            elif open_binds is None:
                self._accepted(session, account, command_id, sequence_number, version)
            else:
                why = f"{open_binds} binds are open, {account.settings.max_binds} allowed"
                status = CommandStatus.ESME_RBINDFAIL
                self._refuse(session, command_id, sequence_number, status, settings.system_id, why)

        self._places.ask(account, placed)

    def _accepted(
        self, session: EsmeSession, account: Account, command_id: int, sequence_number: int, version: int
    ) -> None:
        name = self._settings.system_id.encode("latin-1")
        session.accept_bind(account, command_id, sequence_number, version, name)
        self._notify(
            "esme.bound",
            {
                "account": account.settings.system_id,
                "peer": session.link.peer,
                "bind": f"0x{command_id:02X}",
                "version": f"0x{version:02X}",
            },
        )

    def _objection(self, session: EsmeSession, settings: AccountSettings, command_id: int) -> tuple[int, str] | None:
        if settings.tls_client_cn and settings.tls_client_cn != _client_cn(session):
            return CommandStatus.ESME_RBINDFAIL, f"no client certificate for {settings.tls_client_cn}"
        refusal = self._standing(settings.system_id)
        if refusal is not None:
            return refusal.reason.command_status(settings.vendor_codes), refusal.reason.text
        if command_id not in settings.bind_types:
            return CommandStatus.ESME_RBINDFAIL, "bind type not allowed for this account"
        return None

    def _refuse(
        self, session: EsmeSession, command_id: int, sequence_number: int, status: int, system_id: str, why: str
    ) -> None:
        fields: dict[str, object] = {
            "account": system_id,
            "peer": session.link.peer,
            "status": f"0x{status:08X}",
            "reason": why,
        }
        self._notify("esme.bind_refused", fields)
        session.refuse_bind(command_id, sequence_number, status, why)


def _client_cn(session: EsmeSession) -> str:
    """The common name in the peer's TLS certificate, empty without one."""
    certificate = session.link.extra_info("peercert")
    if not isinstance(certificate, dict):
        return ""
    for part in certificate.get("subject", ()):
        for name, value in part:
            if name == "commonName":
                return str(value)
    return ""
