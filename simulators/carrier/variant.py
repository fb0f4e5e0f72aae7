"""One set of behaviour settings, made ready: from a message's drawn words to its plan.

Whatever is left to chance is a *dimension*: a word and the bounds that cut its range into outcomes. Messages
with the same outcomes share one plan, so that a plan is put together once and not for each message. Which
word decides what never changes, so that one setting does not shift the chance of another.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import Any

from simulators.carrier.ids import IdForm
from simulators.carrier.plan import NO_WAIT, Connection, Plan, Step, Wait, Words
from simulators.carrier.receipts import ReceiptStyle, Renderer
from simulators.carrier.settings import CarrierSettings, PlannedReceipt
from simulators.carrier.states import DELIVERED, ENROUTE, UNDELIVERED, ReceiptState
from simulators.draws import WORDS
from simulators.spread import Choice, chance

# Words of the first draw; its last two are the message's number (``ids``).
(_REFUSE, _NEVER, _DROP, _RESPONSE, _STATE, _RECEIPT, _STYLE, _EARLY, _DUPLICATE, _DUPLICATE_AFTER, _CONTRADICT,
 _INTERMEDIATE, _OTHER_BIND, _OUT_OF_ORDER) = range(WORDS - 2)  # fmt: skip
# Words of the second draw.
_EARLY_BY, _MALFORMED, _MALFORMED_KIND, _UNKNOWN, _UNKNOWN_KIND, _PLANS, _PLANNED = range(WORDS, WORDS + 7)
_ANSWERED_TWICE = 2 * WORDS - 1
_PLANNED_WORDS = _ANSWERED_TWICE - _PLANNED

#: Of those words, the ones that others ask for.
RESPONSE_WORD, RECEIPT_WORD = _RESPONSE, _RECEIPT
MALFORMED_KIND_WORD, UNKNOWN_KIND_WORD = _MALFORMED_KIND, _UNKNOWN_KIND
_MOST_PLANS = 10_000


class Renderers:
    """The compiled receipts of one carrier: one object for each style, state and form of ids."""

    def __init__(self, zone_hours: float) -> None:
        self._zone_s = round(zone_hours * 3600)
        self._kept: dict[tuple[ReceiptStyle, ReceiptState, IdForm], Renderer] = {}

    def of(self, style: ReceiptStyle, state: ReceiptState, form: IdForm) -> Renderer:
        """The renderer of a style and a state; ``form`` is the carrier's form of ids in receipts."""
        key = (style, state, form)
        renderer = self._kept.get(key)
        if renderer is None:
            renderer = self._kept[key] = Renderer(style, state, form, self._zone_s)
        return renderer


