"""Every change over HTTP: not by who only looks, not without a reason, audited once, and no full number gets there."""

from __future__ import annotations

from typing import Any

import httpx

from smsgw.services.desk import Desk
from tests.unit.console.conftest import Asked, ok, problem

NUMBER = "13912345678"
SPELLED = ("13912345678", "１３９１２３４５６７８", "139-1234-5678")
WHY = {"why": f"called: {' '.join(SPELLED)}"}
WHO = {"number": NUMBER, **WHY}
CONTACT = {"account": "shop", "kind": "phone", "value": NUMBER, **WHY}
TEMPLATE = {"id": "t1", "message_class": "notice", "text": f"电{NUMBER}号{{a}}元", "variables": [{"name": "a"}], **WHY}
CHANNEL = {"channel": "account:shop", "licence": NUMBER, "licence_expires": "2027-01-01", **WHY}

CHANGES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("POST", "/api/optouts", WHO),
    ("POST", "/api/optouts/remove", {**WHO, "source": NUMBER}),
    ("POST", "/api/consents", {**WHO, "source": NUMBER, "wording": NUMBER}),
    ("POST", "/api/blacklist", WHO),
    ("POST", "/api/blacklist/remove", WHO),
    ("POST", "/api/complaints", {**WHO, "source": NUMBER}),
    ("POST", "/api/dead-numbers", WHO),
    ("POST", "/api/dead-numbers/forget", WHO),
    ("POST", "/api/tiers", {**WHO, "tier": "loyal"}),
    ("POST", "/api/signatures", {"account": "shop", "name": "新签名", "owner": NUMBER, "proof": NUMBER, **WHY}),
    ("PATCH", "/api/signatures/{account}/{name}", {"owner": "示例", **WHY}),
    ("POST", "/api/signatures/{account}/{name}/step", {"action": "activate", **WHY}),
    ("POST", "/api/templates", TEMPLATE),
    ("PATCH", "/api/templates/{id}", {"text": f"电{NUMBER}号，{{a}}元", **WHY}),
    ("POST", "/api/templates/{id}/step", {"action": "reject", **WHY}),
    ("POST", "/api/channels", CHANNEL),
    ("PATCH", "/api/channels/{channel}", {"licence": "B2-2", **WHY}),
    ("POST", "/api/channels/{channel}/step", {"action": "reject", **WHY}),
    ("PUT", "/api/words", {"word": NUMBER, **WHY}),
    ("POST", "/api/words/remove", {"word": NUMBER, **WHY}),
    ("POST", "/api/contacts", CONTACT),
    ("PATCH", "/api/contacts", {**CONTACT, "owner": "示例"}),
    ("POST", "/api/contacts/step", {**CONTACT, "action": "suspend"}),
    ("POST", "/api/contacts/remove", CONTACT),
    ("POST", "/api/campaigns", {"name": "c1", **WHY}),
    ("PATCH", "/api/campaigns/{name}", {"slots": ["11:00-12:00"], **WHY}),
    ("POST", "/api/campaigns/{name}/step", {"action": "suspend", **WHY}),
    ("POST", "/api/carriers/{carrier}/suspend", WHY),
    ("POST", "/api/carriers/{carrier}/drain", WHY),
    ("POST", "/api/carriers/{carrier}/resume", WHY),
    ("POST", "/api/pauses", {"scope": "global", **WHY}),
    ("PATCH", "/api/pauses", {"scope": "global", "expires": "2h", **WHY}),
    ("POST", "/api/pauses/resume", {"scope": "global", **WHY}),
)
NO_CHANGES = ("/show", "/explain", "/search")
ELSEWHERE = ("/api/people/", "/api/alarms", "/import", "/review/", "/messages/", "/reports/", "/api/session")
"""Changes that have tests of their own."""


def path_of(route: str) -> str:
    names = {"{account}": "shop", "{id}": "t1", "{channel}": "account:shop", "{carrier}": "alpha"}
    names["{name}"] = "新签名" if "signatures" in route else "c1"
    for name, value in names.items():
        route = route.replace(name, value)
    return route


async def test_every_change_is_audited_without_a_full_number(
    client: httpx.AsyncClient, root: Asked, desk: Desk
) -> None:
    viewer = Asked(client, "viewer")
    for count, (method, route, body) in enumerate(CHANGES, 1):
        path = path_of(route)
        assert "viewer needs " in problem(await viewer.post(path, body, method), 403)
        assert "why: " in problem(await root.post(path, {**body, "why": " "}, method), 400)
        ok(await root.post(path, body, method))
        assert (await desk.log.head()).seq == count, f"{method} {route} is not audited, or twice"
    log = (await root.get("/api/audit/export")).text
    assert "139****5678" in log
    assert not [spelled for spelled in SPELLED if spelled in log]


async def test_no_change_is_forgotten_here(root: Asked) -> None:
    paths = ok(await root.get("/openapi.json"))["paths"]
    there = {(method.upper(), path) for path, operations in paths.items() for method in operations if method != "get"}
    tested = {(method, route) for method, route, _ in CHANGES}
    left = {(method, path) for method, path in there - tested if not path.endswith(NO_CHANGES)}
    assert not [path for _, path in left if not any(part in path for part in ELSEWHERE)]
