"""The control port as an ASGI application, and the server that runs it inside the simulation's loop.

    app = make_app(group, play=play, scenario=scenario, driver=driver)
    served = await serve(app, "127.0.0.1", 8780)
    ...
    await served.stop()

Never takes a signal handler, never outlives ``stop``: open streams and waits end with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI

from simulators.control import api_run, api_state, api_steer, api_traffic, page_routes, problems
from simulators.control.control import Control, Driver, directory_of
from simulators.control.guard import Guard
from simulators.control.recording import Recordings
from simulators.control.serving import Served, serve

if TYPE_CHECKING:
    from simulators.carrier.group import CarrierGroup
    from simulators.scenario.model import Scenario
    from simulators.scenario.play import Play

__all__ = ["Served", "make_app", "serve"]

_ABOUT = """Looks at running carrier simulators and steers them. There is no password: it serves this machine only,
unless it was told otherwise. Every error is `{"error": a sentence, "where": the key it is about}`.
"""
_TAGS = [
    {"name": "look", "description": "What is there and what happened."},
    {"name": "steer", "description": "Make a carrier behave otherwise, or do something now."},
    {"name": "run", "description": "Clock, waiting, reset, snapshot, expectations, recordings."},
]


def make_app(
    group: CarrierGroup,
    play: Play | None = None,
    scenario: Scenario | None = None,
    driver: Driver | None = None,
    captures: Path | str | None = None,
    *,
    hosts: Sequence[str] = (),
) -> FastAPI:
    """The application over a ``group``; answers make sense once it is started.

    ``play`` is what runs the scenario's time line, ``driver`` moves the gateways' clocks, ``captures`` is the
    directory that recordings go to (the current one when None). Requests must name the machine by a name of
    localhost, an address of its loopback, or one of ``hosts``: give the address that is served on, too.
    """
    app = FastAPI(
        title="Carrier simulator",
        description=_ABOUT,
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_tags=_TAGS,
    )
    recordings = Recordings(group, directory_of(captures))
    app.state.control = Control(group, recordings, play=play, scenario=scenario, driver=driver)
    for router in (api_state.router, api_steer.router, api_run.router, api_traffic.router, page_routes.router):
        app.include_router(router)
    problems.install(app)
    app.add_middleware(Guard, hosts=hosts)
    return app
