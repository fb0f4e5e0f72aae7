"""The capture format of the simulators: JSON lines, compressed when the file name ends in ``.gz``.

Owns what a line says and the reading of it. The first line is a header that explains the rest; every
other one is an event. A file that ends within a line, or within a compressed block, was cut off by the
death of its writer: what is whole is read. What can go wrong: CaptureError, naming file and line.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from smsgw.clock import MAX_MS
from smsgw.errors import SmsgwError

NAME: Final = "smsgw-simulators"
VERSION: Final = 1
GZIP_MAGIC: Final = b"\x1f\x8b"

Kind = Literal["opened", "in", "out", "closed"]
Reset = Literal["", "in", "out"]
Address = tuple[str, int]

_KINDS: Final[dict[str, Kind]] = {"opened": "opened", "in": "in", "out": "out", "closed": "closed"}
_CHUNK_OCTETS: Final = 1 << 18
_MEANINGS: Final = {
    "e": "event: opened, in (octets from the peer), out (octets to the peer), closed, ended (no more is recorded)",
    "c": "connection, counted from 1 within this file",
    "t": "real time, nanoseconds since 1970 UTC",
    "b": "business time, milliseconds since 1970 UTC",
    "x": "the octets in hexadecimal; passwords of binds are blanked, octet by octet, with *",
    "lost": "octets missing from the record just before these",
    "where": "name of the simulated carrier or application",
    "n": "number of the connection there",
    "account": "system_id; given when it changes",
    "local, remote": "address and port of the recording side and of its peer",
    "reset": "the connection was reset, not closed: by the peer (in) or by the recording side (out)",
    "why": "of ended",
}


class CaptureError(SmsgwError):
    """A capture can't be written or read; prints as one sentence that names the file."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a connection, as seen by whoever recorded it."""

    kind: Kind
    #: Counted from 1 within a capture.
    connection: int
    #: Real time, nanoseconds since 1970 UTC.
    at_ns: int
    #: Business time, milliseconds since 1970 UTC.
    business_ms: int
    #: Of "in" and "out".
    octets: bytes = b""
    #: How many octets the record misses before these; some when it began in the middle.
    lost: int = 0
    where: str = ""
    #: Number of the connection at ``where``.
    number: int = 0
    account: str = ""
    #: Of the side that recorded.
    local: Address = ("", 0)
    remote: Address = ("", 0)
    #: Of "closed": who reset the connection, the peer ("in") or this side ("out"); "" when it was closed.
    reset: Reset = ""


def header_line() -> bytes:
    """The first line of a file."""
    started = datetime.now(UTC).isoformat(timespec="milliseconds")
    return _line({"capture": NAME, "version": VERSION, "started": started, "fields": _MEANINGS})


def end_line(why: str, at_ns: int) -> bytes:
    """The last line of a file that was closed, or reached its limit."""
    return _line({"e": "ended", "t": at_ns, "why": why})


class LineEncoder:
    """Events to lines; names the account of a connection only when it changed."""

    def __init__(self) -> None:
        self._accounts: dict[int, str] = {}

    def start(self) -> bytes:
        """What a file begins with."""
        return header_line()

    def end(self, why: str, at_ns: int) -> bytes:
        """What a file ends with."""
        return end_line(why, at_ns)

    def encode(self, event: Event) -> bytes:
        """One event as a line."""
        head = f'{{"e":"{event.kind}","c":{event.connection},"t":{event.at_ns},"b":{event.business_ms}'
        if event.account != self._accounts.get(event.connection, ""):
            self._accounts[event.connection] = event.account
            head += f',"account":{json.dumps(event.account)}'
        if event.kind == "opened":
            head += (
                f',"where":{json.dumps(event.where)},"n":{event.number}'
                f',"local":{json.dumps(event.local)},"remote":{json.dumps(event.remote)}'
            )
        elif event.kind == "closed":
            self._accounts.pop(event.connection, None)
            head += f',"reset":"{event.reset}"' if event.reset else ""
        else:
            head += f',"lost":{event.lost}' if event.lost else ""
            head += f',"x":"{event.octets.hex()}"'
        return head.encode() + b"}\n"


