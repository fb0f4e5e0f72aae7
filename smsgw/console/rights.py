"""Which role may do which request: one table, looked at before anything else of a request is.

Services decide once more, for commands come to them by another way, and whether somebody else must do a step. A request
that is not in the table nobody may do, so a new route without a row is noticed at once. An admin needs no mention.

Those who see only some accounts may do what has ``EVERYBODY`` in its row, and what is in ``BY_ACCOUNT``: there the
services filter and refuse by account. Anything else is refused to them whatever their role.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from smsgw.errors import RequestError
from smsgw.policy.approvals import STEPS
from smsgw.policy.entries import Kind
from smsgw.services.desk import EVERYBODY, READERS, ROLES, Desk
from smsgw.services.scope import ADMIN, REVIEW_READERS


def _steps(kind: Kind) -> tuple[str, ...]:
    """Whoever may do any step; which one is the service's to say."""
    return tuple(role for role in ROLES if any(role in step.roles for step in STEPS[kind]))


_LISTS: Final = ("compliance", "engineer")
_ABOUT_MESSAGES: Final = ("department", "market", "engineer")
_COMPLIANCE: Final = ("compliance",)
_CONSENTS: Final = ("compliance", "market")
_TIERS: Final = ("compliance", "market", "department")
_SIGNATURES: Final = ("department", "market", "compliance")
_TEMPLATES: Final = ("department", "market")
_CONTACTS: Final = ("market", "compliance")
_CARRIERS: Final = ("engineer", "management")
_PAUSES: Final = ("engineer", "compliance", "management")
_MONTHLY: Final = ("management", "compliance", "market", "viewer", "auditor", "department")
_AUDIT_REPORTS: Final = ("auditor", "compliance", "management")
_INCIDENTS: Final = ("compliance", "auditor", "engineer")

