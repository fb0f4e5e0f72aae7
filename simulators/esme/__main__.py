"""The command ``python -m simulators.esme`` (smsgw-esme-sim)."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import signal
import sys

import uvloop

from simulators.arguments import piped
from simulators.capture.format import CaptureError
from simulators.esme import options
from simulators.esme.chart import chart
from simulators.esme.listen import listen
from simulators.esme.load import Load
from simulators.esme.recording import recording
from simulators.esme.send import send
from smsgw.errors import ConfigError, LinkError, LocalError

_WRONG = 2
# 128 and the number of SIGINT, as shells have it.
_INTERRUPTED = 130


async def _load(arguments: argparse.Namespace) -> int:
    load = Load(options.load_settings(arguments))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, load.stop)
    async with recording(arguments.capture, load.attach):
        result = await load.run()
    print(json.dumps(result), flush=True)
    complete = result["ok"] == result["sent"] > 0 and not result["unsent"]
    if load.settings.histogram:
        print(chart(load.counts), file=sys.stderr, flush=True)
    return 0 if complete and result["matched"] == result["wanted"] else 1


def _run(arguments: argparse.Namespace) -> int:
    if "run" in arguments:  # commands about captures bring their own
        status: int = arguments.run(arguments)
        return status
    if arguments.command == "load":
        # What a run keeps are octets and numbers in large tables; walking them finds nothing.
        gc.freeze()
        gc.set_threshold(100_000, 50, 1000)
    if arguments.command in ("run", "check", "scenarios", "schema"):
        return _scenario(arguments)
    if arguments.command == "prompt":
        from simulators.esme.prompt import prompt  # a library for terminals that nothing else needs

        return uvloop.run(prompt(arguments))
    commands = {"send": send, "load": _load, "listen": listen}
    return uvloop.run(commands[arguments.command](arguments))


def _scenario(arguments: argparse.Namespace) -> int:
    from simulators.esme.scenario import command  # with all that reads files, which a message does without

    if arguments.command == "run":
        return uvloop.run(command.run(arguments))
    commands = {"check": command.check, "scenarios": command.scenarios, "schema": command.schema}
    return commands[arguments.command](arguments)


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = options.parser()
    arguments = parser.parse_args(argv)
    if arguments.command is None:  # here is what there is
        parser.print_help(sys.stderr)
        return _WRONG
    try:
        return piped(lambda: _run(arguments))
    except asyncio.CancelledError:
        return _INTERRUPTED
    except (LinkError, LocalError, CaptureError, ValueError, OSError) as error:
        print(f"smsgw-esme-sim {arguments.command}: {error}", file=sys.stderr)
        return _WRONG
    except ConfigError as errors:
        print(errors, file=sys.stderr)
        return _WRONG
    except KeyboardInterrupt:
        return _INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
