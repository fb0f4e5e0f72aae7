"""The server that short links lead to, as a process beside a gateway."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.e2e.gateway import GatewayProcess

PHONE = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Mobile Safari/537.36"


@contextmanager
def redirects(gateway: GatewayProcess) -> Iterator[subprocess.Popen[bytes]]:
    """``smsgw links``, until the end of the block."""
    command = [sys.executable, "-m", "smsgw", "links", "--site", str(gateway.site)]
    with (gateway.site.parent / "links.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=gateway.code, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def healthy(client: httpx.AsyncClient) -> None:
    """Wait until the server that ``client`` asks can lead on."""
    async with asyncio.timeout(20):
        while True:
            try:
                if (await client.get("/healthz")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.05)
