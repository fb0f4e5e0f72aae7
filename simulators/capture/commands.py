"""The commands about captures, for both simulators' command lines.

Each ``add_…`` adds a sub-command and sets ``run`` on its arguments: a function of the Namespace that
does it and returns the exit status (0 done, 1 done but not as recorded, 2 wrong usage or file).
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import signal
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvloop

from simulators.arguments import Option, add_options, count, credentials, number, port
from simulators.capture import show
from simulators.capture.application_replay import ApplicationReplay, ApplicationSettings
from simulators.capture.carrier_replay import CarrierReplay, CarrierReplaySettings
from simulators.capture.conversation import Follower, Selection, conversations
from simulators.capture.file import CaptureFile
from simulators.capture.format import CaptureError
from simulators.capture.matching import MATCHES
from simulators.capture.pace import parse_speed
from simulators.capture.reading import read_capture
from simulators.capture.script import Script, script_of
from simulators.carrier.settings import Tls
from simulators.esme.settings import ClientTls
from simulators.spread import parse_duration
from smsgw.smpp.constants import RESPONSE_BIT, CommandId, CommandStatus

if TYPE_CHECKING:  # generic for type checkers only
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

_FOR_EVER_S = 1e9
#: How long applications may take to unbind after all is done.
_LEAVE_S = 1.0
_FILE = "a capture: the simulators' own, pcap or pcapng, compressed by gzip or not"
_SELECTION: tuple[Option, ...] = (
    ("--connection", "only this connection of the capture; may be repeated",
     {"type": count, "metavar": "N", "action": "append", "dest": "connections", "default": []}),
    ("--account", "only connections of this system_id; may be repeated",
     {"metavar": "ID", "action": "append", "dest": "accounts", "default": []}),
    ("--where", "only connections of this simulated carrier or application; may be repeated",
     {"metavar": "NAME", "action": "append", "default": []}),
)  # fmt: skip
_PACE: tuple[Option, ...] = (
    ("--speed", "1 keeps recorded times, 10 is ten times as fast, max is as fast as possible (1)",
     {"type": parse_speed, "metavar": "X", "default": 1.0}),
    ("--report", "write the report there instead of to standard output", {"type": Path, "metavar": "FILE"}),
)  # fmt: skip
_CARRIER: tuple[Option, ...] = (
    ("--host", "address to listen on (127.0.0.1)", {"metavar": "A", "default": "127.0.0.1"}),
    ("--port", "port to listen on (2776)", {"type": port, "metavar": "N", "default": 2776}),
    ("--user", "take only this account; may be repeated (everybody)",
     {"type": credentials, "metavar": "ID:PW", "action": "append", "dest": "users", "default": []}),
    ("--match", "know a message by everything in it, or also by its recipient alone, or also by its turn (exact)",
     {"choices": MATCHES, "default": "exact"}),
    ("--unmatched", "command_status for messages that were not recorded; 0 takes them (0x45)",
     {"type": number, "metavar": "N", "default": int(CommandStatus.ESME_RSUBMITFAIL)}),
    ("--ids", "message ids: as recorded, or new ones for a peer that met those before (recorded)",
     {"choices": ("recorded", "new"), "default": "recorded"}),
    ("--window", "unanswered deliver_sm on a connection (10)", {"type": count, "metavar": "N", "default": 10}),
    ("--for", "end after this time, whatever is still to come",
     {"type": parse_duration, "metavar": "TIME", "dest": "for_s"}),
)  # fmt: skip
_APPLICATION: tuple[Option, ...] = (
    ("--host", "where the SMSC listens (127.0.0.1)", {"metavar": "A", "default": "127.0.0.1"}),
    ("--port", "its port (2775)", {"type": port, "metavar": "N", "default": 2775}),
    ("--system-id", "bind as this account (each as recorded)", {"metavar": "ID", "default": ""}),
    ("--password", "its password; captures hold none", {"metavar": "PW", "default": ""}),
    ("--window", "unanswered requests on a connection (the most there were in the recording)",
     {"type": count, "metavar": "N", "default": 0}),
    ("--answer-timeout", "give up on an answer after (30s)",
     {"type": parse_duration, "metavar": "TIME", "dest": "answer_timeout_s", "default": 30.0}),
    ("--linger", "wait so long for the recorded number of receipts and MO (5s)",
     {"type": parse_duration, "metavar": "TIME", "dest": "linger_s", "default": 5.0}),
)  # fmt: skip
_CARRIER_TLS: tuple[Option, ...] = (
    ("--tls-certificate", "take TLS connections only, with this certificate, PEM", {"type": Path, "metavar": "FILE"}),
    ("--tls-key", "its key, PEM", {"type": Path, "metavar": "FILE"}),
    ("--tls-client-ca", "ask clients for a certificate that this one has signed", {"type": Path, "metavar": "FILE"}),
)  # fmt: skip
_TLS: tuple[Option, ...] = (
    ("--tls", "use TLS; without --tls-ca the peer's certificate is not looked at", {"action": "store_true"}),
    ("--tls-ca", "certificates that may sign the peer's, PEM", {"type": Path, "metavar": "FILE"}),
    ("--tls-cert", "our certificate, PEM", {"type": Path, "metavar": "FILE"}),
    ("--tls-key", "its key, PEM, unless it is in the same file", {"type": Path, "metavar": "FILE"}),
    ("--tls-name", "name in the peer's certificate (the host)", {"metavar": "NAME", "default": ""}),
)  # fmt: skip


def add_replay_carrier(subparsers: Subparsers) -> None:
    """``replay FILE``: play the carrier of a capture."""
    parser = subparsers.add_parser(
        "replay",
        help="play the carrier of a capture",
        description="Answers every message as it was answered in the capture, and sends the receipts and MO that "
        "followed. Prints a report as JSON once all were asked for, or when stopped. Exit status: 0 when it went as "
        "recorded, 1 when not, 2 for a file or a port that can't be used.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help=_FILE)
    add_options(parser, "which part", _SELECTION)
    add_options(parser, "how", (*_CARRIER, *_PACE))
    add_options(parser, "TLS", _CARRIER_TLS)
    parser.set_defaults(run=run_replay_carrier)


def add_replay_application(subparsers: Subparsers) -> None:
    """``replay FILE``: play the applications of a capture."""
    parser = subparsers.add_parser(
        "replay",
        help="play the applications of a capture",
        description="Sends what the applications of a capture sent, on as many connections, and prints as JSON how the "
        "answers differ from the recorded ones. Exit status: 0 when they don't, 1 when they do or something was not "
        "sent, 2 for a file that can't be used or when no bind could be had.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help=_FILE)
    add_options(parser, "which part", _SELECTION)
    add_options(parser, "how", (*_APPLICATION, *_PACE))
    add_options(parser, "TLS", _TLS)
    parser.set_defaults(run=run_replay_application)


def add_convert(subparsers: Subparsers) -> None:
    """``convert IN OUT``: from one capture format to the other."""
    parser = subparsers.add_parser(
        "convert",
        help="convert a capture, or take a part of it",
        description="OUT is pcap when its name ends in .pcap, else the simulators' own format; .gz compresses either. "
        "pcap keeps neither business time nor names. Passwords of binds are blanked.",
    )
    parser.add_argument("file", type=Path, metavar="IN", help=_FILE)
    parser.add_argument("to", type=Path, metavar="OUT", help="the file to write")
    add_options(parser, "which part", _SELECTION)
    parser.set_defaults(run=run_convert)


def add_show(subparsers: Subparsers) -> None:
    """``show-capture FILE``: print a capture."""
    parser = subparsers.add_parser("show-capture", help="print a capture, a line for each PDU")
    parser.add_argument("file", type=Path, metavar="FILE", help=_FILE)
    add_options(parser, "which part", _SELECTION)
    parser.add_argument("--json", action="store_true", help="one JSON object for each PDU, with its octets")
    parser.add_argument("--links", action="store_true", help="also enquire_link and its answers")
    parser.set_defaults(run=run_show)


def run_replay_carrier(arguments: Namespace) -> int:
    """Run ``replay`` as carrier; returns its exit status."""
    return _guarded(lambda: uvloop.run(_replay_carrier(arguments)))


def run_replay_application(arguments: Namespace) -> int:
    """Run ``replay`` as application; returns its exit status."""
    return _guarded(lambda: uvloop.run(_replay_application(arguments)))


def run_convert(arguments: Namespace) -> int:
    """Run ``convert``; returns its exit status."""
    return _guarded(lambda: _convert(arguments))


def run_show(arguments: Namespace) -> int:
    """Run ``show-capture``; returns its exit status."""
    return _guarded(lambda: _show(arguments))


async def _replay_carrier(arguments: Namespace) -> int:
    settings = CarrierReplaySettings(
        arguments.host, arguments.port, dict(arguments.users), arguments.speed, arguments.match, arguments.unmatched,
        max(1, arguments.window), arguments.ids, _carrier_tls(arguments),
    )  # fmt: skip
    replay = CarrierReplay(_script(arguments), settings)
    try:
        await replay.start()
    except OSError as error:
        raise CaptureError(error.strerror or str(error)) from error
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, replay.end)
    print(f"listening on {settings.host}:{replay.port}", file=sys.stderr, flush=True)
    try:
        await replay.done(arguments.for_s or _FOR_EVER_S)
        await replay.left(_LEAVE_S)
    except TimeoutError:
        pass  # --for: the report says what is missing
    finally:
        await replay.stop()
    _report(replay.report.to_json(), arguments.report)
    return 0 if replay.report.is_same else 1


async def _replay_application(arguments: Namespace) -> int:
    settings = ApplicationSettings(
        arguments.port, arguments.host, arguments.system_id, arguments.password, arguments.speed, arguments.window,
        answer_timeout_s=arguments.answer_timeout_s, linger_s=arguments.linger_s, tls=_tls(arguments),
    )  # fmt: skip
    try:
        replay = ApplicationReplay(_script(arguments), settings)
    except ValueError as error:
        raise CaptureError(str(error)) from None
    report = await replay.run()
    _report(report.to_json(), arguments.report)
    for number_, why in report.troubles.items():
        print(f"connection {number_}: {why}", file=sys.stderr)
    if report.requests and not report.sent and report.troubles:
        return 2
    return 0 if report.is_same else 1


def _convert(arguments: Namespace) -> int:
    connections = _connections(arguments)
    if arguments.to.exists() and arguments.to.samefile(arguments.file):
        raise CaptureError(f"{arguments.to}: is the file to read; name another one to write")
    events = read_capture(arguments.file)
    first = next(events, None)  # an unreadable file leaves the other alone
    file = CaptureFile(arguments.to)
    for event in itertools.chain([] if first is None else [first], events):
        if connections is None or event.connection in connections:
            file.add(event)
    file.close()
    if file.failure:
        raise CaptureError(file.failure)
    return 0


def _show(arguments: Namespace) -> int:
    connections = _connections(arguments)
    follower = Follower()
    for event in read_capture(arguments.file):
        if connections is not None and event.connection not in connections:
            continue
        if event.kind in ("opened", "closed") and not arguments.json:
            print(show.event_line(event))
        for recorded in follower.feed(event):
            if arguments.links or recorded.command_id & ~RESPONSE_BIT != CommandId.ENQUIRE_LINK:
                print(
                    json.dumps(show.shown_pdu(recorded), ensure_ascii=False) if arguments.json else show.line(recorded)
                )
    return 0


def _carrier_tls(arguments: Namespace) -> Tls | None:
    certificate, key, client_ca = arguments.tls_certificate, arguments.tls_key, arguments.tls_client_ca
    if certificate is None or key is None:
        if certificate or key or client_ca:
            raise CaptureError("--tls-certificate and --tls-key go together, and --tls-client-ca with them")
        return None
    return Tls(certificate, key, client_ca)


def _tls(arguments: Namespace) -> ClientTls | None:
    files = (arguments.tls_ca, arguments.tls_cert, arguments.tls_key)
    wished = arguments.tls or any(files) or arguments.tls_name
    return ClientTls(*files, arguments.tls_name) if wished else None


def _selection(arguments: Namespace) -> Selection:
    return Selection(frozenset(arguments.connections), frozenset(arguments.accounts), frozenset(arguments.where))


def _connections(arguments: Namespace) -> frozenset[int] | None:
    """The selected connections; None for all. An account is known only once its bind was read, hence two passes."""
    selection = _selection(arguments)
    if selection.is_all:
        return None
    found = conversations(read_capture(arguments.file), selection)
    if not found:
        raise CaptureError(f"{arguments.file}: no connection in it is selected")
    return frozenset(each.connection for each in found)


def _script(arguments: Namespace) -> Script:
    found = conversations(read_capture(arguments.file), _selection(arguments))
    script = script_of(found)
    if not script.requests and not any(session.deliveries for session in script.sessions):
        raise CaptureError(f"{arguments.file}: nothing to replay in it: no message, question or delivery is selected")
    return script


def _report(report: dict[str, Any], to: Path | None) -> None:
    text = json.dumps(report, ensure_ascii=False, indent=2) + "\n"
    if to is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    try:
        to.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CaptureError(f"{to}: can't be written: {error.strerror or error}") from error


def _guarded(command: Callable[[], int]) -> int:
    try:
        return command()
    except CaptureError as error:
        print(error, file=sys.stderr)
        return 2
