"""What the services about recipients share: numbers, scopes and times as people write them, and what is known of one.

Owns: how a recipient is named in the audit log: masked, with the keyed hash that the store knows it by, so that one
can find a number's entries and nobody can read numbers there. Never changes anything.
"""

from __future__ import annotations

import asyncio
import re
from datetime import datetime, timedelta, tzinfo
from typing import Any, Final

from pydantic import BaseModel, Field

from smsgw.clock import checked_ms, from_ms, to_ms
from smsgw.documents.names import with_hint
from smsgw.errors import RequestError
from smsgw.policy.numbers import mask, to_e164
from smsgw.records.log import RecordLog
from smsgw.records.record import NO_CLASS, Row, Step
from smsgw.services.csv_rows import Cells, Column, Rows, WrongCell
from smsgw.services.desk import MOST_WHY_CHARS, Desk, checked_text, masked, named
from smsgw.store.recipients import SCOPE_COMPANY, Fact, RecipientFacts, scope_account, scope_signature

RECORDS_NODE: Final = "staff"
"""The records that changes by hand leave are in the files of this node."""
MOST_SOURCE_CHARS: Final = 100
MOST_REASON_CHARS: Final = 200

NUMBER: Final = Column(
    "number", frozenset(("recipient", "phone", "mobile", "msisdn", "号码", "手机号", "手机号码", "电话")), True
)
SCOPE: Final = Column("scope", frozenset(("范围", "适用范围", "作用域")))
SOURCE: Final = Column("source", frozenset(("来源", "渠道", "取得方式")))
TIME: Final = Column("time", frozenset(("at", "date", "时间", "日期", "同意时间", "授权时间", "登记时间", "退订时间")))
REASON: Final = Column("reason", frozenset(("why", "原因", "理由")))
EXPIRES: Final = Column("expires", frozenset(("expiry", "until", "到期", "有效期至", "到期日")))

_COMPANY_WORDS: Final = frozenset(("", "company", "公司", "全公司", "全部"))
_ACCOUNT_WORDS: Final = frozenset(("account", "账号", "帐号"))
_SIGNATURE_WORDS: Final = frozenset(("signature", "签名"))
_NUMBER_SIGNS: Final = str.maketrans("０１２３４５６７８９＋", "0123456789+", " \t\u00a0\u3000\u200b\ufeff-－'()（）")
_MOMENT: Final = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?"
    r"(?:[T ]\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*(Z|[+-]\d{2}:?\d{2})?)?"
)
_SCOPE_KINDS: Final = {"a": "account", "s": "signature", "c": "carrier", "k": "cap of carrier"}
_DAY: Final = timedelta(days=1)
_PARTS: Final = "\x1f"


class Known(BaseModel):
    """One thing that is known of a recipient."""

    kind: str = Field(description="optout, subscribe, consent, blacklist, dead, failures or tier")
    scope: str = Field("", description="company, account <name>, signature <name>, or carrier <name>")
    source: str = Field("", description="Where it came from; of a tier its name; of lists the reason.")
    wording: str = Field("", description="The version of the wording that was consented to.")
    at: str = Field("", description="When, in the site's zone.")
    by: str = Field("", description="Who entered or imported it.")
    digest: str = Field("", description="The beginning of the SHA-256 of the file that it was imported from.")
    expires: str = Field("", description="Until when it holds; empty: without end.")
    in_force: bool = True
    count: int = Field(0, description="Of failures: how many were counted.")


class RecipientKnown(BaseModel):
    """Everything that is known of a recipient."""

    number: str = Field(description="Masked.")
    facts: list[Known]


class Changed(RecipientKnown):
    """What a change did, and what is known now. ``changed`` False: it was so already, or something newer stands."""

    changed: bool
    why_not: str = ""


def proof(source: str, by: str, digest: str = "") -> str:
    """A source as it is kept of consent and of lists: with who entered it, and the beginning of the file's digest."""
    return _PARTS.join((source, by, digest[:12]))


async def known_of(desk: Desk, digits: str, *kinds: str) -> RecipientKnown:
    """What is known of a recipient, all or only of some kinds."""
    desk.require_reader()
    facts = await RecipientFacts(desk.store).show(digits)
    return RecipientKnown(
        number=mask(digits), facts=[_known(desk, fact) for fact in facts if not kinds or fact.kind in kinds]
    )


