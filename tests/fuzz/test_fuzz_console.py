"""The console's API, asked whatever its own description allows and forbids: no mistake of ours, nothing undocumented.

Every request of ``/openapi.json`` gets bodies, queries and paths made by schemathesis, some of their values replaced by
such as are there, so that services are reached and not only their doors. The store is a real one with something in it.
``SMSGW_FUZZ_EXAMPLES=200`` for a long run (of each request, half of them against its schema), ``SMSGW_FUZZ_SEED`` for
another run of chance. The same seed and count make the same requests; a failure prints one to repeat.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime
from random import Random
from typing import Any, Final, cast

import anyio
import httpx
import pytest
import requests
import schemathesis
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from smsgw.cli.console import _Explainer
from smsgw.clock import to_ms
from smsgw.config.site import Site
from smsgw.console.app import build_app
from smsgw.store.connection import Store, StoreSettings
from smsgw.store.secrets import new_secrets
from tests.store.conftest import RunningServer
from tests.unit.console.conftest import site as everyone
from tests.unit.console.conftest import token
from tests.unit.console.test_audited import CHANGES, path_of
from tests.unit.services.conftest import server as server
from tests.unit.services.conftest import site as example

__all__ = ["everyone", "example", "server"]

_EXAMPLES = int(os.environ.get("SMSGW_FUZZ_EXAMPLES", "6"))
_SEED = int(os.environ.get("SMSGW_FUZZ_SEED", "8"))
_REQUEST_S: Final = 20
_OTHER_PATH: Final = 405
"""An empty or odd part of a path has made it another request's."""
_BASE: Final = "http://localhost:8776"
_NOW_MS: Final = to_ms(datetime.fromisoformat("2026-11-18T10:30:00+08:00"))
_CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
_ASKED_BY: Final = ("root", "root", "root", "admin", "application", "auditor")
_NUMBERS: Final = ("13912345678", "+8613912345678", "13800138000")
_SPANS: Final = ("2026-11-18", "2026-11-18 10:30", "2h", "2026-11-17T00:00:00+08:00")
_THERE: Final[dict[str, tuple[Any, ...]]] = {
    "account": ("shop", "orders", "*", ""),
    "action": ("activate", "suspend", "resume", "approve-department", "reject", "reopen", "expire"),
    "after": ("",),
    "at": _SPANS,
    "before": (0, 1, 5),
    "campaign": ("c1", ""),
    "carrier": ("alpha", "beta", ""),
    "channel": ("account:shop", "carrier:alpha"),
    "department": ("retail", "logistics", ""),
    "expires": ("2h", "2027-06-30", ""),
    "id": ("t1",),
    "kind": ("link", "phone", ""),
    "limit": (1, 50, 1000),
    "list": ("company", "national"),
    "message_class": ("otp", "notice", "marketing", ""),
    "form": ("html", "xlsx", "json", "csv"),
    "message_id": ("006b02588b5f19000301", "006b02588b5f19000301.0001"),
    "month": ("2026-10", "2026-11"),
    "number": _NUMBERS,
    "recipient": _NUMBERS,
    "revision": (0, 1, 2),
    "scope": ("global", "account:shop", "carrier:alpha", "signature:新签名", "bind:alpha#1"),
    "since": _SPANS,
    "starts": ("2026-11-18", ""),
    "ends": ("2027-06-30", ""),
    "state": ("draft", "active", ""),
    "template": ("t1", ""),
    "text": ("【示例商城】您的订单{a}已发出，请留意查收",),
    "tier": ("loyal", ""),
    "until": _SPANS,
    "version": (0, 1, 2),
    "word": ("保本", "高收益"),
}
"""Values that mean something, by the names of parameters and keys."""


