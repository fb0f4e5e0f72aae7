"""The ports where applications connect: taken at first, opened later, and what is said when they can't be had."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any, cast

import pytest

from smsgw.errors import CantListen
from smsgw.esme.doors import Doors
from smsgw.esme.listener import Listener, ListenerSettings
from smsgw.link.ticker import Ticker

HOST = "127.0.0.1"


@pytest.fixture
def doors() -> Iterator[Doors]:
    with closing(Doors(HOST)) as made:
        yield made


async def test_who_comes_early_is_refused_then_waits_then_is_served(doors: Doors) -> None:
    await doors.take([0, 0])
    first, second = doors.numbers
    assert first != second
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(HOST, first)
    doors.open()
    reader, writer = await asyncio.open_connection(HOST, first)
    listener = Listener(ListenerSettings(), {}, *(cast(Any, None) for _ in range(5)))
    listener._ticker = Ticker()
    await listener.serve(doors)
    try:
        writer.write(b"\0\0\0\1 no PDU begins like this")
        answer = await asyncio.wait_for(reader.readexactly(16), 5)
        assert answer[4:8].hex() == "80000000"  # generic_nack: there is somebody now
        assert listener.ports == [first, second]
    finally:
        writer.close()
        listener.stop_accepting()


async def test_a_port_that_another_program_has(doors: Doors) -> None:
    with socket.create_server((HOST, 0)) as theirs:
        port = theirs.getsockname()[1]
        with pytest.raises(CantListen) as found:
            await doors.take([0, port])
    assert str(found.value) == (
        f"can't listen on 127.0.0.1:{port} (listener.tls.port in smsgw.toml): another program listens there "
        f"(`ss -ltnp 'sport = :{port}'` shows which): stop it, or set another port"
    )
    assert doors.sockets == []


async def test_of_two_that_took_a_port_in_one_moment_the_second_is_told_when_it_opens(doors: Doors) -> None:
    await doors.take([0])
    with closing(Doors(HOST)) as other:
        await other.take(doors.numbers)
        other.open()
        with pytest.raises(CantListen, match=r"listener\.port in smsgw\.toml"):
            doors.open()


async def test_workers_share_a_port(doors: Doors) -> None:
    await doors.take([0], shared=True)
    doors.open()
    with closing(Doors(HOST)) as other:
        await other.take(doors.numbers, shared=True)
        other.open()
        assert other.numbers == doors.numbers


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
async def test_an_address_that_this_machine_lacks(host: str) -> None:
    with pytest.raises(
        CantListen, match=rf"can't listen on {host}:0 \(listener\.host in smsgw\.toml\): that is no addr"
    ):
        await Doors(host).take([0])


async def test_a_family_that_the_kernel_lacks_is_passed_over(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    """With IPv6 switched off /etc/hosts may still say that localhost is ::1, too."""
    made = socket.socket

    def without_ipv6(family: int, *others: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return made(family, *others)

    def both(*_: object, **__: object) -> list[tuple[object, ...]]:
        stream = socket.SOCK_STREAM, 0, ""
        return [(socket.AF_INET6, *stream, ("::1", 0, 0, 0)), (socket.AF_INET, *stream, (HOST, 0))]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    monkeypatch.setattr(socket, "socket", without_ipv6)
    await doors.take([0])
    assert [[each.family for each in sockets] for sockets in doors.sockets] == [[socket.AF_INET]]


async def test_no_family_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(family: int, *_: int) -> socket.socket:
        raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")

    monkeypatch.setattr(socket, "socket", none)
    with pytest.raises(CantListen, match=r"can't listen on 127\.0\.0\.1:0 .*family not supported"):
        await Doors(HOST).take([0])
