"""The tables of a ``[[carrier]]``: which keys there are, and what each sets.

A field is named as in ``CarrierSettings`` and aliased as in files, so that what a file gives is what
``changes()`` returns. Nothing here has a default: what a file leaves out stays as it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, PlainSerializer, Strict, WithJsonSchema

from simulators.carrier.plan import Parts
from simulators.carrier.receipts import FULL
from simulators.carrier.settings import BIND_KINDS, LONG_FORMS, Match, Outbind, PlannedReceipt, Rule, Tls
from simulators.carrier.states import DELIVERED
from simulators.scenario.kinds import (
    Between,
    DelayValue,
    Duration,
    ErrorStatus,
    Form,
    LimitStatus,
    OneOrMore,
    OtherForm,
    Refusals,
    Share,
    State,
    States,
    Status,
    Style,
    Styles,
    Weighted,
    Zone,
    kind,
    parse_status,
)
from smsgw.documents.names import with_hint
from smsgw.documents.values import ExistingFile, Host, Name, Port, Settings

Count = Annotated[int, Field(ge=0)]
#: Keys that set two fields: the shares, and what takes the rest.
RESTS = {"states": "rest_state", "styles": "rest_style"}
REST_VALUES = {"states": DELIVERED, "styles": FULL}


def key(alias: str, about: str) -> Any:
    """A key of a table, with the sentence that editors show."""
    return Field(default=None, alias=alias, description=about)


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
        found = {value} if isinstance(value, str) else set(value) if isinstance(value, list | frozenset) else None
        if found is None:
            raise ValueError(f"expected a list of {', '.join(sorted(words))}, found {value!r}")
        for word in sorted(map(str, found - words)):
            raise ValueError(with_hint(f"unknown word {word!r}", word, words))
        return frozenset(map(str, found))

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


class Table(Settings):
    """A table whose keys set fields of ``CarrierSettings``."""

    def changes(self) -> dict[str, Any]:
        """The fields that the file gives, by their names in ``CarrierSettings``."""
        return dict(self._given())

    def _given(self) -> Iterator[tuple[str, Any]]:
        for name in type(self).model_fields:
            if name not in self.model_fields_set:
                continue
            value = getattr(self, name)
            if isinstance(value, Table):
                yield from value.changes().items()
            elif isinstance(value, Weighted):
                yield name, value.shares
                yield RESTS[name], value.rest
            else:
                yield name, value


class Binds(Table):
    """Who may bind, how often, and how that is answered."""

    bind_kinds: BindKinds = key("kinds", "Kinds of binds that are taken.")
    max_binds: Count = key("most", "Binds of one account at a time; 0 for any number.")
    max_binds_status: ErrorStatus = key("too_many", "Status for one bind too many.")
    ghost_s: Duration = key("ghost", "A dropped session counts as bound for so long.")
    refuse_binds: Status = key("refuse", "Refuse every bind with this status; 0 takes them.")
    bind_response: DelayValue = key("delay", "How late bind responses are.")
    answer_binds: bool = key("answer", "false: binds are never answered.")
    refuse_connections: bool = key("refuse_connections", "true: connections are closed at once.")


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


class Answers(Table):
    """How messages are answered; shares are of messages."""

    response: DelayValue = key("delay", "How late responses are.")
    refuse: Refusals = key("refuse", "Statuses with their shares; one without a share refuses the rest.")
    never_answer: Share = key("never", "Share that is never answered and not delivered.")
    out_of_order: Share = key("out_of_order", "Share answered after the message that comes next.")
    drop_before: Share = key("drop_before", "Share that drops the connection before the response.")
    drop_after: Share = key("drop_after", "Share that drops the connection after the response.")
    half_open: Share = key("half_open", "Share after which the connection says nothing any more.")
    malformed: Share = key("malformed", "Share with a malformed PDU before the response.")
    unknown: Share = key("unknown", "Share with a PDU of an unknown command before the response.")
    error_body: bool = key("error_body", "true: error responses have a body.")


class Ids(Table):
    """The forms of message ids."""

    response_id: Form = key("response", "In responses: dec, hex, HEX (with :WIDTH to pad), text or empty.")
    receipt_id: OtherForm = key("receipt", 'In receipts; "same" as in responses.')


class CarrierIds(Ids):
    """With where counting begins."""

    id_base: Count = key("base", "Number of the first id while there is no seed.")


class Planned(Settings):
    """One receipt of a written plan."""

    state: State
    after: DelayValue = key("after", "After the response, or with early after arrival; business time.")
    style: Style = key("style", "How it is written.")
    early: bool = False
    other_bind: bool = False

    def receipt(self) -> PlannedReceipt:
        """The value that carriers know."""
        given = {name: getattr(self, name) for name in type(self).model_fields if name in self.model_fields_set}
        return PlannedReceipt(**given)


class PlanTable(Settings):
    """A share of messages and all of their receipts."""

    share: Share = 1.0
    receipts: Annotated[tuple[Planned, ...], Strict(False)] = ()


class Receipts(Table):
    """Which receipts there are, when, and how they are written; times are business time."""

    receipts: bool = key("send", "false: there are none.")
    receipts_unasked: bool = key("unasked", "true: also for messages that did not ask.")
    states: States = key("states", "States with shares; one without a share takes the rest, else DELIVRD.")
    receipt: DelayValue = key("delay", "How long after the response.")
    styles: Styles = key("styles", "How they are written, with shares; words joined by +.")
    early: Share = key("early", "Share sent before the response.")
    early_by: DelayValue = key("early_by", "How long before the response; real time.")
    duplicate: Share = key("twice", "Share sent twice.")
    duplicate_after: DelayValue = key("twice_after", "How much later the second (or the contradicting) one comes.")
    contradict: Share = key("contradict", "Share followed by the opposite state.")
    intermediate: Share = key("intermediate", "Share preceded by ENROUTE.")
    other_bind: Share = key("other_bind", "Share sent on another bind than the message's.")
    parts: Annotated[
        Parts,
        BeforeValidator(lambda value: _parts(value)),
        PlainSerializer(lambda parts: parts.value),
        WithJsonSchema({"enum": [part.value for part in Parts]}),
    ] = key("segments", "Which segments of a long message get one.")
    plans: Annotated[tuple[PlanTable, ...], Strict(False)] = key("plan", "Written plans in place of all the above.")
    long_expire_s: Duration = key(
        "incomplete_after", "Segments of a message that is not complete by then get EXPIRED; 0s looks at each alone."
    )

    def _given(self) -> Iterator[tuple[str, Any]]:
        for name, value in super()._given():
            if name == "plans":
                yield name, tuple((plan.share, tuple(each.receipt() for each in plan.receipts)) for plan in value)
            else:
                yield name, value


def _parts(value: object) -> Parts:
    if isinstance(value, Parts):
        return value
    words = [part.value for part in Parts]
    if value not in words:
        raise ValueError(with_hint(f"unknown word {value!r}", value, words))
    return Parts(value)


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


class MatchTable(Settings):
    """Which messages a rule is for; every condition that is given must hold."""

    recipients: OneOrMore = key("to", "Patterns of recipients such as 1380013*.")
    provinces: OneOrMore = key("province", "Provinces of Chinese recipients.")
    accounts: OneOrMore = key("account", "Accounts that sent it.")
    sources: OneOrMore = key("from", "Patterns of source numbers.")
    text: str = key("text", "A regular expression looked for in the text.")
    skip: Count = key("skip", "Not the first so many messages of a recipient.")
    first: Count = key("first", "Only so many messages of a recipient (behind those skipped).")
    every: Annotated[int, Field(ge=1)] = key("every", "Each n-th message of a recipient.")
    from_message: Count = key("from_message", "From this message of the carrier on, counted from 1.")
    to_message: Count = key("to_message", "Up to this message of the carrier.")
    between: Between = key("between", "Business time of day.")
    share: Share = key("share", "Drawn for each message.")

    def match(self) -> Match:
        """The value that carriers know."""
        given = {name: getattr(self, name) for name in type(self).model_fields if name in self.model_fields_set}
        for name in ("provinces", "accounts"):
            if name in given:
                given[name] = frozenset(given[name])
        return Match(**given)


class RuleTable(Table):
    """Other behaviour for some messages; the first rule that matches counts."""

    name: str = Field("", description="For reports.")
    match: MatchTable = Field(MatchTable(), description="Which messages it is for.")
    answers: Answers = key("answers", "How they are answered.")
    ids: Ids = key("ids", "The forms of their ids.")
    receipts: Receipts = key("receipts", "Their receipts.")
    replies: OneOrMore = key("replies", "Texts that the recipient sends back.")

    def rule(self) -> Rule:
        """The value that carriers know."""
        changes = self.changes()
        for known in ("name", "match"):
            changes.pop(known, None)
        return Rule(self.match.match(), changes, self.name)


class OutbindTable(Settings):
    """An application to connect to with outbind."""

    port: Annotated[Port, Field(ge=1)]
    host: Host = "127.0.0.1"
    system_id: str = "carrier-sim"
    password: str = ""

    def outbind(self) -> Outbind:
        """The value that carriers know."""
        return Outbind(self.port, self.host, self.system_id, self.password)


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
    """``tls``: files of a listener with TLS."""

    certificate: ExistingFile
    key: ExistingFile
    client_ca: ExistingFile | None = None

    def tls(self) -> Tls:
        """The value that carriers know."""
        return Tls(self.certificate, self.key, self.client_ca)


class CarrierTable(ChangesTable):
    """A ``[[carrier]]``."""

    profile: ExistingFile = key("profile", "A gateway's carrier file to start from.")
    name: Name = key("name", "Its name in commands and reports.")
    host: Host = key("host", "Address to listen on.")
    port: Port = key("port", "Port to listen on; 0 takes a free one.")
    tls_table: TlsTable = key("tls", "Listen with TLS.")
    ids: CarrierIds = key("ids", "The forms of message ids.")
    log_path: str = key("log", "A file for a JSON line of each message and receipt.")

    def _given(self) -> Iterator[tuple[str, Any]]:
        for name, value in super()._given():
            if name == "tls_table":
                yield "tls", value.tls()
            elif name != "profile":
                yield name, value


def tables_of(model: type[BaseModel]) -> Iterator[tuple[str, type[Table]]]:
    """The sub-tables of a table: attribute and model."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Table):
            yield name, field.annotation
