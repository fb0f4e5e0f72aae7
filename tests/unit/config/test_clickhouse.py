"""``[records.clickhouse]``: what is read, and what is told by line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.certificates import Authority

from .conftest import SiteCopy

_DECIDED = '[channels]\napproval = "none"\n'
_URL = 'url = "http://127.0.0.1:8123"\n'


def _written(site: SiteCopy, text: str) -> SiteCopy:
    return site.write("smsgw.toml", f"{_DECIDED}[records.clickhouse]\n{text}")


def test_there_is_none_unless_somebody_writes_so(site: SiteCopy) -> None:
    assert site.load().file.records.clickhouse is None


def test_what_is_left_out(site: SiteCopy) -> None:
    found = _written(site, 'url = "http://ch.example.cn:8123/"').load().file.records.clickhouse
    assert found is not None
    assert (found.url, found.database, found.user, found.password_file) == (
        "http://ch.example.cn:8123", "smsgw", "default", "",
    )  # fmt: skip
    assert found.timeout_s == 30


def test_a_password_is_read_from_its_file_and_not_shown(site: SiteCopy, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority", datetime(2026, 11, 18, 12, tzinfo=UTC))
    site.write("clickhouse.password", "sesame\n")
    text = f'url = "https://[::1]:8443"\nuser = "sms"\npassword_file = "clickhouse.password"\nca = "{authority.ca}"\n'
    found = _written(site, f'{text}database = "records_1"\ntimeout = "5s"\n').load().file.records.clickhouse
    assert found is not None
    assert (found.user, found.password_file, found.ca, found.timeout_s) == ("sms", "sesame", authority.ca, 5)
    assert "sesame" not in repr(found)


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("", 3, "url"),
        ('url = "tcp://127.0.0.1:9000"', 4, "address of ClickHouse's HTTP port"),
        ('url = "http://sms:hunter2@127.0.0.1:8123"', 4, "without a login"),
        ('url = "http://127.0.0.1:8123/?database=x"', 4, "address of ClickHouse's HTTP port"),
        ('url = "http://127.0.0.1:81230"', 4, "at most 65535"),
        (_URL + 'database = "a`b"', 5, "letters, digits and '_'"),
        (_URL + 'user = ""', 5, "user"),
        (_URL + 'password_file = "nowhere"', 5, "existing file"),
        (_URL + 'password = "hunter2"', 5, "password"),
        (_URL + 'timeout = "0s"', 5, "timeout"),
        (_URL + 'ca = "smsgw.toml"', 3, "https"),
    ],
)
def test_what_is_wrong_is_told_by_line(text: str, line: int, why: str, site: SiteCopy) -> None:
    (error,) = _written(site, text + "\n").errors()
    assert error.startswith(f"smsgw.toml:{line}: ")
    assert why in error
    assert "hunter2" not in error
