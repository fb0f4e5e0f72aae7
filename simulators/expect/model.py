"""One expectation, a table ``[[expect]]``: which entries are meant, and what must be true of them.

Its conditions select (``Selection``); everything else requires. With nothing required there must be at
least one entry. Several requirements in one expectation must all hold. The meaning of each key is here
and in its error messages; ``simulators.expect.evaluate`` carries them out.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, Strict, model_validator

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


FieldName = Annotated[str, BeforeValidator(_field)]


class Rate(Settings):
    """Never more than so many in any window of that length; real time, the window slides."""

    at_most: Annotated[int, Field(ge=0, le=FASTEST_PER_S)]
    #: What is counted: segments, as carriers do, or messages (by their first segment).
    of: Literal["segments", "messages"] = "segments"
    within: PositiveSeconds = 1.0
    #: The window is that much shorter, for a sender whose pace the network in between makes uneven.
    jitter: Seconds = 0.0

    @model_validator(mode="after")
    def _is_wide(self) -> Rate:
        if self.jitter >= self.within:
            raise ValueError("jitter must be shorter than within")
        return self


class Latency(Settings):
    """How long a share of the messages may take to their answer, or to their (last) receipt; real time."""

    at_most: Seconds
    to: Literal["answer", "receipt"] = "answer"
    quantile: Annotated[float, Field(gt=0, le=1)] = 1.0


class Links(Settings):
    """What an account's binds may do; real time."""

    #: Bound connections of one account at one time.
    at_most: Count | None = None
    at_least: Count | None = None
    #: From a lost connection or a refused bind to the next try.
    reconnect_after: Seconds | None = None


class Receipts(Selection):
    """Receipts that each accepted segment must get (those selected by the conditions)."""

    count: Count | None = None
    at_least: Count | None = None
    at_most: Count | None = None
    #: Also of messages that did not ask for one.
    unasked: bool = False


class Expectation(Selection):
    """What must be true of the entries selected."""

    #: What ``after`` and ``before`` of others and reports call it; empty for a generated sentence.
    name: Annotated[str, Field(max_length=200)] = ""
    #: Without it: submitted messages; all of links when ``links`` are required.
    kind: Kinds = ("submit",)

    # which entries, apart from the conditions
    #: Segments are joined to messages first; false looks at each PDU.
    whole: bool = True
    #: Only entries after another expectation was met, or after a phase has ended; and before.
    after: Text | None = None
    before: Text | None = None
    #: Only entries while this phase ran.
    phase: Text | None = None
    #: What is required holds for each group of entries with the same fields.
    per: Listed[FieldName] = ()

    # what is required
    count: Count | None = None
    at_least: Count | None = None
    at_most: Count | None = None
    #: Real time from the beginning of the run (or of ``phase``, or the moment of ``after``) until there are enough.
    within: PositiveSeconds | None = None
    #: True of each entry.
    each: Selection | None = None
    #: Entries come in this order: none of a step after one of a later step, and at least one of each.
    order: Annotated[tuple[Selection, ...], Strict(False)] = ()
    #: A field, or /…([0-9]+)…/ for a number in the text, that never becomes smaller.
    sorted_by: Annotated[str, BeforeValidator(_sorting)] | None = None
    #: No two entries with all these fields alike.
    distinct: Listed[FieldName] = ()
    #: All segments of each message were taken, over one bind, in order.
    in_one_piece: bool = False
    rate: Rate | None = None
    #: Business time, in ``zone``.
    hours: Hours | None = None
    days: Days | None = None
    #: Of hours, days and the fields ``day`` and ``hour``; without it the run's.
    zone: Zone | None = None
    receipts: Receipts | None = None
    latency: Latency | None = None
    links: Links | None = None

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


def _check_counts(counts: Expectation | Receipts) -> None:
    if counts.count is not None and (counts.at_least is not None or counts.at_most is not None):
        raise ValueError("count is exact; use it, or at_least and at_most")
    if counts.at_least is not None and counts.at_most is not None and counts.at_least > counts.at_most:
        raise ValueError(f"at_least {counts.at_least} is more than at_most {counts.at_most}")
