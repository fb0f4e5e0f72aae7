"""From a file to a ``Scenario``: profiles are read, names checked, defaults filled in, all errors told at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from simulators.carrier.behaviour import Behaviour
from simulators.carrier.checks import changed
from simulators.carrier.settings import CarrierSettings
from simulators.expect.evaluate import misfits
from simulators.scenario.mo_file import read_mo_file
from simulators.scenario.model import Event, Phase, Scenario, ScenarioFile
from simulators.scenario.profile import is_profile, read_profile
from simulators.scenario.tables import CarrierTable
from smsgw.documents.document import Document
from smsgw.documents.locate import KeyPath
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


def scenario_of(data: Mapping[str, Any], path: Path, *, seed: int | str | None = None) -> Scenario:
    """A scenario from the tables of a file, given as values; ``path`` stands for the file in errors.

    Paths in it are relative to the directory of ``path``. Raises ConfigErrors with everything that is wrong.
    """
    problems = Problems()
    scenario = _from_file(Document(path, "", dict(data)), seed, problems)
    problems.raise_errors()
    assert scenario is not None, "tables without errors give a scenario"
    return scenario


def _from_profile(document: Document, seed: int | str | None, problems: Problems) -> Scenario | None:
    given = read_profile(document, problems)
    if given is None:
        return None
    carrier = CarrierSettings(**given, seed=seed)
    return Scenario(carrier.name, (carrier,), document.path, seed=seed, about="A gateway's carrier file.")


def _from_file(document: Document, seed: int | str | None, problems: Problems) -> Scenario | None:
    if "application" in document.data and "carrier" not in document.data:
        document.error(problems, ("application",), "is of applications' scenarios; esme-sim run plays this one")
        return None
    file = document.build(ScenarioFile, document.path.parent, problems)
    if file is None:
        return None
    chosen = seed if seed is not None else file.seed
    carriers = _carriers(file.carriers, chosen, document, problems)
    phases = tuple(
        phase.model_copy(update={"name": phase.name or f"phase {number}"})
        for number, phase in enumerate(file.phases, 1)
    )
    events = tuple(event.model_copy(update={"name": event.name or event.do}) for event in file.events)
    _check_names(file, [carrier.name for carrier in carriers], document, problems)
    _check_behaviour(carriers, phases, events, document, problems)
    for number, key, why in misfits(file.expectations, [phase.name for phase in phases]):
        document.error(problems, ("expect", number, key), why)
    if file.end.decided and not file.expectations:
        document.error(problems, ("end", "decided"), "nothing is expected that could be decided; add [[expect]]")
    files = {event.file: read_mo_file(event.file, problems) for event in events if event.file is not None}
    return Scenario(
        name=file.name or document.path.stem,
        carriers=carriers,
        path=document.path,
        about=file.about,
        shows=file.shows,
        seed=chosen,
        clock=file.clock,
        end=file.end,
        phases=phases,
        events=events,
        expectations=file.expectations,
        mo_files=files,
    )


def _carriers(
    tables: Sequence[CarrierTable], seed: int | str | None, document: Document, problems: Problems
) -> tuple[CarrierSettings, ...]:
    made: list[CarrierSettings] = []
    for number, table in enumerate(tables or (CarrierTable(),)):
        given: dict[str, Any] = {"seed": seed, "name": "carrier" if len(tables) < 2 else f"carrier{number + 1}"}
        if table.profile is not None:
            profile = Document.read(table.profile, problems)
            given |= (read_profile(profile, problems) or {}) if profile is not None else {}
        carrier = CarrierSettings(**(given | table.changes()))
        if carrier.name in [each.name for each in made]:
            document.error(problems, ("carrier", number, "name"), f"another carrier is named {carrier.name!r}, too")
        made.append(carrier)
    return tuple(made)


def _check_names(file: ScenarioFile, names: list[str], document: Document, problems: Problems) -> None:
    told = [("phase", number, phase.carriers) for number, phase in enumerate(file.phases)]
    told += [("event", number, event.carrier) for number, event in enumerate(file.events)]
    for table, number, chosen in told:
        for name in chosen:
            if name not in names:
                why = with_hint(f"no carrier is named {name!r}", name, names)
                document.error(problems, (table, number, "carrier"), why)


def _check_behaviour(
    carriers: Sequence[CarrierSettings],
    phases: Sequence[Phase],
    events: Sequence[Event],
    document: Document,
    problems: Problems,
) -> None:
    """Whether carriers can be made of it: shares that add up to more than all, provinces, patterns."""
    for number, carrier in enumerate(carriers):
        key: KeyPath = ("carrier", number)
        if not carrier.rules or _check(carrier, {"rules": ()}, key, document, problems):
            _check_rules(carrier, key, document, problems)
    for table, overlays in (("phase", phases), ("event", events)):
        for number, overlay in enumerate(overlays):
            if overlay.changes():
                _check(carriers[0], overlay.changes(), (table, number), document, problems)


def _check_rules(carrier: CarrierSettings, key: KeyPath, document: Document, problems: Problems) -> None:
    """Each rule by itself, so that what is wrong has its place; then all of it."""
    before = problems.count
    for number, rule in enumerate(carrier.rules):
        _check(carrier, {"rules": (rule,)}, (*key, "rule", number), document, problems)
    if problems.count == before:
        _check(carrier, {}, key, document, problems)


def _check(
    settings: CarrierSettings, changes: Mapping[str, object], key: KeyPath, document: Document, problems: Problems
) -> bool:
    try:
        Behaviour(changed(settings, changes))
    except ValueError as error:
        document.error(problems, key, str(error))
        return False
    return True
