"""Routes about what texts may hold, and when they go: words, contacts, campaigns.

A word, a link or a number of the register may have any letter in it, so it stands in a query or a body, not in a path.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from smsgw.console.bodies import CSV_BODY, AccountQuery, CsvBody, Limit, Offset, Search, State, Step, Why, WhyQuery
from smsgw.console.people import At
from smsgw.console.problems import CHANGES, LOOKS
from smsgw.console.registered import Entries, Entry, Gone, entries, entry
from smsgw.services import campaigns, contacts, words

router = APIRouter(prefix="/api")

ListQuery = Annotated[str, Query(alias="list", description="national or company. 词库。")]
KindQuery = Annotated[str, Query(description="link or phone. 类型。")]


class WordPut(Why):
    """A word and what it does."""

    list: str = Field("company", description="national or company. 词库。")
    word: str = Field(description="词。")
    category: str = Field("", description="类别。")
    action: str = Field("reject", description="reject, review or count. 处理方式。")
    evasion: bool = Field(False, description="Also with spaces and marks between its letters. 抗规避。")


class WordGone(Why):
    """A word to take off a list."""

    list: str = Field("company", description="national or company. 词库。")
    word: str = Field(description="词。")


class WordsImported(BaseModel):
    """What became of a list."""

    list: str
    total: int
    added: int
    changed: int
    removed: int
    unchanged: int
    digest: str = Field(description="SHA-256 of the list, hex.")


class ContactKey(Why):
    """A registered link or phone number."""

    account: str = Field(description="An account, or * for the whole company. 账号。")
    kind: str = Field(description="link or phone. 类型。")
    value: str = Field(description="A host, perhaps with a path; or digits. 链接或电话。", examples=["example.com"])


class ContactAdded(ContactKey):
    """One to register."""

    owner: str = Field("", description="主体。")
    expires: str = Field("", description="Its last day. 有效期至。")


class ContactChanged(ContactKey):
    """What is left out stays."""

    owner: str | None = None
    expires: str | None = None


class ContactStep(ContactKey, Step):
    """suspend, resume or expire."""


class CampaignAdded(Why):
    """A campaign to register."""

    name: str = Field(examples=["double-eleven"])
    account: str = Field("", description="Empty: any account. 账号。")
    slots: list[str] = Field([], description="Such as 11:00-12:30; none: all day. 时段。")
    starts: str = Field("", description="Its first day. 开始日期。")
    ends: str = Field("", description="Its last day. 结束日期。")


class CampaignChanged(Why):
    """What is left out stays."""

    account: str | None = None
    slots: list[str] | None = None
    starts: str | None = None
    ends: str | None = None


@router.get("/words", tags=["words"], summary="Words of the lists · 敏感词列表", responses=LOOKS)
async def list_words(
    desk: At,
    list_name: ListQuery = "",
    category: Annotated[str, Query(description="类别。")] = "",
    action: Annotated[str, Query(description="reject, review or count. 处理方式。")] = "",
    search: Search = "",
    offset: Offset = 0,
    limit: Limit = 50,
) -> Entries:
    """``search`` is compared as texts are: full-width, traditional and look-alike letters are the same."""
    found = await words.list_(
        desk, list_name=list_name, category=category, action=action, search=search, offset=offset, limit=limit
    )
    return entries(found)


@router.put("/words", tags=["words"], summary="Add or change a word · 新增或修改敏感词", responses=CHANGES)
async def put_word(desk: At, body: WordPut) -> Entry:
    """In force on every process within a second."""
    found = await words.put(
        desk,
        body.list,
        body.word,
        category=body.category,
        action=body.action,
        evasion=body.evasion,
        why=body.why,
    )
    return entry(found)


@router.post("/words/remove", tags=["words"], summary="Take a word off · 删除敏感词", responses=CHANGES)
async def remove_word(desk: At, body: WordGone) -> Gone:
    """In force on every process within a second."""
    await words.remove(desk, body.list, body.word, why=body.why)
    return Gone(removed=body.word)


@router.post(
    "/words/import", tags=["words"], summary="Import a list · 导入词库", responses=CHANGES, openapi_extra=CSV_BODY
)
async def import_words(
    desk: At,
    data: CsvBody,
    list_name: ListQuery = "company",
    replace: Annotated[bool, Query(description="Remove words that the list lacks. 整库替换。")] = False,
    name: Annotated[str, Query(description="What the file is called. 文件名。")] = "",
    why: WhyQuery = "",
) -> WordsImported:
    """Columns word, category, action, evasion (词, 类别, 处理, 规避)."""
    done = await words.import_(desk, data, list_name=list_name, replace=replace, name=name, why=why)
    return WordsImported.model_validate(done, from_attributes=True)


@router.get("/contacts", tags=["contacts"], summary="Links and phone numbers · 链接与电话列表", responses=LOOKS)
async def list_contacts(
    desk: At,
    account: AccountQuery = "",
    kind: KindQuery = "",
    state: State = "",
    search: Search = "",
    offset: Offset = 0,
    limit: Limit = 50,
) -> Entries:
    """Of an account, with those of the whole company."""
    found = await contacts.list_(
        desk, account=account, kind=kind, state=state, search=search, offset=offset, limit=limit
    )
    return entries(found)


@router.post("/contacts", tags=["contacts"], summary="Register one · 登记链接或电话", responses=CHANGES)
async def add_contact(desk: At, body: ContactAdded) -> Entry:
    """Active at once."""
    key = (body.account, body.kind, body.value)
    return entry(await contacts.add(desk, *key, owner=body.owner, expires=body.expires, why=body.why))


@router.patch("/contacts", tags=["contacts"], summary="Change one · 修改", responses=CHANGES)
async def change_contact(desk: At, body: ContactChanged) -> Entry:
    """Its owner or its last day."""
    key = (body.account, body.kind, body.value)
    return entry(await contacts.change(desk, *key, owner=body.owner, expires=body.expires, why=body.why))


@router.post("/contacts/step", tags=["contacts"], summary="Suspend, resume one · 停用或恢复", responses=CHANGES)
async def step_contact(desk: At, body: ContactStep) -> Entry:
    """suspend, resume or expire."""
    return entry(await contacts.step(desk, body.account, body.kind, body.value, body.action, why=body.why))


@router.post("/contacts/remove", tags=["contacts"], summary="Take one off · 删除", responses=CHANGES)
async def remove_contact(desk: At, body: ContactKey) -> Gone:
    """It may no longer be named in texts."""
    await contacts.remove(desk, body.account, body.kind, body.value, why=body.why)
    return Gone(removed=contacts.key(body.account, body.kind, body.value))


@router.get("/campaigns", tags=["campaigns"], summary="Campaigns · 活动列表", responses=LOOKS)
async def list_campaigns(
    desk: At,
    account: AccountQuery = "",
    state: State = "",
    search: Search = "",
    offset: Offset = 0,
    limit: Limit = 50,
) -> Entries:
    """Of an account, with those of any account."""
    return entries(await campaigns.list_(desk, account=account, state=state, search=search, offset=offset, limit=limit))


@router.post("/campaigns", tags=["campaigns"], summary="Register a campaign · 新建活动", responses=CHANGES)
async def add_campaign(desk: At, body: CampaignAdded) -> Entry:
    """Active at once."""
    found = await campaigns.add(
        desk, body.name, account=body.account, slots=body.slots, starts=body.starts, ends=body.ends, why=body.why
    )
    return entry(found)


@router.get("/campaigns/{name}", tags=["campaigns"], summary="One campaign · 活动详情", responses=LOOKS)
async def one_campaign(desk: At, name: str) -> Entry:
    """With its history."""
    return entry(await campaigns.get(desk, name))


@router.patch("/campaigns/{name}", tags=["campaigns"], summary="Change a campaign · 修改活动", responses=CHANGES)
async def change_campaign(desk: At, name: str, body: CampaignChanged) -> Entry:
    """Also for what is held already."""
    found = await campaigns.change(
        desk, name, account=body.account, slots=body.slots, starts=body.starts, ends=body.ends, why=body.why
    )
    return entry(found)


@router.post("/campaigns/{name}/step", tags=["campaigns"], summary="Suspend, resume · 停用或恢复", responses=CHANGES)
async def step_campaign(desk: At, name: str, body: Step) -> Entry:
    """suspend, resume or expire."""
    return entry(await campaigns.step(desk, name, body.action, why=body.why))
