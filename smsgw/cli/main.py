"""The ``smsgw`` command: its sub-commands, and what a user sees when something goes wrong.

Nobody gets a traceback for a typing error or a missing file. For a bug there is one on request:
SMSGW_TRACEBACK=1.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Annotated, Final, NoReturn

import typer

from smsgw import __version__
from smsgw.cli import alarms, archive, backup, console, links, report, route
from smsgw.cli.carriers import account, bind, carrier
from smsgw.cli.check import check
from smsgw.cli.explain.command import explain
from smsgw.cli.operations import audit, review
from smsgw.cli.operations.pause import pause, pauses, resume
from smsgw.cli.operations.quota import quota
from smsgw.cli.password import password
from smsgw.cli.recipients import blacklist, consent, dead, optout, tier
from smsgw.cli.records import records
from smsgw.cli.registers import campaign, channel, contact, signature, template, word
from smsgw.cli.run import run
from smsgw.cli.schema import schema
from smsgw.cli.stats import stats
from smsgw.cli.status import status
from smsgw.cli.store import commands as store
from smsgw.cli.usage import CommandLine
from smsgw.cli.versions.apply import apply, confirm, rollback
from smsgw.cli.versions.diff import diff
from smsgw.cli.versions.history import history
from smsgw.cli.watch import queue
from smsgw.cli.watch.message import message
from smsgw.cli.watch.top import top
from smsgw.cli.watch.trace import trace
from smsgw.cli.worker import worker
from smsgw.compiled import HOW
from smsgw.errors import SmsgwError

_GATEWAY: Final = "The gateway"
_CHANGING: Final = "Changing the site"
_REGISTERS: Final = "What staff register"
_RECIPIENTS: Final = "Recipients"
_DAILY: Final = "Daily work"
_LINKS: Final = "Carriers and applications"

app = typer.Typer(
    name="smsgw",
    cls=CommandLine,
    help="SMPP gateway: decides whether each message may be sent, and carries what may be sent.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_COMMANDS: Final[tuple[tuple[str, Callable[..., None]], ...]] = (
    (_GATEWAY, run),
    (_GATEWAY, check),
    (_GATEWAY, explain),
    (_GATEWAY, schema),
    (_GATEWAY, status),
    (_GATEWAY, records),
    (_GATEWAY, stats),
    (_GATEWAY, password),
    (_CHANGING, diff),
    (_CHANGING, apply),
    (_CHANGING, confirm),
    (_CHANGING, rollback),
    (_CHANGING, history),
    (_LINKS, top),
    (_LINKS, trace),
    (_LINKS, message),
    (_DAILY, pause),
    (_DAILY, resume),
    (_DAILY, pauses),
    (_DAILY, quota),
)
_GROUPS: Final = (
    (_GATEWAY, "route", route.app),
    (_GATEWAY, "console", console.app),
    (_GATEWAY, "links", links.app),
    (_GATEWAY, "alarms", alarms.app),
    (_GATEWAY, "backup", backup.app),
    (_GATEWAY, "store", store.app),
    (_GATEWAY, "archive", archive.app),
    (_GATEWAY, "report", report.app),
    (_LINKS, "carrier", carrier.app),
    (_LINKS, "bind", bind.app),
    (_LINKS, "account", account.app),
    (_LINKS, "queue", queue.app),
    (_DAILY, "review", review.app),
    (_DAILY, "audit", audit.app),
    (_REGISTERS, "signature", signature.app),
    (_REGISTERS, "template", template.app),
    (_REGISTERS, "word", word.app),
    (_REGISTERS, "contact", contact.app),
    (_REGISTERS, "campaign", campaign.app),
    (_REGISTERS, "channel", channel.app),
    (_RECIPIENTS, "optout", optout.app),
    (_RECIPIENTS, "consent", consent.app),
    (_RECIPIENTS, "blacklist", blacklist.app),
    (_RECIPIENTS, "dead", dead.app),
    (_RECIPIENTS, "tier", tier.app),
)
for _panel, _command in _COMMANDS:
    app.command(rich_help_panel=_panel)(_command)
app.command(hidden=True)(worker)
for _panel, _name, _group in _GROUPS:
    app.add_typer(_group, name=_name, rich_help_panel=_panel)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"smsgw {__version__}, {HOW}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


def main() -> NoReturn:
    """Entry point: run the command line and exit."""
    try:
        app(prog_name="smsgw")
    except SmsgwError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader (head, less) has gone: nothing to say, and nothing left to say it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error))
    except Exception as error:  # the outermost frame: a bug's traceback helps us, not the user
        if os.environ.get("SMSGW_TRACEBACK"):
            raise
        _fail(f"internal error: {type(error).__name__}: {error} (SMSGW_TRACEBACK=1 shows where)")
    sys.exit(0)


def _fail(message: str) -> NoReturn:
    typer.echo(f"smsgw: {message}", err=True)
    sys.exit(1)
