"""From settings, a message and chance to its plan: counts, magic recipients, rules.

The chance of a message comes from the seed, its recipient and how many messages that recipient had
before (those refused by a limit, which is a matter of timing, aside): never from the clock or from other
recipients' messages. So every recipient is remembered, about 150 octets each. What counts messages of the
whole carrier, or looks at the hour, depends on just that, and is only in rules that ask for it.
"""

from __future__ import annotations

from dataclasses import fields, replace

from simulators.carrier.checks import check_texts
from simulators.carrier.ids import CountedNumbers, DrawnNumbers
from simulators.carrier.magic import MagicNumbers, Usual
from simulators.carrier.match import Matcher
from simulators.carrier.plan import Plan, Step, Wait, Words
from simulators.carrier.receipts import ReceiptStyle, Renderer
from simulators.carrier.settings import BEHAVIOUR, CarrierSettings, PlannedReceipt, Rule
from simulators.carrier.states import ReceiptState
from simulators.carrier.variant import RECEIPT_WORD, RESPONSE_WORD, Renderers, Variant
from simulators.draws import Draws
from smsgw.smpp.pdu import DataSm, Sm

#: Plan, count of the recipient's messages before, drawn words.
Decision = tuple[Plan, int, Words]


class Behaviour:
    """Decides; ``decide`` is called once for each message and recipient.

    Raises ValueError for shares beyond 100 %, a magic prefix that is no number, and rules that can't be.
    """

    def __init__(self, settings: CarrierSettings) -> None:
        seed = settings.seed
        self._draws = Draws(0 if seed is None else seed)
        self._seeded = seed is not None
        self._seen: dict[bytes, int] = {}
        self._number = 0
        #: Where accepted messages take the numbers from that their ids are made of.
        self.numbers = DrawnNumbers() if self._seeded else CountedNumbers(settings.id_base)
        self.use(settings)

    def use(self, settings: CarrierSettings) -> None:
        """Decide by these settings from now on; counts stay. Raises ValueError, and changes nothing then."""
        check_texts(settings)
        renderers = Renderers(settings.zone_hours)
        usual = Variant(settings, renderers)
        rules = [self._compiled(settings, rule, number, renderers) for number, rule in enumerate(settings.rules)]
        magic = None
        if settings.magic_prefix:
            response, receipt = Wait.of(settings.response, RESPONSE_WORD), Wait.of(settings.receipt, RECEIPT_WORD)
            magic = MagicNumbers(settings.magic_prefix, Usual(usual.renderer, response, receipt, settings))
        self.numbers.fit(_capacity(settings))
        self._settings = settings
        self._usual, self._rules, self._magic = usual, rules, magic
        self._refusals: dict[int, Plan] = {}
        self._magic_octets = settings.magic_prefix.encode()
        self._magic_from = -len(settings.magic_prefix) - MagicNumbers.CODE_DIGITS

    def reset(self) -> None:
        """Forget who had what: the seed begins anew. Ids that are counted go on."""
        self._seen.clear()
        self._number = 0
        self.numbers.forget()

    def decide(self, sm: Sm | DataSm, account: str, now_s: float) -> Decision:
        """The plan of one message from ``account``, and its number among those for its recipient; business time."""
        recipient = sm.destination_addr
        seen = self._seen
        key = b"%b\0%b" % (account.encode(), recipient)
        nth = seen.get(key, 0)
        seen[key] = nth + 1
        self._number += 1
        if self._magic is not None and recipient[self._magic_from : -MagicNumbers.CODE_DIGITS] == self._magic_octets:
            code = self._magic.code_of(recipient)
            plan = self._magic.plan(code, nth) if code is not None else None
            if plan is not None:
                return plan, nth, self._words(key, nth, 2)
        variant = self._usual
        for matcher, other in self._rules:
            if matcher.fits(sm, account, nth, self._number, now_s):
                variant = other
                break
        if variant.only is not None:
            return variant.only, nth, self._draws.words(key, nth) if self._seeded else ()
        words = self._words(key, nth, variant.draws)
        return variant.plan(words), nth, words

    def refusal(self, status: int) -> Plan:
        """A plan that only refuses, or with a status below 0 ignores, for limits; answered as late as usual
        responses with no chance in it.
        """
        plan = self._refusals.get(status)
        if plan is None:
            wait = Wait(self._settings.response.constant_s or 0.0)
            plan = Plan(status=status, wait=wait, error_body=self._settings.error_body)
            if status < 0:
                plan = Plan(ignored=True, answers=0)
            self._refusals[status] = plan
        return plan

    def renderer(self, style: ReceiptStyle | None, state: ReceiptState) -> Renderer:
        """How a receipt that was not planned says this state, in a style or in the usual one."""
        return self._usual.renderer(style, state)

    def step(self, receipt: PlannedReceipt) -> Step:
        """A receipt that somebody wishes for, without its delay."""
        return Step(self.renderer(receipt.style, receipt.state), other_bind=receipt.other_bind)

    def _words(self, key: bytes, nth: int, draws: int) -> Words:
        words = self._draws.words(key, nth)
        return words if draws < 2 else words + self._draws.more(key, nth, b"more")

    def _compiled(
        self, settings: CarrierSettings, rule: Rule, number: int, renderers: Renderers
    ) -> tuple[Matcher, Variant]:
        name = rule.name or f"rule {number + 1}"
        unknown = sorted(rule.changes.keys() - BEHAVIOUR)
        if unknown:
            why = "no behaviour" if unknown[0] in {field.name for field in fields(settings)} else "unknown"
            raise ValueError(f"rules: {name}: {unknown[0]} is {why}; a rule may change {', '.join(sorted(BEHAVIOUR))}")
        try:
            matcher = Matcher(rule.match, name, settings.zone_hours, self._draws)
            other = replace(settings, **dict(rule.changes))  # type: ignore[arg-type]
            check_texts(other)
            return matcher, Variant(other, renderers)
        except ValueError as error:
            raise ValueError(f"rules: {name}: {error}") from None


def _capacity(settings: CarrierSettings) -> int:
    """The fewest numbers for which the forms of ids in use have room; 0 when there is no bound."""
    forms = [settings.response_id, settings.receipt_id]
    for rule in settings.rules:
        forms += [rule.changes.get("response_id"), rule.changes.get("receipt_id")]  # type: ignore[list-item]
    return min((form.capacity for form in forms if form is not None and form.capacity), default=0)
