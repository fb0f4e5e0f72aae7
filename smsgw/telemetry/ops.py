"""The ops port: /metrics, /healthz, /readyz, /status and, in test mode, /clock, over HTTP; and acts, by POST to /act.

Owns: a small WSGI application served by the standard library in a daemon thread. It only reads, except for a test
clock, without authentication: it listens on localhost unless configured otherwise. What acts on the process needs a
token of the site's secrets (``token``), and what goes on for longer is streamed, a JSON object a line.

What can go wrong: the port is taken (``start`` raises); the callables handed in are called in a thread
of this server, so they must only read; a client that stands still is cut off after 10 s, and more than
``MAX_REQUESTS`` at a time are closed unheard.
"""

from __future__ import annotations

import json
import logging
import math
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from socketserver import ThreadingMixIn
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, make_wsgi_app

from smsgw.errors import SmsgwError
from smsgw.telemetry.token import TokenGuard

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

HEARTBEAT_LIMIT_S = 5.0
MAX_REQUESTS = 16
_CLIENT_TIMEOUT_S = 10.0
_ACCEPT_AGAIN_S = 0.1
_MAX_BODY_OCTETS = 64 * 1024
_READING = ("GET", "HEAD")
_SETTING = ("GET", "HEAD", "PUT", "POST")
_log = logging.getLogger("smsgw.telemetry")

_Answer = tuple[HTTPStatus, object]
#: Does something on request: gives an object for JSON, or lines that go on until the client goes.
Act = Callable[[dict[str, object]], object]
ACT = "/act/"


class Heartbeat:
    """The event loop calls ``beat()`` each second; plain float, so that no lock is needed."""

    __slots__ = ("_monotonic", "at_s")

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self.at_s = monotonic()

    def beat(self) -> None:
        """The loop is alive."""
        self.at_s = self._monotonic()

    def age_s(self) -> float:
        """Seconds since the last beat."""
        return self._monotonic() - self.at_s


class SettableClock(Protocol):
    """What /clock needs of a test clock (``smsgw.clock.TestClock``)."""

    rate: float

    def now(self) -> datetime: ...

    def set(self, at: datetime) -> None: ...

    def advance(self, seconds: float) -> None: ...

    def follow(self, anchor: tuple[int, int, float]) -> None: ...


class Actor(Protocol):
    """Does what is asked by POST to /act, if the token is right."""

    def act(self, path: str, authorization: str, body: bytes) -> tuple[HTTPStatus, object]:
        """Raises BadRequestError. An iterator of lines goes on until the client goes."""
        ...


class BadRequestError(Exception):
    """The client's request is wrong; its text is for the client."""


def _nothing() -> Mapping[str, str]:
    return {}


