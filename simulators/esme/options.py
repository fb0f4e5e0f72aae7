"""The application's command line: send, prompt, run, load, listen, replay, and their options."""

from __future__ import annotations

import argparse
import math
from dataclasses import fields
from pathlib import Path
from typing import Any

from simulators.arguments import Option, add_options, count, credentials, number, octet, port
from simulators.capture.commands import add_replay_application
from simulators.esme.lists import read_recipients, read_text
from simulators.esme.load_settings import LoadSettings
from simulators.esme.message import LONG_FORMS
from simulators.esme.message_options import MESSAGE, octets, smpp_time
from simulators.esme.settings import BIND_COMMANDS, ClientTls, EsmeSettings
from simulators.spread import parse_duration
from smsgw.smpp.constants import V34

_ENDINGS = """\
Exit status: 0 when every message was answered ESME_ROK and every receipt that was asked for came
(send: and says DELIVRD); 1 when not; 2 for wrong usage, or when no bind could be had;
3 when an answer or receipt did not come in time (send)."""
_FILE_ENDINGS = (
    "Exit status: 0 when all is well; 1 when an expectation did not come true (run); 2 for a wrong file or usage."
)
_OF_FILES = ("run", "check", "scenarios", "schema")

_TIME: dict[str, Any] = {"type": parse_duration, "metavar": "TIME"}
_COUNT: dict[str, Any] = {"type": count, "metavar": "N"}
_OCTET: dict[str, Any] = {"type": octet, "metavar": "N"}


def _rate(text: str) -> float:
    try:
        value = float(text.removesuffix("/s"))
    except ValueError:
        raise ValueError(f"{text!r} is not a rate; write it like 1000 or 1000/s") from None
    if not 0 <= value < math.inf:
        raise ValueError(f"{text!r} is no rate: 0 or more")
    return value


def _deliver_status(text: str) -> int | None:
    return None if text == "none" else number(text)


def _users(text: str) -> list[tuple[str, str]]:
    return [credentials(user) for user in text.split(",")]


def _version(text: str) -> int:
    if text not in ("3.3", "3.4", "5.0"):
        raise ValueError(f"{text!r} is not 3.3, 3.4 or 5.0")
    return int(text.replace(".", ""), 16)


_CONNECTION: tuple[Option, ...] = (
    ("--host", "where the SMSC listens (127.0.0.1)", {"metavar": "A", "default": "127.0.0.1"}),
    ("--port", "its port (2775)", {**_COUNT, "type": port, "default": 2775}),
    ("--system-id", "account (load)", {"metavar": "ID", "default": "load"}),
    ("--password", "its password (secret)", {"metavar": "PW", "default": "secret"}),
    ("--system-type", "system_type of the bind", {"metavar": "S", "default": ""}),
    ("--bind", "kind of bind (trx)", {"choices": tuple(BIND_COMMANDS), "default": "trx"}),
    ("--bind-timeout", "give up binding after (15s)", {**_TIME, "dest": "bind_timeout_s", "default": 15.0}),
)  # fmt: skip

_VERSION: Option = (
    "--version",
    "SMPP version of the bind: 3.3, 3.4, 5.0 (3.4)",
    {"type": _version, "metavar": "V", "dest": "interface_version", "default": V34},
)

_CAPTURE: Option = ("--capture", "record every octet: .jsonl, .jsonl.gz, .pcap", {"metavar": "FILE"})

_TLS: tuple[Option, ...] = (
    ("--tls", "use TLS; without --tls-ca the peer's certificate is not looked at", {"action": "store_true"}),
    ("--tls-ca", "certificates that may sign the peer's, PEM", {"type": Path, "metavar": "FILE"}),
    ("--tls-cert", "our certificate, PEM", {"type": Path, "metavar": "FILE"}),
    ("--tls-key", "its key, PEM, unless it is in the same file", {"type": Path, "metavar": "FILE"}),
    ("--tls-name", "name in the peer's certificate (the host)", {"metavar": "NAME", "default": ""}),
)  # fmt: skip

_SEND: tuple[Option, ...] = (
    ("--to", "recipient; several make one submit_multi", {"metavar": "A", "action": "append", "dest": "recipients"}),
    *MESSAGE,
    ("--wait", "wait so long for the answer, and again for receipts (30s)",
     {**_TIME, "dest": "wait_s", "default": 30.0}),
    ("--query", "ask for the state of a message instead", {"metavar": "MESSAGE_ID"}),
    ("--cancel", "cancel a message instead", {"metavar": "MESSAGE_ID"}),
    ("--replace", "replace a message by TEXT instead", {"metavar": "MESSAGE_ID"}),
    ("--pdu", "send this PDU instead, as it is but for its sequence number", {"type": octets, "metavar": "HEX"}),
    ("--trace", "print every PDU, both ways, in hexadecimal", {"action": "store_true"}),
    ("--json", "print one line of JSON", {"action": "store_true"}),
)  # fmt: skip

