"""Real Redis servers of every kind that a site may have, to be killed, paused and started again by a test.

    servers = SentinelSet(directory)          # or SingleServer, ClusterSet
    await servers.start()                     # returns when it is whole: replicas in step, sentinels agreed
    overrides = {"smsgw.toml": {"store": servers.store_settings}}
    name = servers.kill("master")             # SIGKILL; the node's name, such as "node1"
    await servers.until_master(not_on=name)   # the failover has happened
    await servers.restart(name)               # the same data, port and configuration

``which`` is a node's name (``node0``…, ``sentinel0``…), or what it is now: ``replica``, ``master`` (of a Cluster: any),
``master:7`` (of slot 7). The program is the one that the embedded default uses. Everything listens on 127.0.0.1,
writes its AOF at once, and ends with ``stop()``. What can go wrong: TimeoutError names what did not come about.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import hiredis

from smsgw.store.server import find_binary
from tests.ports import free_port

ALL_SLOTS: Final = 16384
SERVICE: Final = "smsgw"
_DATA: Final = ("node0", "node1", "node2")
_SENTINELS: Final = ("sentinel0", "sentinel1", "sentinel2")
_BUS: Final = 10_000
_ASK_S: Final = 1.0
_READY_S: Final = 60.0
_POLL_S: Final = 0.05


def ask(port: int, *command: str | int, timeout_s: float = _ASK_S) -> Any:
    """One command to a server here, blocking. Raises OSError; an error reply is a hiredis.ReplyError raised."""
    reader = hiredis.Reader()
    with socket.create_connection(("127.0.0.1", port), timeout_s) as connection:
        connection.sendall(hiredis.pack_command(command))  # type: ignore[arg-type]
        while (reply := reader.gets()) is False:
            received = connection.recv(65536)
            if not received:
                raise ConnectionResetError(f"the server on port {port} closed the connection")
            reader.feed(received)
    if isinstance(reply, hiredis.ReplyError):
        raise reply
    return reply


def free_ports(count: int) -> list[int]:
    """Ports that are free now, each with the one 10,000 above it, which a Cluster's bus takes; others take higher."""
    return [free_port(4_100, 8_600, beside=_BUS) for _ in range(count)]


@dataclass(slots=True)
class Node:
    """One server process."""

    name: str
    port: int
    directory: Path
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    paused: bool = False

    @property
    def answers(self) -> bool:
        """Whether it can be asked now."""
        return self.process is not None and not self.paused

    def run(self) -> None:
        """Start the process; it answers a little later."""
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command, cwd=self.directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.process, self.paused = None, False


