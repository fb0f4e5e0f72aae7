"""SMPP's time format, absolute and relative, and everything that only looks like it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from smsgw.errors import LocalError, RecoverableError
from smsgw.smpp.constants import CommandStatus
from smsgw.smpp.times import format_absolute, parse_time

_NOW = datetime(2026, 11, 18, 10, 30, tzinfo=ZoneInfo("Asia/Shanghai"))
_SCHED = CommandStatus.ESME_RINVSCHED


def _utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"", None),
        # SMPP 3.4 §7.1.1.1: "+" is local time ahead of UTC, in quarters of an hour
        (b"261118103000032+", _utc(2026, 11, 18, 2, 30)),
        (b"261118103000000+", _utc(2026, 11, 18, 10, 30)),
        (b"261118103000020-", _utc(2026, 11, 18, 15, 30)),
        (b"261118103000022+", _utc(2026, 11, 18, 5, 0)),
        (b"261118103015748+", _utc(2026, 11, 17, 22, 30, 15, 700_000)),
        (b"991231235959948-", _utc(2100, 1, 1, 11, 59, 59, 900_000)),
        # SMPP 3.4 §7.1.1.2: relative to the SMSC's now, 02:30 UTC
        (b"000000010000000R", _utc(2026, 11, 18, 3, 30)),
        (b"000003000000000R", _utc(2026, 11, 21, 2, 30)),
        (b"000000000000000R", _utc(2026, 11, 18, 2, 30)),
        (b"010203040506000R", _utc(2028, 1, 21, 6, 35, 6)),
        (b"000000999999000R", _utc(2026, 11, 22, 7, 10, 39)),
        # seen at a peer (cloudhopper's tests): the unused part filled in
        (b"000000010000748R", _utc(2026, 11, 18, 3, 30)),
    ],
)
def test_times(value: bytes, expected: datetime | None) -> None:
    assert parse_time(value, _NOW, _SCHED) == expected


def test_a_month_more_keeps_the_day_or_takes_the_last() -> None:
    assert parse_time(b"000100000000000R", _utc(2027, 1, 31), _SCHED) == _utc(2027, 2, 28)
    assert parse_time(b"010000000000000R", _utc(2028, 2, 29), _SCHED) == _utc(2029, 2, 28)
    assert parse_time(b"000100000000000R", _utc(2027, 12, 15), _SCHED) == _utc(2028, 1, 15)


@pytest.mark.parametrize(
    "value",
    [
        b"2611181030",
        b"261118103000032",
        b"261118103000032+ ",
        b"261118103000032r",
        b"26111810300003 +",
        b"261318103000032+",
        b"260230103000032+",
        b"261118250000032+",
        b"261118106000032+",
        b"261118103000049+",
        b"tomorrow at nine",
        "２６1118103".encode(),
        b"261118103000032+\n",
    ],
)
@pytest.mark.parametrize("status", [CommandStatus.ESME_RINVSCHED, CommandStatus.ESME_RINVEXPIRY])
def test_what_is_no_time_has_the_status_of_its_field(value: bytes, status: CommandStatus) -> None:
    with pytest.raises(RecoverableError) as caught:
        parse_time(value, _NOW, status)
    assert caught.value.command_status == status


def test_now_must_be_aware() -> None:
    with pytest.raises(LocalError):
        parse_time(b"000000010000000R", datetime(2026, 1, 1), _SCHED)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (_NOW, b"261118103000032+"),
        (_utc(2026, 11, 18, 2, 30, 5, 299_999), b"261118023005200+"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(-timedelta(hours=3, minutes=30))), b"260102030405014-"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(minutes=7))), b"260102025705000+"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=13))), b"260101140405000+"),
    ],
)
def test_format_absolute(moment: datetime, expected: bytes) -> None:
    text = format_absolute(moment)
    assert text == expected
    read = parse_time(text, _NOW, _SCHED)
    assert read is not None
    assert timedelta() <= moment - read < timedelta(seconds=0.1)


@pytest.mark.parametrize("moment", [datetime(2026, 1, 1), _utc(1999, 12, 31), _utc(2100, 1, 1)])
def test_what_has_no_place_in_the_format(moment: datetime) -> None:
    with pytest.raises(LocalError):
        format_absolute(moment)
