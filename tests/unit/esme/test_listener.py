"""Who may bind, in which order that is found out, and what a session hands to the gateway; no sockets, no sleeping."""

from __future__ import annotations

import asyncio
import ipaddress
from dataclasses import replace
from typing import Any, cast

import pytest

from smsgw.esme.account import Account, AccountSettings
from smsgw.esme.listener import BINDS_A_TURN, Listener, ListenerSettings
from smsgw.esme.places import Placed
from smsgw.esme.session import EsmeSession
from smsgw.link.link import Link
from smsgw.link.ticker import Ticker
from smsgw.policy.model import Refusal
from smsgw.policy.reasons import ACCOUNT_DISABLED, FREQUENCY
from smsgw.smpp import pdu
from smsgw.smpp.codec import Pdu, decode
from smsgw.smpp.constants import CommandId
from smsgw.smpp.framing import Framer

TX, RX, TRX = (int(each) for each in (CommandId.BIND_TRANSMITTER, CommandId.BIND_RECEIVER, CommandId.BIND_TRANSCEIVER))
SHOP = AccountSettings(
    "shop", "hash of right", 2, allow_networks=(ipaddress.ip_network("192.0.2.0/24"),), max_binds=2, deliver_window=2,
    explain=True,
)  # fmt: skip


class Transport:
    """Records octets; comes from ``host``."""

    def __init__(self, host: str, certificate: object = None) -> None:
        self._info = {"peername": (host, 1234) if host else None, "peercert": certificate}
        self.written = b""
        self.closed = False

    def set_write_buffer_limits(self, high: int) -> None: ...

    def get_extra_info(self, name: str) -> object:
        return self._info.get(name)

    def write(self, octets: bytes) -> None:
        self.written += octets

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True


