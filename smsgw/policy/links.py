"""Links in a text: with a scheme, after www, bare hosts with a real top-level domain, short links, in odd spellings.

Owns: finding them in what ``fold_kept`` gave: full-width letters and invisible characters are gone already. A dot may
also be 。 or ·, the word 点, stand in brackets or between spaces; then only with top-level domains that are no words.
Never decides whether a link is registered. An address of electronic mail is no link.
What can go wrong: prose and hosts look alike. ``Thanks.It is`` is prose and so is ``1.商城``; Han before a dot may be
part of a host or the sentence around it, so ``Link.host`` may begin with words of the sentence; ``is_loose`` says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from smsgw.policy.domains import CORE, HAN, LATIN, PROSE

_DOT: Final = r"(?:\.|\s{0,2}[\[(<]?\s?[.。·点]\s?[\])>]?\s{0,2})"
_LABEL: Final = r"(?>[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?)"
_HAN: Final = r"[\u3400-\u9fff]"
_HAN_TLD: Final = "(?:" + "|".join(sorted(HAN, key=len, reverse=True)) + f")(?!{_HAN})"
_TAIL: Final = r"(?P<port>:[0-9]{1,5}(?![0-9]))?(?P<path>[/?#][!-~]*)?"

_find_maybe: Final = re.compile(
    r"[.。·点:](?:(?<=:)//|(?<!:)[\])>]?\s{0,3}[\])>]?(?:[a-z]|" + _HAN_TLD + r"|(?<=\.)[0-9]{1,3}\.[0-9]))"
).search
_SCHEME: Final = re.compile(
    rf"https?://(?:[!-.0-~]*@)?(?P<host>(?:[a-z0-9_-]+\.)+[a-z]{{2,18}}(?![a-z0-9.-])"
    rf"|(?:[\u3400-\u9fffa-z0-9_-]+\.)+(?:[a-z]{{2,18}}|{_HAN_TLD})(?![a-z0-9_-])"
    rf"|[\u3400-\u9fffa-z0-9._-]+|\[[0-9a-f:]+\]){_TAIL}"
)
_HOST: Final = re.compile(
    rf"(?<![a-z0-9_-])(?P<host>(?:{_LABEL}{_DOT})+(?P<tld>xn--[a-z0-9-]+|[a-z]{{2,18}}|{_HAN_TLD}))(?![a-z0-9_-]){_TAIL}"
)
_HAN_HOST: Final = re.compile(rf"(?<={_HAN})(?P<host>\.(?P<tld>[a-z]{{2,18}}|{_HAN_TLD}))(?![a-z0-9_-]){_TAIL}")
_BEFORE_A_HAN_HOST: Final = re.compile(r"[^\u3400-\u9fffa-z0-9.-]")
_HAN_HOST_CHARS: Final = 40
_ADDRESS: Final = re.compile(rf"(?<![a-z0-9_.-])(?P<host>(?:[0-9]{{1,3}}\.){{3}}[0-9]{{1,3}})(?![0-9.]){_TAIL}")
_MAIL: Final = re.compile(r"(?<![a-z0-9_.*+-])[a-z0-9_.*+-]{1,64}@[a-z0-9.-]+")
_DOTS: Final = re.compile(_DOT)
_BEHIND_A_LINK: Final = ".,;:!?()[]<>\"'~"


@dataclass(frozen=True, slots=True)
class Link:
    """A link as it is read: ``host`` without scheme and port, ``path`` with what follows it. ``is_loose``: the host
    begins with Han that may belong to the sentence before it."""

    host: str
    path: str = ""
    is_loose: bool = False

    def __str__(self) -> str:
        return self.host + self.path


def find_links(plain: str) -> list[Link]:
    """The links of a text that ``fold_kept`` gave, in their order; quick where nothing looks like one."""
    return [link for _, _, link in _found(plain)] if _find_maybe(plain) is not None else []


def link_spans(plain: str) -> list[tuple[int, int, int]]:
    """Where the same links stand: start, end of the host, end; a loose one from the character before its dot."""
    if _find_maybe(plain) is None:
        return []
    spans = []
    for match, start, link in _found(plain):
        host_end = match.end() if match["path"] is None else match.start("path")
        spans.append((match.start() - 1 if link.is_loose else start, host_end, host_end + len(link.path)))
    return spans


def _found(plain: str) -> list[tuple[re.Match[str], int, Link]]:
    """Of readings that overlap only the surest, in the order of the text."""
    if "@" in plain and "://" not in plain:
        plain = _MAIL.sub(lambda mail: " " * len(mail[0]), plain)
    found: list[tuple[re.Match[str], int, Link]] = []
    for start, end, match, link in _candidates(plain):
        if all(end <= other_start or other.end() <= start for other, other_start, _ in found):
            found.append((match, start, link))
    return sorted(found, key=lambda each: each[1])


def _candidates(plain: str) -> Iterator[tuple[int, int, re.Match[str], Link]]:
    """All readings, the surest first."""
    for match in _SCHEME.finditer(plain):
        yield match.start(), match.end(), match, _link(match, match["host"].strip("."))
    for match in _HOST.finditer(plain):
        if _is_host(match, plain):
            yield match.start(), match.end(), match, _link(match, _DOTS.sub(".", match["host"]))
    for match in _ADDRESS.finditer(plain):
        if (match["port"] or match["path"]) and all(int(octet) < 256 for octet in match["host"].split(".")):
            yield match.start(), match.end(), match, _link(match, match["host"])
    for match in _HAN_HOST.finditer(plain):
        if match["tld"] in CORE or not match["tld"].isascii():
            before = _BEFORE_A_HAN_HOST.split(plain[max(0, match.start() - _HAN_HOST_CHARS) : match.start()])[-1]
            host = f"{before.lstrip('.-')}.{match['tld']}"
            yield match.start() - len(before), match.end(), match, _link(match, host, is_loose=True)


def _link(match: re.Match[str], host: str, is_loose: bool = False) -> Link:
    return Link(host, (match["path"] or "").rstrip(_BEHIND_A_LINK), is_loose)


def _is_host(match: re.Match[str], plain: str) -> bool:
    """Whether it is a link and no prose: the odder its dots, the surer its other parts must be."""
    host, tld, path = match["host"], match["tld"], match["path"]
    if tld.isascii() and tld not in LATIN and not tld.startswith("xn--"):
        return False
    labels = _DOTS.split(host)
    before = labels[-2]
    has_letter = not before.isdigit()
    if labels[0] == "www" or (path is not None and len(path) > 1 and has_letter):
        return True
    if any(dot != "." for dot in _DOTS.findall(host)):
        return tld in CORE and (has_letter or len(before) > 2)
    if tld in CORE:
        return True
    if not has_letter:
        return False
    # "Thanks.It is" goes on with a word; "abc.me" is followed by an end, by Han or by signs.
    return not (tld in PROSE and re.match(r" [a-z]", plain[match.end() :]))
