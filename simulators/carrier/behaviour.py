"""From settings and chance to a plan for each message.

The chance of a message comes from the seed, its recipient and how many messages that recipient
had before (refused ones count): never from the clock or from other recipients' messages. So every
recipient is remembered, about 150 octets each. While nothing is left to chance there is one plan,
made once, and only magic recipients are counted.
"""

from __future__ import annotations

from simulators.carrier.magic import MagicNumbers, Usual
from simulators.carrier.plan import Connection, Plan, Step
from simulators.carrier.receipts import ReceiptStyle, Renderer
from simulators.carrier.settings import CarrierSettings
from simulators.carrier.states import DELIVERED, ENROUTE, UNDELIVERED, ReceiptState
from simulators.draws import Draws
from simulators.spread import Choice, chance

# Which drawn word decides what.
(_REFUSE, _NEVER, _DROP, _RESPONSE, _STATE, _RECEIPT, _STYLE, _EARLY, _DUPLICATE, _DUPLICATE_AFTER, _CONTRADICT,
 _INTERMEDIATE, _OTHER_BIND) = range(13)  # fmt: skip


class Behaviour:
    """Decides; ``plan_for`` is called once for each message and recipient.

    Raises ValueError for shares beyond 100 % and a magic prefix that is no number.
    """

    def __init__(self, settings: CarrierSettings) -> None:
        self._settings = settings
        self._draws = Draws(settings.seed or 0)
        self._seen: dict[bytes, int] = {}
        self._receipt_form = settings.receipt_id or settings.response_id
        self._renderers: dict[tuple[ReceiptStyle, ReceiptState], Renderer] = {}
        self._statuses = Choice(settings.refuse, 0)
        self._states = Choice(settings.states, settings.rest_state)
        self._styles = Choice(settings.styles, settings.rest_style)
        self._never = chance(settings.never_answer)
        self._drop_before = chance(settings.drop_before)
        self._drop_after = self._drop_before + chance(settings.drop_after)
        self._early = chance(settings.early)
        self._duplicate = chance(settings.duplicate)
        self._contradict = chance(settings.contradict)
        self._intermediate = chance(settings.intermediate)
        self._other_bind = chance(settings.other_bind)
        self._refusals: dict[int, Plan] = {}
        self._constant = self._compose((0,) * 16) if self._is_constant() else None
        usual = Usual(self.renderer, settings.rest_style)
        self._magic = MagicNumbers(settings.magic_prefix, usual) if settings.magic_prefix else None
        self._magic_octets = settings.magic_prefix.encode() or None
        self._magic_from = -len(settings.magic_prefix) - MagicNumbers.CODE_DIGITS

    def plan_for(self, recipient: bytes) -> Plan:
        """The plan of the next message to ``recipient`` (destination_addr as it came)."""
        if self._magic is not None and recipient[self._magic_from : -MagicNumbers.CODE_DIGITS] == self._magic_octets:
            code = self._magic.code_of(recipient)
            if code is not None:
                nth = self._count(recipient)
                words = self._draws.words(recipient, nth)
                settings = self._settings
                return self._magic.plan(
                    code, nth, settings.response.at(words[_RESPONSE]), settings.receipt.at(words[_RECEIPT])
                ) or self._compose(words)
        if self._constant is not None:
            return self._constant
        return self._compose(self._draws.words(recipient, self._count(recipient)))

    def refusal(self, status: int) -> Plan:
        """A plan that only refuses, for limits; answered as late as usual responses with no chance in it."""
        plan = self._refusals.get(status)
        if plan is None:
            plan = self._refusals[status] = Plan(status=status, delay_s=self._settings.response.constant_s or 0.0)
        return plan

    def _count(self, recipient: bytes) -> int:
        nth = self._seen.get(recipient, 0)
        self._seen[recipient] = nth + 1
        return nth

    def _is_constant(self) -> bool:
        settings = self._settings
        shares = (
            settings.never_answer, settings.drop_before, settings.drop_after, settings.early, settings.duplicate,
            settings.contradict, settings.intermediate, settings.other_bind,
        )  # fmt: skip
        delays = (settings.response, settings.receipt, settings.duplicate_after)
        return (
            all(share in (0.0, 1.0) for share in shares)
            and all(delay.constant_s is not None for delay in delays)
            and self._statuses.only is not None
            and self._states.only is not None
            and self._styles.only is not None
        )

    def _compose(self, words: tuple[int, ...]) -> Plan:
        settings = self._settings
        status = self._statuses.at(words[_REFUSE])
        delay_s = settings.response.at(words[_RESPONSE])
        answers = 0 if words[_NEVER] < self._never else 1
        connection = Connection.KEEP
        drop = words[_DROP]
        if drop < self._drop_before:
            connection = Connection.DROP_BEFORE
        elif drop < self._drop_after:
            connection = Connection.DROP_AFTER
        if status:
            return Plan(status=status, answers=answers, delay_s=delay_s, connection=connection)
        return Plan(
            answers=answers,
            delay_s=delay_s,
            receipts=self._steps(words) if settings.receipts else (),
            parts=settings.parts,
            connection=connection,
        )

    def _steps(self, words: tuple[int, ...]) -> tuple[Step, ...]:
        settings = self._settings
        state = self._states.at(words[_STATE])
        style = self._styles.at(words[_STYLE])
        delay_s = settings.receipt.at(words[_RECEIPT])
        early = words[_EARLY] < self._early
        other_bind = words[_OTHER_BIND] < self._other_bind
        step = Step(self.renderer(style, state), delay_s, early, other_bind)
        steps = [step]
        if words[_INTERMEDIATE] < self._intermediate:
            steps.insert(0, Step(self.renderer(style, ENROUTE), delay_s / 2, early, other_bind))
        later_s = delay_s + settings.duplicate_after.at(words[_DUPLICATE_AFTER])
        if words[_DUPLICATE] < self._duplicate:
            steps.append(Step(step.renderer, later_s, early, other_bind))
        if words[_CONTRADICT] < self._contradict:
            other = UNDELIVERED if state.delivered else DELIVERED
            steps.append(Step(self.renderer(style, other), later_s, early, other_bind))
        return tuple(steps)

    def renderer(self, style: ReceiptStyle, state: ReceiptState) -> Renderer:
        """The compiled receipt of a style and a state; kept by identity of both."""
        key = (style, state)
        renderer = self._renderers.get(key)
        if renderer is None:
            zone_s = round(self._settings.zone_hours * 3600)
            renderer = self._renderers[key] = Renderer(style, state, self._receipt_form, zone_s)
        return renderer