_LOAD: tuple[Option, ...] = (
    ("--users", "accounts, instead of --system-id; connections take them in turn",
     {"type": _users, "metavar": "ID:PW,..."}),
    ("--conns", "sending connections (1)", {**_COUNT, "dest": "connections", "default": 1}),
    ("--rx", "further bind_receiver connections (0)", {**_COUNT, "dest": "receivers", "default": 0}),
    ("--window", "unanswered submit_sm of one connection (100)", {**_COUNT, "default": 100}),
    ("--count", "stop sending after so many messages", {**_COUNT, "default": 0}),
    ("--duration", "stop sending after", {**_TIME, "dest": "duration_s", "default": 0.0}),
    ("--rate", "messages a second, whatever the answers are (open loop); without it windows are kept full",
     {"type": _rate, "metavar": "R", "default": 0.0}),
    ("--ramp", "grow to the rate or window over", {**_TIME, "dest": "ramp_s", "default": 0.0}),
    ("--ramp-binds", "open the connections one by one over; sending begins with the first",
     {**_TIME, "dest": "bind_ramp_s", "default": 0.0}),
    ("--mix", "accounts and kinds of messages from a TOML file, in place of all that says which",
     {"metavar": "FILE", "type": Path, "default": None}),
    ("--to-file", "recipients from a file, a line each", {"metavar": "FILE", "type": Path}),
    ("--from", "source address (10690001)", {"metavar": "A", "dest": "source", "default": "10690001"}),
    ("--dest-base", "first recipient (8613800000000)",
     {**_COUNT, "dest": "recipient_base", "default": LoadSettings().recipient_base}),
    ("--dest-count", "recipients in all (1000000)", {**_COUNT, "dest": "recipient_count", "default": 1_000_000}),
    ("--text", "body; {n} becomes the message's number in nine digits", {"metavar": "T"}),
    ("--text-file", "body from a UTF-8 file", {"metavar": "FILE", "type": Path}),
    ("--coding", "data_coding (0, or 8 when the text needs it)",
     {**_OCTET, "dest": "data_coding"}),
    ("--long", "how a long body is sent (udh); count, rate and {n} are of whole messages, the result of segments",
     {"choices": LONG_FORMS, "default": "udh"}),
    ("--rd", "registered_delivery; 1 asks for receipts (0)",
     {**_OCTET, "dest": "registered_delivery", "default": 0}),
    ("--validity", "validity_period: from now, such as 30m, or an SMPP time",
     {"metavar": "TIME", "dest": "validity_period", "default": ""}),
    ("--priority", "priority_flag (0)", {**_OCTET, "dest": "priority_flag", "default": 0}),
    ("--wait", "wait for receipts until so long brings none (10s)", {**_TIME, "dest": "wait_s", "default": 10.0}),
    ("--reconnect", "bind again after a lost connection or refused bind", {"action": "store_true"}),
    ("--enquire", "enquire_link after so much silence (10s; 0 never)",
     {**_TIME, "dest": "enquire_s", "default": 10.0}),
    ("--ledger", "write number and id of each message answered ESME_ROK",
     {"metavar": "FILE", "dest": "ledger_path", "default": ""}),
    ("--histogram", "print latencies as bars on stderr; buckets in the JSON", {"action": "store_true"}),
    ("--progress", "a line on stderr every (1s; 0 never)", {**_TIME, "dest": "progress_s", "default": 1.0}),
)  # fmt: skip

_ANSWERING: tuple[Option, ...] = (
    ("--answer", "command_status of our deliver_sm_resp, or none (0)",
     {"type": _deliver_status, "metavar": "STATUS", "default": 0}),
    ("--answer-after", "send them so late (0)", {**_TIME, "dest": "deliver_after_s", "default": 0.0}),
    ("--enquire", "enquire_link after so much silence (10s; 0 never)",
     {**_TIME, "dest": "enquire_s", "default": 10.0}),
    ("--reconnect", "bind again so long after a lost connection", {**_TIME, "dest": "reconnect_s", "default": 0.0}),
)  # fmt: skip

_LISTEN: tuple[Option, ...] = (
    ("--count", "end after so many", {**_COUNT, "default": 0}),
    ("--duration", "end after", {**_TIME, "dest": "duration_s", "default": 0.0}),
    ("--outbind-port", "don't connect: wait here for the SMSC's outbind, then bind on its connection (0: a free port)",
     {**_COUNT, "default": None}),
    ("--json", "print a line of JSON for each", {"action": "store_true"}),
)  # fmt: skip

_PROMPT: tuple[Option, ...] = (
    ("--json", "print a line of JSON for each answer, receipt, MO and event", {"action": "store_true"}),
    ("--wait", "wait so long for answers, and at the end of a script for receipts (30s)",
     {**_TIME, "dest": "wait_s", "default": 30.0}),
    ("--history", "file of earlier commands (~/.smsgw-esme-sim-history); empty for none", {"metavar": "FILE"}),
)  # fmt: skip