class Variant:
    """Plans for one set of settings. Raises ValueError for shares beyond 100 %."""

    def __init__(self, settings: CarrierSettings, renderers: Renderers) -> None:
        self._settings = settings
        self._renderers = renderers
        self._form = settings.receipt_id or settings.response_id
        self._statuses = Choice(settings.refuse, 0)
        self._states = Choice(settings.states, settings.rest_state)
        self._styles = Choice(settings.styles, settings.rest_style)
        written = [(receipts, share) for share, receipts in settings.plans]
        self._plans: Choice[tuple[PlannedReceipt, ...] | None] = Choice(written, None)
        self._connections = Choice(
            (
                (Connection.DROP_BEFORE, settings.drop_before),
                (Connection.DROP_AFTER, settings.drop_after),
                (Connection.HALF_OPEN, settings.half_open),
            ),
            Connection.KEEP,
        )
        self._thresholds = {
            word: chance(share)
            for word, share in (
                (_NEVER, settings.never_answer), (_EARLY, settings.early), (_DUPLICATE, settings.duplicate),
                (_CONTRADICT, settings.contradict), (_INTERMEDIATE, settings.intermediate),
                (_OTHER_BIND, settings.other_bind), (_OUT_OF_ORDER, settings.out_of_order),
                (_MALFORMED, settings.malformed), (_UNKNOWN, settings.unknown),
                (_ANSWERED_TWICE, settings.answered_twice),
            )
        }  # fmt: skip
        self._dimensions = self._what_is_left_to_chance()
        self._kept: dict[int, Plan] = {}
        drawing = [index for index, _, _ in self._dimensions] + self._drawn_delays()
        #: How many of the two draws a plan needs.
        self.draws = 0 if not drawing else 1 if max(drawing) < WORDS else 2
        #: The plan of every message when nothing is left to chance.
        self.only: Plan | None = None if drawing else self._compose((0,) * 2 * WORDS)

    def plan(self, words: Words) -> Plan:
        """The plan of a message with these words, of as many draws as ``draws`` says."""
        outcome = 0
        for index, bounds, outcomes in self._dimensions:
            outcome = outcome * outcomes + bisect_right(bounds, words[index])
        plan = self._kept.get(outcome)
        if plan is None:
            if len(self._kept) >= _MOST_PLANS:
                self._kept.clear()
            plan = self._kept[outcome] = self._compose(words)
        return plan

    def renderer(self, style: ReceiptStyle | None, state: ReceiptState) -> Renderer:
        """The receipt of a state in a style, or in the usual one."""
        return self._renderers.of(style or self._settings.rest_style, state, self._form)

    def planned(self, receipt: PlannedReceipt, index: int) -> Step:
        """A receipt that was written down; ``index`` is that of the word for its delay."""
        return Step(
            self.renderer(receipt.style, receipt.state), Wait.of(receipt.after, index), receipt.early,
            receipt.other_bind,
        )  # fmt: skip

    def _what_is_left_to_chance(self) -> list[tuple[int, list[int], int]]:
        choices: list[tuple[int, Choice[Any]]] = [
            (_REFUSE, self._statuses), (_DROP, self._connections), (_STATE, self._states), (_STYLE, self._styles),
            (_PLANS, self._plans),
        ]  # fmt: skip
        # None is also the only value where no plans are written.
        uncertain = [(word, choice) for word, choice in choices if choice.only is None and choice.bounds]
        found = [(word, choice.bounds, len(choice.bounds) + 1) for word, choice in uncertain]
        certain = (0, chance(1.0))
        found += [(word, [bound], 2) for word, bound in self._thresholds.items() if bound not in certain]
        return found

    def _drawn_delays(self) -> list[int]:
        """Indices of the words that delays may need."""
        settings = self._settings
        delays = [
            (_RESPONSE, settings.response), (_RECEIPT, settings.receipt), (_EARLY_BY, settings.early_by),
            (_DUPLICATE_AFTER, settings.duplicate_after),
        ]  # fmt: skip
        delays += [(_PLANNED, receipt.after) for _, receipts in settings.plans for receipt in receipts]
        faults = (_MALFORMED, _UNKNOWN)
        return [word for word, delay in delays if delay.constant_s is None] + [
            word for word in faults if self._thresholds[word]
        ]

    def _compose(self, words: Words) -> Plan:
        settings = self._settings
        happens = self._happens(words)
        status = self._statuses.at(words[_REFUSE])
        receipts: tuple[Step, ...] = ()
        wait = Wait.of(settings.response, _RESPONSE)
        if settings.receipts and not status:
            receipts, later = self._receipts(words, happens, wait)
            wait = wait.plus(later)
        return Plan(
            status=status,
            answers=0 if happens(_NEVER) else 2 if happens(_ANSWERED_TWICE) else 1,
            wait=wait,
            out_of_order=happens(_OUT_OF_ORDER),
            malformed=_MALFORMED_KIND if happens(_MALFORMED) else None,
            unknown=_UNKNOWN_KIND if happens(_UNKNOWN) else None,
            error_body=settings.error_body and status != 0,
            id_form=settings.response_id,
            receipts=receipts,
            unasked=settings.receipts_unasked,
            parts=settings.parts,
            expire_s=settings.long_expire_s,
            replies=() if status else settings.replies,
            connection=self._connections.at(words[_DROP]),
        )

    def _happens(self, words: Words) -> Callable[[int], bool]:
        # A second draw is there exactly when something in it is left to chance; what is certain needs no word.
        def happens(word: int) -> bool:
            return (words[word] if word < len(words) else 0) < self._thresholds[word]

        return happens

    def _receipts(self, words: Words, happens: Callable[[int], bool], response: Wait) -> tuple[tuple[Step, ...], Wait]:
        """The receipts, and how much later the response comes for their sake."""
        settings = self._settings
        written = self._plans.at(words[_PLANS] if len(words) > _PLANS else 0)
        if written is not None:
            steps = [
                self.planned(receipt, _PLANNED + number % _PLANNED_WORDS) for number, receipt in enumerate(written)
            ]
            return tuple(steps), NO_WAIT
        state = self._states.at(words[_STATE])
        style = self._styles.at(words[_STYLE])
        early, other_bind = happens(_EARLY), happens(_OTHER_BIND)

        def step(state: ReceiptState, after: Wait, early: bool = False) -> Step:
            return Step(self.renderer(style, state), after, early, other_bind)

        usual = Wait.of(settings.receipt, _RECEIPT)
        early_by = Wait.of(settings.early_by, _EARLY_BY)
        before = response if early_by else NO_WAIT
        steps = [step(state, before if early else usual, early)]
        if happens(_INTERMEDIATE):
            steps.insert(0, step(ENROUTE, before if early else Wait.of(settings.receipt, _RECEIPT, 0.5), early))
        later = Wait.of(settings.duplicate_after, _DUPLICATE_AFTER)
        if not early:
            later = usual.plus(later)
        if happens(_DUPLICATE):
            steps.append(step(state, later))
        if happens(_CONTRADICT):
            steps.append(step(UNDELIVERED if state.delivered else DELIVERED, later))
        return tuple(steps), early_by if early else NO_WAIT
