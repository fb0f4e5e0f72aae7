"""When something recorded is due again: at its own time, faster or slower, or at once."""

from __future__ import annotations

from dataclasses import dataclass


def parse_speed(text: str) -> float:
    """``1`` as recorded, ``10`` ten times as fast, ``0.5`` half, ``max`` (0.0) as fast as possible.

    Raises ValueError for anything else.
    """
    if text == "max":
        return 0.0
    try:
        value = float(text.removesuffix("x"))
    except ValueError:
        value = -1.0
    if not 0.0 < value <= 1_000_000:
        raise ValueError(f"{text!r} is no speed; write 1 for as recorded, 10 for ten times as fast, or max")
    return value


@dataclass(frozen=True, slots=True)
class Pace:
    """``speed`` as ``parse_speed`` gives it."""

    speed: float = 1.0

    @property
    def is_timed(self) -> bool:
        """Whether recorded times count at all."""
        return self.speed > 0

    def seconds(self, recorded_ns: int) -> float:
        """How long recorded nanoseconds take now; never negative."""
        return max(0.0, recorded_ns / 1e9 / self.speed) if self.speed else 0.0
