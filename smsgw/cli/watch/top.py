"""``smsgw top``: what the gateway is doing just now, anew every second: carriers, lanes, accounts, what is wrong.

Owns: rates, which are the difference of two looks at the gateway's status, and what is worth a colour. Only looks. What
waits is counted in the store, for all processes; all else is of the one gateway of this site directory.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.measure import Measurement
from rich.text import Text

from smsgw.cli.desk import Visit
from smsgw.cli.ops_port import ask
from smsgw.cli.options import JsonOption, SiteOption
from smsgw.cli.output import Cell, clean, console, print_json, table
from smsgw.errors import ConnectFailed, StoreError
from smsgw.policy.model import CLASS_LABELS
from smsgw.services.desk import Desk
from smsgw.smpp.constants import status_name
from smsgw.store.queues import Queues

#: Of a class of errors so many are named, the most frequent ones.
_NAMED: Final = 3
#: Longer lists leave out where nothing happens.
_SHORT: Final = 20
_FINAL_GOOD: Final = "DELIVRD"
_CARRIERS: Final = (
    "carrier", "binds", "out/s", "limit", "window", *CLASS_LABELS, "errors/s", "receipts/s", "delivered", "",
)  # fmt: skip
_CARRIERS_SHORT: Final = ("carrier", "binds", "out/s", "limit", "window", "otp", "notice", "mkt", "rcpt/s", "dlvd")
_ACCOUNTS: Final = ("account", "class", "binds", "in/s", "refused/s", "receipts/s", "undelivered")
_ACCOUNTS_SHORT: Final = ("account", "class", "binds", "in/s", "rcpt/s", "undelivered")
#: More than any terminal has: to see how wide something would like to be.
_ANY_COLUMNS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Sight:
    """One look. ``at_s`` monotonic; the store's: ``waiting`` by carrier and lane, ``untaken`` by account."""

    at_s: float
    found: Mapping[str, Any]
    waiting: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    untaken: Mapping[str, int] = field(default_factory=dict)

    def waits(self, carrier: str, lane: str) -> int:
        """How many messages of a lane wait; when the store does not say, those in this process's memory."""
        return int(self.waiting.get(carrier, self.found["carriers"][carrier]["waiting"]).get(lane, 0))


def top(
    every: Annotated[float, typer.Option("--every", "-d", min=0.2, help="Seconds between two looks.")] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="Look twice, print once, end.")] = False,
    site: SiteOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """Watch the running gateway: binds, rates, windows, queues, lanes, errors, receipts; until Ctrl-C."""
    visit = Visit(site)
    # Into a pipe or a file there is nothing to draw anew: what comes is one look.
    once = once or as_json or not sys.stdout.isatty()
    visit.ask(lambda desk: _once(desk, every, as_json) if once else _for_ever(desk, every))


async def _once(desk: Desk, every: float, as_json: bool) -> None:
    before = await _look(desk)
    await asyncio.sleep(every)
    now = await _look(desk)
    if as_json:
        print_json(figures(before, now))
    else:
        console().print(screen(before, now))


async def _for_ever(desk: Desk, every: float) -> None:
    before = await _look(desk)
    terminal = console()
    terminal.soft_wrap = False  # on a screen that is drawn anew what is not wrapped is cut
    with Live(screen(before, before), console=terminal, auto_refresh=False, screen=True) as live:
        while True:
            await asyncio.sleep(every)
            try:
                now = await _look(desk)
            except ConnectFailed as error:
                live.update(Group(Text(str(error), style="red"), screen(before, before)), refresh=True)
                continue
            live.update(screen(before, now), refresh=True)
            before = now


def figures(before: Sight, now: Sight) -> dict[str, Any]:
    """The figures of the screen, for programs; rates a second since ``before``."""
    found = now.found
    return {
        "node": found["node"],
        "business_time": found["business_time"],
        "not_ready": found["not_ready"],
        "orders": found["orders"],
        "pauses": found["pauses"],
        "breakers": found["breakers"],
        "carriers": {
            name: {
                "binds_up": each["binds_up"],
                "binds": each["binds"],
                "why_not": each["why_not"],
                "in_flight": each["in_flight"],
                "window": each["window"],
                "rate_per_s": each["rate_per_s"],
                "full_rate_per_s": each["full_rate_per_s"],
                "waiting": {label: now.waits(name, label) for label in CLASS_LABELS},
                "submitted_per_s": _rate(before, now, "carriers", name, "submitted"),
                "errors_per_s": _errors_per_s(before, now, name),
                "receipts_per_s": _rate(before, now, "carriers", name, "receipts"),
                "delivered_share": delivered_share(each["receipts"]),
            }
            for name, each in found["carriers"].items()
        },
        "accounts": {
            name: {
                "binds": each["binds"],
                "accepted_per_s": _rate(before, now, "accounts", name, "accepted"),
                "refused_per_s": _rate(before, now, "accounts", name, "refused"),
                "receipts_per_s": _rate(before, now, "accounts", name, "receipts_delivered"),
                "undelivered": now.untaken.get(name, each["outbox"]),
            }
            for name, each in found["accounts"].items()
        },
    }


