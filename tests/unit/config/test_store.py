"""``[store]``: what it makes of access, and what does not go together, told by line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smsgw.config.store import StoreSettings
from smsgw.site_rules import store_settings
from smsgw.store.access import Access, Tls
from tests.certificates import Authority

from .conftest import TODAY, SiteCopy

SENTINEL = 'url = "sentinel://a:1,b:2/main"\n'


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = Authority(tmp_path / "authority", datetime(2026, 11, 18, 12, tzinfo=UTC))
    made.issue("client")
    made.issue("other")
    return made


def store_of(site: SiteCopy, text: str) -> StoreSettings:
    return site.write("smsgw.toml", f"{_DECIDED}[store]\n{text}").load().store


_DECIDED = '[channels]\napproval = "none"\n'


def test_a_login_and_tls_come_to_the_store(site: SiteCopy, authority: Authority) -> None:
    site.write("redis.password", "secret\n").write("sentinel.password", "other\n")
    tls = authority.directory
    store_of(
        site,
        f'{SENTINEL}user = "smsgw"\npassword_file = "redis.password"\nreplicas = 2\nreplicas_timeout = "300ms"\n'
        f'[store.tls]\nca = "{authority.ca}"\ncertificate = "{tls}/client.pem"\nkey = "{tls}/client.key"\n'
        f'server_name = "redis.test"\n[store.sentinel]\nuser = "watcher"\npassword_file = "sentinel.password"\n',
    )
    settings = store_settings(site.load())
    wanted = Tls(authority.ca, tls / "client.pem", tls / "client.key", "redis.test")
    assert settings.access == Access("smsgw", "secret", wanted, "watcher", "other", wanted)
    assert (settings.replicas, settings.replicas_timeout_s) == (2, 0.3)
    assert "secret" not in repr(settings)
    assert "other" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Access()),
        ("[store.tls]", Access(tls=Tls(), sentinel_tls=Tls())),
        ("[store.tls]\n[store.sentinel]\ntls = false", Access(tls=Tls())),
        ("[store.sentinel]\ntls = true", Access(sentinel_tls=Tls())),
        ("[store.sentinel]\n", Access()),
    ],
)
def test_sentinels_are_asked_as_the_servers_unless_said_otherwise(site: SiteCopy, text: str, expected: Access) -> None:
    store_of(site, SENTINEL + text)
    assert store_settings(site.load()).access == expected


def test_memory_of_the_embedded_server(site: SiteCopy) -> None:
    assert store_of(site, "").memory_octets is None
    found = store_of(site, 'memory = "1.5GiB"\nrefuse_marketing = 0.8\n')
    assert found.memory_octets == 3 * 2**29
    assert found.memory_stages == (0.8, 0.95, 0.98)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('user = "x"', 4, "store.user: has no use here"),
        ("replicas = 1", 4, "store.replicas: the embedded server has no replicas"),
        ('url = "unix:///x"\nreplicas = 1', 5, "store.replicas: a unix socket leads to one server only"),
        ('url = "redis://h"\nmemory = "1GB"', 5, "store.memory: is the embedded server's"),
        ('memory = "1"', 4, 'store.memory: expected an amount of memory with its unit, such as "512MiB" or "2GiB"'),
        ('memory = "0.1MB"', 4, "store.memory: expected at least 1MB"),
        ('url = "redis://h"\nuser = "x"', 5, "store.user: needs password_file"),
        ('url = "redis://u:p@h"\npassword_file = "pw"', 5, "store.password_file: the url has a login too"),
        ('url = "redis://h"\npassword_file = "none"', 5, "store.password_file: expected an existing file, found none"),
        ('url = "redis://h"\n[store.sentinel]', 5, "store.sentinel: is for a url of sentinel://"),
        (SENTINEL + '[store.sentinel]\nuser = "x"', 6, "store.sentinel.user: needs password_file"),
        ('ca = "pw"', 4, "store.ca: unknown key here; it belongs under [store.tls]: is that line commented out?"),
        ("refuse_codes = 0.9", 4, "store.refuse_codes: marketing is refused first"),
        ("refuse_notices = 0.5", 4, "store.refuse_notices: marketing is refused first"),
        ("refuse_codes = 1.1", 4, "store.refuse_codes: expected at most 1"),
        ('url = "redis://h"\n[store.tls]\ncertificate = "pw"', 6, "store.tls.certificate: certificate and key go"),
        ('url = "redis://h"\n[store.tls]\nca = "pw"', 6, "store.tls.ca: no authorities' certificates can be read from"),
        ('url = "redis://h"\n[store.tls]\ncertificate = "pw"\nkey = "pw"', 6, "store.tls.certificate: can't be used"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_told_by_line(site: SiteCopy, text: str, line: int, words: str) -> None:
    site.write("pw", "secret\n").write("smsgw.toml", f"{_DECIDED}[store]\n{text}\n")
    errors = site.errors()
    assert any(error.startswith(f"smsgw.toml:{line}: {words}") for error in errors), errors
    assert not any("u:p@" in error for error in errors)


def test_a_certificate_of_another_key_is_told(site: SiteCopy, authority: Authority) -> None:
    tls = authority.directory
    text = f'url = "redis://h"\n[store.tls]\ncertificate = "{tls}/client.pem"\nkey = "{tls}/other.key"\n'
    site.write("smsgw.toml", f"{_DECIDED}[store]\n{text}")
    (error,) = site.errors()
    assert error.startswith("smsgw.toml:6: store.tls.certificate: can't be used with")


def test_certificates_that_end_are_told(site: SiteCopy, authority: Authority) -> None:
    certificate, key = authority.issue("short", days=40)
    site.write(
        "smsgw.toml",
        f'{_DECIDED}[store]\nurl = "redis://h"\n[store.tls]\ncertificate = "{certificate}"\nkey = "{key}"\n',
    )
    assert site.warnings() == []
    (warning,) = site.warnings(TODAY + timedelta(days=20))
    assert warning.startswith(f"smsgw.toml:6: store.tls.certificate: {certificate} ends on")
    authority.issue("short", days=-2)
    (error,) = site.errors()
    assert re.search(r"is valid from .* only: renew it", error)
