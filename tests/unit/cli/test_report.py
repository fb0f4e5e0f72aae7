"""``smsgw report`` on files that a test wrote."""

from __future__ import annotations

import json
import resource
import stat
from pathlib import Path

import openpyxl
import pytest

from smsgw.records.archive import raw
from smsgw.records.log import RecordLog
from smsgw.records.record import Step
from tests.unit.cli.conftest import Run

AT_MS = 1_795_004_800_000  # 2026-11-18T20:26:40+08:00
ID = "006afd96400001000001"


@pytest.fixture
def written(site: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(raw, "LOCK_KEPT_S", 0.0)
    log = RecordLog(site / "state" / "records", "node1", lambda: AT_MS)
    log.append((AT_MS, Step.ACCEPTED, ID, "shop", "", 2, "h", "138****8000", 1, 0, "", "示例商城", 3, "main"))
    log.append((AT_MS + 50, Step.SENT, ID, "shop", "alpha", 2, "h", "138****8000", 1, 0, "", "示例商城", 0, 1))
    log.append((AT_MS + 90, Step.ANSWERED, ID, "shop", "alpha", 2, "h", "138****8000", 1, 0, "", "示例商城", 40, "c"))
    log.append((AT_MS + 950, Step.RECEIPT, ID, "shop", "alpha", -1, "", "", 0, 0, "", "", 0, 5, "MK:0001", "c"))
    log.append((AT_MS + 960, Step.REFUSED, "", "shop", "", 2, "h", "138****8000", 1, 0x410, "optout", "", 0, ""))
    log.close()
    return site


@pytest.mark.usefixtures("written")
def test_a_month_as_a_page_and_as_a_workbook(smsgw: Run, tmp_path: Path) -> None:
    page, book = tmp_path / "month.html", tmp_path / "month.xlsx"
    assert f"written: {page}" in smsgw("report", "monthly", "--month", "2026-11", "--into", str(page)).stdout
    assert "短信发送月报" in page.read_text()
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    smsgw("report", "monthly", "--month", "2026-11", "--department", "retail", "-l", "en", "--into", str(book))
    opened = openpyxl.load_workbook(book)
    sheet = opened["2026-11"]
    assert [cell.value for cell in sheet[2]][:4] == ["retail", 1, 1, 0]
    found = json.loads(smsgw("report", "monthly", "--month", "2026-11", "--json").stdout)
    assert found["total"]["counts"]["violations"] == 1
    assert found["departments"][0]["rates"]["violations"] == 0.5


@pytest.mark.usefixtures("written")
def test_an_audit_report_is_signed_and_verified(smsgw: Run, tmp_path: Path) -> None:
    file, pem = tmp_path / "audit.html", tmp_path / "site.pem"
    days = ("--since", "2026-11-18", "--until", "2026-11-18")
    said = smsgw("report", "audit", *days, "--every-row", "--into", str(file)).stdout
    assert f"signed: {file}.sig, with the key " in said
    fingerprint = said.split()[-1]
    assert smsgw("report", "verify", str(file)).stdout == f"{file} is whole, signed by this site: {fingerprint}\n"
    key = smsgw("report", "key")
    assert fingerprint in key.stderr
    pem.write_text(key.stdout)
    elsewhere = smsgw("report", "verify", str(file), "--key", str(pem)).stdout
    assert elsewhere == f"{file} is whole, signed by whoever has the key: {fingerprint}\n"
    file.write_bytes(file.read_bytes() + b" ")
    broken = smsgw("report", "verify", str(file))
    assert broken.exit_code == 1
    assert "the file was changed after it was signed, or was signed with another key" in broken.stderr


@pytest.mark.usefixtures("written")
def test_an_incident(smsgw: Run, tmp_path: Path) -> None:
    file = tmp_path / "incident.xlsx"
    what = ("report", "incident", "account:shop", "--since", "2026-11-18T20:00", "--until", "2026-11-18T21:00")
    smsgw(*what, "--into", str(file), "--why", "wrong price")
    sheet = openpyxl.load_workbook(file).worksheets[2]
    assert [(row[0].value, row[1].value, row[13].value) for row in sheet.iter_rows(min_row=2)] == [
        ("138****8000", "失败", "MK:0001"), ("138****8000", "拒绝", ""),
    ]  # fmt: skip
    (entry,) = json.loads("[" + ",".join(smsgw("audit", "export").stdout.splitlines()[:-1]) + "]")
    assert (entry["action"], entry["subject"], entry["why"]) == ("report.incident", "account:shop", "wrong price")


@pytest.mark.usefixtures("written")
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("monthly", "--month", "2026-13"), 1, "month: '2026-13' is not a month such as 2026-10"),
        (("monthly", "--month", "2026-11", "--department", "retial"), 1, "did you mean 'retail'?"),
        (("monthly", "--month", "2026-11", "--language", "fr"), 1, "language: 'fr' is not known"),
        (("monthly", "--format", "pdf"), 2, "--format: expected html or xlsx, found 'pdf'"),
        (("monthly", "--into", "/x/m.docx"), 2, "--into /x/m.docx: the end of the name: expected html or xlsx"),
        (("monthly", "--month", "2026-11", "--into", "/nowhere/x.html"), 2, "there is no directory /nowhere"),
        (("audit", "--since", "2026-11-18"), 1, "until: give both days, or none for the last month"),
        (("incident", "shop", "--since", "2026-11-18", "--why", "x"), 1, "scope: expected one of account:<name>"),
        (("incident", "account:shop", "--since", "2026-11-18", "--why", " "), 1, "every change needs a reason"),
        (("verify", "/nowhere/x.html"), 2, "/nowhere/x.html.sig: can't be read: No such file"),
        (("verify", __file__, "--signature", __file__, "--key", __file__), 2, "is no public key as `smsgw report key`"),
        (("verify", __file__, "--signature", __file__), 1, "one of ours has 64"),
    ],
)
def test_what_can_not_be(arguments: tuple[str, ...], code: int, said: str, smsgw: Run) -> None:
    found = smsgw("report", *arguments)
    assert found.exit_code == code
    assert said in found.stderr
    assert "Traceback" not in found.stderr


@pytest.mark.usefixtures("written")
def test_nothing_is_left_of_a_report_that_could_not_be_written(smsgw: Run, tmp_path: Path) -> None:
    file = tmp_path / "month.html"
    smsgw("report", "monthly", "--month", "2026-11", "--into", str(tmp_path / "first.html"))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16_384, before[1]))
    try:
        found = smsgw("report", "monthly", "--month", "2026-11", "--no-fresh", "--into", str(file))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert found.stderr == f"smsgw: {file}: can't be written: File too large\n"
    assert not file.exists()
