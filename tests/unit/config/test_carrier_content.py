"""What a carrier's file may say of ids, receipts, long messages and texts, and what comes of it."""

from __future__ import annotations

import pytest

from smsgw.smpp.convert import Fit
from smsgw.wiring import carrier_settings

from .conftest import SiteCopy

ALPHA = "carriers/alpha.toml"
SEGMENTS = 'segment_receipts = "each"'


@pytest.mark.parametrize(
    ("new", "error"),
    [
        ('segment_receipts = "some"', "segment_receipts: expected 'each', 'first' or 'last', found 'some'"),
        ('receipt_overdue = "1 day"', "receipt_overdue: "),
        ('long = { forms = ["udh"] }', "long.forms[1]: "),
        ("long = { forms = [] }", "long.forms: "),
        ('text = { data_codings = ["ucs2"] }', "text.data_codings[1]: expected a data_coding such as 8"),
        ("text = { data_codings = [256] }", "text.data_codings[1]: expected a data_coding such as 8"),
        ("text = { transliterate = true }", "text: transliterate says how to write what data_codings can't"),
    ],
)
def test_mistakes(site: SiteCopy, new: str, error: str) -> None:
    key = new.partition(" ")[0]
    old = {"receipt_overdue": 'receipt_overdue = "24h"'}.get(key, SEGMENTS)
    (said,) = site.edit(ALPHA, old, new).errors()
    assert said.startswith(f"{ALPHA}:{site.edited_line}: {error}"), said


def test_what_the_edge_is_given(site: SiteCopy) -> None:
    more = '\nlong = { forms = ["sar", "udh8"] }\ntext = { data_codings = ["0x08", 0], transliterate = true }'
    site.edit(ALPHA, SEGMENTS, f'segment_receipts = "first"{more}')
    site.edit(ALPHA, 'response_id = "text"', 'response_id = "auto"')
    loaded = site.load()
    made = carrier_settings(loaded, loaded.carriers["alpha"])
    assert made.fit == Fit(("sar", "udh8"), (8, 0), "gsm0338", True)
    assert (made.response_id, made.segment_receipts, made.receipt_overdue_s) == ("auto", "first", 86_400)
    assert carrier_settings(loaded, loaded.carriers["beta"]).fit.takes_everything
