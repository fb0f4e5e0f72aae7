"""``smsgw records``: every step of a message, or the last steps of all, from the files of the site's nodes.

Reads files only: the gateway need not run, and is not asked. Numbers are masked in the files already.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from smsgw.cli.options import SiteOption, account_named, known, recipient, zone_of
from smsgw.cli.output import clean, console, table, wrong_usage
from smsgw.cli.versions.recovered import usable_site
from smsgw.config.site import Site
from smsgw.records.history import ARCHIVE, Embedded
from smsgw.records.query import Follower
from smsgw.records.record import DETAIL, Record, Step, as_dict, to_json
from smsgw.services.archive import history_of
from smsgw.services.recipients import scope_words
from smsgw.smpp.constants import status_name
from smsgw.store.secrets import load

_STEPS: Final = {step.name.lower(): int(step) for step in Step}
# Steps that know a number or an id and not what kind of message it was.
_CLASSLESS: Final = frozenset(
    (Step.RECEIPT, Step.RECEIPT_RETURNED, Step.MO, Step.OPTOUT, Step.RESUBSCRIBED, Step.COMPLAINED, Step.BLACKLISTED,
     Step.DEAD)
)  # fmt: skip
_POLL_S: Final = 0.2
_COLUMNS: Final = (
    "time", "step", "message id", "account", "class", "carrier", "recipient", "status", "ms", "details",
)  # fmt: skip

Filter = Callable[[Record], bool]


def records(
    message_id: Annotated[
        str, typer.Argument(metavar="MESSAGE_ID", help="All steps of this message; else the last steps of any.")
    ] = "",
    site: SiteOption = Path(),
    last: Annotated[int, typer.Option("--last", "-n", min=1, help="How many steps, without a message id.")] = 20,
    account: Annotated[str, typer.Option(help="Only of this account.", show_default=False)] = "",
    carrier: Annotated[str, typer.Option(help="Only of this carrier.", show_default=False)] = "",
    step: Annotated[str, typer.Option(help=f"Only these: {', '.join(_STEPS)}.", show_default=False)] = "",
    to: Annotated[str, typer.Option("--to", help="Only of this recipient.", show_default=False)] = "",
    since: Annotated[str, typer.Option(help="Not before, ISO 8601: 2026-11-18T10:30.", show_default=False)] = "",
    until: Annotated[str, typer.Option(help="Before, ISO 8601.", show_default=False)] = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is written from now on.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line, for programs.")] = False,
) -> None:
    """Show the steps of a message, or the last steps of all. Exit code 1 when a message id is unknown."""
    loaded = usable_site(site)
    look = _Look(
        loaded,
        message_id or None,
        account_named(loaded, account).system_id if account else None,
        known(carrier, loaded.carriers, "carrier") if carrier else None,
        _STEPS[known(step, _STEPS, "step")] if step else None,
        _hash(loaded, to) if to else None,
        _moment(loaded, "--since", since),
        _moment(loaded, "--until", until),
    )
    if follow and until:
        wrong_usage("--follow has no end, so there is no --until")
    # Made before the first look, so that nothing falls between the two.
    follower = _follower(loaded) if follow else None
    found = look.whole() if message_id else look.last(last)
    _print(loaded, found, as_json)
    if follower is not None:
        _follow(loaded, follower, look, frozenset(found), as_json)
    elif message_id and not found:
        typer.echo(f"smsgw: no step of message {clean(message_id)!r} is recorded in {loaded.records_dir}", err=True)
        raise typer.Exit(1)


class _Look:
    """What was asked for."""

    def __init__(
        self,
        site: Site,
        message_id: str | None,
        account: str | None,
        carrier: str | None,
        step: int | None,
        recipient_hash: str | None,
        since: datetime | None,
        until: datetime | None,
    ) -> None:
        self._directory = site.records_dir
        self._history = history_of(site)
        self._since = since
        self._until = until
        self._wanted = (step, message_id, account, carrier, recipient_hash)

    def whole(self) -> list[Record]:
        """Everything that fits."""
        return self._query(self._since, None)

    def last(self, count: int) -> list[Record]:
        """The newest that fit, looking back no further than it takes; a server sees to that itself."""
        if not isinstance(self._history, Embedded):
            return self._query(self._since, count)
        hours = _hours(self._directory)
        back = 1
        while back < len(hours) and (self._since is None or hours[-back] > self._since):
            found = self._query(max(hours[-back], self._since) if self._since else hours[-back], count)
            if len(found) == count:
                return found
            back *= 2
        return self._query(self._since, count)

    def fits(self, record: Record) -> bool:
        """Whether a step that was just written fits."""
        found = (record.step, record.message_id, record.account, record.carrier, record.recipient_hash)
        is_wanted = all(value is None or value == found[index] for index, value in enumerate(self._wanted))
        return is_wanted and (self._since is None or record.at >= self._since)

    def _query(self, since: datetime | None, last: int | None) -> list[Record]:
        step, message_id, account, carrier, recipient_hash = self._wanted
        return self._history.find(
            message_id, since, account, step,
            until=self._until, carrier=carrier, recipient_hash=recipient_hash, last=last,
        )  # fmt: skip


def _hours(directory: Path) -> list[datetime]:
    """The hours that there are files of, oldest first."""
    found = set()
    for path in (*directory.glob("*.rec"), *directory.glob(f"{ARCHIVE}/[0-9]*/*.parquet")):
        try:
            found.add(datetime.strptime(path.name[:13], "%Y-%m-%dT%H").replace(tzinfo=UTC))
        except ValueError:
            continue
    return sorted(found)


def _follower(site: Site) -> Follower:
    """One that has passed what is there by now."""
    hours = _hours(site.records_dir)
    follower = Follower(site.records_dir, hours[-1] if hours else datetime.fromtimestamp(0, UTC))
    follower.poll()
    return follower


def _follow(site: Site, follower: Follower, look: _Look, shown: frozenset[Record], as_json: bool) -> None:
    while True:
        time.sleep(_POLL_S)
        fresh = [record for record in follower.poll() if look.fits(record) and record not in shown]
        if fresh:
            _print(site, fresh, as_json, with_header=False)


def _print(site: Site, found: Iterable[Record], as_json: bool, with_header: bool = True) -> None:
    if as_json:
        for record in found:
            typer.echo(to_json(record))
        return
    zone = zone_of(site)
    rows = []
    for record in found:
        at = record.at.astimezone(zone).isoformat(" ", "milliseconds")
        shown = as_dict(record)
        rows.append(
            (
                at,
                record.step_name,
                record.message_id,
                record.account,
                "" if record.step in _CLASSLESS else str(shown.get("class", "")),
                record.carrier,
                record.recipient_masked,
                Text(status_name(record.status), style="red") if record.status else "",
                f"{record.latency_ms:.0f}" if record.latency_ms else "",
                _details(record, shown),
            )
        )
    if rows:
        built = table(_COLUMNS, rows, right=("ms",))
        built.show_header = with_header
        console().print(built)


def _details(record: Record, shown: dict[str, object]) -> str:
    if record.step in (Step.OPTOUT, Step.RESUBSCRIBED):
        shown.setdefault("scope", "")
    names = [name for name in ("rule", "signature", *DETAIL.get(record.step, ()), "detail") if name in shown]
    if "scope" in shown:
        shown["scope"] = scope_words(str(shown["scope"]))
    return ", ".join(f"{name} {shown[name]}" for name in names)


def _hash(site: Site, number: str) -> str:
    return load(site.secrets_file).hasher().hash(recipient(site, number))


def _moment(site: Site, option: str, text: str) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        wrong_usage(f"{option} {text!r} is no time of ISO 8601, such as 2026-11-18T10:30 or 2026-11-18T10:30:00+08:00")
    return found if found.tzinfo is not None else found.replace(tzinfo=zone_of(site))
