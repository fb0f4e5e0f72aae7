"""How full Redis is, and what is refused of new messages because of it: marketing first, then notices, then codes.

Pure. Owns the stages and when one begins and ends. What was accepted before is never refused anything: settling,
receipts and acknowledgements go on until Redis itself is full, and the share above the last stage is kept for them.
"""

from __future__ import annotations

from typing import Final

STAGES: Final = ("", "marketing", "marketing and notices", "every message")
"""What is refused, by stage."""
_BELOW: Final = 0.02
"""A stage ends only so far below the share at which it begins, or it would come and go with each message."""


def stage_of(share: float, begins_at: tuple[float, float, float], before: int = 0) -> int:
    """0 to 3 for a used ``share``; ``before`` is the stage so far."""
    stage = sum(share >= limit for limit in begins_at)
    if stage < before and share >= begins_at[before - 1] - _BELOW:
        return before
    return stage


class MemoryStages:
    """The stage of one store, as its share is looked at again and again."""

    def __init__(self, begins_at: tuple[float, float, float]) -> None:
        self._begins_at = begins_at
        self.share = 0.0
        self.stage = 0

    def see(self, share: float) -> bool:
        """Take note of the used share; true when another stage begins with it."""
        before, self.share = self.stage, share
        self.stage = stage_of(share, self._begins_at, before)
        return self.stage != before

    @property
    def refused(self) -> str:
        """What is refused now, in words; empty: nothing."""
        return STAGES[self.stage]