class OpsServer:
    """``start()``, then ``port`` and ``url`` hold; ``stop()`` returns when the thread is gone.

    ``not_ready`` gives what is missing before traffic is welcome (part → why; empty when ready), ``status``
    anything JSON can show. ``port`` 0 takes a free one. Without ``test_clock`` /clock only tells the time. Who speaks
    for several processes hands in its own ``metrics`` and ``actor``.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        heartbeat: Heartbeat,
        *,
        host: str = "127.0.0.1",
        port: int = 8775,
        not_ready: Callable[[], Mapping[str, str]] = _nothing,
        status: Callable[[], object] = _nothing,
        test_clock: SettableClock | None = None,
        acts: Mapping[str, Act] = MappingProxyType({}),
        guard: TokenGuard | None = None,
        actor: Actor | None = None,
        metrics: WSGIApplication | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self._heartbeat = heartbeat
        self._not_ready = not_ready
        self._status = status
        self._test_clock = test_clock
        self._actor: Actor = actor if actor is not None else _GuardedActs(acts, guard)
        self._metrics: WSGIApplication = metrics if metrics is not None else make_wsgi_app(registry)
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self._pages: dict[str, tuple[tuple[str, ...], Callable[[WSGIEnvironment], _Answer]]] = {
            "/healthz": (_READING, self._healthz),
            "/readyz": (_READING, self._readyz),
            "/status": (_READING, lambda _: (HTTPStatus.OK, self._status())),
            "/clock": (_READING if test_clock is None else _SETTING, self._clock),
        }

    @property
    def url(self) -> str:
        """``http://host:port``, of the port really taken."""
        return f"http://[{self.host}]:{self.port}" if ":" in self.host else f"http://{self.host}:{self.port}"

    def start(self) -> None:
        """Listen and serve in a daemon thread; raises SmsgwError when the address can't be had."""
        server = _listening(self.host, self.port)
        server.set_app(self._application)
        self.port = server.server_address[1]
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="ops", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the port; waits for the serving thread, not for clients that stand still."""
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server = self._thread = None

    # --- the application

    def _application(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path, method = environ.get("PATH_INFO", ""), environ["REQUEST_METHOD"]
        if path == "/metrics" and method in _READING:
            return _without_body(method, self._metrics(environ, start_response))
        if path.startswith(ACT) and method == "POST":
            return self._do(path, environ, start_response)
        headers = []
        methods = _READING if path == "/metrics" else self._pages[path][0] if path in self._pages else None
        if methods is None or method not in methods:
            _drain(environ)
        if methods is None:
            known = ", ".join(sorted([*self._pages, "/metrics"]))
            answer: _Answer = HTTPStatus.NOT_FOUND, _error(f"no page {path}; there are {known}")
        elif method not in methods:
            headers.append(("Allow", ", ".join(methods)))
            answer = HTTPStatus.METHOD_NOT_ALLOWED, _error(self._why_not(path, method))
        else:
            answer = self._answer(path, environ)
        status, shown = answer
        body = json.dumps(shown, ensure_ascii=False, default=str).encode("utf-8", "backslashreplace") + b"\n"
        headers += [("Content-Type", "application/json; charset=utf-8"), ("Content-Length", str(len(body)))]
        start_response(f"{status.value} {status.phrase}", [*headers, ("Cache-Control", "no-store")])
        return _without_body(method, [body])

    def _do(self, path: str, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """An act: a JSON object, or lines of them for as long as it goes on."""
        try:
            status, found = self._actor.act(path, environ.get("HTTP_AUTHORIZATION", ""), _body(environ))
        except BadRequestError as error:
            status, found = HTTPStatus.BAD_REQUEST, _error(str(error))
        except Exception as error:  # an act of another room; its failure is this request's answer
            _log.error("telemetry.act.failed", exc_info=error, extra={"fields": {"act": path}})
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            found = _error(f"{path} failed: {type(error).__name__}; see the log")
        headers = [("Content-Type", "application/x-ndjson; charset=utf-8"), ("Cache-Control", "no-store")]
        start_response(f"{status.value} {status.phrase}", headers)
        if isinstance(found, Iterator):
            return found
        return [json.dumps(found, ensure_ascii=False, default=str).encode("utf-8", "backslashreplace") + b"\n"]

    def _answer(self, path: str, environ: WSGIEnvironment) -> _Answer:
        try:
            return self._pages[path][1](environ)
        except BadRequestError as error:
            return HTTPStatus.BAD_REQUEST, _error(str(error))
        except Exception as error:  # a callable of another room; its failure is this page's answer
            _log.error("telemetry.page.failed", exc_info=error, extra={"fields": {"page": path}})
            return HTTPStatus.INTERNAL_SERVER_ERROR, _error(f"{path} failed: {type(error).__name__}; see the log")

    def _why_not(self, path: str, method: str) -> str:
        if path == "/clock" and method in _SETTING:
            return 'the clock is real and can\'t be set; use mode = "test" under [clock] in smsgw.toml'
        return f"{path} is not for {method}"

    def _healthz(self, _: WSGIEnvironment) -> _Answer:
        age_s = self._heartbeat.age_s()
        is_alive = age_s <= HEARTBEAT_LIMIT_S
        status = HTTPStatus.OK if is_alive else HTTPStatus.SERVICE_UNAVAILABLE
        return status, {"healthy": is_alive, "heartbeat_age_s": round(age_s, 3)}

    def _readyz(self, _: WSGIEnvironment) -> _Answer:
        missing = dict(self._not_ready())
        status = HTTPStatus.SERVICE_UNAVAILABLE if missing else HTTPStatus.OK
        return status, {"ready": not missing, "not_ready": missing}

    def _clock(self, environ: WSGIEnvironment) -> _Answer:
        clock = self._test_clock
        if clock is None:
            return HTTPStatus.OK, {"mode": "real", "now": datetime.now(UTC).isoformat(timespec="milliseconds")}
        if environ["REQUEST_METHOD"] in ("PUT", "POST"):
            _change(clock, _json_object(_body(environ)))
        now = clock.now().isoformat(timespec="milliseconds")
        return HTTPStatus.OK, {"mode": "test", "now": now, "rate": clock.rate}


class _GuardedActs:
    """The acts of this process, for who has a token."""

    def __init__(self, acts: Mapping[str, Act], guard: TokenGuard | None) -> None:
        self._acts = acts
        self._guard = guard

    def act(self, path: str, authorization: str, body: bytes) -> _Answer:
        why_not = "nothing here acts"
        if self._guard is not None:
            why_not = self._guard.why_not(authorization, path, body, time.time())
        if why_not:
            return HTTPStatus.FORBIDDEN, _error(why_not)
        act = self._acts.get(path.removeprefix(ACT))
        if act is None:
            return HTTPStatus.NOT_FOUND, _error(f"no act {path}; there are {', '.join(sorted(self._acts))}")
        return HTTPStatus.OK, act(_json_object(body))


def _change(clock: SettableClock, wanted: dict[str, object]) -> None:
    """A rate, a move, or both; all of it or nothing. ``follow``: what a supervisor says to its workers."""
    if wanted.keys() == {"follow"}:
        clock.follow(_anchor(wanted["follow"]))
        return
    if not wanted or not wanted.keys() <= {"set", "advance_s", "rate"} or {"set", "advance_s"} <= wanted.keys():
        raise BadRequestError('send {"set": "2026-11-18T10:30:00+08:00"} or {"advance_s": 60}, {"rate": 1.0}, or both')
    before = clock.rate
    try:
        if "rate" in wanted:
            clock.rate = _number("rate", wanted["rate"])
        try:
            if "set" in wanted:
                clock.set(datetime.fromisoformat(str(wanted["set"])))
            elif "advance_s" in wanted:
                clock.advance(_number("advance_s", wanted["advance_s"]))
        except (ValueError, OverflowError, BadRequestError):
            clock.rate = before
            raise
    except (ValueError, OverflowError) as error:
        raise BadRequestError(str(error)) from error


def _anchor(value: object) -> tuple[int, int, float]:
    if not isinstance(value, list) or len(value) != 3:
        raise BadRequestError(f"no clock goes by {value!r}")
    at_ms, monotonic_ns, rate = (_number("follow", each) for each in value)
    return int(at_ms), int(monotonic_ns), rate


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadRequestError(f"{name} must be a number, not {value!r}")
    return float(value)


def _drain(environ: WSGIEnvironment) -> None:
    """Read a body that nobody wants: closing on unread octets would reset the connection under our answer."""
    length = environ.get("CONTENT_LENGTH") or "0"
    if length.isdecimal():
        environ["wsgi.input"].read(min(int(length), _MAX_BODY_OCTETS))


def _body(environ: WSGIEnvironment) -> bytes:
    try:
        length = int(environ.get("CONTENT_LENGTH") or 0)
    except ValueError:
        raise BadRequestError("Content-Length is not a number") from None
    if not 0 < length <= _MAX_BODY_OCTETS:
        raise BadRequestError(f"the request needs a JSON body of at most {_MAX_BODY_OCTETS} octets")
    return bytes(environ["wsgi.input"].read(length))


def _json_object(body: bytes) -> dict[str, object]:
    try:
        wanted = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequestError(f"the body is no JSON: {error}") from error
    if not isinstance(wanted, dict):
        raise BadRequestError("the body must be a JSON object")
    return wanted


def _error(message: str) -> dict[str, str]:
    return {"error": message}


def _without_body(method: str, body: Iterable[bytes]) -> Iterable[bytes]:
    return [] if method == "HEAD" else body


class _Handler(WSGIRequestHandler):
    timeout = _CLIENT_TIMEOUT_S

    def log_message(self, format: str, *args: Any) -> None:
        _log.debug("telemetry.request", extra={"fields": {"request": format % args}})

    def address_string(self) -> str:
        return str(self.client_address[0])


def must_be_free(host: str, port: int) -> None:
    """Could a server ``start`` there? For who begins with much else before it. Raises SmsgwError as that would."""
    _listening(host, port).server_close()


def _listening(host: str, port: int) -> _Server:
    try:
        return _Server(host, port)
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SmsgwError(
            f"the ops port can't listen on {host}:{port}: {reason}; "
            "set another one under [ops] in smsgw.toml, or stop what uses it"
        ) from error


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, host: str, port: int) -> None:
        self._free = threading.BoundedSemaphore(MAX_REQUESTS)
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        # Not HTTPServer's: it looks the host up in the DNS, which can take seconds.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def get_request(self) -> tuple[Any, Any]:
        try:
            return super().get_request()
        except OSError:
            # With no file descriptor left who connects stays in the queue, and we would be told of it without a pause.
            time.sleep(_ACCEPT_AGAIN_S)
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        _log.debug("telemetry.request.broken", exc_info=True)
