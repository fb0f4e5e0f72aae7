"""What the simulated carrier will do with one message: the whole decision, made when it arrives.

Plans are values without behaviour, shared by all messages that fare alike: what differs between these, a
drawn delay, is worked out from the message's own drawn words. ``simulators.carrier.variant`` makes plans
from settings, ``simulators.carrier.magic`` from a recipient's number; the intake carries them out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from simulators.carrier.ids import IdForm
from simulators.carrier.receipts import Renderer
from simulators.spread import Delay

#: The drawn words of a message; none while nothing is left to chance.
Words = tuple[int, ...]


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
class Wait:
    """Seconds: some that are always the same, and drawn ones, each from the word of its index."""

    fixed_s: float = 0.0
    drawn: tuple[tuple[Callable[[int], float], int], ...] = ()

    @classmethod
    def of(cls, delay: Delay, index: int, factor: float = 1.0) -> Wait:
        """A delay that is drawn with the word of this index."""
        constant_s = delay.constant_s
        return cls(drawn=((delay.times(factor).drawing(), index),)) if constant_s is None else cls(constant_s * factor)

    def plus(self, other: Wait) -> Wait:
        """Both, one after the other."""
        return Wait(self.fixed_s + other.fixed_s, self.drawn + other.drawn)

    def seconds(self, words: Words) -> float:
        """How long one message waits."""
        seconds = self.fixed_s
        for at, index in self.drawn:
            seconds += at(words[index])
        return seconds

    def __bool__(self) -> bool:
        return bool(self.fixed_s or self.drawn)


NO_WAIT = Wait()


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One receipt to send: so long after the response (business time), or after arrival when ``early`` (real time)."""

    renderer: Renderer
    after: Wait = NO_WAIT
    early: bool = False
    other_bind: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Answer, receipts and mishaps of one message."""

    #: command_status of the response.
    status: int = 0
    #: The message is neither answered nor taken.
    ignored: bool = False
    #: How many responses are sent: 0, 1 or 2.
    answers: int = 1
    #: The response is a generic_nack.
    nack: bool = False
    #: From arrival to the response; the response never comes before an early receipt.
    wait: Wait = NO_WAIT
    #: Answered after the next message of the bind.
    out_of_order: bool = False
    #: What is written before the response: indices of the words that pick it, None for nothing.
    malformed: int | None = None
    unknown: int | None = None
    #: The response has a body though it refuses.
    error_body: bool = False
    #: The form of the response's id; None is the carrier's usual one.
    id_form: IdForm | None = None
    receipts: tuple[Step, ...] = ()
    #: Receipts also for messages that did not ask.
    unasked: bool = False
    parts: Parts = Parts.EACH
    #: Segments wait for each other so long (business time); 0 not at all.
    expire_s: float = 0.0
    #: Texts that the recipient sends back.
    replies: tuple[str, ...] = ()
    connection: Connection = Connection.KEEP
    #: What else than the response becomes of the message, in words; empty for nothing.
    fate: str = field(init=False)
    #: Nothing but one response, and receipts that are not early.
    plain: bool = field(init=False)
    #: The same, and the response comes at once.
    prompt: bool = field(init=False)
    #: Receipts of segments depend on which they are, or on the others.
    apart: bool = field(init=False)
    #: There are receipts before the response.
    has_early: bool = field(init=False)
    #: How long each receipt waits; None when that is drawn for each message.
    delays: tuple[float, ...] | None = field(init=False)

    def __post_init__(self) -> None:
        odd = (self.nack, self.replies, self.out_of_order, self.error_body, self.ignored)
        has_early = any(step.early for step in self.receipts)
        faults = self.malformed is not None or self.unknown is not None
        plain = self.answers == 1 and self.connection is Connection.KEEP and not (any(odd) or has_early or faults)
        object.__setattr__(self, "has_early", has_early)
        drawn = any(step.after.drawn for step in self.receipts)
        object.__setattr__(self, "delays", None if drawn else tuple(step.after.fixed_s for step in self.receipts))
        object.__setattr__(self, "plain", plain)
        object.__setattr__(self, "prompt", plain and not self.wait)
        object.__setattr__(self, "apart", self.parts is not Parts.EACH or self.expire_s > 0)
        object.__setattr__(self, "fate", self._fate())

    def draw_delays(self, words: Words) -> tuple[float, ...]:
        """How long each receipt of one message waits."""
        return tuple([step.after.seconds(words) for step in self.receipts])

    def _fate(self) -> str:
        words = [self.connection.value] if self.connection.value else []
        if self.ignored:
            words.append("ignored")
        elif not (self.answers or words):
            words.append("never answered")
        if self.out_of_order:
            words.append("answered after the next")
        if self.malformed is not None:
            words.append("a malformed PDU before the response")
        if self.unknown is not None:
            words.append("an unknown PDU before the response")
        return ", ".join(words)
