"""The tables of what is decided for each message: answers, ids, receipts, and the rules that change them.

A field is named as in ``CarrierSettings`` and aliased as in files, so that what a file gives is what
``changes()`` returns. Nothing here has a default: what a file leaves out stays as it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, PlainSerializer, Strict, WithJsonSchema

from simulators.carrier.plan import Parts
from simulators.carrier.receipts import FULL
from simulators.carrier.settings import Match, PlannedReceipt, Rule
from simulators.carrier.states import DELIVERED
from simulators.scenario.kinds import (
    Between,
    DelayValue,
    Duration,
    Form,
    OneOrMore,
    OtherForm,
    Refusals,
    Share,
    State,
    States,
    Style,
    Styles,
    Weighted,
)
from smsgw.documents.names import with_hint
from smsgw.documents.values import Settings

Count = Annotated[int, Field(ge=0)]
#: Keys that set two fields: the shares, and what takes the rest.
RESTS = {"states": "rest_state", "styles": "rest_style"}
REST_VALUES = {"states": DELIVERED, "styles": FULL}


def key(alias: str, about: str) -> Any:
    """A key of a table, with the sentence that editors show."""
    return Field(default=None, alias=alias, description=about)


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


class Answers(Table):
    """How messages are answered; shares are of messages."""

    response: DelayValue = key("delay", "How late responses are.")
    refuse: Refusals = key("refuse", "Statuses with their shares; one without a share refuses the rest.")
    never_answer: Share = key("never", "Share that is never answered and not delivered.")
    answered_twice: Share = key("twice", "Share that is answered twice.")
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


def tables_of(model: type[BaseModel]) -> Iterator[tuple[str, type[Table]]]:
    """The sub-tables of a table: attribute and model."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Table):
            yield name, field.annotation
