"""Forms of message ids."""

from __future__ import annotations

import pytest

from simulators.carrier import ids
from simulators.carrier.ids import DrawnNumbers, IdForm
from simulators.draws import WORD_RANGE, WORDS


@pytest.mark.parametrize(
    ("form", "octets"),
    [
        ("dec", b"48879"), ("hex", b"beef"), ("HEX", b"BEEF"), ("dec:10", b"0000048879"), ("hex:8", b"0000beef"),
        ("HEX:8", b"0000BEEF"), ("text", b"sim-48879.a"), ("empty", b""), ("dec:12<10", b"0000000488"),
        ("dec:12>10", b"0000048879"), ("hex<2", b"be"), ("HEX>3", b"EEF"), ("text<6", b"sim-48"), ("empty<3", b""),
        ("odd", b'\xa7 48879 "x"\\ %1\t\xff'),
    ],
)  # fmt: skip
def test_forms(form: str, octets: bytes) -> None:
    assert IdForm(form).octets(0xBEEF) == octets


@pytest.mark.parametrize("form", ["", "oct", "dec:", "hex:x", "DEC", "dec:65", "dec<0", "dec>65", "dec<", "long:8"])
def test_an_unknown_form_is_explained(form: str) -> None:
    with pytest.raises(ValueError, match="dec, hex, HEX"):
        IdForm(form)


def test_a_long_id_fills_its_field_and_begins_with_its_number() -> None:
    octets = IdForm("long").octets(0xBEEF)
    assert len(octets) == 64
    assert octets.startswith(b"48879-")
    assert IdForm("long<5").octets(0xBEEF) == b"48879"
    assert not set(octets) & set(b'\0 "')


def test_forms_of_one_name_are_equal() -> None:
    assert len({IdForm("dec:8"), IdForm("dec:8"), IdForm("dec:9")}) == 2
    assert IdForm("dec") != "dec"


def test_what_fits_a_width() -> None:
    assert [IdForm(name).capacity for name in ("dec:3", "hex:2", "dec", "text", "dec:4<2")] == [1000, 256, 0, 0, 10_000]


def test_drawn_numbers_fill_what_there_is() -> None:
    numbers = DrawnNumbers(100)
    same = (0,) * WORDS
    assert sorted(numbers.take(same) for _ in range(99)) == list(range(1, 100))
    numbers.forget()
    assert numbers.take((WORD_RANGE - 1,) * WORDS) == 99
    assert numbers.take((WORD_RANGE - 1,) * WORDS) == 1


def test_drawn_numbers_of_long_ago_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids, "_REMEMBERED", 10)
    numbers = DrawnNumbers(1000)
    given = [numbers.take((0,) * WORDS) for _ in range(20)]
    assert given == list(range(1, 21))
    assert numbers.take((0,) * WORDS) == 1, "and with them what they took of the memory"
    assert numbers.take((0,) * WORDS) == 2


def test_numbers_are_told_apart_across_what_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids, "_REMEMBERED", 10)
    numbers = DrawnNumbers(15)
    assert sorted(numbers.take((0,) * WORDS) for _ in range(14)) == list(range(1, 15))
    assert numbers.take((0,) * WORDS) == 1
