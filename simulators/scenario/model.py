"""A scenario as a value: carriers, clock, time line, expectations, and when it is over.

``ScenarioFile`` is the file; ``simulators.scenario.load`` makes the ``Scenario`` from it, in which profiles
are read, names are checked and defaults are in place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, Strict, WithJsonSchema, model_validator

from simulators.carrier.faults import MALFORMED
from simulators.carrier.settings import CarrierSettings
from simulators.clock_drive import ops_url
from simulators.expect.hours import Zone
from simulators.expect.model import Expectation
from simulators.scenario.behaviour_tables import Count
from simulators.scenario.kinds import Duration, OneOrMore, State, Status, Style
from simulators.scenario.mo_file import Mo
from simulators.scenario.tables import CarrierTable, ChangesTable
from smsgw.documents.names import with_hint
from smsgw.documents.units import parse_duration
from smsgw.documents.values import ExistingFile, Moment, Settings

#: What an event may do, and the keys that go with it: needed, and allowed.
ACTIONS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "drop": (frozenset(), frozenset({"account", "bind"})),
    "half_open": (frozenset(), frozenset({"account", "bind"})),
    "unbind": (frozenset(), frozenset({"account", "bind"})),
    "pause": (frozenset(), frozenset({"account", "bind"})),
    "resume": (frozenset(), frozenset({"account", "bind"})),
    "refuse_binds": (frozenset(), frozenset({"status"})),
    "refuse_connections": (frozenset(), frozenset({"on"})),
    "flood": (frozenset({"kind"}), frozenset({"count", "account", "bind"})),
    "malformed": (frozenset(), frozenset({"kind", "account", "bind"})),
    "unknown": (frozenset(), frozenset({"count", "account", "bind"})),
    "mo": (frozenset(), frozenset({"from", "to", "text", "file", "account", "count", "interval", "data_coding"})),
    "receipt": (frozenset({"state"}), frozenset({"message_id", "to", "style", "other_bind"})),
    "clock": (frozenset(), frozenset({"set", "advance", "rate"})),
    "settings": (frozenset(), frozenset()),
}
FLOODS = ("enquire_link", "mo", "receipt", "unknown")
_WHEN = frozenset({"name", "do", "at", "after_messages", "every", "times", "carrier"})
_TABLES = frozenset(field.alias or name for name, field in ChangesTable.model_fields.items())


def _when(value: object) -> float | datetime:
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, str) and "T" in value:
        moment = datetime.fromisoformat(value)
    else:
        return parse_duration(value)
    if moment.tzinfo is None:
        raise ValueError(f'expected a time with its zone, such as "2026-11-18T22:00:00+08:00", found {value}')
    return moment


When = Annotated[
    float | datetime,
    BeforeValidator(_when),
    WithJsonSchema({"type": "string", "examples": ["30s", "2026-11-18T22:00:00+08:00"]}),
]
"""Seconds of business time after the start, or a moment."""


class ClockPlan(Settings):
    """``[clock]``: what business time is."""

    mode: Annotated[
        Literal["real", "scaled", "manual"], Field(description="manual stands still until it is moved.")
    ] = "real"
    start: Annotated[Moment | None, Field(description="Where it begins; now when left out.")] = None
    rate: Annotated[float, Field(gt=0, le=1_000_000, description="Seconds of a scaled clock a second.")] = 60.0
    zone: Annotated[Zone, Field(description="Of times in reports and of expectations that name none.")] = (
        "Asia/Shanghai"
    )
    drives: Annotated[
        tuple[Annotated[str, AfterValidator(ops_url)], ...],
        Strict(False),
        Field(description="Ops ports of gateways whose test clocks follow."),
    ] = ()

    @property
    def speed(self) -> float:
        """Business seconds a second."""
        return {"real": 1.0, "scaled": self.rate, "manual": 0.0}[self.mode]


class End(Settings):
    """``[end]``: when the run is over; whichever comes first. Nothing given: when somebody ends it."""

    after: Annotated[Duration | None, Field(description="So much business time after the start.")] = None
    messages: Annotated[int | None, Field(ge=1, description="So many messages came, and their receipts were sent.")] = (
        None
    )
    decided: Annotated[bool, Field(description="Every expectation is fulfilled, or can't be any more.")] = False
    at_most: Annotated[Duration | None, Field(description="So much real time, whatever else.")] = None


class Overlay(ChangesTable):
    """Changes of carriers' settings, and further keys that are none."""

    def changes(self) -> dict[str, Any]:
        """The fields of ``CarrierSettings`` that it changes."""
        given = self.model_fields_set & ChangesTable.model_fields.keys()
        return ChangesTable.model_construct(set(given), **{name: getattr(self, name) for name in given}).changes()


