"""What a site has of ``routes.toml``: the compiled table with its number plan, where each route stands, the tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from smsgw.config.routes import RouteTest
from smsgw.policy.routing import RouteTable


@dataclass(frozen=True, slots=True)
class PlacedTest:
    """One ``[[test]]`` and the lines where it and what it expects stand."""

    test: RouteTest
    number: int
    line: int
    expect_line: int


@dataclass(frozen=True, slots=True)
class SiteRoutes:
    """What a site has of its routes. ``lines``: that of each route, in their order."""

    file: Path
    table: RouteTable
    lines: tuple[int, ...] = ()
    tests: tuple[PlacedTest, ...] = ()
