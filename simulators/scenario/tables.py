"""The tables of a ``[[carrier]]``: which keys there are, and what each sets; of behaviour in ``behaviour_tables``.

A field is named as in ``CarrierSettings`` and aliased as in files, so that what a file gives is what
``changes()`` returns. Nothing here has a default: what a file leaves out stays as it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PlainSerializer, Strict, WithJsonSchema, model_validator

from simulators.carrier.settings import BIND_KINDS, LONG_FORMS, Outbind, Tls
from simulators.scenario.behaviour_tables import Answers, Count, Ids, Receipts, RuleTable, Table, key
from simulators.scenario.behaviour_tables import tables_of as tables_of
from simulators.scenario.certificate import self_signed
from simulators.scenario.kinds import (
    DelayValue,
    Duration,
    ErrorStatus,
    LimitStatus,
    OneOrMore,
    Status,
    Zone,
    kind,
    parse_status,
)
from smsgw.documents.names import with_hint
from smsgw.documents.values import ExistingFile, Host, Name, Port, Settings


def _rate(value: object) -> float:
    words = value.removesuffix("/s").strip() if isinstance(value, str) else value
    try:
        rate = float(words) if isinstance(words, str | int | float) and not isinstance(words, bool) else -1.0
    except ValueError:
        rate = -1.0
    if not 0 <= rate <= 1_000_000:
        raise ValueError(f'expected segments a second such as "100/s" or 100, 0 for no limit, found {value!r}')
    return rate


Rate = Annotated[
    float,
    BeforeValidator(_rate),
    PlainSerializer(lambda rate: f"{rate:.12g}/s"),
    WithJsonSchema({"type": ["string", "number"], "examples": ["100/s"]}),
]


def _set_of(words: frozenset[str]) -> tuple[Any, ...]:
    """Metadata of a set of words."""

    def read(value: object) -> frozenset[str]:
        given = [value] if isinstance(value, str) else value
        if not isinstance(given, list | frozenset):
            raise ValueError(f"expected a list of {', '.join(sorted(words))}, found {value!r}")
        found = frozenset(map(str, given))
        for word in sorted(found - words):
            raise ValueError(with_hint(f"unknown word {word!r}", word, words))
        return found

    one = {"enum": sorted(words)}
    return kind(read, sorted, {"anyOf": [one, {"type": "array", "items": one}]})


BindKinds = Annotated[frozenset[str], *_set_of(BIND_KINDS)]
LongForms = Annotated[frozenset[str], *_set_of(LONG_FORMS)]


def _accounts(value: object) -> dict[str, str] | None:
    if value == "any":
        return None
    if not isinstance(value, dict) or not all(isinstance(password, str) for password in value.values()):
        raise ValueError('expected passwords by system_id such as { alpha = "secret" }, or "any"')
    return value


Accounts = Annotated[
    Any,
    BeforeValidator(_accounts),
    PlainSerializer(lambda accounts: "any" if accounts is None else dict(accounts)),
    WithJsonSchema(
        {"anyOf": [{"const": "any"}, {"type": "object", "additionalProperties": {"type": "string"}}],
         "examples": ["any"]}
    ),
]  # fmt: skip


class Binds(Table):
    """Who may bind, how often, and how that is answered."""

    bind_kinds: BindKinds = key("kinds", "Kinds of binds that are taken.")
    max_binds: Count = key("most", "Binds of one account at a time; 0 for any number.")
    max_binds_status: ErrorStatus = key("too_many", "Status for one bind too many.")
    ghost_s: Duration = key("ghost", "A dropped session counts as bound for so long.")
    refuse_binds: Status = key("refuse", "Refuse every bind with this status; 0 takes them.")
    bind_response: DelayValue = key("delay", "How late bind responses are.")
    answer_binds: bool = key("answer", "false: binds are never answered.")
    refuse_connections: bool = key("refuse_connections", "true: no connections are taken.")


class Limits(Table):
    """Window and rate, and the forms of long messages."""

    window: Count = key("window", "Unanswered submit_sm of one bind; 0 for any number.")
    window_status: LimitStatus = key("window_status", 'Status for one too many, or "silence".')
    tps: Rate = key("rate", "Segments a second.")
    tps_burst: Annotated[float, Field(ge=0)] = key("burst", "Segments at once; 0 for those of one second.")
    tps_status: LimitStatus = key("rate_status", 'Status above the rate, or "silence".')
    tps_per: Literal["bind", "account", "address"] = key("rate_per", "What the rate belongs to.")
    long_forms: LongForms = key("long_forms", "Forms of long messages that are taken.")
    long_status: ErrorStatus = key("long_status", "Status for the other forms.")


class CarrierIds(Ids):
    """With where counting begins."""

    id_base: Count = key("base", "Number of the first id while there is no seed.")


class CarrierReceipts(Receipts):
    """With what all receipts of a carrier have in common."""

    zone_hours: Zone = key("zone", "The zone of the dates in receipts.")


class Deliveries(Table):
    """How receipts and MO are sent, and sent again."""

    receipt_window: Annotated[int, Field(ge=1)] = key("window", "Unanswered deliver_sm of one bind.")
    resend_after_s: Duration = key("resend_after", "An unanswered one is sent again after this; 0s never.")
    retry_after_s: Duration = key("retry_after", "A refused one is sent again after this.")
    receipt_tries: Annotated[int, Field(ge=1)] = key("tries", "Given up after so many.")
    retried_statuses: Annotated[
        frozenset[int],
        BeforeValidator(lambda value: _statuses(value)),
        PlainSerializer(lambda found: [f"0x{status:02X}" for status in sorted(found)]),
        WithJsonSchema({"type": "array", "items": {"type": ["string", "integer"]}}),
    ] = key("retried", "Refusals after which it is sent again; any other loses it.")


def _statuses(value: object) -> frozenset[int]:
    if isinstance(value, frozenset):
        return value
    if not isinstance(value, list):
        raise ValueError(f'expected a list of statuses such as ["0x08", "0x58"], found {value!r}')
    return frozenset(parse_status(each) for each in value)


class Link(Table):
    """Timers and pace of connections; real time."""

    enquire_s: Duration = key("enquire", "Silence after which enquire_link is sent; 0s never.")
    idle_drop_s: Duration = key("idle_drop", "Silence after which the connection is dropped; 0s never.")
    enquire_response: DelayValue = key("enquire_delay", "How late enquire_link_resp is.")
    answer_enquires: bool = key("answer_enquires", "false: enquire_link is never answered.")
    read_octets_per_s: Count = key("read_octets", "Octets read a second; 0 as fast as they come.")
    write_octets: Count = key("write_octets", "Written in pieces of at most so many octets; 0 in one.")


class OutbindTable(Settings):
    """An application to connect to with outbind."""

    port: Annotated[Port, Field(ge=1)]
    host: Host = "127.0.0.1"
    system_id: str = "carrier-sim"
    password: str = ""
    tls: bool = Field(False, description="Over TLS; whatever certificate the application shows is taken.")

    def outbind(self) -> Outbind:
        """The value that carriers know."""
        return Outbind(self.port, self.host, self.system_id, self.password, self.tls)


class ChangesTable(Table):
    """Everything of a carrier that can change while it runs."""

    accounts: Accounts = key("accounts", 'Passwords by system_id, or "any".')
    smsc_id: Annotated[str, Field(max_length=15)] = key("smsc_id", "system_id in bind responses.")
    binds: Binds = key("binds", "Who may bind.")
    limits: Limits = key("limits", "Window and rate.")
    answers: Answers = key("answers", "How messages are answered.")
    ids: Ids = key("ids", "The forms of message ids.")
    receipts_: CarrierReceipts = key("receipts", "Delivery receipts.")
    deliveries: Deliveries = key("deliveries", "How receipts and MO are sent.")
    link: Link = key("link", "Timers and pace of connections.")
    replies: OneOrMore = key("replies", "Texts that recipients send back.")
    rule_tables: Annotated[tuple[RuleTable, ...], Strict(False)] = key("rule", "Other behaviour for some messages.")
    outbind_tables: Annotated[tuple[OutbindTable, ...], Strict(False)] = key("outbind", "Applications to call.")
    magic_prefix: Annotated[str, Field(pattern="^[0-9]*$")] = key("magic", 'Prefix of magic recipients; "" for none.')
    record: Count = key("record", "Messages kept to be looked at; 0 for all.")

    def _given(self) -> Iterator[tuple[str, Any]]:
        for name, value in super()._given():
            if name == "rule_tables":
                yield "rules", tuple(table.rule() for table in value)
            elif name == "outbind_tables":
                yield "outbinds", tuple(table.outbind() for table in value)
            else:
                yield name, value


class TlsTable(Settings):
    """``tls``: files of a listener with TLS, or "self-signed"."""

    certificate: ExistingFile | None = None
    key: ExistingFile | None = None
    client_ca: ExistingFile | None = None
    self_signed: bool = False

    @model_validator(mode="before")
    @classmethod
    def _word(cls, data: object) -> object:
        if isinstance(data, str):
            if data != "self-signed":
                raise ValueError(
                    f'expected a table {{ certificate = "…", key = "…" }} or "self-signed", found {data!r}'
                )
            return {"self_signed": True}
        return data

    @model_validator(mode="after")
    def _pair(self) -> Self:
        if not self.self_signed and (self.certificate is None or self.key is None):
            raise ValueError('expected certificate and key, or tls = "self-signed"')
        return self

    def tls(self) -> Tls:
        """The value that carriers know."""
        if self.certificate is None or self.key is None:
            return self_signed()
        return Tls(self.certificate, self.key, self.client_ca)


_PATH = {"type": "string"}
TlsChoice = Annotated[
    TlsTable,
    WithJsonSchema(
        {
            "anyOf": [
                {"const": "self-signed"},
                {
                    "type": "object",
                    "properties": {"certificate": _PATH, "key": _PATH, "client_ca": _PATH},
                    "required": ["certificate", "key"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]


class CarrierTable(ChangesTable):
    """A ``[[carrier]]``."""

    profile: ExistingFile = key("profile", "A gateway's carrier file to start from.")
    name: Name = key("name", "Its name in commands and reports.")
    host: Host = key("host", "Address to listen on.")
    port: Port = key("port", "Port to listen on; 0 takes a free one.")
    tls_table: TlsChoice = key("tls", 'Listen with TLS: files, or "self-signed".')
    ids: CarrierIds = key("ids", "The forms of message ids.")
    log_path: str = key("log", "A file for a JSON line of each message and receipt.")

    def _given(self) -> Iterator[tuple[str, Any]]:
        for name, value in super()._given():
            if name == "tls_table":
                yield "tls", value.tls()
            elif name != "profile":
                yield name, value