async def known_for(desk: Desk, digits: str, account: str) -> list[Known]:
    """What is known of a recipient, for a message of this account: who sees only some accounts is told of no others."""
    desk.require_account(account)
    facts = [_known(desk, fact) for fact in await RecipientFacts(desk.store).show(digits)]
    if desk.accounts is None:
        return facts
    others = {f"account {name}" for name in desk.site.accounts if name != account}
    own = {f"signature {name}" for name in desk.site.accounts[account].signatures}
    return [
        each
        for each in facts
        if each.scope not in others and (each.scope in own or not each.scope.startswith("signature "))
    ]


async def changed(desk: Desk, digits: str, is_changed: bool, why_not: str) -> Changed:
    """The answer to a change."""
    known = await known_of(desk, digits)
    return Changed(number=known.number, facts=known.facts, changed=is_changed, why_not="" if is_changed else why_not)


def reason_of(why: str, most: int = MOST_WHY_CHARS) -> str:
    """The reason of a change, with every mobile number in it masked. Raises RequestError when there is none."""
    return str(masked(checked_text("why", why, most, "every change needs a reason")))


async def import_begins(desk: Desk, what: str, rows: Rows[Any], why: str, **detail: object) -> None:
    """Audit a list before the first of its lines is written: whatever ends it midway, the log says who began."""
    told = {"digest": rows.digest, "lines": rows.lines, "wrong": rows.wrong, **detail}
    await desk.audit(f"{what}.import", _list_of(what, rows), why, **told)


async def import_ended(desk: Desk, what: str, rows: Rows[Any], why: str, **detail: object) -> None:
    """Audit what became of it. A list without this entry was interrupted; it may be brought again."""
    await desk.audit(f"{what}.imported", _list_of(what, rows), why, digest=rows.digest, **detail)


def _list_of(what: str, rows: Rows[Any]) -> str:
    return f"{what} list {rows.digest[:12]}"


async def record(desk: Desk, step: Step, digits: str, scope: str, *detail: object) -> None:
    """Leave a record of a change by hand, for statistics and a recipient's history."""
    at_ms = desk.now_ms()
    account = scope.removeprefix(":a:") if scope.startswith(":a:") else ""
    rhash = desk.store.recipients.hash(digits)
    row: Row = (at_ms, int(step), "", account, "", NO_CLASS, rhash, mask(digits), 0, 0, "", "", 0, *detail)

    def write() -> None:
        log = RecordLog(desk.site.records_dir, RECORDS_NODE, lambda: at_ms)
        log.append(row)
        log.close()

    await asyncio.to_thread(write)


def digits_of(desk: Desk, number: str) -> str:
    """E.164 digits; blanks and hyphens are allowed, full-width is plain. RequestError does not repeat the number."""
    digits = to_e164(number.translate(_NUMBER_SIGNS), desk.site.country)
    if digits is None:
        raise RequestError(
            "invalid", "number: is not a recipient's number; expected 11 digits, or + and a country's code"
        )
    return digits


def number_cell(desk: Desk, cells: Cells) -> str:
    """The same of a line of a list."""
    digits = to_e164(cells.get("number", "").translate(_NUMBER_SIGNS), desk.site.country)
    if digits is None:
        raise WrongCell("number", "is not a recipient's number; expected 11 digits, or + and a country's code")
    return digits


def subject(desk: Desk, digits: str) -> str:
    """A recipient in the audit log."""
    return f"recipient {mask(digits)} {desk.store.recipients.hash(digits)}"


def day_text(at_ms: int, zone: tzinfo) -> str:
    """An instant for people; empty for 0."""
    return from_ms(at_ms).astimezone(zone).isoformat(" ", "seconds") if at_ms else ""


class Scopes:
    """Scopes as people write them; ``await Scopes.of(desk)`` knows the accounts and signatures of the site."""

    def __init__(self, accounts: frozenset[str], signatures: frozenset[str]) -> None:
        self.accounts = accounts
        self.signatures = signatures

    @classmethod
    async def of(cls, desk: Desk) -> Scopes:
        """Those of the site's files, and the registered signatures."""
        signatures = {name for account in desk.site.accounts.values() for name in account.signatures}
        async for chunk in desk.registers.read_chunks("signature"):
            signatures.update(str(stored.body["name"]) for stored in chunk.values() if "name" in stored.body)
        return cls(frozenset(desk.site.accounts), frozenset(signatures))

    def scope(self, account: str = "", signature: str = "") -> str:
        """The scope of one account, of one signature, or of the company. Raises RequestError."""
        if account and signature:
            raise RequestError("invalid", "account and signature exclude each other: a scope is one of them")
        if account:
            return scope_account(named("account", account, self.accounts, "account"))
        if signature:
            return scope_signature(named("signature", signature.strip("【】[]"), self.signatures, "signature"))
        return SCOPE_COMPANY

    def cell(self, cells: Cells, default: str) -> str:
        """The scope of a line: ``company``, ``account:shop``, ``signature:示例商城`` or ``【示例商城】``."""
        text = cells.get("scope")
        if not text:
            return default
        if text.casefold() in _COMPANY_WORDS:
            return SCOPE_COMPANY
        if text.startswith("【") and text.endswith("】"):
            return self._signature(text[1:-1])
        what, colon, name = text.replace("：", ":").partition(":")
        if colon and what.strip().casefold() in _ACCOUNT_WORDS:
            if name.strip() not in self.accounts:
                raise WrongCell("scope", with_hint(f"no account is named {name.strip()!r}", name, self.accounts))
            return scope_account(name.strip())
        if colon and what.strip().casefold() in _SIGNATURE_WORDS:
            return self._signature(name)
        raise WrongCell("scope", "expected company, account:<name> or signature:<name> (公司, 账号:…, 签名:…)")

    def _signature(self, name: str) -> str:
        signature = name.strip().strip("【】[]")
        if signature not in self.signatures:
            raise WrongCell("scope", with_hint(f"no signature {signature!r} is known", signature, self.signatures))
        return scope_signature(signature)


