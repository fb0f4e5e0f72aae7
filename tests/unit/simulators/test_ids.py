"""Forms of message ids."""

from __future__ import annotations

import pytest

from simulators.carrier.ids import IdForm


@pytest.mark.parametrize(
    ("form", "octets"),
    [
        ("dec", b"48879"), ("hex", b"beef"), ("HEX", b"BEEF"), ("dec:10", b"0000048879"), ("hex:8", b"0000beef"),
        ("HEX:8", b"0000BEEF"), ("text", b"sim-48879.a"), ("empty", b""),
    ],
)  # fmt: skip
def test_forms(form: str, octets: bytes) -> None:
    assert IdForm(form).octets(0xBEEF) == octets


@pytest.mark.parametrize("form", ["", "oct", "dec:", "hex:x", "DEC"])
def test_an_unknown_form_is_explained(form: str) -> None:
    with pytest.raises(ValueError, match="dec, hex, HEX"):
        IdForm(form)
