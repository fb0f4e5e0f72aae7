"""What a load run is told."""

from __future__ import annotations

from dataclasses import dataclass

from simulators.esme.mix import MixedMessage
from simulators.esme.settings import ClientTls


@dataclass(frozen=True, slots=True)
class LoadSettings:
    """A load run; without ``rate`` each connection keeps its window full (closed loop).

    With ``rate`` (open loop) message k is due at k/rate seconds whatever the answers are, and its
    latency counts from then, so that a gateway that stalls is charged for the queue it causes.
    """

    port: int = 2775
    host: str = "127.0.0.1"
    #: (system_id, password); connections take them in turn.
    accounts: tuple[tuple[str, str], ...] = (("load", "secret"),)
    system_type: str = ""
    #: Word of ``BIND_COMMANDS`` for the sending connections.
    bind: str = "transceiver"
    connections: int = 1
    #: Further bind_receiver connections.
    receivers: int = 0
    #: Unanswered submit_sm of one connection.
    window: int = 100
    #: Messages in all; 0 for no limit.
    count: int = 0
    #: Seconds of sending; 0 for no limit.
    duration_s: float = 0.0
    #: Messages a second; 0 for a closed loop.
    rate: float = 0.0
    #: Seconds in which rate or window grows from nothing to what is set.
    ramp_s: float = 0.0
    #: Seconds over which connections are opened, evenly; sending begins with the first.
    bind_ramp_s: float = 0.0
    tls: ClientTls | None = None
    #: Several kinds of messages in place of ``source`` to ``priority_flag`` below.
    mix: tuple[MixedMessage, ...] = ()

    source: str = "10690001"
    #: Recipients are recipient_base + n % recipient_count.
    recipient_base: int = 8_613_800_000_000
    recipient_count: int = 1_000_000
    #: In place of the two above.
    recipients: tuple[str, ...] = ()
    #: ``{n}`` becomes the message's number in nine digits.
    text: str = "[ACME] Your login code is {n}. It is valid for 5 minutes. Do not share it with anyone."
    #: None chooses by the text.
    data_coding: int | None = None
    #: How a text of several segments is sent: one of ``message.LONG_FORMS``; "payload" sends every text so.
    long: str = "udh"
    registered_delivery: int = 0
    validity_period: str = ""
    service_type: str = ""
    priority_flag: int = 0

    #: Wait for receipts until so many seconds bring none.
    wait_s: float = 10.0
    #: Try to bind for so long.
    bind_timeout_s: float = 15.0
    #: Bind again after a lost connection or a refused bind.
    reconnect: bool = False
    reconnect_after_s: float = 1.0
    enquire_s: float = 10.0
    #: Seconds between lines on stderr; 0 for none.
    progress_s: float = 1.0
    #: One line for each message answered ESME_ROK: its number and its id.
    ledger_path: str = ""
    #: The result has the buckets of both latencies.
    histogram: bool = False
