"""What of a message a carrier takes, and how it writes ids: ``[long]``, ``[text]`` and more of ``carriers/*.toml``."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, Strict, model_validator

from smsgw.documents.names import with_hint
from smsgw.documents.values import Settings, one_word
from smsgw.policy.id_forms import AUTO
from smsgw.smpp.canonical import FORMS
from smsgw.smpp.convert import LONG_FORMS, Fit

ID_FORMS: Final = (AUTO, *sorted(FORMS))
SegmentReceipts = Literal["each", "first", "last"]


def _id_form(value: object) -> str:
    if not isinstance(value, str) or value not in ID_FORMS:
        raise ValueError(with_hint(f"unknown word {value!r}", value, ID_FORMS))
    return value


def _data_coding(value: object) -> int:
    try:
        number = int(value, 0) if isinstance(value, str) else value
    except ValueError:
        number = None
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= 0xFF:
        raise ValueError(f'expected a data_coding such as 8 or "0x08", found {value!r}')
    return number


IdForm = Annotated[str, BeforeValidator(_id_form, json_schema_input_type=one_word(ID_FORMS))]
DataCodings = Annotated[
    tuple[Annotated[int, BeforeValidator(_data_coding, json_schema_input_type=int | str)], ...], Strict(False)
]


class LongSettings(Settings):
    """``[long]``: the ways in which a carrier takes a text of several segments, the one that it likes best first."""

    forms: Annotated[tuple[Literal["udh8", "udh16", "sar", "payload"], ...], Strict(False)] = Field(
        LONG_FORMS, min_length=1
    )


class TextSettings(Settings):
    """``[text]``: the data_codings that a carrier takes, the one that it likes best first; left out: all."""

    data_codings: DataCodings = ()
    transliterate: bool = False

    @model_validator(mode="after")
    def _has_an_aim(self) -> Self:
        if self.transliterate and not self.data_codings:
            raise ValueError("transliterate says how to write what data_codings can't: name those that are taken")
        return self


def fit_of(long: LongSettings | None, text: TextSettings | None, default_alphabet: str) -> Fit:
    """What a carrier takes, for those who convert."""
    forms = long.forms if long is not None else ()
    codings, transliterate = (text.data_codings, text.transliterate) if text is not None else ((), False)
    return Fit(forms, codings, default_alphabet, transliterate)
