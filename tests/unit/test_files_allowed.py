"""How many connections the system's limit of open files is enough for."""

from __future__ import annotations

import resource

import pytest

from smsgw import process

ANY = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("limits", "raised_to", "connections"),
    [
        ((1024, 524_288), 2256, 2000),
        ((1024, ANY), 2256, 2000),
        ((4096, 4096), None, 2000),
        ((ANY, ANY), None, 2000),
        ((1024, 1024), 1024, 768),
        ((1024, 2000), 2000, 1744),
        ((150, 150), 150, 75),
    ],
)
def test_what_is_missing_is_missing_from_the_connections(
    monkeypatch: pytest.MonkeyPatch, limits: tuple[int, int], raised_to: int | None, connections: int
) -> None:
    raised: list[int] = []
    monkeypatch.setattr(process.resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(process.resource, "setrlimit", lambda _, to: raised.append(to[0]))
    assert process.allow_files(2000) == connections
    assert raised == ([] if raised_to is None else [raised_to])
