"""How documents of the registers are answered: their fields as they are kept, with id, revision and history."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from smsgw.services.desk import Page, Registered


class Entry(BaseModel):
    """A registered document. Its other fields are those of its kind."""

    model_config = ConfigDict(extra="allow")

    id: str
    revision: int = Field(description="How often it was written. 修订次数。")
    state: str = Field("", description="draft, active, suspended, expired, … 状态。")
    history: list[dict[str, Any]] = Field([], description="Who did what, when and why. 操作历史。")
    next: list[str] | None = Field(None, description="The steps that may follow. 可执行的下一步。")


class Entries(BaseModel):
    """A page of them."""

    items: list[Entry]
    total: int
    offset: int


def entry(found: Registered, following: list[str] | None = None) -> Entry:
    """A document as it is answered."""
    values = found.as_json()
    if following is not None:
        values["next"] = following
    return Entry.model_validate(values)


def entries(found: Page[Registered]) -> Entries:
    """A page as it is answered."""
    return Entries(items=[entry(each) for each in found.items], total=found.total, offset=found.offset)


class Gone(BaseModel):
    """What was taken away."""

    removed: str
