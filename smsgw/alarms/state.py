"""The state of all alarms as it lies in the store, and what staff say of them.

Owns: the forms. What a later version added is ignored, what an older one lacks has its default, so either may take
over from the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final

from smsgw.policy.alarms.kinds import KINDS
from smsgw.policy.alarms.standing import Standing
from smsgw.policy.alarms.telling import Silence

SILENCE: Final = "silence "
ACK: Final = "ack "


@dataclass(slots=True)
class ChannelState:
    """How a channel fares. Times are real ms: of the network, not of business. ``failures``: one after the other."""

    arrived_ms: int = 0
    failing_ms: int = 0
    failures: int = 0
    next_ms: int = 0
    why: str = ""


@dataclass(slots=True)
class State:
    """Everything that whoever comes next has to know. ``acts``: when something was done of itself in the last hour."""

    standings: dict[str, Standing] = field(default_factory=dict)
    channels: dict[str, ChannelState] = field(default_factory=dict)
    acts: list[int] = field(default_factory=list)
    looked_ms: int = 0
    why_not: dict[str, str] = field(default_factory=dict)


def packed(state: State) -> dict[str, Any]:
    """As the store keeps it."""
    return {
        "standings": [asdict(each) for each in state.standings.values()],
        "channels": {name: asdict(each) for name, each in state.channels.items()},
        "acts": state.acts,
        "looked_ms": state.looked_ms,
        "why_not": state.why_not,
    }


def unpacked(found: Mapping[str, Any]) -> State:
    """Reverse of ``packed``; of nothing the state of a site that never had any alarm."""
    state = State(acts=list(found.get("acts", ())), looked_ms=int(found.get("looked_ms", 0)))
    state.why_not = dict(found.get("why_not", {}))
    for each in found.get("standings", ()):
        if each.get("kind") in KINDS:
            values = _known(Standing, each)
            standing = Standing(**{**values, "labels": tuple((name, value) for name, value in each["labels"])})
            state.standings[standing.id] = standing
    state.channels = {
        name: ChannelState(**_known(ChannelState, each)) for name, each in found.get("channels", {}).items()
    }
    return state


def silence_as_json(silence: Silence) -> dict[str, Any]:
    """A silence as staff's words are kept."""
    return asdict(silence)


def silences_in(said: Mapping[str, Mapping[str, Any]]) -> list[Silence]:
    """All silences among what staff said, also those that are over."""
    found = (_known(Silence, each) for name, each in said.items() if name.startswith(SILENCE))
    return [Silence(**{**each, "only": tuple((name, value) for name, value in each["only"])}) for each in found]


def acks_in(said: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[str, int]]:
    """Alarm → who takes care of it, and since when."""
    return {
        name.removeprefix(ACK): (str(each["who"]), int(each["at_ms"]))
        for name, each in said.items()
        if name.startswith(ACK)
    }


def _known(kind: type, found: Mapping[str, Any]) -> dict[str, Any]:
    names = {each.name for each in fields(kind)}
    return {name: value for name, value in found.items() if name in names}


def of_no_use(said: Mapping[str, Mapping[str, Any]], firing: Iterable[str], now_ms: int) -> list[str]:
    """What staff said that nobody needs any more: silences long over, acknowledgements of what has ended."""
    alive = set(firing)
    over = [SILENCE + each.id for each in silences_in(said) if each.until_ms <= now_ms]
    return over + [ACK + name for name in acks_in(said) if name not in alive]