class Servers(ABC):
    """What all kinds have in common."""

    def __init__(self, directory: Path, *, binary: str | Path | None = None, options: Iterable[str] = ()) -> None:
        """``options``: lines for each data server's configuration, such as ``maxmemory 20mb``."""
        self.directory = directory
        self.nodes: dict[str, Node] = {}
        self._binary = str(binary or find_binary())
        self._options = [*options]

    @property
    @abstractmethod
    def url(self) -> str:
        """As ``[store] url`` takes it."""

    @property
    def store_settings(self) -> dict[str, Any]:
        """For ``[store]`` of smsgw.toml."""
        return {"url": self.url}

    @abstractmethod
    async def start(self) -> None:
        """Start everything; returns when it is whole."""

    async def stop(self) -> None:
        """End every process, without ceremony."""
        for node in self.nodes.values():
            node.kill()

    def kill(self, which: str) -> str:
        """SIGKILL one; its name."""
        node = self.nodes[self.name_of(which)]
        node.kill()
        return node.name

    async def restart(self, which: str) -> None:
        """Start a killed one again with what is on its disk; returns when it answers with its data loaded."""
        node = self.nodes[which]
        assert node.process is None, f"{which} runs"
        node.run()
        await self._answering([node])

    def pause(self, which: str) -> str:
        """SIGSTOP one: it keeps its connections and answers nothing; its name."""
        node = self.nodes[self.name_of(which)]
        assert node.process is not None, f"{which} does not run"
        node.process.send_signal(signal.SIGSTOP)
        node.paused = True
        return node.name

    def resume(self, which: str) -> None:
        """SIGCONT a paused one, by its name."""
        node = self.nodes[which]
        assert node.process is not None, f"{which} does not run"
        node.process.send_signal(signal.SIGCONT)
        node.paused = False

    def name_of(self, which: str) -> str:
        """The node that ``which`` means now. Raises LookupError."""
        if which in self.nodes:
            return which
        role, _, slot = which.partition(":")
        masters = self.masters()
        if role == "master" and slot:
            return next(name for name in masters if self._has_slot(name, int(slot)))
        if role == "master" and masters:
            return masters[0]
        if role == "replica" and (replicas := self.replicas()):
            return replicas[0]
        raise LookupError(f"no {which} among {', '.join(self.nodes)}")

    def masters(self) -> list[str]:
        """Data servers that say they are master, in the order of their names."""
        return [name for name in self._data() if self._role(name) == "master"]

    def replicas(self) -> list[str]:
        """Data servers that say they follow a master and are in step with it."""
        return [name for name in self._data() if self._role(name) == "slave"]

    def master_pids(self) -> list[int]:
        """Process ids of the masters."""
        return [process.pid for name in self.masters() if (process := self.nodes[name].process)]

    def ask(self, which: str, *command: str | int) -> Any:
        """One command to a server, blocking for a second at most. Raises OSError, hiredis.ReplyError."""
        return ask(self.nodes[self.name_of(which)].port, *command)

    def info(self, name: str, section: str) -> dict[str, str]:
        """INFO of one server; empty when it does not answer."""
        node = self.nodes[name]
        if not node.answers:
            return {}
        with contextlib.suppress(OSError, hiredis.ReplyError):
            lines = ask(node.port, "INFO", section).decode().splitlines()
            return dict(line.split(":", 1) for line in lines if ":" in line)
        return {}

    async def until_master(self, not_on: str, deadline_s: float = _READY_S) -> str:
        """Wait until another than ``not_on`` is master in its place; its name. Raises TimeoutError."""
        raise RuntimeError(f"of a {type(self).__name__} nobody could take the place of {not_on}")

    # -- inside

    def _data(self) -> list[str]:
        return [name for name, node in self.nodes.items() if node.answers and not name.startswith("sentinel")]

    def _role(self, name: str) -> str:
        found = self.info(name, "replication")
        if found.get("role") == "slave" and found.get("master_link_status") != "up":
            return "slave, not in step"
        return found.get("role", "")

    def _has_slot(self, name: str, slot: int) -> bool:
        return False

    def _make(self, name: str, port: int, *options: str, extra: tuple[str, ...] = ()) -> Node:
        directory = self.directory / name
        directory.mkdir(parents=True, exist_ok=True)
        lines = [f"port {port}", "bind 127.0.0.1", 'dir "."', "daemonize no", *options]
        (directory / "server.conf").write_text("\n".join(lines) + "\n")
        node = Node(name, port, directory, [self._binary, "server.conf", *extra])
        self.nodes[name] = node
        return node

    def _make_data(self, name: str, port: int, *options: str) -> Node:
        durable = ("appendonly yes", "appendfsync always", 'save ""', "maxmemory-policy noeviction")
        # Without these a replica that was away for a moment takes everything anew, and waits five seconds first.
        quick = ("repl-diskless-sync yes", "repl-diskless-sync-delay 0", "repl-backlog-size 32mb")
        return self._make(name, port, *durable, *quick, *options, *self._options)

    async def _answering(self, nodes: Iterable[Node]) -> None:
        for node in nodes:
            await until(lambda node=node: _ping(node), f"{node.name} of {self.directory} to answer")  # type: ignore[misc]


def _ping(node: Node) -> bool:
    try:
        return bool(ask(node.port, "PING") == b"PONG")
    except (OSError, hiredis.ReplyError):
        return False


async def until(condition: Callable[[], object], what: str, deadline_s: float = _READY_S) -> None:
    """Return once ``condition()`` is true. Raises TimeoutError naming ``what``."""
    deadline = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {deadline_s:g} s for {what}")
        await asyncio.sleep(_POLL_S)


class SingleServer(Servers):
    """One Redis over TCP: ``node0``."""

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.nodes['node0'].port}/0"

    async def start(self) -> None:
        node = self._make_data("node0", free_ports(1)[0])
        node.run()
        await self._answering([node])

    def name_of(self, which: str) -> str:
        return "node0" if which == "master" else super().name_of(which)


