"""All timers of one session in one pure structure (SMPP 3.4 §7.2).

Owns: when to send enquire_link and when a session has to go. Never reads a clock: every call is given
``now`` in seconds on one monotonic clock. The time that a single request may take is the window's.
A timer of 0 is off. Invariant: after ``tick`` returned NONE nothing is due before ``next_due``.
"""

from __future__ import annotations

from enum import Enum
from math import inf


class TimerAction(Enum):
    """What ``SessionTimers.tick`` asks of its caller."""

    NONE = "none"
    SEND_ENQUIRE_LINK = "send_enquire_link"
    CLOSE_SESSION_INIT = "close_session_init"
    CLOSE_ENQUIRE_LINK = "close_enquire_link"
    CLOSE_INACTIVITY = "close_inactivity"


class SessionTimers:
    """Tell it what happens, ask ``tick`` what to do.

    ``session_init_s``: from the connection to a successful bind. ``enquire_link_s``: silence of the peer
    after which it is asked whether it lives. ``response_s``: how long the peer may then stay silent.
    ``inactivity_s``: time without any operation but enquire_link.
    """

    __slots__ = (
        "_bound",
        "_enquire_link_s",
        "_inactivity_s",
        "_response_s",
        "_session_init_s",
        "enquire_due",
        "inactivity_due",
        "init_due",
        "response_due",
    )

    def __init__(self, session_init_s: float, enquire_link_s: float, inactivity_s: float, response_s: float) -> None:
        self._session_init_s = session_init_s
        self._enquire_link_s = enquire_link_s
        self._inactivity_s = inactivity_s
        self._response_s = response_s
        self._bound = False
        # When each is due; infinity while it is off or does not run.
        self.init_due = inf
        self.enquire_due = inf
        self.response_due = inf
        self.inactivity_due = inf

    def opened(self, now: float) -> None:
        """The connection is there; nothing is bound."""
        self.init_due = now + (self._session_init_s or inf)

    def bound(self, now: float) -> None:
        """The bind succeeded: from here on the peer has to show that it lives and works."""
        self._bound = True
        self.init_due = inf
        self.enquire_due = now + (self._enquire_link_s or inf)
        self.inactivity_due = now + (self._inactivity_s or inf)

    def received(self, now: float, is_activity: bool) -> None:
        """Something came from the peer; ``is_activity`` when it was more than enquire_link and its response.

        Whatever it was, the peer lives: an enquire_link that is still unanswered is no reason to close then.
        """
        if not self._bound:
            return
        self.response_due = inf
        self.enquire_due = now + (self._enquire_link_s or inf)
        if is_activity:
            self.inactivity_due = now + (self._inactivity_s or inf)

    def sent_enquire(self, now: float) -> None:
        """An enquire_link left; the peer's next octets, or ``got_enquire_resp``, answer it."""
        self.enquire_due = inf
        self.response_due = now + (self._response_s or inf)

    def got_enquire_resp(self, now: float) -> None:
        """The enquire_link was answered."""
        if not self._bound:
            return
        self.response_due = inf
        self.enquire_due = now + (self._enquire_link_s or inf)

    def tick(self, now: float) -> TimerAction:
        """What is due. The caller acts: closes, or sends enquire_link and calls ``sent_enquire``."""
        if now >= self.init_due:
            return TimerAction.CLOSE_SESSION_INIT
        if now >= self.response_due:
            return TimerAction.CLOSE_ENQUIRE_LINK
        if now >= self.inactivity_due:
            return TimerAction.CLOSE_INACTIVITY
        if now >= self.enquire_due:
            return TimerAction.SEND_ENQUIRE_LINK
        return TimerAction.NONE

    def next_due(self, now: float) -> float:
        """Seconds from ``now`` until ``tick`` may have something to say: 0 when it has, infinity when all are off."""
        due = min(self.init_due, self.enquire_due, self.response_due, self.inactivity_due)
        return max(0.0, due - now)
