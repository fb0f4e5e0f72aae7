"""What to do with a message that a carrier did not accept, and how long to wait before trying again.

Owns: the mapping from a carrier's command_status to an action (the other mapping, from verdict to the
application's status, is ``reasons``) and exponential back-off with full jitter. Never counts attempts
of a message and never sleeps. Defaults: 0x58 and 0x14 slow the whole link, 0x08 and 0x64–0x67 are
temporary, all others final; a carrier's codes, and above them its own statuses, may override any of them.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from enum import Enum
from typing import Final

from smsgw.policy.code_classes import CodeClass, CodeTable


class Action(Enum):
    """What follows from a carrier's error. The values are the words of the carrier's file."""

    RETRY_LINK = "throttle"
    """Slow the whole link, keep order, resubmit the same message first."""
    RETRY = "retry"
    """Temporary: the message goes again over this carrier, after a back-off."""
    REROUTE = "reroute"
    """The message goes to the next carrier of its route."""
    HOLD = "hold"
    """The message waits until the carrier's hours begin."""
    REJECT = "reject"
    """Final: report it."""


DEFAULT_ACTIONS: Final[Mapping[int, Action]] = {
    0x58: Action.RETRY_LINK,  # ESME_RTHROTTLED
    0x14: Action.RETRY_LINK,  # ESME_RMSGQFUL
    0x08: Action.RETRY,  # ESME_RSYSERR
    0x64: Action.RETRY,  # ESME_RX_T_APPN
    0x65: Action.RETRY,  # ESME_RX_P_APPN
    0x66: Action.RETRY,  # ESME_RX_R_APPN
    0x67: Action.RETRY,  # ESME_QUERYFAIL
}


ACTION_OF_CLASS: Final[Mapping[CodeClass, Action]] = {
    CodeClass.FLOW: Action.RETRY_LINK,
    CodeClass.TIME: Action.HOLD,
    CodeClass.PORTED: Action.REROUTE,
    CodeClass.NO_ROUTE: Action.REROUTE,
}
"""Those that are not listed are final."""


class CarrierStatuses:
    """The actions of one carrier: the defaults, on top what its codes mean, on top of all its own overrides."""

    __slots__ = ("_actions", "_overrides")

    def __init__(self, overrides: Mapping[int, Action] | None = None, codes: CodeTable | None = None) -> None:
        self._overrides = dict(overrides or {})
        of_codes = codes.statuses if codes is not None else {}
        classes = {status: ACTION_OF_CLASS.get(each, Action.REJECT) for status, each in of_codes.items()}
        self._actions = {**DEFAULT_ACTIONS, **classes, **self._overrides}

    def action(self, command_status: int, said: CodeClass | None = None) -> Action:
        """What an error status of a submit_sm_resp means; not to be asked for ESME_ROK.

        ``said``: the class of a code that came with it, which knows more than the status unless that is overridden.
        """
        if said is not None and command_status not in self._overrides:
            return ACTION_OF_CLASS.get(said, Action.REJECT)
        return self._actions.get(command_status, Action.REJECT)


class Backoff:
    """Exponential back-off with full jitter: the n-th delay is even in [floor, min(ceiling, base · 2ⁿ)].

    ``rng`` is passed in so that tests repeat. ``floor_s`` keeps a reconnect from coming at once.
    Raises ValueError unless 0 <= floor <= base <= ceiling and base > 0.
    """

    __slots__ = ("_attempts", "_rng", "base_s", "ceiling_s", "floor_s")

    def __init__(self, base_s: float, ceiling_s: float, rng: random.Random, floor_s: float = 0.0) -> None:
        if not 0 <= floor_s <= base_s <= ceiling_s or base_s <= 0:
            raise ValueError("back-off needs 0 <= floor <= base <= ceiling and a base above 0")
        self.base_s = base_s
        self.ceiling_s = ceiling_s
        self.floor_s = floor_s
        self._rng = rng
        self._attempts = 0

    @property
    def attempts(self) -> int:
        """How many delays were given since the last ``reset``."""
        return self._attempts

    def next_s(self) -> float:
        """The seconds to wait before the next attempt."""
        delay_s = self.delay_s(self._attempts)
        self._attempts += 1
        return delay_s

    def delay_s(self, attempt: int) -> float:
        """The seconds for a numbered attempt (0 the first), for messages that carry their own count."""
        # The exponent is bounded, else a link that is down for a week overflows a float.
        reach_s = min(self.ceiling_s, self.base_s * 2.0 ** min(attempt, 60))
        return self._rng.uniform(self.floor_s, reach_s)

    def reset(self) -> None:
        """After success: start from the base again."""
        self._attempts = 0