class SentinelSet(Servers):
    """A master with two replicas (``node0`` to ``node2``) and three sentinels that agree by two."""

    def __init__(
        self,
        directory: Path,
        *,
        down_after_ms: int = 1500,
        binary: str | Path | None = None,
        options: Iterable[str] = (),
    ) -> None:
        super().__init__(directory, binary=binary, options=options)
        self._down_after_ms = down_after_ms
        #: The port under which a server is known, by its name.
        self.reached_at: dict[str, int] = {}

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{self.reached_at[name]}" for name in _SENTINELS)
        return f"sentinel://{hosts}/{SERVICE}"

    async def start(self) -> None:
        ports = dict(zip((*_DATA, *_SENTINELS), free_ports(6), strict=True))
        self.reached_at = {name: self._reached_at(name, port) for name, port in ports.items()}
        first = self.reached_at["node0"]
        data = [
            self._make_data(name, ports[name], *self._lines(name), *following)
            for name, following in zip(_DATA, ((), *[(f"replicaof 127.0.0.1 {first}",)] * 2), strict=True)
        ]
        for node in data:
            node.run()
        await self._answering(data)
        await until(lambda: len(self.replicas()) == 2, "two replicas in step")
        watch = (
            f"sentinel monitor {SERVICE} 127.0.0.1 {first} 2",
            f"sentinel down-after-milliseconds {SERVICE} {self._down_after_ms}",
            f"sentinel failover-timeout {SERVICE} 10000",
        )
        sentinels = [
            self._make(name, ports[name], *watch, *self._lines(name), extra=("--sentinel",)) for name in _SENTINELS
        ]
        for node in sentinels:
            node.run()
        await self._answering(sentinels)
        await until(lambda: all(self._knows_all(node) for node in sentinels), "three sentinels that know each other")

    def _reached_at(self, name: str, port: int) -> int:
        """The port under which the others know a server."""
        return port

    def _lines(self, name: str) -> tuple[str, ...]:
        """More of a server's configuration."""
        return ()

    async def until_master(self, not_on: str, deadline_s: float = _READY_S) -> str:
        """All sentinels that answer name the new one."""
        named: set[int] = set()

        def agreed() -> bool:
            named.clear()
            for name, node in self.nodes.items():
                if name.startswith("sentinel") and node.answers:
                    with contextlib.suppress(OSError, hiredis.ReplyError):
                        named.add(int(ask(node.port, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)[1]))
            return len(named) == 1 and named.isdisjoint({self.reached_at[not_on]}) and self._is_master(*named)

        await until(agreed, f"another master than {not_on}", deadline_s)
        return self._by_port(*named)

    def _is_master(self, port: int) -> bool:
        return self._role(self._by_port(port)) == "master"

    def _by_port(self, port: int) -> str:
        return next(name for name, reached_at in self.reached_at.items() if reached_at == port)

    def _knows_all(self, sentinel: Node) -> bool:
        with contextlib.suppress(OSError, hiredis.ReplyError):
            flat = ask(sentinel.port, "SENTINEL", "MASTER", SERVICE)
            found = dict(zip(flat[::2], flat[1::2], strict=True))
            return bool(found[b"num-slaves"] == b"2" and found[b"num-other-sentinels"] == b"2")
        return False


