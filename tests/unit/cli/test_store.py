"""``smsgw store migrate`` as far as it goes before anything is moved."""

from __future__ import annotations

from pathlib import Path

import pytest

from smsgw.cli.store.places import target_of
from smsgw.config.load import load_node
from smsgw.errors import RequestError


@pytest.mark.parametrize("to", ["", "embedded"])
def test_a_store_that_would_stay_as_it_is(site: Path, to: str) -> None:
    with pytest.raises(RequestError, match="the store has 1 partition already; name another number, or --to another"):
        target_of(load_node(site), to, 1)


def test_the_embedded_store_keeps_its_place(site: Path) -> None:
    target = target_of(load_node(site), "embedded", 4)
    assert (target.site.store.url, target.partitions, target.change) == ("", 4, ["partitions = 4"])
