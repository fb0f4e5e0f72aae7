"""Faults as a foreign dissector sees them: what is malformed, what is no SMPP, and what is only out of place."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest

from simulators.capture import CaptureTap
from simulators.carrier import CarrierSettings, CarrierSim
from simulators.carrier.faults import FAULTS
from tests.e2e.sim_wire import SOON_S, RawSocket

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")]

_MALFORMED = {"length_too_small", "body_cut", "no_nul", "sm_length", "tlv_overrun", "tlv_cut"}
#: tshark knows no command, or no PDU, in them.
_NO_SMPP = {
    "length_below_header", "length_too_large", "length_huge", "garbage", "text", "reserved_command", "vendor_command",
    "unknown_response",
}  # fmt: skip


async def _capture(path: Path) -> int:
    """Each fault on a connection of its own; returns the port."""
    async with CarrierSim(CarrierSettings(seed=1)) as sim:
        tap = CaptureTap(path, sim.clock)
        sim.attach(tap)
        for kind in FAULTS:
            async with await RawSocket.bound(sim) as client:
                sim.send_malformed(kind)
                await client.read()
            await sim.wait_for(lambda: not sim.links, SOON_S)
        sim.detach(tap)
        tap.close()
        return sim.port


def test_tshark_sees_what_the_kinds_say(tmp_path: Path) -> None:
    path = tmp_path / "faults.pcap"
    port = asyncio.run(_capture(path))
    columns = ("tcp.stream", "smpp.command_id", "_ws.malformed")
    fields = [word for column in columns for word in ("-e", column)]
    read = ["tshark", "-r", str(path), "-d", f"tcp.port=={port},smpp", "-T", "fields", *fields]
    from_us = f"tcp.srcport == {port} && tcp.len > 0 && !(smpp.command_id == 0x80000009)"
    shown = subprocess.run([*read, "-Y", from_us], capture_output=True, text=True, check=True).stdout
    kinds = list(FAULTS)
    malformed, commands = set(), set()
    for line in shown.splitlines():
        stream, command_id, complaint = line.split("\t")
        kind = kinds[int(stream)]
        if complaint:
            malformed.add(kind)
        if command_id:
            commands.add(kind)
    assert malformed == _MALFORMED
    assert FAULTS.keys() - commands == _NO_SMPP
