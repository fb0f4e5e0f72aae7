"""The ops port of a machine: its workers asked together, and answered for as if they were one process.

/status and /metrics are joined (``merging``, ``exposition``), /readyz wants a worker of each role that runs, /clock
sets the test clock of all, of one that is just starting before it can be asked, and what an engineer asks to be done
goes to every worker with the token it came with: one has what is meant, or all do their part. It happens in threads of
the ops port, never on the supervisor's loop.
What can go wrong: a worker that does not answer is left out and named.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING, Any, Final, TypeVar

from prometheus_client import CollectorRegistry

from smsgw.clock import TestClock
from smsgw.config.site import Site
from smsgw.merging import merged
from smsgw.supervisor.asking import STREAM_PATIENCE_S, NoAnswer, read, read_object, request
from smsgw.supervisor.exposition import joined
from smsgw.supervisor.worker import Worker
from smsgw.telemetry.ops import Heartbeat, OpsServer

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

T = TypeVar("T")
_AT_ONCE: Final = 16
_JSON: Final = {"Content-Type": "application/json"}


class Machine:
    """``start``, then ``stop``. ``closing`` says whether all is about to end."""

    def __init__(
        self,
        site: Site,
        workers: Sequence[Worker],
        heartbeat: Heartbeat,
        clock: TestClock | None,
        closing: Callable[[], bool],
    ) -> None:
        self._node = site.node_name
        self._workers = workers
        self._closing = closing
        self._clock = clock
        #: Two who tell a worker the time must not overtake each other.
        self._telling_time = threading.Lock()
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="asking")
        self._ops = OpsServer(
            CollectorRegistry(),
            heartbeat,
            host=site.ops.host,
            port=site.ops.port,
            not_ready=self.not_ready,
            status=self.status,
            test_clock=_SharedClock(clock, self._share_clock) if clock is not None else None,
            actor=_Acts(workers, self._of_all),
            metrics=self._metrics,
        )

    @property
    def url(self) -> str:
        """``http://host:port``, of the port really taken."""
        return self._ops.url

    def start(self) -> None:
        """Listen. Raises SmsgwError when the port can't be had."""
        self._ops.start()

    def stop(self) -> None:
        """Close the port."""
        self._ops.stop()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def introduce(self, worker: Worker, port: int) -> None:
        """A worker can be asked at ``port``. Its clock may have been set since it was told the time at its start."""
        await asyncio.to_thread(self._introduce, worker, port)

    # -- pages

    def not_ready(self) -> dict[str, str]:
        """What is missing before traffic is welcome: of each role that runs one worker must be ready."""
        if self._closing():
            return {"app": "shutting down"}
        return self._missing(self._readiness())

    def status(self) -> dict[str, Any]:
        """What all say together, and each worker's process."""
        answers = self._of_all(_status)
        pages = {name: page for name, page in answers.items() if isinstance(page, dict)}
        readiness = {name: _lacks(pages[name]) if name in pages else _no_page(why) for name, why in answers.items()}
        found = merged(pages) if pages else {}
        names = {each.name for each in self._workers}
        found["node"] = self._node
        found["other_nodes"] = [name for name in found.get("other_nodes", ()) if name not in names]
        found["not_ready"] = {"app": "shutting down"} if self._closing() else self._missing(readiness)
        found["workers"] = {each.name: _process(each, readiness[each.name]) for each in self._workers}
        return found

    def _missing(self, readiness: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
        """By role that has no ready worker: why each of them is not."""
        missing = {}
        for role in dict.fromkeys(each.role for each in self._workers):
            of_role = [each.name for each in self._workers if each.role == role]
            if not any(readiness[name] == {} for name in of_role):
                why = {name: "; ".join(readiness[name].values()) for name in of_role}
                same = set(why.values())
                told = same.pop() if len(same) == 1 else "; ".join(f"{name}: {text}" for name, text in why.items())
                missing["workers" if role == "all" else f"{role} workers"] = told
        return missing

    def _readiness(self) -> dict[str, dict[str, str]]:
        """By worker what it lacks."""
        return {
            name: found if isinstance(found, dict) else _no_page(found)
            for name, found in self._of_all(lambda each: _lacks(read_object(each, "/readyz"))).items()
        }

    def _metrics(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        pages = {name: page for name, page in self._of_all(_metrics).items() if isinstance(page, str)}
        body = joined(pages, self._own_metrics()).encode()
        headers = [("Content-Type", "text/plain; version=0.0.4; charset=utf-8"), ("Content-Length", str(len(body)))]
        start_response("200 OK", headers)
        return [body]

    def _own_metrics(self) -> Iterator[str]:
        own: tuple[tuple[str, str, str, Callable[[Worker], float]], ...] = (
            ("smsgw_worker_up", "gauge", "1 while the worker's process runs.", lambda each: bool(each.pid)),
            ("smsgw_worker_pid", "gauge", "Its process id; 0 while it does not run.", lambda each: each.pid),
            ("smsgw_worker_restarts_total", "counter", "How often it was started again.", _restarts),
            ("smsgw_worker_cpu_seconds", "gauge", "CPU that its present life has used.", lambda each: each.cpu_s),
        )
        for name, kind, text, value in own:
            yield f"# HELP {name} {text}"
            yield f"# TYPE {name} {kind}"
            for each in self._workers:
                yield f'{name}{{worker="{each.name}",role="{each.role}"}} {float(value(each))}'

    # -- asking all

    def _of_all(self, ask: Callable[[Worker], T]) -> dict[str, T | NoAnswer]:
        """By worker its answer, or why there is none; all are asked at once."""

        def one(worker: Worker) -> T | NoAnswer:
            try:
                return ask(worker)
            except NoAnswer as error:
                return error

        return dict(zip((each.name for each in self._workers), self._threads.map(one, self._workers), strict=True))

    def _share_clock(self, clock: TestClock) -> None:
        with self._telling_time:
            body = _followed(clock)
            self._of_all(lambda worker: read(worker, "/clock", "POST", body))

    def _introduce(self, worker: Worker, port: int) -> None:
        with self._telling_time:
            if self._clock is not None:
                # One that does not answer even this is found by who watches its health.
                with contextlib.suppress(NoAnswer):
                    read(worker, "/clock", "POST", _followed(self._clock), port)
            worker.ops_port = port


class _SharedClock:
    """The test clock of all workers, set for all before the request is answered."""

    def __init__(self, clock: TestClock, share: Callable[[TestClock], None]) -> None:
        self._clock = clock
        self._share = share

    @property
    def rate(self) -> float:
        return self._clock.rate

    @rate.setter
    def rate(self, rate: float) -> None:
        self._clock.rate = rate
        self._share(self._clock)

    def now(self) -> datetime:
        return self._clock.now()

    def set(self, at: datetime) -> None:
        self._clock.set(at)
        self._share(self._clock)

    def advance(self, seconds: float) -> None:
        self._clock.advance(seconds)
        self._share(self._clock)

    def follow(self, anchor: tuple[int, int, float]) -> None:
        self._clock.follow(anchor)
        self._share(self._clock)


class _Acts:
    """What an engineer asks of this machine, done by the workers that can; they check the token themselves."""

    def __init__(self, workers: Sequence[Worker], of_all: Callable[[Callable[[Worker], Any]], dict[str, Any]]) -> None:
        self._workers = workers
        self._of_all = of_all

    def act(self, path: str, authorization: str, body: bytes) -> tuple[HTTPStatus, object]:
        headers = {**_JSON, "Authorization": authorization}
        answers = self._of_all(lambda worker: request(worker, "POST", path, body, headers, STREAM_PATIENCE_S))
        there = [each for each in answers.values() if isinstance(each, HTTPResponse)]
        good = [each for each in there if each.status == HTTPStatus.OK]
        for each in there:
            if each not in good and good:
                each.close()
        if path.endswith("/trace") and good:
            return HTTPStatus.OK, _lines(good)
        if good:
            return HTTPStatus.OK, _joined_answers(good)
        if not there:
            return HTTPStatus.SERVICE_UNAVAILABLE, {"error": "no worker answers"}
        objections = [(each.status, _body_of(each)) for each in there]
        status, said = objections[0]
        return HTTPStatus(status), said


def _joined_answers(answers: Sequence[HTTPResponse]) -> dict[str, Any]:
    """Each name's list, with everybody's items once."""
    found: dict[str, Any] = {}
    for answer in answers:
        for name, value in _body_of(answer).items():
            known = found.setdefault(name, value if not isinstance(value, list) else [])
            if isinstance(value, list) and isinstance(known, list):
                known += [item for item in value if item not in known]
    return found


def _body_of(answer: HTTPResponse) -> dict[str, Any]:
    try:
        with answer:
            said = json.loads(answer.read())
    except (OSError, HTTPException, ValueError):
        return {"error": "the worker's answer broke off"}
    return said if isinstance(said, dict) else {"error": "the worker answers something else"}


def _lines(answers: Sequence[HTTPResponse]) -> Iterator[bytes]:
    """What goes on in all workers, as it comes; ends when all have ended, or when nobody wants more."""
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    over = threading.Event()

    def pump(answer: HTTPResponse) -> None:
        # An empty line of a worker comes every few seconds at the latest, so nobody waits here for ever.
        try:
            with answer:
                while not over.is_set() and (line := answer.readline()):
                    lines.put(line)
        except (OSError, HTTPException, ValueError):
            pass  # the worker ended; the others go on
        finally:
            lines.put(b"")

    for answer in answers:
        threading.Thread(target=pump, args=(answer,), name="trace", daemon=True).start()
    left = len(answers)
    try:
        while left:
            line = lines.get()
            if line:
                yield line
            else:
                left -= 1
    finally:
        over.set()


def _followed(clock: TestClock) -> bytes:
    return json.dumps({"follow": clock.anchor}).encode()


def _status(worker: Worker) -> dict[str, Any]:
    return read_object(worker, "/status")


def _metrics(worker: Worker) -> str:
    return read(worker, "/metrics")[1].decode()


def _lacks(page: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(why) for name, why in page.get("not_ready", {}).items()}


def _no_page(why: object) -> dict[str, str]:
    return {"process": str(why)}


def _restarts(worker: Worker) -> int:
    return max(0, worker.lives - 1)


def _process(worker: Worker, lacks: Mapping[str, str]) -> dict[str, object]:
    return {
        "pid": worker.pid,
        "role": worker.role,
        "restarts": _restarts(worker),
        "up_s": round(worker.up_s, 1),
        "cpu_s": round(worker.cpu_s, 2),
        "status": "stopping" if worker.is_stopping else "ready" if not lacks else "; ".join(lacks.values()),
    }
