"""What the supervisor asks its workers: pages of their ops ports, over HTTP on localhost. For threads, never the loop.

Owns: that a worker which does not answer costs a short wait and nothing else.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any, Final

from smsgw.supervisor.errand import LOCALHOST
from smsgw.supervisor.worker import Worker

#: A worker whose threads get no turn for so long is as good as dead for who asks.
PATIENCE_S: Final = 3.0
#: Lines of what goes on come when there is something to say, and every few seconds in any case.
STREAM_PATIENCE_S: Final = 30.0


class NoAnswer(Exception):
    """It does not run, or does not answer in time; its text is for people."""


def request(
    worker: Worker,
    method: str,
    page: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    patience_s: float = PATIENCE_S,
    port: int = 0,
) -> http.client.HTTPResponse:
    """The answer, whose body is not read yet; close it. ``port``: of one not known by it yet. Raises NoAnswer."""
    port = port or worker.ops_port
    if not port:
        raise NoAnswer("it does not run" if not worker.pid else "it is starting")
    connection = http.client.HTTPConnection(LOCALHOST, port, timeout=patience_s)
    try:
        # HTTP/1.0 servers close after the answer, so the response owns the socket from here on.
        connection.request(method, page, body or None, {"Connection": "close", **(headers or {})})
        return connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        raise NoAnswer(f"it does not answer: {error}") from error


def read(worker: Worker, page: str, method: str = "GET", body: bytes = b"", port: int = 0) -> tuple[int, bytes]:
    """Status and body of a page. Raises NoAnswer."""
    try:
        with request(worker, method, page, body, port=port) as answer:
            return answer.status, answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(f"it does not answer: {error}") from error


def read_object(worker: Worker, page: str) -> dict[str, Any]:
    """A page that is a JSON object. Raises NoAnswer."""
    _, octets = read(worker, page)
    try:
        found = json.loads(octets)
    except ValueError as error:
        raise NoAnswer(f"{page} of it is no JSON") from error
    if not isinstance(found, dict):
        raise NoAnswer(f"{page} of it is no object")
    return found


def is_ready(worker: Worker) -> bool:
    """Whether its /readyz says so."""
    try:
        return read(worker, "/readyz")[0] == 200
    except NoAnswer:
        return False


def is_healthy(worker: Worker) -> bool:
    """Whether its loop turns: /healthz says so."""
    try:
        return read(worker, "/healthz")[0] == 200
    except NoAnswer:
        return False
