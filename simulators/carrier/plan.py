"""What the simulated carrier will do with one message: the whole decision, made when it arrives.

Plans are values without behaviour. ``simulators.carrier.behaviour`` makes them from settings and
chance, ``simulators.carrier.magic`` from a recipient's number; the session carries them out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from simulators.carrier.ids import IdForm
from simulators.carrier.receipts import Renderer


class Connection(Enum):
    """What happens to the connection that brought the message."""

    KEEP = ""
    DROP_BEFORE = "drop before the response"
    DROP_AFTER = "drop after the response"
    HALF_OPEN = "go half open"


class Parts(Enum):
    """Which segments of a long message get a receipt."""

    EACH = "each"
    FIRST = "first"
    LAST = "last"


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One receipt to send: ``delay_s`` after the response, or after arrival when it is ``early``."""

    renderer: Renderer
    delay_s: float = 0.0
    early: bool = False
    other_bind: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Answer, receipts and mishaps of one message."""

    #: command_status of the response.
    status: int = 0
    #: How many responses are sent: 0, 1 or 2.
    answers: int = 1
    #: The response is a generic_nack.
    nack: bool = False
    #: Seconds from arrival to the response.
    delay_s: float = 0.0
    #: The form of the response's id; None is the carrier's usual one.
    id_form: IdForm | None = None
    receipts: tuple[Step, ...] = ()
    parts: Parts = Parts.EACH
    #: Texts that the recipient sends back.
    replies: tuple[str, ...] = ()
    connection: Connection = Connection.KEEP
    #: What else than the response becomes of the message, in words; empty for nothing.
    fate: str = field(init=False)
    #: Nothing but one response at once, and receipts that are not early.
    plain: bool = field(init=False)

    def __post_init__(self) -> None:
        plain = (
            self.answers == 1
            and not (self.nack or self.delay_s or self.replies)
            and self.connection is Connection.KEEP
            and not any(step.early for step in self.receipts)
        )
        object.__setattr__(self, "plain", plain)
        object.__setattr__(self, "fate", self.connection.value or ("" if self.answers else "never answered"))
