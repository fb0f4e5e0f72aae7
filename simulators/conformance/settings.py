"""How a conformance run listens, how long it looks and waits, and what it still calls good behaviour."""

from __future__ import annotations

from dataclasses import dataclass

from simulators.carrier.settings import Tls


@dataclass(frozen=True, slots=True)
class ConformanceSettings:
    """All times are real seconds. Tests make them short; an application in the field needs the defaults."""

    host: str = "127.0.0.1"
    #: 0 takes a free port.
    port: int = 0
    tls: Tls | None = None
    #: The account to bind as; empty takes any.
    system_id: str = ""
    password: str = ""
    #: Unanswered requests that the carrier would allow on one bind.
    window: int = 10
    #: What was not seen fails the run.
    strict: bool = False

    #: For what somebody has to do: start the application, have it send.
    patience_s: float = 60.0
    #: For the application's answer to a request.
    answer_s: float = 10.0
    #: Before somebody is asked to do what the application may do by itself.
    quiet_s: float = 2.0
    #: How late the first bind is answered.
    bind_delay_s: float = 1.0
    #: How long messages are refused for being too many.
    throttle_s: float = 5.0
    #: How long responses are held back to see the window.
    hold_s: float = 2.0
    #: How long binds are refused.
    refuse_s: float = 10.0
    #: How long to wait for the application's own enquire_link.
    idle_s: float = 65.0
    #: Within this a connection that became silent must be noticed.
    half_open_s: float = 150.0

    #: More binds a second than this, while they are refused, is hammering.
    binds_per_s: float = 1.0
    #: More tries of one message a second than this, while it is refused, is hammering.
    tries_per_s: float = 4.0