def screen(before: Sight, now: Sight) -> RenderableType:
    """All of it, for a terminal."""
    parts: list[RenderableType] = [_head(before, now), Text()]
    parts += [*_alarms(now.found), _carriers(before, now), Text(), _accounts(before, now)]
    return Group(*parts)


def delivered_share(receipts: Mapping[str, int]) -> float | None:
    """The share of receipts that say delivered, since the gateway started; None without any."""
    total = sum(receipts.values())
    good = sum(count for state, count in receipts.items() if state == _FINAL_GOOD)
    return round(good / total, 4) if total else None


async def _look(desk: Desk) -> Sight:
    found = await asyncio.to_thread(ask, desk.site, "/status")
    queues, waiting, untaken = Queues(desk.store), dict[str, dict[str, int]](), dict[str, int]()
    # A store that is away is told in the gateway's own status.
    with contextlib.suppress(StoreError):
        for each in await queues.lengths(list(found["carriers"])):
            waiting.setdefault(each.carrier, {})[CLASS_LABELS[each.lane]] = each.waiting
        for name in found["accounts"]:
            untaken[name] = await queues.undelivered(name)
    return Sight(time.monotonic(), found, waiting, untaken)


def _head(before: Sight, now: Sight) -> Text:
    found = now.found
    accepted = sum(_rate(before, now, "accounts", name, "accepted") for name in found["accounts"])
    sent = sum(_rate(before, now, "carriers", name, "submitted") for name in found["carriers"])
    receipts = sum(_rate(before, now, "accounts", name, "receipts_delivered") for name in found["accounts"])
    calls = sum(call["waiting"] for call in found["store"]["calls"].values())
    return Text.assemble(
        (f"smsgw {found['version']} {found['node']}", "bold"), f"  {found['business_time']}  ",
        ("ready", "green") if not found["not_ready"] else ("NOT READY", "bold red"),
        f"  in {accepted:.0f}/s  out {sent:.0f}/s  receipts {receipts:.0f}/s  store calls waiting {calls}",
    )  # fmt: skip


def _alarms(found: Mapping[str, Any]) -> list[RenderableType]:
    """What somebody should know before any figure."""
    lines = [Text(str(why), style="bold red") for why in found["not_ready"].values()]
    lines += [
        Text(f"{each['scope']}: {each['action']}, by {each['who']}: {each['reason']}", style="yellow")
        for each in found["orders"]
    ]
    lines += [
        Text(f"{each['scope']}: paused, by {each['who']}: {each['reason']}", style="yellow") for each in found["pauses"]
    ]
    lines += [
        Text(f"{each['carrier']} {each['province']}: breaker {each['state']}: {each['why']}", style="red")
        for each in found["breakers"]
    ]
    parked = ", ".join(f"{lot} {count}" for lot, count in found["parked"].items() if count)
    if parked:
        lines.append(Text(f"parked: {parked}"))
    if found["records"]["failing"]:
        lines.append(Text(f"records can't be written: {found['records']['failing']}", style="bold red"))
    return [*lines, Text()] if lines else []


class _Fitting:
    """A table of ``rows``; where words would be cut on a narrow terminal, they stand in lines below a smaller table.

    ``words``: the columns that move there, and what is said of each in its line; the other ones are numbers.
    """

    def __init__(
        self, rows: list[tuple[Cell, ...]], columns: tuple[str, ...], short: tuple[str, ...], words: Mapping[int, str]
    ) -> None:
        self._rows = rows
        self._words = words
        self._numbers = [place for place in range(len(columns)) if place not in words]
        self._wide = table(columns, rows, right=[columns[place] for place in self._numbers[1:]])
        fewer = [[row[place] for place in self._numbers] for row in rows]
        self._narrow = table(short, fewer, right=short[1:])
        self._narrow.padding = (0, 1, 0, 0)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        endless = options.update(width=_ANY_COLUMNS)
        if Measurement.get(console, endless, self._wide).minimum <= options.max_width:
            yield self._wide
            return
        # Never narrower: names would go first.
        self._narrow.width = Measurement.get(console, endless, self._narrow).maximum
        yield self._narrow
        for row in self._rows:
            told = "; ".join(f"{label}{row[place]}" for place, label in self._words.items() if str(row[place]))
            if told:
                is_wrong = any(isinstance(row[place], Text) for place in self._words)
                yield Text(clean(f"{row[0]}: {told}"), style="red" if is_wrong else "")


