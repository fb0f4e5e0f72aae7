"""From a file to a ``Scenario``: names are checked, and everything wrong is said at once."""

from __future__ import annotations

from pathlib import Path

from simulators.esme.scenario.model import Scenario, ScenarioFile
from simulators.expect.evaluate import misfits
from smsgw.documents.document import Document
from smsgw.documents.names import with_hint
from smsgw.documents.problems import Problems


def load_scenario(path: Path | str) -> Scenario:
    """Raises ConfigErrors: a line for each place."""
    path = Path(path)
    problems = Problems()
    document = Document.read(path, problems)
    if document is not None and "carrier" in document.data and "application" not in document.data:
        document.error(problems, ("carrier",), "is of carriers' scenarios; carrier-sim run plays this one")
        document = None
    file = document.build(ScenarioFile, path.parent, problems) if document is not None else None
    if document is not None and file is not None:
        _check(file, document, problems)
    problems.raise_errors()
    assert file is not None, "a file without errors gives a scenario"
    return Scenario(
        file.name or path.stem,
        path,
        file.about,
        file.zone,
        file.clock,
        file.applications,
        file.steps,
        file.expectations,
    )


def _check(file: ScenarioFile, document: Document, problems: Problems) -> None:
    names: list[str] = []
    for index, application in enumerate(file.applications):
        if application.label in names:
            why = f"another application is named {application.label!r}, too; give it a name"
            document.error(problems, ("application", index, "name"), why)
        names.append(application.label)
        try:
            settings = application.settings()
            if settings.tls is not None:
                settings.tls.context()
        except ValueError as error:
            document.error(problems, ("application", index, "tls"), str(error))
    seen: list[str] = []
    for index, step in enumerate(file.steps):
        meant = [each for each in file.applications if not step.application or each.label in step.application]
        for application in meant:
            if step.bind > len(application.binds) and application.outbind_port is None:
                why = f"{application.label} has {len(application.binds)} binds; give it more, or take one of those"
                document.error(problems, ("step", index, "bind"), why)
        for name in step.application:
            if name not in names:
                why = with_hint(f"no application is named {name!r}", name, names)
                document.error(problems, ("step", index, "application"), why)
        if step.of and step.of not in seen:
            why = with_hint(f"no earlier step sends and is named {step.of!r}", step.of, seen)
            document.error(problems, ("step", index, "of"), why)
        if step.name and step.do == "send":
            seen.append(step.name)
        if step.do == "clock" and file.clock.mode == "real":
            document.error(problems, ("step", index), 'the clock is real; write mode = "manual" or "scaled" in [clock]')
    for number, key, why in misfits(file.expectations, [step.name for step in file.steps if step.name]):
        document.error(problems, ("expect", number, key), why)
