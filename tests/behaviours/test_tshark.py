"""Scenarios recorded and read by tshark: what is sound is sound to it, and it sees what each scenario says."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from simulators.capture import CaptureTap
from simulators.clock import SimClock
from simulators.scenario.library import shipped
from simulators.spread import NO_DELAY
from tests.behaviours.wire import Peer, playing

pytestmark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")

#: What tshark shows of a packet, in this order.
COLUMNS = (
    "tcp.stream", "tcp.srcport", "smpp.command_id", "smpp.command_status", "smpp.receipted_message_id",
    "smpp.message_state", "smpp.esm.submit.msg_type", "smpp.message_id", "smpp.opt_param_tag", "_ws.malformed",
)  # fmt: skip
#: Nothing can be recorded in clear text, nobody is bound, or there is more than a few messages can show.
LEFT_OUT = {"tls", "unanswered-bind", "slow-bind", "outbind", "two-addresses", "flood", "separate-binds",
            "slow-reader", "half-open", "malformed", "receipt-tlv-without-nul"}  # fmt: skip
#: Times of the network in which nothing is to be seen.
_QUICK: dict[str, Any] = {"response": NO_DELAY, "early_by": NO_DELAY, "enquire_response": NO_DELAY}

#: For those that answer nothing any more.
_PATIENCE_S = 0.5

Rows = list[dict[str, list[str]]]


async def _talk(name: str, tap: CaptureTap) -> int:
    """Twelve messages and what comes of them; returns the port."""
    async with playing(name, by_hand=True, **_QUICK) as stage:
        stage.group.attach(tap)
        port = stage.sim.port
        async with await Peer.connect(stage) as peer:
            if await peer.bind() == 0:
                for n in range(12):
                    peer.submit(f"8613800000{n:03}")
                with contextlib.suppress(asyncio.IncompleteReadError, ConnectionResetError, TimeoutError):
                    async with asyncio.timeout(_PATIENCE_S):
                        await peer.alive()
                        stage.group.clock.advance(5)
                        await peer.alive()
        stage.group.detach(tap)
    return port


async def _record(names: list[str], path: Path) -> dict[str, int]:
    tap = CaptureTap(path, SimClock())
    ports = {name: await _talk(name, tap) for name in names}
    tap.close()
    assert tap.failure == ""
    return ports


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Rows]:
    """What each carrier said, by the name of its scenario."""
    path = tmp_path_factory.mktemp("tshark") / "all.pcap"
    ports = asyncio.run(_record(sorted(shipped().keys() - LEFT_OUT), path))
    wanted = [word for column in COLUMNS for word in ("-e", column)]
    form = ["-T", "fields", "-E", "separator=/t", "-E", "aggregator=\x1f"]
    read = ["tshark", "-r", str(path), "-d", "tcp.port==1-65535,smpp", "-Y", "smpp", *form, *wanted]
    text = subprocess.run(read, capture_output=True, text=True, check=True, timeout=60).stdout
    names = list(ports)  # each had one connection, one after the other
    found: dict[str, Rows] = {name: [] for name in names}
    for line in text.splitlines():
        cells = [cell.split("\x1f") if cell else [] for cell in line.split("\t")]
        row = dict(zip(COLUMNS, cells, strict=True))
        name = names[int(row["tcp.stream"][0])]
        if row["tcp.srcport"] == [str(ports[name])]:
            found[name].append(row)
    return found


def test_what_is_sound_is_sound(recorded: dict[str, Rows]) -> None:
    assert len(recorded) > 70
    for name, rows in recorded.items():
        assert rows, name
        assert [row for row in rows if row["_ws.malformed"]] == [], name


#: scenario -> a column, and a value that is in it in some packet
SEEN: dict[str, tuple[str, str]] = {
    "receipt-data-sm": ("smpp.command_id", "0x00000103"),
    "receipts-intermediate": ("smpp.esm.submit.msg_type", "0x08"),
    "receipt-esm-class": ("smpp.esm.submit.msg_type", "0x01"),
    "receipt-esm-class-0": ("smpp.esm.submit.msg_type", "0x00"),
    "receipt-tlvs-only": ("smpp.opt_param_tag", "0x0423"),
    "receipts-contradicting": ("smpp.message_state", "5"),
    "receipts-in-any-order": ("smpp.message_state", "1"),
    "code-in-response": ("smpp.command_status", "0x00000500"),
    "error-without-body": ("smpp.command_status", "0x00000008"),
    "temporary-errors": ("smpp.command_status", "0x00000064"),
    "wrong-password": ("smpp.command_status", "0x0000000e"),
    "wrong-system-id": ("smpp.command_status", "0x0000000f"),
    "wrong-bind-state": ("smpp.command_status", "0x00000004"),
    "window-one": ("smpp.command_status", "0x00000045"),
    "id-upper-case": ("smpp.receipted_message_id", "3B9ACA00"),
    "id-lower-case": ("smpp.message_id", "3B9ACA00"),
    "id-padded-10": ("smpp.receipted_message_id", "0000044000"),
    "mo-replies": ("smpp.command_id", "0x00000005"),
}


@pytest.mark.parametrize("name", SEEN)
def test_tshark_sees_it(recorded: dict[str, Rows], name: str) -> None:
    column, value = SEEN[name]
    seen = {cell.lower() for row in recorded[name] for cell in row[column]}
    assert value.lower() in seen
