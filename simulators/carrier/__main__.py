"""The command ``python -m simulators.carrier`` (smsgw-carrier-sim).

With options only it serves one carrier until it is told to end; its sub-commands are in ``commands``.
"""

from __future__ import annotations

import json
import sys
from argparse import Namespace

import uvloop

from simulators.arguments import piped
from simulators.carrier import options
from simulators.carrier.settings import CarrierSettings

#: 128 and the number of SIGINT, as shells have it.
_INTERRUPTED = 130


async def _serve(settings: CarrierSettings, arguments: Namespace) -> int:
    from simulators.carrier.running import Run, RunOptions, failed, serving
    from simulators.scenario.model import Scenario

    scenario = Scenario(settings.name, (settings,), seed=settings.seed)
    wished = ("capture", "http_port", "http_host", "quiet")
    given = {name: getattr(arguments, name) for name in wished if name in arguments}
    run = Run(scenario, RunOptions(**given))
    try:
        async with serving(run):
            await run.over.wait()
            summary = run.group.carriers[settings.name].summary()
    except OSError as error:
        return failed(str(error))
    print(json.dumps(summary), flush=True)
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    try:
        return piped(lambda: _run(sys.argv[1:] if argv is None else argv))
    except KeyboardInterrupt:  # before a run has begun, or after it has ended
        return _INTERRUPTED


def _run(words: list[str]) -> int:
    if words and not words[0].startswith("-"):
        from simulators.carrier import commands

        return commands.main(words)
    parser = options.parser()
    parser.set_defaults(quiet=False, magic_table=False, show_styles=False)
    arguments = parser.parse_args(words)
    try:
        settings = options.settings_of(arguments)
    except ValueError as error:
        parser.error(str(error))
    if arguments.magic_table or arguments.show_styles:
        print(options.magic_text(settings) if arguments.magic_table else options.styles_text())
        return 0
    from simulators.carrier.running import long_lives

    try:
        with long_lives():
            return uvloop.run(_serve(settings, arguments))
    except ValueError as error:
        parser.error(str(error))


if __name__ == "__main__":
    sys.exit(main())
