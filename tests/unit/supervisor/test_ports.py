"""Ports kept for workers: nobody else gets them, and workers do."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from smsgw.errors import CantListen
from smsgw.supervisor.ports import KeptPorts

HOST = "127.0.0.1"


@pytest.fixture
def kept() -> Iterator[KeptPorts]:
    with closing(KeptPorts(HOST, [0, 0], 0)) as made:
        yield made


def listening(port: int, *options: int) -> socket.socket:
    made = socket.socket()
    for option in options:
        made.setsockopt(socket.SOL_SOCKET, option, 1)
    try:
        made.bind((HOST, port))
        made.listen()
    except OSError:
        made.close()
        raise
    return made


def test_workers_share_a_kept_port(kept: KeptPorts) -> None:
    port, other = kept.numbers
    assert port != other
    options = (socket.SO_REUSEADDR, socket.SO_REUSEPORT)
    with listening(port, *options), listening(port, *options), socket.create_connection((HOST, port), 5):
        pass


def test_no_connection_is_swallowed_while_no_worker_listens(kept: KeptPorts) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, kept.numbers[0]), 5)


def test_another_program_does_not_get_it(kept: KeptPorts) -> None:
    with pytest.raises(OSError, match="in use"):
        listening(kept.numbers[0], socket.SO_REUSEADDR)


def test_a_second_supervisor_on_the_port_is_told(kept: KeptPorts) -> None:
    with pytest.raises(CantListen, match=rf"{kept.numbers[0]} \(listener.port in .*program listens there"):
        KeptPorts(HOST, [kept.numbers[0]], 0)


def test_the_workers_of_another_supervisor_are_not_joined() -> None:
    with listening(0, socket.SO_REUSEADDR, socket.SO_REUSEPORT) as theirs:
        port = theirs.getsockname()[1]
        with pytest.raises(CantListen, match=r"\(listener\.tls\.port in smsgw\.toml\): another program listens there"):
            KeptPorts(HOST, [0, port], 0)
    KeptPorts(HOST, [port], 0).close()


def test_an_address_that_this_machine_lacks() -> None:
    with pytest.raises(CantListen, match=r"can't listen on 192\.0\.2\.1:0 \(listener\.host in smsgw\.toml\): "):
        KeptPorts("192.0.2.1", [0], 60)
