"""The sub-commands of ``carrier-sim``; without one it serves as its options say.

Each adds its parser and is a function of the arguments that returns the exit status: 0 as expected,
1 not, 2 wrong usage or file.
"""

from __future__ import annotations

import argparse
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from simulators.arguments import Option, add_options, port
from simulators.carrier.settings import CarrierSettings
from simulators.scenario import Scenario, load_scenario
from simulators.scenario.library import find_scenario, shipped
from simulators.scenario.schema import schema_text
from smsgw.documents.problems import ConfigErrors
from smsgw.documents.units import parse_duration

Adding = argparse._SubParsersAction
_ABOUT_RUN = """\
Run a scenario to its end and print a report. Exit status: 0 when everything expected came true, 1 when not,
2 when the file is wrong or the run could not be made. Without [end] and --for it runs until SIGTERM or Ctrl-C."""


def parser(*, all_of_them: bool = True) -> argparse.ArgumentParser:
    """The command line with its sub-commands; without ``all_of_them`` only those of this module, which load faster."""
    made = argparse.ArgumentParser(prog="smsgw-carrier-sim", allow_abbrev=False)
    adding = made.add_subparsers(metavar="COMMAND", required=True)
    for add in _OWN.values():
        add(adding)
    if all_of_them:
        from simulators.capture.commands import add_convert, add_replay_carrier, add_show
        from simulators.conformance.commands import add_conformance

        for more in (add_replay_carrier, add_convert, add_show, add_conformance):
            more(adding)
    return made


def _add_run(adding: Adding[argparse.ArgumentParser]) -> None:
    made = adding.add_parser(
        "run", help="run a scenario and say whether what it expects came true", description=_ABOUT_RUN,
        formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False,
    )  # fmt: skip
    made.add_argument(
        "scenario", metavar="FILE|NAME", help="a scenario, a gateway's carrier file, or one that is shipped"
    )
    add_options(made, "running", _RUN)
    made.set_defaults(run=_run)


_FILE: dict[str, Any] = {"type": Path, "metavar": "FILE"}
_RUN: tuple[Option, ...] = (
    ("--for", "end after so much business time, such as 30s or 5m",
     {"dest": "for_s", "type": parse_duration, "metavar": "T"}),
    ("--seed", "in place of the scenario's", {"metavar": "S"}),
    ("--port", "where carriers listen that name no port: this and the ones behind it; 0 for free ones (2776)",
     {"type": port, "default": 2776, "metavar": "N"}),
    ("--report", "write the result as JSON", _FILE),
    ("--junit", "write the expectations as JUnit XML", _FILE),
    ("--ledger", "write what was received, answered and sent; same seed, same octets", _FILE),
    ("--capture", "record every octet; as pcap when the name ends so", _FILE),
    ("--http", "control port for simctl and browsers; 0 for a free one",
     {"dest": "http_port", "type": port, "metavar": "PORT"}),
    ("--http-host", "address of the control port (127.0.0.1)", {"default": "127.0.0.1", "metavar": "A"}),
    ("--quiet", "say nothing on stderr", {"action": "store_true"}),
)  # fmt: skip


def _run(arguments: Namespace) -> int:
    import uvloop

    from simulators.carrier.running import RunOptions, long_lives, run_scenario

    scenario = _load(arguments.scenario, arguments.seed)
    if scenario is None:
        return 2
    scenario = replace(scenario, carriers=tuple(_placed(scenario.carriers, arguments.port)))
    given = {name: getattr(arguments, name) for name in RunOptions.__dataclass_fields__}
    with long_lives():
        return uvloop.run(run_scenario(scenario, RunOptions(**given)))


def _placed(carriers: Iterable[CarrierSettings], first: int) -> Iterator[CarrierSettings]:
    """The same with ports from ``first`` on for those that have none; behind the last port there are free ones."""
    following = iter(range(first, 65_536) if first else ())
    for carrier in carriers:
        yield carrier if carrier.port else replace(carrier, port=next(following, 0))


def _load(name: str, seed: str | None = None) -> Scenario | None:
    try:
        return load_scenario(find_scenario(name), seed=seed)
    except (LookupError, ConfigErrors) as error:
        print(error.args[0], file=sys.stderr)
        return None


def _add_check(adding: Adding[argparse.ArgumentParser]) -> None:
    made = adding.add_parser("check", help="say what is wrong with scenario files")
    made.add_argument("scenarios", nargs="+", metavar="FILE|NAME")
    made.set_defaults(run=_check)


def _check(arguments: Namespace) -> int:
    status = 0
    for name in arguments.scenarios:
        scenario = _load(name)
        if scenario is None:
            status = 2
        else:
            parts = {"carrier": scenario.carriers, "phase": scenario.phases, "event": scenario.events,
                     "expectation": scenario.expectations}  # fmt: skip
            told = [f"{len(found)} {part}{'s' if len(found) > 1 else ''}" for part, found in parts.items() if found]
            print(f"{name}: ok, {', '.join(told)}")
    return status


def _add_schema(adding: Adding[argparse.ArgumentParser]) -> None:
    made = adding.add_parser("schema", help="print the JSON schema of scenario files, for editors")
    made.set_defaults(run=_schema)


def _schema(arguments: Namespace) -> int:
    print(schema_text(), end="")
    return 0


def _add_scenarios(adding: Adding[argparse.ArgumentParser]) -> None:
    made = adding.add_parser("scenarios", help="list the scenarios that are shipped, or print one of them")
    made.add_argument("name", nargs="?", metavar="NAME", help="print this one, to start from")
    made.set_defaults(run=_scenarios)


def _scenarios(arguments: Namespace) -> int:
    if arguments.name is not None:
        try:
            print(find_scenario(arguments.name).read_text(encoding="utf-8"), end="")
        except LookupError as error:
            print(error.args[0], file=sys.stderr)
            return 2
        return 0
    found = [(name, load_scenario(path).about) for name, path in shipped().items()]
    width = max((len(name) for name, _ in found), default=0)
    for name, about in found:
        print(f"{name:{width}}  {about}")
    return 0


_OWN = {"run": _add_run, "check": _add_check, "schema": _add_schema, "scenarios": _add_scenarios}


def main(argv: list[str]) -> int:
    """Run a sub-command; returns its exit status."""
    arguments = parser(all_of_them=argv[0] not in _OWN).parse_args(argv)
    run: Callable[[Namespace], int] = arguments.run
    return run(arguments)
