"""Everything that can be wrong with a file is said with file, line, key and what was expected."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from smsgw.config.load import load_node, load_site
from smsgw.documents.problems import ConfigErrors
from smsgw.errors import ConfigError

from .conftest import SiteCopy


@dataclass(frozen=True)
class Mistake:
    """An edit of a file, and the one error that must come of it.

    The error is expected on the line of the edit, unless ``at`` is another text of the file; empty: no line.
    """

    file: str
    old: str
    new: str
    error: str
    at: str | None = None


UNKNOWN_WORDS = [
    Mistake(
        "smsgw.toml",
        "max_connections = 2000",
        "max_conections = 5",
        "listener.max_conections: unknown key; did you mean 'max_connections'?",
    ),
    Mistake(
        "smsgw.toml",
        'fsync = "always"',
        'fsync = "allways"',
        "store.fsync: expected 'always', 'everysec' or 'no', found 'allways'; did you mean 'always'?",
    ),
    Mistake(
        "smsgw.toml",
        "[ops]",
        "[opps]",
        "opps: unknown key; did you mean 'ops'?",
    ),
    Mistake(
        "accounts/shop.toml",
        'class = "marketing"',
        'class = "marketting"',
        "class: expected otp, notice or marketing, found 'marketting'; did you mean 'marketing'?",
    ),
    Mistake(
        "accounts/login.toml",
        '"transmitter", "rec',
        '"transmiter", "rec',
        "bind_types: unknown bind type 'transmiter'; did you mean 'transmitter'? valid: receiver, transceiver, "
        "transmitter",
    ),
    Mistake(
        "carriers/alpha.toml",
        'type = "transceiver"',
        'type = "trx"',
        "binds[1].type: expected 'transceiver', 'transmitter' or 'receiver', found 'trx'",
    ),
    Mistake(
        "carriers/alpha.toml",
        '"0x64" = "retry"',
        '"0x64" = "retri"',
        "statuses.0x64: unknown word 'retri'; did you mean 'retry'? valid: hold, reject, reroute, retry, throttle",
    ),
    Mistake(
        "carriers/alpha.toml",
        '"0x64" = "retry"',
        '"ESME" = "retry"',
        "statuses.ESME: expected a command_status such as \"0x58\", found 'ESME'",
    ),
    Mistake(
        "carriers/alpha.toml",
        'response_id = "text"',
        'response_id = "hax"',
        "response_id: unknown word 'hax'; did you mean 'hex'? valid: auto, dec, first10, hex, last10, nocase, text",
    ),
    Mistake(
        "profiles/cn.toml",
        "Asia/Shanghai",
        "Asia/Shangai",
        "zone: unknown time zone 'Asia/Shangai'; did you mean 'Asia/Shanghai'?",
    ),
    Mistake(
        "profiles/cn.toml",
        'days = "workdays"',
        'days = "workday"',
        "window.soft.days: expected 'workdays', 'weekdays' or 'all', found 'workday'; did you mean 'workdays'?",
    ),
]
TYPES_AND_RANGES = [
    Mistake(
        "smsgw.toml",
        "port = 2775",
        'port = "2775"',
        "listener.port: expected a whole number, found '2775'",
    ),
    Mistake(
        "smsgw.toml",
        "port = 2775",
        "port = 70000",
        "listener.port: expected at most 65535, found 70000",
    ),
    Mistake(
        "smsgw.toml",
        'session_init = "50s"',
        "session_init = 50",
        'listener.session_init: expected a duration with its unit, such as "300ms", "30s", "5m" or "72h", found 50',
    ),
    Mistake(
        "smsgw.toml",
        'timeout = "2s"',
        'timeout = "0s"',
        "store.timeout: expected more than 0, found '0s'",
    ),
    Mistake(
        "smsgw.toml",
        'lease = "10s"',
        'lease = "2h"',
        "node.lease: expected at most 300s, found '2h'",
    ),
    Mistake(
        "smsgw.toml",
        'url = ""',
        'url = "http://user:hunter2@x"',
        'store.url: expected "" for the embedded server, or a URL of redis, rediss, unix, sentinel, cluster',
    ),
    Mistake(
        "accounts/shop.toml",
        'rate = "1000/s"',
        "rate = 1000",
        'rate: expected a rate such as "100/s" or "600/m", found 1000',
    ),
    Mistake(
        "accounts/shop.toml",
        "explain = true",
        'explain = "yes"',
        "explain: expected true or false, found 'yes'",
    ),
    Mistake(
        "accounts/shop.toml",
        '"127.0.0.1/32"',
        '"127.0.0.1/33"',
        "allow_ips[1]: expected an address or a network such as \"10.1.2.0/24\", found '127.0.0.1/33'",
    ),
    Mistake(
        "accounts/shop.toml",
        '"1069000130"',
        "1069000130",
        "numbers[1].number: expected 3 to 20 digits as text, found 1069000130",
    ),
    Mistake(
        "accounts/login.toml",
        "enabled = true",
        'licence_expires = "soon"',
        "licence_expires: expected a day such as 2027-06-30, found 'soon'",
    ),
    Mistake(
        "accounts/login.toml",
        'system_id = "login"',
        'system_id = "log:in"',
        "system_id: expected a name of at most 32 letters, digits, '_', '-' and '.', found 'log:in'",
    ),
    Mistake(
        "routes.toml",
        'prefix = ["86133"',
        'prefix = ["+86133"',
        "route[2].prefix[1]: expected 1 to 15 digits as text, found '+86133'",
    ),
    Mistake(
        "routes.toml",
        'carriers = ["beta", "alpha"]',
        "carriers = []",
        "route[2].carriers: must not be empty",
    ),
    Mistake(
        "routes.toml",
        '["beta", "alpha"]',
        '["beta", "beta"]',
        "route[2].carriers: 'beta' is listed twice",
    ),
    Mistake(
        "profiles/cn.toml",
        '"21:00-08:00"',
        '"21-8"',
        "window.hard.closed[1]: '21-8' is not a time range such as 09:00-21:00",
    ),
    Mistake(
        "profiles/cn.toml",
        "limit = 40",
        "limit = 0",
        "cap[4].limit: expected at least 1, found 0",
    ),
    Mistake(
        "profiles/cn.toml",
        'period = "day"',
        'period = "fortnight"',
        "cap[3].period: expected minute, hour, day, week or a duration such as \"24h\", found 'fortnight'",
    ),
    Mistake(
        "profiles/cn.toml",
        'period = "day"',
        'period = "36h"',
        "cap[3].period: a clock period is one of minute, hour, day, week; any other needs kind rolling",
    ),
    Mistake(
        "calendar/2027.toml",
        '2027-04-05 = "holiday"',
        '2026-04-05 = "holiday"',
        "days.2026-04-05: is not in 2027, the year that names the file",
    ),
    Mistake(
        "calendar/2027.toml",
        '2027-04-05 = "holiday"',
        '2027-04-31 = "holiday"',
        "days.2027-04-31: expected a day such as 2027-02-01",
    ),
]
MISSING = [
    Mistake(
        "accounts/shop.toml",
        'class = "marketing"',
        "",
        "class: is missing",
        at="",
    ),
    Mistake(
        "accounts/shop.toml",
        'allow_ips = ["127.0.0.1/32", "::1/128"]',
        "",
        "allow_ips: is missing",
        at="",
    ),
    Mistake(
        "routes.toml",
        'name = "codes"',
        "",
        "route[1].name: is missing",
        at="[[route]]",
    ),
    Mistake(
        "profiles/cn.toml",
        "limit = 40",
        "",
        "cap[4].limit: is missing",
        at='[[cap]]\nname = "otp-day-company"',
    ),
    Mistake(
        "profiles/cn.toml",
        'closed = ["21:00-08:00"]',
        "",
        "window.hard.closed: is missing; the company has to decide when marketing may never be sent: write classes = "
        '["marketing"] and closed = ["21:00-08:00"]',
        at="[window.hard] ",
    ),
]
CLASHES = [
    Mistake(
        "smsgw.toml",
        'mode = "real"',
        'mode = "real"\nstart = 2026-01-01T00:00:00Z',
        'clock: start needs mode = "test": real time can\'t be set',
        at="[clock]",
    ),
    Mistake(
        "smsgw.toml",
        'mode = "real"',
        'mode = "real"\nrate = 60',
        'clock: rate needs mode = "test": real time can\'t be sped up',
        at="[clock]",
    ),
    Mistake(
        "smsgw.toml",
        'mode = "real"',
        'mode = "test"\nstart = 2026-01-01T00:00:00',
        'clock.start: expected a time with its zone, such as "2026-11-18T10:30:00+08:00", found 2026-01-01 00:00:00',
        at="start = 2026",
    ),
    Mistake(
        "smsgw.toml",
        "port = 8775",
        "port = 2775",
        "ops.port: 2775 is a listener's port already",
    ),
    Mistake(
        "carriers/alpha.toml",
        'reconnect_min = "1s"',
        'reconnect_min = "90s"',
        "reconnect_min is longer than reconnect_max",
        at="",
    ),
    Mistake(
        "carriers/alpha.toml",
        'password = "alpha123"',
        'password = "alpha12345"',
        "password: expected printable ASCII of at most 8 characters",
    ),
    Mistake(
        "profiles/cn.toml",
        "ceiling = 2",
        "ceiling = 1",
        "cap[6].tiers.loyal: 2 is over the ceiling of 1",
        at="tiers = { loyal = 2",
    ),
    Mistake(
        "profiles/cn.toml",
        'name = "otp-day"',
        'name = "otp-hour"',
        "cap[3].name: another cap is named 'otp-hour' already",
    ),
    Mistake(
        "profiles/cn.toml",
        "min = 2",
        "min = 30",
        "signature.min: is more than max (20)",
    ),
    Mistake(
        "profiles/cn.toml",
        '["订阅", "START"]',
        '["ｓｔｏｐ"]',
        "mo.start_words[1]: 'ｓｔｏｐ' is in stop_words too",
    ),
    Mistake(
        "profiles/cn.toml",
        'phrases = ["拒收请回复R", "回T退订", "回TD退订"]',
        "phrases = []",
        "unsubscribe.phrases: must not be empty: required_for asks for one of them",
    ),
]


MISTAKES = [*UNKNOWN_WORDS, *TYPES_AND_RANGES, *MISSING, *CLASHES]


@pytest.mark.parametrize("mistake", MISTAKES, ids=[each.error[:50] for each in MISTAKES])
def test_one_mistake_is_one_error(site: SiteCopy, mistake: Mistake) -> None:
    site.edit(mistake.file, mistake.old, mistake.new)
    place = mistake.file
    if mistake.at != "":
        place += f":{site.edited_line if mistake.at is None else site.line_of(mistake.file, mistake.at)}"
    assert site.errors() == [f"{place}: {mistake.error}"]


@pytest.mark.parametrize("period", ["day", "week"])
def test_a_profile_must_say_how_much_marketing_is_allowed(site: SiteCopy, period: str) -> None:
    name = f'name = "marketing-{period}"\n'
    site.edit("profiles/cn.toml", f'{name}class = "marketing"', f'{name}class = "otp"')
    why = f'no cap for class "marketing" per {period}: the company has to decide it, there is no default'
    assert site.errors() == [f"profiles/cn.toml:{site.line_of('profiles/cn.toml', '[[cap]]')}: cap: {why}"]


def test_a_rolling_day_is_a_day(site: SiteCopy) -> None:
    old = 'limit = 1\nperiod = "day"\n'
    assert site.edit("profiles/cn.toml", old, 'limit = 1\nperiod = "24h"\nkind = "rolling"\n').warnings() == []


def test_a_profile_without_caps_is_refused(site: SiteCopy) -> None:
    path = site.directory / "profiles/cn.toml"
    path.write_text(path.read_text(encoding="utf-8").partition("[[cap]]")[0], encoding="utf-8")
    assert [error.partition(": cap: ")[0] for error in site.errors()] == ["profiles/cn.toml"] * 2


def test_all_errors_of_all_files_come_at_once(site: SiteCopy) -> None:
    site.edit("smsgw.toml", "port = 2775", "prot = 1").edit("smsgw.toml", "[ops]", "[opps]")
    site.edit("accounts/shop.toml", 'profile = "cn"', 'profile = "uk"\nwat = 1')
    site.write("carriers/gamma.toml", "x = [1\n")
    assert [error.split(": ")[0] for error in site.errors()] == [
        "accounts/shop.toml:7",
        "accounts/shop.toml:8",
        "carriers/gamma.toml:2",
        f"smsgw.toml:{site.line_of('smsgw.toml', 'prot = 1')}",
        f"smsgw.toml:{site.line_of('smsgw.toml', '[opps]')}",
    ]


def test_a_file_that_is_not_toml_says_where(site: SiteCopy) -> None:
    site.edit("accounts/shop.toml", 'system_id = "shop"', "system_id = shop")
    assert site.errors()[0].startswith("accounts/shop.toml:3: is not TOML: ")


def test_a_file_that_is_not_utf_8(site: SiteCopy) -> None:
    (site.directory / "accounts/shop.toml").write_bytes('signatures = ["商城"]'.encode("gbk"))
    assert site.errors() == ["accounts/shop.toml: is not UTF-8 (octet 15)"]


def test_a_byte_order_mark_does_no_harm(site: SiteCopy) -> None:
    path = site.directory / "accounts/shop.toml"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert site.warnings() == []


@pytest.mark.parametrize("name", ["smsgw.toml", "routes.toml"])
def test_a_missing_file(site: SiteCopy, name: str) -> None:
    (site.directory / name).unlink()
    assert site.errors() == [f"{name}: is missing; every site has one"]


def test_an_empty_folder(site: SiteCopy) -> None:
    (site.directory / "carriers").rename(site.directory / "carrier")
    assert "carriers: expected at least one .toml file of carriers, found none" in site.errors()


def test_no_site_at_all(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name, why in (("nothing", "does not exist"), ("file", "is a file"), ("", r"holds no smsgw\.toml")):
        said = f"^{re.escape(str(tmp_path / name))}: {why}; expected the directory of a site: name a site with --site"
        for load in (load_site, load_node):
            with pytest.raises(ConfigErrors, match=said) as found:
                load(tmp_path / name)
            assert len(found.value.errors) == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("workers = 0", "workers: expected 1 to 64 workers in all, found 0; write a number such as 4, or how many of"),
        ("workers = true", "workers: expected a number of workers, found True; write a number such as 4"),
        ("workers = [1]", "workers: expected a number of workers, found [1]; write a number such as 4"),
        ('workers = "esme:1,carier:2"', "workers: expected esme, carrier or all, found 'carier'; did you mean"),
        ('role = "x"', "role: expected 'esme', 'carrier' or 'all', found 'x'"),
        ('workers = "esme:2"\nrole = "esme"', "role: the workers say the roles already: leave the role out, or give a"),
    ],
)
def test_workers_and_roles_are_told_by_line(site: SiteCopy, line: str, said: str) -> None:
    site.edit("smsgw.toml", "[node]\n", f"[node]\n{line}\n")
    number = site.edited_line + len(line.splitlines())
    with pytest.raises(ConfigErrors) as found:
        load_node(site.directory)
    (error,) = found.value.errors
    assert str(error).startswith(f"{site.directory / 'smsgw.toml'}:{number}: node.{said}")


def test_a_password_must_be_given_once(site: SiteCopy) -> None:
    site.edit("accounts/shop.toml", "password = ", "#")
    site.edit("accounts/login.toml", "scrypt$16384", "scrypt$16383")
    site.edit("accounts/orders.toml", "department", 'password_file = "nowhere"\ndepartment')
    login, orders, shop = site.errors()
    assert login.startswith("accounts/login.toml:4: password: expected scrypt costs n a power of 2")
    assert orders.startswith("accounts/orders.toml:5: password_file: expected an existing file, found none at")
    assert shop.startswith("accounts/shop.toml: expected either password or password_file")


def test_secrets_never_show_in_errors(site: SiteCopy) -> None:
    site.edit("accounts/shop.toml", "scrypt$", "hunter2$").edit("carriers/beta.toml", "beta1234", "hunter2hunter2")
    site.edit("carriers/alpha.toml", '"alpha123"', "[ 'hunter2' ]")
    site.edit("smsgw.toml", 'url = ""', 'url = "amqp://:hunter2@x"')
    assert len(site.errors()) == 4
    assert "hunter2" not in "".join(site.errors())


def test_the_exception_is_a_config_error_with_every_line(site: SiteCopy) -> None:
    site.edit("smsgw.toml", "port = 2775", "prot = 1").edit("smsgw.toml", "[ops]", "[opps]")
    with pytest.raises(ConfigError) as caught:
        site.load()
    assert len(str(caught.value).splitlines()) == 2
    assert caught.value.line == site.line_of("smsgw.toml", "prot = 1")
