"""What requests bring: bodies in JSON, lists in CSV. Only shapes, and what each field is for; services check them."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

_CSV: Final = ("text/csv", "application/octet-stream", "application/vnd.ms-excel")
CSV_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "CSV in UTF-8 or GB 18030, columns by English or Chinese names. CSV 文件，UTF-8 或 GB 18030。",
        "content": {"text/csv": {"schema": {"type": "string"}}},
    }
}


class Body(BaseModel):
    """A body without keys that nobody knows."""

    model_config = ConfigDict(extra="forbid")


class Why(Body):
    """A change that needs nothing but its reason."""

    why: str = Field(description="The reason, for the audit log. 变更原因。", examples=["asked by telephone"])


class Number(Body):
    """A look at a recipient; in a body and not in the path, which proxies write down."""

    number: str = Field(description="13800138000, +86138…, 0086138…. 手机号码。", examples=["13800138000"])


class ChangeNumber(Number, Why):
    """A change of a recipient."""


class ScopedChange(ChangeNumber):
    """A change within a scope: an account, a signature, or (neither) the company."""

    account: str = Field("", description="Only of this account. 仅限该账号。")
    signature: str = Field("", description="Only of this signature. 仅限该签名。")
    source: str = Field("", description="Where the wish came from. 来源。")


class ConsentGiven(ScopedChange):
    """One consent with its proof."""

    source: str = Field(description="Where it was given. 取得渠道。", examples=["shop app"])
    wording: str = Field(description="Version of the wording agreed to. 文案版本。", examples=["2026-03"])
    at: str = Field("", description="When it was given; empty for now. 同意时间。", examples=["2026-11-18 10:30"])


class ListedNumber(ChangeNumber):
    """An entry of a list."""

    expires: str = Field("", description="A day or a time; empty for good. 到期。", examples=["2027-06-30"])


class Complaint(ListedNumber):
    """A complaint that was received; ``why`` is what it says."""

    source: str = Field("", description="Where it came in. 投诉渠道。", examples=["12321"])


class Unlisted(ChangeNumber):
    """Off a blacklist."""

    carrier: str = Field("", description="What was learnt of this carrier's; empty: the company's. 运营商。")


class TierOf(ChangeNumber):
    """A recipient's tier."""

    tier: str = Field(description="A tier that a cap names; empty for none. 等级。", examples=["loyal"])


class Step(Why):
    """A step in an approval."""

    action: str = Field(description="The step, such as activate, suspend, approve-market. 操作。")


class SeenStep(Step):
    """A step about what was looked at."""

    revision: int = Field(
        0, ge=0, description="The one that was looked at; refused when it was changed since. 0: any. 所审阅的修订号。"
    )


async def csv_body(request: Request) -> bytes:
    """The list that a request brings. Raises HTTPException 415 for anything that calls itself otherwise."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _CSV:
        raise HTTPException(415, "send the list as the body, with the header Content-Type: text/csv")
    return await request.body()


CsvBody = Annotated[bytes, Depends(csv_body)]
WhyQuery = Annotated[str, Query(description="The reason, for the audit log. 变更原因。")]
SkipWrong = Annotated[bool, Query(description="Leave wrong lines out instead of refusing the list. 跳过错误行。")]
Offset = Annotated[int, Query(description="Rows to leave out. 起始行。")]
Limit = Annotated[int, Query(description="Rows at most, up to 1000. 最多行数。")]
Search = Annotated[str, Query(description="Part of its text. 关键字。")]
State = Annotated[str, Query(description="Only in this state. 状态。")]
AccountQuery = Annotated[str, Query(description="Only of this account. 账号。")]
