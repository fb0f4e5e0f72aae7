"""Numbers to provinces, with the public table."""

from __future__ import annotations

import pytest

from simulators.province import PROVINCES, national_of, province_of


@pytest.mark.parametrize(
    ("address", "province"),
    [
        (b"13800138000", "北京"), (b"8613800138000", "北京"), (b"+8613900001234", "新疆"), (b"008618916410000", "上海"),
        (b"19900000000", ""), (b"1069000110", ""), (b"", ""), (b"1380013800x", ""), (b"4915112345678", ""),
    ],
)  # fmt: skip
def test_provinces(address: bytes, province: str) -> None:
    assert province_of(address) == province
    assert province in PROVINCES | {""}


def test_only_chinas_prefix_is_taken_off() -> None:
    assert national_of(b"+8613800138000") == b"13800138000"
    assert [national_of(each) for each in (b"86138001380001", b"8513800138000", b"86")] == [
        b"86138001380001", b"8513800138000", b"86",
    ]  # fmt: skip
