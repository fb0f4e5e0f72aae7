"""``[reports]`` of ``smsgw.toml``: whose reports these are, what counts as a violation, how departments are scored."""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import Field, field_validator, model_validator

from smsgw.documents.names import with_hint
from smsgw.documents.values import Settings, Strings
from smsgw.policy.reasons import REASONS

VIOLATIONS: Final = (
    "class.content", "class.source", "signature.missing", "signature.unregistered", "signature.malformed",
    "unsubscribe.missing", "unsubscribe.forbidden", "service_phone", "words.national", "words.company", "contact",
    "template", "window.hard", "window.soft", "optout", "blacklisted", "consent", "frequency", "same_content",
)  # fmt: skip
"""Refusals by what an application should not have sent; not those by quota, queue, route or a pause."""

Rate = Annotated[float, Field(ge=0, le=1)]


class PartSettings(Settings):
    """A part of the score: the rate that gets full marks, the one that gets none, and the weight; 0 leaves it out."""

    weight: Annotated[float, Field(ge=0, le=1000)]
    full: Rate
    zero: Rate

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.full == self.zero:
            raise ValueError("full and zero must be different rates: between them points are proportional")
        return self


class ScoreSettings(Settings):
    """``[reports.score]``: the parts of a department's score. Rates are shares: 0.98 is 98 %."""

    delivery: PartSettings = PartSettings(weight=30, full=0.98, zero=0.80)
    codes: PartSettings = PartSettings(weight=20, full=0.99, zero=0.90)
    unsubscribes: PartSettings = PartSettings(weight=15, full=0.0, zero=0.01)
    complaints: PartSettings = PartSettings(weight=15, full=0.0, zero=0.0005)
    violations: PartSettings = PartSettings(weight=20, full=0.0, zero=0.02)

    @model_validator(mode="after")
    def _some_weight(self) -> Self:
        if not any(getattr(self, name).weight for name in type(self).model_fields):
            raise ValueError("at least one part needs a weight above 0")
        return self


class ReportSettings(Settings):
    """``[reports]``. ``organisation`` stands at the head of every report; empty: the site directory's name.

    ``violations``: ids of rules whose refusals count as violations. ``templates``: so many a department are listed.
    """

    organisation: Annotated[str, Field(max_length=100)] = ""
    violations: Strings = VIOLATIONS
    templates: Annotated[int, Field(ge=0, le=100)] = 5
    score: ScoreSettings = ScoreSettings()

    @field_validator("violations")
    @classmethod
    def _known(cls, rules: tuple[str, ...]) -> tuple[str, ...]:
        for rule in rules:
            if rule not in REASONS:
                raise ValueError(with_hint(f"{rule!r} is no rule's id", rule, REASONS))
        return rules
