"""What the demonstration expects and what it saw: expectations, checks, rows of the final table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


class DemoError(Exception):
    """The demonstration can't go on; ``log`` are the last lines of whoever failed."""

    def __init__(self, why: str, log: tuple[str, ...] = ()) -> None:
        self.why = why
        self.log = log
        super().__init__(why)


@dataclass(frozen=True, slots=True)
class Expect:
    """What must come of one message. A refused one has a ``status`` and its ``rule``, and reaches no carrier."""

    status: int = 0
    rule: str = ""
    #: ``stat`` of the one receipt for each segment.
    stat: str = "DELIVRD"
    carrier: str = "alpha"
    segments: int = 1
    #: Whether the refusal says when to try again.
    retry_after: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that had to be so."""

    what: str
    expected: str
    got: str
    held: bool


@dataclass(frozen=True, slots=True)
class Trace:
    """A text to one recipient, to be looked for at the carriers at the end: once at ``carrier``, or nowhere."""

    recipient: str
    text: str
    #: Empty when no carrier may have seen it.
    carrier: str


@dataclass(slots=True)
class Row:
    """One line of the final table. Messages in ``sent``, ``accepted``, ``refused`` are counted in submit_sm."""

    name: str
    message_class: str = ""
    sent: int = 0
    accepted: int = 0
    refused: int = 0
    #: Refused messages as the gateway counts them, in submit_sm; a refused bind is none.
    refused_messages: int = 0
    status: int = 0
    rule: str = ""
    reason: str = ""
    delivered: int = 0
    receipts: int = 0
    #: Which carriers got it, in words.
    way: str = ""
    note: str = ""
    done: bool = False
    checks: list[Check] = field(default_factory=list)
    traces: list[Trace] = field(default_factory=list)
    #: (system_id, message_id, stat) of every receipt that is owed; stat empty: any final one.
    owed: list[tuple[str, str, str]] = field(default_factory=list)

    def check(self, what: str, expected: object, got: object) -> None:
        """They must be equal."""
        self.checks.append(Check(what, str(expected), str(got), expected == got))

    def check_that(self, what: str, held: bool, got: object = "") -> None:
        """It must be true; ``got`` says what was seen instead."""
        self.checks.append(Check(what, "yes", "yes" if held else f"no: {got}", held))

    @property
    def held(self) -> bool:
        """Whether every check of this row held."""
        return all(check.held for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """The row for programs."""
        shown: dict[str, Any] = {
            "name": self.name,
            "class": self.message_class,
            "sent": self.sent,
            "accepted": self.accepted,
            "refused": self.refused,
            "status": f"0x{self.status:08X}" if self.status else "",
            "rule": self.rule,
            "delivered": self.delivered,
            "receipts": self.receipts,
            "carrier": self.way,
            "held": self.held,
        }
        return shown
