"""From a file to a ``Scenario``: profiles are read, names checked, defaults filled in, all errors told at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from simulators.carrier.settings import CarrierSettings
from simulators.scenario.model import Scenario, ScenarioFile
from simulators.scenario.profile import is_profile, read_profile
from simulators.scenario.tables import CarrierTable
from smsgw.documents.document import Document
from smsgw.documents.names import with_hint
from smsgw.documents.problems import Problems


def load_scenario(path: Path | str, *, seed: int | str | None = None) -> Scenario:
    """Read a scenario file, or a gateway's carrier file, which is one with a single carrier.

    ``seed`` goes before the file's. Raises ConfigErrors with everything that is wrong.
    """
    path = Path(path)
    problems = Problems()
    document = Document.read(path, problems)
    scenario = None
    if document is not None:
        make = _from_profile if is_profile(document.data) else _from_file
        scenario = make(document, seed, problems)
    problems.raise_errors()
    assert scenario is not None, "a file without errors gives a scenario"
    return scenario


def _from_profile(document: Document, seed: int | str | None, problems: Problems) -> Scenario | None:
    given = read_profile(document, problems)
    if given is None:
        return None
    carrier = CarrierSettings(**given, seed=seed)
    return Scenario(carrier.name, (carrier,), document.path, seed=seed, about="A gateway's carrier file.")


def _from_file(document: Document, seed: int | str | None, problems: Problems) -> Scenario | None:
    file = document.build(ScenarioFile, document.path.parent, problems)
    if file is None:
        return None
    chosen = seed if seed is not None else file.seed
    carriers = _carriers(file.carriers, chosen, document, problems)
    names = [carrier.name for carrier in carriers]
    for number, phase in enumerate(file.phases):
        for name in set(phase.carriers) - set(names):
            why = with_hint(f"no carrier is named {name!r}", name, names)
            document.error(problems, ("phase", number, "carriers"), why)
    for number, event in enumerate(file.events):
        if event.carrier and event.carrier not in names:
            why = with_hint(f"no carrier is named {event.carrier!r}", event.carrier, names)
            document.error(problems, ("event", number, "carrier"), why)
    return Scenario(
        name=file.name or document.path.stem,
        carriers=carriers,
        path=document.path,
        about=file.about,
        shows=file.shows,
        seed=chosen,
        clock=file.clock,
        end=file.end,
        phases=file.phases,
        events=file.events,
        expectations=file.expectations,
    )


def _carriers(
    tables: Sequence[CarrierTable], seed: int | str | None, document: Document, problems: Problems
) -> tuple[CarrierSettings, ...]:
    made: list[CarrierSettings] = []
    for number, table in enumerate(tables or (CarrierTable(),)):
        given: dict[str, Any] = {"name": "carrier" if len(tables) < 2 else f"carrier{number + 1}"}
        if table.profile is not None:
            profile = Document.read(table.profile, problems)
            given |= (read_profile(profile, problems) or {}) if profile is not None else {}
        made.append(
            replace(CarrierSettings(seed=seed), **given, **{})
            if not table.changes()
            else CarrierSettings(**{"seed": seed, **given, **table.changes()})
        )
        if made[-1].name in [carrier.name for carrier in made[:-1]]:
            document.error(problems, ("carrier", number, "name"), f"another carrier is named {made[-1].name!r}, too")
    return tuple(made)
