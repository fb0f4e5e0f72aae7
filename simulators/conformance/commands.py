"""``carrier-sim conformance``: its options, and the run with its reports.

Exit status: 0 nothing failed, 1 something did (or no application came), 2 wrong usage. What a person has to do goes
to standard error, results as they come and the summary to standard output; with ``--json`` only JSON goes there.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

from simulators.arguments import Option, add_options, count, port
from simulators.carrier.settings import Tls
from simulators.conformance.bench import Bench
from simulators.conformance.checks import TABLE, chosen
from simulators.conformance.report import Report, Result
from simulators.conformance.run import examine
from simulators.conformance.settings import ConformanceSettings
from simulators.spread import parse_duration

_ABOUT = """\
Listen as a carrier, wait for a real application, and lead it through a checklist of what an application
must do right. It says what to do: start the application, let it send. It is best to have it send a message
a second all the time, some of them long. With the usual times the run takes about five minutes."""
_INTERRUPTED = 130
_EPILOG = """\
exit status: 0 nothing failed; 1 something failed, or no application came; 2 wrong usage;
130 ended by Ctrl-C or SIGTERM, with a report of what was found until then

example:
  smsgw-carrier-sim conformance --port 2776 --system-id shop --password secret --report report.txt --junit report.xml
"""


def add_conformance(subparsers: argparse._SubParsersAction[Any]) -> argparse.ArgumentParser:
    """Add the sub-command; ``run`` is set as its ``run`` default, and returns the exit status."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "conformance",
        help="lead an application that binds through a checklist",
        description=_ABOUT,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for title, options in _OPTIONS:
        add_options(parser, title, options)
    parser.set_defaults(run=run)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """The whole command; returns its exit status."""
    try:
        if arguments.list:
            print(_listing())
            return 0
        table = chosen(_names(arguments.only), _names(arguments.skip))
        settings = _settings(arguments)
        for path in (arguments.report, arguments.junit):
            if path is not None:
                path.write_text("", encoding="utf-8")  # better now than after five minutes
        report, ended = asyncio.run(_examined(settings, table, arguments.json))
    except (ValueError, OSError) as error:
        print(f"carrier-sim conformance: {error}", file=sys.stderr)
        return 2
    if arguments.report is not None:
        arguments.report.write_text(report.to_text(), encoding="utf-8")
    if arguments.junit is not None:
        arguments.junit.write_text(report.to_junit(), encoding="utf-8")
    print(json.dumps(report.to_json(), ensure_ascii=False, indent=2) if arguments.json else f"\n{report.summary()}")
    return _INTERRUPTED if ended else 0 if report.ok else 1


async def _examined(
    settings: ConformanceSettings, table: list[tuple[str, list[Any]]], quiet: bool
) -> tuple[Report, bool]:
    """The report, and whether somebody ended the run before its end."""
    shown = ""
    results: list[Result] = []

    def told(result: Result) -> None:
        nonlocal shown
        results.append(result)
        if quiet:
            return
        if result.group != shown:
            shown = result.group
            print(f"\n{shown}", flush=True)
        print(result.to_text(), flush=True)

    async with Bench(settings) as bench:
        number = sum(len(checks) for _, checks in table)
        _say(f"{number} checks; listening on {settings.host}:{bench.port}")
        task = asyncio.ensure_future(examine(bench, table, _say, told))
        for each in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(each, task.cancel)
        try:
            return await task, False
        except asyncio.CancelledError:
            _say(f"ended after {len(results)} checks")
            return Report(tuple(results), settings.system_id, settings.strict), True


def _say(words: str) -> None:
    print(f">> {words}", file=sys.stderr, flush=True)


def _settings(arguments: argparse.Namespace) -> ConformanceSettings:
    if (arguments.tls_certificate is None) != (arguments.tls_key is None):
        raise ValueError("--tls-certificate and --tls-key go together")
    tls = None
    if arguments.tls_certificate is not None:
        tls = Tls(arguments.tls_certificate, arguments.tls_key, arguments.tls_client_ca)
    given = {name: value for name, value in vars(arguments).items() if name in _FIELDS and value is not None}
    return ConformanceSettings(tls=tls, **given)


def _names(text: str) -> frozenset[str]:
    return frozenset(filter(None, (name.strip() for name in text.split(","))))


def _listing() -> str:
    lines = []
    for group, checks in TABLE:
        lines += ["", group]
        lines += [f"  {check.id:<24} {check.title}\n{'':26} {check.about}" for check in checks]
    return "\n".join(lines).strip()


_FIELDS = frozenset(field.name for field in fields(ConformanceSettings)) - {"tls"}
_TIME: dict[str, Any] = {"type": parse_duration, "metavar": "TIME"}


def _time(flag: str, field: str, meaning: str) -> Option:
    default = getattr(ConformanceSettings(), field)
    return flag, f"{meaning} ({default:g}s)", {**_TIME, "dest": field}


_OPTIONS: list[tuple[str, list[Option]]] = [
    ("the carrier", [
        ("--host", "address to listen on (127.0.0.1)", {}),
        ("--port", "port to listen on (a free one)", {"type": port}),
        ("--system-id", "the account that the application binds as (any)", {}),
        ("--password", "its password (any)", {}),
        ("--window", "unanswered requests that are allowed on a bind (10)", {"type": count, "metavar": "N"}),
        ("--tls-certificate", "listen with TLS", {"type": Path, "metavar": "FILE"}),
        ("--tls-key", "the key to it", {"type": Path, "metavar": "FILE"}),
        ("--tls-client-ca", "ask for a certificate that this one signed", {"type": Path, "metavar": "FILE"}),
    ]),
    ("the checks", [
        ("--only", "ids of checks or groups, separated by commas", {"default": "", "metavar": "CHECK,…"}),
        ("--skip", "leave these out", {"default": "", "metavar": "CHECK,…"}),
        ("--strict", "what was not seen fails the run", {"action": "store_true", "default": None}),
        ("--list", "show all checks and stop", {"action": "store_true"}),
        _time("--timeout", "patience_s", "for what a person must do, and for binding again"),
        _time("--answer", "answer_s", "for the application's answers"),
        _time("--idle", "idle_s", "for its own enquire_link"),
        _time("--half-open", "half_open_s", "until silence must be noticed"),
        _time("--refuse-for", "refuse_s", "how long binds are refused"),
        _time("--throttle-for", "throttle_s", "how long messages are refused as too many"),
        _time("--hold-for", "hold_s", "how long responses are held back"),
        _time("--quiet", "quiet_s", "before a person is asked for something"),
    ]),
    ("the report", [
        ("--report", "write it as text", {"type": Path, "metavar": "FILE"}),
        ("--junit", "write it as JUnit XML", {"type": Path, "metavar": "FILE"}),
        ("--json", "print it as JSON", {"action": "store_true"}),
    ]),
]  # fmt: skip
