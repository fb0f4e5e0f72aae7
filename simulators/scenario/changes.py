"""Settings of a running carrier in the form of scenario files: as changes to make, and as they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar, cast

from simulators.carrier.settings import CarrierSettings, Match, PlannedReceipt, Rule
from simulators.scenario.behaviour_tables import (
    REST_VALUES,
    RESTS,
    MatchTable,
    Planned,
    PlanTable,
    RuleTable,
    Table,
    tables_of,
)
from simulators.scenario.kinds import Weighted
from simulators.scenario.tables import ChangesTable, OutbindTable
from smsgw.documents.document import Document
from smsgw.documents.problems import Problems

T = TypeVar("T", bound=Table)

#: Stands where a file's name would in errors.
_HERE = Path("settings")


def parse_changes(data: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of ``CarrierSim.change`` from a part of a ``[[carrier]]`` table.

    ``{"answers": {"delay": "20ms"}}``. Raises ConfigErrors; its ``errors`` have the ``key`` and ``why``
    of everything that is wrong.
    """
    problems = Problems()
    table = Document(_HERE, "", dict(data)).build(ChangesTable, Path(), problems)
    problems.raise_errors()
    assert table is not None
    return table.changes()


def show_settings(settings: CarrierSettings) -> dict[str, Any]:
    """The settings as a ``[[carrier]]`` table that can change while it runs, ready for JSON.

    ``parse_changes`` of it gives the same settings again.
    """
    values = {each.name: getattr(settings, each.name) for each in fields(settings)}
    values["rule_tables"] = tuple(_rule(rule) for rule in settings.rules)
    values["outbind_tables"] = tuple(OutbindTable.model_construct(**asdict(each)) for each in settings.outbinds)
    return _filled(ChangesTable, values).model_dump(mode="json", by_alias=True, exclude_unset=True, warnings="error")


def _filled(model: type[T], values: Mapping[str, Any]) -> T:
    """A table with everything that ``values`` say of it."""
    given: dict[str, Any] = {}
    tables = dict(tables_of(model))
    for name in model.model_fields:
        if name in tables:
            table = _filled(tables[name], values)
            if table.model_fields_set:
                given[name] = table
        elif name in RESTS:
            if name in values or RESTS[name] in values:
                given[name] = Weighted(values.get(name, ()), values.get(RESTS[name], REST_VALUES[name]))
        elif name == "plans" and name in values:
            given[name] = tuple(_plan(share, receipts) for share, receipts in values[name])
        elif name in values:
            given[name] = values[name]
    return cast(T, model.model_construct(set(given), **given))


def _plan(share: float, receipts: tuple[PlannedReceipt, ...]) -> PlanTable:
    return PlanTable.model_construct(share=share, receipts=tuple(map(_planned, receipts)))


def _planned(receipt: PlannedReceipt) -> Planned:
    given = {name: getattr(receipt, name) for name in Planned.model_fields}
    if receipt.style is None:
        del given["style"]
    return Planned.model_construct(set(given), **given)


def _rule(rule: Rule) -> RuleTable:
    table = _filled(RuleTable, rule.changes)
    usual = Match()
    match = {name: getattr(rule.match, name) for name in MatchTable.model_fields}
    match = {
        name: tuple(sorted(value)) if isinstance(value, frozenset) else value
        for name, value in match.items()
        if value != getattr(usual, name)
    }
    given = {name: getattr(table, name) for name in table.model_fields_set}
    given["match"] = MatchTable.model_construct(set(match), **match)
    if rule.name:
        given["name"] = rule.name
    return RuleTable.model_construct(set(given), **given)
