"""The control port as an ASGI application, and the server that runs it inside the simulation's loop.

    app = make_app(group, play=play, scenario=scenario, driver=driver)
    served = await serve(app, "127.0.0.1", 8780)
    ...
    await served.stop()

Never takes a signal handler, never outlives ``stop``: open streams and waits end with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from simulators.control.control import Captures, Control, Driver
from simulators.control.serving import Served, serve

if TYPE_CHECKING:
    from simulators.carrier.group import CarrierGroup

__all__ = ["Served", "make_app", "serve"]


def make_app(
    group: CarrierGroup,
    play: Any = None,
    scenario: Any = None,
    driver: Driver | None = None,
    captures: Captures | None = None,
    *,
    hosts: Sequence[str] = (),
) -> FastAPI:
    """The application over a started ``group``.

    ``play`` is what runs the scenario's time line, ``driver`` moves the gateways' clocks, ``captures`` opens
    capture files; without them the requests for these say so. Requests must name the machine by a name of
    localhost, an address of its loopback, or one of ``hosts`` ("*" takes any name).
    """
    app = FastAPI(title="Carrier simulator", docs_url=None, redoc_url=None)
    app.state.control = Control(group, play=play, scenario=scenario, driver=driver, captures=captures)
    return app
