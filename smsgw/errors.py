"""Every exception of smsgw, in one tree.

Business outcomes (throttled, capped, no route) are not here: they are values, see
``smsgw.policy.model``. An exception means that something could not be done at all.

SmsgwError
├── ConfigError                 a file of the site is wrong: file, line, key, why
├── RequestError                a person asked for what can't be done: kind, and why
├── RecordsError                records can't be asked now, or not in time; the text is for whoever asked
├── ProtocolError
│   ├── LocalError              we tried to do what the protocol forbids
│   └── RemoteError             the peer did
│       ├── RecoverableError    answer with its command_status; the session stays
│       └── FatalError          the stream can't be framed any more; close
├── LinkError
│   ├── ConnectFailed           no connection was made; nothing was written
│   │   └── CantListen          an address of our own can't be had; which key says it, and how to mend it
│   ├── BindRejected            the peer refused the bind, with its command_status
│   ├── LinkLost                the connection went; what was unanswered is *unknown*
│   └── ResponseTimeout         no answer in time; the request is *unknown*
└── StoreError
    ├── StoreAway               Redis can't be reached in time
    │   └── StoreNotRun         the same, and the call surely did not run
    └── StoreRefused            Redis answered with an error
        └── StoreLocked         Redis does not let us in, or not do this
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Literal


class SmsgwError(Exception):
    """Root of the tree; catch it where a command ends and print ``str(error)``."""


class ConfigError(SmsgwError):
    """A site file is wrong. Prints as ``file:line: key: why``; ``line`` 0 means the whole file."""

    def __init__(self, file: Path | str, line: int, key: str, why: str) -> None:
        self.file = Path(file)
        self.line = line
        self.key = key
        self.why = why
        place = f"{file}:{line}" if line else f"{file}"
        super().__init__(f"{place}: {key}: {why}" if key else f"{place}: {why}")


class RequestError(SmsgwError):
    """Somebody asked a command or the console for what can't be done; the text says why and how to mend it.

    ``kind`` is ``invalid`` (the values are wrong), ``missing`` (no such thing), ``forbidden`` (this person may not)
    or ``conflict`` (the thing is in a state, or was changed meanwhile, so that it can't be done).
    """

    def __init__(self, kind: Literal["invalid", "missing", "forbidden", "conflict"], why: str) -> None:
        self.kind = kind
        super().__init__(why)


class RecordsError(SmsgwError):
    """A question over records has no answer: it took too long, or files can't be read. Ask again, or for less."""


class ProtocolError(SmsgwError):
    """SMPP was broken by one side."""


class LocalError(ProtocolError):
    """Our own code asked for something that SMPP does not allow; a bug or a wrong argument."""


class RemoteError(ProtocolError):
    """The peer sent something that SMPP does not allow."""


class RecoverableError(RemoteError):
    """One PDU is malformed but its frame is sound.

    Answer with ``command_status`` (in the PDU's own response, or generic_nack where it has none)
    and go on with the session (SMPP 3.4 §4.3).
    """

    def __init__(self, command_status: int, reason: str, command_id: int = 0, sequence_number: int = 0) -> None:
        self.command_status = command_status
        self.reason = reason
        self.command_id = command_id
        self.sequence_number = sequence_number
        super().__init__(f"{reason} (command_status 0x{command_status:08X})")


class FatalError(RemoteError):
    """The octet stream can't be cut into PDUs any more: send generic_nack if possible, then close."""

    def __init__(self, command_status: int, reason: str) -> None:
        self.command_status = command_status
        self.reason = reason
        super().__init__(f"{reason} (command_status 0x{command_status:08X})")


class LinkError(SmsgwError):
    """Something about a connection to a peer."""


class ConnectFailed(LinkError):
    """No connection could be made; nothing was sent."""


class CantListen(ConnectFailed):
    """A port of ours can't be had. ``key`` of smsgw.toml names the port, ``host_key`` the address."""

    def __init__(self, host: str, port: int, error: OSError, key: str, host_key: str = "listener.host") -> None:
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        if error.errno == errno.EADDRINUSE:
            why = (
                f"({key} in smsgw.toml): another program listens there (`ss -ltnp 'sport = :{port}'` shows which): "
                "stop it, or set another port"
            )
        elif error.errno == errno.EACCES:
            why = f"({key} in smsgw.toml): this user may not listen on ports below 1024: set another port"
        elif error.errno is not None and (error.errno == errno.EADDRNOTAVAIL or error.errno < 0):  # a name: EAI_…
            why = (
                f"({host_key} in smsgw.toml): that is no address of this machine (`ip address` lists them): "
                "set one of them, or 0.0.0.0 for all"
            )
        else:
            why = f"({host_key} and {key} in smsgw.toml): {error.strerror or error}: set another address or port"
        super().__init__(f"can't listen on {where} {why}")


class BindRejected(LinkError):
    """The peer answered the bind with an error ``command_status``."""

    def __init__(self, command_status: int, reason: str = "") -> None:
        self.command_status = command_status
        super().__init__(reason or f"bind refused with command_status 0x{command_status:08X}")


class LinkLost(LinkError):
    """The connection went while requests were unanswered: their outcome is unknown."""


class ResponseTimeout(LinkError):
    """A request was not answered in time: its outcome is unknown."""


class StoreError(SmsgwError):
    """Something about Redis."""


class StoreAway(StoreError):
    """Redis could not be reached, or did not answer in time; the call may or may not have run."""


class StoreNotRun(StoreAway):
    """Redis could not be reached, or said that it can't now: this try of the call did not run."""


class StoreRefused(StoreError):
    """Redis answered with an error; the call did not run."""


class StoreLocked(StoreRefused):
    """Redis does not know our password or user, or that user may not do this; the call did not run.

    Somebody changes passwords or rights just now, or has made a mistake: what is running waits for either to be over.
    """
