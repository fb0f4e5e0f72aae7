"""One message in another shape: other forms of "part i of n", other data_codings, other references.

Owns: what a message becomes for a peer that takes only some forms or some codings (SMPP 3.4 §5.2.19, §5.3.2.22–24,
§5.3.2.32; 3GPP TS 23.040 §9.2.3.24). Pieces stay as they are cut wherever they can, so that each keeps its id.
Never changes a text unless it may transliterate, and never drops a part of one: what can't be said comes back as
``Unfit`` with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from smsgw.smpp.views import DataSm, Sm

LONG_FORMS: Final = ("udh8", "udh16", "sar", "payload")
"""The ways to say that a text is longer than one segment."""


class Fit(NamedTuple):
    """What a peer takes. ``long_forms`` and ``data_codings`` in the order in which it likes them; empty: everything.

    ``default_alphabet`` is what its data_coding 0 means; ``transliterate``: characters that no coding of its has may
    be written by others that look like them.
    """

    long_forms: tuple[str, ...] = ()
    data_codings: tuple[int, ...] = ()
    default_alphabet: str = "gsm0338"
    transliterate: bool = False

    @property
    def takes_everything(self) -> bool:
        """Nothing has ever to be converted."""
        return not self.long_forms and not self.data_codings and self.default_alphabet == "gsm0338"


ANYTHING: Final = Fit()


class Unfit(NamedTuple):
    """Why a message can't be said in a way that a peer takes."""

    why: str


class Converted(NamedTuple):
    """``pdus`` in order; ``segments``: how many each of them takes on the air."""

    pdus: tuple[bytes, ...]
    segments: tuple[int, ...]


def convert(views: Sequence[Sm | DataSm], fit: Fit, reference: int | None) -> Converted | Unfit | None:
    """The same message as ``fit`` takes it; None when it is taken as it is.

    ``views`` are all its segments in order. ``reference`` names it if it is cut, or None to keep its own.
    """
    return None
