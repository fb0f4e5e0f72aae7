"""What is said of a bind that is not up."""

from __future__ import annotations

from smsgw.gateway.bind_failures import BindFailures


def test_the_last_attempt_counts_until_the_bind_is_up() -> None:
    failures = BindFailures()
    bind = {"carrier": "alpha", "bind": "transceiver#1"}
    failures.told("carrier.connect_failed", {**bind, "reason": "192.0.2.1:2775: Connection refused"})
    assert failures.why("alpha", "transceiver", 1) == "192.0.2.1:2775: Connection refused"
    failures.told("carrier.bind_refused", {**bind, "status": "ESME_RINVPASWD", "code": 14, "permanent": True})
    assert failures.why("alpha", "transceiver", 1) == "refused with ESME_RINVPASWD, next try within 5m"
    assert failures.why("alpha", "transceiver", 0) == failures.why("beta", "transceiver", 1) == ""
    failures.told("carrier.switched", {"carrier": "alpha"})
    failures.told("carrier.bound", {**bind, "peer": "192.0.2.1:2775"})
    assert failures.why("alpha", "transceiver", 1) == ""


def test_only_what_trying_again_does_not_mend_is_refused_for_good() -> None:
    failures = BindFailures()
    bind = {"carrier": "alpha", "bind": "transceiver#0"}
    failures.told("carrier.bind_refused", {**bind, "status": "ESME_RINVPASWD", "code": 14, "permanent": True})
    assert failures.refused_for_good("alpha", "transceiver", 0) == "ESME_RINVPASWD"
    assert failures.refused_for_good("alpha", "transceiver", 1) == ""
    failures.told("carrier.bind_refused", {**bind, "status": "ESME_RSYSERR", "code": 8, "permanent": False})
    assert failures.refused_for_good("alpha", "transceiver", 0) == ""
    failures.told("carrier.bind_refused", {**bind, "status": "ESME_RINVPASWD", "code": 14, "permanent": True})
    failures.told("carrier.bound", {**bind, "peer": "192.0.2.1:2775"})
    assert failures.refused_for_good("alpha", "transceiver", 0) == ""
