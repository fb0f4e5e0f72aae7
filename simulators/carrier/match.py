"""Which messages a rule is for: a ``Match`` of the settings, made ready to be asked for every message.

Cheap conditions come first. The share is drawn from the message's own chance, for each rule anew, so
that it depends on nothing but the seed, the account, the recipient and the count.
"""

from __future__ import annotations

import fnmatch
import re

from simulators.carrier.settings import Match
from simulators.draws import Draws
from simulators.province import PROVINCES, national_of, province_of
from simulators.spread import chance
from smsgw.errors import RecoverableError
from smsgw.smpp.alphabet import decode_text
from smsgw.smpp.pdu import DataSm, Sm
from smsgw.smpp.udh import strip_udh

_DAY_S = 86_400


class Matcher:
    """Says whether a rule is for a message.

    Raises ValueError for a text that is no regular expression, a province that is none, and counts below 0.
    """

    def __init__(self, match: Match, name: str, zone_hours: float, draws: Draws) -> None:
        self._match = match
        self._zone_s = round(zone_hours * 3600)
        self._draws = draws
        self._purpose = b"rule " + name.encode()
        self._threshold = chance(match.share)
        self._recipients = _patterns(match.recipients)
        self._sources = _patterns(match.sources)
        try:
            self._text = re.compile(match.text) if match.text else None
        except re.error as error:
            raise ValueError(f"text {match.text!r} is no regular expression: {error}") from None
        unknown = sorted(match.provinces - PROVINCES)
        if unknown:
            raise ValueError(f"provinces: {unknown[0]!r} is none; use {', '.join(sorted(PROVINCES))}")
        if min(match.skip, match.first, match.from_message, match.to_message) < 0 or match.every < 1:
            raise ValueError("skip, first, from_message and to_message are at least 0, every at least 1")

    def fits(self, sm: Sm | DataSm, account: str, nth: int, number: int, now_s: float) -> bool:
        """Whether the rule is for the carrier's ``number``-th message (from 1), its recipient's ``nth`` (from 0)."""
        match = self._match
        return (
            self._counts(nth, number)
            and (not match.accounts or account in match.accounts)
            and (match.between is None or self._is_between(*match.between, now_s))
            and (self._recipients is None or _is_like(self._recipients, sm.destination_addr))
            and (self._sources is None or self._sources.fullmatch(sm.source_addr) is not None)
            and (not match.provinces or province_of(sm.destination_addr) in match.provinces)
            and (self._text is None or self._text.search(_text(sm)) is not None)
            and (match.share >= 1 or self._is_drawn(account, sm.destination_addr, nth))
        )

    def _counts(self, nth: int, number: int) -> bool:
        match = self._match
        if number < match.from_message or (match.to_message and number > match.to_message):
            return False
        nth -= match.skip
        return nth >= 0 and (not match.first or nth < match.first) and (nth + 1) % match.every == 0

    def _is_between(self, first: int, end: int, now_s: float) -> bool:
        minute = int(now_s + self._zone_s) % _DAY_S // 60
        return first <= minute < end if first < end else minute >= first or minute < end

    def _is_drawn(self, account: str, recipient: bytes, nth: int) -> bool:
        return self._draws.more(b"%b\0%b" % (account.encode(), recipient), nth, self._purpose)[0] < self._threshold


def _patterns(patterns: tuple[str, ...]) -> re.Pattern[bytes] | None:
    """One expression for all patterns; None when there are none."""
    if not patterns:
        return None
    return re.compile(b"|".join(b"(?:%b)" % fnmatch.translate(pattern).encode() for pattern in patterns))


def _is_like(patterns: re.Pattern[bytes], address: bytes) -> bool:
    """Whether a pattern fits an address as it came, or without China's prefix."""
    if patterns.fullmatch(address) is not None:
        return True
    national = national_of(address)
    return national is not address and patterns.fullmatch(national) is not None


def _text(sm: Sm | DataSm) -> str:
    payload = sm.payload
    try:
        return decode_text(strip_udh(payload) if sm.has_udh else payload, sm.data_coding)
    except RecoverableError:
        return decode_text(payload, sm.data_coding)  # a header that runs past its end: all of it is text
