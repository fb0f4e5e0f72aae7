"""``[auto_window]``, ``[lanes]`` and ``[account_rates]`` of ``carriers/*.toml``: how fast, and in which order."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from smsgw.documents.values import PerSecond, Seconds, Settings, SystemId

LARGEST_WINDOW: Final = 10_000


def _window(value: object) -> object:
    if value != "auto" and not (type(value) is int and 1 <= value <= LARGEST_WINDOW):
        raise ValueError(f'expected 1 to {LARGEST_WINDOW:,} requests or "auto", found {value!r:.60}')
    return value


Share = Annotated[float, Field(ge=0, lt=1)]
WindowSize = Annotated[int, Field(ge=1, le=LARGEST_WINDOW)]
Window = Annotated[WindowSize | Literal["auto"], BeforeValidator(_window)]
AccountRates = dict[SystemId, PerSecond]
"""Segments a second over this carrier, by account."""
MOST_RESERVED: Final = 0.9
"""Of the rate, over all lanes: something must be left for who comes first."""


class AutoWindowSettings(Settings):
    """``[auto_window]``: between which sizes a window finds its own."""

    least: WindowSize = Field(1, alias="min")
    most: WindowSize = Field(1000, alias="max")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.least > self.most:
            raise ValueError(f"min is {self.least}, above max {self.most}")
        return self


class ReservedShares(Settings):
    """``reserved``: shares of the carrier's rate by lane."""

    otp: Share = 0.0
    notice: Share = 0.0
    marketing: Share = 0.0

    @model_validator(mode="after")
    def _something_left(self) -> Self:
        total = self.otp + self.notice + self.marketing
        if total > MOST_RESERVED:
            raise ValueError(f"expected shares of together at most {MOST_RESERVED:g}, found {total:g}")
        return self

    @property
    def by_lane(self) -> tuple[float, float, float]:
        """Indexed by lane."""
        return (self.otp, self.notice, self.marketing)


class LaneSettings(Settings):
    """``[lanes]``: shares that a lane never gives up; one that waits longer than ``age_after`` gets some (0: never)."""

    reserved: ReservedShares = ReservedShares()
    age_after_s: Seconds = Field(60.0, alias="age_after")