def scope_words(scope: str) -> str:
    """``company``, ``account shop``, ``signature 示例商城``, ``carrier alpha``."""
    kind, _, name = scope.removeprefix(":").partition(":")
    return f"{_SCOPE_KINDS.get(kind, kind)} {name}" if scope else "company"


def _known(desk: Desk, fact: Fact) -> Known:
    source, _, entered = fact.source.partition(_PARTS)
    by, _, digest = entered.partition(_PARTS)
    return Known(
        kind=fact.kind,
        scope="" if fact.kind in ("tier", "dead") else scope_words(fact.scope),
        source=source,
        wording=fact.wording,
        at=day_text(fact.at_ms, desk.zone),
        by=fact.by or by,
        digest=digest,
        expires=day_text(fact.expires_ms, desk.zone),
        in_force=fact.in_force(desk.now_ms()),
        count=fact.failures,
    )


def moment_cell(cells: Cells, column: str, zone: tzinfo, now_ms: int) -> int:
    """When something happened, in ms; it must not lie ahead. A day alone is its beginning in the site's zone."""
    text = cells.get(column, "")
    if not text:
        raise WrongCell(column, "is missing")
    at_ms = parse_moment(text, zone)
    if at_ms is None:
        raise WrongCell(column, "is no time such as 2026-11-18 10:30 or 2026/11/18")
    if at_ms > now_ms:
        raise WrongCell(column, "lies in the future")
    return at_ms


def parse_moment(text: str, zone: tzinfo) -> int | None:
    """A time as people and spreadsheets write it, in ms; None when it is none. ``zone`` where it names none."""
    match = _MOMENT.fullmatch(text.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second, offset = match.groups()
    try:
        at = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))
        own = datetime.fromisoformat(f"2000-01-01T00:00{offset}").tzinfo if offset else zone
        return checked_ms(at.replace(tzinfo=own))
    except (ValueError, OverflowError):
        return None


def expiry_ms(field: str, text: str, zone: tzinfo, now_ms: int) -> int:
    """Until when something holds: a day (to its end) or a time; empty for ever (0). Raises RequestError."""
    if not text.strip():
        return 0
    at_ms = parse_moment(text, zone)
    if at_ms is not None and ":" not in text:
        at_ms = to_ms(from_ms(at_ms).astimezone(zone) + _DAY)  # not 24 hours later, where clocks change
    if at_ms is None:
        raise RequestError("invalid", f"{field}: expected a day such as 2027-06-30, or a time, or nothing for no end")
    if at_ms <= now_ms:
        raise RequestError("invalid", f"{field}: lies in the past")
    return at_ms


def expiry_cell(cells: Cells, zone: tzinfo, now_ms: int) -> int:
    """The same of a line of a list."""
    text = cells.get(EXPIRES.name, "")
    if not text:
        return 0
    try:
        return expiry_ms("", text, zone, now_ms)
    except RequestError as error:
        raise WrongCell(EXPIRES.name, str(error).removeprefix(": ")) from None


def text_cell(cells: Cells, column: str, most: int = MOST_SOURCE_CHARS, required: bool = True) -> str:
    """Printable text of a line."""
    text = cells.get(column, "")
    if not text and required:
        raise WrongCell(column, "is missing")
    if len(text) > most or not text.isprintable():
        raise WrongCell(column, f"must be printable and have at most {most} characters")
    return text


async def show(desk: Desk, number: str) -> RecipientKnown:
    """Everything that is known of a recipient."""
    return await known_of(desk, digits_of(desk, number))
