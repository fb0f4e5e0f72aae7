"""Short links: which links of a text are replaced, by what, and how long the text is then.

Owns: finding them in the text as it was written, the token of a link, and the text with short links in it. Looks once
the rules have looked at what the application wrote, and before its length is counted. Only a link that is registered
and active for the account, in plain ASCII, is replaced; all else of the text stays as it is.
A token is a keyed hash of who sends what: the same link of a campaign has one, and it says nothing about a recipient.
What can go wrong: two links have the same hash. Whoever stores them sees that, and asks for the ``again``-th token.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote, urlsplit

from smsgw.policy.links import Link, find_links
from smsgw.policy.localtime import LocalDay
from smsgw.policy.model import Draft, Outcome, Rule
from smsgw.policy.text import fold_kept

if TYPE_CHECKING:
    from smsgw.policy.pipeline import Parts

MOST_TOKEN_CHARS: Final = 16
DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LINK: Final = re.compile(
    r"(?<![A-Za-z0-9_@.~%/+&=#?-])(?P<scheme>[Hh][Tt][Tt][Pp][Ss]?://)?"
    r"(?P<host>(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+(?:[A-Za-z]{2,18}|[Xx][Nn]--[A-Za-z0-9-]*[A-Za-z0-9]))"
    r"(?![A-Za-z0-9_@%+-])(?!\.[A-Za-z0-9]|:[^\s/]*@)(?::[0-9]{1,5}(?![0-9]))?(?P<path>[/?#][!#-;=?-~]*)?"
)
_in_ascii: Final = re.compile(r"[!-~]+").finditer
_in_links: Final = _LINK.finditer
_BEHIND_A_LINK: Final = ".,;:!?()[]'~"
_SAFE: Final = "%/:?#[]@!$&'()*+,;=~-._"
_KNOWN: Final[dict[str, Link | None]] = {}
_KNOWN_LIMIT: Final = 4096


@dataclass(frozen=True, slots=True)
class ShortLinks:
    """How an account's links are shortened. ``base``: what stands before the token; ``classes``: of which messages.

    ``scheme`` of a link that was written without one; ``keep_ms``: how long one works after its last message.
    """

    base: str
    token_chars: int
    classes: frozenset[int]
    scheme: str = "https"
    keep_ms: int = 90 * 86_400_000

    @property
    def chars(self) -> int:
        """How long every short link is."""
        return len(self.base) + self.token_chars


class Place(NamedTuple):
    """Where a link stands in a text, and what stands there instead; ``short`` is empty until it is known."""

    start: int
    end: int
    short: str = ""


class Identity(NamedTuple):
    """What a short link is for: clicks are counted by these. ``url`` is where it leads."""

    account: str
    message_class: int
    signature: str
    template: str
    campaign: str
    url: str

    @property
    def mark(self) -> bytes:
        """16 octets that tell it from all others."""
        return blake2b(self._octets, digest_size=16).digest()

    def token(self, key: bytes, chars: int, again: int = 0) -> str:
        """Its token; ``again`` makes others, for when another link has that one."""
        hasher = blake2b(self._octets, digest_size=16, key=key, salt=again.to_bytes(16, "big"))
        number, found = int.from_bytes(hasher.digest(), "big"), ""
        for _ in range(chars):
            number, digit = divmod(number, len(DIGITS))
            found += DIGITS[digit]
        return found

    @property
    def _octets(self) -> bytes:
        return "\0".join((*map(str, self[:-1]), self.url)).encode("utf-8", "surrogatepass")


def sender(draft: Draft, template: str) -> tuple[str, int, str, str, str]:
    """All of the identity of a judged draft's links but where each leads."""
    return draft.account, draft.message_class, draft.signature or "", template, draft.campaign


def identities(draft: Draft, template: str, short_links: ShortLinks) -> list[Identity]:
    """What the links of a judged draft are for, in their order."""
    who = sender(draft, template)
    return [Identity(*who, target(each, short_links.scheme)) for each in written_links(draft)]


