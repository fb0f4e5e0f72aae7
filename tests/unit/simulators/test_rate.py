"""The carrier's window and rate."""

from __future__ import annotations

from simulators.carrier.rate import SILENCE, Bucket, Limits
from simulators.carrier.settings import CarrierSettings


def test_a_bucket_allows_its_burst_and_then_its_rate() -> None:
    bucket = Bucket()
    assert [bucket.take(1, 50.0, 10, 5) for _ in range(6)] == [True] * 5 + [False]
    assert bucket.take(1, 50.1, 10, 5)
    assert not bucket.take(1, 50.1, 10, 5)
    assert [bucket.take(1, 99.0, 10, 5) for _ in range(6)] == [True] * 5 + [False]


def test_segments_are_counted_and_a_long_message_passes_a_full_bucket() -> None:
    bucket = Bucket()
    assert bucket.take(3, 1.0, 10, 5)
    assert not bucket.take(3, 1.0, 10, 5)
    assert bucket.take(2, 1.0, 10, 5)
    assert bucket.take(20, 11.0, 10, 5)
    assert not bucket.take(1, 12.0, 10, 5), "the long message has to be paid for"
    assert bucket.take(1, 12.7, 10, 5)


def test_limits() -> None:
    limits = Limits(CarrierSettings(window=2, window_status=0x14, tps=1))
    bucket = Bucket()
    assert limits.active
    assert limits.over(3, 1, bucket, 1.0) == 0x14
    assert limits.over(2, 1, bucket, 1.0) == 0
    assert limits.over(2, 1, bucket, 1.0) == 0x58
    limits.use(CarrierSettings(window=2))
    assert limits.over(2, 1, bucket, 1.0) == 0
    assert not Limits(CarrierSettings()).active


def test_a_status_of_0_is_silence() -> None:
    limits = Limits(CarrierSettings(window=1, window_status=0, tps=1, tps_status=0))
    bucket = Bucket()
    assert limits.over(2, 1, bucket, 1.0) == SILENCE
    assert [limits.over(1, 1, bucket, 1.0) for _ in range(2)] == [0, SILENCE]


def test_a_change_keeps_what_a_bucket_has() -> None:
    limits = Limits(CarrierSettings(tps=10, tps_burst=4))
    bucket = Bucket()
    assert [limits.over(1, 1, bucket, 1.0) for _ in range(3)] == [0, 0, 0]
    limits.use(CarrierSettings(tps=10, tps_burst=3))
    assert [limits.over(1, 1, bucket, 1.0) for _ in range(2)] == [0, 0x58]
