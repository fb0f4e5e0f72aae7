"""Reports in a browser: previews, files, the incident form; by role, by keyboard, in both languages, on a telephone."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import openpyxl

from smsgw.reports.signing import PublicKey
from tests.e2e.console_pages.harness import MARKS, NARROW, At, OpenPage, Scene

pytestmark = MARKS
DAY = "2026-11-18"


async def fetched(at: At, button: str) -> tuple[str, bytes]:
    """The name and the octets of a file that a button fetches."""
    async with at.page.expect_download() as waiting:
        await at.button(button).click()
    download = await waiting.value
    with open(await download.path(), "rb") as file:
        return str(download.suggested_filename), file.read()


async def tabs(at: At) -> list[str]:
    return list(await at.page.locator("main [role=tab]").all_text_contents())


async def test_a_month_and_its_files(open_page: OpenPage) -> None:
    at = await open_page("viewer", "en")
    await at.go("reports?month=2026-11")
    assert await tabs(at) == ["Monthly"]
    for words in ("The month is not over", "Departments in 2026-11", "retail", "How each score was made"):
        await at.sees(words, "main")
    name, book = await fetched(at, "Workbook (XLSX)")
    assert name == "smsgw-monthly-2026-11.xlsx"
    sheet = openpyxl.load_workbook(io.BytesIO(book))["2026-11"]
    accepted = {row[0].value: row[1].value for row in sheet.iter_rows(min_row=2)}["retail"]
    await at.sees(f"{accepted:,}", "main table")
    await at.page.locator("main select[name=language]").select_option("zh")
    _, page = await fetched(at, "Page (HTML, to print)")
    assert "短信发送月报" in page.decode()
    at.is_fine()


async def test_a_month_that_can_not_be_says_why(open_page: OpenPage) -> None:
    at = await open_page("market", "zh", NARROW)
    await at.go("reports?month=2027-05")
    await at.sees("月份：2027-05 尚未开始", "main [role=alert]")
    at.errors.clear()
    await at.go("reports?month=2026-10")
    await at.sees("本期没有记录")
    await at.no_sideways_scrolling()
    at.is_fine()


async def test_the_audit_report_is_signed(open_page: OpenPage) -> None:
    at = await open_page("auditor", "zh")
    await at.go(f"reports?kind=audit&since={DAY}&until={DAY}")
    assert await tabs(at) == ["月报", "审计报告", "事件导出"]
    await at.sees("审计日志与存档完整")
    name, packed = await fetched(at, "签名报告：网页（ZIP）")
    assert name == f"smsgw-audit-{DAY}-{DAY}-html.zip"
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        report = f"smsgw-audit-{DAY}-{DAY}.html"
        key = PublicKey.read(archive.read("site-key.pem"))
        assert key.fits(archive.read(report), archive.read(f"{report}.sig"))
    await at.sees(key.fingerprint)
    at.is_fine()


async def test_an_engineer_looks_at_an_incident_by_keyboard(open_page: OpenPage, scene: Scene) -> None:
    at = await open_page("engineer", "en", NARROW)
    await at.go("reports")
    assert await tabs(at) == ["Incident"]
    await at.button("Look at an incident").focus()
    await at.page.keyboard.press("Enter")
    dialog = at.page.locator("dialog[open]")
    assert await dialog.locator("[name=full]").count() == 0
    await at.page.keyboard.press("Escape")
    assert await dialog.count() == 0
    await at.page.keyboard.press("Enter")
    await at.answer(kind="account", name_account="shop", since=f"{DAY}T08:00", why="the price was wrong")
    await at.sees("numbers are masked")
    await at.sees("138****8000", "main table code")
    await at.no_sideways_scrolling()
    name, page = await fetched(at, "Page (HTML, to print)")
    assert name == "smsgw-incident.html"
    assert "the price was wrong" in page.decode()
    logged = [each async for each in scene.root.log.all() if each.action == "report.incident"]
    assert [each.who for each in logged] == ["engineer", "engineer"]
    at.is_fine()


async def test_compliance_may_have_whole_numbers(open_page: OpenPage) -> None:
    at = await open_page("compliance", "zh", NARROW)
    await at.go("reports?kind=incident")
    await at.page.locator("main [role=tabpanel] button").first.click()
    dialog: Any = at.page.locator("dialog[open]")
    await dialog.locator("[name=full]").check()
    await at.answer(kind="account", name_account="shop", since=f"{DAY}T08:00", why="to call them")
    await at.sees("含完整号码")
    await at.sees("86138", "main table code")
    await at.no_sideways_scrolling()
    at.is_fine()
