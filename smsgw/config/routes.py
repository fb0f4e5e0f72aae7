"""``routes.toml``: which carriers a message may take; the first entry that fits decides. And what must come of it.

Owns the shape of the file. What only shows when the routes are looked at together is in ``route_checks``; what they
mean is in ``policy.route``.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, Strict, model_validator

from smsgw.config.fields import Classes, ClassNumber, NetworkName, ProvinceName, one_or_more
from smsgw.config.route_fields import DayMask, MinuteMask, Pattern, SegmentCounts
from smsgw.documents.names import with_hint
from smsgw.documents.values import Listed, Moment, Name, Prefix, Settings, Text, no_duplicates, one_word
from smsgw.policy.reasons import REASONS
from smsgw.policy.route import ANY_DAY, ANY_MINUTE, ANY_SEGMENTS, Route

_T = TypeVar("_T")
OneOrMore = Annotated[Listed[_T], Field(min_length=1), BeforeValidator(one_or_more)]
"""A value, or a list of some."""


def _reason(value: object) -> object:
    if not isinstance(value, str) or value not in REASONS:
        raise ValueError(with_hint(f"unknown reason {value!r}", value, REASONS))
    return value


Reason = Annotated[str, BeforeValidator(_reason, json_schema_input_type=one_word(REASONS))]
Weight = Annotated[int, Field(ge=1, le=10_000)]


class RouteEntry(Settings):
    """One ``[[route]]``. What it leaves out fits any; several values of one key: one of them must fit."""

    name: Name
    accounts: OneOrMore[str] | None = Field(None, alias="account")
    departments: OneOrMore[str] | None = Field(None, alias="department")
    classes: Classes | None = Field(None, alias="class", min_length=1)
    lanes: Classes | None = Field(None, alias="lane", min_length=1)
    signatures: OneOrMore[Text] | None = Field(None, alias="signature")
    templates: OneOrMore[Name] | None = Field(None, alias="template")
    prefixes: Annotated[Listed[Prefix], BeforeValidator(one_or_more)] = Field((), alias="prefix")
    networks: OneOrMore[NetworkName] | None = Field(None, alias="network")
    provinces: OneOrMore[ProvinceName] | None = Field(None, alias="province")
    segments: SegmentCounts = ANY_SEGMENTS
    texts: Annotated[Listed[Text], BeforeValidator(one_or_more)] = Field((), alias="text")
    pattern: Pattern = Field("", alias="text_pattern")
    days: DayMask = ANY_DAY
    hours: MinuteMask = ANY_MINUTE
    max_cost: Annotated[float, Strict(False), Field(ge=0, allow_inf_nan=False)] | None = None
    prefer: Literal["order", "cheapest"] = "order"
    carriers: OneOrMore[str] = ()
    weights: dict[str, Weight] = Field(default_factory=dict)
    backups: Annotated[Listed[str], BeforeValidator(one_or_more)] = ()
    overlaps: Annotated[Listed[Name], BeforeValidator(one_or_more)] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if bool(self.carriers) == bool(self.weights):
            found = "both" if self.carriers else "neither"
            raise ValueError(f'expected either carriers = ["a", "b"] or weights = {{ a = 70, b = 30 }}, found {found}')
        if self.backups and not self.weights:
            raise ValueError("backups go with weights; behind carriers, just list them there")
        if self.weights and self.prefer == "cheapest":
            raise ValueError('prefer = "cheapest" goes with carriers: with weights, the weights decide')
        no_duplicates([*self.weights, *self.backups])
        return self

    @property
    def all_carriers(self) -> tuple[str, ...]:
        """The carriers that it names, the heaviest first."""
        shared = sorted(self.weights, key=lambda name: -self.weights[name])
        return (*self.carriers, *shared, *self.backups)

    def route(self) -> Route:
        """The policy's value for it, before anything is known of its carriers."""
        carriers = self.all_carriers
        return Route(
            self.name,
            _set(self.accounts),
            self.classes,
            self.prefixes,
            carriers,
            departments=_set(self.departments),
            lanes=self.lanes,
            signatures=_set(self.signatures),
            templates=_set(self.templates),
            networks=_set(self.networks),
            provinces=_set(self.provinces),
            segments=self.segments,
            texts=self.texts,
            pattern=self.pattern,
            days=self.days,
            minutes=self.hours,
            weights=tuple(self.weights[name] for name in carriers if name in self.weights),
            max_cost=self.max_cost,
            prefer=self.prefer,
            overlaps=frozenset(self.overlaps),
        )


def _set(values: tuple[str, ...] | None) -> frozenset[str] | None:
    return None if values is None else frozenset(values)


class Expected(Settings):
    """``expect`` of a test; at least one of them."""

    route: Name | None = None
    carrier: str | None = None
    carriers: Listed[str] | None = None
    refusal: Reason | None = None
    network: NetworkName | None = None
    province: ProvinceName | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError('expected what must come of it, such as { route = "codes", carrier = "alpha" }')
        if self.refusal is not None and {"route", "carrier", "carriers"} & self.model_fields_set:
            raise ValueError("a message that is refused goes nowhere: expected either refusal or route and carriers")
        return self


class RouteTest(Settings):
    """One ``[[test]]``: a message, and what must come of it. ``message_class`` is the account's unless given."""

    name: str = ""
    account: str
    recipient: Text
    message_class: ClassNumber | None = Field(None, alias="class")
    text: str = ""
    signature: Text | None = None
    template: Name | None = None
    segments: Annotated[int, Field(ge=1, le=255)] | None = None
    at: Moment | None = None
    expect: Expected


class RoutesFile(Settings):
    """The whole of ``routes.toml``."""

    route: Annotated[Listed[RouteEntry], Field(min_length=1)]
    test: Listed[RouteTest] = ()
