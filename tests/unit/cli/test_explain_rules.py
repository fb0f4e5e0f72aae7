"""``smsgw explain`` for every rule: a message that passes and one that does not, the value it saw, what would help."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from smsgw.cli.site_store import open_store
from smsgw.config.load import load_site
from smsgw.policy.caps import content_hash
from smsgw.policy.model import Draft
from smsgw.policy.quota import buckets
from smsgw.policy.reasons import REASONS
from smsgw.policy.registers import Registers
from smsgw.site_rules import compiled_rules
from smsgw.store.admission import Admission, AdmitItem
from smsgw.store.quota import QuotaLeases
from tests.unit.cli.conftest import WHY, Run, change, done, set_key, shown

NUMBER = "13800138000"
DIGITS = f"86{NUMBER}"
SHOP = "【示例商城】双十一全场五折，回T退订"
CODE = "【示例科技】您的验证码是123456"
PARCEL = "【示例物流】您的订单已发货"
AT = "2026-11-18T10:30"
AT_MS = 1_794_969_000_000


@pytest.fixture
def site(site: Path) -> Path:
    """At a known time."""
    change(site / "smsgw.toml", 'mode = "real"', 'mode = "test"\nstart = "2026-11-18T10:30:00+08:00"')
    return site


@dataclass(frozen=True)
class Said:
    """The whole answer, and the line of one rule."""

    whole: dict[str, Any]
    line: dict[str, Any]

    @property
    def hints(self) -> str:
        return "; ".join(self.line["hints"])


def _say(smsgw: Run, rule: str, text: str = SHOP, *options: str, account: str = "shop", to: str = NUMBER) -> Said:
    at = () if "--at" in options else ("--at", AT)
    whole = shown(smsgw("explain", "--json", "--account", account, "--to", to, *at, *options, text))
    (line,) = (each for each in whole["rules"] if each["name"] == rule)
    if line["says"] == "refuses":
        reason = REASONS[line["rule_id"]]
        assert (line["remedy"], line["remedy_zh"]) == (reason.remedy, reason.remedy_zh)
    assert len(line["hints"]) == len(line["hints_zh"])
    return Said(whole, line)


def _check_passes(said: Said, looked_at: str) -> None:
    assert said.line["says"] == "passes", said.line
    assert looked_at in said.line["looked_at"]
    assert said.line["hints"] == []


def _check_refuses(said: Said, rule_id: str, looked_at: str, *hints: str) -> None:
    assert (said.line["says"], said.line.get("rule_id")) == ("refuses", rule_id), said.line
    assert looked_at in said.line["looked_at"]
    for hint in hints:
        assert hint in said.hints


# -- 1 to 3


def test_account_licence(site: Path, smsgw: Run) -> None:
    file = site / "accounts" / "shop.toml"
    change(file, "class =", "licence_expires = 2030-01-01\nclass =")
    _check_passes(_say(smsgw, "account"), "licence_expires = 2030-01-01")
    change(file, "2030-01-01", "2026-11-17")
    expired = _say(smsgw, "account")
    _check_refuses(expired, "account.expired", "2026-11-17", "set licence_expires in accounts/shop.toml")
    change(file, "licence_expires = 2026-11-17", "enabled = false")
    _check_refuses(_say(smsgw, "account"), "account.disabled", "enabled = false", "set enabled = true")


def test_account_approval(site: Path, smsgw: Run) -> None:
    change(site / "smsgw.toml", 'approval = "none"', 'approval = "required"')
    none = _say(smsgw, "account")
    _check_refuses(none, "account.unapproved", "account:shop is not registered", "smsgw channel add account:shop")
    assert "carrier:alpha is not in the register" in none.whole["carriers"][0]["why_not"]
    papers = ("--licence", "B2", "--licence-expires", "2030-06-30")
    done(smsgw("channel", "add", "account:shop", *papers, "--who", "li", *WHY))
    waits = "the channel waits for: review-market, review-legal, review-technical"
    _check_refuses(_say(smsgw, "account"), "account.unapproved", "is draft", waits)
    steps = ("review-market", "review-legal", "review-technical", "approve", "activate")
    for number, step in enumerate(steps):
        done(smsgw("channel", step, "account:shop", "--who", f"p{number}", *WHY))
    _check_passes(_say(smsgw, "account"), "channel account:shop is active")


def test_suspended(smsgw: Run) -> None:
    done(smsgw("account", "suspend", "shop", "--expires", "2h", "--reason", "bought numbers", "--who", "li"))
    said = _say(smsgw, "suspended")
    _check_refuses(said, "account.suspended", "suspended by li: bought numbers", "smsgw account resume shop ends it")
    _check_passes(_say(smsgw, "suspended", PARCEL, account="orders"), "not suspended")


def test_paused(smsgw: Run) -> None:
    _check_passes(_say(smsgw, "paused"), "nothing is paused")
    done(smsgw("pause", "department:retail", "--for", "2h", "--why", "wrong price", "--who", "li"))
    said = _say(smsgw, "paused")
    _check_refuses(said, "paused", "department:retail", "department:retail was paused by li", "wrong price", "resume")
    assert said.line["retry_after_s"] == 2 * 3600
    assert "li 于 2026-11-18" in said.line["hints_zh"][0]
    _check_passes(_say(smsgw, "paused", PARCEL, account="orders"), "department:retail")


def test_a_paused_carrier_leaves_the_others(smsgw: Run) -> None:
    done(smsgw("pause", "carrier:alpha", "--why", "maintenance"))
    said = _say(smsgw, "paused")
    _check_passes(said, "carrier:alpha")
    assert said.whole["carrier"] == "beta"
    assert said.whole["carriers"][0]["why_not"] == "paused: maintenance"
    done(smsgw("pause", "carrier:beta", "--why", "too"))
    _check_refuses(
        _say(smsgw, "paused"), "paused", "carrier:beta", "carrier:alpha was paused", "carrier:beta was paused"
    )


def test_class_of_a_code(smsgw: Run) -> None:
    _check_passes(_say(smsgw, "class", CODE, account="login"), "code words: 验证码; links: none")
    plain = _say(smsgw, "class", "【示例科技】您的密码是123456", account="login")
    _check_refuses(plain, "class.content", "code words: none", "a verification code has one of: 验证码")
    linked = _say(smsgw, "class", CODE + " http://evil.example", account="login")
    _check_refuses(linked, "class.content", "evil.example", "take the link out: ")


def test_class_of_promotional_content(smsgw: Run) -> None:
    said = _say(smsgw, "class", PARCEL, account="orders")
    assert (said.whole["class"], said.whole["declared_class"], said.whole["class_why"]) == ("notice", "notice", "")
    said = _say(smsgw, "class", "【示例物流】限时优惠，回T退订", account="orders")
    _check_passes(said, "declared notice, is marketing; promotional words: 限时, 优惠")
    assert said.whole["class"] == "marketing"
    assert said.whole["class_why"] == "the account declares notice, but the content is promotional"


def test_class_of_the_source_number(smsgw: Run) -> None:
    _check_passes(_say(smsgw, "class", SHOP, "--from", "106900013001"), "source 106900013001")
    said = _say(smsgw, "class", SHOP, "--from", "1069000120")
    _check_refuses(said, "class.source", "source 1069000120", "numbers of shop for marketing: 1069000130")
    assert said.line["detail"] == "1069000120 is registered for another account"


# -- 4 to 6


def test_signature(smsgw: Run) -> None:
    _check_passes(_say(smsgw, "signature"), "【示例商城】 at the front")
    said = _say(smsgw, "signature", "【示例商成】五折，回T退订")
    _check_refuses(
        said, "signature.unregistered", "registered: 示例会员, 示例商城", "did you mean 【示例商城】?", "in force"
    )
    new = ("shop", "新商城")
    done(smsgw("signature", "add", *new, "--owner", "x", "--proof", "y", *WHY))
    said = _say(smsgw, "signature", "【新商城】五折，回T退订")
    _check_refuses(said, "signature.unregistered", "no signature in force", "smsgw signature activate shop 新商城")
    done(smsgw("signature", "activate", *new, *WHY))
    _check_passes(_say(smsgw, "signature", "【新商城】五折，回T退订"), "【新商城】")
    _check_refuses(_say(smsgw, "signature", "五折，回T退订"), "signature.missing", "no signature", "in force for shop")


def test_unsubscribe(smsgw: Run) -> None:
    _check_passes(_say(smsgw, "unsubscribe"), "回T退订")
    _check_refuses(
        _say(smsgw, "unsubscribe", "【示例商城】五折"), "unsubscribe.missing", "五折", "put 拒收请回复R at the end"
    )
    said = _say(smsgw, "unsubscribe", PARCEL + "，回T退订", account="orders")
    _check_refuses(said, "unsubscribe.forbidden", "must not be in the text")


def test_service_phone(site: Path, smsgw: Run) -> None:
    set_key(site / "profiles" / "cn.toml", "service_phone", "required_for", '["marketing"]')
    account = site / "accounts" / "shop.toml"
    phone = next(line for line in account.read_text(encoding="utf-8").splitlines() if "service_phone" in line)
    change(account, phone, "")
    _check_refuses(_say(smsgw, "service_phone"), "service_phone", "(none)", "set service_phone in accounts/shop.toml")
    change(account, "class =", 'service_phone = "400-800-1234"\nclass =')
    _check_refuses(_say(smsgw, "service_phone"), "service_phone", "400-800-1234", "write 400-800-1234 into the text")
    _check_passes(_say(smsgw, "service_phone", SHOP.replace("，", "，客服4008001234，")), "400-800-1234")


# -- 7 to 10


def test_words(smsgw: Run) -> None:
    _check_passes(_say(smsgw, "words"), "none of 0 words")
    done(smsgw("word", "add", "company", "全场五折", "--category", "prices", *WHY))
    said = _say(smsgw, "words")
    _check_refuses(said, "words.company", "全场五折", "全场五折: company list, prices, reject")
    assert said.line["hints_zh"] == ["“全场五折”：公司词库，prices"]
    done(smsgw("word", "add", "company", "全场五折", "--action", "review", *WHY))
    said = _say(smsgw, "words")
    assert (said.line["says"], said.whole["verdict"], said.whole["review"]) == ("passes", "passes", "company:全场五折")
    page = done(smsgw("explain", "--account", "shop", "--to", NUMBER, "--at", AT, SHOP))
    assert "waits for a reviewer because of company:全场五折" in page


def test_contact(site: Path, smsgw: Run) -> None:
    set_key(site / "profiles" / "cn.toml", "contacts", "links_for", '["marketing"]')
    text = SHOP.replace("，", " http://shop.example/a ，")
    _check_passes(_say(smsgw, "contact"), "links: none")
    said = _say(smsgw, "contact", text)
    _check_refuses(said, "contact", "shop.example", "registered for shop: none", "smsgw contact add shop")
    done(smsgw("contact", "add", "shop", "link", "shop.example", *WHY))
    _check_passes(_say(smsgw, "contact", text), "shop.example")


def test_template(site: Path, smsgw: Run) -> None:
    set_key(site / "profiles" / "cn.toml", "template", "required_for", '["marketing"]')
    _check_refuses(_say(smsgw, "template"), "template", "the account has no template", "there is no template for shop")
    text = "{day}全场{n}折，回T退订"
    variables = ("--var", "day:text:1-6", "--var", "n:digits:1-1")
    done(smsgw("template", "add", "sale", "--class", "marketing", "--text", text, *variables, "--who", "li", *WHY))
    _check_refuses(
        _say(smsgw, "template"), "template", "sale@1", "nearest template sale@1: it is draft", "its text: {day}"
    )
    for who, step in (("a", "approve-department"), ("b", "approve-market"), ("b", "activate")):
        done(smsgw("template", step, "sale", "--who", who, *WHY))
    _check_refuses(_say(smsgw, "template"), "template", "sale@1", "nearest template sale@1")
    said = _say(smsgw, "template", "【示例商城】双十一全场5折，回T退订")
    _check_passes(said, "template sale@1 (marketing)")
    assert said.whole["template"] == "sale@1"


def test_length(site: Path, smsgw: Run) -> None:
    _check_passes(_say(smsgw, "length"), "at most 500")
    change(site / "profiles" / "cn.toml", "marketing = 500", "marketing = 10")
    _check_refuses(
        _say(smsgw, "length"), "length", f"{len(SHOP)} characters; at most 10", f"{len(SHOP) - 10} characters too"
    )


# -- 11 to 13


def test_windows(smsgw: Run) -> None:
    _check_passes(_say(smsgw, "window.hard"), "2026-11-18 Wed 10:30")
    night = _say(smsgw, "window.hard", SHOP, "--at", "2026-11-18T22:30")
    _check_refuses(night, "window.hard", "22:30", "opens 2026-11-19 09:00:00+08:00")
    assert night.line["retry_after_s"] == 10.5 * 3600
    sunday = _say(smsgw, "window.soft", SHOP, "--at", "2026-11-22T10:30")
    _check_refuses(sunday, "window.soft", "workdays 09:00-21:00", "opens 2026-11-23 09:00:00+08:00")


def test_campaign_slots(smsgw: Run) -> None:
    assert _say(smsgw, "window.soft", SHOP, "--campaign", "spring").line["rule_id"] == "window.soft"
    done(smsgw("campaign", "add", "spring", "--account", "shop", "--slot", "11:00-12:30", *WHY))
    said = _say(smsgw, "window.soft", SHOP, "--campaign", "spring")
    _check_refuses(said, "window.soft", "campaign spring", "opens 2026-11-18 11:00:00+08:00")
    said = _say(smsgw, "window.soft", SHOP, "--campaign", "spring", "--at", "2026-11-18T11:30")
    _check_passes(said, "11:00-12:30")
    assert said.whole["campaign"] == "spring"


def test_route(site: Path, smsgw: Run) -> None:
    _check_passes(_say(smsgw, "route"), "everything-else: alpha, beta")
    file = site / "routes.toml"
    text = file.read_text(encoding="utf-8")
    head, _, rest = text.rpartition('name = "everything-else"')
    file.write_text(f'{head}name = "everything-else"\nprefix = ["86"]{rest}', encoding="utf-8")
    said = _say(smsgw, "route", to="+14155550100")
    _check_refuses(said, "route.none", "no route", "route everything-else takes class notice, marketing; prefix 86")
    assert said.whole["carrier"] is None


# -- 14 and 15


def test_opt_out(smsgw: Run) -> None:
    _check_passes(_say(smsgw, "optout"), "looked for company, account shop, signature 示例商城: none")
    done(smsgw("optout", "add", NUMBER, "--account", "shop", "--source", "letter 7", *WHY))
    _check_refuses(
        _say(smsgw, "optout"), "optout", "account shop, letter 7", "opted out: account shop, letter 7, 2026-11-18"
    )
    assert _say(smsgw, "optout", CODE, account="login").line["says"] == "not asked"


def test_blacklist(smsgw: Run) -> None:
    _check_passes(_say(smsgw, "blacklist"), "looked for company, carrier alpha: none")
    done(smsgw("blacklist", "add", NUMBER, "--expires", "2027-06-30", "--why", "abuse", "--who", "li"))
    said = _say(smsgw, "blacklist")
    _check_refuses(
        said, "blacklisted", "abuse", "blacklisted: company, abuse", "by li", "until 2027-07-01 00:00:00+08:00"
    )
    assert said.line["detail"] == "by the company"


def test_dead_number(smsgw: Run) -> None:
    _check_passes(_say(smsgw, "dead_number"), "none")
    done(smsgw("dead", "add", NUMBER, "--why", "letter came back", "--who", "li"))
    _check_refuses(
        _say(smsgw, "dead_number"), "dead_number", "letter came back", "entered as dead: letter came back", "by li"
    )


def test_consent(site: Path, smsgw: Run) -> None:
    assert _say(smsgw, "consent").line["says"] == "not asked"
    set_key(site / "profiles" / "cn.toml", "consent", "required_for", '["marketing"]')
    _check_refuses(_say(smsgw, "consent"), "consent", "looked for company, account shop, signature 示例商城: none")
    given = ("--source", "shop form", "--wording", "v3", "--signature", "示例商城", "--who", "li")
    done(smsgw("consent", "add", NUMBER, *given, *WHY))
    _check_passes(_say(smsgw, "consent"), "signature 示例商城, shop form, wording v3, 2026-11-18 10:30:00+08:00, by li")


# -- 16 to 19


def _counted(site: Path, account: str, text: str, times: int = 1) -> None:
    """As if a gateway had accepted the message."""

    async def admit() -> None:
        loaded = load_site(site)
        rules = compiled_rules(loaded, Registers())[account]
        draft = Draft(account, loaded.accounts[account].message_class, "", DIGITS, text, 1, AT_MS)
        rules(draft)
        caps = rules.cap_rows(draft)
        assert caps is not None
        async with open_store(loaded) as store:
            item = AdmitItem(
                None, store.recipients.hash(DIGITS), [], b"x", f"alpha:{draft.message_class}", AT_MS,
                caps=caps.script_rows(AT_MS), message_class=draft.message_class, content=content_hash(draft.plain),
            )  # fmt: skip
            answered = asyncio.Event()
            admission = Admission(store, lambda items, replies: answered.set(), lambda: AT_MS)
            async with _running(admission.commit.run()):
                for _ in range(times):
                    answered.clear()
                    admission.submit(item)
                    await asyncio.wait_for(answered.wait(), 10)

    asyncio.run(admit())


@contextlib.asynccontextmanager
async def _running(work: Any) -> Any:
    task = asyncio.create_task(work)
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def test_frequency(site: Path, smsgw: Run) -> None:
    _check_passes(_say(smsgw, "frequency"), "tier none: marketing-day 0 of 1, marketing-week 0 of 3")
    _counted(site, "shop", SHOP)
    said = _say(smsgw, "frequency", SHOP.replace("五折", "六折"))
    _check_refuses(said, "frequency", "marketing-day 1 of 1", "possible again from 2026-11-19 00:00:00+08:00")
    assert said.line["retry_after_s"] == 13.5 * 3600
    done(smsgw("tier", "set", NUMBER, "loyal", *WHY))
    _check_passes(_say(smsgw, "frequency"), "tier loyal: marketing-day 1 of 2")


def test_a_test_number_is_not_capped(site: Path, smsgw: Run) -> None:
    change(site / "profiles" / "cn.toml", "test_numbers = []", f'test_numbers = ["{DIGITS}"]')
    said = _say(smsgw, "frequency")
    assert (said.line["says"], said.line["looked_at"]) == ("not asked", "a test number is never capped")


def test_same_content(site: Path, smsgw: Run) -> None:
    _check_passes(_say(smsgw, "same_content"), "0 of 1 with this content in 12 h")
    _counted(site, "shop", SHOP)
    said = _say(smsgw, "same_content")
    _check_refuses(said, "same_content", "1 of 1 with this content", "possible again from 2026-11-18 22:30")
    _check_passes(_say(smsgw, "same_content", SHOP.replace("五折", "六折")), "0 of 1")


def test_quota(site: Path, smsgw: Run) -> None:
    assert _say(smsgw, "quota").line["looked_at"] == "the account has no quota"
    change(site / "accounts" / "shop.toml", "class =", "quota = { day = 5, month = 50 }\nclass =")
    _check_passes(_say(smsgw, "quota"), "0 of 5 of this day, 0 of 50 of this month")

    async def use() -> None:
        loaded = load_site(site)
        account = loaded.accounts["shop"]
        async with open_store(loaded) as store:
            leases = QuotaLeases(store)
            async with _running(leases.commit.run()):
                now = buckets(account.policy().quota, AT_MS, loaded.profile_of(account).zone)
                assert await leases.lease("shop", now, 5, least=5) == 5

    asyncio.run(use())
    said = _say(smsgw, "quota")
    _check_refuses(said, "quota", "5 of 5 of this day, 5 of 50", "possible again from 2026-11-19 00:00:00+08:00")
    assert [(each["period"], each["full"]) for each in said.whole["quotas"]] == [("day", True), ("month", False)]


def test_rate_is_only_told(smsgw: Run) -> None:
    said = _say(smsgw, "rate")
    assert said.line["says"] == "not asked"
    assert said.line["looked_at"].startswith("1000 segments a second, 50 unanswered")


def test_queue(site: Path, smsgw: Run) -> None:
    _check_passes(_say(smsgw, "queue"), "room for 100000 messages waiting for alpha:2")
    change(site / "smsgw.toml", "queue_limit = 100000", "queue_limit = 1")
    _counted(site, "shop", SHOP)
    _check_refuses(_say(smsgw, "queue"), "queue.full", "room for 1 message waiting")
