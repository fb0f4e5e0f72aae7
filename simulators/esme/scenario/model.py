"""The file of an application scenario: which keys there are, what goes together, and what is said otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, Strict, WithJsonSchema, model_validator

from simulators.esme.message_options import octets, parse_tlv, smpp_time
from simulators.esme.settings import BIND_COMMANDS, ClientTls, EsmeSettings
from simulators.expect.model import Expectation
from simulators.scenario.kinds import Duration, OneOrMore, parse_status
from simulators.scenario.model import ClockPlan
from smsgw.documents.names import with_hint
from smsgw.documents.values import ExistingFile, Host, Moment, PerSecond, Port, Settings, Text

#: What a step may do: (keys it needs, keys it may have).
ACTIONS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "send": (frozenset({"to"}), frozenset({
        "text", "hex", "from", "to_count", "count", "rate", "coding", "long", "rd", "priority", "service_type",
        "schedule", "validity", "esm_class", "protocol_id", "tlvs", "wait", "within", "bind",
    })),
    "wait": (frozenset({"for"}), frozenset({"count", "within"})),
    "listen": (frozenset({"time"}), frozenset()),
    "query": (frozenset(), frozenset({"of", "message_id", "from", "within"})),
    "cancel": (frozenset(), frozenset({"of", "message_id", "from", "within"})),
    "replace": (frozenset({"text"}), frozenset({"of", "message_id", "from", "within"})),
    "bind": (frozenset(), frozenset({"refused"})),
    "unbind": (frozenset(), frozenset()),
    "drop": (frozenset(), frozenset({"bind"})),
    "half_open": (frozenset(), frozenset({"bind"})),
    "pause": (frozenset(), frozenset({"bind", "time"})),
    "resume": (frozenset(), frozenset({"bind"})),
    "answer": (frozenset({"status"}), frozenset({"late"})),
    "enquire": (frozenset(), frozenset({"within"})),
    "raw": (frozenset({"hex"}), frozenset({"bind"})),
    "clock": (frozenset(), frozenset({"set", "advance", "rate_of_clock"})),
}  # fmt: skip
_COMMON = frozenset({"do", "name", "application", "background"})

Octet = Annotated[int, Field(ge=0, le=255)]
Count = Annotated[int, Field(ge=1)]


def _binds(value: object) -> tuple[str, ...]:
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list | tuple) or not words:
        raise ValueError(f'expected binds such as ["transceiver", "receiver"], found {value!r}')
    for word in words:
        if word not in BIND_COMMANDS:
            raise ValueError(with_hint(f"no kind of bind is named {word!r}", word, BIND_COMMANDS))
    return tuple(words)


def _answer(value: object) -> int | None:
    return None if value == "never" else parse_status(value)


def _time(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f'expected a time such as "30m" or 16 characters as SMPP has them, found {value!r}')
    return smpp_time(value)


def _octets(value: object) -> bytes:
    if not isinstance(value, str):
        raise ValueError(f'expected hexadecimal octets such as "0a1b", found {value!r}')
    return octets(value)


def _tlvs(value: object) -> bytes:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        raise ValueError(f'expected TLVs such as ["0x1400=text:hello"], found {value!r}')
    return b"".join(parse_tlv(text) for text in texts)


_TEXT_SCHEMA: dict[str, Any] = {"type": "string"}
_ONE_OR_MORE: dict[str, Any] = {"anyOf": [_TEXT_SCHEMA, {"type": "array", "items": _TEXT_SCHEMA}]}
Answer = Annotated[
    int | None,
    BeforeValidator(_answer),
    WithJsonSchema({"type": ["string", "integer"], "examples": ["never", "0x58", "ESME_RX_T_APPN"]}),
]
SmppTime = Annotated[str, BeforeValidator(_time), WithJsonSchema({"type": "string", "examples": ["30m"]})]
Octets = Annotated[bytes, BeforeValidator(_octets), WithJsonSchema({"type": "string", "examples": ["0a1b"]})]
RawTlvs = Annotated[bytes, BeforeValidator(_tlvs), WithJsonSchema(_ONE_OR_MORE)]
Binds = Annotated[tuple[str, ...], BeforeValidator(_binds), WithJsonSchema(_ONE_OR_MORE)]


class TlsTable(Settings):
    """``tls``: TLS towards the SMSC."""

    ca: ExistingFile | None = Field(None, description="Certificates that may sign the SMSC's; without it any will do.")
    certificate: ExistingFile | None = None
    key: ExistingFile | None = None
    name: str = Field("", description="Name in the SMSC's certificate; the host when left out.")


class Application(Settings):
    """``[[application]]``: an account and its binds."""

    name: str = Field("", description="What steps and reports call it; the system_id when left out.")
    host: Host = "127.0.0.1"
    port: Port = 2775
    system_id: Text
    password: str = ""
    system_type: str = ""
    version: Literal["3.3", "3.4", "5.0"] = "3.4"
    binds: Binds = ("transceiver",)
    connect: bool = Field(True, description='Bind before the first step; else a step with do = "bind" does.')
    window: int = Field(0, ge=0, description="Unanswered requests of one bind; 0 is no limit.")
    tls: TlsTable | None = None
    bind_timeout: Duration = 10.0
    enquire: Duration = Field(0.0, description="enquire_link after so much silence; 0s never.")
    reconnect: Duration = Field(0.0, description="Bind again so long after a loss; 0s never.")
    answer: Answer = Field(0, description="How receipts and MO are answered: a command_status, or never.")
    answer_late: Duration = Field(0.0, description="How late they are answered.")
    outbind_port: Port | None = Field(None, description="Wait here for the SMSC's outbind; don't connect.")

    @property
    def label(self) -> str:
        """What steps and reports call it."""
        return self.name or self.system_id

    def settings(self, host: str | None = None, port: int | None = None) -> EsmeSettings:
        """For an ``EsmeSim``; a given host and port go before the file's."""
        tls = self.tls
        return EsmeSettings(
            port=self.port if port is None else port,
            host=host or self.host,
            system_id=self.system_id,
            password=self.password,
            system_type=self.system_type,
            interface_version=int(self.version.replace(".", ""), 16),
            binds=self.binds,
            bind_timeout_s=self.bind_timeout,
            enquire_s=self.enquire,
            deliver_status=self.answer,
            deliver_after_s=self.answer_late,
            tls=None if tls is None else ClientTls(tls.ca, tls.certificate, tls.key, tls.name),
            outbind_port=self.outbind_port,
            reconnect_s=self.reconnect,
            name=self.label,
            record=0,
        )


