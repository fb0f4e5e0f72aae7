"""The command ``python -m simulators.esme`` (smsgw-esme-sim)."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import signal
import sys

import uvloop

from simulators.esme import options
from simulators.esme.listen import listen
from simulators.esme.load import Load
from simulators.esme.send import send
from smsgw.errors import LinkError, LocalError

_WRONG = 2


async def _load(arguments: argparse.Namespace) -> int:
    load = Load(options.load_settings(arguments))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, load.stop)
    result = await load.run()
    print(json.dumps(result), flush=True)
    complete = result["ok"] == result["sent"]
    if arguments.registered_delivery & 3:
        complete = complete and result["matched"] == result["ok"]
    return 0 if complete else 1


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    arguments = options.parser().parse_args(argv)
    run = {"send": send, "load": _load, "listen": listen}[arguments.command]
    if arguments.command == "load":
        # What a run keeps are octets and numbers in large tables; walking them finds nothing.
        gc.freeze()
        gc.set_threshold(100_000, 50, 1000)
    try:
        return uvloop.run(run(arguments))
    except (LinkError, LocalError, ValueError, OSError) as error:
        print(f"smsgw-esme-sim {arguments.command}: {error}", file=sys.stderr)
        return _WRONG


if __name__ == "__main__":
    sys.exit(main())
