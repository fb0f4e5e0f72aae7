"""Speaking to a ClickHouse over HTTP: a statement, its answer as rows, and rows of ours in its Native form.

Every statement is in the body of a request, for addresses are logged; values are written into it by ``text``, because
an old server knows no parameters. Raises ``ClickHouseError`` with one line that names the server.
"""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

_KEPT_S: Final = 2.0
"""An unused connection is not used again after this; servers end theirs after 3 s and more."""
_ERROR_CHARS: Final = 300
_ARRAY: Final = re.compile(r"Array\((.*)\)")
_WHOLE: Final = re.compile(r"U?Int\d+")
_CODE: Final = re.compile(r"Code: (\d+)")
_NAMES: Final = "check user and password_file of [records.clickhouse]"
_RIGHTS: Final = "grant the user of [records.clickhouse] its database; docs/records.md says which rights are needed"
_FULL: Final = "make room on its disk; what is not sent waits in the files of the archive"
_MENDED: Final = {
    192: _NAMES, 193: _NAMES, 194: _NAMES, 516: _NAMES, 291: _RIGHTS, 497: _RIGHTS, 164: _RIGHTS, 243: _FULL,
    60: "run `smsgw archive clickhouse-init`", 81: "check database of [records.clickhouse]",
}  # fmt: skip
"""How an error of the server is mended, by its code; those of 2018 and of today."""
_TRUST: Final = "name the authority's PEM file as ca in [records.clickhouse]"


@dataclass(frozen=True, slots=True)
class Server:
    """Where it is, and who asks. ``timeout_s``: for one request."""

    url: str
    database: str = "smsgw"
    user: str = "default"
    password: str = field(default="", repr=False)
    timeout_s: float = 30.0
    ca: Path | None = None


class ClickHouseError(OSError):
    """It is away, or refused what was asked; the text says which."""


def text(value: str) -> str:
    """A text as SQL writes it."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'").replace("\0", "\\0") + "'"


def listed(values: Iterable[str]) -> str:
    """Texts for IN; there must be one."""
    return f"({', '.join(map(text, values))})"


class Client:
    """One server, asked by one thread at a time. ``close`` it at the end."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._http: httpx.Client | None = None

    def table(self, name: str) -> str:
        """A table's name in SQL."""
        return f"`{self.server.database}`.`{name}`"

    def do(self, sql: str) -> None:
        """A statement that has no answer."""
        self._post(sql.encode())

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What a query finds: whole numbers as int, arrays as lists."""
        answer = self._post(f"{sql} FORMAT JSONCompact".encode())
        try:
            found = json.loads(answer)
            makers = [_maker(column["type"]) for column in found["meta"]]
            return [tuple(make(value) for make, value in zip(makers, row, strict=True)) for row in found["data"]]
        except (ValueError, KeyError, TypeError):
            # An error that came after the answer had begun stands in its midst.
            raise self._failed(_why(answer[-2000:].decode("utf-8", "replace"))) from None

    def insert(self, table: str, columns: Iterable[str], blocks: Iterable[bytes]) -> None:
        """Rows of a table, as blocks of the Native form."""
        names = ", ".join(columns)
        self._post(blocks, {"query": f"INSERT INTO {self.table(table)} ({names}) FORMAT Native"})

    def close(self) -> None:
        """Let go of connections."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def _post(self, body: bytes | Iterable[bytes], query: dict[str, str] | None = None) -> bytes:
        try:
            # With its status at the end, so that an error is one.
            answer = self._client().post("/", params={"wait_end_of_query": "1", **(query or {})}, content=body)
        except httpx.HTTPError as error:
            why = str(error) or type(error).__name__
            raise self._failed(
                f"can't be reached: {why}{_and(_TRUST if 'CERTIFICATE_VERIFY' in why else '')}"
            ) from error
        if answer.status_code == httpx.codes.OK:
            return answer.content
        why = _why(answer.text)
        code = _CODE.match(why)
        mended = _MENDED.get(int(code[1]), "") if code else ""
        raise self._failed((why or f"answered with status {answer.status_code}") + _and(mended))

    def _client(self) -> httpx.Client:
        if self._http is None:
            server = self.server
            context: ssl.SSLContext | bool = True
            if server.ca is not None:
                try:
                    context = ssl.create_default_context(cafile=str(server.ca))
                except OSError as error:
                    raise self._failed(
                        f"{server.ca}, the ca of [records.clickhouse], is no PEM file: {error}"
                    ) from None
            self._http = httpx.Client(
                base_url=server.url, auth=(server.user, server.password), timeout=server.timeout_s, verify=context,
                limits=httpx.Limits(keepalive_expiry=_KEPT_S), trust_env=False,
            )  # fmt: skip
        return self._http

    def _failed(self, why: str) -> ClickHouseError:
        return ClickHouseError(f"ClickHouse at {self.server.url}: {why}")


def _and(mended: str) -> str:
    return f"; {mended}" if mended else ""


def _why(answer: str) -> str:
    """What a server says in an error, of either age; without where in its own program it happened."""
    at = answer.find("Code: ")
    line = " ".join(answer[max(at, 0) :].split("Stack trace")[0].split())
    line = re.sub(r"e\.displayText\(\) = |, e\.what\(\) = DB::\w+|DB::Exception: ", "", line)
    return line[:_ERROR_CHARS].strip()


def _maker(kind: str) -> Callable[[Any], Any]:
    """Old servers write large numbers as texts."""
    array = _ARRAY.fullmatch(kind)
    if array is not None:
        make = _maker(array[1])
        return lambda values: [make(each) for each in values]
    if _WHOLE.fullmatch(kind):
        return int
    return float if kind.startswith("Float") else _as_is


def _as_is(value: Any) -> Any:
    return value