class Step(Settings):
    """``[[step]]``: what the applications do next."""

    do: Annotated[str, WithJsonSchema({"enum": sorted(ACTIONS)})]
    name: str = Field("", description="For reports, for `of` of later steps, and as `phase` of expectations.")
    application: OneOrMore = Field((), description="Names; all when left out. send: they take turns.")
    background: bool = Field(False, description="Go on with the next step at once; the run waits for it at its end.")

    to: OneOrMore = Field((), description="Recipients, taken in turns; with to_count the first of so many numbers.")
    to_count: Count = 1
    from_: str = Field("10690001", alias="from")
    text: str | None = Field(None, description="{n} becomes the message's number, {n:06} with zeros.")
    hex: Octets | None = Field(None, description="raw: whole PDUs; send: the short_message in place of text.")
    count: Count | None = Field(None, description="send: messages (one for each recipient); wait: how many in all.")
    rate: PerSecond | None = Field(None, description="send: messages a second; without it as windows let them.")
    coding: Octet | None = None
    long: Literal["udh", "udh16", "sar", "payload"] = "udh"
    rd: Octet = 1
    priority: Octet = 0
    service_type: str = ""
    schedule: SmppTime = ""
    validity: SmppTime = ""
    esm_class: Octet = 0
    protocol_id: Octet = 0
    tlvs: RawTlvs = b""
    wait: Literal["nothing", "answers", "receipts"] = Field("answers", description="send: what the step waits for.")
    within: Duration = Field(30.0, description="How long it may take; real time.")

    for_: Literal["answers", "receipts", "mo", "binds", "outbind"] | None = Field(None, alias="for")
    time: Duration | None = Field(None, description="listen, pause: so long; real time.")
    of: str = Field("", description="The name of the step whose last message is meant; the last of all when left out.")
    message_id: str = ""
    bind: int = Field(0, ge=0, description="Which bind, from 1; 0 is all (send: those that may, in turns).")
    refused: bool = Field(False, description="The bind must be refused.")
    status: Answer = 0
    late: Duration = 0.0
    set: Moment | None = None
    advance: Duration | None = None
    rate_of_clock: Annotated[float | None, Field(ge=0, le=1_000_000)] = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.do not in ACTIONS:
            raise ValueError(with_hint(f"nobody knows how to do {self.do!r}", self.do, ACTIONS))
        needed, allowed = ACTIONS[self.do]
        fields = type(self).model_fields
        given = {fields[name].alias or name for name in self.model_fields_set}
        if missing := sorted(needed - given):
            raise ValueError(f"do = {self.do!r} needs {', '.join(missing)}")
        if wrong := sorted(given - needed - allowed - _COMMON):
            raise ValueError(with_hint(f"{', '.join(wrong)} means nothing with do = {self.do!r}", "", needed | allowed))
        if self.do == "send":
            self._check_send()
        if self.do == "clock" and not given & allowed:
            raise ValueError("do = 'clock' needs set, advance or rate_of_clock")
        return self

    @property
    def label(self) -> str:
        """For reports."""
        return f"{self.name} ({self.do})" if self.name else self.do

    def recipient(self, n: int) -> str:
        """Of message ``n``, from 0."""
        if self.to_count == 1:
            return self.to[n % len(self.to)]
        first = self.to[0]
        return f"{int(first) + n % self.to_count:0{len(first)}}"

    def _check_send(self) -> None:
        if (self.text is None) == (self.hex is None):
            raise ValueError("do = 'send' needs either text or hex")
        if self.to_count > 1 and (len(self.to) > 1 or not self.to[0].isdecimal()):
            raise ValueError("to_count counts up from one number in to")
        if self.text is not None:
            text_of(self.text, 0)


class ScenarioFile(Settings):
    """The file."""

    schema_: str = Field("", alias="$schema")
    name: str = Field("", description="For reports; the file's own name when left out.")
    about: str = ""
    zone: str = Field("Asia/Shanghai", description="In which expectations read hours and days.")
    clock: ClockPlan = ClockPlan()
    applications: Annotated[tuple[Application, ...], Strict(False), Field(alias="application", min_length=1)]
    steps: Annotated[tuple[Step, ...], Strict(False), Field(alias="step")] = ()
    expectations: Annotated[tuple[Expectation, ...], Strict(False), Field(alias="expect")] = ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """A file that was read and checked."""

    name: str
    path: Path
    about: str
    zone: str
    clock: ClockPlan
    applications: tuple[Application, ...]
    steps: tuple[Step, ...]
    expectations: tuple[Expectation, ...]


def text_of(template: str, n: int) -> str:
    """The text of message ``n``. Raises ValueError for braces that are none."""
    try:
        return template.format(n=n)
    except (KeyError, IndexError, AttributeError, ValueError):
        raise ValueError(f"expected {{n}} or {{n:06}} in the text, and {{{{ for a brace, found {template!r}") from None
