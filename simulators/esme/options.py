"""The application's command line: send, load and listen."""

from __future__ import annotations

import argparse
from dataclasses import fields
from typing import Any

from simulators.arguments import Option, add_options, count, credentials, number
from simulators.esme.load_settings import LoadSettings
from simulators.esme.message import LONG_FORMS
from simulators.esme.settings import BIND_COMMANDS, EsmeSettings
from simulators.spread import parse_duration
from smsgw.smpp.constants import V34

_EPILOG = """\
Exit status: 0 when every message was answered ESME_ROK and every receipt that was asked for came
(send: and says DELIVRD); 1 when not; 2 for wrong usage, or when no bind could be had;
3 when an answer or receipt did not come in time (send)."""

_TIME: dict[str, Any] = {"type": parse_duration, "metavar": "TIME"}
_COUNT: dict[str, Any] = {"type": count, "metavar": "N"}


def _rate(text: str) -> float:
    try:
        value = float(text.removesuffix("/s"))
    except ValueError:
        raise ValueError(f"{text!r} is not a rate; write it like 1000 or 1000/s") from None
    if value < 0:
        raise ValueError(f"{text!r} is below 0")
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
    ("--port", "its port (2775)", {**_COUNT, "default": 2775}),
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

_SEND: tuple[Option, ...] = (
    ("--from", "source address (10690001)", {"metavar": "A", "dest": "source", "default": "10690001"}),
    ("--to", "recipient; several make one submit_multi", {"metavar": "A", "action": "append", "dest": "recipients"}),
    ("--coding", "data_coding (0, or 8 when the text needs it)", {"type": number, "metavar": "N"}),
    ("--long", "how a long text is sent (udh)", {"choices": LONG_FORMS, "default": "udh"}),
    ("--rd", "registered_delivery; 1 asks for receipts (1)", {"type": number, "metavar": "N", "default": 1}),
    ("--priority", "priority_flag (0)", {**_COUNT, "default": 0}),
    ("--service-type", "service_type", {"metavar": "S", "default": ""}),
    ("--schedule", "when to send: from now, such as 2h, or an SMPP time", {"metavar": "TIME", "default": ""}),
    ("--validity", "until when to try: from now, such as 30m, or an SMPP time", {"metavar": "TIME", "default": ""}),
    ("--wait", "wait so long for the answer, and again for receipts (30s)",
     {**_TIME, "dest": "wait_s", "default": 30.0}),
    ("--query", "ask for the state of a message instead", {"metavar": "MESSAGE_ID"}),
    ("--cancel", "cancel a message instead", {"metavar": "MESSAGE_ID"}),
    ("--replace", "replace a message by TEXT instead", {"metavar": "MESSAGE_ID"}),
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
    ("--from", "source address (10690001)", {"metavar": "A", "dest": "source", "default": "10690001"}),
    ("--dest-base", "first recipient (8613800000000)",
     {**_COUNT, "dest": "recipient_base", "default": LoadSettings().recipient_base}),
    ("--dest-count", "recipients in all (1000000)", {**_COUNT, "dest": "recipient_count", "default": 1_000_000}),
    ("--text", "body; {n} becomes the message's number in nine digits", {"metavar": "T"}),
    ("--text-file", "body from a UTF-8 file", {"metavar": "FILE"}),
    ("--coding", "data_coding (0, or 8 when the text needs it)",
     {"type": number, "metavar": "N", "dest": "data_coding"}),
    ("--payload", "send the body as message_payload", {"action": "store_true"}),
    ("--rd", "registered_delivery; 1 asks for receipts (0)",
     {"type": number, "metavar": "N", "dest": "registered_delivery", "default": 0}),
    ("--validity", "validity_period: from now, such as 30m, or an SMPP time",
     {"metavar": "TIME", "dest": "validity_period", "default": ""}),
    ("--priority", "priority_flag (0)", {**_COUNT, "dest": "priority_flag", "default": 0}),
    ("--wait", "wait for receipts until so long brings none (10s)", {**_TIME, "dest": "wait_s", "default": 10.0}),
    ("--reconnect", "bind again after a lost connection or refused bind", {"action": "store_true"}),
    ("--enquire", "enquire_link after so much silence (10s; 0 never)",
     {**_TIME, "dest": "enquire_s", "default": 10.0}),
    ("--ledger", "write number and id of each message answered ESME_ROK",
     {"metavar": "FILE", "dest": "ledger_path", "default": ""}),
    ("--progress", "a line on stderr every (1s; 0 never)", {**_TIME, "dest": "progress_s", "default": 1.0}),
)  # fmt: skip