_RUN: tuple[Option, ...] = (
    ("--host", "in place of every application's host", {"metavar": "A"}),
    ("--port", "in place of every application's port", {"type": port, "metavar": "N"}),
    ("--for", "end after (business time of the scenario goes on as it says)", {**_TIME, "dest": "limit_s"}),
    ("--report", "write the report as JSON", {"metavar": "FILE"}),
    ("--junit", "write the report as JUnit XML", {"metavar": "FILE"}),
    _CAPTURE,
    ("--json", "print the report as JSON", {"action": "store_true"}),
)  # fmt: skip


def parser() -> argparse.ArgumentParser:
    """The command line of ``python -m simulators.esme``."""
    made = argparse.ArgumentParser(
        prog="smsgw-esme-sim",
        description="Play an application (ESME): one message, a prompt, a scenario, load, listening, replay.",
        epilog=_ENDINGS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = made.add_subparsers(dest="command", metavar="COMMAND")

    def add(name: str, meaning: str, *groups: tuple[str, tuple[Option, ...]]) -> argparse.ArgumentParser:
        endings = _FILE_ENDINGS if name in _OF_FILES else _ENDINGS
        command = commands.add_parser(
            name, help=meaning, epilog=endings, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        for title, options in groups:
            add_options(command, title, options)
        return command

    connection = ("connection", (*_CONNECTION, _VERSION, _CAPTURE))
    tls = ("TLS", _TLS)
    send = add("send", "send one text, wait for answer and receipts", connection, tls, ("message", _SEND))
    send.add_argument("text", nargs="?", metavar="TEXT", help="what to say; a long one goes in segments")
    add("prompt", "talk to an SMSC at a prompt, or by commands from a pipe", connection, tls,
        ("prompt", (*_PROMPT, *_ANSWERING)))  # fmt: skip
    run = add("run", "play a scenario of applications; prints a report", ("run", _RUN))
    run.add_argument("file", metavar="FILE|NAME", type=Path, help="a scenario, or one that comes with it")
    check = add("check", "say what is wrong with a scenario")
    check.add_argument("file", metavar="FILE|NAME", type=Path, help="as for run")
    scenarios = add("scenarios", "list the scenarios that come with it, or print one of them")
    scenarios.add_argument("name", nargs="?", metavar="NAME", type=Path, help="print this one, to start from")
    add("schema", "print the JSON schema of scenarios")
    add("load", "send many messages and measure; prints JSON", ("connection", (*_CONNECTION, _CAPTURE)), tls,
        ("load", _LOAD))  # fmt: skip
    add("listen", "print receipts and MO as they come", connection, tls, ("listen", (*_LISTEN, *_ANSWERING)))
    add_replay_application(commands)
    return made


def client_tls(arguments: argparse.Namespace) -> ClientTls | None:
    """TLS as wished; raises ValueError for a file that can't be used."""
    files = (arguments.tls_ca, arguments.tls_cert, arguments.tls_key)
    if not arguments.tls and not any(files) and not arguments.tls_name:
        return None
    tls = ClientTls(*files, arguments.tls_name)
    tls.context()
    return tls


def esme_settings(arguments: argparse.Namespace) -> EsmeSettings:
    """One bind for send, prompt or listen. Raises ValueError for files of TLS that can't be used."""
    return EsmeSettings(
        port=arguments.port,
        host=arguments.host,
        system_id=arguments.system_id,
        password=arguments.password,
        system_type=arguments.system_type,
        interface_version=arguments.interface_version,
        binds=(arguments.bind,),
        bind_timeout_s=arguments.bind_timeout_s,
        enquire_s=getattr(arguments, "enquire_s", 0.0),
        deliver_status=getattr(arguments, "answer", 0),
        deliver_after_s=getattr(arguments, "deliver_after_s", 0.0),
        reconnect_s=getattr(arguments, "reconnect_s", 0.0),
        outbind_port=getattr(arguments, "outbind_port", None),
        tls=client_tls(arguments),
    )


def load_settings(arguments: argparse.Namespace) -> LoadSettings:
    """Settings of a load run. Raises ValueError when they don't go together, OSError for the text file."""
    given = dict(vars(arguments))
    if not given["count"] and not given["duration_s"]:
        raise ValueError("give --count or --duration")
    if given["connections"] < 1 or given["window"] < 1 or given["recipient_count"] < 1:
        raise ValueError("--conns, --window and --dest-count are at least 1")
    given["accounts"] = tuple(given["users"] or [(given["system_id"], given["password"])])
    if given["mix"] is not None:
        from simulators.esme.mix_file import load_mix  # reading TOML takes longer to import than all else here

        accounts, given["mix"] = load_mix(given["mix"])
        given["accounts"] = accounts or given["accounts"]
    else:
        del given["mix"]
    if given["to_file"] is not None:
        given["recipients"] = read_recipients(given["to_file"])
    if given["text_file"] is not None:
        given["text"] = read_text(given["text_file"]).rstrip("\r\n")
    elif given["text"] is None:
        del given["text"]
    given["tls"] = client_tls(arguments)
    given["validity_period"] = smpp_time(given["validity_period"])
    known = {field.name for field in fields(LoadSettings)}
    return LoadSettings(**{name: value for name, value in given.items() if name in known})
