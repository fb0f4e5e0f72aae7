"""What the control port is sent and what it answers: the schemas that /openapi.json shows."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from simulators.carrier.faults import FAULTS
from simulators.control.pdu_tree import PduShown

_HOW_LONG = 'A duration such as "500ms", "5s" or "2m".'


class Request(BaseModel):
    """What is sent; a key that nobody knows is refused."""

    model_config = ConfigDict(extra="forbid")


class Problem(BaseModel):
    """Every error has this form."""

    error: str = Field(description="A sentence for people.", examples=["no carrier is called 'alhpa'; is it alpha?"])
    where: str = Field("", description="The key or the thing it is about.", examples=["carrier"])


class ClockState(BaseModel):
    """Business time: windows, receipts' delays and dates, time lines follow it; networks don't."""

    now: str = Field(description="ISO 8601 with its zone.", examples=["2026-11-18T21:30:00.000+00:00"])
    rate: float = Field(
        ge=0, le=1_000_000, description="Simulated seconds in a real second; 0 stands still.", examples=[1.0]
    )
    mode: Literal["real", "scaled", "manual"] = Field(description="real: the system's time.")
    drives: list[str] = Field([], description="Gateways whose clocks are moved along.")


class ClockChange(Request):
    """Move the clock: ``set`` or ``advance``, and ``rate``."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"advance": "8h"}, {"set": "2026-11-18T21:30:00+08:00", "rate": 0}, {"rate": 60}]
        },
    )

    set: str | None = Field(None, description="A time with its zone, forwards or backwards.")
    advance: str | float | None = Field(None, description=_HOW_LONG + " A number is seconds.")
    rate: float | None = Field(None, ge=0, le=1_000_000, description="Simulated seconds in a real second.")


class LinkState(BaseModel):
    """One connection of a carrier."""

    bind: int = Field(description="Its number, from 1 in the order of connecting.", examples=[3])
    account: str = Field("", description="system_id; empty before the bind.", examples=["smsgw"])
    state: str = Field(examples=["BOUND_TRX"])
    remote: str = Field(examples=["127.0.0.1:41234"])
    silent: bool = Field(description="Half open: nothing is read or written any more.")
    choked: bool = Field(description="The peer does not read what is sent.")
    unanswered_in: int = Field(description="Messages of the application that are not answered yet.")
    unanswered_out: int = Field(description="deliver_sm that the application has not answered yet.")
    heard_s: float = Field(description="Seconds since octets last came.")


class CarrierState(BaseModel):
    """One simulated carrier as it is now."""

    name: str = Field(examples=["alpha"])
    host: str = Field(examples=["127.0.0.1"])
    port: int = Field(description="Where applications connect.", examples=[2776])
    bound: int = Field(description="Connections that are bound.", examples=[2])
    receipts_waiting: int = Field(description="Receipts and MO that are due later, parked or not answered.")
    links: list[LinkState]
    counts: dict[str, Any] = Field(
        description="Counts since the start or the last reset.",
        examples=[{"submits": 1200, "ok": 1188, "dlr_sent": 1150}],
    )


class CaptureState(BaseModel):
    """A running or ended recording."""

    file: str = Field(examples=["run.pcap"])
    running: bool
    octets: int = Field(description="Size of the file so far.")
    failure: str = Field("", description="What stopped it, if anything did.")


class State(BaseModel):
    """Everything at a glance."""

    clock: ClockState
    scenario: str = Field("", description="Name of the scenario that is played.", examples=["night-window"])
    about: str = ""
    phases: list[str] = Field([], description="Phases of the time line that hold now.", examples=[["throttled"]])
    carriers: list[CarrierState]
    captures: list[CaptureState]
    problems: list[str] = Field([], description="What does not work: ports, events of the time line, gateways' clocks.")
    dropped: int = Field(0, description="Pieces of traffic that slow listeners lost.")


class SettingHelp(BaseModel):
    """A setting that can change while a carrier runs."""

    key: str = Field(examples=["limits.rate"])
    about: str = Field(examples=["Segments a second."])


class MoRequest(Request):
    """What a handset writes."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"source": "13800138000", "destination": "10690001", "text": "TD"}]},
    )

    source: str = Field(min_length=1, max_length=20, description="The subscriber's number.")
    destination: str = Field(max_length=20, description="The service number that was written to.")
    text: str = Field(max_length=20_000, description="A long text goes as segments.")
    account: str = Field("", description="system_id that gets it; empty: the first that can receive.")
    data_coding: int | None = Field(None, ge=0, le=255, description="None: 0 if GSM 03.38 has every character, else 8.")


class Sent(BaseModel):
    """How many PDUs were sent, or wait for a bind."""

    sent: int = Field(examples=[1])


class ReceiptRequest(Request):
    """Send a receipt for a message that was received."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"message_id": "1000000001", "state": "UNDELIV/001"}]}
    )

    message_id: str = Field(min_length=1, max_length=64, description="As the response to the message had it.")
    state: str = Field(description="stat, or stat/err: DELIVRD, UNDELIV/001, MK:0001.")
    style: str = Field("", description="How it is written; empty: as the carrier usually does.", examples=["tlv"])
    other_bind: bool = Field(False, description="On another bind than the message came on, if there is one.")