def _carriers(before: Sight, now: Sight) -> _Fitting:
    rows: list[tuple[Cell, ...]] = []
    names, quiet = _worth_a_line(now.found["carriers"], lambda name: _carrier_stirs(before, now, name))
    for name in names:
        each = now.found["carriers"][name]
        up, wanted = each["binds_up"], each["binds"]
        why_not = "drained" if each["drained"] else each["why_not"]
        share = delivered_share(each["receipts"])
        limit = f"{each['rate_per_s']:g}"
        rows.append((
            Text(name, style="red" if why_not else ""),
            Text(f"{up}/{wanted}", style="green" if up == wanted else "yellow" if up else "red"),
            f"{_rate(before, now, 'carriers', name, 'submitted'):.0f}",
            Text(limit if not each["slowed"] else f"{limit}/{each['full_rate_per_s']:g}",
                 style="yellow" if each["slowed"] else ""),
            f"{each['in_flight']}/{each['window']}",
            *(str(now.waits(name, label) or "–") for label in CLASS_LABELS),
            _errors(before, now, name),
            f"{_rate(before, now, 'carriers', name, 'receipts'):.0f}",
            "–" if share is None else f"{share:.1%}",
            Text(why_not, style="red"),
        ))  # fmt: skip
    if quiet:
        rows.append((Text(f"and {quiet} quiet ones", style="dim"), *("",) * 11))
    return _Fitting(rows, _CARRIERS, _CARRIERS_SHORT, {11: "", 8: "errors/s: "})


def _accounts(before: Sight, now: Sight) -> _Fitting:
    rows: list[tuple[Cell, ...]] = []
    names, quiet = _worth_a_line(now.found["accounts"], lambda name: _account_stirs(before, now, name))
    for name in names:
        each = now.found["accounts"][name]
        refused = _differences(before, now, "accounts", name, "refused")
        rows.append((
            name if each["in_force"] else Text(name, style="red"),
            each["class"],
            each["binds"],
            f"{_rate(before, now, 'accounts', name, 'accepted'):.0f}",
            _named(refused, now.at_s - before.at_s, str),
            f"{_rate(before, now, 'accounts', name, 'receipts_delivered'):.0f}",
            Text(str(untaken := now.untaken.get(name, each["outbox"])), style="yellow" if untaken else ""),
        ))  # fmt: skip
    if quiet:
        rows.append((Text(f"and {quiet} quiet ones", style="dim"), *("",) * 6))
    return _Fitting(rows, _ACCOUNTS, _ACCOUNTS_SHORT, {4: "refused/s: "})


def _worth_a_line(all_of: Mapping[str, Any], stirs: Callable[[str], bool]) -> tuple[list[str], int]:
    """Names to show and how many are left out: of a long list those where nothing moves, waits or is wrong."""
    if len(all_of) <= _SHORT:
        return list(all_of), 0
    names = [name for name in all_of if stirs(name)]
    return names, len(all_of) - len(names)


def _carrier_stirs(before: Sight, now: Sight, name: str) -> bool:
    each = now.found["carriers"][name]
    moves = any(_rate(before, now, "carriers", name, field) for field in ("submitted", "receipts", "timeouts"))
    return bool(moves or each["why_not"] or each["slowed"] or any(now.waits(name, label) for label in CLASS_LABELS))


def _account_stirs(before: Sight, now: Sight, name: str) -> bool:
    each = now.found["accounts"][name]
    moves = any(_rate(before, now, "accounts", name, field) for field in ("accepted", "refused", "receipts_delivered"))
    return bool(moves or not each["in_force"] or now.untaken.get(name, each["outbox"]))


def _rate(before: Sight, now: Sight, part: str, name: str, field: str) -> float:
    took_s = now.at_s - before.at_s
    return round(sum(_differences(before, now, part, name, field).values()) / took_s, 1) if took_s > 0 else 0.0


def _differences(before: Sight, now: Sight, part: str, name: str, field: str) -> dict[str, int]:
    """What was counted since, by key; a plain number has the key "". A gateway that started anew counts from 0."""
    new, old = now.found[part][name][field], before.found[part].get(name, {}).get(field, 0)
    if isinstance(new, int):
        new, old = {"": new}, {"": old if isinstance(old, int) else 0}
    elif not isinstance(old, Mapping):
        old = {}
    return {key: more for key, count in new.items() if (more := count - old.get(key, 0)) > 0}


def _errors(before: Sight, now: Sight, name: str) -> Text:
    answers = _differences(before, now, "carriers", name, "answered")
    wrong = {key: count for key, count in answers.items() if int(key, 16)}
    lost = _differences(before, now, "carriers", name, "timeouts").get("", 0)
    told = _named(wrong, now.at_s - before.at_s, lambda key: status_name(int(key, 16)).removeprefix("ESME_"))
    return Text(", ".join(filter(None, (told, f"no answer {lost}" if lost else ""))), style="red")


def _errors_per_s(before: Sight, now: Sight, name: str) -> dict[str, float]:
    took_s = max(now.at_s - before.at_s, 0.001)
    answers = _differences(before, now, "carriers", name, "answered")
    return {status_name(int(key, 16)): round(count / took_s, 1) for key, count in answers.items() if int(key, 16)}


def _named(counts: Mapping[str, int], took_s: float, name: Any) -> str:
    most = sorted(counts.items(), key=lambda item: -item[1])[:_NAMED]
    return ", ".join(f"{name(key)} {count / max(took_s, 0.001):.1f}" for key, count in most)
