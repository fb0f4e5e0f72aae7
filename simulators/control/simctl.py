"""The command ``simctl``: looks at a running carrier simulator and steers it, over its control port.

Owns the command line; ``simctl_commands`` does the requests, ``simctl_show`` writes for people.
Exit status: 0 done, 1 refused or a condition did not hold, 2 wrong usage or no simulator there, 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable

from simulators.arguments import piped
from simulators.control import simctl_commands as commands
from simulators.control.client import Client, Refused, Unreachable

DEFAULT_URL = "http://127.0.0.1:8780"

_ABOUT = """Look at a running carrier simulator and steer it (start one with --http PORT)."""
_EXAMPLES = """examples:
  simctl state
  simctl set limits.rate=50 receipts.states='DELIVRD:50%,UNDELIV:50%'
  simctl mo 13800138000 10690001 TD
  simctl received --to '138*' --last 5 --raw
  simctl wait --count 3 --to '138*' --timeout 5s
  simctl receipt 1000000001 UNDELIV/001
  simctl drop; simctl half-open --account smsgw
  simctl clock advance 8h; simctl clock rate 60
  simctl snapshot > before.json; simctl restore before.json

Exit status: 0 done; 1 refused, or a condition did not hold; 2 wrong usage, or no simulator there.
"""
_CLOCK_EXAMPLES = """examples:
  simctl clock
  simctl clock advance 8h
  simctl clock set 2026-11-18T21:30:00+08:00
  simctl clock rate 60"""
#: As shells have it: what was waited for did not come true.
_INTERRUPTED = 130
_NUMBERS_HELP = "pattern: * and ? are wild, /…/ is a regular expression; may be given again"


def parser() -> argparse.ArgumentParser:
    """All commands with their options."""
    common = _common(argparse.SUPPRESS)
    top = argparse.ArgumentParser(
        "simctl",
        description=_ABOUT,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[_common(None)],
    )
    adding = top.add_subparsers(title="commands", metavar="COMMAND")

    def add(name: str, run: commands.Command, about: str, more: str = "") -> argparse.ArgumentParser:
        added = adding.add_parser(
            name,
            help=about,
            description=f"{about[0].upper()}{about[1:]}.",
            epilog=more or None,
            parents=[common],
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        added.set_defaults(run=run)
        return added

    _add_looking(add)
    _add_steering(add)
    _add_run(add)
    return top


Add = Callable[..., argparse.ArgumentParser]


def _common(default: object) -> argparse.ArgumentParser:
    """Options of every command, before its name and behind it."""
    common = argparse.ArgumentParser(add_help=False)
    url = os.environ.get("SIMCTL_URL") or DEFAULT_URL
    common.add_argument("--url", default=default or url, help=f"control port (or SIMCTL_URL; {DEFAULT_URL})")
    common.add_argument("--carrier", "-c", default=default or "", help="which carrier, when there are several")
    json_default = False if default is None else default
    common.add_argument("--json", action="store_true", default=json_default, help="print the answer's JSON")
    return common


def _add_looking(add: Add) -> None:
    add("state", commands.state, "clock, carriers, connections and counts")
    received = add("received", commands.received, "what applications sent, refused messages too")
    entries = add("entries", commands.entries, "everything that happened: messages, receipts, MO, binds")
    entries.add_argument("--kind", action="append", help="submit, receipt, mo, bind, refused_bind, unbind, lost")
    for each in (received, entries):
        _filters(each)
        each.add_argument("--last", type=int, default=20, metavar="N", help="show the last N (20)")
        each.add_argument("--raw", action="store_true", help="every field decoded, and all octets")
    traffic = add("traffic", commands.traffic, "every PDU as it comes and goes, until Ctrl-C")
    traffic.add_argument("--account", action="append", help="only of this system_id; may be given again")
    traffic.add_argument("--command", action="append", help="only such commands, e.g. 'submit_sm*'")
    traffic.add_argument("--all", action="store_true", help="enquire_link and its answers, too")
    traffic.add_argument("--count", type=int, default=0, metavar="N", help="end after N PDUs")
    traffic.add_argument("--raw", action="store_true", help="with all octets")
    decode = add("decode", commands.decode, "any PDU's octets, decoded")
    decode.add_argument("hex", nargs="+", help="hexadecimal; blanks and colons are allowed")
    settings = add("settings", commands.settings, "settings of a carrier, with what each is for")
    settings.add_argument("key", nargs="*", help="only these, e.g. limits or limits.rate")


def _add_steering(add: Add) -> None:
    change = add("set", commands.change, "change settings of a running carrier", "simctl settings lists them.")
    change.add_argument(
        "change", nargs="+", metavar="[CARRIER] KEY=VALUE", help="e.g. limits.rate=50 answers.delay=20ms"
    )
    mo = add("mo", commands.mo, "write as a subscriber; a long text goes as segments")
    for name, what in (("from", "the subscriber's number"), ("to", "the number written to"), ("text", "the text")):
        mo.add_argument(name, help=what)
    mo.add_argument("--account", default="", help="system_id that gets it; else the first that can receive")
    mo.add_argument("--data-coding", type=_number, metavar="N", help="0 or 8 as the text needs, when not given")
    receipt = add("receipt", commands.receipt, "send a receipt for a message")
    receipt.add_argument("message_id", help="as the answer to the message had it")
    receipt.add_argument("state", help="stat or stat/err: DELIVRD, UNDELIV/001, MK:0001")
    receipt.add_argument("--style", default="", help="how it is written, e.g. tlv or text+quoted")
    receipt.add_argument("--other-bind", action="store_true", help="on another bind than the message came on")
    for name, about in commands.LINK_ACTIONS.items():
        link = add(name, commands.links, about)
        link.set_defaults(do=name.replace("-", "_"))
        _which(link)
    refuse = add("refuse-binds", commands.refuse_binds, "refuse new binds, or take them again")
    refuse.add_argument("status", nargs="?", default="0x0D", help="command_status (0x0D), or off")
    flood = add("flood", commands.flood, "send many PDUs at once")
    flood.add_argument("kind", choices=["enquire_link", "mo", "receipt", "unknown"])
    flood.add_argument("count", type=int, help="how many in all")
    malformed = add("malformed", commands.malformed, "send a malformed or unknown PDU")
    malformed.add_argument("kind", nargs="?", default="", help="one that the seed picks, when not given")
    malformed.add_argument("--list", action="store_true", help="show the kinds there are, and send nothing")
    raw = add("raw", commands.raw, "send octets as they are")
    raw.add_argument("hex", nargs="+", help="hexadecimal; blanks and colons are allowed")
    for each in (flood, malformed, raw):
        _which(each)


def _add_run(add: Add) -> None:
    wait = add("wait", commands.wait, "wait for a condition; exit status 1 when it does not come true")
    wait.add_argument("--count", type=int, default=1, metavar="N", help="at least N entries that match (1)")
    wait.add_argument("--timeout", default="5s", help="how long: 500ms, 5s, 2m (5s)")
    wait.add_argument("--bound", type=int, metavar="N", help="at least N connections are bound")
    wait.add_argument("--idle", action="store_true", help="no receipt or MO waits any more")
    wait.add_argument("--kind", action="append", help="submit (the default), receipt, mo, bind…")
    _filters(wait)
    clock = add("clock", commands.clock, "business time: show it, or move it (and the gateways' clocks with it)",
                _CLOCK_EXAMPLES)  # fmt: skip
    clock.add_argument("do", nargs="?", choices=["show", "advance", "set", "rate"], default="show")
    clock.add_argument("value", nargs="?", help="a duration, a time with its zone, or simulated seconds a second")
    capture = add("capture", commands.capture, "record all octets, for Wireshark (.pcap) or to replay (.jsonl)")
    capture.add_argument("do", choices=["start", "stop", "list", "fetch"])
    capture.add_argument("file", nargs="?", help="a file name, in the directory of the simulator's recordings")
    add("reset", commands.reset, "forget counts and messages, and begin the time line anew; settings stay")
    snapshot = add("snapshot", commands.snapshot, "everything as JSON, to be restored")
    snapshot.add_argument("file", nargs="?", default="-", help="where to; else standard output")
    restore = add("restore", commands.restore, "give carriers the settings of a snapshot, and the clock its time")
    restore.add_argument("file", help="- for standard input")
    add("ledger", commands.ledger, "what was received and sent, without times: the same for the same seed")
    add("expect", commands.expect, "how the scenario's expectations stand; exit status 1 when one is not met")
    add("phases", commands.phases, "phases of the time line that hold now")


def _filters(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("conditions", "all that are given must hold")
    group.add_argument("--to", dest="destination", action="append", help=_NUMBERS_HELP)
    group.add_argument("--from", dest="source", action="append", help=_NUMBERS_HELP)
    group.add_argument("--text", action="append", help=_NUMBERS_HELP)
    group.add_argument("--account", action="append", help="system_id")
    group.add_argument("--status", action="append", help="of the answer: 0x58, 88 or THROTTLED")
    group.add_argument("--id", dest="message_id", action="append", help="message id")
    group.add_argument("--stat", action="append", help="of receipts: DELIVRD…")
    group.add_argument("--tlv", action="append", help="NAME or NAME=VALUE, e.g. message_state=2 or 0x1400")
    group.add_argument("--bind", action="append", help="number of the connection")
    group.add_argument("--data-coding", action="append", help="0, 8, 15…")


def _which(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--account", default="", help="only connections of this system_id")
    parser.add_argument("--bind", type=int, default=0, metavar="N", help="only connection N")


def _number(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number; write it like 8 or 0x08") from None


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    return piped(lambda: _run(argv))


def _run(argv: list[str] | None) -> int:
    made = parser()
    arguments = made.parse_args(argv)
    if "run" not in arguments:  # no command: here is what there is
        made.print_help(sys.stderr)
        return 2
    try:
        with Client(arguments.url, arguments.carrier) as client:
            command: commands.Command = arguments.run
            return command(client, arguments)
    except (Unreachable, commands.Misused) as error:
        print(f"simctl: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        raise
    except (Refused, OSError) as error:
        print(f"simctl: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
