"""Commands of engineers on a site that no gateway runs, and the figures of ``top``."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from smsgw.cli.carriers.bind import duration
from smsgw.cli.output import console
from smsgw.cli.watch import top
from smsgw.cli.watch.top import Sight, delivered_share, figures, screen
from smsgw.store.server import EmbeddedServer
from tests.unit.cli.conftest import Run, done, refused, started


@pytest.fixture
def smsgw(site: Path) -> Iterator[Run]:
    """Commands beside a store that runs, as beside a gateway: none of them starts one."""
    server = EmbeddedServer(site / "state", None, "no")
    with asyncio.Runner() as runner:
        runner.run(server.start())
        yield lambda *arguments: started(*arguments, "--site", str(site))
        runner.run(server.stop())


REASON = ("--reason", "fibre cut")


def test_an_order_is_given_shown_and_ended(smsgw: Run) -> None:
    said = done(smsgw("carrier", "suspend", "alpha", "--expires", "2h", *REASON, "--who", "li"))
    assert said.startswith("carrier:alpha: suspended until ")
    listed = smsgw("carrier", "list")
    assert "suspended until" in done(listed)
    assert "by li: fibre cut" in listed.stdout
    assert "does not answer" in listed.stderr
    assert "carrier:alpha: resumed; li had ordered suspend at " in done(smsgw("carrier", "resume", "alpha", *REASON))
    assert refused(smsgw("carrier", "resume", "alpha", *REASON)) == "smsgw: nothing is ordered of carrier:alpha"


def test_what_is_typed_wrongly_or_needs_a_gateway(smsgw: Run) -> None:
    assert smsgw("bind", "close", "shop/3", "--expires", "1h", *REASON).exit_code == 2
    assert "does not answer" in refused(smsgw("bind", "close", "shop/3", *REASON))
    assert smsgw("queue", "purge", "alpha", *REASON).exit_code == 1  # nobody said yes
    said = "all: purged; nothing that was accepted before is left\n"
    assert done(smsgw("queue", "purge", "all", "--yes", *REASON)) == said
    assert smsgw("trace", "--raw").exit_code == 2


def test_messages_that_nobody_knows(smsgw: Run, site: Path) -> None:
    unknown = f"00{0x6A5C0000:08x}{'0a' * 5}"
    said = refused(smsgw("message", unknown.upper()))
    records = site / "state" / "records"
    assert said.startswith(f"smsgw: message {unknown} is not known: {records} has no step of it (each machine has the ")
    assert said.endswith("keeps a state for 24 h; by its id it was accepted at 2026-07-19 06:36:48+08:00")
    none = done(smsgw("message", "13800138000", "--hours", "2"))
    assert none.startswith(f"no message to that number within 2 h is in {records}; --hours looks further back")
    neither = smsgw("message", "nosuch")
    assert (neither.exit_code, neither.stdout, neither.stderr.count("\n")) == (2, "", 1)
    assert neither.stderr.startswith(
        "smsgw: message: 'nosuch' is neither a message's id (20 digits and letters a–f, as "
    )
    assert neither.stderr.endswith("nor a recipient's number (13800138000, +86138…)\n")


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0s"), (59.9, "59s"), (60, "1m 0s"), (3725, "1h 2m"), (90_000, "1d 1h")]
)
def test_durations_for_people(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def status(submitted: int, throttled: int, refusals: int) -> dict[str, Any]:
    return {
        "version": "1", "node": "n", "business_time": "now", "not_ready": {}, "orders": [], "pauses": [],
        "breakers": [], "parked": {"review": 2}, "records": {"failing": ""},
        "store": {"calls": {"admit": {"waiting": 3}}},
        "carriers": {"alpha": {
            "binds_up": 1, "binds": 2, "why_not": "", "drained": False, "in_flight": 4, "window": 20,
            "rate_per_s": 50.0, "full_rate_per_s": 200.0, "slowed": True, "submitted": submitted,
            "waiting": {"otp": 0, "notice": 1, "marketing": 0}, "timeouts": 0,
            "answered": {"0x00000000": submitted, "0x00000058": throttled}, "receipts": {"DELIVRD": 3, "UNDELIV": 1},
        }},
        "accounts": {"shop": {
            "binds": 1, "in_force": True, "class": "marketing", "accepted": submitted, "refused": {"optout": refusals},
            "receipts_delivered": 0, "outbox": 7,
        }},
    }  # fmt: skip


def test_the_figures_of_top_are_differences() -> None:
    before = Sight(10.0, status(100, 5, 0))
    now = Sight(12.0, status(300, 9, 3), {"alpha": {"otp": 0, "notice": 40, "marketing": 2}})
    found = figures(before, now)
    alpha, shop = found["carriers"]["alpha"], found["accounts"]["shop"]
    assert (alpha["submitted_per_s"], alpha["errors_per_s"]) == (100.0, {"ESME_RTHROTTLED": 2.0})
    assert alpha["waiting"] == {"otp": 0, "notice": 40, "marketing": 2}
    assert (alpha["delivered_share"], delivered_share({})) == (0.75, None)
    assert (shop["accepted_per_s"], shop["refused_per_s"], shop["undelivered"]) == (100.0, 1.5, 7)
    # A gateway that was started anew counts from the beginning.
    assert figures(now, Sight(14.0, status(20, 0, 0)))["carriers"]["alpha"]["submitted_per_s"] == 0.0
    assert screen(before, now)


@pytest.mark.parametrize("columns", [80, 100, 160])
def test_no_heading_and_no_figure_of_top_is_cut(columns: int) -> None:
    before, now = Sight(0.0, status(0, 0, 0)), Sight(1.0, status(90_000, 9, 3))
    for found in (before.found, now.found):
        each = found["carriers"]["alpha"]
        each |= {"why_not": "the connection was refused", "rate_per_s": 1000.0, "full_rate_per_s": 2000.0}
    printed = io.StringIO()
    Console(width=columns, file=printed).print(screen(before, now))
    lines = printed.getvalue().splitlines()
    heads = [lines[number - 1].split() for number, line in enumerate(lines) if line.startswith("───")]
    short = ["carrier", "binds", "out/s", "limit", "window", "otp", "notice", "mkt", "rcpt/s", "dlvd"]
    whole = [*short[:7], "marketing", "errors/s", "receipts/s", "delivered"]
    assert heads[0] == (short if columns < 120 else whole)
    assert heads[1][:4] == ["account", "class", "binds", "in/s"]
    alpha = next(line.split() for line in lines if line.startswith("alpha"))
    assert alpha[:7] == ["alpha", "1/2", "90000", "1000/2000", "4/20", "–", "1"]
    assert all(words in " ".join(lines) for words in ("RTHROTTLED 9.0", "the connection was refused", "optout 3.0"))


def test_top_into_a_pipe_prints_once(smsgw: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter([status(0, 0, 0), status(400, 0, 0)])
    monkeypatch.setattr(top, "ask", lambda site, page: next(looks))
    said = done(smsgw("top", "--every", "0.2"))
    assert [line.split()[0] for line in said.splitlines() if line.startswith(("alpha", "shop"))] == ["alpha", "shop"]
    assert next(looks, None) is None


def test_of_a_long_list_top_shows_where_something_happens() -> None:
    many = status(0, 0, 0)
    for part in ("carriers", "accounts"):
        ((_, each),) = many[part].items()
        quiet = {**each, "waiting": {}, "slowed": False, "outbox": 0}
        many[part] = {f"quiet{number}": quiet for number in range(30)} | {"busy": each}
    now = Sight(1.0, many)
    with (printed := console()).capture() as shown:
        printed.print(screen(Sight(0.0, many), now))
    lines = shown.get().splitlines()
    assert [line.split()[0] for line in lines if "busy" in line] == ["busy", "busy"]
    assert sum("and 30 quiet ones" in line for line in lines) == 2