class Recorder:
    """The gateway's side: what sessions hand over, in order."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def submit(self, session: EsmeSession, raw: bytes, sequence_number: int) -> None:
        self.told.append(("submit", sequence_number))

    def request(self, session: EsmeSession, command_id: int, raw: bytes, sequence_number: int) -> None:
        self.told.append(("request", command_id))

    def delivered(self, session: EsmeSession, item: object, command_status: int) -> None:
        self.told.append(("delivered", item, command_status))

    def undelivered(self, session: EsmeSession, items: list[object]) -> None:
        self.told.append(("undelivered", items))

    def unbound(self, session: EsmeSession) -> None:
        self.told.append(("unbound",))

    def bound(self, session: EsmeSession) -> None:
        self.told.append(("bound",))


class House:
    """A listener without sockets, with one account."""

    def __init__(
        self, settings: AccountSettings = SHOP, max_connections: int = 10, standing: Refusal | None = None
    ) -> None:
        self.gateway = Recorder()
        self.account = Account(settings)
        self.checked: list[tuple[str, bytes]] = []
        self.events: list[tuple[str, dict[str, object]]] = []
        self.listener = Listener(
            ListenerSettings(max_connections=max_connections),
            {"shop": self.account},
            self.gateway,
            Ticker(),
            self._check,
            lambda event, fields: self.events.append((event, fields)),
            lambda system_id: standing,
        )

    def _check(self, stored: str, password: bytes) -> bool:
        self.checked.append((stored, password))
        return stored == "hash of right" and password == b"right"

    def connect(self, host: str = "192.0.2.7", certificate: object = None) -> Caller:
        return Caller(self.listener._accept(), Transport(host, certificate))


class Caller:
    """One connection of an application."""

    def __init__(self, link: Link[Any], transport: Transport) -> None:
        self.link, self.transport = link, transport
        self.session = cast(EsmeSession, link._owner)
        link.connection_made(cast(asyncio.Transport, transport))

    def gives(self, octets: bytes) -> None:
        self.link.data_received(octets)

    async def answers(self, count: int = 1) -> list[Pdu]:
        """The next ``count`` PDUs written; the password check needs another thread, so this waits, for two seconds."""
        async with asyncio.timeout(2):
            while len(frames := Framer(70_000).feed(self.transport.written)) < count:
                await asyncio.sleep(0)
        self.transport.written = b""
        return [decode(frame) for frame in frames]

    async def bind(self, command_id: int = TRX, system_id: bytes = b"shop", password: bytes = b"right") -> int:
        self.gives(pdu.bind(command_id, 1, system_id=system_id, password=password))
        (answer,) = await self.answers()
        assert answer.command_id == command_id | 0x80000000
        return answer.command_status


@pytest.mark.parametrize(
    ("changes", "bind", "host", "status"),
    [
        ({}, {}, "192.0.2.7", 0),
        ({}, {"password": b"wrong"}, "192.0.2.7", 0x0E),
        ({}, {"system_id": b"nobody"}, "192.0.2.7", 0x0F),
        ({}, {}, "198.51.100.1", 0x0D),
        ({"bind_types": frozenset((TX,))}, {}, "192.0.2.7", 0x0D),
        ({"bind_types": frozenset((TX,))}, {"command_id": TX}, "192.0.2.7", 0),
        ({"max_binds": 0}, {}, "192.0.2.7", 0x0D),
        ({"tls_client_cn": "shop.example"}, {}, "192.0.2.7", 0x0D),
    ],
)
async def test_who_may_bind(changes: dict[str, Any], bind: dict[str, Any], host: str, status: int) -> None:
    house = House(replace(SHOP, **changes))
    caller = house.connect(host)
    assert await caller.bind(**bind) == status
    assert caller.transport.closed == (status != 0)
    assert house.gateway.told == ([] if status else [("bound",)])
    assert len(house.account.sessions) == (0 if status else 1)


@pytest.mark.parametrize(("vendor_codes", "status"), [(True, 0x401), (False, 0x45)])
async def test_an_account_that_is_not_in_force_is_told_to_who_knows_its_password(
    vendor_codes: bool, status: int
) -> None:
    house = House(replace(SHOP, vendor_codes=vendor_codes), standing=Refusal(ACCOUNT_DISABLED, "", None))
    assert await house.connect().bind() == status
    assert await house.connect().bind(password=b"wrong") == 0x0E


async def test_an_unknown_name_costs_a_password_check_too() -> None:
    house = House()
    await house.connect().bind(system_id=b"nobody")
    assert house.checked == [("", b"right")]


async def test_a_client_certificate_that_names_the_account() -> None:
    house = House(replace(SHOP, tls_client_cn="shop.example"))
    subject = ((("organizationName", "Shop"),), (("commonName", "shop.example"),))
    assert await house.connect(certificate={"subject": subject}).bind() == 0


async def test_an_ipv4_address_in_ipv6_clothes() -> None:
    assert await House().connect("::ffff:192.0.2.9").bind() == 0


async def test_more_connections_than_the_listener_takes() -> None:
    house = House(replace(SHOP, max_binds=9), max_connections=1)
    assert await house.connect().bind() == 0
    assert house.connect().transport.closed
    assert house.events[-1][0] == "esme.too_many_connections"


async def test_one_that_was_reset_before_it_was_served_is_let_go_without_a_word() -> None:
    """Its address is not known any more, so its bind would be refused as if from a wrong one."""
    house = House()
    caller = house.connect(host="")
    assert caller.transport.closed
    assert house.events == []


async def test_while_its_password_is_checked_a_session_may_nothing() -> None:
    caller = House().connect()
    bind = pdu.bind(TRX, 1, system_id=b"shop", password=b"right")
    submit = pdu.submit_sm(3, source_addr=b"1", destination_addr=b"2", short_message=b"x")
    caller.gives(bind + bind.replace(b"\0\0\0\x01", b"\0\0\0\x02", 1) + submit)
    answers = {(each.command_id, each.command_status) for each in await caller.answers(3)}
    assert answers == {
        (CommandId.BIND_TRANSCEIVER_RESP, 0),
        (CommandId.BIND_TRANSCEIVER_RESP, 0x05),
        (CommandId.SUBMIT_SM_RESP, 0x04),
    }


async def test_who_hangs_up_while_its_password_is_checked_is_not_bound() -> None:
    house = House()
    caller = house.connect()
    caller.gives(pdu.bind(TRX, 1, system_id=b"shop", password=b"right"))
    caller.link.connection_lost(None)
    async with asyncio.timeout(10):
        while house.listener._passwords._open:
            await asyncio.sleep(0)
    assert house.checked
    assert house.account.sessions == []
    assert house.gateway.told == []


async def test_two_binds_and_no_third_until_one_goes() -> None:
    house = House()
    first, second, third = house.connect(), house.connect(), house.connect()
    assert [await each.bind() for each in (first, second, third)] == [0, 0, 0x0D]
    first.link.connection_lost(None)
    assert await house.connect().bind() == 0


async def test_receipts_take_turns_over_the_sessions_that_can() -> None:
    house = House(replace(SHOP, max_binds=9))
    sender, one, two = house.connect(), house.connect(), house.connect()
    assert [await sender.bind(TX), await one.bind(RX), await two.bind(TRX)] == [0, 0, 0]
    chosen = []
    for number in range(4):
        session = house.account.receiver()
        assert session is not None
        chosen.append(session)
        session.deliver(pdu.deliver_sm(number, source_addr=b"1", destination_addr=b"2", short_message=b"x"), number, "")
    assert chosen in ([one.session, two.session] * 2, [two.session, one.session] * 2)
    assert house.account.receiver() is None  # both windows of two are full
    assert house.account.has_receiver
    one.gives(pdu.response(int(CommandId.DELIVER_SM_RESP), 0, 0 if chosen[0] is one.session else 1, b""))
    assert house.account.receiver() is one.session


async def test_what_a_session_hands_over() -> None:
    house = House()
    caller = house.connect()
    await caller.bind()
    caller.session.deliver(pdu.deliver_sm(4, source_addr=b"1", destination_addr=b"2", short_message=b"x"), 4, "item")
    house.gateway.told.clear()
    caller.gives(pdu.submit_sm(7, source_addr=b"1", destination_addr=b"2", short_message=b"x"))
    caller.gives(pdu.HEADER.pack(16, CommandId.QUERY_SM, 0, 8))
    assert caller.session.unanswered == 2
    caller.gives(pdu.response(int(CommandId.DELIVER_SM_RESP), 0x64, 4, b""))
    caller.gives(pdu.response(int(CommandId.DELIVER_SM_RESP), 0, 4, b""))  # a second answer to it
    assert house.gateway.told == [("submit", 7), ("request", CommandId.QUERY_SM), ("delivered", "item", 0x64)]
    caller.session.answer(pdu.response(int(CommandId.SUBMIT_SM_RESP), 0, 7, b"id"))
    assert caller.session.unanswered == 1


async def test_a_generic_nack_to_a_delivery_is_a_refusal() -> None:
    house = House()
    caller = house.connect()
    await caller.bind()
    caller.session.deliver(pdu.deliver_sm(4, source_addr=b"1", destination_addr=b"2", short_message=b"x"), 4, "item")
    caller.gives(pdu.generic_nack(0, 4))
    assert house.gateway.told[-1] == ("delivered", "item", 0x08)


async def test_a_session_that_goes_hands_back_what_it_had_and_then_says_goodbye() -> None:
    house = House()
    caller = house.connect()
    await caller.bind()
    caller.session.deliver(pdu.deliver_sm(4, source_addr=b"1", destination_addr=b"2", short_message=b"x"), 4, "item")
    house.gateway.told.clear()
    caller.link.connection_lost(None)
    assert house.gateway.told == [("undelivered", ["item"]), ("unbound",)]
    assert house.account.sessions == []
    assert house.listener.sessions == set()
    # An answer that the gateway gives later goes nowhere, and does no harm.
    caller.session.answer(b"")


async def test_unbind_from_the_application() -> None:
    house = House()
    caller = house.connect()
    await caller.bind()
    caller.gives(pdu.unbind(5))
    (answer,) = await caller.answers()
    assert (answer.command_id, answer.sequence_number) == (CommandId.UNBIND_RESP, 5)
    assert caller.transport.closed
    assert not house.account.has_receiver


async def test_an_unbind_waits_for_the_answers_to_what_was_asked_before() -> None:
    house = House()
    caller = house.connect()
    await caller.bind()
    caller.session.unanswered = 2
    caller.gives(pdu.unbind(5))
    assert not house.account.has_receiver
    for left, sequence_number in ((1, 3), (0, 4)):
        assert not caller.transport.closed
        caller.session.answer(pdu.response(CommandId.SUBMIT_SM_RESP, 0, sequence_number, b"id"))
        assert caller.session.unanswered == left
    told = [(each.command_id, each.sequence_number) for each in await caller.answers(3)]
    submitted = CommandId.SUBMIT_SM_RESP
    assert told == [(submitted, 3), (submitted, 4), (CommandId.UNBIND_RESP, 5)]
    assert caller.transport.closed


async def test_who_is_asked_to_go_has_his_answers_before_the_connection_ends() -> None:
    """Else he would not know that they were accepted, and send them again."""
    house = House()
    caller = house.connect()
    await caller.bind()
    caller.session.unanswered = 2
    caller.session.send_unbind()
    (asked,) = await caller.answers()
    caller.gives(pdu.unbind_resp(asked.sequence_number))
    assert not house.account.has_receiver
    for sequence_number in (3, 4):
        assert not caller.transport.closed
        caller.session.answer(pdu.response(CommandId.SUBMIT_SM_RESP, 0, sequence_number, b"id"))
    assert [each.sequence_number for each in await caller.answers(2)] == [3, 4]
    assert caller.transport.closed


async def test_two_unbinds_that_cross_are_both_answered() -> None:
    house = House()
    caller = house.connect()
    await caller.bind()
    caller.session.unanswered = 1
    caller.session.send_unbind()
    (asked,) = await caller.answers()
    caller.gives(pdu.unbind(5))
    caller.gives(pdu.unbind_resp(asked.sequence_number))
    caller.session.answer(pdu.response(CommandId.SUBMIT_SM_RESP, 0, 3, b"id"))
    told = [(each.command_id, each.sequence_number) for each in await caller.answers(2)]
    assert told == [(CommandId.SUBMIT_SM_RESP, 3), (CommandId.UNBIND_RESP, 5)]
    assert caller.transport.closed


async def test_at_the_end_bound_sessions_are_asked_to_go_and_others_closed() -> None:
    house = House()
    bound, stranger = house.connect(), house.connect()
    await bound.bind()
    house.listener.unbind_all()
    (asked,) = await bound.answers()
    assert asked.command_id == CommandId.UNBIND
    assert not bound.transport.closed
    assert stranger.transport.closed
    bound.gives(pdu.unbind_resp(asked.sequence_number))
    assert bound.transport.closed


@pytest.mark.parametrize(("version", "explained"), [(0x33, False), (0x34, True), (0x50, True)])
async def test_a_refusal_is_explained_to_who_knows_tlvs(version: int, explained: bool) -> None:
    caller = House().connect()
    caller.gives(pdu.bind(TRX, 1, system_id=b"shop", password=b"right", interface_version=version))
    await caller.answers()
    caller.gives(pdu.submit_sm(7, source_addr=b"1", destination_addr=b"2", short_message=b"x"))
    caller.session.refuse(int(CommandId.SUBMIT_SM), 7, Refusal(FREQUENCY, "cap day", 90))
    (answer,) = await caller.answers()
    assert answer.command_status == 0x430
    assert answer.tlvs.first(0x1400) == (b"frequency" if explained else None)
    assert answer.tlvs.first(0x1401) == ((90).to_bytes(4, "big") if explained else None)


async def test_a_bind_that_can_not_be_read_is_refused() -> None:
    caller = House().connect()
    caller.gives(pdu.HEADER.pack(16, TRX, 0, 1))
    (answer,) = await caller.answers()
    assert answer.command_status != 0
    assert caller.transport.closed


class SlowPlaces:
    """Places that are asked for and not given yet; ``left`` counts those given back."""

    def __init__(self) -> None:
        self.asked: list[Placed] = []
        self.given_back = 0

    def ask(self, account: Account, then: Placed) -> None:
        self.asked.append(then)

    def left(self, account: Account) -> None:
        self.given_back += 1


async def asking(house: House) -> tuple[SlowPlaces, Caller]:
    """A bind whose password was right, and that waits for its place."""
    places = house.listener._places = SlowPlaces()
    caller = house.connect()
    caller.gives(pdu.bind(TRX, 1, system_id=b"shop", password=b"right"))
    async with asyncio.timeout(2):
        while not places.asked:
            await asyncio.sleep(0)
    assert caller.transport.written == b""
    return places, caller


async def test_a_bind_waits_for_its_place_and_gives_it_back_once() -> None:
    house = House()
    places, caller = await asking(house)
    places.asked[0](None)
    (answer,) = await caller.answers()
    assert (answer.command_status, len(house.account.sessions)) == (0, 1)
    caller.gives(pdu.unbind(2))
    assert places.given_back == 1
    caller.link.connection_lost(None)
    assert (places.given_back, house.account.sessions) == (1, [])


async def test_a_bind_without_a_place_is_told_how_many_there_are() -> None:
    house = House()
    places, caller = await asking(house)
    places.asked[0](7)
    (answer,) = await caller.answers()
    assert answer.command_status == 0x0D
    assert house.events[-1][1]["reason"] == "7 binds are open, 2 allowed"
    caller.link.connection_lost(None)
    assert places.given_back == 0


async def test_who_has_gone_meanwhile_needs_no_place() -> None:
    house = House()
    places, caller = await asking(house)
    caller.link.close("gone")
    places.asked[0](None)
    assert (places.given_back, house.account.sessions) == (1, [])


async def test_a_storm_is_looked_at_in_turns_and_nobody_is_forgotten() -> None:
    house = House(max_connections=1000)
    callers = [house.connect("203.0.113.9") for _ in range(3 * BINDS_A_TURN + 5)]
    for caller in callers:
        caller.gives(pdu.bind(TRX, 1, system_id=b"shop", password=b"right"))

    def answered() -> list[bool]:
        return [bool(caller.transport.written) for caller in callers]

    assert answered() == [True] * BINDS_A_TURN + [False] * (2 * BINDS_A_TURN + 5), "the rest of the turn is for traffic"
    async with asyncio.timeout(10):
        while not all(answered()):
            so_far = sum(answered())
            await asyncio.sleep(0)
            assert sum(answered()) - so_far <= BINDS_A_TURN
    one_more = house.connect("203.0.113.9")
    assert await one_more.bind() == 0x0D
    assert not house.listener._later
