"""The command ``python -m simulators.carrier`` (smsgw-carrier-sim)."""

from __future__ import annotations

import asyncio
import gc
import json
import signal
import sys
from argparse import Namespace

import uvloop

from simulators.carrier import control_lines, options
from simulators.carrier.control import Control
from simulators.carrier.sim import CarrierSim


async def _serve(sim: CarrierSim, arguments: Namespace) -> int:
    ending = asyncio.Event()
    try:
        await sim.start()
    except OSError as error:
        print(f"smsgw-carrier-sim: {error}", file=sys.stderr)
        return 2
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    control = Control(sim, ending.set)
    try:
        if "control_port" in arguments:
            await control_lines.listen(control, arguments.control_port)
    except OSError as error:
        print(f"smsgw-carrier-sim: --control-port: {error}", file=sys.stderr)
        await sim.stop()
        return 2
    if not arguments.quiet:
        print(f"listening on {sim.settings.host}:{sim.port}", file=sys.stderr, flush=True)
    control_lines.read_descriptor(control, sys.stdin.fileno() if sys.stdin else -1, _print)
    await ending.wait()
    summary = sim.summary()
    await sim.stop()
    print(json.dumps(summary), flush=True)
    return 0


def _print(line: bytes) -> None:
    sys.stdout.write(line.decode())
    sys.stdout.flush()


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = options.parser()
    parser.set_defaults(quiet=False, magic_table=False, show_styles=False)
    arguments = parser.parse_args(argv)
    try:
        settings = options.settings_of(arguments)
        sim = CarrierSim(settings)
    except ValueError as error:
        parser.error(str(error))
    if arguments.magic_table or arguments.show_styles:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # piped into head, as long tables are
        print(options.magic_text(settings) if arguments.magic_table else options.styles_text())
        return 0
    # Messages live long enough to be walked by every collection; they hold no cycles.
    gc.freeze()
    gc.set_threshold(100_000, 50, 1000)
    return uvloop.run(_serve(sim, arguments))


if __name__ == "__main__":
    sys.exit(main())
