"""What a running gateway does when an engineer asks it, through the ops port: bind again, close a session, show PDUs.

Owns: these acts and their answers. They concern this process alone; what concerns the whole fleet is an order in the
store. Called in threads of the ops port: what touches a link is done on the loop, and waited for. Who asked was checked
before (``telemetry.token``), and audited by the service that asked.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, TypeVar

from smsgw.telemetry.logs import EventLog
from smsgw.telemetry.ops import Act, BadRequestError
from smsgw.tracing import Look, Tracer

if TYPE_CHECKING:
    from smsgw.app import App

_PATIENCE_S: Final = 5.0
_log = EventLog("smsgw.ops")
T = TypeVar("T")


class Doing:
    """One per process. Made on its loop."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._loop = asyncio.get_running_loop()
        self.tracer = Tracer(app.ticker)
        self.acts: dict[str, Act] = {"rebind": self._rebind, "close": self._close, "trace": self._trace}

    def _rebind(self, asked: dict[str, object]) -> object:
        """All binds of ``carrier``, or its ``bind`` of that number: unbound when all is answered, and bound again."""
        name, number = str(asked.get("carrier")), asked.get("bind")
        _log.event("ops.rebind", carrier=name, bind=number)

        def rebind() -> list[str]:
            pool = self._app.gateway.context.pools.get(name)
            if pool is None:
                raise BadRequestError(f"this gateway has no carrier {name!r}")
            binds = [bind for bind in pool.binds if number is None or bind.number == number]
            for bind in binds:
                bind.rebind()
            return [bind.label for bind in binds]

        return {"rebound": self._on_loop(rebind)}

    def _close(self, asked: dict[str, object]) -> object:
        """The ``session`` of an application, such as ``shop/3``: unbound; it may bind again."""
        label = str(asked.get("session"))
        _log.event("ops.close", session=label)

        def close() -> list[str]:
            found = [each for each in self._app.listener.sessions if each.account is not None and each.label == label]
            if not found:
                raise BadRequestError(f"no session {label!r} is bound here")
            for session in found:
                session.send_unbind()
            return [label]

        return {"closed": self._on_loop(close)}

    def _trace(self, asked: dict[str, object]) -> Iterator[bytes]:
        try:
            look = Look(**{name: asked[name] for name in Look.__slots__ if name in asked})  # type: ignore[arg-type]
            _log.event("ops.trace", account=look.account, carrier=look.carrier, revealed=look.reveal)
            return self.tracer.watch(look)
        except ValueError as error:
            raise BadRequestError(str(error)) from error

    def _on_loop(self, work: Callable[[], T]) -> T:
        done: concurrent.futures.Future[T] = concurrent.futures.Future()

        def call() -> None:
            try:
                done.set_result(work())
            except Exception as error:  # whoever waits for it is in another thread
                done.set_exception(error)

        self._loop.call_soon_threadsafe(call)
        return done.result(_PATIENCE_S)