def written_links(draft: Draft) -> list[str]:
    """The links that short ones take the place of, as they stand in the text."""
    text = draft.text
    return [text[start:end] for start, end, _ in draft.links or ()]


def target(written: str, scheme: str) -> str:
    """The address that a link leads to, as a browser takes it."""
    if "://" not in written:
        return f"{scheme}://{quote(written, _SAFE)}"
    before, _, rest = written.partition("://")
    return f"{before.lower()}://{quote(rest, _SAFE)}"


def is_target(url: str) -> bool:
    """Whether somebody may be sent there: a whole address of the web, without a login in it."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return False


def rewritten(text: str, places: Iterable[Place]) -> str:
    """The text with its short links."""
    done, parts = 0, []
    for start, end, short in places:
        parts += [text[done:start], short]
        done = end
    return "".join((*parts, text[done:]))


def with_shorts(places: Sequence[Place], shorts: Iterable[str]) -> tuple[Place, ...]:
    """The places, each with what stands there."""
    return tuple(place._replace(short=short) for place, short in zip(places, shorts, strict=True))


def chars_of(draft: Draft, short_links: ShortLinks) -> int:
    """How long the text is with its short links."""
    links = draft.links or ()
    return len(draft.text) + sum(short_links.chars - (place.end - place.start) for place in links)


def short_links_of(parts: Parts, message_class: int) -> ShortLinks | None:
    """How the links of an account's messages of one class are shortened; None: they stay."""
    found = parts.account.short_links
    return found if found is not None and message_class in found.classes else None


def short_link_rule(parts: Parts, message_class: int) -> Rule | None:
    """What finds the links of a draft; it refuses nothing. None where links stay.

    Sets ``draft.links``, unless that is None: then it is known that they must stay.
    """
    short_links = short_links_of(parts, message_class)
    if short_links is None:
        return None
    account, registers = parts.account.name, parts.registers
    local_day = LocalDay.of(parts.profile.zone)
    own_host = short_links.base.rpartition("://")[2].partition("/")[0].partition(":")[0].lower()

    def is_registered(link: Link, day: str) -> bool:
        return link.host != own_host and registers.contacts.allow_link(account, link, day)

    def check(draft: Draft) -> Outcome:
        if draft.links is not None:
            text, plain = draft.text, draft.plain
            draft.links = ()
            if "." in text and (not plain or find_links(plain)):  # what rules read is remembered
                day = draft.day or local_day(draft.at_ms)
                draft.links = find_places(text, lambda link: is_registered(link, day))
        return None

    def looked_at(draft: Draft) -> str:
        found = [draft.text[place.start : place.end] for place in draft.links or ()]
        each = f"each as {short_links.base} and {short_links.token_chars} characters"
        return f"short links: {', '.join(found)}, {each}" if found else "short links: none of its links is registered"

    return Rule(10, "length", check, looked_at)


def find_places(text: str, is_wanted: Callable[[Link], bool]) -> tuple[Place, ...]:
    """Where links stand that are written as plain as can be, and are wanted."""
    found = []
    for chunk in _in_ascii(text):  # the search for links is slow over Han, so it never sees any
        start, end = chunk.span()
        if text.find(".", start, end) < 0:
            continue
        for match in _in_links(text, start, end):
            written = match[0].rstrip(_BEHIND_A_LINK)
            link = _read(written)
            if link is not None and is_wanted(link):
                found.append(Place(match.start(), match.start() + len(written)))
    return tuple(found)


def _read(written: str) -> Link | None:
    """The link as the rules read it; None where they read something else."""
    try:
        return _KNOWN[written]
    except KeyError:
        pass
    links = find_links(fold_kept(written))
    link = links[0] if len(links) == 1 and not links[0].is_loose else None
    if link is not None and not written.lower().partition("://")[2 if "://" in written else 0].startswith(link.host):
        link = None
    if len(_KNOWN) >= _KNOWN_LIMIT:
        _KNOWN.clear()
    _KNOWN[written] = link
    return link
