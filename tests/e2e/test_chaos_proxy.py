"""The proxy of bin/chaos does what its calls say: else a scenario over it would prove nothing."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chaos.proxy import Proxy

pytestmark = [pytest.mark.e2e]

#: How long is waited for what must come; for what must not come, a moment.
DEADLINE_S = 10.0
SILENCE_S = 0.15


class Echo:
    """A server that says back what it hears; ``peers`` are its ends of the connections, oldest first."""

    def __init__(self, path: Path | None = None) -> None:
        self.listener = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        self.listener.bind(str(path) if path else ("127.0.0.1", 0))
        self.listener.listen()
        self.port = 0 if path else self.listener.getsockname()[1]
        self.peers: list[socket.socket] = []
        self.heard: list[bytes] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self.listener.accept()
                self.peers.append(peer)
                threading.Thread(target=self._echo, args=(peer,), daemon=True).start()

    def _echo(self, peer: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := peer.recv(65_536):
                self.heard.append(data)
                peer.sendall(data)
            self.heard.append(b"")

    def close(self) -> None:
        with contextlib.suppress(OSError):  # it is closed already
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self._thread.join()
        for peer in self.peers:
            peer.close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    yield server
    server.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[Proxy]:
    with Proxy(0, ("127.0.0.1", echo.port)) as made:
        yield made


@contextlib.contextmanager
def _connected(proxy: Proxy) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=DEADLINE_S) as connection:
        yield connection


def _said_back(connection: socket.socket, said: bytes) -> bytes:
    connection.sendall(said)
    return _received(connection, len(said))


def _received(connection: socket.socket, octets: int) -> bytes:
    found = b""
    while len(found) < octets:
        piece = connection.recv(octets - len(found))
        if not piece:
            break
        found += piece
    return found


def _hears_nothing(connection: socket.socket) -> bool:
    connection.settimeout(SILENCE_S)
    try:
        connection.recv(1)
    except TimeoutError:
        return True
    finally:
        connection.settimeout(DEADLINE_S)
    return False


def _wait(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_is_said_arrives_both_ways_and_is_counted(proxy: Proxy) -> None:
    whole = bytes(range(256)) * 1000
    with _connected(proxy) as one, _connected(proxy) as other:
        assert _said_back(one, b"hello") == b"hello"
        sender = threading.Thread(target=other.sendall, args=(whole,))
        sender.start()
        assert _received(other, len(whole)) == whole
        sender.join()
    assert proxy.opened == 2
    deadline = time.monotonic() + 10
    carried = {"up": 5 + len(whole), "down": 5 + len(whole)}
    while proxy.carried != carried and time.monotonic() < deadline:
        time.sleep(0.01)  # it counts what it has written a moment after we read it
    assert proxy.carried == carried


def test_a_unix_socket_as_target(tmp_path: Path) -> None:
    server = Echo(tmp_path / "echo.sock")
    with Proxy(0, tmp_path / "echo.sock") as proxy, _connected(proxy) as connection:
        assert _said_back(connection, b"hello") == b"hello"
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    server.close()


def test_an_end_of_one_direction_is_passed_on_and_the_other_goes_on(proxy: Proxy, echo: Echo) -> None:
    with _connected(proxy) as connection:
        connection.sendall(b"last")
        connection.shutdown(socket.SHUT_WR)
        assert _received(connection, 4) == b"last"
        _wait(lambda: echo.heard[-1:] == [b""])


def test_a_cut_resets_both_ends_and_the_next_connection_is_served(proxy: Proxy, echo: Echo) -> None:
    with _connected(proxy) as connection:
        assert _said_back(connection, b"1") == b"1"
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    _wait(lambda: not proxy.pairs)
    with _connected(proxy) as connection:
        assert _said_back(connection, b"2") == b"2"
        assert b"" not in echo.heard  # the first was reset, not closed


def test_half_closed_up_the_target_still_answers(proxy: Proxy, echo: Echo) -> None:
    with _connected(proxy) as connection:
        assert _said_back(connection, b"1") == b"1"
        proxy.half_close("up")
        _wait(lambda: echo.heard[-1:] == [b""])
        echo.peers[0].sendall(b"still here")
        assert _received(connection, 10) == b"still here"


def test_half_closed_down_the_target_still_hears(proxy: Proxy, echo: Echo) -> None:
    with _connected(proxy) as connection:
        assert _said_back(connection, b"1") == b"1"
        proxy.half_close("down")
        assert connection.recv(1) == b""
        connection.sendall(b"heard")
        _wait(lambda: b"heard" in echo.heard)


def test_in_a_blackhole_connections_stay_and_new_ones_open_and_nobody_hears_anything(proxy: Proxy, echo: Echo) -> None:
    with _connected(proxy) as before:
        assert _said_back(before, b"1") == b"1"
        proxy.blackhole()
        before.sendall(b"lost")
        with _connected(proxy) as within:
            within.sendall(b"lost too")
            assert _hears_nothing(before)
            assert _hears_nothing(within)
            assert echo.heard == [b"1"]
            assert len(echo.peers) == 1
            proxy.restore()
            for connection in (before, within):
                with pytest.raises(ConnectionResetError):
                    connection.recv(1)
    with _connected(proxy) as after:
        assert _said_back(after, b"2") == b"2"


def test_a_connection_that_said_nothing_in_the_blackhole_goes_on(proxy: Proxy) -> None:
    with _connected(proxy) as connection:
        assert _said_back(connection, b"1") == b"1"
        proxy.blackhole()
        proxy.restore()
        assert _said_back(connection, b"2") == b"2"


def test_what_ends_in_a_blackhole_is_still_open_at_the_other_end(proxy: Proxy, echo: Echo) -> None:
    with _connected(proxy) as connection:
        assert _said_back(connection, b"1") == b"1"
        proxy.blackhole()
    assert _hears_nothing(echo.peers[0])
    proxy.restore()
    _wait(lambda: not proxy.pairs)


def test_a_blackhole_down_lets_the_target_hear(proxy: Proxy, echo: Echo) -> None:
    proxy.blackhole("down")
    with _connected(proxy) as connection:
        connection.sendall(b"asked")
        _wait(lambda: echo.heard == [b"asked"])
        assert _hears_nothing(connection)


def test_what_was_held_arrives_in_order(proxy: Proxy, echo: Echo) -> None:
    with _connected(proxy) as connection:
        assert _said_back(connection, b"1") == b"1"
        proxy.hold()
        connection.sendall(b"2")
        connection.sendall(b"3")
        assert _hears_nothing(connection)
        assert echo.heard == [b"1"]
        proxy.restore()
        assert _received(connection, 2) == b"23"


def test_refused_until_restored(proxy: Proxy) -> None:
    with _connected(proxy) as connection:
        assert _said_back(connection, b"1") == b"1"
        proxy.refuse()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    with pytest.raises(ConnectionRefusedError), _connected(proxy):
        pass
    proxy.restore()
    with _connected(proxy) as connection:
        assert _said_back(connection, b"2") == b"2"


def test_a_target_that_is_not_there_resets_who_connects(echo: Echo) -> None:
    echo.close()
    with Proxy(0, ("127.0.0.1", echo.port)) as proxy, _connected(proxy) as connection:
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
        _wait(lambda: not proxy.pairs)


def test_delay_and_throttle_are_at_least_as_slow_as_told(proxy: Proxy) -> None:
    with _connected(proxy) as connection:
        proxy.delay(0.1)
        begun_s = time.monotonic()
        assert _said_back(connection, b"1") == b"1"
        assert time.monotonic() - begun_s >= 0.2
        proxy.delay(0)
        proxy.throttle(100_000)
        begun_s = time.monotonic()
        whole = bytes(range(250)) * 80
        assert _said_back(connection, whole) == whole
        assert time.monotonic() - begun_s >= 0.2


def test_only_connections_from_some_addresses_are_meant(proxy: Proxy) -> None:
    """All of 127.0.0.0/8 is this machine, so who connects may choose an address."""
    with (
        _connected(proxy) as one,
        socket.create_connection(("127.0.0.1", proxy.port), DEADLINE_S, source_address=("127.0.0.2", 0)) as other,
    ):
        assert _said_back(one, b"1") == _said_back(other, b"1") == b"1"
        proxy.only("127.0.0.2")
        proxy.blackhole()
        other.sendall(b"lost")
        assert _hears_nothing(other)
        assert _said_back(one, b"2") == b"2"
        proxy.restore()
        with pytest.raises(ConnectionResetError):
            other.recv(1)
        assert _said_back(one, b"3") == b"3"
        proxy.only("127.0.0.2")
        proxy.cut()
        assert _said_back(one, b"4") == b"4"