@schemathesis.serializer("text/csv")
def _csv(context: schemathesis.SerializationContext, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode(errors="surrogatepass")


class _Console:
    """The application on a loop of its own, asked from outside."""

    def __init__(self, portal: BlockingPortal, client: httpx.AsyncClient) -> None:
        self._portal = portal
        self._client = client

    def ask(self, method: str, path: str, who: str, **rest: Any) -> httpx.Response:
        """Raises TimeoutError for what does not end."""
        headers = {**rest.pop("headers", {}), "authorization": f"Bearer {token(who)}"}

        async def answer() -> httpx.Response:
            with anyio.fail_after(_REQUEST_S):
                return await self._client.request(method, path, headers=headers, **rest)

        return self._portal.call(answer)


@contextmanager
def _running(site: Site, server: RunningServer) -> Iterator[tuple[_Console, dict[str, Any]]]:
    @asynccontextmanager
    async def opened() -> Any:
        secrets = new_secrets()
        sealer, hasher = secrets.sealer(), secrets.hasher()
        store = Store(server.server.url, sealer=sealer, recipients=hasher, settings=StoreSettings(partitions=2))
        await store.command(0, "FLUSHALL")
        await store.ready()
        app = build_app(site, store, lambda: _NOW_MS, explain=_Explainer(site).explain)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=_BASE) as client:
            yield client, app.openapi()
        await store.close()

    with start_blocking_portal() as portal, portal.wrap_async_context_manager(opened()) as (client, description):
        yield _Console(portal, client), description


@pytest.fixture
def console(everyone: Site, server: RunningServer) -> Iterator[tuple[_Console, dict[str, Any]]]:
    with _running(everyone, server) as (console, description):
        for method, route, body in CHANGES:
            console.ask(method, path_of(route), "root", json=body)
        yield console, description


def _made_real(value: Any, chance: Random, name: str = "") -> Any:
    """The same, with every other value that has a meaning replaced by one that is there."""
    if isinstance(value, dict):
        return {key: _made_real(each, chance, key) for key, each in value.items()}
    if name in _THERE and chance.random() < 0.5:
        return chance.choice(_THERE[name])
    if name == "name" and chance.random() < 0.5:
        return chance.choice(("新签名", "c1", "root"))
    if name == "why" and chance.random() < 0.8:
        return "fuzzed"
    return value


def _sent(console: _Console, case: Case[Any], chance: Random) -> httpx.Response:
    case.path_parameters = _made_real(case.path_parameters, chance)
    case.query = _made_real(case.query, chance)
    if isinstance(case.body, dict):
        case.body = _made_real(case.body, chance)
    case.cookies = {}
    plain = requests.Request(**case.as_transport_kwargs(base_url=_BASE)).prepare()
    body = plain.body or b""
    return console.ask(
        case.method,
        cast(str, plain.url),
        chance.choice(_ASKED_BY),
        content=body.encode() if isinstance(body, str) else body,
        headers={"content-type": case.media_type} if case.media_type else {},
    )


def _tried(console: _Console, operation: Any, mode: GenerationMode) -> list[str]:
    """What is wrong with the answers to one request in many forms."""
    chance = Random(f"{_SEED} {operation.label} {mode}")
    wrong: list[str] = []

    @seed(_SEED)
    @settings(
        max_examples=max(1, _EXAMPLES // 2),
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Case[Any]) -> None:
        try:
            answer = _sent(console, case, chance)
            if answer.status_code != _OTHER_PATH:
                case.validate_response(answer, checks=_CHECKS)
        except (Failure, FailureGroup, TimeoutError) as error:
            wrong.append(f"{operation.label}: {error}")

    with suppress(Unsatisfiable):  # a request without any parameter has nothing that could be against its schema
        ask()
    return wrong


def test_whatever_is_asked_is_answered_as_described(console: tuple[_Console, dict[str, Any]]) -> None:
    asked, description = console
    schema = schemathesis.openapi.from_dict(description)
    operations = [each.ok() for each in schema.get_all_operations() if isinstance(each, Ok)]
    assert len(operations) > 60
    wrong: list[str] = []
    for operation in operations:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            wrong += _tried(asked, operation, mode)
    assert not wrong, "\n\n".join(wrong)
