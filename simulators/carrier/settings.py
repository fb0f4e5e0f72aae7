"""Everything a simulated carrier can be told, before it starts or while it runs.

Shares are 0..1, times are seconds, a limit of 0 is no limit. ``simulators.carrier.options`` reads
them from a command line, ``simulators.scenario`` from files and the control port; tests construct them.
What is marked *business time* follows the simulation's clock, everything else real time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from simulators.carrier.ids import IdForm
from simulators.carrier.plan import Parts
from simulators.carrier.receipts import FULL, ReceiptStyle
from simulators.carrier.states import DELIVERED, ReceiptState
from simulators.spread import NO_DELAY, Delay

#: Refusals of a receipt after which carriers send it again; anything else loses it for good.
RETRIED_RECEIPT_STATUSES = frozenset({0x08, 0x14, 0x45, 0x58, 0x64, 0x67, 0xFE, 0xFF})
BIND_KINDS = frozenset({"transmitter", "receiver", "transceiver"})
LONG_FORMS = frozenset({"udh8", "udh16", "sar", "payload"})


@dataclass(frozen=True, slots=True)
class Tls:
    """Files of a listener with TLS (1.2 or later)."""

    certificate: Path
    key: Path
    #: Certificates that may sign those of clients; None asks for none.
    client_ca: Path | None = None


@dataclass(frozen=True, slots=True)
class Outbind:
    """An application to connect to with outbind (SMPP 3.4 §2.2.1); it binds on that connection.

    With ``tls`` whatever certificate it shows is taken.
    """

    port: int
    host: str = "127.0.0.1"
    system_id: str = "carrier-sim"
    password: str = ""
    tls: bool = False


@dataclass(frozen=True, slots=True)
class PlannedReceipt:
    """One receipt of a written plan, ``after`` the response in business time, or ``early``, before the response:
    ``after`` arrival in real time, and the response waits for it.
    """

    state: ReceiptState
    after: Delay = NO_DELAY
    style: ReceiptStyle | None = None
    early: bool = False
    other_bind: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """Which messages a rule is for; every condition that is given must hold.

    ``recipients`` and ``sources`` are patterns of numbers (``1380013*``; a recipient may have China's prefix),
    ``text`` is a regular expression. ``skip`` and ``first`` count the messages of one recipient; ``every``
    takes the n-th, the 2n-th of them and so on. ``from_message`` and ``to_message`` count all messages of the
    carrier from 1, but those refused by a limit, and so depend on the order in which they come. ``between``
    are business times of day in minutes where dates in receipts are at home (``zone_hours``), the second
    exclusive, over midnight unless it is the greater one. ``share`` is drawn for each message.
    """

    recipients: tuple[str, ...] = ()
    provinces: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()
    sources: tuple[str, ...] = ()
    text: str = ""
    skip: int = 0
    first: int = 0
    every: int = 1
    from_message: int = 0
    to_message: int = 0
    between: tuple[int, int] | None = None
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Rule:
    """Other settings for some messages: names of fields of ``CarrierSettings`` marked *behaviour*, with values."""

    match: Match
    changes: Mapping[str, object]
    name: str = ""


@dataclass(frozen=True, slots=True)
class CarrierSettings:
    """One simulated carrier."""

    name: str = "carrier"
    host: str = "127.0.0.1"
    #: 0 takes a free port.
    port: int = 0
    tls: Tls | None = None
    smsc_id: str = "carrier-sim"
    outbinds: tuple[Outbind, ...] = ()
    #: system_id -> password; None takes any credentials.
    accounts: Mapping[str, str] | None = None

    # binds
    bind_kinds: frozenset[str] = BIND_KINDS
    max_binds: int = 0
    max_binds_status: int = 0x05
    #: A dropped session goes on counting against ``max_binds`` for so long.
    ghost_s: float = 0.0
    #: Refuse every bind with this status; 0 takes them.
    refuse_binds: int = 0
    #: How late bind responses are; ``answer_binds`` False sends none.
    bind_response: Delay = NO_DELAY
    answer_binds: bool = True
    #: Close connections at once instead of talking to them.
    refuse_connections: bool = False

    # limits
    #: Unanswered submit_sm of one bind; a status of 0 answers what is too much with silence.
    window: int = 0
    window_status: int = 0x58
    #: Segments a second.
    tps: float = 0.0
    tps_burst: float = 0.0
    tps_status: int = 0x58
    #: What the rate belongs to: "bind", "account" or "address" (the source address).
    tps_per: str = "bind"
    #: Forms of long messages that are taken; others are refused with ``long_status``.
    long_forms: frozenset[str] = LONG_FORMS
    long_status: int = 0x45

    # answers (behaviour)
    response: Delay = NO_DELAY
    #: (command_status, share)
    refuse: tuple[tuple[int, float], ...] = ()
    never_answer: float = 0.0
    #: Share with the same response twice, at once.
    answered_twice: float = 0.0
    #: Share answered after the message that comes next (or 0.1 s later).
    out_of_order: float = 0.0
    drop_before: float = 0.0
    drop_after: float = 0.0
    half_open: float = 0.0
    #: Shares: a malformed, an unknown PDU is sent before the response.
    malformed: float = 0.0
    unknown: float = 0.0
    #: Error responses of submit_sm have a body (an empty message_id).
    error_body: bool = False
    response_id: IdForm = field(default_factory=lambda: IdForm("dec"))
    receipt_id: IdForm | None = None
    #: Number of the first id, while they are counted (``seed`` None).
    id_base: int = 1_000_000_000

    # receipts (behaviour)
    receipts: bool = True
    #: Send them also for messages that did not ask.
    receipts_unasked: bool = False
    #: (state, share); the rest is DELIVRD.
    states: tuple[tuple[ReceiptState, float], ...] = ()
    rest_state: ReceiptState = DELIVERED
    #: After the response; business time.
    receipt: Delay = NO_DELAY
    #: (style, share); the rest is ``rest_style``.
    styles: tuple[tuple[ReceiptStyle, float], ...] = ()
    rest_style: ReceiptStyle = FULL
    #: Share sent before the response, and how long before (real time): the response then comes that much
    #: later. With no such time the receipt is sent at once, and the response as late as responses are.
    early: float = 0.0
    early_by: Delay = NO_DELAY
    duplicate: float = 0.0
    #: Business time.
    duplicate_after: Delay = NO_DELAY
    contradict: float = 0.0
    intermediate: float = 0.0
    other_bind: float = 0.0
    parts: Parts = Parts.EACH
    #: (share, receipts): written plans, in place of all the above; what the shares leave over goes by the above.
    plans: tuple[tuple[float, tuple[PlannedReceipt, ...]], ...] = ()
    #: Texts that the recipient sends back.
    replies: tuple[str, ...] = ()
    #: Segments of a long message get their receipts when all have come, or EXPIRED after this (business time);
    #: 0 gives each segment its receipt by itself.
    long_expire_s: float = 0.0

    #: Other behaviour for some messages; the first rule that matches counts.
    rules: tuple[Rule, ...] = ()

    # deliveries
    #: Unanswered deliver_sm of one bind.
    receipt_window: int = 1000
    #: An unanswered receipt is sent again after this; 0 never.
    resend_after_s: float = 30.0
    #: A refused receipt is sent again after this.
    retry_after_s: float = 1.0
    receipt_tries: int = 5
    retried_statuses: frozenset[int] = RETRIED_RECEIPT_STATUSES
    #: Offset of the dates in receipts from UTC.
    zone_hours: float = 8.0

    # links
    #: Seconds of silence after which enquire_link is sent, or the bind dropped.
    enquire_s: float = 0.0
    idle_drop_s: float = 0.0
    #: How late enquire_link_resp is; ``answer_enquires`` False sends none.
    enquire_response: Delay = NO_DELAY
    answer_enquires: bool = True
    #: Octets read from each connection a second; 0 as fast as they come.
    read_octets_per_s: int = 0
    #: Write in pieces of at most so many octets; 0 in one.
    write_octets: int = 0

    # the run
    #: First digits of the numbers that pick a behaviour by themselves; empty for none.
    magic_prefix: str = "1990000"
    #: Chance and ids of each message come from this, its recipient and its count (what a limit refused does
    #: not count); None: ids are counted, and chance is that of the seed 0.
    seed: int | str | None = None
    #: How many received messages, and sent deliveries, are kept; 0 keeps all.
    record: int = 100_000
    #: JSON lines of messages and receipts.
    log_path: str = ""


#: Fields that a rule may change: what is decided for each message.
BEHAVIOUR = frozenset({
    "response", "refuse", "never_answer", "answered_twice", "out_of_order", "drop_before", "drop_after", "half_open",
    "malformed", "unknown", "error_body", "response_id", "receipt_id", "receipts", "receipts_unasked", "states",
    "rest_state", "receipt", "styles", "rest_style", "early", "early_by", "duplicate", "duplicate_after", "contradict",
    "intermediate", "other_bind", "parts", "plans", "replies", "long_expire_s",
})  # fmt: skip
#: Fields that can't change while the carrier runs.
FIXED = frozenset({"name", "host", "port", "tls", "seed", "id_base", "log_path"})