_LISTEN: tuple[Option, ...] = (
    ("--count", "end after so many", {**_COUNT, "default": 0}),
    ("--duration", "end after", {**_TIME, "dest": "duration_s", "default": 0.0}),
    ("--answer", "command_status of our deliver_sm_resp, or none (0)",
     {"type": _deliver_status, "metavar": "STATUS", "default": 0}),
    ("--enquire", "enquire_link after so much silence (10s; 0 never)",
     {**_TIME, "dest": "enquire_s", "default": 10.0}),
    ("--json", "print a line of JSON for each", {"action": "store_true"}),
)  # fmt: skip


def parser() -> argparse.ArgumentParser:
    """The command line of ``python -m simulators.esme``."""
    style = argparse.RawDescriptionHelpFormatter
    made = argparse.ArgumentParser(
        prog="smsgw-esme-sim",
        description="Play an application (ESME): send one message, load a gateway, or listen.",
        epilog=_EPILOG,
        formatter_class=style,
        allow_abbrev=False,
    )
    commands = made.add_subparsers(dest="command", required=True, metavar="send|load|listen")
    send = commands.add_parser(
        "send", help="send one text, wait for answer and receipts", epilog=_EPILOG, formatter_class=style
    )
    send.add_argument("text", nargs="?", metavar="TEXT")
    load = commands.add_parser(
        "load", help="send many messages and measure; prints JSON", epilog=_EPILOG, formatter_class=style
    )
    listen = commands.add_parser(
        "listen", help="print receipts and MO as they come", epilog=_EPILOG, formatter_class=style
    )
    for command, options in ((send, (_VERSION, *_SEND)), (load, _LOAD), (listen, (_VERSION, *_LISTEN))):
        add_options(command, "connection", _CONNECTION)
        add_options(command, command.prog.rsplit(" ", 1)[-1], options)
    return made


def esme_settings(arguments: argparse.Namespace) -> EsmeSettings:
    """One bind for send or listen."""
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
    )


def load_settings(arguments: argparse.Namespace) -> LoadSettings:
    """Settings of a load run. Raises ValueError when they don't go together, OSError for the text file."""
    given = dict(vars(arguments))
    if not given["count"] and not given["duration_s"]:
        raise ValueError("give --count or --duration")
    if given["connections"] < 1 or given["window"] < 1 or given["recipient_count"] < 1:
        raise ValueError("--conns, --window and --dest-count are at least 1")
    given["accounts"] = tuple(given["users"] or [(given["system_id"], given["password"])])
    if given["text_file"] is not None:
        with open(given["text_file"], encoding="utf-8") as file:
            given["text"] = file.read().rstrip("\r\n")
    elif given["text"] is None:
        del given["text"]
    given["validity_period"] = smpp_time(given["validity_period"])
    known = {field.name for field in fields(LoadSettings)}
    return LoadSettings(**{name: value for name, value in given.items() if name in known})


def smpp_time(text: str) -> str:
    """A time field from ``30m`` (relative) or 16 octets as they are. Raises ValueError."""
    if not text or (len(text) == 16 and text[:15].isdigit() and text[15] in "+-R"):
        return text
    minutes, seconds = divmod(round(parse_duration(text)), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days > 99:
        raise ValueError(f"{text!r} is more than 99 days")
    return f"0000{days:02}{hours:02}{minutes:02}{seconds:02}000R"
