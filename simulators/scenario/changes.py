"""Settings of a running carrier in the form of scenario files: as changes to make, and as they are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simulators.carrier.settings import CarrierSettings
from simulators.scenario.tables import ChangesTable
from smsgw.documents.document import Document
from smsgw.documents.problems import Problems

#: Stands where a file's name would in errors.
_HERE = Path("settings")


def parse_changes(data: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of ``CarrierSim.change`` from a part of a ``[[carrier]]`` table.

    ``{"answers": {"delay": "20ms"}}``. Raises ConfigErrors; its ``errors`` have the ``key`` and ``why``
    of everything that is wrong.
    """
    problems = Problems()
    table = Document(_HERE, "", dict(data)).build(ChangesTable, Path(), problems)
    problems.raise_errors()
    assert table is not None
    return table.changes()


def show_settings(settings: CarrierSettings) -> dict[str, Any]:
    """The settings as a ``[[carrier]]`` table that can change while it runs, ready for JSON.

    ``parse_changes`` of it gives the same settings again.
    """
    raise NotImplementedError
