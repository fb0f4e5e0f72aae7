"""One form for every error of the console: ``{"error": a sentence}`` and ``error_zh``, the same in Chinese; of a list
with wrong lines also which.

The sentence repeats of a request only what is wrong in it, and no full number, wherever that stood.
"""

from __future__ import annotations

from typing import Any, Final, Protocol, TypeVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from smsgw.console.refusals import refusals
from smsgw.errors import ConfigError, RecordsError, RequestError, StoreError
from smsgw.services.csv_rows import LineFault, WrongLines
from smsgw.services.desk import masked
from smsgw.telemetry.logs import EventLog

_STATUS: Final = {"invalid": 400, "forbidden": 403, "missing": 404, "conflict": 409}
_NAMES: Final = {
    400: "A value is wrong or missing. 请求内容有误。",
    401: "No token, or one that is not known. 未提供令牌或令牌无效。",
    403: "This person may not, or not from there. 无权限。",
    404: "There is no such thing. 不存在。",
    408: "The body did not come in time. 请求正文超时。",
    409: "Not in the present state, or changed by somebody else. 状态冲突。",
    413: "The body is too large. 请求正文过大。",
    415: "Send JSON; for an import, CSV. 请使用 JSON，导入请使用 CSV。",
    429: "Too many failed attempts from this address. 失败次数过多，请稍后再试。",
    503: "The store can't be reached, or records can't be asked; try again. 存储或记录暂不可用，请稍后重试。",
}
_NEVER: Final = "422"
_RETRY_AFTER_S: Final = "1"
_log = EventLog("smsgw.console")


class WrongLine(BaseModel):
    """One line of a list that can't be used."""

    line: int
    column: str = ""
    why: str
    why_zh: str = ""


class Problem(BaseModel):
    """Every error."""

    error: str = Field(description="What is wrong, in a sentence.")
    error_zh: str = Field("", description="The same in Chinese; empty where there is none. 中文说明。")
    lines: list[WrongLine] | None = Field(None, description="Of a list: its wrong lines, the first thousand.")


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For ``responses=`` of a route: these errors, and those that every route has."""
    everywhere = {400, 401, 403, 429, 503}
    return {status: {"model": Problem, "description": _NAMES[status]} for status in sorted({*statuses, *everywhere})}


CHANGES: Final = responses(404, 409, 413, 415)
LOOKS: Final = responses(404)


def install(app: FastAPI) -> None:
    """Turn every error of ``app`` into a Problem."""
    app.add_exception_handler(RequestError, _request)
    app.add_exception_handler(StoreError, _store)
    app.add_exception_handler(RecordsError, _records)
    app.add_exception_handler(ConfigError, _config)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _mistake)
    described = app.openapi

    def openapi() -> dict[str, Any]:
        """Without FastAPI's own form of an error, which nobody is answered with."""
        page = described()
        for operations in page["paths"].values():
            for operation in operations.values():
                operation["responses"].pop(_NEVER, None)
        for name in ("HTTPValidationError", "ValidationError"):
            page["components"]["schemas"].pop(name, None)
        return page

    app.openapi = openapi  # type: ignore[method-assign]


def answer(status: int, error: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """A Problem as an answer."""
    return JSONResponse({"error": error, "error_zh": refusals().chinese(error)}, status, headers)


class _Imported(Protocol):
    faults: list[LineFault]


_I = TypeVar("_I", bound=_Imported)


def in_chinese(found: _I) -> _I:
    """What became of a list, with its wrong lines in Chinese, too."""
    for fault in found.faults:
        fault.why_zh = refusals().chinese(fault.why)
    return found


async def _request(_: Request, error: Exception) -> JSONResponse:
    if isinstance(error, WrongLines):
        chinese = refusals().chinese
        lines = [{**fault._asdict(), "why_zh": chinese(fault.why)} for fault in error.faults]
        head = str(error).partition(": ")[0]  # behind it stand some of the lines
        return JSONResponse({"error": str(error), "error_zh": chinese(f"{head}: …"), "lines": lines}, 400)
    assert isinstance(error, RequestError)
    return answer(_STATUS[error.kind], masked(str(error)))


async def _store(request: Request, error: Exception) -> JSONResponse:
    _log.warning("console.store_away", route=route_of(request), why=str(error))
    why = "the store can't be reached or does not answer; "
    looks = request.method == "GET"
    why += "try again" if looks else "whether it was done is not known, look before you try again"
    return answer(503, why, {"retry-after": _RETRY_AFTER_S})


async def _records(_: Request, error: Exception) -> JSONResponse:
    return answer(503, masked(str(error)), {"retry-after": _RETRY_AFTER_S})


async def _config(_: Request, error: Exception) -> JSONResponse:
    return answer(503, f"the site's files can't be used: {error}")


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 404:
        return answer(404, "there is nothing at this path; /openapi.json lists everything")
    if error.status_code == 405:
        return answer(405, f"{request.method} can't be used here; /openapi.json lists what can", headers)
    if error.status_code == 400:
        return answer(400, "the body can't be read; expected JSON")
    return answer(error.status_code, str(error.detail), headers)


async def _mistake(request: Request, error: Exception) -> JSONResponse:
    _log.error("console.mistake", error=error, route=route_of(request))
    return answer(500, f"smsgw made a mistake ({type(error).__name__}); its log says where")


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    path = [str(part) for part in first["loc"]]
    where = ".".join(path[1:]) or path[0]
    kind = first["type"]
    if kind == "json_invalid":
        return answer(400, f"the body is no JSON: {first['ctx']['error']} at character {path[-1]}")
    if kind == "extra_forbidden":
        return answer(400, masked(f"{where}: there is no such key; /openapi.json lists them"))
    if kind == "missing":
        return answer(400, f"{where}: is missing" if where != "body" else "the body is missing; expected JSON")
    return answer(400, f"{where}: {first['msg'].removeprefix('Value error, ')}")


def route_of(request: Request) -> str:
    """The route's pattern, for logs: the path itself may name a recipient."""
    return str(getattr(request.scope.get("route"), "path", "unknown"))
