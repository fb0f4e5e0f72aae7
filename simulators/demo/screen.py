"""The demonstration for people: a live screen, or plain lines, and the table at the end. English, with the
Chinese of classes and rules beside it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from rich import box
from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from simulators.demo.acts import ACCOUNTS
from simulators.demo.console import PEOPLE
from simulators.demo.facts import DemoError, Row
from simulators.demo.report import counts
from simulators.demo.stage import Stage
from simulators.demo.texts import CLASSES_ZH, RULES_ZH

_SHOWN_ROWS = 16
_SVG_COLUMNS = 170
#: Below this many columns the table goes without classes, ways and Chinese.
_WIDE_COLUMNS = 120
_COLOURS = {"otp": "cyan", "notice": "blue", "marketing": "magenta", "": "white"}


class LiveScreen:
    """Redrawn a few times a second while the acts go on."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._stage: Stage | None = None
        self._rows: list[Row] = []
        self._title = "starting: embedded Redis, two carriers, the gateway, the applications"
        self._at = ""
        # Asks for its content at once, so the rest comes first.
        self._live = Live(console=console, refresh_per_second=8, transient=True, get_renderable=self._render)

    def __enter__(self) -> LiveScreen:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def started(self, stage: Stage) -> None:
        """Everything runs."""
        self._stage = stage

    def heading(self, title: str, at: str | None) -> None:
        self._title = title
        self._at = at or self._at

    def began(self, row: Row) -> None:
        self._rows.append(row)

    def ended(self, row: Row) -> None:
        """Nothing to do: the row is shown as it is."""

    def _render(self) -> RenderableType:
        clock = f"   business time {self._at[:16].replace('T', ' ')}" if self._at else ""
        title = Text(f" {self._title}{clock}", style="bold")
        console = Text(f" {console_line(self._stage)}", style="cyan") if self._stage is not None else Text("")
        return Group(title, console, self._parties(), table(self._rows[-_SHOWN_ROWS:], "", is_wide(self._console)))

    def _parties(self) -> RenderableType:
        if self._stage is None:
            return Text("")
        panels = []
        for name, carrier in self._stage.carriers.items():
            stats = carrier.stats
            state = Text(f"{carrier.bound} binds", style="green" if carrier.bound else "bold red")
            panels.append(
                Panel(
                    Group(state, f"messages {stats.ok}", f"receipts {stats.receipts_acked}"),
                    title=f"carrier {name}",
                    width=24,
                )
            )
        for name, application in self._stage.applications.items():
            lines = Group(
                Text(f"{application.bound} bind", style="green" if application.bound else "bold red"),
                f"receipts {len(application.receipts)}",
                f"MO {len(application.mo)}",
            )
            panels.append(Panel(lines, title=name, width=18))
        return Columns(panels)


class Lines:
    """One line for each act, for pipes and logs."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is held open."""

    def started(self, stage: Stage) -> None:
        """Everything runs."""
        self._say(f"gateway on port {stage.smpp_port}, carriers alpha and beta, embedded Redis")
        self._say(console_line(stage))

    def heading(self, title: str, at: str | None) -> None:
        when = f" — business time {at[:16].replace('T', ' ')}" if at else ""
        self._say(f"\n{title}{when}")

    def began(self, row: Row) -> None:
        """The line comes when it ended."""

    def ended(self, row: Row) -> None:
        self._say(f"  {'ok    ' if row.held else 'WRONG '} {row.name}: {outcome(row)}")

    def _say(self, line: str) -> None:
        self._console.print(line, soft_wrap=True, markup=False, highlight=False)


class Silent:
    """Nothing until the JSON at the end."""

    def __enter__(self) -> Silent:
        return self

    def __exit__(self, *_: object) -> None: ...

    def started(self, stage: Stage) -> None: ...

    def heading(self, title: str, at: str | None) -> None: ...

    def began(self, row: Row) -> None: ...

    def ended(self, row: Row) -> None: ...


def console_line(stage: Stage) -> str:
    """Where the console is, and who may sign in."""
    names = list(PEOPLE)
    people = f"{', '.join(names[:-1])} or {names[-1]}"
    return f"console {stage.console.address} — sign in as {people} with the password {stage.console.password}"


