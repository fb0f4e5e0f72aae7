"""``prompt``: picks terminal or pipe, and keeps the application for as long as it takes."""

from __future__ import annotations

import sys
from argparse import Namespace

from simulators.esme.options import esme_settings
from simulators.esme.prompt.script import run_script
from simulators.esme.prompt.session import Session
from simulators.esme.prompt.terminal import run_terminal
from simulators.esme.recording import recording
from simulators.esme.sim import EsmeSim


async def prompt(arguments: Namespace) -> int:
    """Run the command; returns its exit status, 1 when a command of a script failed. Raises LinkError."""
    esme = EsmeSim(esme_settings(arguments))
    async with recording(arguments.capture, esme.attach, esme.clock), esme:
        session = Session(esme, arguments.wait_s, arguments.json)
        if sys.stdin.isatty() and sys.stdout.isatty():
            await run_terminal(session, arguments.history)
            return 0
        return await run_script(session)
