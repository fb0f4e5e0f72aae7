"""Which forms of ids are learnt, from what, and that an id is found by its form under some candidate."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.carrier.ids import IdForm
from smsgw.policy.id_forms import MATCHES_NEEDED, MISSES_ALLOWED, MISSING_FOR_S, MOST_NEEDED, PAIRS, IdForms, Pair
from smsgw.smpp.canonical import canonical_id

#: What a carrier does → what is learnt of it. The forms are those of the simulator, which shares nothing with this.
LEARNT = {
    ("dec", "dec"): Pair("text", "text"),
    ("hex", "hex"): Pair("text", "text"),
    ("hex", "dec"): Pair("hex", "dec"),
    ("dec", "hex"): Pair("dec", "hex"),
    ("hex", "HEX"): Pair("nocase", "nocase"),
    ("HEX", "hex"): Pair("nocase", "nocase"),
    ("hex", "dec:10"): Pair("hex", "dec"),
    ("dec", "HEX:10"): Pair("dec", "hex"),
    ("hex:8", "hex"): Pair("hex", "hex"),
    ("HEX", "hex:12"): Pair("hex", "hex"),
    ("dec", "dec:14"): Pair("dec", "dec"),
    ("dec:12", "dec:12>10"): Pair("last10", "last10"),
    ("dec:12", "dec:12<10"): Pair("first10", "first10"),
    ("text", "text"): Pair("text", "text"),
}


class Carrier:
    """Messages in flight as the store keeps them: key → number."""

    def __init__(self, response: str, receipt: str, forms: IdForms) -> None:
        self.forms = forms
        self._response, self._receipt = IdForm(response).octets, IdForm(receipt).octets
        self.kept: dict[str, set[int]] = {}

    def send(self, number: int) -> None:
        said = self._response(number).decode("latin-1")
        for key in (self.forms.kept_as(said), *self.forms.aliases(said)):
            self.kept.setdefault(key, set()).add(number)

    def receipt(self, number: int) -> list[Pair]:
        """The pairs by which the message of a receipt is found."""
        said = self._receipt(number).decode("latin-1")
        return [each.pair for each in self.forms.candidates(said) if number in self.kept.get(each.key, ())]


def numbers(seed: int, width: int) -> list[int]:
    rng = random.Random(seed)
    return [rng.randrange(10 ** (width - 1), 10**width) for _ in range(MATCHES_NEEDED)]


@pytest.mark.parametrize(("response", "receipt"), LEARNT)
def test_what_is_learnt(response: str, receipt: str) -> None:
    carrier = Carrier(response, receipt, IdForms("auto", "auto", canonical_id))
    drawn = numbers(1, 12 if "12" in response else 7)
    for number in drawn:
        carrier.send(number)
    learnt = [carrier.forms.matched(carrier.receipt(number)) for number in drawn]
    assert learnt == [False] * (MATCHES_NEEDED - 1) + [True]
    assert carrier.forms.learnt == LEARNT[response, receipt]
    # And from now on an id has one name, by which a receipt asks for it.
    said, told = IdForm(response).octets(77).decode(), IdForm(receipt).octets(77).decode()
    assert carrier.forms.kept_as(said) == carrier.forms.sought_as(told)
    assert carrier.forms.aliases(said) == ()


@given(st.sampled_from(sorted(LEARNT)), st.integers(10**11, 10**12 - 1))
def test_every_receipt_is_found_while_nothing_is_known(forms: tuple[str, str], number: int) -> None:
    carrier = Carrier(*forms, IdForms("auto", "auto", canonical_id))
    carrier.send(number)
    assert carrier.receipt(number)


def test_a_side_that_is_set_by_hand_stays() -> None:
    forms = IdForms("hex", "auto", canonical_id)
    said = {each.pair for each in forms.candidates("1f")}
    assert said == {pair for pair in PAIRS if pair.response == "hex"}
    by_hand = IdForms("hex", "dec", canonical_id)
    assert (by_hand.learnt, by_hand.is_auto) == (Pair("hex", "dec"), False)
    assert (by_hand.kept_as("1F"), by_hand.sought_as("031"), by_hand.aliases("1F")) == ("31", "31", ())
    assert IdForms("first10", "auto", canonical_id).candidates("x")[0].pair == Pair("first10", "first10")


def test_a_carrier_that_mixes_forms_is_never_learnt() -> None:
    forms = IdForms("auto", "auto", canonical_id)
    for number in range(MOST_NEEDED):
        assert forms.is_mixed == (number >= MATCHES_NEEDED)
        assert not forms.matched([Pair("hex", "dec")] if number % 7 else [Pair("text", "text")])
    assert forms.learnt is None


def test_one_coincidence_delays_and_does_not_hinder() -> None:
    forms = IdForms("auto", "auto", canonical_id)
    forms.matched([Pair("text", "text")])
    learnt_at = next(number for number in range(MOST_NEEDED) if forms.matched([Pair("hex", "dec")]))
    assert MATCHES_NEEDED * 10 < learnt_at + 1 < MATCHES_NEEDED * 12
    assert forms.learnt == Pair("hex", "dec")


def learnt() -> IdForms:
    forms = IdForms("auto", "auto", canonical_id)
    for _ in range(MATCHES_NEEDED):
        forms.matched([Pair("hex", "dec")])
    return forms


@pytest.mark.parametrize(
    ("between", "forgotten"),
    [
        (lambda n: MISSING_FOR_S / (MISSES_ALLOWED - 2), True),  # for long enough, and enough of them
        (lambda n: 0.01, False),  # many at once: they overtook their responses
    ],
)
def test_what_was_learnt_is_doubted_when_nothing_is_found(between: Callable[[int], float], forgotten: bool) -> None:
    forms = learnt()
    now_s = 0.0
    doubts = []
    for number in range(MISSES_ALLOWED):
        doubts.append(forms.missed(now_s))
        now_s += between(number)
    assert doubts == [False] * (MISSES_ALLOWED - 1) + [forgotten]
    assert (forms.learnt is None) is forgotten


def test_one_that_is_found_ends_the_doubt() -> None:
    forms = learnt()
    for number in range(MISSES_ALLOWED * 3):
        if number % 20 == 0:
            forms.matched(())
        assert not forms.missed(number * 10.0)


def test_what_is_learnt_is_kept() -> None:
    forms, again = learnt(), IdForms("auto", "auto", canonical_id)
    again.restore(forms.document())
    assert (again.learnt, again.matches) == (Pair("hex", "dec"), MATCHES_NEEDED)
    other = IdForms("text", "text", canonical_id)
    other.restore(forms.document())
    assert other.learnt == Pair("text", "text")
    for document in ({"learnt": 7}, {"learnt": "hex/oct", "found": [1], "matches": "x"}, {}):
        unknown = IdForms("auto", "auto", canonical_id)
        unknown.restore(document)
        assert unknown.learnt is None