def staying(stage: Stage) -> RenderableType:
    """What is said while it stays up."""
    password, _, source = ACCOUNTS["orders"]
    return Text(
        f"{console_line(stage)}\n"
        f"gateway 127.0.0.1:{stage.smpp_port} — bind as orders with the password {password}, and send from {source}: "
        "【示例物流】您的包裹已到达\n"
        "It stays up, with a message now and then. Ctrl-C ends it.",
        "bold cyan",
    )


def is_wide(console: Console) -> bool:
    """Whether the whole table fits."""
    return console.width >= _WIDE_COLUMNS


def outcome(row: Row) -> str:
    """What came of a row, in a few words."""
    parts = []
    if row.accepted:
        parts.append(f"{row.accepted} accepted, {row.delivered} delivered, {row.receipts} receipts, by {row.way}")
    if row.status:
        many = f"{row.refused} refused " if row.refused else "refused "
        parts.append(f"{many}0x{row.status:02X} {row.rule} {RULES_ZH.get(row.rule, '')}".rstrip())
    if not parts and row.way:
        parts.append(row.way)
    if row.note:
        parts.append(row.note)
    return "; ".join(parts) or ("as expected" if row.held else "")


def table(rows: list[Row], title: str, is_wide: bool) -> Table:
    """The table of rows so far."""
    shown = Table(title=title or None, box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    shown.title_style, shown.title_justify = "bold", "left"
    shown.add_column("")
    shown.add_column("message")
    if is_wide:
        shown.add_column("class", no_wrap=True)
    for name in ("sent", "accepted", "refused"):
        shown.add_column(name, justify="right", no_wrap=True)
    shown.add_column("by rule, with status")
    for name in ("delivered", "receipts"):
        shown.add_column(name, justify="right", no_wrap=True)
    if is_wide:
        shown.add_column("way, or why not")
    for row in rows:
        shown.add_row(*_cells(row, is_wide))
    return shown


def _cells(row: Row, is_wide: bool) -> list[RenderableType]:
    mark = Text("…") if not row.done else Text("✓", "green") if row.held else Text("✗", "bold red")
    cells: list[RenderableType] = [mark, row.name]
    if is_wide:
        words = f"{row.message_class} {CLASSES_ZH.get(row.message_class, '')}"
        cells.append(Text(words, _COLOURS[row.message_class]))
    cells += [_number(value) for value in (row.sent, row.accepted, row.refused)]
    cells.append(Text(f"0x{row.status:02X} {row.rule}" if row.status else "", "yellow"))
    cells += [_number(row.delivered), _number(row.receipts)]
    if is_wide:
        way = (row.way, RULES_ZH.get(row.rule, ""), row.note)
        cells.append(Text("; ".join(filter(None, way)), "dim"))
    return cells


def final(rows: list[Row], result: dict[str, Any], is_wide: bool) -> RenderableType:
    """The last screen: the table with its sums, what did not hold, and the verdict."""
    sums = counts(rows)
    whole = table(rows, "What was sent, and what came of it", is_wide)
    whole.add_section()
    together = [str(sums[key]) for key in ("sent", "accepted", "refused")]
    after = [f"{len(sums['refused_by_rule'])} rules", str(sums["delivered"]), str(sums["receipts"])]
    whole.add_row("", "together", *([""] if is_wide else []), *together, *after)
    lines: list[RenderableType] = [whole]
    lines += [
        Text(f"✗ {each['name']}: expected {each['expected']}, got {each['got']}", "red")
        for each in result["expectations"]
        if not each["held"]
    ]
    held = len(result["expectations"]) - result["failed"]
    told = ", ".join(f"{name} {version}" for name, version in list(result["versions"].items())[:3])
    verdict = f"{held} of {len(result['expectations'])} expectations held, in {result['took_s']} s ({told})"
    lines.append(Text(verdict, "bold green" if result["ok"] else "bold red"))
    return Group(*lines)


def failed(error: DemoError) -> RenderableType:
    """Why it could not go on."""
    lines = [Text(f"demo: {error.why}", "bold red")]
    if error.log:
        lines.append(Text("the last lines of its log:"))
        lines += [Text(f"  {line}") for line in error.log]
    return Group(*lines)


def write_svg(path: Path, screen: RenderableType) -> None:
    """The last screen as a picture, without fonts from elsewhere. Raises OSError."""
    with Path("/dev/null").open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=_SVG_COLUMNS, file=nowhere, force_terminal=True)
        console.print(screen)
    picture = console.export_svg(title="bin/demo", unique_id="demo")
    path.write_text(re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL), encoding="utf-8")


def _number(value: int) -> str:
    return str(value) if value else ""