class ToConnections(Request):
    """Which connections are meant."""

    account: str = Field("", description="system_id; empty: all accounts.")
    bind: int = Field(0, ge=0, description="Number of the connection; 0: all.")


class LinkRequest(ToConnections):
    """Do something to connections: all, those of an account, or one."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"do": "drop"}, {"do": "half_open", "account": "smsgw"}]}
    )

    do: Literal["drop", "half_open", "pause", "resume", "unbind"] = Field(
        description="drop: close without a word. half_open: say nothing any more. pause: look hung until resume. "
        "unbind: say goodbye."
    )


class Connections(BaseModel):
    """How many connections it was done to."""

    connections: int = Field(examples=[2])


class FloodRequest(ToConnections):
    """Send a lot at once."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"kind": "mo", "count": 100}]})

    kind: Literal["enquire_link", "mo", "receipt", "unknown"] = Field(
        description="receipt: about messages that never were. unknown: commands that no version knows."
    )
    count: int = Field(ge=1, le=100_000, description="How many, spread over the connections.")


class MalformedRequest(ToConnections):
    """Send a PDU that is wrong."""

    kind: str = Field("", description=f"Empty: one that the seed picks; or {', '.join(FAULTS)}.", examples=["tlv_cut"])


class RawRequest(ToConnections):
    """Send octets as they are."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"hex": "00000010 00000015 00000000 00000007"}]}
    )

    hex: str = Field(max_length=200_000, description="Hexadecimal; blanks and colons are allowed.")


class DecodeRequest(Request):
    """A PDU to read."""

    hex: str = Field(max_length=200_000, examples=["00000010 00000015 00000000 00000007"])


class EntryShown(BaseModel):
    """One thing that happened; see ``kind``."""

    model_config = ConfigDict(extra="allow")

    kind: str = Field(description="submit, receipt, mo, bind, refused_bind, unbind or lost.", examples=["submit"])
    where: str = Field(description="Name of the carrier.", examples=["alpha"])
    at: str = Field(description="Business time.")
    account: str = Field(examples=["smsgw"])
    bind: int = Field(examples=[1])
    source: str = Field(examples=["10690001"])
    destination: str = Field(examples=["13800138000"])
    text: str = Field(examples=["您的验证码是482913"])
    status: int | None = Field(description="command_status of its answer; null while there is none.", examples=[0])
    status_name: str = Field(examples=["ESME_ROK"])
    message_id: str = Field(examples=["1000000001"])
    pdu: str = Field(description="All octets in hexadecimal; empty unless raw was asked for.")
    decoded: PduShown | None = Field(None, description="Every field; there if raw was asked for.")


class Entries(BaseModel):
    """What was found: the last ones, oldest first."""

    count: int = Field(description="How many were found, shown or not.", examples=[3])
    entries: list[EntryShown]


class WaitRequest(Request):
    """A condition to wait for; everything given must hold."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"select": {"kind": "submit", "destination": "138*"}, "count": 3, "timeout": "5s"}]
        },
    )

    carrier: str = Field("", description="Only of this carrier; empty: of all.")
    select: dict[str, JsonValue] | None = Field(
        None, description="Conditions on entries, as in [[expect]] of a scenario: kind, destination, text, status, tlv…"
    )
    count: int = Field(1, ge=0, description="At least so many entries.")
    bound: int | None = Field(None, ge=0, description="At least so many bound connections.")
    idle: bool = Field(False, description="No receipt or MO waits any more.")
    timeout: str | float = Field("5s", description=_HOW_LONG + " A number is seconds.")


class Waited(BaseModel):
    """The condition holds."""

    count: int = Field(description="Entries that match.", examples=[3])
    bound: int = Field(examples=[2])
    waited_s: float = Field(examples=[0.12])


class CaptureRequest(Request):
    """Record all octets in both directions."""

    file: str = Field(
        min_length=1,
        max_length=200,
        examples=["run.pcap"],
        description=".pcap for Wireshark, .jsonl for the simulators' own format, each also with .gz; in the directory "
        "that the simulator was given.",
    )


class CarrierSnapshot(BaseModel):
    """A carrier in a snapshot."""

    name: str
    settings: dict[str, Any]
    counts: dict[str, Any] = {}


class Snapshot(BaseModel):
    """Everything as one value; posting it back restores settings and clock."""

    model_config = ConfigDict(extra="forbid")

    clock: ClockState
    carriers: list[CarrierSnapshot]
    scenario: str = ""
    phases: list[str] = []
    entries: list[EntryShown] = []


class Restored(BaseModel):
    """What a snapshot changed."""

    clock: ClockState
    carriers: list[str] = Field(description="Carriers whose settings were restored.")


class ExpectationsState(BaseModel):
    """How the scenario's expectations stand now."""

    model_config = ConfigDict(extra="allow")

    ok: bool = Field(description="Whether all hold.")
    results: list[dict[str, Any]]
