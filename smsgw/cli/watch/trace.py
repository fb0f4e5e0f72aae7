"""``smsgw trace``: live PDUs of an account, of a carrier or for a recipient, as the gateway of this site sees them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from smsgw.cli.desk import Visit, WhoOption
from smsgw.cli.ops_port import watch
from smsgw.cli.options import SiteOption
from smsgw.cli.output import clean, counted, wrong_usage
from smsgw.services import acts

_APART = frozenset(("at_s", "account", "carrier", "to", "pdu", "sequence", "status", "raw", "text", "malformed"))
#: Told only where it says something.
_DULL = frozenset(
    ("service_type", "source_addr_ton", "source_addr_npi", "dest_addr_ton", "dest_addr_npi", "protocol_id", "sm_length")
)


def trace(
    account: Annotated[str, typer.Option("--account", help="Only links of this account.", show_default=False)] = "",
    carrier: Annotated[str, typer.Option("--carrier", help="Only binds to this carrier.", show_default=False)] = "",
    recipient: Annotated[
        str, typer.Option("--recipient", "--to", help="Only PDUs about this number.", show_default=False)
    ] = "",
    raw: Annotated[bool, typer.Option("--raw", help="Also the octets; needs --reveal.")] = False,
    reveal: Annotated[bool, typer.Option("--reveal", help="Numbers and texts in full; needs --reason.")] = False,
    reason: Annotated[str, typer.Option("--reason", "--why", help="Why they must be seen.", show_default=False)] = "",
    enquire: Annotated[bool, typer.Option("--enquire", help="Also enquire_link.")] = False,
    count: Annotated[int, typer.Option("--count", "-n", min=0, help="End after so many.", show_default="never")] = 0,
    seconds: Annotated[
        float, typer.Option("--for", min=0, help="End after so many seconds.", show_default="never")
    ] = 0,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")] = False,
) -> None:
    """Show PDUs as they pass, decoded, until Ctrl-C; numbers are masked and texts left out."""
    if raw and not reveal:
        wrong_usage("--raw shows numbers and texts, so it needs --reveal and --reason")
    if account and carrier:
        wrong_usage("--account and --carrier exclude each other; --recipient shows both legs")
    visit = Visit(site, who)
    asked = visit.ask(
        lambda desk: acts.trace(desk, account=account, carrier=carrier, recipient=recipient, reveal=reveal, why=reason)
    )
    shown = 0
    for seen in watch(visit.site, "trace", **asdict(asked), raw=raw, enquire=enquire, seconds=seconds):
        typer.echo(json.dumps(seen, ensure_ascii=False) if as_json else _line(visit, seen))
        shown += "pdu" in seen
        if count and shown >= count:
            return


def _line(visit: Visit, seen: Mapping[str, Any]) -> str:
    if "missed" in seen:
        return f"({counted(seen['missed'], 'PDU')} more than could be shown)"
    at = datetime.fromtimestamp(seen["at_s"], UTC).astimezone(visit.zone)
    link = seen.get("account") or seen.get("carrier", "")
    arrow = "→ us" if seen["to"] == "us" else "← us"
    parts = [f"{at:%H:%M:%S}.{at.microsecond // 1000:03}", f"{link:<12}", arrow, f"{seen['pdu']} #{seen['sequence']}"]
    if "status" in seen:
        parts.append(seen["status"])
    parts += [f"{name}={value}" for name, value in seen.items() if name not in _APART and name not in _DULL]
    for name in ("text", "malformed", "raw"):
        if name in seen:
            parts.append(f"{name}={seen[name]!r}" if name == "text" else f"{name}={seen[name]}")
    return clean(" ".join(map(str, parts)))
