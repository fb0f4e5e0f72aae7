"""Routes of reports: monthly, audit, incident, as data and as files."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from smsgw.console.bodies import Why
from smsgw.console.figures import AskingOf
from smsgw.console.people import At
from smsgw.console.problems import CHANGES, LOOKS
from smsgw.reports.audit import Audit
from smsgw.reports.incident import Incident
from smsgw.reports.monthly import Monthly
from smsgw.services import audit_report, incidents, report_files, reports
from smsgw.services.report_files import TYPES, ZIP_TYPE, ReportFile

router = APIRouter(prefix="/api/reports", tags=["reports"])

SIGNATURE: Final = "x-report-signature"
"""The header of a signed file: its signature in base64."""
SHOWN_MESSAGES: Final = 20

Month = Annotated[str, Query(description="Such as 2026-10; empty: the last one. 月份。", max_length=10)]
Department = Annotated[str, Query(description="Only this one; empty: all that you see. 部门。", max_length=100)]
Day = Annotated[str, Query(description="A day; both empty: the last month. 日期。", max_length=10)]
Language = Annotated[Literal["zh", "en"], Query(description="语言。")]
EveryRow = Annotated[
    bool, Query(description="Check every record of the archive; takes a minute a gigabyte. 逐条核验存档。")
]
Form = Literal["html", "xlsx"]


class Asked(Why):
    """Which incident."""

    scope: str = Field(
        description="account:, template:, campaign:, carrier: or signature:<name>. 范围。", examples=["account:shop"],
        max_length=200,
    )  # fmt: skip
    since: str = Field(
        description="A day or a time in the site's zone. 起。", examples=["2026-11-18T10:30"], max_length=40
    )
    until: str = Field("", description="Before this; empty: now. 止（不含）。", max_length=40)
    full: bool = Field(False, description="Numbers in full; for compliance. 完整号码，仅限合规。")


class Key(BaseModel):
    """The site's public key."""

    pem: str = Field(description="As openssl reads it.")
    fingerprint: str


def _files(*types: str) -> dict[int | str, dict[str, Any]]:
    content = {each.partition(";")[0]: {"schema": {"type": "string", "format": "binary"}} for each in types}
    return {200: {"content": content, "description": "The file. 文件。"}}


_REPORTS: Final = {**LOOKS, **_files(*TYPES.values())}
_SIGNED: Final = {**LOOKS, **_files(*TYPES.values(), ZIP_TYPE)}
_EXPORTS: Final = {**CHANGES, **_files(*TYPES.values())}


def _sent(file: ReportFile, **headers: str) -> Response:
    plain = file.name.encode("ascii", "replace").decode().replace("?", "_")
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file.name)}"
    return Response(file.data, media_type=file.media_type, headers={"content-disposition": disposition, **headers})


@router.get("/monthly", summary="A month of each department · 月报", responses=LOOKS)
async def monthly(desk: At, asking: AskingOf, month: Month = "", department: Department = "") -> Monthly:
    """Volume, delivery, unsubscribes, complaints, clicks, violations, cost and score, beside the month before."""
    return await reports.monthly(desk, asking, month=month, department=department)


@router.get(
    "/monthly.{form}", summary="The same as a file · 导出月报", responses=_REPORTS, response_class=Response
)  # fmt: skip
async def monthly_file(
    desk: At, asking: AskingOf, form: Form, month: Month = "", department: Department = "", language: Language = "zh"
) -> Response:
    """A page that needs nothing else, or a workbook."""
    found = await reports.monthly(desk, asking, month=month, department=department)
    return _sent(await report_files.written(found, form, language))


@router.get("/audit", summary="The audit report · 审计报告", responses=LOOKS)
async def audit(desk: At, asking: AskingOf, since: Day = "", until: Day = "", every_row: EveryRow = False) -> Audit:
    """Approvals, content, access to data, pauses, opt-outs, evidence; not signed."""
    return await audit_report.audit_report(desk, asking, since=since, until=until, every_row=every_row)


@router.get(
    "/audit.{form}", summary="The same, signed · 签名的审计报告", responses=_SIGNED, response_class=Response
)  # fmt: skip
async def audit_file(
    desk: At,
    asking: AskingOf,
    form: Literal["html", "xlsx", "zip"],
    since: Day = "",
    until: Day = "",
    every_row: EveryRow = False,
    language: Language = "zh",
    inside: Annotated[Form, Query(description="Of a zip: what is in it. 压缩包内的格式。")] = "html",
) -> Response:
    """Its signature is in the header `x-report-signature`, in a zip beside it, with the public key. The audit log tells
    of each."""
    found = await audit_report.audit_report(desk, asking, since=since, until=until, every_row=every_row)
    file, signature = await report_files.signed(desk, found, inside if form == "zip" else form, language)
    if form == "zip":
        return _sent(report_files.packed(desk, file, signature))
    return _sent(file, **{SIGNATURE: b64encode(signature).decode()})


@router.get("/key", summary="The key that reports are signed with · 报告签名公钥", responses=LOOKS)
async def key(desk: At) -> Key:
    """For whoever is to check reports."""
    found = report_files.site_key(desk.store.recipients).public
    return Key(pem=found.pem, fingerprint=found.fingerprint)


@router.post("/incident", summary="Whom an incident touched · 事件影响", responses=CHANGES)
async def incident(desk: At, asking: AskingOf, body: Asked) -> Incident:
    """Totals, timeline and the first twenty messages; a file has all. Audited."""
    found = await _incident(desk, asking, body)
    return replace(found, messages=found.messages[:SHOWN_MESSAGES])


@router.post(
    "/incident.{form}", summary="The same as a file · 导出事件影响", responses=_EXPORTS, response_class=Response
)  # fmt: skip
async def incident_file(desk: At, asking: AskingOf, form: Form, body: Asked, language: Language = "zh") -> Response:
    """With every message. Audited."""
    return _sent(await report_files.written(await _incident(desk, asking, body), form, language))


async def _incident(desk: At, asking: AskingOf, body: Asked) -> Incident:
    return await incidents.incident(
        desk, asking, scope=body.scope, since=body.since, until=body.until, full=body.full, why=body.why
    )
