"""One form for every error of the control port: ``{"error": a sentence, "where": the key}``."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from simulators.control.control import ControlError
from simulators.control.models import Problem

_NAMES = {
    400: "The request makes no sense.",
    403: "Not from there: the Host or the Origin is not this machine's.",
    404: "There is no such thing.",
    408: "The condition did not come true in time.",
    409: "Not in the present state.",
    415: "Changes must be sent as JSON.",
    422: "A value is wrong; `where` names it.",
    502: "A gateway's clock could not be moved.",
}


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For ``responses=`` of a route: these errors, and those that every route has."""
    return {status: {"model": Problem, "description": _NAMES[status]} for status in sorted({*statuses, 403, 422})}


def of_text(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """As ``responses``, of a route whose answer is no JSON; its errors are all the same."""
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": each["description"], "content": content}
        for status, each in responses(*statuses).items()
    }


def changing(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """As ``responses``, of a route that changes something."""
    return responses(*statuses, 415)


def install(app: FastAPI) -> None:
    """Turn every error of ``app`` into a Problem."""
    app.add_exception_handler(ControlError, _control)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _mistake)


def _answer(status: int, error: str, where: str = "") -> JSONResponse:
    return JSONResponse({"error": error, "where": where}, status)


async def _control(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ControlError)
    return _answer(error.status, error.error, error.where)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return _answer(404, f"there is nothing at {request.url.path}; /openapi.json lists everything", "path")
    if error.status_code == 405:
        return _answer(405, f"{request.method} can't be used on {request.url.path}", "method")
    return _answer(error.status_code, str(error.detail))


async def _mistake(_: Request, error: Exception) -> JSONResponse:
    # A fault of ours; its traceback is printed where the simulator runs.
    return _answer(500, f"the simulator made a mistake: {type(error).__name__}: {error}")


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    path = [str(part) for part in first["loc"]]
    where = ".".join(path[1:]) or path[0]
    if first["type"] == "json_invalid":
        return _answer(400, f"the body is no JSON: {first['ctx']['error']} at character {path[-1]}", "body")
    if first["type"] == "extra_forbidden":
        return _answer(422, f"no key is called {where!r} here; /openapi.json lists them", where)
    if first["type"] == "missing":
        return _answer(422, f"{where or 'the body'} is missing", where)
    return _answer(422, f"{where}: {first['msg'].removeprefix('Value error, ')}", where)
