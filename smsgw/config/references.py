"""What only shows when several files are looked at together: names that must exist, and must not clash.

A file that is broken on its own still counts with its name, so that one typing error does not
turn every reference to it into a second error.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel

from smsgw.config.account import AccountSettings
from smsgw.config.carrier import CarrierSettings
from smsgw.config.links import LinksSettings
from smsgw.config.node import NodeFile
from smsgw.config.profile_tables import CapTable, ProfileFile
from smsgw.config.site import NumberOwner
from smsgw.documents.document import Document
from smsgw.documents.names import with_hint
from smsgw.documents.problems import Problems
from smsgw.policy.model import CLASS_LABELS
from smsgw.policy.profile import Profile
from smsgw.policy.signature import signature_fault
from smsgw.policy.text import normalise

M = TypeVar("M", bound=BaseModel)

#: Stop words that are everyday answers too: no, cancel. All others mean what they say.
_DIALOGUE_STOPS = frozenset(("n", "no", "取消", "cancel", "end", "quit"))


@dataclass(frozen=True, slots=True)
class Entry(Generic[M]):
    """One file of a folder. ``name`` is what others call it by, also when ``settings`` is None because it is broken."""

    path: Path
    name: str
    document: Document | None
    settings: M | None


def check_names_differ(entries: Iterable[Entry[M]], key: str, problems: Problems) -> None:
    """An error for each file whose name another file has already."""
    first: dict[str, Path] = {}
    for entry in entries:
        if entry.document is None or key not in entry.document.data:
            continue
        if entry.name in first:
            entry.document.error(problems, (key,), f"{entry.name!r} is used by {first[entry.name]} already")
        first.setdefault(entry.name, entry.path)


def check_account(
    account: AccountSettings,
    document: Document,
    profiles: Mapping[str, Profile],
    today: date,
    problems: Problems,
) -> None:
    """What an account says of signatures and time."""
    profile = profiles.get(account.profile)
    if profile is not None:
        rule = profile.signature
        for index, signature in enumerate(account.signatures):
            fault = signature_fault(signature, rule)
            if fault is not None:
                hint = "; write it without the brackets" if set("【】[]") & set(signature) else ""
                document.error(problems, ("signatures", index), f"{signature!r} {fault}{hint}")
        if account.message_class in rule.required_for and not account.signatures:
            why = f"profile {profile.name!r} requires a signature and this account has none: all it sends is refused"
            document.warn(problems, ("signatures",), f"{why}, unless one is registered")
        _check_service_phone(account, document, profile, problems)
        _check_dialogue(account, document, profile, problems)
    for index, number in enumerate(account.numbers):
        if number.signature and number.signature not in account.signatures:
            why = f"{number.signature!r} is not among this account's signatures"
            document.error(
                problems, ("numbers", index, "signature"), with_hint(why, number.signature, account.signatures)
            )
        if account.message_class not in number.classes:
            label = CLASS_LABELS[account.message_class]
            why = f"this account sends {label}, which must not go out from {number.number}"
            document.warn(problems, ("numbers", index, "class"), why)
    if account.licence_expires is not None and account.licence_expires < today:
        document.warn(problems, ("licence_expires",), f"expired on {account.licence_expires}: all it sends is refused")


def _check_service_phone(account: AccountSettings, document: Document, profile: Profile, problems: Problems) -> None:
    if account.message_class in profile.service_phone.required_for and not account.service_phone:
        why = f"profile {profile.name!r} requires a service phone and this account has none: all it sends is refused"
        document.warn(problems, ("service_phone",), why)
    if profile.source.registered_only and not account.numbers:
        why = f"profile {profile.name!r} takes registered numbers only and this account has none"
        document.warn(problems, ("numbers",), f"{why}: it can send only with an empty source address")


def _check_dialogue(account: AccountSettings, document: Document, profile: Profile, problems: Problems) -> None:
    """Words that an account takes for its dialogues mean something in its profile; complaints can't be taken."""
    mo = profile.mo
    words = {normalise(word) for word in (*mo.stop_words, *mo.start_words, *mo.help_words)}
    complaints = {normalise(word) for word in mo.complaint_words}
    stops = {normalise(word) for word in mo.stop_words} - _DIALOGUE_STOPS
    for index, word in enumerate(account.dialogue_words):
        if normalise(word) in complaints:
            document.error(problems, ("dialogue_words", index), f"{word!r} is a complaint in profile {profile.name!r}")
        elif normalise(word) in stops:
            why = f"{word!r} opts out in profile {profile.name!r}, whatever was asked; only N and words for cancelling"
            document.error(problems, ("dialogue_words", index), f"{why} may mean something else in a dialogue")
        elif normalise(word) not in words:
            why = f"{word!r} means nothing in [mo] of profile {profile.name!r} and goes to the application anyway"
            document.warn(problems, ("dialogue_words", index), why)


