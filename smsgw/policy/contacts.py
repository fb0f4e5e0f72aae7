"""Rule 8: links and phone numbers in a text only as they are registered, for the account or the whole company.

Owns: the compiled register and its comparison with what ``links`` and ``phones`` find in the whole text. Never finds
anything itself. A registered host covers all below it; a registered path covers what begins with it, to a border.
An entry holds while it is active, through its last day in the profile's zone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, TypeAlias

from smsgw.policy.entries import ContactEntry
from smsgw.policy.links import Link, find_links
from smsgw.policy.localtime import LocalDay
from smsgw.policy.model import Draft, Outcome, Refusal, Rule
from smsgw.policy.numbers import mask
from smsgw.policy.phones import bare, find_phones
from smsgw.policy.reasons import CONTACT
from smsgw.policy.text import fold_kept

if TYPE_CHECKING:
    from smsgw.policy.pipeline import Parts

__all__ = ["Contacts", "contact_rule", "links_in", "phones_in"]

_ANYBODY: Final = "*"
_FOR_EVER: Final = "9999-12-31"
_NEVER: Final = ""
_PATH_BORDER: Final = "/?#&="
_Row: TypeAlias = tuple[str, str, str]
"""Account, path, last day."""


def links_in(text: str) -> list[str]:
    """The links of a text as they are read, folded and without scheme: ``example.com/a`` for ``ｅxample点com/A``."""
    return [str(link) for link in find_links(fold_kept(text))]


def phones_in(text: str) -> list[str]:
    """The phone numbers of a text, digits only, Chinese ones without the country's code."""
    return find_phones(fold_kept(text))


class Contacts:
    """The compiled register."""

    __slots__ = ("_hosts", "_phones")

    def __init__(self, entries: Iterable[ContactEntry]) -> None:
        self._hosts: dict[str, list[_Row]] = {}
        self._phones: dict[str, dict[str, str]] = {}  # last day by account, by number
        for entry in entries:
            if entry.state != "active":
                continue
            last_day = entry.expires or _FOR_EVER
            if entry.kind == "phone":
                last_days = self._phones.setdefault(bare(entry.value), {})
                last_days[entry.account] = max(last_day, last_days.get(entry.account, _NEVER))
                continue
            host, path = _split(fold_kept(entry.value))
            if host:
                self._hosts.setdefault(host, []).append((entry.account, path, last_day))

    def allow_link(self, account: str, link: Link, day: str) -> bool:
        """Whether an account may name a link on a day (ISO text)."""
        host = _readable(link.host)
        hosts, path = self._hosts, link.path
        for each in _above(host, link.is_loose):
            for who, registered, last_day in hosts.get(each, ()):
                if who in (account, _ANYBODY) and day <= last_day and _begins(path, registered):
                    return True
        return False

    def allow_phone(self, account: str, number: str, day: str) -> bool:
        """Whether an account may name a phone number (as ``phones_in`` gives it) on a day (ISO text)."""
        last_days = self._phones.get(number)
        if last_days is None:
            return False
        return day <= last_days.get(account, _NEVER) or day <= last_days.get(_ANYBODY, _NEVER)


def _split(value: str) -> tuple[str, str]:
    """Host and path of what was registered, with or without a scheme."""
    _, _, rest = value.strip().rpartition("://")
    host, slash, path = rest.partition("/")
    path = path.rstrip("/")
    return _readable(host.partition(":")[0].strip(".")), slash + path if path else ""


def _readable(host: str) -> str:
    """The host with its xn-- labels as people read them."""
    if "xn--" not in host:
        return host
    return ".".join(map(_readable_label, host.split(".")))


def _readable_label(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return fold_kept(label[4:].encode("ascii").decode("punycode"))
    except UnicodeError:
        return label


def _above(host: str, is_loose: bool) -> Iterator[str]:
    """The host and all that it is below; of a loose one also what is left without its first Han."""
    if is_loose:
        first = host.index(".")
        for start in range(1, first):
            yield host[start:]
    yield host
    dot = host.find(".")
    while dot >= 0:
        yield host[dot + 1 :]
        dot = host.find(".", dot + 1)


def _begins(path: str, registered: str) -> bool:
    return not registered or (
        path.startswith(registered) and (len(path) == len(registered) or path[len(registered)] in _PATH_BORDER)
    )


def contact_rule(parts: Parts, message_class: int) -> Rule | None:
    """Compiles the rule for one class."""
    settings = parts.profile.contacts
    sees_links, sees_phones = message_class in settings.links_for, message_class in settings.phones_for
    if not (sees_links or sees_phones):
        return None
    account, registers = parts.account.name, parts.registers
    local_day = LocalDay.of(parts.profile.zone)

    def check(draft: Draft) -> Outcome:
        plain = draft.plain
        links = find_links(plain) if sees_links else []
        phones = find_phones(plain) if sees_phones else []
        if not (links or phones):
            return None
        contacts, day = registers.contacts, draft.day or local_day(draft.at_ms)
        for link in links:
            if not contacts.allow_link(account, link, day):
                return Refusal(CONTACT, f"link {link.host} is not registered for this account")
        for number in phones:
            if not contacts.allow_phone(account, number, day):
                return Refusal(CONTACT, f"phone number {mask(number)} is not registered for this account")
        return None

    def looked_at(draft: Draft) -> str:
        links = [str(link) for link in find_links(draft.plain)] if sees_links else []
        phones = [mask(number) for number in find_phones(draft.plain)] if sees_phones else []
        return f"links: {', '.join(links) or 'none'}; phone numbers: {', '.join(phones) or 'none'}"

    return Rule(8, "contact", check, looked_at)
