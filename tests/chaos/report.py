"""What ``bin/chaos`` says of its runs: a line for each, what was done to them, totals; the same as one page of HTML."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Sequence

from tests.chaos.judge import Outcome

COLUMNS = (
    ("scenario", "what was done; see docs/chaos.md"),
    ("seed", "chance of the load, the carriers and the moments"),
    ("sent", "segments sent to the gateways"),
    ("ROK", "answered ESME_ROK: promised"),
    ("refused", "answered with another status"),
    ("cut", "never answered, since the connection went"),
    ("carrier", "promised, and at a carrier"),
    ("receipts", "receipts that came back"),
    ("reported", "promised, not at a carrier, and a receipt says that it failed or is not known"),
    ("unknown", "at a carrier, and reported as UNKNOWN"),
    ("doubles", "copies at carriers beyond the first / how many are allowed"),
    ("lost", "promised, not at a carrier, and nobody was told"),
    ("cap", "messages over a recipient's cap"),
    ("optout", "messages that reached one who had opted out"),
    ("away", "longest time in which no verification code was accepted, in seconds"),
    ("verdict", "good, or which promise was broken"),
)
_WIDTHS = (26, 5, 7, 7, 8, 5, 8, 9, 9, 8, 11, 5, 4, 7, 6)
_STYLE = """
body { font: 15px/1.4 system-ui, sans-serif; margin: 2em auto; max-width: 90em; padding: 0 1em; color: #1c2430 }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { padding: .3em .6em; text-align: right; border-bottom: 1px solid #d8dde5; vertical-align: top }
th { background: #f3f5f8; position: sticky; top: 0; cursor: help } th:first-child, td:first-child { text-align: left }
td:last-child, th:last-child { text-align: left } .bad td { background: #fde8e6 } .skipped td { color: #778 }
details { text-align: left; color: #566 } .total td { font-weight: 600; border-top: 2px solid #889 }
"""


def heading() -> str:
    """The line above all."""
    names = [name for name, _ in COLUMNS]
    return _joined(names[:-1]) + "  " + names[-1]


def line(outcome: Outcome) -> str:
    """One run; further lines say what was broken."""
    *cells, verdict = cells_of(outcome)
    return _joined(cells) + "  " + verdict


def totals(outcomes: Sequence[Outcome]) -> str:
    """Over all runs, in words."""
    ran = [outcome for outcome in outcomes if outcome.counts is not None]
    counts = [outcome.counts for outcome in ran if outcome.counts is not None]
    refused: Counter[str] = Counter()
    for each in counts:
        refused.update(each.refused)
    bad = [outcome for outcome in outcomes if not outcome.is_good]
    skipped = [outcome for outcome in outcomes if outcome.skipped]
    parts = [
        f"{len(outcomes)} runs: {len(outcomes) - len(bad) - len(skipped)} good, {len(bad)} bad, {len(skipped)} skipped",
        f"{sum(each.sent for each in counts)} sent, {sum(each.accepted for each in counts)} promised, "
        f"{sum(len(each.lost) for each in counts)} lost, {sum(each.all_doubles for each in counts)} doubles, "
        f"{sum(each.unknown + each.reported for each in counts)} reported as failed or unknown, "
        f"{sum(each.over_cap for each in counts)} over a cap, "
        f"{sum(each.opted_out_reached for each in counts)} to opted-out recipients",
        "refusals: " + (", ".join(f"{status} {count}" for status, count in refused.most_common()) or "none"),
    ]
    return "\n".join(parts)


def cells_of(outcome: Outcome) -> list[str]:
    """One for each of ``COLUMNS``."""
    counts, name = outcome.counts, outcome.scenario.name
    if counts is None:
        verdict = f"skipped: {outcome.skipped}" if outcome.skipped else "BAD: " + "; ".join(outcome.broken)
        return [name, str(outcome.seed), *["-"] * (len(COLUMNS) - 3), verdict]
    numbers = (
        outcome.seed, counts.sent, counts.accepted, sum(counts.refused.values()), counts.unanswered, counts.at_carrier,
        counts.receipts, counts.reported, counts.unknown, f"{counts.all_doubles}/{outcome.most_doubles}",
        len(counts.lost), counts.over_cap, counts.opted_out_reached, f"{counts.away_s['otp']:.1f}",
    )  # fmt: skip
    return [name, *map(str, numbers), "good" if outcome.is_good else "BAD: " + "; ".join(outcome.broken)]


def page(outcomes: Sequence[Outcome], said: str) -> str:
    """All of it as HTML that needs nothing else; ``said`` is the command that repeats it."""
    head = "".join(f'<th title="{html.escape(what)}">{html.escape(name)}</th>' for name, what in COLUMNS)
    rows = "\n".join(_row(outcome) for outcome in outcomes)
    total = html.escape(totals(outcomes)).replace("\n", "<br>")
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>bin/chaos</title>'
        f"<style>{_STYLE}</style><h1>Nothing lost: what came of the faults</h1>"
        f"<p><code>{html.escape(said)}</code></p><p>{total}</p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></html>\n"
    )


def _row(outcome: Outcome) -> str:
    kind = "bad" if not outcome.is_good else "skipped" if outcome.skipped else ""
    *cells, verdict = (html.escape(cell) for cell in cells_of(outcome))
    notes = "".join(f"<li>{after_s:.1f} s: {html.escape(text)}</li>" for after_s, text in outcome.notes)
    refused = (
        ", ".join(f"{status} {count}" for status, count in outcome.counts.refused.items()) if outcome.counts else ""
    )
    what = html.escape(outcome.scenario.what)
    details = f"<details><summary>what was done</summary>{what}<ul>{notes}</ul>refused: {refused or 'none'}</details>"
    return f'<tr class="{kind}">' + "".join(f"<td>{cell}</td>" for cell in cells) + f"<td>{verdict}{details}</td></tr>"


def _joined(cells: Sequence[str]) -> str:
    first, *others = cells
    widths = _WIDTHS[1:]
    return f"{first:<{_WIDTHS[0]}}" + "".join(f"{cell:>{width}}" for cell, width in zip(others, widths, strict=True))
