"""What the control port steers: the group of carriers and whatever else runs beside it.

Owns the look-up of carriers, of entries and messages, and words for what was not given. Everything here
runs in the event loop of the simulation. What can't be done is raised as ``ControlError``, with the HTTP
status that says whose mistake it was.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fastapi import Request
from pydantic import ValidationError

from simulators.carrier.settings import CarrierSettings
from simulators.carrier.sim import CarrierSim
from simulators.control.models import ClockState
from simulators.control.traffic import TrafficHub
from simulators.expect.selection import Selection
from smsgw.documents.names import with_hint
from smsgw.errors import ConfigError, LocalError

if TYPE_CHECKING:
    from simulators.carrier.group import CarrierGroup
    from simulators.control.recording import Recordings
    from simulators.scenario.model import Scenario
    from simulators.scenario.play import Play


class ControlError(Exception):
    """A request that can't be done; ``where`` names the key or the thing it is about."""

    def __init__(self, status: int, error: str, where: str = "") -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.where = where


class Driver(Protocol):
    """Moves other clocks along (``simulators.clock_drive.ClockDriver``)."""

    async def push(self) -> Any:
        """Give every driven clock our time and rate; raises OSError or ValueError in words."""


class Control:
    """Everything one control port can reach; the app's state."""

    def __init__(
        self,
        group: CarrierGroup,
        recordings: Recordings,
        *,
        play: Play | None = None,
        scenario: Scenario | None = None,
        driver: Driver | None = None,
    ) -> None:
        self.group = group
        self.play = play
        self.scenario = scenario
        self.driver = driver
        self.traffic = TrafficHub(group)
        self.recordings = recordings
        self._made_s = time.monotonic()
        #: Set when the server ends: streams and waits end with it.
        self.closing = asyncio.Event()

    @property
    def began_s(self) -> float:
        """time.monotonic() when the run began, or was last reset."""
        return self._made_s if self.play is None else self.play.began_s

    def reset(self) -> None:
        """Forget what happened, and begin the time line anew."""
        if self.play is not None:
            self.play.stop()  # what its phases changed goes back first
        self.group.reset()
        if self.play is not None:
            self.play.reset()
        self._made_s = time.monotonic()

    def close(self) -> None:
        """End every stream, wait and recording."""
        self.closing.set()
        self.recordings.close()

    def carrier(self, name: str) -> CarrierSim:
        """Raises ControlError 404 with a hint for an unknown name."""
        carriers = self.group.carriers
        if name not in carriers:
            raise ControlError(404, with_hint(f"no carrier is called {name!r}", name, carriers), "carrier")
        return carriers[name]

    def clock_state(self) -> ClockState:
        """The clock as it is answered."""
        clock = self.group.clock
        mode = "real" if clock.is_real else "scaled" if clock.rate else "manual"
        return ClockState(
            now=clock.now().isoformat(timespec="milliseconds"),
            rate=clock.rate,
            mode=mode,
            drives=[str(url) for url in getattr(self.driver, "urls", ())],
        )

    def problems(self) -> list[str]:
        """What does not work, in words: ports that can't be listened on, events that failed, clocks not reached."""
        carriers = [f"{name}: {sim.trouble}" for name, sim in self.group.carriers.items() if sim.trouble]
        driven = getattr(self.driver, "problem", "")
        played = self.play.problems if self.play is not None else ()
        return [*carriers, *played, *([driven] if driven else ())]

    def phases(self) -> list[str]:
        """Names of the phases that hold now."""
        return [phase.name for phase in self.play.running] if self.play is not None else []


def control_of(request: Request) -> Control:
    """For ``Depends``."""
    control: Control = request.app.state.control
    return control


@contextmanager
def refusals(where: str = "") -> Iterator[None]:
    """What a simulator refuses, as ControlError: 422 for wrong values, 409 when there is nobody to do it to."""
    try:
        yield
    except ConfigError as error:
        first = getattr(error, "errors", (error,))[0]
        raise ControlError(422, f"{first.key}: {first.why}" if first.key else first.why, first.key) from None
    except (ValueError, LocalError) as error:
        raise ControlError(422, str(error), where) from None
    except LookupError as error:
        raise ControlError(409, str(error.args[0]) if error.args else str(error), where) from None


def select(conditions: Mapping[str, object], where: str = "select") -> Selection:
    """A Selection; raises ControlError 422 that names the condition that is wrong."""
    try:
        return Selection.model_validate(dict(conditions))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"][:2]) or where
        if first["type"] == "extra_forbidden":
            why = with_hint(f"no condition is called {first['loc'][0]!r}", first["loc"][0], Selection.model_fields)
        else:
            why = f"{key}: {first['msg'].removeprefix('Value error, ')}"
        raise ControlError(422, why, key) from None


def shown_settings(settings: CarrierSettings) -> dict[str, Any]:
    """Settings in the form of a scenario, ready for JSON."""
    from simulators.scenario import show_settings

    return dict(show_settings(settings))


def parsed_changes(data: Mapping[str, object]) -> dict[str, object]:
    """Fields of CarrierSettings from the form of a scenario; raises ValueError or ConfigErrors naming the key."""
    from simulators.scenario import parse_changes

    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"half of a character can't be kept: {error.object[error.start]!a}") from None
    return dict(parse_changes(data))


def directory_of(captures: Path | str | None) -> Path:
    """Where recordings go."""
    return Path(captures) if captures is not None else Path()
