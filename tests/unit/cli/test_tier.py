"""``smsgw tier`` on a site whose gateway does not run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.conftest import WHY, Run, done, refused, shown


def test_set_shown_and_removed(smsgw: Run) -> None:
    assert smsgw("tier", "show", "13800138000").stdout == "8613800138000: no tier\n"
    assert done(smsgw("tier", "set", "13800138000", "loyal", *WHY)) == "8613800138000: loyal\n"
    assert done(smsgw("tier", "set", "13800138000", "loyal", *WHY)) == "8613800138000: loyal (as before)\n"
    assert shown(smsgw("tier", "show", "13800138000", "--json")) == {"number": "8613800138000", "tier": "loyal"}
    assert done(smsgw("tier", "remove", "13800138000", *WHY)) == "8613800138000: no tier\n"


@pytest.mark.parametrize(
    "octets",
    [
        "手机号,等级\n13800138001,loyal\n\n+8613800138002, loyal\n13800138001,loyal\n".encode("utf-8-sig"),
        "手机号,等级\r\n13800138001,loyal\r\n13800138002,loyal\r\n".encode("gb18030"),
        b"phone,tier,name\n13800138001,loyal,Li\n13800138002,loyal,Wang",
        b"13800138001;loyal\n13800138002;loyal",
    ],
)
def test_a_list_as_spreadsheets_write_it(tmp_path: Path, smsgw: Run, octets: bytes) -> None:
    file = tmp_path / "loyal.csv"
    file.write_bytes(octets)
    lines = octets.count(b"loyal")
    said = done(smsgw("tier", "import", str(file), *WHY))
    assert said == f"{file}: {lines} lines, 2 changed, {lines - 2} as before\n"
    assert shown(smsgw("tier", "show", "13800138002", "--json"))["tier"] == "loyal"


def test_nothing_is_written_when_a_line_is_wrong(tmp_path: Path, smsgw: Run) -> None:
    file = tmp_path / "loyal.csv"
    file.write_text("number,tier\n13800138001,loyal\n13800138002,loyl\n138,loyal\n13800138003\n", encoding="utf-8")
    result = smsgw("tier", "import", str(file), *WHY)
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"smsgw: {file}:3: tier: no cap names a tier 'loyl'; did you mean 'loyal'? valid: loyal",
        f"smsgw: {file}:4: number: is not a recipient's number; expected 11 digits, or + and a country's code",
        f"smsgw: {file}:5: tier: is missing: expected two cells, number and tier",
        f"smsgw: {file}: 3 wrong lines; nothing was written",
    ]
    assert smsgw("tier", "show", "13800138001").stdout == "8613800138001: no tier\n"


def test_an_unknown_tier(smsgw: Run) -> None:
    assert "did you mean 'loyal'?" in refused(smsgw("tier", "set", "13800138000", "loyl", *WHY))


def test_wrong_lines_may_be_left_out(tmp_path: Path, smsgw: Run) -> None:
    file = tmp_path / "loyal.csv"
    file.write_text("number,tier\n13800138001,loyal\n13800138002,loyl\n", encoding="utf-8")
    result = smsgw("tier", "import", str(file), "--skip-wrong", *WHY)
    assert done(result) == f"{file}: 2 lines, 1 changed, 0 as before, 1 left out as wrong\n"
    assert f"{file}:3: tier: no cap names a tier 'loyl'" in result.stderr
