"""The carrier's command line: its table of options, and from arguments to settings."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from simulators.arguments import Option, add_options, count, credentials, number, port
from simulators.carrier.ids import IdForm
from simulators.carrier.magic import table_text
from simulators.carrier.plan import Parts
from simulators.carrier.receipts import STYLE_VALUES, STYLE_WORDS, ReceiptStyle
from simulators.carrier.settings import BIND_KINDS, LONG_FORMS, CarrierSettings, Outbind, PlannedReceipt, Tls
from simulators.carrier.states import DELIVERED, ReceiptState
from simulators.spread import NO_DELAY, Delay, parse_duration, parse_share, parse_weighted

T = TypeVar("T")

_SHARE: dict[str, Any] = {"type": parse_share, "metavar": "SHARE"}
_DELAYS: dict[str, Any] = {"type": Delay.parse, "metavar": "DELAY"}
_SECONDS: dict[str, Any] = {"type": parse_duration, "metavar": "TIME"}
_COUNT: dict[str, Any] = {"type": count, "metavar": "N"}
_STATUS: dict[str, Any] = {"type": number, "metavar": "STATUS"}
_FILE: dict[str, Any] = {"type": Path, "metavar": "FILE"}
_OFF: dict[str, Any] = {"action": "store_const", "const": False}


def _weighted_status(text: str) -> tuple[int, float]:
    status, colon, share = text.rpartition(":")
    if not colon:
        raise ValueError(f"{text!r} is not STATUS:SHARE; write it like 0x08:2%")
    return number(status), parse_share(share)


def _states(text: str) -> list[tuple[ReceiptState, float | None]]:
    return [(ReceiptState.parse(name), share) for name, share in parse_weighted(text)]


def _styles(text: str) -> list[tuple[ReceiptStyle, float | None]]:
    return [(ReceiptStyle.parse(name), share) for name, share in parse_weighted(text)]


def _tps(text: str) -> float:
    return float(text.removesuffix("/s"))


def _words(valid: frozenset[str]) -> Callable[[str], frozenset[str]]:
    def read(text: str) -> frozenset[str]:
        words = frozenset(word.strip() for word in text.split(",") if word.strip())
        if not words <= valid:
            raise ValueError(f"{text!r} is none of {', '.join(sorted(valid))}; join several by commas")
        return words

    return read


def _plan(text: str) -> tuple[float, tuple[PlannedReceipt, ...]]:
    share, colon, written = text.partition(":")
    if not colon:
        raise ValueError(f"{text!r} is not SHARE:RECEIPTS; write it like 5%:ENROUTE,DELIVRD@3s")
    return parse_share(share), tuple(_planned(each.strip()) for each in written.split(",") if each.strip())


def _planned(text: str) -> PlannedReceipt:
    state, at, after = text.removeprefix("<").partition("@")
    delay = Delay.parse(after) if at else NO_DELAY
    return PlannedReceipt(ReceiptState.parse(state), delay, early=text.startswith("<"))


def _outbind(text: str) -> Outbind:
    host, colon, behind = text.rpartition(":")
    if not colon or not behind.isdigit():
        raise ValueError(f"{text!r} is not HOST:PORT")
    return Outbind(port(behind), host)


_LISTEN: tuple[Option, ...] = (
    ("--host", "address to listen on (127.0.0.1)", {"metavar": "A"}),
    ("--port", "port to listen on, 0 for any free one (2776)", {**_COUNT, "type": port, "default": 2776}),
    ("--smsc-id", "system_id in bind responses (carrier-sim)", {"metavar": "ID"}),
    ("--system-id", "the account that may bind; with no account, anyone may", {"metavar": "ID"}),
    ("--password", "its password", {"metavar": "PW"}),
    ("--account", "another account, repeatable", {"type": credentials, "action": "append", "metavar": "ID:PW"}),
    ("--tls-certificate", "take TLS connections only, with this certificate", _FILE),
    ("--tls-key", "its key", _FILE),
    ("--tls-client-ca", "ask clients for a certificate that this one has signed", _FILE),
    ("--outbind", "connect to an application and ask it to bind; repeatable",
     {"type": _outbind, "action": "append", "dest": "outbinds", "metavar": "HOST:PORT"}),
    ("--refuse-connections", "close connections at once", {"action": "store_const", "const": True}),
)  # fmt: skip

_LIMITS: tuple[Option, ...] = (
    ("--bind-kinds", "which binds are taken: transmitter, receiver, transceiver (all)",
     {"type": _words(BIND_KINDS), "metavar": "LIST"}),
    ("--max-binds", "binds of one account", _COUNT),
    ("--max-binds-status", "answer to one bind too many (0x05)", _STATUS),
    ("--refuse-binds", "refuse all binds (0x0D unless given)", {**_STATUS, "nargs": "?", "const": 0x0D}),
    ("--ghost", "a connection that went without unbind counts as a bind for so long", {**_SECONDS, "dest": "ghost_s"}),
    ("--bind-response", "how late bind responses are", _DELAYS),
    ("--no-bind-answers", "never answer a bind", {**_OFF, "dest": "answer_binds"}),
    ("--window", "unanswered submit_sm of one bind", _COUNT),
    ("--window-status", "answer to one too many (0x58; 0 is silence)", _STATUS),
    ("--tps", "segments a second", {"type": _tps, "metavar": "N"}),
    ("--tps-burst", "segments that may come at once (those of one second)", {"type": float, "metavar": "N"}),
    ("--tps-status", "answer to one too many (0x58; 0 is silence)", _STATUS),
    ("--tps-per", "what the rate belongs to (bind)", {"choices": ("bind", "account", "address")}),
    ("--long-forms", "forms of long messages that are taken: udh8, udh16, sar, payload (all)",
     {"type": _words(LONG_FORMS), "metavar": "LIST"}),
    ("--long-status", "answer to other forms (0x45; 0 is silence)", _STATUS),
)  # fmt: skip

_ANSWERS: tuple[Option, ...] = (
    ("--response", "how late responses are", _DELAYS),
    ("--refuse", "refuse a share with a status, such as 0x08:2%%; repeatable",
     {"type": _weighted_status, "action": "append", "metavar": "STATUS:SHARE"}),
    ("--error-body", "refusals have a body, an empty message_id", {"action": "store_const", "const": True}),
    ("--never-answer", "share never answered, though delivered", _SHARE),
    ("--answer-twice", "share answered twice, at once", {**_SHARE, "dest": "answered_twice"}),
    ("--out-of-order", "share answered after the message that comes next", _SHARE),
    ("--drop-before", "share that drops the connection before the response", _SHARE),
    ("--drop-after", "share that drops it after the response", _SHARE),
    ("--half-open", "share that leaves the connection half open", _SHARE),
    ("--malformed", "share with a malformed PDU before the response", _SHARE),
    ("--unknown", "share with an unknown PDU before the response", _SHARE),
    ("--response-id", "ids in responses: dec, hex, HEX, each :WIDTH to pad, text, long, odd, empty; <N or >N behind "
     "keeps the first or last N characters (dec)",
     {"type": IdForm, "metavar": "FORM"}),
    ("--receipt-id", "ids in receipts (as in responses)", {"type": IdForm, "metavar": "FORM"}),
    ("--id-base", "number of the first id (1000000000)", _COUNT),
)  # fmt: skip

_RECEIPTS: tuple[Option, ...] = (
    ("--no-receipts", "send none", {"dest": "receipts", "action": "store_const", "const": False}),
    ("--receipts-unasked", "send them also when registered_delivery is 0", {"action": "store_const", "const": True}),
    ("--states", "states and shares, such as DELIVRD:95%%,UNDELIV/001:4%%,MK:0001:1%%",
     {"type": _states, "metavar": "LIST"}),
    ("--receipt", "how late after the response", _DELAYS),
    ("--receipt-style", "how they are written, such as full:90%%,text+quoted:10%%; see --styles",
     {"type": _styles, "metavar": "LIST", "dest": "styles"}),
    ("--early", "share sent before the response", _SHARE),
    ("--early-by", "how long before; the response comes that much later", _DELAYS),
    ("--plan", "receipts for a share of the messages, such as 5%%:ENROUTE,DELIVRD@3s,UNDELIV/001@2d; <STATE before the "
     "response; repeatable", {"type": _plan, "action": "append", "dest": "plans", "metavar": "SHARE:RECEIPTS"}),
    ("--reply", "what recipients send back; repeatable", {"action": "append", "dest": "replies", "metavar": "TEXT"}),
    ("--duplicate", "share sent twice", _SHARE),
    ("--duplicate-after", "how much later the second comes", _DELAYS),
    ("--contradict", "share followed by the opposite state, as late as a duplicate", _SHARE),
    ("--intermediate", "share preceded by ENROUTE, at half the delay", _SHARE),
    ("--other-bind", "share sent on another bind than the message's", _SHARE),
    ("--receipt-parts", "which segments of a long message get one (each)",
     {"choices": [part.value for part in Parts], "dest": "parts"}),
    ("--long-expire", "segments get receipts when all have come, or EXPIRED after so long",
     {**_SECONDS, "dest": "long_expire_s"}),
    ("--receipt-window", "unanswered deliver_sm of one bind (1000)", _COUNT),
    ("--resend-after", "send an unanswered receipt again after (30s; 0 never)", {**_SECONDS, "dest": "resend_after_s"}),
    ("--retry-after", "send a refused receipt again after (1s)", {**_SECONDS, "dest": "retry_after_s"}),
    ("--receipt-tries", "give a receipt up after (5)", _COUNT),
    ("--zone", "hours that dates in receipts are ahead of UTC (8)",
     {"type": float, "metavar": "H", "dest": "zone_hours"}),
)  # fmt: skip

_RUN: tuple[Option, ...] = (
    ("--seed", "chance and id of each message come from this, its recipient and its count", {"metavar": "SEED"}),
    ("--magic-prefix", "numbers that pick a behaviour (1990000; empty for none)", {"metavar": "DIGITS"}),
    ("--magic-table", "print those numbers and end", {"action": "store_true"}),
    ("--styles", "print the words for --receipt-style and end", {"action": "store_true", "dest": "show_styles"}),
    ("--enquire", "send enquire_link after so much silence", {**_SECONDS, "dest": "enquire_s"}),
    ("--idle-drop", "drop a connection after so much silence", {**_SECONDS, "dest": "idle_drop_s"}),
    ("--enquire-response", "how late enquire_link_resp is", _DELAYS),
    ("--no-enquire-answers", "never answer enquire_link", {**_OFF, "dest": "answer_enquires"}),
    ("--read-rate", "octets read from each connection a second", {**_COUNT, "dest": "read_octets_per_s"}),
    ("--write-pieces", "write in pieces of at most so many octets", {**_COUNT, "dest": "write_octets"}),
    ("--record", "messages kept to be looked at (10000)", {**_COUNT, "default": 10_000}),
    ("--log", "append a JSON line for each message and receipt", {"metavar": "FILE", "dest": "log_path"}),
    ("--capture", "record every octet: .jsonl, .jsonl.gz, .pcap", _FILE),
    ("--http", "control port for simctl and browsers; 0 for a free one",
     {"type": port, "metavar": "PORT", "dest": "http_port"}),
    ("--http-host", "address of the control port (127.0.0.1)", {"metavar": "A"}),
    ("--quiet", "say nothing on stderr", {"action": "store_true"}),
)  # fmt: skip

_ABOUT = """\
Play a carrier (SMSC): take binds and messages, answer, send receipts and MO, misbehave as told.
With options only it serves until it is told to end. Commands, each with its own --help:

  run           run a scenario and say whether what it expects came true
  check         say what is wrong with scenario files
  scenarios     list the scenarios that are shipped, or print one of them
  schema        print the JSON schema of scenario files, for editors
  conformance   lead a real application through a checklist
  replay        answer as the carrier of a capture did
  show-capture  print a capture
  convert       make a pcap of a capture, or the other way round"""
_EPILOG = """\
TIME is 200ms, 3s, 5m, 1h or 2d. DELAY is a TIME, or 20ms-80ms (even), exp:50ms (exponential, by its mean),
normal:50ms/10ms (mean and deviation), lognormal:50ms/1s (median, and what 99% stay below), or any distribution by its
quantiles: 0%:5ms,50%:20ms,99%:1s,100%:8s. SHARE is 2% or 0.02. Rules for some messages, and phases, are for scenario
files.
On SIGTERM or SIGINT the counts are printed on stdout as one line of JSON.
Exit status: 0 after SIGTERM or SIGINT; 2 for wrong usage or when the port can't be had."""


