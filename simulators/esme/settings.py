"""How a simulated application connects and behaves."""

from __future__ import annotations

from dataclasses import dataclass

from smsgw.smpp.constants import V34, CommandId

#: Words for binds, as command lines and settings use them.
BIND_COMMANDS = {
    "transceiver": int(CommandId.BIND_TRANSCEIVER),
    "transmitter": int(CommandId.BIND_TRANSMITTER),
    "receiver": int(CommandId.BIND_RECEIVER),
    "trx": int(CommandId.BIND_TRANSCEIVER),
    "tx": int(CommandId.BIND_TRANSMITTER),
    "rx": int(CommandId.BIND_RECEIVER),
}


@dataclass(frozen=True, slots=True)
class EsmeSettings:
    """One account and its binds."""

    port: int
    host: str = "127.0.0.1"
    system_id: str = "load"
    password: str = "secret"
    system_type: str = ""
    interface_version: int = V34
    #: One word of ``BIND_COMMANDS`` for each connection.
    binds: tuple[str, ...] = ("transceiver",)
    #: Seconds for connecting and for the bind's answer.
    bind_timeout_s: float = 10.0
    #: Seconds of silence after which enquire_link is sent; 0 never.
    enquire_s: float = 0.0
    #: command_status of our deliver_sm_resp; None answers never.
    deliver_status: int | None = 0