RIGHTS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "/api/me": {"GET": EVERYBODY},
    "/api/site": {"GET": EVERYBODY},
    "/api/session": {"GET": EVERYBODY},
    "/api/session/end": {"POST": EVERYBODY},
    "/api/sessions": {"GET": EVERYBODY},
    "/api/people": {"GET": ("auditor", "admin")},
    "/api/people/{name}/sessions": {"GET": ("auditor", "admin")},
    "/api/people/{name}/sessions/end": {"POST": ("admin",)},
    "/api/recipients/show": {"POST": READERS},
    "/api/optouts": {"POST": _LISTS},
    "/api/optouts/remove": {"POST": _LISTS},
    "/api/optouts/show": {"POST": READERS},
    "/api/optouts/import": {"POST": _COMPLIANCE},
    "/api/consents": {"POST": _CONSENTS},
    "/api/consents/show": {"POST": READERS},
    "/api/consents/import": {"POST": _CONSENTS},
    "/api/blacklist": {"POST": _LISTS},
    "/api/blacklist/remove": {"POST": _COMPLIANCE},
    "/api/blacklist/show": {"POST": READERS},
    "/api/blacklist/import": {"POST": _COMPLIANCE},
    "/api/complaints": {"POST": ("compliance", "engineer", "market")},
    "/api/dead-numbers": {"POST": _LISTS},
    "/api/dead-numbers/forget": {"POST": _LISTS},
    "/api/dead-numbers/show": {"POST": READERS},
    "/api/dead-numbers/import": {"POST": _LISTS},
    "/api/tiers": {"POST": _TIERS},
    "/api/tiers/show": {"POST": READERS},
    "/api/tiers/import": {"POST": _TIERS},
    "/api/review": {"GET": REVIEW_READERS},
    "/api/review/{message_id}": {"GET": REVIEW_READERS},
    "/api/review/{message_id}/reveal": {"POST": _COMPLIANCE},
    "/api/review/{message_id}/release": {"POST": _COMPLIANCE},
    "/api/review/{message_id}/reject": {"POST": _COMPLIANCE},
    "/api/quotas": {"GET": EVERYBODY},
    "/api/quotas/{account}": {"GET": EVERYBODY},
    "/api/signatures": {"GET": EVERYBODY, "POST": _SIGNATURES},
    "/api/signatures/{account}/{name}": {"GET": EVERYBODY, "PATCH": _SIGNATURES},
    "/api/signatures/{account}/{name}/step": {"POST": _steps("signature")},
    "/api/templates": {"GET": EVERYBODY, "POST": _TEMPLATES},
    "/api/templates/{id}": {"GET": EVERYBODY, "PATCH": _TEMPLATES},
    "/api/templates/{id}/versions": {"GET": EVERYBODY},
    "/api/templates/{id}/step": {"POST": _steps("template")},
    "/api/channels": {"GET": READERS, "POST": _ABOUT_MESSAGES},
    "/api/channels/{channel}": {"GET": READERS, "PATCH": _ABOUT_MESSAGES},
    "/api/channels/{channel}/step": {"POST": _steps("channel")},
    "/api/words": {"GET": READERS, "PUT": _COMPLIANCE},
    "/api/words/remove": {"POST": _COMPLIANCE},
    "/api/words/import": {"POST": _COMPLIANCE},
    "/api/contacts": {"GET": EVERYBODY, "POST": _CONTACTS, "PATCH": _CONTACTS},
    "/api/contacts/step": {"POST": _steps("contact")},
    "/api/contacts/remove": {"POST": _CONTACTS},
    "/api/campaigns": {"GET": EVERYBODY, "POST": _ABOUT_MESSAGES},
    "/api/campaigns/{name}": {"GET": EVERYBODY, "PATCH": _ABOUT_MESSAGES},
    "/api/campaigns/{name}/step": {"POST": _steps("campaign")},
    "/api/pauses": {"GET": EVERYBODY, "POST": _PAUSES, "PATCH": _PAUSES},
    "/api/pauses/resume": {"POST": _PAUSES},
    "/api/audit": {"GET": READERS},
    "/api/audit/verify": {"GET": READERS},
    "/api/audit/export": {"GET": READERS},
    "/api/overview": {"GET": EVERYBODY},
    "/api/carriers": {"GET": READERS},
    "/api/carriers/{carrier}": {"GET": READERS},
    "/api/carriers/{carrier}/suspend": {"POST": _CARRIERS},
    "/api/carriers/{carrier}/drain": {"POST": _CARRIERS},
    "/api/carriers/{carrier}/resume": {"POST": _CARRIERS},
    "/api/accounts": {"GET": EVERYBODY},
    "/api/accounts/{account}": {"GET": EVERYBODY},
    "/api/accounts/{account}/refusals": {"GET": EVERYBODY},
    "/api/map": {"GET": EVERYBODY},
    "/api/messages/search": {"POST": EVERYBODY},
    "/api/messages/{message_id}": {"GET": EVERYBODY},
    "/api/messages/{message_id}/reveal": {"POST": _LISTS},
    "/api/figures": {"GET": EVERYBODY},
    "/api/figures.csv": {"GET": EVERYBODY},
    "/api/figures/cost": {"GET": EVERYBODY},
    "/api/figures/cost.csv": {"GET": EVERYBODY},
    "/api/links": {"GET": EVERYBODY},
    "/api/reports/monthly": {"GET": _MONTHLY},
    "/api/reports/monthly.{form}": {"GET": _MONTHLY},
    "/api/reports/audit": {"GET": _AUDIT_REPORTS},
    "/api/reports/audit.{form}": {"GET": _AUDIT_REPORTS},
    "/api/reports/key": {"GET": tuple(dict.fromkeys((*_MONTHLY, *_INCIDENTS)))},
    "/api/reports/incident": {"POST": _INCIDENTS},
    "/api/reports/incident.{form}": {"POST": _INCIDENTS},
    "/api/explain": {"POST": EVERYBODY},
    "/api/alarms": {"GET": EVERYBODY},
    "/api/alarms/history": {"GET": EVERYBODY},
    "/api/alarms/silences": {"POST": _PAUSES},
    "/api/alarms/silences/end": {"POST": _PAUSES},
    "/api/alarms/acknowledge": {"POST": _PAUSES},
    "/api/alarms/channels/test": {"POST": ("engineer",)},
}


BY_ACCOUNT: Final = frozenset(
    {
        "/api/signatures/{account}/{name}/step",
        "/api/templates/{id}/step",
        "/api/channels",
        "/api/channels/{channel}",
        "/api/channels/{channel}/step",
        "/api/campaigns/{name}/step",
        "/api/reports/monthly",
        "/api/reports/monthly.{form}",
        "/api/reports/key",
    }
)
"""Also these know whose a thing is, though application teams have no business there."""


def roles_of(method: str, route: str) -> tuple[str, ...]:
    """The roles that may do a request; none for one that there is not."""
    roles = RIGHTS.get(route, {}).get(method, ())
    return roles if not roles or ADMIN in roles else (*roles, ADMIN)


def is_by_account(route: str) -> bool:
    """Whether those who see only some accounts may come here with the right role."""
    return route in BY_ACCOUNT or any("application" in roles for roles in RIGHTS.get(route, {}).values())


def check(desk: Desk, method: str, route: str) -> None:
    """Raises RequestError ``forbidden`` unless the person may do this request. ``route``: its pattern."""
    roles = RIGHTS.get(route, {}).get(method, ())
    if not roles:
        raise RequestError("forbidden", "nobody may do this request")
    (desk.require_role if is_by_account(route) else desk.require)(*roles)


def of(desk: Desk) -> list[str]:
    """Every request that the person may do, such as ``GET /api/quotas``, for pages that offer no more than that."""
    return [f"{method} {route}" for route, methods in RIGHTS.items() for method in methods if _may(desk, method, route)]


def _may(desk: Desk, method: str, route: str) -> bool:
    has_role = not desk.person.roles.isdisjoint(roles_of(method, route))
    return has_role and (desk.accounts is None or is_by_account(route))
