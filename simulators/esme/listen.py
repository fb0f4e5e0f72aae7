"""``listen``: bind, and print receipts and MO as they come."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from argparse import Namespace

from simulators.esme.options import esme_settings
from simulators.esme.recording import recording
from simulators.esme.sim import EsmeSim
from simulators.esme.telling import incoming_json, incoming_line

_FOR_EVER_S = 1e9


async def listen(arguments: Namespace) -> int:
    """Run the command; returns its exit status. Raises LinkError when there is no bind."""
    esme = EsmeSim(esme_settings(arguments))
    async with recording(arguments.capture, esme.attach, esme.clock):
        return await _listen(esme, arguments)


async def _listen(esme: EsmeSim, arguments: Namespace) -> int:
    ending = asyncio.Event()
    shown = 0
    waits_for_outbind = arguments.outbind_port is not None
    stays = waits_for_outbind or arguments.reconnect_s > 0
    async with esme:

        def end() -> None:
            ending.set()
            esme.wake()

        def is_over() -> bool:
            nonlocal shown
            shown += _show(esme, arguments.json)
            return ending.is_set() or not (esme.bound or stays) or bool(arguments.count and shown >= arguments.count)

        if waits_for_outbind:
            print(f"waiting for an outbind on {esme.settings.host}:{esme.outbind_port}", file=sys.stderr, flush=True)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, end)
        try:
            await esme.wait_for(is_over, arguments.duration_s or _FOR_EVER_S)
        except TimeoutError:
            return 0
        return 0 if ending.is_set() or esme.bound or stays else 1


def _show(esme: EsmeSim, as_json: bool) -> int:
    """Print what came and forget it; returns how many."""
    news = sorted(esme.receipts + esme.mo, key=lambda came: came.at_s)
    esme.receipts.clear()
    esme.mo.clear()
    for came in news:
        print(json.dumps(incoming_json(came), ensure_ascii=False) if as_json else incoming_line(came), flush=True)
    return len(news)
