"""Reconciliation of a run of ``bin/chaos``: every segment that was sent, what was said of it, and where it arrived.

Three sources: the load's ledger (one line for each request), its receipts, and the carriers' logs. A segment is known
by its message's number and its part. It is *lost* when it was answered ESME_ROK, is not at a carrier, and no receipt
says that it failed. All counts are of segments, for that is what is answered, paid and reported.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from smsgw.smpp.constants import ESM_UDHI
from tests.chaos import wording

#: Receipts that tell an application honestly that a message did not, or may not have, come through.
FAILURES = frozenset(("UNKNOWN", "EXPIRED", "UNDELIV", "REJECTD", "DELETED"))
FINAL = FAILURES | {"DELIVRD"}
OK = "0x0"
LOST = "lost"
#: Part 1 of message 100000007.
Segment = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Request:
    """One line of the load's ledger; times are of the monotonic clock."""

    segment: Segment
    recipient: str
    sent_s: float
    #: None when no answer came.
    answered_s: float | None
    status: str
    message_id: str


@dataclass(slots=True)
class Copies:
    """What the carriers took with ESME_ROK: how often each segment, and to whom the messages went."""

    count: Counter[Segment] = field(default_factory=Counter)
    recipients: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The account of one run."""

    sent: int
    accepted: int
    #: By status, such as 0x453; "lost" where the connection went first.
    refused: dict[str, int]
    unanswered: int
    #: Accepted and at a carrier.
    at_carrier: int
    #: Receipts that came, of any state.
    receipts: int
    #: Accepted, not at a carrier, and a failure was reported.
    reported: int
    #: Accepted, at a carrier, and reported as UNKNOWN: the application was told that it is not sure.
    unknown: int
    #: Accepted and reported as UNKNOWN, at a carrier or not.
    uncertain: int
    #: Accepted, and neither at a carrier nor reported.
    lost: tuple[Segment, ...]
    #: Accepted and without any final receipt.
    without_receipt: tuple[Segment, ...]
    #: Copies at the carriers beyond the first, by class.
    doubles: dict[str, int]
    #: Answered with a refusal and at a carrier all the same.
    refused_at_carrier: tuple[Segment, ...]
    #: At a carrier although the application never had an answer: it was accepted and the answer was cut off.
    unanswered_at_carrier: int
    #: More than one final receipt, and those that contradict each other.
    receipts_twice: int
    receipts_contradict: int
    #: Messages beyond the cap that reached a capped recipient, and messages that reached one who had opted out before.
    over_cap: int
    opted_out_reached: int
    #: The longest time in which nothing of a class was accepted, by class, in seconds.
    away_s: dict[str, float]

    @property
    def all_doubles(self) -> int:
        """Of all classes."""
        return sum(self.doubles.values())

    def to_json(self) -> dict[str, Any]:
        """Ready for JSON; of what is named one by one at most 20."""
        found = {name: getattr(self, name) for name in self.__slots__}
        for name in ("lost", "without_receipt", "refused_at_carrier"):
            found[f"{name}_first"] = [f"{number}/{part}" for number, part in found[name][:20]]
            found[name] = len(found[name])
        return found


def read_ledger(path: Path) -> list[Request]:
    """The requests, in the order of their ends. Raises ValueError for a segment that was sent twice."""
    found: dict[Segment, Request] = {}
    for line in path.read_text(encoding="ascii").splitlines():
        number, part, _, recipient, sent, answered, status, message_id = line.split(" ")
        segment = (int(number), int(part))
        if segment in found:
            raise ValueError(f"{path}: {number}/{part} has two lines")
        answered_s = None if answered == "-" else float(answered)
        found[segment] = Request(segment, recipient, float(sent), answered_s, status, message_id)
    return list(found.values())


def read_receipts(path: Path) -> dict[str, list[str]]:
    """The states that came for each message id, in order."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in path.read_text(encoding="ascii").splitlines():
        message_id, state = line.split(" ")
        found[message_id].append(state)
    return found


def read_carriers(paths: Iterable[Path]) -> Copies:
    """The logs of all carriers together."""
    copies = Copies()
    for path in paths:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                event = json.loads(line)
                if event["event"] == "submit" and event["status"] == 0:
                    number = wording.number_in(event["text"])
                    copies.count[number, _part(event)] += 1
                    copies.recipients[number] = event["destination"]
    return copies


def _part(event: Mapping[str, Any]) -> int:
    """Which segment it is, by its user data header (an 8-bit reference, as the load sends it)."""
    return bytes.fromhex(event["hex"])[5] if event["esm_class"] & ESM_UDHI else 1


def reconcile(
    requests: Iterable[Request], copies: Copies, receipts: Mapping[str, list[str]], cap: int = 1
) -> Reconciled:
    """Compare the three. ``cap`` is how many messages a capped recipient may get."""
    requests = list(requests)
    accepted = [request for request in requests if request.status == OK]
    states = {request.segment: receipts.get(request.message_id, []) for request in accepted}
    finals = {segment: [state for state in of if state in FINAL] for segment, of in states.items()}
    is_reported = {segment for segment, of in finals.items() if FAILURES.intersection(of)}
    there = copies.count
    doubles = dict.fromkeys(wording.CLASSES, 0)
    for (number, _), count in there.items():
        doubles[wording.class_of(number)] += count - 1
    capped = Counter(of for of in copies.recipients.values() if wording.is_capped(of))
    return Reconciled(
        sent=len(requests),
        accepted=len(accepted),
        refused=dict(Counter(each.status for each in requests if each.status not in (OK, LOST)).most_common()),
        unanswered=sum(each.status == LOST for each in requests),
        at_carrier=sum(each.segment in there for each in accepted),
        receipts=sum(map(len, receipts.values())),
        reported=sum(each.segment not in there and each.segment in is_reported for each in accepted),
        unknown=sum("UNKNOWN" in of and segment in there for segment, of in finals.items()),
        uncertain=sum("UNKNOWN" in of for of in finals.values()),
        lost=tuple(sorted(segment for segment in states if segment not in there and segment not in is_reported)),
        without_receipt=tuple(sorted(segment for segment, of in finals.items() if not of)),
        doubles=doubles,
        refused_at_carrier=tuple(
            sorted(each.segment for each in requests if each.status not in (OK, LOST) and each.segment in there)
        ),
        unanswered_at_carrier=sum(each.status == LOST and each.segment in there for each in requests),
        receipts_twice=sum(len(of) > 1 for of in finals.values()),
        receipts_contradict=sum(len(set(of)) > 1 for of in finals.values()),
        over_cap=sum(max(0, count - cap) for count in capped.values()),
        opted_out_reached=sum(wording.has_opted_out(of) for of in copies.recipients.values()),
        away_s=_gaps(accepted, requests),
    )


def _gaps(accepted: Iterable[Request], requests: Iterable[Request]) -> dict[str, float]:
    """The longest time between two accepted messages of a class, from the first request to the last."""
    times: dict[str, list[float]] = {each: [] for each in wording.CLASSES}
    for request in requests:
        times[wording.class_of(request.segment[0])].append(request.sent_s)
    ends = {name: (min(of), max(of)) if of else (0.0, 0.0) for name, of in times.items()}
    answers: dict[str, list[float]] = {each: [] for each in wording.CLASSES}
    for request in accepted:
        if request.answered_s is not None:
            answers[wording.class_of(request.segment[0])].append(request.answered_s)
    found = {}
    for name, (first_s, last_s) in ends.items():
        marks = [first_s, *sorted(answers[name]), last_s]
        found[name] = round(max(after - before for before, after in itertools.pairwise(marks)), 2)
    return found
