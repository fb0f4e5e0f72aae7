"""What gateways say, as the conditions of alarms want it. Pure: their pages are handed in."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

from smsgw.merging import merged
from smsgw.policy.alarms.conditions import Look

Page = Mapping[str, Any]
MOST_LOOKS: Final = 500


class Looks:
    """The looks of the last time, as far as any rule goes back, and since when gateways have been silent."""

    def __init__(self) -> None:
        self._looks: deque[Look] = deque(maxlen=MOST_LOOKS)
        self._silent_ms: dict[str, int] = {}

    def add(
        self, now_ms: int, pages: Mapping[str, Page | str], waiting: Mapping[tuple[str, str], int], keep_s: float
    ) -> Look:
        """A look at all gateways: a page each, or why there is none. Answers it as conditions take it."""
        self._silent_ms = {
            address: self._silent_ms.get(address, now_ms) for address, page in pages.items() if isinstance(page, str)
        }
        silent_s = {address: (now_ms - self._silent_ms.get(address, now_ms)) / 1000 for address in pages}
        look = look_of(now_ms, [page for page in pages.values() if not isinstance(page, str)], waiting, silent_s)
        while self._looks and not now_ms - keep_s * 1000 <= self._looks[0].at_ms <= now_ms:
            self._looks.popleft()
        self._looks.append(look)
        return look

    def before(self, look: Look, window_s: float) -> Look | None:
        """The oldest look within a time before that one; None when it is the first."""
        first_ms = look.at_ms - window_s * 1000
        return next((each for each in self._looks if each is not look and each.at_ms >= first_ms), None)


def look_of(
    now_ms: int, pages: Sequence[Page], waiting: Mapping[tuple[str, str], int], silent_s: Mapping[str, float]
) -> Look:
    """One look. What a gateway of another version does not say counts as nothing."""
    whole = merged({str(number): page for number, page in enumerate(pages)}) if pages else {}
    carriers: Mapping[str, Page] = whole.get("carriers", {})
    refused: Counter[tuple[str, str]] = Counter()
    for name, each in carriers.items():
        for link in each.get("links", ()):
            if link.get("refused"):
                refused[name, str(link["refused"])] += 1
    ordered = {each["scope"] for each in whole.get("orders", ()) if each["action"] in ("suspend", "drain")}
    return Look(
        now_ms,
        answers={
            name: {float(bound): float(count) for bound, count in each.get("answered_within_s", {}).items()}
            for name, each in carriers.items()
        },
        waiting=dict(waiting),
        codes_wait_s={name: float(each.get("codes_wait_s", 0)) for name, each in carriers.items()},
        overdue={name: int(each.get("receipts_overdue", 0)) for name, each in carriers.items()},
        refused=dict(refused),
        silent_s=dict(silent_s),
        carriers_up=frozenset(
            name for name, each in carriers.items() if each.get("binds_up") and f"carrier:{name}" not in ordered
        ),
    )
