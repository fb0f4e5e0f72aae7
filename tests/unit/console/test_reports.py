"""Reports over HTTP: data, files, signatures; who gets which, and that those who see some accounts get only theirs."""

from __future__ import annotations

import io
import zipfile
from base64 import b64decode
from dataclasses import replace
from typing import Any

import httpx
import openpyxl
import pytest

from smsgw.config.site import Site
from smsgw.console.app import build_app
from smsgw.records.archive import raw
from smsgw.records.record import Step
from smsgw.reports.signing import PublicKey
from smsgw.store.connection import Store
from tests.unit.console.conftest import Asked, ok, person, problem
from tests.unit.records.archive.world import HASH, HOUR, NUMBER, World, life
from tests.unit.services.conftest import Time

MONTH = {"month": "2026-11"}
DAYS = {"since": "2026-11-18", "until": "2026-11-18"}
CASE = {"scope": "account:shop", "since": "2026-11-18T19:00", "until": "2026-11-18T20:00", "why": f"asked for {NUMBER}"}
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Five messages of shop (retail) of which one failed, two of login (security), a refusal."""
    found = World(tmp_path_factory.mktemp("reports") / "records")
    rows = [row for number in range(4) for row in life(number, HOUR + number)] + life(4, HOUR + 4, err="MBBLACK")
    rows += life(8, HOUR + 8, account="login") + life(9, HOUR + 9, account="login")
    rows.append((HOUR, Step.REFUSED, "", "shop", "", 2, HASH, "138****8000", 1, 0x410, "optout", "", 0, ""))
    found.knowledge = replace(found.knowledge, departments={"shop": "retail", "login": "security"})
    found.write(sorted(rows, key=lambda row: row[0]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(raw, "LOCK_KEPT_S", 0.0)
        found.round()
    return found


@pytest.fixture
def here(site: Site, world: World, store: Store, time: Time) -> httpx.AsyncClient:
    time.now_ms = HOUR + 5 * 3_600_000
    head = person("head", "department").model_copy(update={"departments": ("retail",)})
    records = site.file.records.model_copy(update={"directory": str(world.directory)})
    file = site.file.model_copy(update={"records": records})
    app = build_app(replace(site, people={**site.people, "head": head}, file=file), store, lambda: time.now_ms)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost:8776")


async def test_a_month(here: httpx.AsyncClient) -> None:
    found = ok(await Asked(here, "management").get("/api/reports/monthly", **MONTH))
    assert [each["name"] for each in found["departments"]] == ["retail", "security"]
    assert found["total"]["counts"]["accepted"] == 7
    assert found["departments"][0]["rates"]["delivery"] == 0.8
    assert found["departments"][0]["score"]["parts"][0]["name"] == "delivery"
    one = ok(await Asked(here, "market").get("/api/reports/monthly", **MONTH, department="security"))
    assert one["total"]["counts"]["accepted"] == 2


async def test_a_department_head_gets_their_own(here: httpx.AsyncClient) -> None:
    head = Asked(here, "head")
    found = ok(await head.get("/api/reports/monthly", **MONTH))
    assert ([each["name"] for each in found["departments"]], found["total"]["counts"]["accepted"]) == (["retail"], 5)
    page = await head.get("/api/reports/monthly.html", **MONTH)
    assert page.status_code == 200
    assert "security" not in page.text
    refused = await head.get("/api/reports/monthly", **MONTH, department="security")
    assert "head does not see the department 'security'" in problem(refused, 403)
    assert "/api/reports/monthly" in str(ok(await head.get("/api/me"))["rights"])
    problem(await head.get("/api/reports/audit", **DAYS), 403)


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_a_month_as_files(language: str, here: httpx.AsyncClient) -> None:
    asked = Asked(here, "viewer")
    page = await asked.get("/api/reports/monthly.html", **MONTH, language=language)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-disposition"].startswith('attachment; filename="smsgw-monthly-2026-11.html"')
    assert ("短信发送月报" in page.text) == (language == "zh")
    book = await asked.get("/api/reports/monthly.xlsx", **MONTH, language=language)
    assert book.headers["content-type"] == XLSX
    sheet = openpyxl.load_workbook(io.BytesIO(book.content))["2026-11"]
    assert [cell.value for cell in sheet[2]][:4] == ["retail", 5, 5, 4]


async def test_the_audit_report_and_its_signature(here: httpx.AsyncClient) -> None:
    auditor = Asked(here, "auditor")
    found = ok(await auditor.get("/api/reports/audit", **DAYS))
    assert found["evidence"]["archive_whole"] is False  # made with other secrets than this store's
    assert found["refused"] == [{"rule": 14, "rule_id": "optout", "count": 1, "violation": True}]
    key = ok(await auditor.get("/api/reports/key"))
    public = PublicKey.read(key["pem"].encode())
    for form in ("html", "xlsx"):
        file = await auditor.get(f"/api/reports/audit.{form}", **DAYS, language="en")
        assert public.fits(file.content, b64decode(file.headers["x-report-signature"]))
    packed = await auditor.get("/api/reports/audit.zip", **DAYS, inside="xlsx")
    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        name = "smsgw-audit-2026-11-18-2026-11-18.xlsx"
        assert public.fits(archive.read(name), archive.read(f"{name}.sig"))
        assert archive.read("site-key.pem").decode() == key["pem"]
    log = ok(await auditor.get("/api/audit", action="report."))["items"]
    assert [(each["who"], each["action"]) for each in log] == [("auditor", "report.audit")] * 3


async def test_an_incident(here: httpx.AsyncClient) -> None:
    engineer = Asked(here, "engineer")
    found = ok(await engineer.post("/api/reports/incident", CASE))
    assert (found["count"], found["states"]) == (6, {"delivered": 4, "failed": 1, "refused": 1})
    assert {each["number"] for each in found["messages"]} == {"138****8000"}
    book = await engineer.post("/api/reports/incident.xlsx", CASE, language="en")
    assert openpyxl.load_workbook(io.BytesIO(book.content)).worksheets[2].max_row == 7
    page = await engineer.post("/api/reports/incident.html", CASE)
    assert NUMBER not in page.text
    assert "账号" in page.text
    (first, *_) = ok(await Asked(here, "auditor").get("/api/audit", action="report.incident"))["items"]
    assert (first["who"], first["why"]) == ("engineer", "asked for 138****8000")


async def test_full_numbers_are_for_compliance_with_a_reason(here: httpx.AsyncClient) -> None:
    full: dict[str, Any] = {**CASE, "full": True}
    for role in ("engineer", "auditor"):
        assert "needs the role compliance" in problem(await Asked(here, role).post("/api/reports/incident", full), 403)
    compliance = Asked(here, "compliance")
    assert "why" in problem(await compliance.post("/api/reports/incident", {**full, "why": " "}), 400)
    assert ok(await Asked(here, "auditor").get("/api/audit", action="report."))["items"] == []


async def test_what_can_t_be_asked(here: httpx.AsyncClient) -> None:
    asked: tuple[tuple[str, dict[str, str], int], ...] = (
        ("monthly", {"month": "2026-1"}, 400),
        ("monthly", {"month": "2999-01"}, 400),
        ("monthly", {"month": "2026-11", "department": "x"}, 400),
        ("monthly.pdf", MONTH, 400),
        ("monthly.html", {**MONTH, "language": "fr"}, 400),
        ("audit", {"since": "2026-11-18"}, 400),
        ("audit.zip", {**DAYS, "inside": "zip"}, 400),
        ("audit", {"since": "0001-01-01", "until": "0001-01-01"}, 200),
        ("audit", {"since": "9999-12-31", "until": "9999-12-31"}, 400),
        ("yearly", {}, 404),
    )
    for path, query, status in asked:
        answer = await Asked(here, "root").get(f"/api/reports/{path}", **query)
        assert answer.status_code == status, f"{path} {query}: {answer.text}"


async def test_before_there_is_an_archive_it_says_how_to_get_one(client: httpx.AsyncClient) -> None:
    assert "archive keep" in problem(await Asked(client, "viewer").get("/api/reports/monthly"), 404)
