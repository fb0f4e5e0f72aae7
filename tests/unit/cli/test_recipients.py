"""``smsgw consent``, ``blacklist`` and ``dead`` on a site whose gateway does not run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from smsgw.records.query import query
from smsgw.records.record import as_dict
from tests.unit.cli.conftest import WHY, Run, change, done, refused, shown

NUMBER = "13800138000"
DIGITS = f"86{NUMBER}"


@pytest.fixture
def site(site: Path) -> Path:
    """At a known time."""
    change(site / "smsgw.toml", 'mode = "real"', 'mode = "test"\nstart = "2026-11-18T10:30:00+08:00"')
    return site


def _facts(smsgw: Run, what: str, number: str = NUMBER) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = shown(smsgw(what, "show", number, "--json"))["facts"]
    return found


# -- consent


def test_a_consent_with_its_proof(smsgw: Run) -> None:
    given = ("--source", "shop form", "--wording", "2026-1", "--at", "2026-11-01 09:00", "--signature", "示例商城")
    assert done(smsgw("consent", "add", NUMBER, *given, "--who", "li", *WHY)).startswith(
        f"{DIGITS}: consented: signature 示例商城\n"
    )
    (fact,) = _facts(smsgw, "consent")
    assert {name: fact[name] for name in ("kind", "scope", "source", "wording", "at", "by")} == {
        "kind": "consent",
        "scope": "signature 示例商城",
        "source": "shop form",
        "wording": "2026-1",
        "at": "2026-11-01 09:00:00+08:00",
        "by": "li",
    }
    page = done(smsgw("consent", "show", NUMBER))
    assert all(word in page for word in ("consented", "shop form", "2026-1", "li"))


def test_consent_and_opt_out_the_newer_counts(smsgw: Run) -> None:
    done(smsgw("optout", "add", NUMBER, *WHY))
    older = smsgw("consent", "add", NUMBER, "--source", "form", "--wording", "1", "--at", "2026-11-01", *WHY)
    assert "not changed: the recipient opted out after that" in done(older)


def test_a_list_of_consent_never_undoes_an_opt_out(tmp_path: Path, smsgw: Run) -> None:
    done(smsgw("optout", "add", "13800138002", *WHY))
    file = tmp_path / "consent.csv"
    file.write_text(
        "手机号,来源,文案版本,时间\n13800138001,网页,v3,2026-11-18 10:00\n13800138002,网页,v3,2026-11-18 10:00\n",
        encoding="gb18030",
    )
    said = done(smsgw("consent", "import", str(file), *WHY)).splitlines()
    assert said[0] == (f"{file}: 2 lines, 1 taken, 0 known already, 1 not taken because the recipient opted out")
    assert said[1].startswith(f"{file}: SHA-256 ")
    (fact,) = _facts(smsgw, "consent", "13800138001")
    assert fact["digest"] == said[1].split()[-1][:12]
    found = shown(smsgw("consent", "import", str(file), "--json", *WHY))
    assert (found["taken"], found["known"], found["opted_out"]) == (0, 1, 1)


def test_a_wrong_list_of_consent(tmp_path: Path, smsgw: Run) -> None:
    file = tmp_path / "consent.csv"
    file.write_text("number,source,wording,time\n13800138001,web,v3,2027-01-01\n138,web,v3,2026-01-01\n", "utf-8")
    result = smsgw("consent", "import", str(file), *WHY)
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"smsgw: {file}:2: time: lies in the future",
        f"smsgw: {file}:3: number: is not a recipient's number; expected 11 digits, or + and a country's code",
        f"smsgw: {file}: 2 wrong lines; nothing was written",
    ]
    assert _facts(smsgw, "consent", "13800138001") == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--source", "form", "--wording", "1", "--at", "yesterday"), "at: is no time such as"),
        (("--source", "form", "--wording", ""), "wording: name the version of the text"),
        (("--source", "form", "--wording", "1", "--account", "shpo"), "did you mean 'shop'?"),
    ],
)
def test_no_consent_without_proof(smsgw: Run, options: tuple[str, ...], said: str) -> None:
    assert said in refused(smsgw("consent", "add", NUMBER, *options, *WHY))
    assert _facts(smsgw, "consent") == []


# -- blacklist


def test_blacklisted_and_taken_off(site: Path, smsgw: Run) -> None:
    said = done(smsgw("blacklist", "add", NUMBER, "--expires", "2026-12-31", "--why", "abuse", "--who", "li"))
    assert said.startswith(f"{DIGITS}: blacklisted\n")
    (fact,) = _facts(smsgw, "blacklist")
    assert (fact["scope"], fact["source"], fact["by"]) == ("company", "abuse", "li")
    assert fact["expires"] == "2027-01-01 00:00:00+08:00"
    assert done(smsgw("blacklist", "remove", NUMBER, *WHY)).startswith(f"{DIGITS}: taken off the blacklist\n")
    assert done(smsgw("blacklist", "show", NUMBER)) == f"{DIGITS}: nothing is known\n"
    assert "not changed" in done(smsgw("blacklist", "remove", NUMBER, *WHY))
    assert [as_dict(record)["step"] for record in query(site / "state" / "records")] == ["blacklisted"]


def test_a_complaint_blacklists(smsgw: Run) -> None:
    assert "complained, blacklisted" in done(smsgw("blacklist", "complaint", NUMBER, "--source", "12321", *WHY))
    assert _facts(smsgw, "blacklist")[0]["source"] == "complaint: a test"


def test_a_blacklist_from_a_file(tmp_path: Path, smsgw: Run) -> None:
    file = tmp_path / "black.csv"
    file.write_text("13800138001\n13800138002\n", encoding="utf-8")
    assert done(smsgw("blacklist", "import", str(file), *WHY)) == f"{file}: 2 lines, 2 changed, 0 as before\n"
    assert _facts(smsgw, "blacklist", "13800138002")[0]["source"] == "a test"
    assert shown(smsgw("blacklist", "import", str(file), "--json", *WHY))["lines"] == 2


def test_wrong_ends_and_carriers(smsgw: Run) -> None:
    assert "expires: lies in the past" in refused(smsgw("blacklist", "add", NUMBER, "--expires", "2026-01-01", *WHY))
    assert "did you mean 'alpha'?" in refused(smsgw("blacklist", "remove", NUMBER, "--carrier", "alfa", *WHY))


# -- dead numbers


def test_dead_numbers_entered_and_forgotten(tmp_path: Path, smsgw: Run) -> None:
    assert done(smsgw("dead", "add", NUMBER, "--why", "returned letter")).startswith(f"{DIGITS}: dead number\n")
    (fact,) = _facts(smsgw, "dead")
    assert (fact["kind"], fact["source"], fact["in_force"]) == ("dead", "returned letter", True)
    assert done(smsgw("dead", "forget", NUMBER, *WHY)).startswith(f"{DIGITS}: forgotten\n")
    assert _facts(smsgw, "dead") == []
    assert "not changed: nothing was known" in done(smsgw("dead", "forget", NUMBER, *WHY))
    file = tmp_path / "dead.csv"
    file.write_text("号码,原因\n13800138003,空号\n", encoding="utf-8")
    done(smsgw("dead", "import", str(file), *WHY))
    assert _facts(smsgw, "dead", "13800138003")[0]["source"] == "空号"


# -- who and why


@pytest.mark.parametrize(
    "arguments",
    [("optout", "add"), ("consent", "add", "--source", "a", "--wording", "b"), ("blacklist", "add"), ("dead", "add")],
)
def test_no_change_without_a_reason(smsgw: Run, arguments: tuple[str, ...]) -> None:
    command, verb, *rest = arguments
    result = smsgw(command, verb, NUMBER, *rest)
    assert result.exit_code == 2
    assert "--why" in result.stderr
    assert "why: every change needs a reason" in refused(smsgw(command, verb, NUMBER, *rest, "--why", " "))


def test_only_those_whom_the_site_knows(site: Path, smsgw: Run) -> None:
    token = "scrypt$16384$8$1$QkUOWOj0+hXk90TzCEgI9w==$ngk7D/wHetsuR7pNOCiLUgp3/4xQ4o8bBB9q4Q2LpiU="
    (site / "people.toml").write_text(
        f'[[person]]\nname = "li"\nroles = ["viewer"]\ntoken = "{token}"\n'
        f'[[person]]\nname = "wang"\nroles = ["compliance"]\ntoken = "{token[:-4]}abU="\n'
        f'[[person]]\nname = "zhao"\nroles = ["compliance"]\ntoken = "{token[:-4]}abc="\nenabled = false\n',
        encoding="utf-8",
    )
    add = ("blacklist", "add", NUMBER, *WHY)
    assert "people.toml has no 'wan'; did you mean 'wang'?" in refused(smsgw(*add, "--who", "wan"))
    assert "zhao is not enabled" in refused(smsgw(*add, "--who", "zhao"))
    assert "li needs one of the roles compliance, engineer" in refused(smsgw(*add, "--who", "li"))
    done(smsgw(*add, "--who", "wang"))
    assert _facts_of(smsgw, "li")[0]["by"] == "wang"


def test_who_sees_only_some_accounts_sees_no_more_at_a_terminal(site: Path, smsgw: Run) -> None:
    token = "scrypt$16384$8$1$QkUOWOj0+hXk90TzCEgI9w==$ngk7D/wHetsuR7pNOCiLUgp3/4xQ4o8bBB9q4Q2LpiU="
    (site / "people.toml").write_text(
        f'[[person]]\nname = "team"\nroles = ["application"]\naccounts = ["shop"]\ntoken = "{token}"\n'
        f'[[person]]\nname = "wang"\nroles = ["market"]\ntoken = "{token[:-4]}abU="\n',
        encoding="utf-8",
    )
    for account in ("shop", "orders"):
        papers = ("--owner", "示例公司", "--proof", "B1", *WHY)
        done(smsgw("signature", "add", account, "新签名", *papers, "--who", "wang"))
    found = shown(smsgw("signature", "list", "--json", "--who", "team"))["items"]
    assert [each["id"] for each in found] == ["shop/新签名"]
    theirs = smsgw("signature", "show", "orders", "新签名", "--who", "team")
    assert "team sees only the accounts shop" in refused(theirs)
    assert "team needs one of the roles" in refused(smsgw("blacklist", "show", NUMBER, "--who", "team"))
    assert "team needs one of the roles" in refused(smsgw("audit", "list", "--who", "team"))


def _facts_of(smsgw: Run, who: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = shown(smsgw("blacklist", "show", NUMBER, "--json", "--who", who))["facts"]
    return found