def parser() -> argparse.ArgumentParser:
    """The command line of ``python -m simulators.carrier``."""
    made = argparse.ArgumentParser(
        prog="smsgw-carrier-sim",
        usage="%(prog)s [OPTION …]\n       %(prog)s COMMAND [OPTION …]",
        description=_ABOUT,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    add_options(made, "listening", _LISTEN)
    add_options(made, "limits (0 or not given: none)", _LIMITS)
    add_options(made, "responses", _ANSWERS)
    add_options(made, "receipts", _RECEIPTS)
    add_options(made, "running", _RUN)
    return made


def settings_of(arguments: argparse.Namespace) -> CarrierSettings:
    """Settings from parsed arguments. Raises ValueError when they don't go together."""
    given = dict(vars(arguments))
    accounts = dict(given.pop("account", ()))
    if "system_id" in given:
        accounts[given.pop("system_id")] = given.pop("password", "")
    elif "password" in given:
        raise ValueError("--password goes with --system-id")
    if accounts:
        given["accounts"] = accounts
    if "tls_certificate" in given and "tls_key" in given:
        given["tls"] = Tls(given["tls_certificate"], given["tls_key"], given.get("tls_client_ca"))
    elif {"tls_certificate", "tls_key", "tls_client_ca"} & given.keys():
        raise ValueError("--tls-certificate and --tls-key go together, and --tls-client-ca with them")
    for repeatable in ("refuse", "plans", "replies", "outbinds"):
        if repeatable in given:
            given[repeatable] = tuple(given[repeatable])
    if "parts" in given:
        given["parts"] = Parts(given["parts"])
    if "states" in given:
        given["states"], given["rest_state"] = _shares(given["states"], DELIVERED)
    if "styles" in given:
        given["styles"], given["rest_style"] = _shares(given["styles"], ReceiptStyle())
    known = {field.name for field in fields(CarrierSettings)}
    return CarrierSettings(**{name: value for name, value in given.items() if name in known})


def _shares(weighted: list[tuple[T, float | None]], rest: T) -> tuple[tuple[tuple[T, float], ...], T]:
    """Values with shares, and the one that takes the rest: the one without a share, if there is one."""
    shares = tuple((value, share) for value, share in weighted if share is not None)
    bare = [value for value, share in weighted if share is None]
    if len(bare) > 1:
        raise ValueError("only one value may go without a share; it takes the rest")
    total = sum(share for _, share in shares)
    if total > 1 + 1e-9:
        raise ValueError(f"shares add up to {total:.0%}")
    return shares, bare[0] if bare else rest


def styles_text() -> str:
    """The words for ``--receipt-style``, for people."""
    lines = ["Words for --receipt-style, joined by +:", ""]
    lines += [f"  {word:10} {meaning}" for word, (meaning, _) in STYLE_WORDS.items()]
    lines += [f"  {f'{word}={each.example}':10} {each.meaning}" for word, each in STYLE_VALUES.items()]
    return "\n".join(lines)


def magic_text(settings: CarrierSettings) -> str:
    """The table of magic numbers under the prefix in use."""
    return table_text(settings.magic_prefix) if settings.magic_prefix else "Magic recipients are switched off."
