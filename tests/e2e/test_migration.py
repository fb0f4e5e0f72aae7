"""A site whose gateway was killed is moved to four partitions, and everything goes on where it stood.

Codes and notices were with a carrier that had not answered, more of them waited, one was held until the afternoon.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest

from simulators.carrier.settings import CarrierSettings
from simulators.carrier.sim import CarrierSim
from simulators.esme.settings import EsmeSettings
from simulators.esme.sim import EsmeSim
from simulators.spread import Delay
from smsgw.smpp.codec import Pdu, encode
from smsgw.smpp.constants import CommandId
from tests.e2e.gateway import PASSWORDS, ROOT, GatewayProcess, StartGateway

pytestmark = pytest.mark.e2e

WINDOW = 5
MESSAGES = 15
SITE: dict[str, Any] = {
    "smsgw.toml": {"node": {"lease": "3s"}, "lanes": {"otp_limit": "0s"}},
    "carriers/alpha.toml": {"window": WINDOW, "response": "300s", "binds": [{"type": "transceiver", "count": 1}]},
}
TEXTS = {"login": ("1069000110", "【示例科技】您的验证码是{n}"), "orders": ("1069000120", "【示例物流】包裹{n}已送达")}
LATER = "000000030000000R"  # in three hours


def command(gateway: GatewayProcess, *words: str) -> subprocess.CompletedProcess[str]:
    whole = [sys.executable, "-m", "smsgw", "store", *words, "--site", str(gateway.site)]
    return subprocess.run(whole, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)


def application(gateway: GatewayProcess, account: str) -> EsmeSim:
    return EsmeSim(EsmeSettings(port=gateway.port, system_id=account, password=PASSWORDS[account]))


async def submit(esme: EsmeSim, n: int, **more: Any) -> str:
    """One message to a recipient of its own; its id."""
    source, text = TEXTS[esme.settings.system_id]
    recipient = f"86138{esme.settings.system_id == 'orders':d}{n:07}"
    answer = await esme.submit(source, recipient, text.format(n=n), registered_delivery=1, **more)
    assert answer.ok
    return answer.message_id


async def migrated(gateway: GatewayProcess, *words: str) -> str:
    """What the command says, once the lease of the killed gateway is over."""
    async with asyncio.timeout(30):
        while True:
            done = await asyncio.to_thread(command, gateway, "migrate", "--why", "it grows", *words)
            if done.returncode == 0:
                return done.stdout
            assert "processes of the fleet run, or did a moment ago: node1" in done.stderr, done.stderr
            await asyncio.sleep(0.2)


async def test_a_killed_gateway_goes_on_with_other_partitions(start_gateway: StartGateway) -> None:
    async with CarrierSim(CarrierSettings(response=Delay("fixed", 600))) as alpha:
        gateway = await start_gateway(carriers={"alpha": alpha.port}, overrides=SITE)
        async with application(gateway, "login") as login, application(gateway, "orders") as orders:
            codes = [await submit(login, n) for n in range(MESSAGES)]
            notices = [await submit(orders, n) for n in range(MESSAGES)]
            held = await submit(orders, MESSAGES, schedule_delivery_time=LATER)
            await alpha.wait_for(lambda: len(alpha.received) == WINDOW, 10, "a full window")
        running = await asyncio.to_thread(command, gateway, "migrate", "-p", "4", "--why", "it grows")
        assert running.returncode == 1
        assert "processes of the fleet run, or did a moment ago: node1" in running.stderr
        gateway.kill()
        before = Counter(message.text for message in alpha.received)

        said = await migrated(gateway, "-p", "4")
        assert "moved from 1 partition to 4, and counted" in said
        assert "may be at a carrier" in said
        assert "partitions = 4" in said
        gateway.override({"smsgw.toml": {"store": {"partitions": 4}}})
        alpha.change(response=Delay("fixed", 0.01))
        await gateway.start()
        async with application(gateway, "login") as login, application(gateway, "orders") as orders:
            wanted = {login: set(codes), orders: set(notices)}
            for esme, ids in wanted.items():
                await esme.wait_for(lambda esme=esme, ids=ids: told(esme).keys() >= ids, 30, "receipts of all")
            cancelled = await orders.request(lambda number: cancel(number, held))
            assert cancelled.ok
        seen = Counter(message.text for message in alpha.received)
        assert {TEXTS["login"][1].format(n=n) for n in range(MESSAGES)} <= set(seen), "every code"
        for n, message_id in enumerate(notices):
            # What had been marked may have left, so it is not sent again; the application is told so.
            assert TEXTS["orders"][1].format(n=n) in seen or told(orders)[message_id] == "UNKNOWN"
        twice = {text for text, count in seen.items() if count > 1}
        assert twice <= set(before), "only what was with the carrier when the gateway was killed"
        assert max(seen.values()) <= 2
        assert not any(text.startswith("【示例物流】") for text in twice), "a notice never comes twice"


def told(esme: EsmeSim) -> dict[str, str]:
    """What the last receipt of each message said."""
    return {str(came.receipt.id): str(came.receipt.stat) for came in esme.receipts if came.receipt is not None}


def cancel(number: int, message_id: str) -> bytes:
    fields: dict[str, object] = {
        "message_id": message_id.encode(),
        "source_addr": TEXTS["orders"][0].encode(),
        "source_addr_npi": 1,
        "destination_addr": f"861381{MESSAGES:07}".encode(),
        "dest_addr_npi": 1,
        "dest_addr_ton": 1,
    }
    return encode(Pdu(int(CommandId.CANCEL_SM), 0, number, fields))
