"""What may grow, and by which points each curve is drawn; ``docs/performance/growth.md`` says why these.

A curve's points differ in one thing. What is in flight, the text and the rules stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from tests.bench.growth import sites
from tests.bench.suite.load import Load
from tests.site_files import Overrides

IN_FLIGHT: Final = 1_000
"""Unanswered messages of all sessions together, where sessions grow: so many as a thousand sessions have at least."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured: messages of a run, opt-outs and waiting messages at the most."""

    messages: int
    opt_outs: int
    waiting: int


WHOLE: Final = Scale(30_000, 10_000_000, 5_000_000)
SMALL: Final = Scale(2_000, 20_000, 20_000)
"""Shows in minutes that everything works; its figures say nothing."""


@dataclass(frozen=True, slots=True)
class Store:
    """What Redis holds before a run. Such a store is filled once and outlives the gateways."""

    opt_outs: int = 0
    waiting: int = 0
    #: The carrier for which messages wait, in its marketing lane.
    carrier: str = "alpha"


@dataclass(frozen=True, slots=True)
class Point:
    """One size. ``store`` None: a fresh and empty one for each run."""

    label: str
    load: Load
    site: Callable[[], Overrides]
    store: Store | None = None
    #: Those that lie at the simulated carrier.
    carriers: tuple[str, ...] = ("alpha",)
    #: Applications that take receipts of what waited before.
    takes_receipts: bool = False


@dataclass(frozen=True, slots=True)
class Curve:
    """Points by a name of their own, and lines through some of them."""

    name: str
    title: str
    axis: str
    points: Mapping[str, Point]
    #: Name of the line → names of its points; the first one is what the others are compared with.
    lines: Mapping[str, tuple[str, ...]]
    expected: str = ""


def _plain(scale: Scale, share: float = 1.0, conns: int = 4, window: int = 100) -> Load:
    """A load to the recipients that routes are made for."""
    return Load(
        max(200, round(scale.messages * share)), conns=conns, window=window, first_recipient=sites.FIRST_RECIPIENT
    )


def _as_is() -> Overrides:
    return {}


def sessions(scale: Scale) -> Curve:
    """One account with up to its cap of binds, and a hundred accounts."""
    everybody = sites.accounts(100)

    def point(count: int, many: bool = False) -> Point:
        load = Load(
            scale.messages,
            conns=count,
            window=IN_FLIGHT // count,
            accounts=everybody[:count] if many else (("load", sites.PASSWORD),),
            source=sites.ANY_SOURCE,
            first_recipient=sites.FIRST_RECIPIENT,
        )
        return Point(f"{count:,}", load, lambda: sites.sessions(len(everybody)))

    return Curve(
        "sessions",
        "Sessions of applications",
        "sessions",
        {
            "one": point(1), "hundred": point(100), "thousand": point(1000),
            "hundred-many": point(100, many=True), "thousand-many": point(1000, many=True),
        },
        {
            "of one account": ("one", "hundred", "thousand"),
            "of 100 accounts": ("one", "hundred-many", "thousand-many"),
        },
        f"{IN_FLIGHT:,} messages in flight, however many sessions share them: a session has {IN_FLIGHT:,}, 10 or 1.",
    )  # fmt: skip


def routes(scale: Scale) -> Curve:
    """The route of the load's messages behind all others, and every route taken by some of them."""

    def point(count: int, spread: bool = False) -> Point:
        return Point(f"{count:,}", _plain(scale), lambda: sites.routes(count, spread))

    return Curve(
        "routes",
        "Routes",
        "routes",
        {
            "one": point(1), "hundred": point(100), "ten-thousand": point(10_000),
            "hundred-spread": point(100, spread=True), "ten-thousand-spread": point(10_000, spread=True),
        },
        {
            "the message's own is the last": ("one", "hundred", "ten-thousand"),
            "each takes some of the messages": ("one", "hundred-spread", "ten-thousand-spread"),
        },
    )  # fmt: skip


def opt_outs(scale: Scale) -> Curve:
    """Recipients who have opted out of the load's signature; the load goes to others."""
    counts = (0, scale.opt_outs // 10, scale.opt_outs)
    points = {str(count): Point(_short(count), _plain(scale), _as_is, Store(opt_outs=count)) for count in counts}
    return Curve("optouts", "Opt-outs", "recipients who opted out", points, {"": tuple(points)})


def backlog(scale: Scale) -> Curve:
    """Marketing that waits for a carrier that is down, or for the one that is up; verification codes flow."""
    load = Load(
        scale.messages,
        accounts=(("codes", sites.PASSWORD),),
        source=sites.CODES_SOURCE,
        text=sites.CODE,
        first_recipient=sites.FIRST_RECIPIENT,
    )
    waiting = _short(scale.waiting)
    points = {
        "empty": Point("none", load, sites.queues, Store()),
        "other": Point(f"{waiting} for a carrier\nthat is down", load, sites.queues, Store(0, scale.waiting, "beta")),
        "same": Point(
            f"{waiting} for the\nsame carrier", load, sites.queues, Store(0, scale.waiting), takes_receipts=True
        ),
    }
    return Curve(
        "backlog",
        "Waiting messages",
        "messages that wait",
        points,
        {"": tuple(points)},
        "The load is verification codes. What waits for the carrier that is up goes to it beside them, and counts: it "
        "was accepted before, so a message of these costs less.",
    )


def carriers(scale: Scale) -> Curve:
    """Equal shares of the traffic, two binds each."""

    def point(count: int) -> Point:
        names = ("alpha", *(f"c{number:03d}" for number in range(1, count)))
        return Point(str(count), _plain(scale), lambda: sites.carriers(count), carriers=names)

    points = {str(count): point(count) for count in (1, 10, 100)}
    return Curve("carriers", "Carriers", "carriers, two binds each", points, {"": tuple(points)})


def windows(scale: Scale) -> Curve:
    """Of one connection of an application, and of each bind at the carrier."""
    shares = {1: 0.1, 10: 0.5, 100: 1.0}
    points: dict[str, Point] = {}
    for size, share in shares.items():
        points[f"application-{size}"] = Point(str(size), _plain(scale, share, 1, size), sites.windows)
    for size, share in shares.items():
        points[f"carrier-{size}"] = Point(str(size), _plain(scale, share), lambda size=size: sites.windows(1000, size))  # type: ignore[misc]
    lines = {
        "of an application's only connection": tuple(f"application-{size}" for size in shares),
        "of each of the carrier's two binds": tuple(f"carrier-{size}" for size in shares),
    }
    return Curve(
        "windows",
        "Windows",
        "unanswered requests",
        points,
        lines,
        "Not flat, and can't be: who waits for each answer sends one message in each round trip, and a call of Redis "
        "is for so few.",
    )


CURVES: Final[Mapping[str, Callable[[Scale], Curve]]] = {
    "sessions": sessions,
    "routes": routes,
    "optouts": opt_outs,
    "backlog": backlog,
    "carriers": carriers,
    "windows": windows,
}


def chosen(names: list[str]) -> list[str]:
    """Names of curves in the order of the table, all for ``all``. Raises ValueError for a name that is none."""
    unknown = [name for name in names if name not in CURVES and name != "all"]
    if unknown:
        raise ValueError(f"--growth {unknown[0]}: expected {', '.join(CURVES)} or all")
    return [name for name in CURVES if name in names or "all" in names]


def _short(count: int) -> str:
    """Such as ``10 million``."""
    if count >= 1_000_000 and count % 100_000 == 0:
        return f"{count / 1_000_000:g} million"
    return f"{count:,}"