def chunks(path: Path) -> Iterator[bytes]:
    """A file's octets, decompressed if it is; what a cut-off end still gives is given.

    Raises CaptureError when it can't be read.
    """
    try:
        with path.open("rb") as file:
            first = file.read(_CHUNK_OCTETS)
            if not first.startswith(GZIP_MAGIC):
                while first:
                    yield first
                    first = file.read(_CHUNK_OCTETS)
                return
            inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
            while first:
                octets = inflate.decompress(first)
                if octets:
                    yield octets
                rest = inflate.unused_data if inflate.eof else b""
                if inflate.eof:
                    inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
                first = rest or file.read(_CHUNK_OCTETS)
    except OSError as error:
        raise CaptureError(f"{path}: can't be read: {error.strerror or error}") from error
    except zlib.error as error:
        raise CaptureError(f"{path}: its compression is damaged ({error})") from error


def read_lines(path: Path, octets: Iterator[bytes]) -> Iterator[Event]:
    """The events of a file in this format.

    Raises CaptureError for a line that is not understood, but for a last one that is not whole.
    """
    opened: dict[int, Event] = {}
    for number, line in enumerate(_whole_lines(octets), 1):
        try:
            fields = json.loads(line)
            if number == 1:
                _check_header(fields)
            elif fields["e"] != "ended":
                yield _event(fields, opened)
        except (ValueError, KeyError, TypeError, IndexError, OverflowError, RecursionError) as error:
            why = f"lacks {error}" if isinstance(error, KeyError) else str(error)
            raise CaptureError(f"{path}:{number}: not a line of a capture: {why}") from None


def _event(fields: dict[str, Any], opened: dict[int, Event]) -> Event:
    kind = _KINDS.get(fields["e"])
    if kind is None:
        raise ValueError(f"e is {fields['e']!r}; expected one of {', '.join(_KINDS)}")
    connection = int(fields["c"])
    at_ns, business_ms = checked_ns(int(fields["t"])), checked_ns(int(fields["b"]) * 1_000_000) // 1_000_000
    known = opened.get(connection)
    if kind == "opened":
        known = Event(
            kind, connection, at_ns, business_ms, where=str(fields["where"]), number=int(fields["n"]),
            account=str(fields.get("account", "")), local=_address(fields["local"]), remote=_address(fields["remote"]),
        )  # fmt: skip
        opened[connection] = known
        return known
    if known is None:
        raise ValueError(f"connection {connection} was not opened before")
    if "account" in fields:
        known = opened[connection] = replace(known, account=str(fields["account"]))
    if kind == "closed":
        del opened[connection]
        return replace(known, kind=kind, at_ns=at_ns, business_ms=business_ms, reset=_reset(fields.get("reset")))
    octets = bytes.fromhex(fields["x"])
    lost = int(fields.get("lost", 0))
    return replace(known, kind=kind, at_ns=at_ns, business_ms=business_ms, octets=octets, lost=lost)


def checked_ns(at_ns: int) -> int:
    """A time that calendars know; raises ValueError for others."""
    if not 0 <= at_ns <= MAX_MS * 1_000_000:
        raise ValueError("a time is before 1970 or beyond the year 9999")
    return at_ns


def _reset(value: Any) -> Reset:
    return "in" if value == "in" else "out" if value == "out" else ""


def _check_header(fields: Any) -> None:
    if not isinstance(fields, dict) or fields.get("capture") != NAME:
        raise ValueError(f'the first line must say "capture": "{NAME}"')
    if fields.get("version") != VERSION:
        raise ValueError(f"version {fields.get('version')}; this program reads version {VERSION}")


def _address(value: list[Any]) -> Address:
    return str(value[0]), int(value[1])


def _whole_lines(octets: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in octets:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines


def _line(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, ensure_ascii=False).encode() + b"\n"
