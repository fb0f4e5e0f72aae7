"""Templates: written by one, approved by two others, activated, and changed only as a new version.

Owns: register ``template``, id ``<id>@<version>``; versions, of which one is active at most. Which texts a template
matches, and what makes one unusable, is ``policy.templates``; who may take which step ``policy.approvals``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final, get_args

from smsgw.documents.names import with_hint
from smsgw.errors import RequestError
from smsgw.policy.approvals import ACTIVE, SUPERSEDED, drafted, missing_reviews, next_actions
from smsgw.policy.entries import Variable, VariableKind
from smsgw.policy.model import CLASS_LABELS
from smsgw.policy.templates import template_fault
from smsgw.services.desk import EVERYBODY, Desk, Page, Registered, checked_text, difference, named, one_of
from smsgw.store.registers import RegisterChange

KIND: Final = "template"
MOST_TEXT_CHARS: Final = 2_000
MOST_VARIABLE_CHARS: Final = 1_000
_WRITERS: Final = ("department", "market")
_ENDED: Final = (SUPERSEDED, "rejected", "expired")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_VARIABLE_KINDS: Final[tuple[VariableKind, ...]] = get_args(VariableKind)
_VARIABLE_NAME = re.compile(r"\w{1,40}")
_VARIABLE = re.compile(r"([^:]+)(?::([a-z]+))?(?::(?:([0-9]+)-)?([0-9]+))?")

VariableInput = Variable | Mapping[str, Any] | str


def parse_variable(text: str) -> Variable:
    """From ``name``, ``name:digits``, ``name:digits:6`` (at most 6) or ``name:text:2-10``. Raises RequestError."""
    match = _VARIABLE.fullmatch(text.strip())
    if match is None:
        raise RequestError("invalid", f"variables: {text!r} is not a variable such as code:digits:4-6")
    name, kind, least, most = match.groups()
    return _variable({"name": name, "kind": kind or "text", "min_chars": int(least or 1), "max_chars": int(most or 20)})


async def list_(
    desk: Desk,
    *,
    account: str = "",
    state: str = "",
    message_class: str = "",
    search: str = "",
    offset: int = 0,
    limit: int = 50,
) -> Page[Registered]:
    """Versions of templates; ``search`` is part of the id or the text. ``account`` also gives those of any account."""

    def wanted(document: Mapping[str, Any]) -> bool:
        return (
            (not account or document.get("account") in ("", account))
            and (not message_class or document.get("message_class") == message_class)
            and search in f"{document.get('id', '')} {document.get('text', '')}"
        )

    return await desk.rows(KIND, wanted, offset, limit, state)


async def get(desk: Desk, name: str, version: int = 0) -> Registered:
    """One version with its history, by default the latest."""
    if version:
        return await desk.look(KIND, f"{name}@{version}")
    return (await versions(desk, name))[-1]


async def versions(desk: Desk, name: str) -> list[Registered]:
    """All versions of a template, oldest first. Raises RequestError ``missing``."""
    desk.require_role(*EVERYBODY)
    found = [each for each in await _versions(desk, name) if desk.shows(KIND, each.document)]
    if not found:
        ids = {each.partition("@")[0] for each in await desk.ids(KIND)} if desk.accounts is None else ()
        raise RequestError("missing", with_hint(f"there is no template {name!r}", name, ids, list_valid=False))
    return found


def waits_for(found: Registered) -> list[str]:
    """The steps that may follow; of a draft the reviews that are missing."""
    return missing_reviews(KIND, found.document) or next_actions(KIND, found.document)


async def add(
    desk: Desk,
    name: str,
    *,
    text: str,
    message_class: str,
    account: str = "",
    campaign: str = "",
    variables: Sequence[VariableInput] = (),
    expires: str = "",
    why: str,
) -> Registered:
    """Write a new template as a draft, its first version."""
    desk.require_role(*_WRITERS)
    if not _ID.fullmatch(name):
        raise RequestError("invalid", f"id: {name!r}: expected up to 64 letters, digits, dots, _ and -")
    if await _versions(desk, name):
        raise RequestError("conflict", f"template {name} is there already; change it, which makes a new version")
    content = await _content(desk, text, message_class, account, campaign, variables, expires)
    document = drafted({"id": name, "version": 1, **content}, desk.person.name, desk.now_ms(), desk.reason(why))
    return await desk.put(KIND, f"{name}@1", document, "template.add", why)


async def change(
    desk: Desk,
    name: str,
    *,
    text: str | None = None,
    message_class: str | None = None,
    account: str | None = None,
    campaign: str | None = None,
    variables: Sequence[VariableInput] | None = None,
    expires: str | None = None,
    why: str,
) -> Registered:
    """Write the next version, as a draft; None takes a field from the latest one.

    An active version stays in force until the new one is activated. An older draft is superseded at once.
    """
    desk.require_role(*_WRITERS)
    known = await versions(desk, name)
    latest = known[-1]
    old = latest.document
    content = await _content(
        desk,
        old["text"] if text is None else text,
        old["message_class"] if message_class is None else message_class,
        old["account"] if account is None else account,
        old["campaign"] if campaign is None else campaign,
        old["variables"] if variables is None else variables,
        old["expires"] if expires is None else expires,
    )
    if all(old[field] == value for field, value in content.items()):
        raise RequestError("invalid", f"template {name}: nothing is different from version {old['version']}")
    version = int(old["version"]) + 1
    document = drafted({"id": name, "version": version, **content}, desk.person.name, desk.now_ms(), desk.reason(why))
    unfinished = [each for each in known if each.document["state"] not in (*_ENDED, ACTIVE, "suspended")]
    ended = [_superseded(desk, each, version) for each in unfinished]
    key = f"{name}@{version}"
    for each in (latest.document, document):
        desk.require_document(KIND, each)
    entry = desk.entry("template.change", f"template {key}", why, **difference(old, document))
    revisions = await desk.registers.write(KIND, [RegisterChange(key, document, 0), *ended], entry)
    return desk.registered(key, revisions[0], document)


async def step(desk: Desk, name: str, action: str, *, version: int = 0, revision: int = 0, why: str) -> Registered:
    """Take a version (by default the latest) a step further: ``approve-department``, ``approve-market``, ``reject``,
    ``activate``, ``suspend``, ``resume`` or ``expire``. Activating or resuming one ends the version that was in force.
    ``version`` and ``revision`` are what was looked at; without them a text may be approved that nobody saw.
    """
    known = await versions(desk, name)
    found = next((each for each in known if each.document["version"] == version), None) if version else known[-1]
    if found is None:
        raise RequestError("missing", f"template {name} has no version {version}")
    if action == "supersede":
        raise RequestError("invalid", "action: a version is superseded by activating another one")
    document = desk.moved(KIND, found, action, why, revision)
    if action in ("approve-department", "approve-market", "activate", "resume"):
        await _usable(desk, found)
    others: list[RegisterChange] = []
    if document["state"] == ACTIVE:
        live = [each for each in known if each.id != found.id and each.document["state"] in (ACTIVE, "suspended")]
        others = [_superseded(desk, each, int(document["version"])) for each in live]
    detail = difference(found.document, document)
    entry = desk.entry(f"template.{action}", f"template {found.id}", why, **detail, ends=[each.id for each in others])
    changes = [RegisterChange(found.id, document, found.revision), *others]
    revisions = await desk.registers.write(KIND, changes, entry)
    return desk.registered(found.id, revisions[0], document)


async def _versions(desk: Desk, name: str) -> list[Registered]:
    prefix = f"{name}@"
    found = [each for each in await desk.ids(KIND) if each.startswith(prefix)]
    stored = await desk.registers.get_some(KIND, found)
    rows = [desk.registered(key, each.revision, each.body) for key, each in stored.items() if each is not None]
    return sorted(rows, key=lambda row: int(row.document["version"]))


def _superseded(desk: Desk, found: Registered, by: int) -> RegisterChange:
    note = f"by version {by}"
    row = {"action": "supersede", "who": desk.person.name, "at_ms": desk.now_ms(), "note": note}
    document = {**found.document, "state": SUPERSEDED, "history": [*found.document.get("history", ()), row]}
    return RegisterChange(found.id, document, found.revision)


async def _content(
    desk: Desk,
    text: str,
    message_class: str,
    account: str,
    campaign: str,
    variables: Sequence[VariableInput],
    expires: str,
) -> dict[str, Any]:
    """The checked fields of a version."""
    one_of("class", message_class, CLASS_LABELS)
    desk.require_account(account)
    if account:
        named("account", account, desk.site.accounts, "account")
    if campaign:
        if desk.accounts is None:
            named("campaign", campaign, await desk.ids("campaign"), "campaign")
        owner = (await desk.find("campaign", campaign)).document["account"]
        if owner and account != owner:
            raise RequestError("invalid", f"campaign: {campaign} belongs to account {owner}; the template must, too")
    text = text.strip()
    if len(text) > MOST_TEXT_CHARS:
        raise RequestError("invalid", f"text: has {len(text)} characters, at most {MOST_TEXT_CHARS} are allowed")
    taken = tuple(_variable(each) for each in variables)
    fault = template_fault(text, taken)
    if fault is not None:
        raise RequestError("invalid", f"text: {fault}")
    return {
        "message_class": message_class,
        "text": text,
        "account": account,
        "campaign": campaign,
        "variables": [asdict(each) for each in taken],
        "expires": desk.future_day("expires", expires),
    }


async def _usable(desk: Desk, found: Registered) -> None:
    """What held when it was written must still hold when it is approved."""
    document = found.document
    fault = template_fault(document["text"], tuple(_variable(each) for each in document["variables"]))
    if fault is not None:
        raise RequestError("conflict", f"template {found.id}: text: {fault}")
    if document["campaign"] and document["campaign"] not in await desk.ids("campaign"):
        raise RequestError("conflict", f"template {found.id}: its campaign {document['campaign']} is there no more")
    if document["expires"] and document["expires"] < desk.today().isoformat():
        raise RequestError("conflict", f"template {found.id}: it expired on {document['expires']}")


def _variable(given: VariableInput) -> Variable:
    if isinstance(given, Variable):
        given = asdict(given)
    if isinstance(given, str):
        return parse_variable(given)
    name = checked_text("variables.name", given.get("name"))
    if not _VARIABLE_NAME.fullmatch(name):
        raise RequestError("invalid", f"variables: {name!r}: a name has up to 40 letters, digits and _")
    unknown = sorted(set(given) - {"name", "kind", "min_chars", "max_chars"})
    if unknown:
        raise RequestError("invalid", f"variables: {name}: {unknown[0]!r} is not known")
    kind = one_of(f"variables: {name}: kind", given.get("kind", "text"), _VARIABLE_KINDS)
    least, most = given.get("min_chars", 1), given.get("max_chars", 20)
    if not (isinstance(least, int) and isinstance(most, int) and 0 <= least <= most <= MOST_VARIABLE_CHARS and most):
        raise RequestError("invalid", f"variables: {name}: expected 0 to {MOST_VARIABLE_CHARS} characters, least first")
    return Variable(name, kind, least, most)