class Phase(Overlay):
    """``[[phase]]``: other settings for a part of the time line."""

    name: str = ""
    from_: When | None = Field(None, alias="from", description="Begins so long after the start, or at a moment.")
    until: When | None = Field(None, description="Ends so long after the start, or at a moment.")
    for_: Duration | None = Field(None, alias="for", description="Ends so long after it began.")
    from_message: Count | None = Field(None, description="Begins when so many messages have come.")
    to_message: Count | None = Field(None, description="Ends when so many messages have come.")
    carriers: OneOrMore = Field((), alias="carrier", description="Names of carriers; all when left out.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.from_ is not None and self.from_message is not None:
            raise ValueError("expected either from or from_message, found both")
        if sum(end is not None for end in (self.until, self.for_, self.to_message)) > 1:
            raise ValueError("expected one of until, for and to_message")
        if isinstance(self.from_, float) and isinstance(self.until, float) and self.until <= self.from_:
            raise ValueError("until is not behind from")
        if self.from_message is not None and self.to_message is not None and self.to_message <= self.from_message:
            raise ValueError("to_message is not behind from_message")
        return self


class Event(Overlay):
    """``[[event]]``: something that happens at a time."""

    do: Annotated[str, WithJsonSchema({"enum": sorted(ACTIONS)})]
    name: str = ""
    at: When | None = Field(
        None, description="So long after the start (or after the messages), or at a moment; business time."
    )
    after_messages: Annotated[int, Field(ge=1)] | None = Field(None, description="When so many messages have come.")
    every: Annotated[Duration | None, Field(description="Again and again, so far apart.")] = None
    times: Annotated[int | None, Field(ge=1, description="How often, with every; without: until the end.")] = None
    carrier: OneOrMore = Field((), description="Names of carriers; all when left out.")

    account: str = ""
    bind: int = 0
    status: Status = Field(0x0D, description="0 takes binds again.")
    on: bool = True
    kind: str = Field("", description="Of a flood or a malformed PDU.")
    count: Annotated[int, Field(ge=1)] = 1
    from_: str = Field("", alias="from")
    to: str = ""
    text: str = ""
    file: ExistingFile | None = Field(None, description="CSV with the columns from, to, text and, if wanted, after.")
    interval: Annotated[Duration | None, Field(description="Between the MO of a count or a file.")] = None
    data_coding: Annotated[int | None, Field(ge=0, le=255)] = None
    message_id: str = ""
    state: State | None = None
    style: Style | None = None
    other_bind: bool = False
    set: Moment | None = None
    advance: Duration | None = None
    rate: Annotated[float | None, Field(ge=0, le=1_000_000)] = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.do not in ACTIONS:
            raise ValueError(with_hint(f"nobody knows how to do {self.do!r}", self.do, ACTIONS))
        needed, allowed = ACTIONS[self.do]
        given = {
            field.alias or name for name, field in type(self).model_fields.items() if name in self.model_fields_set
        }
        if missing := sorted(needed - given):
            raise ValueError(f"do = {self.do!r} needs {', '.join(missing)}")
        others = _TABLES - needed - allowed if self.do == "settings" else frozenset()
        if wrong := sorted(given - needed - allowed - others - _WHEN):
            raise ValueError(f"{', '.join(wrong)} means nothing with do = {self.do!r}")
        kinds = {"flood": FLOODS, "malformed": MALFORMED.keys()}.get(self.do, ())
        if self.kind and self.kind not in kinds:
            raise ValueError(with_hint(f"there is no {self.do} of {self.kind!r}", self.kind, kinds))
        if self.do == "mo" and not (self.file or {"from", "to", "text"} <= given):
            raise ValueError("do = 'mo' needs from, to and text, or file")
        if self.do == "clock" and not given & allowed:
            raise ValueError("do = 'clock' needs set, advance or rate")
        if self.do == "settings" and not self.changes():
            raise ValueError("do = 'settings' needs something to set, such as answers = { delay = \"1s\" }")
        if self.at is None and self.after_messages is None:
            raise ValueError("expected at or after_messages: when it happens")
        if self.every == 0:
            raise ValueError("every is 0; give the time between, such as 1s")
        if isinstance(self.at, datetime) and self.after_messages is not None:
            raise ValueError("at is a moment; a time after the messages is a duration such as 5s")
        return self


class ScenarioFile(Settings):
    """The file."""

    schema_: str = Field("", alias="$schema")
    name: str = Field("", description="For reports; the file's own name when left out.")
    about: str = Field("", description="One sentence on what it shows.")
    shows: OneOrMore = Field((), description="The behaviours of carriers that it shows.")
    seed: int | str | None = Field(None, description="Same seed, same messages: same behaviour.")
    clock: ClockPlan = ClockPlan()
    end: End = End()
    carriers: Annotated[tuple[CarrierTable, ...], Strict(False)] = Field((), alias="carrier")
    phases: Annotated[tuple[Phase, ...], Strict(False)] = Field((), alias="phase")
    events: Annotated[tuple[Event, ...], Strict(False)] = Field((), alias="event")
    expectations: Annotated[tuple[Expectation, ...], Strict(False)] = Field((), alias="expect")


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a run needs; made by ``load_scenario``."""

    name: str
    carriers: tuple[CarrierSettings, ...]
    path: Path | None = None
    about: str = ""
    shows: tuple[str, ...] = ()
    seed: int | str | None = None
    clock: ClockPlan = field(default_factory=ClockPlan)
    end: End = field(default_factory=End)
    phases: tuple[Phase, ...] = ()
    events: tuple[Event, ...] = ()
    expectations: tuple[Expectation, ...] = ()
    #: The rows of the files that events name.
    mo_files: Mapping[Path, tuple[Mo, ...]] = field(default_factory=dict)
