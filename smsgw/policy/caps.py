"""Rules 16 and 17, the part without state: which caps count a message, and the rows that the store counts by.

Owns: compiling caps for an account, class, signature, template and audience, limits by tier below the ceiling,
buckets aligned to the profile's wall clock, the hash of a content. Never counts: Redis does, all looks before a count.
A row is ``[key, kind, limit, tiers, bucket_start_ms, bucket_end_ms, period_ms]``: key is a hash of 4 octets of the
scope without the recipient, kind 0 clock, 1 rolling or 2 same content (counted by the item's content instead of the
key), tiers a map tier → limit; a clock cap counts in ``[bucket_start_ms, bucket_end_ms)``, the others in the last
``period_ms`` (bucket 0, 0).
Rows are shared: the same list object is returned while no bucket ends, and nobody may change it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from hashlib import blake2b
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from smsgw.policy.localtime import day_start_ms, offset_ms, to_local
from smsgw.policy.model import Refusal
from smsgw.policy.profile import PERIOD_MS, Cap, SameContentRule
from smsgw.policy.reasons import FREQUENCY, SAME_CONTENT
from smsgw.policy.text import fold_kept, squeezed

KIND_CLOCK: Final = 0
KIND_ROLLING: Final = 1
KIND_CONTENT: Final = 2

KEY_OCTETS: Final = 4
"""A row's key. Of a thousand scopes two share one with a chance of 1 : 8,600; they would count together."""
CONTENT_OCTETS: Final = 8

Row: TypeAlias = list[bytes | int | dict[str, int]]
"""Seven values, a list because msgpack packs those fastest; see the module's docstring."""

_FOREVER_MS: Final = 1 << 62
_REMEMBERED: Final = 4
_COMPILED_LIMIT: Final = 100_000
_NO_TIERS: Final[dict[str, int]] = {}


def content_hash(plain: str) -> bytes:
    """The hash of a message's content, 8 octets; ``plain`` is what ``fold_kept`` gave.

    Spaces and signs are left out: one full stop more is no other content. A text of nothing else counts as it is.
    """
    if not plain.isprintable():
        plain = fold_kept(plain)
    return blake2b(squeezed(plain) or plain.encode(), digest_size=CONTENT_OCTETS).digest()


def row_key(scope: str) -> bytes:
    """The key of a row for the text of a scope (``scope_key``)."""
    return blake2b(scope.encode("utf-8", "surrogatepass"), digest_size=KEY_OCTETS).digest()


def bucket_ms(period: str, at_ms: int, zone: ZoneInfo) -> tuple[int, int]:
    """``[start, end)`` of the clock period (minute, hour, day, week from Monday) around an instant.

    Days and weeks begin at the first instant of a local date, so one may last 23 or 25 hours.
    """
    if period in ("minute", "hour"):
        length = PERIOD_MS[period]
        start = at_ms - (at_ms + offset_ms(at_ms, zone)) % length
        return start, start + length
    first = to_local(at_ms, zone).date()
    days = 1
    if period == "week":
        first -= timedelta(days=first.weekday())
        days = 7
    start, end = day_start_ms(first, zone), day_start_ms(first + timedelta(days=days), zone)
    if end <= at_ms:  # a clock put back over midnight shows the old date once more: that hour counts with the new one
        return end, day_start_ms(first + timedelta(days=2 * days), zone)
    return start, end


