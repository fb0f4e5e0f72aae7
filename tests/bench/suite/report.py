"""What was measured, for people and for programs."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from tests.bench.suite.figures import Run, Spread, ratio, spreads

#: Section → version → its runs.
Measured = Mapping[str, Mapping[str, Sequence[Run]]]


def table(facts: Mapping[str, str], meanings: Mapping[str, str], measured: Measured) -> str:
    """All sections, one below the other."""
    lines = [f"{name:<14}{value}" for name, value in facts.items()]
    for section, by_version in measured.items():
        lines += ["", f"{section}: {meanings[section]}"]
        lines += _section(by_version)
    return "\n".join(lines)


def as_json(facts: Mapping[str, str], measured: Measured) -> dict[str, Any]:
    """Everything, each run included."""
    return {
        "facts": dict(facts),
        "sections": {
            section: {
                version: {
                    "figures": {each.name: _told(each) for each in spreads(runs)},
                    "conditions": [[asdict(each) for each in run.conditions] for run in runs],
                    "notes": [note for run in runs for note in run.notes],
                }
                for version, runs in by_version.items()
            }
            for section, by_version in measured.items()
        },
    }


def shown(value: float) -> str:
    """Three digits and more where they mean something."""
    size = abs(value)
    return f"{value:,.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def _told(spread: Spread) -> dict[str, Any]:
    return {
        "unit": spread.unit,
        "median": spread.median,
        "low": spread.low,
        "high": spread.high,
        "values": list(spread.values),
        **({"target": spread.target, "met": spread.met} if spread.target else {}),
    }


def _section(by_version: Mapping[str, Sequence[Run]]) -> Iterator[str]:
    versions = list(by_version)
    found = {version: {each.name: each for each in spreads(by_version[version])} for version in versions}
    names = list(dict.fromkeys(name for each in found.values() for name in each))
    rows = [["", *versions, *(f"{versions[0]} ÷ {other}" for other in versions[1:]), "target"]]
    for name in names:
        ours = found[versions[0]].get(name)
        cells = [_cell(found[version].get(name)) for version in versions]
        ratios = [_ratio(ours, found[other].get(name)) for other in versions[1:]]
        rows.append([_label(name, found), *cells, *ratios, _target(ours)])
    if not any(row[-1] for row in rows[1:]):
        rows = [row[:-1] for row in rows]
    if names:
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        for row in rows:
            cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
            yield "  " + "   ".join([row[0].ljust(widths[0]), *cells]).rstrip()
    for version in versions:
        yield from (f"  {note}" for note in dict.fromkeys(note for run in by_version[version] for note in run.notes))
        told = _conditions(by_version[version])
        if told:
            yield f"  the machine, {version}: {told}" if len(versions) > 1 else f"  the machine: {told}"


def _label(name: str, found: Mapping[str, Mapping[str, Spread]]) -> str:
    unit = next(each[name].unit for each in found.values() if name in each)
    return f"{name}, {unit}"


def _cell(spread: Spread | None) -> str:
    if spread is None:
        return "–"
    if len(spread.values) == 1:
        return shown(spread.median)
    return f"{shown(spread.median)} ({shown(spread.low)}–{shown(spread.high)})"


def _ratio(ours: Spread | None, other: Spread | None) -> str:
    found = ratio(ours, other) if ours is not None and other is not None else None
    return "–" if found is None else f"{found[0]:.2f} ({found[1]:.2f}–{found[2]:.2f})"


def _target(spread: Spread | None) -> str:
    if spread is None or not spread.target:
        return ""
    return f"{spread.target}: {'met' if spread.met else 'missed'}"


def _conditions(runs: Sequence[Run]) -> str:
    """What it was like, over all loads of all runs: median and range."""
    all_of = [each for run in runs for each in run.conditions]
    if not all_of:
        return ""

    def over(values: list[float]) -> str:
        return f"{shown(statistics.median(values))} ({shown(min(values))}–{shown(max(values))})"

    return (
        f"load average {over([each.load_average for each in all_of])}"
        f", stolen {over([each.stolen * 100 for each in all_of])} %"
        f", idle {over([each.idle * 100 for each in all_of])} %"
        f", calibrated loop {over([each.loop_us for each in all_of])} µs"
    )
