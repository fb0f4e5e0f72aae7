"""Times of a conformance run for applications of tests, whose own timers are short."""

from simulators.conformance.settings import ConformanceSettings

QUICK = ConformanceSettings(
    system_id="shop",
    password="secret",
    patience_s=1.0,
    answer_s=0.4,
    quiet_s=0.3,
    bind_delay_s=0.05,
    throttle_s=0.5,
    hold_s=0.2,
    refuse_s=0.6,
    idle_s=0.6,
    half_open_s=1.2,
    binds_per_s=10.0,
    tries_per_s=20.0,
)