class CapRows:
    """What counts for messages of one scope. Row ``i`` belongs to ``caps[i]``; a last row, if any, to ``same_content``.

    ``same_content`` is None where rule 17 does not hold; else give each message its ``content_hash``.
    """

    __slots__ = ("_from_ms", "_others", "_rows", "_templates", "_until_ms", "_zone", "caps", "same_content")

    def __init__(
        self, caps: Iterable[Cap], keys: Iterable[str], zone: ZoneInfo, same_content: SameContentRule | None = None
    ) -> None:
        self.caps = tuple(caps)
        self.same_content = same_content
        self._zone = zone
        self._templates = tuple(
            (row_key(key), cap, {tier: cap.bounded(limit) for tier, limit in sorted(cap.tiers.items())})
            for key, cap in zip(keys, self.caps, strict=True)
        )
        self._from_ms = self._until_ms = 0
        self._rows: list[Row] = []
        self._others: list[tuple[int, int, list[Row]]] = []

    def script_rows(self, at_ms: int) -> list[Row]:
        """The rows for a message at that business time; shared, not to be changed."""
        if self._from_ms <= at_ms < self._until_ms:
            return self._rows
        # Messages for now and messages held until tomorrow alternate: keep the few buckets in use.
        for known in self._others:
            if known[0] <= at_ms < known[1]:
                break
        else:
            known = self._build(at_ms)
            self._others = [known, *self._others[: _REMEMBERED - 1]]
        self._from_ms, self._until_ms, self._rows = known
        return self._rows

    def _build(self, at_ms: int) -> tuple[int, int, list[Row]]:
        from_ms, until_ms = -_FOREVER_MS, _FOREVER_MS
        rows: list[Row] = []
        for key, cap, tiers in self._templates:
            limit = cap.bounded(cap.limit)
            if cap.kind == "rolling" or not isinstance(cap.period, str):
                rows.append([key, KIND_ROLLING, limit, tiers, 0, 0, cap.period_ms])
                continue
            start, end = bucket_ms(cap.period, at_ms, self._zone)
            from_ms, until_ms = max(from_ms, start), min(until_ms, end)
            rows.append([key, KIND_CLOCK, limit, tiers, start, end, end - start])
        same = self.same_content
        if same is not None:
            rows.append([b"", KIND_CONTENT, same.limit, _NO_TIERS, 0, 0, same.period_ms])
        return from_ms, until_ms, rows

    def refusal(self, index: int, retry_after_s: int | None) -> Refusal:
        """The verdict when the script says that row ``index`` is full."""
        if index >= len(self.caps):
            assert self.same_content is not None
            detail = f"{self.same_content.limit} of the same content in {self.same_content.period_ms // 1000} s"
            return Refusal(SAME_CONTENT, detail, retry_after_s)
        cap = self.caps[index]
        period = cap.period if isinstance(cap.period, str) else f"{cap.period} ms"
        return Refusal(FREQUENCY, f"cap {cap.name}: {cap.scope}, {cap.kind} {period}", retry_after_s)


class CapSet:
    """All caps of a profile, and its rule of the same content."""

    __slots__ = ("_compiled", "_same_content", "_zone", "caps", "scopes")

    def __init__(self, caps: Iterable[Cap], zone: ZoneInfo, same_content: SameContentRule | None = None) -> None:
        self.caps = tuple(caps)
        self._zone = zone
        self._same_content = same_content
        #: What the caps count by: ``company``, ``account``, ``signature``, ``template``, ``segment``.
        self.scopes: frozenset[str] = frozenset(cap.scope for cap in self.caps)
        self._compiled: dict[tuple[str, int, str | None, str | None, str | None], CapRows] = {}

    def compiled(
        self,
        account: str,
        message_class: int,
        signature: str | None,
        template: str | None = None,
        segment: str | None = None,
    ) -> CapRows:
        """What counts; compiled once for each combination that makes a difference.

        ``signature`` is the registered one, ``template`` the matched one's id, ``segment`` the audience that the
        application named; None for none.
        """
        if "template" not in self.scopes:
            template = None
        if "segment" not in self.scopes:
            segment = None
        key = (account, message_class, signature, template, segment)
        found = self._compiled.get(key)
        if found is None:
            if len(self._compiled) >= _COMPILED_LIMIT:
                self._compiled.clear()
            mine = [cap for cap in self.caps if message_class in cap.classes]
            scopes = [scope_key(cap, account, signature, template, segment) for cap in mine]
            same = self._same_content
            if same is not None and message_class not in same.classes:
                same = None
            found = self._compiled[key] = CapRows(mine, scopes, self._zone, same)
        return found


def scope_key(
    cap: Cap, account: str, signature: str | None, template: str | None = None, segment: str | None = None
) -> str:
    """What a cap counts by, besides the recipient.

    A message without a signature, template or audience counts by its account; the tilde keeps that apart.
    """
    if cap.scope == "company":
        return cap.name
    if cap.scope == "account":
        return f"{cap.name}:{account}"
    named = {"signature": signature, "template": template, "segment": segment}[cap.scope]
    return f"{cap.name}:{named or '~' + account}"
