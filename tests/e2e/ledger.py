"""Reconciliation of a load run: what was promised to the application against what the carrier got.

The application's ledger says which messages were answered ESME_ROK, the carrier's log what arrived, and the
receiver which receipts came back. Messages are known by the nine digits in their text, receipts by the id of the
answer. A message is *lost* when it was promised, is not at the carrier, and no receipt says that it failed.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

#: Receipts that tell an application honestly that a message did not, or may not have, come through.
FAILURES = frozenset(("UNKNOWN", "EXPIRED", "UNDELIV", "REJECTD", "DELETED"))
FINAL = FAILURES | {"DELIVRD"}
_NUMBER = re.compile(r"(?<!\d)\d{9}(?!\d)")


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The account of one run. All counts are of messages unless they say otherwise."""

    #: Answered ESME_ROK.
    accepted: int
    #: Accepted and at the carrier.
    at_carrier: int
    #: Accepted, not at the carrier, and a failure was reported.
    reported: int
    #: Accepted, and neither.
    lost: tuple[int, ...]
    #: Copies at the carrier beyond the first, of accepted and of unanswered messages.
    doubles: int
    #: Accepted, at the carrier, and reported as UNKNOWN: the application was told that it is not sure.
    unknown_but_sent: int
    #: Accepted and without any final receipt.
    without_receipt: int
    #: Accepted with more than one final receipt, and with receipts that contradict each other.
    receipts_twice: int
    receipts_contradict: int
    #: At the carrier although the application never had an answer: it was accepted and the answer was cut off.
    unanswered_at_carrier: int

    def to_json(self) -> dict[str, object]:
        """Ready for JSON; of the lost at most 50 are named."""
        return {**asdict(self), "lost": len(self.lost), "lost_numbers": list(self.lost[:50])}


def read_ledger(path: Path) -> dict[int, str]:
    """Number → message id of every message answered ESME_ROK. A message has one line; two are an error."""
    found: dict[int, str] = {}
    for line in path.read_text().splitlines():
        number, message_id = line.split(" ")
        if int(number) in found:
            raise ValueError(f"message {number} was answered twice")
        found[int(number)] = message_id
    return found


def read_carrier(path: Path) -> Counter[int]:
    """Number → how many copies the carrier took with ESME_ROK."""
    copies: Counter[int] = Counter()
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            event = json.loads(line)
            if event["event"] == "submit" and event["status"] == 0:
                number = _NUMBER.search(event["text"])
                if number is None:
                    raise ValueError(f"a message without its number: {event['text']}")
                copies[int(number[0])] += 1
    return copies


def reconcile(
    ledger: Mapping[int, str], copies: Mapping[int, int], receipts: Mapping[str, Iterable[str]]
) -> Reconciled:
    """Compare the three. ``receipts`` has the states that came for each message id, in order."""
    lost, reported, unknown, without, twice, contradict = [], 0, 0, 0, 0, 0
    for number, message_id in ledger.items():
        finals = [state for state in receipts.get(message_id, ()) if state in FINAL]
        failures = FAILURES.intersection(finals)
        if number not in copies:
            if failures:
                reported += 1
            else:
                lost.append(number)
        elif "UNKNOWN" in failures:
            unknown += 1
        without += not finals
        twice += len(finals) > 1
        contradict += len(set(finals)) > 1
    return Reconciled(
        accepted=len(ledger),
        at_carrier=sum(number in copies for number in ledger),
        reported=reported,
        lost=tuple(sorted(lost)),
        doubles=sum(count - 1 for count in copies.values()),
        unknown_but_sent=unknown,
        without_receipt=without,
        receipts_twice=twice,
        receipts_contradict=contradict,
        unanswered_at_carrier=sum(number not in ledger for number in copies),
    )
