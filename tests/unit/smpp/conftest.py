"""The wire compiled and as Python: tests of what has a twin go through both."""

from __future__ import annotations

import pytest

from smsgw.smpp import pdu
from smsgw.smpp.native import IS_COMPILED
from smsgw.smpp.receipt import python_parse_receipt
from smsgw.smpp.views import PythonSm

_TWINS: dict[str, object] = {**pdu.PYTHON, "Sm": PythonSm, "parse_receipt": python_parse_receipt}


@pytest.fixture(params=("compiled", "python") if IS_COMPILED else ("python",))
def each_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The names of the test's module, and those that it takes from ``pdu``, mean this way's."""
    if request.param == "python":
        for name, twin in _TWINS.items():
            for module in (request.module, pdu):
                if hasattr(module, name):
                    monkeypatch.setattr(module, name, twin)
