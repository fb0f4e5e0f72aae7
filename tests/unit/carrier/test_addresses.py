"""A carrier's host with several addresses: which one is connected to, and what happens when it is no good."""

from __future__ import annotations

import asyncio
import random
import socket
from typing import Any, cast

import pytest

from simulators.carrier.settings import CarrierSettings as Carrier
from simulators.carrier.sim import CarrierSim
from smsgw.carrier.addresses import Addresses
from smsgw.carrier.bind import Bind
from smsgw.carrier.settings import CarrierSettings
from smsgw.errors import ConnectFailed
from smsgw.link.ticker import Ticker
from smsgw.policy.retry import Backoff
from tests.ports import free_port
from tests.unit.carrier.test_bind import Handler, Transport, World, answer, turns
from tests.unit.carrier.test_calls import Heard, running

A, B, C = "192.0.2.1", "192.0.2.2", "192.0.2.3"
SETTINGS = CarrierSettings("alpha", "carrier.example", 2775, "smsgw", "secret", connect_timeout_s=0.02)


class Net(World):
    """Some addresses refuse, some say nothing at all; the name may be unknown for a while."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses = [A, B, C]
        self.refusing: set[str] = set()
        self.silent: set[str] = set()
        self.tried: list[str] = []
        self.unknown_name = False

    async def getaddrinfo(self, host: str, port: int, **options: Any) -> list[Any]:
        if self.unknown_name:
            raise socket.gaierror(-3, "Temporary failure in name resolution")
        return [(0, 0, 0, "", (address, port)) for address in self.addresses]

    async def create_connection(self, make: Any, host: str, port: int, **options: Any) -> None:
        self.tried.append(host)
        if host in self.silent:
            await asyncio.Event().wait()
        if host in self.refusing:
            raise ConnectionRefusedError(111, "Connection refused")
        self.connections.append(Transport(make()))


@pytest.fixture
async def net(monkeypatch: pytest.MonkeyPatch) -> Net:
    net = Net()
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "create_connection", net.create_connection, raising=False)
    monkeypatch.setattr(loop, "getaddrinfo", net.getaddrinfo, raising=False)
    return net


class _Link:
    def connection_made(self, transport: object) -> None: ...


MADE = cast(Any, _Link)


async def test_addresses_that_refuse_or_say_nothing_cost_one_attempt_no_more_than_their_time(net: Net) -> None:
    net.refusing, net.silent = {A}, {B}
    addresses = Addresses()
    await addresses.connect(MADE, SETTINGS, lambda: True)
    assert net.tried == [A, B, C]
    await addresses.connect(MADE, SETTINGS, lambda: True)
    assert net.tried == [A, B, C, C]


async def test_when_none_can_be_reached_all_are_told(net: Net) -> None:
    net.refusing, net.silent = {A, C}, {B}
    with pytest.raises(ConnectFailed, match=rf"{A}:2775: .*; no connection to {B}:2775 in 0.02 s; {C}:2775: "):
        await Addresses().connect(MADE, SETTINGS, lambda: True)


async def test_one_that_is_no_good_comes_last_the_next_time(net: Net) -> None:
    addresses = Addresses()
    for expected in (A, B, C, A):
        await addresses.connect(MADE, SETTINGS, lambda: True)
        assert net.tried.pop() == expected
        addresses.failed()


async def test_another_order_of_the_same_addresses_changes_nothing(net: Net) -> None:
    addresses = Addresses()
    net.refusing = {A}
    await addresses.connect(MADE, SETTINGS, lambda: True)
    net.addresses = [C, A, B]
    await addresses.connect(MADE, SETTINGS, lambda: True)
    assert net.tried == [A, B, B]
    net.addresses = [C]  # the carrier has moved
    await addresses.connect(MADE, SETTINGS, lambda: True)
    assert net.tried[3:] == [C]


async def test_a_name_that_cannot_be_looked_up_has_the_addresses_it_had(net: Net) -> None:
    addresses = Addresses()
    net.unknown_name = True
    with pytest.raises(ConnectFailed, match=r"carrier\.example: Temporary failure"):
        await addresses.connect(MADE, SETTINGS, lambda: True)
    net.unknown_name = False
    await addresses.connect(MADE, SETTINGS, lambda: True)
    net.unknown_name = True
    await addresses.connect(MADE, SETTINGS, lambda: True)
    assert net.tried == [A, A]


async def test_a_bind_goes_to_the_address_that_takes_it(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bind, "_pause", lambda bind, seconds: net.pause(bind, seconds))
    backoff = Backoff(1.0, 60.0, random.Random(1), 0.5)
    bind = Bind(SETTINGS, "transceiver", 0, cast(Any, Handler(net)), Ticker(), backoff)
    task = asyncio.get_running_loop().create_task(bind.run())
    await turns()
    await answer(net, 0x0D)
    assert not bind.up
    await net.awake()
    await answer(net)
    assert (bind.up, net.tried) == (True, [A, B])
    net.connections[-1].abort()  # dropped at once
    await turns()
    await net.awake()
    assert net.tried == [A, B, C]
    task.cancel()


async def test_once_it_is_not_wanted_any_more_no_further_one_is_tried(net: Net) -> None:
    net.refusing = {A, B, C}
    with pytest.raises(ConnectFailed):
        await Addresses().connect(MADE, SETTINGS, lambda: not net.tried)
    assert net.tried == [A]


async def test_binds_move_between_two_carriers_of_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulator at two addresses: the first holds an old session, later the second one's machine goes."""
    heard, loop = Heard(), asyncio.get_running_loop()
    real = loop.getaddrinfo

    async def getaddrinfo(host: str, port: int, **options: Any) -> list[Any]:
        if host != "carrier.example":
            return await real(host, port, **options)
        return [(0, 0, 0, "", (address, port)) for address in ("127.0.0.2", "127.0.0.1")]

    monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo, raising=False)
    taken = {"accounts": {"smsgw": "secret"}}
    port = free_port()
    async with (
        CarrierSim(Carrier(host="127.0.0.2", port=port, **taken)) as first,
        CarrierSim(Carrier(port=port, **taken)) as second,
    ):
        first.refuse_binds(0x05)
        settings = CarrierSettings("alpha", "carrier.example", port, "smsgw", "secret")
        async with running(heard, settings) as pool:
            await heard.until(lambda: pool.up)
            assert (first.stats.binds_refused, second.bound) == (1, 1)
            first.refuse_binds(0)
            await second.stop()
            await heard.until(lambda: heard.names().count("carrier.bound") == 2)
            assert first.bound == 1
