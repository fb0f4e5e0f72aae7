"""What gateways say of themselves, look after look: the latest of it as one page, rates, and the last two hours.

Owns: counts since the look before, of each gateway for itself, so one that started anew or did not answer for a while
spoils no figure of the others. Kept are the last minutes look by look, and two hours by the minute. Pure: pages are
handed in, by whoever asks the gateways.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from smsgw.merging import merged
from smsgw.smpp.receipt import FINAL_STATES, STAT_WORDS

Page = Mapping[str, Any]
Counts = Mapping[tuple[str, ...], int]
LOOKS_KEPT: Final = 180
MINUTES_KEPT: Final = 120
#: Rates are of so long at least, for what a single look sees jumps.
RATE_S: Final = 4.0
MINUTE_MS: Final = 60_000
DELIVERED: Final = "DELIVRD"
_RESULTS: Final = frozenset(STAT_WORDS[state] for state in FINAL_STATES)


@dataclass(slots=True)
class Span:
    """What was counted within a time. Keys are (what, of whom): ``in`` and ``receipts`` by account, ``refused`` by
    account and rule, ``out``, ``errors``, ``timeouts``, ``results`` and ``delivered`` by carrier.
    """

    at_ms: int
    took_s: float = 0.0
    counts: Counter[tuple[str, ...]] = field(default_factory=Counter)

    def total(self, what: str, wanted: Callable[[str], bool]) -> int:
        """Over all of whom it is wanted."""
        return sum(count for key, count in self.counts.items() if key[0] == what and wanted(key[1]))


class Sight:
    """``add`` each look; then read."""

    def __init__(self) -> None:
        self.at_ms = 0
        #: By address; a page, or why there is none.
        self.gateways: dict[str, Page | str] = {}
        #: All that answered, as one; empty when none did.
        self.whole: dict[str, Any] = {}
        self.looks: deque[Span] = deque(maxlen=LOOKS_KEPT)
        self.minutes: deque[Span] = deque(maxlen=MINUTES_KEPT)
        self._known: dict[str, Counts] = {}
        self._at_s = 0.0

    def add(self, at_ms: int, at_s: float, pages: Mapping[str, Page | str]) -> None:
        """A look at all gateways. ``at_s``: of the monotonic clock."""
        self.gateways = dict(pages)
        answered = {name: _of_its_node(page) for name, page in pages.items() if not isinstance(page, str)}
        self.whole = merged(answered) if answered else {}
        span = Span(at_ms, at_s - self._at_s if self.at_ms else 0.0)
        for name, page in answered.items():
            found = counts_of(page)
            if name in self._known:
                span.counts.update(_since(self._known[name], found))
            self._known[name] = found
        if self.at_ms:
            self.looks.append(span)
            self._add_to_minute(span)
        self.at_ms, self._at_s = at_ms, at_s

    def _add_to_minute(self, span: Span) -> None:
        minute_ms = span.at_ms // MINUTE_MS * MINUTE_MS
        if not self.minutes or self.minutes[-1].at_ms != minute_ms:
            self.minutes.append(Span(minute_ms))
        last = self.minutes[-1]
        last.took_s += span.took_s
        last.counts.update(span.counts)

    @property
    def now(self) -> Span:
        """The last looks, of ``RATE_S`` together or a little more."""
        found = Span(self.at_ms)
        for span in reversed(self.looks):
            found.took_s += span.took_s
            found.counts.update(span.counts)
            if found.took_s >= RATE_S:
                break
        return found

    def since(self, at_ms: int) -> Span:
        """What was counted in the minutes from then on, as far as they are kept."""
        found = Span(at_ms)
        for span in self.minutes:
            if span.at_ms >= at_ms:
                found.took_s += span.took_s
                found.counts.update(span.counts)
        return found


def rate(span: Span, what: str, wanted: Callable[[str], bool]) -> float:
    """So many a second."""
    return round(span.total(what, wanted) / span.took_s, 2) if span.took_s > 0 else 0.0


def rates(spans: Iterable[Span], what: str, wanted: Callable[[str], bool]) -> list[float]:
    """The same of each."""
    return [rate(span, what, wanted) for span in spans]


def counts_of(page: Page) -> Counts:
    """The counters of a gateway's status. What is not there, as of another version, counts as none."""
    found: dict[tuple[str, ...], int] = {}
    for name, each in page.get("accounts", {}).items():
        found["in", name] = each.get("accepted", 0)
        found["receipts", name] = each.get("receipts_delivered", 0)
        found["mo", name] = each.get("mo_delivered", 0)
        for rule, count in each.get("refused", {}).items():
            found["refused", name, rule] = count
    for name, each in page.get("carriers", {}).items():
        found["out", name] = each.get("submitted", 0)
        found["timeouts", name] = each.get("timeouts", 0)
        answers = each.get("answered", {})
        found["errors", name] = sum(count for status, count in answers.items() if int(status, 16))
        receipts = {state: count for state, count in each.get("receipts", {}).items() if state in _RESULTS}
        found["results", name] = sum(receipts.values())
        found["delivered", name] = receipts.get(DELIVERED, 0)
    return found


def _since(before: Counts, now: Counts) -> dict[tuple[str, ...], int]:
    """What came since; a counter that went back began anew."""
    differences = ((key, count - before.get(key, 0), count) for key, count in now.items())
    return {key: more if more > 0 else count for key, more, count in differences if more and count}


def _of_its_node(page: Page) -> Page:
    """The page with the node's name at each link, which is lost when pages become one."""
    node = page.get("node", "")
    whole = dict(page)
    for part in ("accounts", "carriers"):
        whole[part] = {
            name: {**each, "links": [{**link, "node": node} for link in each.get("links", ())]}
            for name, each in page.get(part, {}).items()
        }
    return whole
