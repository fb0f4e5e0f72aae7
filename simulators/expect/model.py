"""One expectation, a table ``[[expect]]``: which entries are meant, and what must be true of them.

Its conditions select (``Selection``); everything else requires. With nothing required there must be at
least one entry. Several requirements in one expectation must all hold. The meaning of each key is here
and in its error messages; ``simulators.expect.evaluate`` carries them out.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, Strict, WithJsonSchema, model_validator

from simulators.expect.hours import Days, Hours, Zone
from simulators.expect.patterns import compile_regex
from simulators.expect.selection import Kinds, Selection
from smsgw.documents.names import with_hint
from smsgw.documents.units import FASTEST_PER_S
from smsgw.documents.values import Listed, PositiveSeconds, Seconds, Settings, Text

#: What entries can be told apart, grouped and sorted by. ``day`` and ``hour`` are business time, in the zone.
FIELDS: Final = (
    "where", "account", "bind", "source", "destination", "text", "status", "message_id", "stat", "err", "message_state",
    "data_coding", "esm_class", "registered_delivery", "segments", "day", "hour",
)  # fmt: skip

Count = Annotated[int, Field(ge=0)]


def _field(value: object) -> str:
    if value not in FIELDS:
        raise ValueError(with_hint(f"expected the name of a field, found {value!r}", value, FIELDS))
    return str(value)


def _sorting(value: object) -> str:
    if isinstance(value, str) and value.startswith("/"):
        if compile_regex(value).groups < 1:
            raise ValueError(f"expected a group that finds the number, such as /No ([0-9]+)/, found {value!r}")
        return value
    return _field(value)


FieldName = Annotated[str, BeforeValidator(_field), WithJsonSchema({"enum": list(FIELDS)})]


class Rate(Settings):
    """Never more than so many in any window of that length; real time, the window slides."""

    at_most: Annotated[int, Field(ge=0, le=FASTEST_PER_S, description="So many.")]
    of: Literal["segments", "messages"] = Field(
        "segments",
        description="What is counted: segments, as carriers do, or messages (by their first segment).",
    )
    within: PositiveSeconds = Field(1.0, description="The length of the window.")
    jitter: Seconds = Field(
        0.0,
        description="The window is that much shorter, for a sender whose pace the network in between makes uneven.",
    )

    @model_validator(mode="after")
    def _is_wide(self) -> Rate:
        if self.jitter >= self.within:
            raise ValueError("jitter must be shorter than within")
        return self


class Latency(Settings):
    """How long a share of the messages may take to their answer, or to their (last) receipt; real time."""

    at_most: Seconds
    to: Literal["answer", "receipt"] = "answer"
    quantile: Annotated[float, Field(gt=0, le=1, description="0.99: of 99 % of them.")] = 1.0


class Links(Settings):
    """What an account's binds may do; real time."""

    at_most: Count | None = Field(None, description="Bound connections of one account at one time.")
    at_least: Count | None = None
    reconnect_after: Seconds | None = Field(
        None,
        description="From a lost connection or a refused bind to the next try.",
    )


class WantedReceipts(Selection):
    """Receipts that each accepted segment must get (those selected by the conditions)."""

    count: Count | None = None
    at_least: Count | None = None
    at_most: Count | None = None
    unasked: bool = Field(False, description="Also of messages that did not ask for one.")


class Expectation(Selection):
    """What must be true of the entries selected."""

    name: Annotated[str, Field(max_length=200)] = Field(
        "",
        description="What after and before of others and reports call it; empty for a generated sentence.",
    )
    kind: Kinds = Field(
        ("submit",),
        description="Without it: submitted messages; all of links when links are required.",
    )

    # which entries, apart from the conditions
    whole: bool = Field(True, description="Segments are joined to messages first; false looks at each PDU.")
    after: Text | None = Field(
        None,
        description="Only entries after another expectation was met, or after a phase has ended; and before.",
    )
    before: Text | None = Field(None, description="As after.")
    phase: Text | None = Field(None, description="Only entries while this phase ran.")
    per: Listed[FieldName] = Field(
        (),
        description="What is required holds for each group of entries with the same fields.",
    )

    # what is required
    count: Count | None = Field(None, description="Exactly so many; 0 for none.")
    at_least: Count | None = Field(None, description="So many or more; 1 when nothing else is required.")
    at_most: Count | None = Field(None, description="So many or fewer.")
    within: PositiveSeconds | None = Field(
        None,
        description="Real time from the beginning of the run (of phase, the moment of after) until there are enough.",
    )
    each: Selection | None = Field(None, description="True of each entry.")
    order: Annotated[tuple[Selection, ...], Strict(False)] = Field(
        (),
        description="Entries come in this order: none of a step after one of a later step, and at least one of each.",
    )
    sorted_by: Annotated[str, BeforeValidator(_sorting)] | None = Field(
        None,
        description="A field, or /…([0-9]+)…/ for a number in the text, that never becomes smaller.",
    )
    distinct: Listed[FieldName] = Field((), description="No two entries with all these fields alike.")
    in_one_piece: bool = Field(False, description="All segments of each message were taken, over one bind, in order.")
    rate: Rate | None = Field(None, description="Never more than so many in any second.")
    hours: Hours | None = Field(
        None, description="Only at these hours: 08:00-21:00 or 08:00-12:00,14:00-21:00; business time, in zone."
    )
    days: Days | None = Field(None, description="Only on these days: mon-fri or mon,wed,sat-sun.")
    zone: Zone | None = Field(None, description="Of hours, days and the fields day and hour; without it the run's.")
    receipts: WantedReceipts | None = Field(None, description="Each accepted segment that asked has its receipt.")
    latency: Latency | None = Field(None, description="Answers or receipts come in time.")
    links: Links | None = Field(None, description="Binds at one time, and how soon they are tried again.")

    @model_validator(mode="before")
    @classmethod
    def _links_look_at_links(cls, data: object) -> object:
        if isinstance(data, dict) and data.get("links") is not None and not data.get("kind"):
            return {**data, "kind": ["bind", "refused_bind", "unbind", "lost"]}
        return data

    @model_validator(mode="after")
    def _fits_together(self) -> Expectation:
        _check_counts(self)
        if self.receipts is not None:
            _check_counts(self.receipts)
        if self.in_one_piece and not self.whole:
            raise ValueError("in_one_piece is about whole messages; leave out whole = false")
        if (self.receipts or (self.latency and self.latency.to == "receipt")) and self.kind != ("submit",):
            raise ValueError('receipts are looked for from what was submitted; use kind = "submit"')
        return self


def _check_counts(counts: Expectation | WantedReceipts) -> None:
    if counts.count is not None and (counts.at_least is not None or counts.at_most is not None):
        raise ValueError("count is exact; use it, or at_least and at_most")
    if counts.at_least is not None and counts.at_most is not None and counts.at_least > counts.at_most:
        raise ValueError(f"at_least {counts.at_least} is more than at_most {counts.at_most}")
