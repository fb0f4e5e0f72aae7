"""``smsgw alarms``: what rings, silences, channels; and looking after alarms where no console does."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smsgw.cli.desk import Visit, WhoOption, WhyOption
from smsgw.cli.options import JsonOption, SiteOption
from smsgw.cli.output import console, print_json, table, wrong_usage
from smsgw.cli.registers.documents import LimitOption, OffsetOption, instant
from smsgw.cli.site_store import open_store
from smsgw.config.load import load_site
from smsgw.telemetry.logs import configure

if TYPE_CHECKING:
    from smsgw.services.alarms import AlarmShown, Board

app = typer.Typer(invoke_without_command=True, help="Alarms: what rings, who is told, what is silenced (告警).")
OnlyOption = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="LABEL=PATTERN", help="Only these, such as carrier=alpha; may be repeated."),
]


@app.callback()
def list_(context: typer.Context, site: SiteOption = Path(), who: WhoOption = "", as_json: JsonOption = False) -> None:
    """Show what rings, what is about to, what is silenced, and how channels fare."""
    if context.invoked_subcommand is not None:
        return
    from smsgw.services import alarms

    visit = Visit(site, who)
    found = visit.ask(lambda desk: alarms.board(desk, desk.site.alarms))
    if as_json:
        print_json(asdict(found))
        return
    if found.late:
        looked = instant(found.looked_ms, visit.zone) or "never"
        typer.echo(
            f"nobody looks after alarms just now; last look: {looked}. Start `smsgw console` or `smsgw alarms run`"
        )
    _print_alarms(found, visit)
    if found.channels:
        rows = [
            (each.name, each.severity, instant(each.arrived_ms, visit.zone) or "-", each.why or "-")
            for each in found.channels
        ]
        console().print(table(("channel", "from", "last arrived", "fails because"), rows))
    elif not visit.site.alarms.channels:
        typer.echo("no channel is set, so nobody is told: alarms.toml, [[channel]]")
    for address, why in found.why_not.items():
        typer.echo(f"not known: {address}: {why}")


@app.command()
def history(
    offset: OffsetOption = 0,
    limit: LimitOption = 50,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show what rang, ended, was done and said, newest first."""
    from smsgw.services import alarms

    visit = Visit(site, who)
    found = visit.ask(lambda desk: alarms.history(desk, offset=offset, limit=limit))
    if as_json:
        print_json({"total": found.total, "offset": found.offset, "items": found.items})
    elif found.items:
        rows = [_event(each, visit) for each in found.items]
        console().print(table(("at", "what", "of", "more"), rows))
    else:
        typer.echo("nothing rang so far")


@app.command()
def silence(
    kind: Annotated[str, typer.Argument(help="A kind such as delivery_low, or all.", show_default=False)],
    *,
    until: Annotated[str, typer.Option("--until", "--for", help="2h, 1d, or a time; at most 31 days.")],
    why: WhyOption,
    only: OnlyOption = None,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Tell nobody of such alarms for a while (静默), and do nothing of itself about them."""
    from smsgw.services import alarms

    labels = dict(_pair(each) for each in only or ())
    visit = Visit(site, who)
    chosen = "" if kind == "all" else kind
    done = visit.ask(lambda desk: alarms.silence(desk, kind=chosen, only=labels, until=until, why=why))
    if as_json:
        print_json(asdict(done))
        return
    typer.echo(f"{done.id}: silent until {instant(done.until_ms, visit.zone)}")


@app.command()
def unsilence(
    silence_id: Annotated[str, typer.Argument(metavar="ID", help="As `smsgw alarms --json` shows it.")],
    *,
    why: WhyOption,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """End a silence before its time (解除静默)."""
    from smsgw.services import alarms

    done = Visit(site, who).ask(lambda desk: alarms.end_silence(desk, silence_id, why=why))
    if as_json:
        print_json(asdict(done))
        return
    typer.echo(f"{done.id}: ended")


@app.command()
def acknowledge(
    alarm_id: Annotated[str, typer.Argument(metavar="ALARM", help="As `smsgw alarms` shows it, in quotes.")],
    *,
    why: WhyOption,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Say that you take care of an alarm (认领): it is not told again and again."""
    from smsgw.services import alarms

    done = Visit(site, who).ask(lambda desk: alarms.acknowledge(desk, desk.site.alarms, alarm_id, why=why))
    if as_json:
        print_json(asdict(done))
        return
    typer.echo(f"{done.id}: {done.acknowledged_by} takes care of it")


@app.command("test")
def try_channel(
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="A channel of alarms.toml.", show_default=False)],
    *,
    why: WhyOption = "a test by hand",
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Send a message that says it is a test (测试). Exit code 1: it did not arrive."""
    from smsgw.alarms.sending import Sender
    from smsgw.services import alarms

    visit = Visit(site, who)
    done = visit.ask(lambda desk: alarms.try_channel(desk, desk.site.alarms, channel, Sender(), why=why))
    if as_json:
        print_json(asdict(done))
    else:
        typer.echo(f"{channel}: arrived" if done.arrived else f"{channel}: did not arrive: {done.why}")
    if not done.arrived:
        raise typer.Exit(1)


@app.command()
def run(site: SiteOption = Path()) -> None:
    """Look after alarms in the foreground until SIGTERM; a console does so by itself. Of several one is at work."""
    loaded = load_site(site)
    configure(loaded.log.level, loaded.log.format)
    asyncio.run(_run(loaded))


async def _run(site: Any) -> None:
    from smsgw.alarms.running import engine_of, watching
    from smsgw.cli.console import _Clock
    from smsgw.console.watching import addresses, fetch_status
    from smsgw.services.asking import worker_of

    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    clock = _Clock(site)
    async with open_store(site) as store:
        records = worker_of(site)
        try:
            engine = engine_of(site, store, clock.now_ms, addresses(site), fetch_status, records)
            async with watching(engine, clock.refresh):
                await stopped.wait()
        finally:
            await records.close()


def _pair(text: str) -> tuple[str, str]:
    label, separator, pattern = text.partition("=")
    if not (label and separator and pattern):
        wrong_usage(f"--only {text!r}: expected LABEL=PATTERN, such as carrier=alpha")
    return label, pattern


def _print_alarms(found: Board, visit: Visit) -> None:
    rows = [
        *((each.severity, "firing", each) for each in found.firing),
        *((each.severity, _quiet_because(each, visit), each) for each in found.silenced),
        *((each.severity, "pending", each) for each in found.pending),
    ]
    if not rows:
        typer.echo("nothing rings")
        return
    cells = [
        (severity, state, instant(each.since_ms, visit.zone), each.id, each.text, each.acted or each.advice)
        for severity, state, each in rows
    ]
    console().print(table(("severity", "state", "since", "alarm", "what", "done / to do"), cells))


def _quiet_because(each: AlarmShown, visit: Visit) -> str:
    if each.silenced_until_ms:
        return f"silent until {instant(each.silenced_until_ms, visit.zone)}: {each.silenced_why}"
    return "covered by a wider one"


def _event(each: dict[str, Any], visit: Visit) -> tuple[str, ...]:
    of = each.get("id") or each.get("channel") or each.get("scope") or ""
    more = [str(each[name]) for name in ("who", "why", "outcome") if each.get(name)]
    return instant(int(each["at_ms"]), visit.zone), str(each["what"]), str(of), ": ".join(more)
