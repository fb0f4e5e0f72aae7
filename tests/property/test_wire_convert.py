"""Converted messages, read by foreign libraries: the same text, in a form and coding that is taken, nothing too long.

What was sent is written by smpplib's own splitting where it can (8-bit references), what comes out is read by smpp34.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsgw.smpp.alphabet import choose_coding, encode_text
from smsgw.smpp.convert import LONG_FORMS, Converted, Fit, Unfit, convert
from smsgw.smpp.pdu import Sm, submit_sm
from smsgw.smpp.reshape import Piece, built
from smsgw.smpp.segments import count_segments, segment_limit, split_payload
from smsgw.smpp.views import DataSm

smpp34 = pytest.importorskip("smpp34")
gsm = pytest.importorskip("smpplib.gsm")

_REFERENCE = 0x2A
_SHORT_REFERENCES = 0xFF
_texts = st.one_of(
    st.text("ab1 €{}[]@", min_size=1, max_size=700),
    st.text("a中1😀，", min_size=1, max_size=300),
    st.text("aé£ ", max_size=400),
).filter(bool)
_fits = st.builds(
    Fit,
    long_forms=st.lists(st.sampled_from(LONG_FORMS), unique=True, max_size=4).map(tuple),
    data_codings=st.sampled_from([(), (0, 8), (8,), (8, 0), (3, 8), (1, 8)]),
    default_alphabet=st.just("gsm0338"),
    transliterate=st.just(False),
)


def base(**fields: object) -> Sm:
    body: dict[str, object] = {"source_addr": b"1069", "destination_addr": b"8613800000000", "short_message": b""}
    return Sm(submit_sm(7, registered_delivery=1, priority_flag=1, **(body | fields)))  # type: ignore[arg-type]


def sent(text: str, coding: int, form: str) -> list[Sm | DataSm]:
    """A message as an application sends it."""
    payload = encode_text(text, coding)
    if form == "payload" or count_segments(payload, coding) == 1:
        return [Sm(built(base(), Piece(payload, coding), "payload" if form == "payload" else "short", 0, 1, 1))]
    cut = split_payload(payload, coding, header_octets=7 if form == "udh16" else 6)
    return [Sm(built(base(), Piece(each, coding), form, _REFERENCE, len(cut), n)) for n, each in enumerate(cut, 1)]


def read(pdus: tuple[bytes, ...]) -> tuple[str, str]:
    """The form and the text of what comes out, as smpp34 reads it and this function understands it."""
    seen, text, forms = [], b"", set()
    for raw in pdus:
        pdu = smpp34.decode(raw)
        assert type(pdu).__name__ == "SubmitSm"
        assert (pdu.source_addr, pdu.destination_addr, pdu.registered_delivery) == ("1069", "8613800000000", 1)
        tlvs = {each.tag: each.value for each in pdu.tlvs}
        octets = tlvs.get(0x0424, pdu.short_message)
        form, place = "short", (1, 1)
        if pdu.esm_class & 0x40:
            length, element = octets[0], octets[1]
            form = {0: "udh8", 8: "udh16"}[element]
            assert (octets[2], length) == {"udh8": (3, 5), "udh16": (4, 6)}[form]
            place, octets = (octets[length - 1], octets[length]), octets[length + 1 :]
            assert len(octets) <= segment_limit(pdu.data_coding, length + 1)
        elif 0x020C in tlvs:
            form, place = "sar", (tlvs[0x020E][0], tlvs[0x020F][0])
            assert len(octets) <= segment_limit(pdu.data_coding, 6)
        elif 0x0424 in tlvs:
            form = "payload"
        elif count_segments(octets, pdu.data_coding) > 1:
            form = "long"
        forms.add(form)
        seen.append(place)
        text += octets
    assert seen == [(len(pdus), index) for index in range(1, len(pdus) + 1)]
    assert len(forms) == 1
    coding = smpp34.decode(pdus[0]).data_coding
    return forms.pop(), decoded(text, coding)


def decoded(octets: bytes, coding: int) -> str:
    if coding == 0:
        from smsgw.smpp.alphabet import decode_text  # smpplib has no decoder of GSM 03.38

        return decode_text(octets, 0)
    return octets.decode({1: "ascii", 3: "latin-1", 8: "utf-16-be"}[coding])


@given(_texts, st.sampled_from(LONG_FORMS), _fits)
def test_the_same_text_as_it_is_taken(text: str, form: str, fit: Fit) -> None:
    coding = choose_coding(text)
    views = sent(text, coding, form)
    asked: list[tuple[bool, int | None]] = []

    def reference(wide: bool, own: int | None) -> int:
        asked.append((wide, own))
        return _REFERENCE if own is None else own

    made = convert(views, fit, reference)
    assert not isinstance(made, Unfit)
    pdus = made.pdus if isinstance(made, Converted) else tuple(view.raw for view in views)
    found, words = read(pdus)
    assert words == text
    assert found == "short" or not fit.long_forms or found in fit.long_forms
    assert not fit.data_codings or smpp34.decode(pdus[0]).data_coding in fit.data_codings
    assert len(asked) == (1 if len(pdus) > 1 else 0)
    if isinstance(made, Converted):
        total = count_segments(
            encode_text(text, smpp34.decode(pdus[0]).data_coding), smpp34.decode(pdus[0]).data_coding
        )
        assert sum(made.segments) >= total
        # Converting again changes nothing.
        assert convert([Sm(pdu) for pdu in pdus], fit, lambda wide, own: own or 0) is None
    else:
        assert fit.takes_everything or (found in (*fit.long_forms, "short") or not fit.long_forms)


# No character that takes an escape: smpplib cuts through them.
@given(st.text("ab1 é@", min_size=161, max_size=600), st.integers(0, _SHORT_REFERENCES))
def test_what_smpplib_cuts_goes_into_a_payload_and_comes_out_as_it_cut_it(text: str, reference: int) -> None:
    parts, coding, esm_class = gsm.make_parts(text)
    views = [base(short_message=bytes(part), data_coding=coding, esm_class=esm_class) for part in parts]
    whole = convert(views, Fit(("payload",)), lambda wide, own: own or 0)
    assert isinstance(whole, Converted)
    assert len(whole.pdus) == 1
    assert whole.segments == (len(parts),)
    back = convert([Sm(whole.pdus[0])], Fit(("udh8",)), lambda wide, own: reference)
    assert isinstance(back, Converted)
    ours = [Sm(pdu).short_message for pdu in back.pdus]
    theirs = [bytes(part) for part in parts]
    assert [len(each) for each in ours] == [len(each) for each in theirs]
    assert [each[6:] for each in ours] == [each[6:] for each in theirs]
    assert {each[3] for each in ours} == {reference}


@given(_texts, st.sampled_from(["udh8", "sar"]), st.sampled_from(["udh8", "sar"]))
def test_pieces_stay_as_they_were_cut_where_they_fit(text: str, form: str, target: str) -> None:
    views = sent(text, choose_coding(text), form)
    made = convert(views, Fit((target,)), lambda wide, own: 9 if own is None else own)
    if len(views) > 1 and form != target:
        assert isinstance(made, Converted)
        assert len(made.pdus) == len(views)
    else:
        assert made is None


@given(st.binary(max_size=200), st.integers(0, 255), st.integers(0, 255), _fits)
def test_no_octets_raise(octets: bytes, esm_class: int, coding: int, fit: Fit) -> None:
    view = base(short_message=octets, esm_class=esm_class, data_coding=coding)
    made = convert([view], fit, lambda wide, own: own or 0)
    assert made is None or isinstance(made, Unfit | Converted)
