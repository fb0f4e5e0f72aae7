"""Fixtures for tests of anything that speaks SMPP: ``carrier_sim`` and ``esme_sim``, and factories of both.

    @pytest.mark.carrier_sim(receipts={"delay": "2s"})
    def test_my_client(carrier_sim):
        my_client.send("127.0.0.1", carrier_sim.port, ...)
        carrier_sim.expect(destination="138*", count=1, deadline_s=5)

Simulators run in a thread with its own event loop; see ``simulators.testing``. Loaded by pytest wherever
smsgw is installed, so nothing of the simulators is imported before a fixture is used.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

import pytest

if TYPE_CHECKING:
    from simulators.testing.carrier import CarrierHandle
    from simulators.testing.esme import EsmeHandle
    from simulators.testing.stage import Stage

F = TypeVar("F", bound=Callable[..., Any])

_MARKER = (
    "carrier_sim(scenario=None, **settings): what the fixture carrier_sim is: a scenario file (beside the test), "
    "a shipped scenario by its name, or settings in the form of a [[carrier]] of scenario files."
)
#: By which names this module may be asked for: the entry point, and ``-p``. One of them is enough.
_NAMES = frozenset({"smsgw_simulators", "simulators.pytest_plugin"})
_STAGE: pytest.StashKey[Stage] = pytest.StashKey()


def _wrapping(hook: F) -> F:
    """A hook around others. Before pytest 8 there is no such hook: there the fixtures are all there is."""
    return pytest.hookimpl(wrapper=True)(hook) if pytest.version_tuple >= (8,) else cast(F, None)


class CarrierFactory(Protocol):
    """Starts a carrier as the marker says, on a free port; it ends with the test."""

    def __call__(self, scenario: str | Path | None = None, **settings: Any) -> CarrierHandle: ...


@pytest.fixture
def carrier_sim_factory(_simulators: Stage) -> CarrierFactory:
    """Starts carriers: ``carrier_sim_factory(answers={"delay": "20ms"})``."""

    def start(scenario: str | Path | None = None, **settings: Any) -> CarrierHandle:
        return _started(_simulators, scenario, settings)

    return start


@pytest.fixture
def carrier_sim(request: pytest.FixtureRequest, _simulators: Stage) -> CarrierHandle:
    """A running carrier; ``@pytest.mark.carrier_sim(...)`` says which."""
    marker = request.node.get_closest_marker("carrier_sim")
    settings: dict[str, Any] = dict(marker.kwargs) if marker is not None else {}
    if marker is not None and marker.args:
        pytest.fail('carrier_sim: write @pytest.mark.carrier_sim(scenario="file.toml")', pytrace=False)
    return _started(_simulators, settings.pop("scenario", None), settings)


@pytest.fixture
def esme_sim_factory(_simulators: Stage) -> Callable[[], EsmeHandle]:
    """Makes applications: ``esme_sim_factory().connect(port)``."""
    return _simulators.esme


@pytest.fixture
def esme_sim(_simulators: Stage) -> EsmeHandle:
    """An application, not connected yet: ``esme_sim.connect(port)``."""
    return _simulators.esme()


@pytest.fixture
def _simulators(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """What the other fixtures share in one test."""
    from simulators.testing.stage import Stage

    stage = Stage(request.path.parent, request.config.rootpath)
    request.node.stash[_STAGE] = stage
    yield stage
    stage.close()


def _started(stage: Stage, scenario: str | Path | None, settings: dict[str, Any]) -> CarrierHandle:
    try:
        return stage.carrier(scenario, **settings)
    except ValueError as error:
        problem = str(error)
    pytest.fail(f"carrier_sim can't be made:\n{problem}", pytrace=False)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", _MARKER)


def pytest_plugin_registered(plugin: object, manager: pytest.PytestPluginManager) -> None:
    """Once is enough: asked for as entry point and with -p, pytest would refuse the second."""
    if getattr(plugin, "__name__", "") == __name__:
        for name in _NAMES - {manager.get_name(plugin)}:
            manager.set_blocked(name)


@_wrapping
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """What the scenario expects belongs to the test."""
    yield
    stage = item.stash.get(_STAGE, None)
    missing = stage.verify() if stage is not None else ""
    if missing:
        pytest.fail(f"the scenario expects something else:\n{missing}", pytrace=False)


@_wrapping
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows what its simulators saw."""
    report = yield
    stage = item.stash.get(_STAGE, None)
    if stage is not None and report.when == "call" and report.failed:
        report.sections += stage.sections()
    return report