class ClusterSet(Servers):
    """A Cluster: three masters with a third of the slots each, and a replica for each of them."""

    def __init__(
        self, directory: Path, *, node_timeout_ms: int = 2000, partitions: int = 12, masters: int = 3,
        binary: str | Path | None = None, options: Iterable[str] = (),
    ) -> None:  # fmt: skip
        super().__init__(directory, binary=binary, options=options)
        self._masters = masters
        self._node_timeout_ms = node_timeout_ms
        self.partitions = partitions

    @property
    def url(self) -> str:
        return f"cluster://{','.join(f'127.0.0.1:{node.port}' for node in self.nodes.values())}"

    @property
    def store_settings(self) -> dict[str, Any]:
        return {"url": self.url, "partitions": self.partitions}

    async def start(self) -> None:
        ports = free_ports(2 * self._masters)
        options = (
            "cluster-enabled yes",
            f"cluster-node-timeout {self._node_timeout_ms}",
            "cluster-require-full-coverage no",
            # A replica may follow whenever its master is gone: these tests kill soon after they start.
            "cluster-replica-validity-factor 0",
        )
        nodes = [self._make_data(f"node{number}", port, *options) for number, port in enumerate(ports)]
        for node in nodes:
            node.run()
        await self._answering(nodes)
        masters, replicas = nodes[: self._masters], nodes[self._masters :]
        edges = [ALL_SLOTS * number // self._masters for number in range(self._masters + 1)]
        for number, node in enumerate(masters):
            ask(node.port, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            ask(node.port, "CLUSTER", "ADDSLOTS", *range(edges[number], edges[number + 1]))
        for node in nodes[1:]:
            ask(nodes[0].port, "CLUSTER", "MEET", "127.0.0.1", node.port)
        await until(lambda: all(self._knows(node, len(nodes)) for node in nodes), "a Cluster that is whole")
        for master, replica in zip(masters, replicas, strict=True):
            ask(replica.port, "CLUSTER", "REPLICATE", ask(master.port, "CLUSTER", "MYID").decode())
        await until(lambda: len(self.replicas()) == len(replicas), "replicas in step")
        # Until every node has heard of the replicas, who asks one may be told of fewer.
        await until(
            lambda: all(self._slaves_seen(node) == len(replicas) for node in nodes),
            "replicas known to all",
        )

    async def until_master(self, not_on: str, deadline_s: float = _READY_S) -> str:
        """As many masters as before, without ``not_on``, and the slots are all held."""
        await until(
            lambda: (
                len([name for name in self.masters() if name != not_on]) == self._masters and self._all_held(not_on)
            ),
            f"another master than {not_on}",
            deadline_s,
        )
        return self.masters()[-1]

    def move_slot(self, slot: int, to: str) -> None:
        """Reshard one slot to another master with all its keys, as an operator's tool does."""
        source, target = self.nodes[self.name_of(f"master:{slot}")], self.nodes[to]
        self.begin_move(slot, to)
        while names := ask(source.port, "CLUSTER", "GETKEYSINSLOT", slot, 10):
            keys = [name.decode() for name in names]
            ask(source.port, "MIGRATE", "127.0.0.1", target.port, "", 0, 10_000, "KEYS", *keys, timeout_s=15)
        self.end_move(slot, to)

    def begin_move(self, slot: int, to: str) -> None:
        """From now on the slot's source answers ASK for what it does not have."""
        source, target = self.nodes[self.name_of(f"master:{slot}")], self.nodes[to]
        source_id, target_id = (ask(node.port, "CLUSTER", "MYID").decode() for node in (source, target))
        ask(target.port, "CLUSTER", "SETSLOT", slot, "IMPORTING", source_id)
        ask(source.port, "CLUSTER", "SETSLOT", slot, "MIGRATING", target_id)

    def end_move(self, slot: int, to: str) -> None:
        """The slot is the target's; every master is told."""
        target_id = ask(self.nodes[to].port, "CLUSTER", "MYID").decode()
        for name in [to, *(name for name in self.masters() if name != to)]:
            ask(self.nodes[name].port, "CLUSTER", "SETSLOT", slot, "NODE", target_id)

    def _has_slot(self, name: str, slot: int) -> bool:
        port = self.nodes[name].port
        return any(
            int(first) <= slot <= int(last) and int(master[1]) == port
            for first, last, master, *_ in ask(port, "CLUSTER", "SLOTS")
        )

    def _knows(self, node: Node, count: int) -> bool:
        with contextlib.suppress(OSError, hiredis.ReplyError):
            found = ask(node.port, "CLUSTER", "INFO").decode()
            return f"cluster_known_nodes:{count}" in found and "cluster_state:ok" in found
        return False

    def _slaves_seen(self, node: Node) -> int:
        return sum(b"slave" in line for line in ask(node.port, "CLUSTER", "NODES").splitlines())

    def _all_held(self, dead: str) -> bool:
        """Every living master says that living ones hold all slots."""
        gone = self.nodes[dead].port
        for name in self.masters():
            held = 0
            for first, last, master, *_ in ask(self.nodes[name].port, "CLUSTER", "SLOTS"):
                held += (int(last) - int(first) + 1) if int(master[1]) != gone else 0
            if held != ALL_SLOTS:
                return False
        return True
