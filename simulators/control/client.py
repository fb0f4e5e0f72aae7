"""The HTTP client of ``simctl``: one request at a time, errors in words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import TracebackType
from typing import Any
from urllib.parse import quote

import httpx

_CONNECT_S = 5.0


class Unreachable(Exception):
    """Nobody answers at the address, or it is no simulator's control port."""


class Refused(Exception):
    """The simulator said no; its sentence."""


class Client:
    """A control port at ``url``; ``carrier`` is the one that is meant, when there are several."""

    def __init__(self, url: str, carrier: str = "") -> None:
        self._carrier = carrier
        self._url = url.rstrip("/") if "//" in url else f"http://{url}".rstrip("/")
        # A proxy of the environment is not for a simulator beside us. Waits are as long as the simulator's.
        self._http = httpx.Client(timeout=httpx.Timeout(None, connect=_CONNECT_S), trust_env=False)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def ask(self, method: str, path: str, body: Any = None, query: Any = None) -> Any:
        """The answer's JSON; raises Unreachable and Refused."""
        answer = self._answer(method, path, body, query)
        try:
            return answer.json()
        except ValueError:
            raise Unreachable(_stranger(answer)) from None

    def get(self, path: str, query: Any = None) -> Any:
        """``ask`` without a body."""
        return self.ask("GET", path, query=query)

    def text(self, path: str, query: Any = None) -> str:
        """An answer that is no JSON."""
        return self._answer("GET", path, query=query).text

    def download(self, path: str) -> bytes:
        """The octets of a file."""
        return self._answer("GET", path).content

    def events(self, path: str, query: Any) -> Iterator[tuple[str, dict[str, Any]]]:
        """Server-sent events as (name, data), until the simulator ends."""
        try:
            with self._http.stream("GET", self._url + path, params=query) as answer:
                if answer.is_error:
                    answer.read()
                    raise Refused(_why(answer))
                name = ""
                for line in answer.iter_lines():
                    if line.startswith("event: "):
                        name = line[7:]
                    elif line.startswith("data: "):
                        yield name, json.loads(line[6:])
        except httpx.RemoteProtocolError:
            return  # the simulator ended in the midst of a chunk
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._unreachable(error) from None

    def carrier(self) -> str:
        """The carrier that is meant: the one named, or the only one. Raises Refused when there are several."""
        if not self._carrier:
            names = [each["name"] for each in self.get("/api/state")["carriers"]]
            if len(names) != 1:
                raise Refused(f"there are several carriers; choose one with --carrier: {', '.join(names)}")
            self._carrier = names[0]
        return self._carrier

    def use_carrier(self, name: str) -> None:
        """Mean this carrier from now on."""
        self._carrier = name

    @property
    def named_carrier(self) -> str:
        """What --carrier said; empty when it was not given."""
        return self._carrier

    def path(self, rest: str = "") -> str:
        """The path of the carrier that is meant."""
        return f"/api/carriers/{quote(self.carrier(), safe='')}{rest}"

    def _answer(self, method: str, path: str, body: Any = None, query: Any = None) -> httpx.Response:
        content = None if method == "GET" else json.dumps({} if body is None else body).encode()
        headers = {} if content is None else {"content-type": "application/json"}
        try:
            answer = self._http.request(method, self._url + path, content=content, headers=headers, params=query)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._unreachable(error) from None
        if answer.is_error:
            raise Refused(_why(answer))
        return answer

    def _unreachable(self, error: Exception) -> Unreachable:
        return Unreachable(
            f"no simulator answers at {self._url} ({error or type(error).__name__}); "
            "start one with --http PORT, and give its address with --url or SIMCTL_URL"
        )


def _why(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return _stranger(answer)


def _stranger(answer: httpx.Response) -> str:
    return f"{answer.request.url} answered {answer.status_code}, and no JSON; is that a simulator's control port?"
