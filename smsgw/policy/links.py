"""Links in a text: with a scheme, after www, bare hosts with a real top-level domain, short links, in odd spellings.

Owns: finding them in what ``fold_kept`` gave: full-width letters and invisible characters are gone already. A dot may
also be 。 or ·, the word 点, stand in brackets or between spaces; then only with top-level domains that are no words.
Never decides whether a link is registered. An address of electronic mail is no link.
What can go wrong: prose and hosts look alike. ``Thanks.It is`` is prose and so is ``1.商城``; Han before a dot may be
part of a host or the sentence around it, so ``Link.host`` may begin with words of the sentence; ``is_loose`` says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from smsgw.policy.domains import CORE, HAN, LATIN, PROSE
from smsgw.policy.native import IS_COMPILED, flags, scan
from smsgw.policy.text import LATELY, outline

# Both atomic, as is the chain of them: a text of nothing but dots must not be tried in every way there is.
_DOT: Final = r"(?>\.|\s{0,2}[\[(<]?\s?[.。·点]\s?[\])>]?\s{0,2})"
_LABEL: Final = r"(?>[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?)"
_HAN: Final = r"[\u3400-\u9fff]"
_HAN_TLD: Final = "(?:" + "|".join(sorted(HAN, key=len, reverse=True)) + f")(?!{_HAN})"
_TAIL: Final = r"(?P<port>:[0-9]{1,5}(?![0-9]))?(?P<path>[/?#][!-~]*)?"

# What stands behind the dot of every host: a label with a letter, a top-level domain in Han, or the rest of an address.
_BEHIND_A_DOT: Final = rf"\s?[\])>]?\s{{0,2}}(?:[a-z]|{_HAN_TLD})"
_hint_at_a_dot: Final = re.compile(rf"\.(?:{_BEHIND_A_DOT}|[0-9]{{1,3}}\.[0-9])").search
_MAY_BEGIN: Final = "[a-z\\s\\])>" + "".join(sorted({tld[0] for tld in HAN})) + "]"
_hint_at_a_stop, _hint_at_a_middle_dot, _hint_at_a_word = (
    re.compile(f"{dot}(?={_MAY_BEGIN}){_BEHIND_A_DOT}").search for dot in "。·点"
)
_SCHEME: Final = re.compile(
    rf"https?://(?:[!-.0-~]*@)?(?P<host>(?:[a-z0-9_-]+\.)+[a-z]{{2,18}}(?![a-z0-9.-])"
    rf"|(?:[\u3400-\u9fffa-z0-9_-]+\.)+(?:[a-z]{{2,18}}|{_HAN_TLD})(?![a-z0-9_-])"
    rf"|[\u3400-\u9fffa-z0-9._-]+|\[[0-9a-f:]+\]){_TAIL}"
)
# What stands in front is looked at behind the first character: so the search runs over Han without trying.
_HOST: Final = re.compile(
    rf"[a-z0-9](?<![a-z0-9_-][a-z0-9])(?>(?:[a-z0-9_-]*[a-z0-9])?)(?:{_DOT}(?:{_LABEL}|{_HAN_TLD}))++"
    rf"(?P<stop>)(?![a-z0-9_-]){_TAIL}"
)
_LABELS: Final = re.compile(rf"{_LABEL}|{_HAN_TLD}")
_LABELS_BEHIND: Final = 20
_WORD_FOLLOWS: Final = re.compile(" [a-z]")
_HAN_HOST: Final = re.compile(rf"\.(?<={_HAN}\.)(?P<tld>[a-z]{{2,18}}|{_HAN_TLD})(?![a-z0-9_-]){_TAIL}")
_BEFORE_A_HAN_HOST: Final = re.compile(r"[^\u3400-\u9fffa-z0-9.-]")
_HAN_HOST_CHARS: Final = 40
_find_octets: Final = re.compile(r"\.[0-9]{1,3}\.[0-9]{1,3}\.").search
_ADDRESS: Final = re.compile(r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}")
_MAIL: Final = re.compile(r"(?<![a-z0-9_.*+-])[a-z0-9_.*+-]{1,64}@[a-z0-9.-]+")
_DOTS: Final = re.compile(_DOT)
_BEHIND_A_LINK: Final = ".,;:!?()[]<>\"'~"
# The usual spelling: ASCII, one kind of dot, and on both sides what can neither be part of a host nor join two.
# The scheme is one character late, so it is as long as itself.
_QUIET: Final = "\u3400-\u70b8\u70ba-\u9fff"
_match_usual: Final = re.compile(
    rf"[a-z0-9](?:(?<=[{_QUIET}][a-z0-9])|(?<=[{_QUIET}a-z0-9,;!?:] [a-z0-9])|(?<=\A[a-z0-9])"
    rf"|(?<=[{_QUIET}][,;!?:\"'\])>][a-z0-9]))"
    r"(?P<scheme>(?<=h)ttps?://[a-z0-9])?(?>(?:[a-z0-9_-]*[a-z0-9])?)\."
    rf"(?>(?:{_LABEL}\.)*)[a-z]{{2,18}}"
    rf"(?:(?P<path>[/?#][!-~]*+)|(?=[{_QUIET},;!\])>\"']|\Z|。(?:\Z|[{_QUIET}])| (?:\Z|[{_QUIET}a-z0-9])))"
).match


class Link(NamedTuple):
    """A link as it is read: ``host`` without scheme and port, ``path`` with what follows it. ``is_loose``: the host
    begins with Han that may belong to the sentence before it."""

    host: str
    path: str = ""
    is_loose: bool = False

    def __str__(self) -> str:
        return self.host + self.path


def find_links(plain: str) -> list[Link]:
    """The links of a text that ``fold_kept`` gave, in their order, not to be changed; quick where there are none."""
    if IS_COMPILED and not scan.link_hint(plain, _BEGIN_HAN):
        return _NO_LINKS
    place = hash(plain) & LATELY
    known, links = _LATELY[place]
    if known != plain:
        readings = _usual(plain)
        if readings is None:
            links = [each.link for each in _found(plain)]
        else:
            links = [each[3] for each in readings] if readings else _NO_LINKS
        _LATELY[place] = (plain, links)
    return links


_NO_LINKS: Final[list[Link]] = []
_LATELY: Final = [("", _NO_LINKS)] * (LATELY + 1)
_BEGIN_HAN: Final = flags(f"[{''.join(tld[0] for tld in HAN)}]") if IS_COMPILED else b""


def link_spans(plain: str) -> list[tuple[int, int, int]]:
    """Where the same links stand: start, end of the host, end; a loose one from the character before its dot."""
    readings: Sequence[_Place] | None = _usual(plain)
    if readings is None:
        readings = _found(plain)
    return [(sure, host_end, host_end + len(link.path)) for _, sure, host_end, link in readings]


_Place: TypeAlias = tuple[int, int, int, Link]


class _Reading(NamedTuple):
    """A link and its place: ``start`` with all that may belong to it, ``sure`` with what must."""

    start: int
    sure: int
    host_end: int
    link: Link


def _usual(plain: str) -> list[_Place] | None:
    """All links, as ``_Reading`` has them, if each is written as most are; else None.

    Every hint must be at a link that is read here: one that is not may be a link, or part of one, that only the
    careful way can read.
    """
    if ("。" in plain and _hint_at_a_stop(plain) is not None) or ("点" in plain and _hint_at_a_word(plain) is not None):
        return None
    if "·" in plain and _hint_at_a_middle_dot(plain) is not None:
        return None
    octets = outline(plain)
    readings: list[_Place] = []
    schemes = done = 0
    while b"." in octets and (hint := _hint_at_a_dot(plain, done)) is not None:
        at = hint.start()
        start = max(octets.rfind(b"?", done, at) + 1, octets.rfind(b" ", done, at) + 1, done)
        match = _match_usual(plain, start)
        if match is None or "@" in plain:
            return None
        scheme, path = match.groups()
        host_end = match.end() if path is None else match.start("path")
        path = "" if path is None else path.rstrip(_BEHIND_A_LINK)
        host = plain[start + len(scheme) if scheme else start : host_end]
        if scheme:
            schemes += 1
        elif not _is_surely_a_host(host, path, plain, host_end):
            return None
        done = host_end + len(path)
        readings.append((start, start, host_end, Link(host, path, False)))
    return None if b"://" in octets and octets.count(b"://") != schemes else readings


def _is_surely_a_host(host: str, path: str, plain: str, end: int) -> bool:
    """``_is_host`` for the usual spelling; False where in doubt."""
    _, before, tld = f".{host}".rsplit(".", 2)
    if tld in CORE:
        return True
    if tld not in LATIN or before.isdigit():
        return False
    return len(path) > 1 or tld not in PROSE or not plain.startswith(" ", end)


@lru_cache(maxsize=LATELY + 1)  # for those who ask where they are
def _found(plain: str) -> tuple[_Reading, ...]:
    """Of readings that overlap only the surest, in the order of the text."""
    if "@" in plain and "://" not in plain:
        plain = _MAIL.sub(lambda mail: " " * len(mail[0]), plain)
    taken = bytearray(len(plain))
    found: list[_Reading] = []
    for each in _readings(plain):
        end = each.host_end + len(each.link.path)
        if 1 not in taken[each.start : end]:
            taken[each.start : end] = b"\x01" * (end - each.start)
            found.append(each)
    return tuple(sorted(found))


def _readings(plain: str) -> Iterator[_Reading]:
    """All readings, the surest first."""
    if "://" in plain:
        for match in _SCHEME.finditer(plain):
            yield _whole(match, match.start(), match["host"].strip("."))
    for match in _HOST.finditer(plain):
        reading = _host_reading(match, plain)
        if reading is not None:
            yield reading
    for match in _HAN_HOST.finditer(plain):
        if match["tld"] in CORE or not match["tld"].isascii():
            before = _BEFORE_A_HAN_HOST.split(plain[max(0, match.start() - _HAN_HOST_CHARS) : match.start()])[-1]
            host = f"{before.lstrip('.-')}.{match['tld']}"
            reading = _whole(match, match.start() - len(before), host, is_loose=True)
            yield reading._replace(sure=match.start() - 1)


def _whole(match: re.Match[str], start: int, host: str, is_loose: bool = False) -> _Reading:
    host_end = match.end() if match["path"] is None else match.start("path")
    return _Reading(start, start, host_end, Link(host, _path(match), is_loose))


def _path(match: re.Match[str]) -> str:
    return (match["path"] or "").rstrip(_BEHIND_A_LINK)


def _host_reading(match: re.Match[str], plain: str) -> _Reading | None:
    """The longest beginning of a chain of labels that is a host: in ``a.com。123456`` the number is none of it."""
    start = match.start()
    chain = plain[start : match.start("stop")]
    if _ADDRESS.fullmatch(chain):
        is_link = (match["port"] or match["path"]) and all(int(octet) < 256 for octet in chain.split("."))
        return _whole(match, start, chain) if is_link else None
    labels = list(_LABELS.finditer(chain))
    for last in range(len(labels) - 1, max(0, len(labels) - 1 - _LABELS_BEHIND), -1):
        is_whole = last == len(labels) - 1
        end = labels[last].end()
        if _is_host(chain[:end], _path(match) if is_whole else "", plain, start + end):
            host = ".".join(label[0] for label in labels[: last + 1])
            return _whole(match, start, host) if is_whole else _Reading(start, start, start + end, Link(host))
    return None


def _is_host(host: str, path: str, plain: str, end: int) -> bool:
    """Whether it is a link and no prose: the odder its dots, the surer its other parts must be."""
    labels, dots = _DOTS.split(host), _DOTS.findall(host)
    before, tld = labels[-2], labels[-1]
    if tld.isascii() and tld not in LATIN and not tld.startswith("xn--"):
        return False
    has_letter = not before.isdigit()
    if labels[0] == "www" or (len(path) > 1 and has_letter):
        return True
    if any(dot != "." for dot in dots):
        return tld in CORE and (has_letter or len(before) > 2)
    if tld in CORE:
        return True
    # "Thanks.It is" goes on with a word; "abc.me" is followed by an end, by Han or by signs.
    return has_letter and not (tld in PROSE and _WORD_FOLLOWS.match(plain, end) is not None)