def check_caps(profiles: Iterable[Entry[ProfileFile]], problems: Problems) -> None:
    """A cap counts by its name, so two profiles may share one only if it is the same."""
    first: dict[str, tuple[ProfileFile, CapTable]] = {}
    for entry in profiles:
        if entry.settings is None or entry.document is None:
            continue
        for index, cap in enumerate(entry.settings.cap):
            file, known = first.setdefault(cap.name, (entry.settings, cap))
            if file is not entry.settings and (cap != known or file.zone.key != entry.settings.zone.key):
                why = f"profile {file.name!r} has another cap of this name, and both would count together"
                entry.document.error(problems, ("cap", index, "name"), why)


def own_numbers(entries: Iterable[Entry[AccountSettings]], problems: Problems) -> dict[str, NumberOwner]:
    """Number → owner. An error for a number of two accounts; a warning where one begins with another account's."""
    owners: dict[str, NumberOwner] = {}
    places: list[tuple[str, str, Document, int]] = []
    for entry in entries:
        if entry.settings is None or entry.document is None:
            continue
        for index, row in enumerate(entry.settings.numbers):
            taken = owners.get(row.number)
            if taken is not None:
                why = f"{row.number} belongs to account {taken.account!r} already"
                entry.document.error(problems, ("numbers", index, "number"), why)
                continue
            owners[row.number] = NumberOwner(entry.settings.system_id, row.signature)
            places.append((row.number, entry.settings.system_id, entry.document, index))
    for number, account, document, index in places:
        for length in range(len(number) - 1, 0, -1):
            shorter = owners.get(number[:length])
            if shorter is not None and shorter.account != account:
                why = f"extends {number[:length]} of account {shorter.account!r}; answers to {number} go to {account!r}"
                document.warn(problems, ("numbers", index, "number"), why)
                break
    return owners


def check_profile_name(document: Document, profiles: set[str], problems: Problems) -> None:
    """An account names a profile that exists. Looks at the bare values, so also in a file that is otherwise wrong."""
    name = document.data.get("profile")
    if isinstance(name, str) and name not in profiles:
        document.error(problems, ("profile",), with_hint(f"no profile is named {name!r}", name, profiles))


def check_short_links(account: AccountSettings, document: Document, links: LinksSettings, problems: Problems) -> None:
    """An account has short links only where the site says what they begin with."""
    if account.short_links and not links.is_on:
        why = "there are none while [links] of smsgw.toml has no base_url"
        document.error(problems, ("short_links",), f'{why}; write base_url = "https://s.example.cn" there')


def check_carrier(
    carrier: CarrierSettings, document: Document, routed: Collection[str] | None, problems: Problems
) -> None:
    """Carriers that are of no use. ``routed``: those that routes name; None: the routes can't be read."""
    if not carrier.receives:
        document.warn(problems, ("binds",), "none of them can receive: no receipts and no MO from this carrier")
    if routed is not None and carrier.name not in routed:
        document.warn(problems, ("name",), f"no route names carrier {carrier.name!r}: nothing is sent over it")


def check_account_rates(document: Document, accounts: Collection[str], problems: Problems) -> None:
    """``account_rates`` of a carrier name accounts."""
    rates = document.data.get("account_rates")
    for name in rates if isinstance(rates, dict) else ():
        if name not in accounts:
            fault = with_hint(f"no account is named {name!r}", name, accounts)
            document.error(problems, ("account_rates", name), fault)


def check_node(node: NodeFile, document: Document, problems: Problems) -> None:
    """Ports that clash, and settings that are allowed but dangerous."""
    tls = node.listener.tls
    if tls is not None and tls.port and tls.port == node.listener.port:
        document.error(problems, ("listener", "tls", "port"), f"{tls.port} is the plain listener's port already")
    if node.ops.port and node.ops.port in (node.listener.port, tls.port if tls is not None else 0):
        document.error(problems, ("ops", "port"), f"{node.ops.port} is a listener's port already")
    console = node.console.port
    if console and console in (node.ops.port, node.listener.port, tls.port if tls is not None else 0):
        document.error(problems, ("console", "port"), f"{console} is in use by this process's own listeners already")
    redirects = node.links.port if node.links.is_on else 0
    if redirects and redirects in (console, node.ops.port, node.listener.port, tls.port if tls is not None else 0):
        document.error(problems, ("links", "port"), f"{redirects} is in use by this site's own listeners already")
    if node.channels.approval is None:
        why = 'nobody has decided whether accounts and carriers need an approval; write approval = "required" or "none"'
        document.warn(problems, ("channels", "approval"), f"{why}. Until then none is asked for")
    if node.uncertain.marketing == "resend":
        document.warn(problems, ("uncertain", "marketing"), "a customer may get the same marketing message twice")
    if node.clock.mode == "test":
        document.warn(problems, ("clock", "mode"), "business time is a test clock: never with real carriers")
