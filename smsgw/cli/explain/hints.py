"""What would have to change for just this message, rule by rule, beside what a refusal's reason says in general.

Looks at what the rule looked at: registers, settings of the account and the carriers. Only what somebody can act on.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from smsgw.cli.explain.findings import Hint
from smsgw.cli.explain.words import local
from smsgw.cli.output import counted
from smsgw.config.site import Site
from smsgw.policy.approvals import missing_reviews, next_actions
from smsgw.policy.contacts import links_in
from smsgw.policy.entries import Document, Kind
from smsgw.policy.localtime import LocalDay
from smsgw.policy.model import ALL_CLASSES, CLASS_LABELS, Draft, Hold, Refusal
from smsgw.policy.pauses import GLOBAL
from smsgw.policy.pipeline import Finding, Rules
from smsgw.policy.reasons import ACCOUNT_DISABLED, ACCOUNT_EXPIRED, CLASS_SOURCE, UNSUBSCRIBE_MISSING
from smsgw.policy.registers import Registers
from smsgw.policy.route_words import describe
from smsgw.policy.signature import CLOSE, OPEN
from smsgw.policy.templates import reference
from smsgw.policy.text import normalise

_SHOWN: Final = 5
_LISTS_ZH: Final = {"national": "国家", "company": "公司"}


@dataclass(frozen=True, slots=True)
class Looked:
    """What the rules looked at."""

    site: Site
    rules: Rules
    registers: Registers
    documents: Mapping[Kind, Mapping[str, Document]]
    draft: Draft

    @property
    def account(self) -> str:
        """The account that sends."""
        return self.rules.account.name

    @property
    def today(self) -> str:
        """The message's day (ISO) by the profile's clock."""
        return LocalDay.of(self.rules.profile.zone)(self.draft.at_ms)

    def local(self, at_ms: int) -> str:
        """An instant in the profile's zone."""
        return local(at_ms, self.rules.profile.zone)


def hints_for(found: Finding, looked: Looked) -> tuple[Hint, ...]:
    """What would have to change, for a rule that refuses or holds; else nothing."""
    hints = _HINTS.get(found.rule_id)
    if hints is None or found.outcome is None:
        return ()
    return tuple(hints(found.outcome, looked))


def _account(outcome: Refusal | Hold, looked: Looked) -> Iterator[Hint]:
    name = looked.account
    if outcome.reason is ACCOUNT_DISABLED:
        yield Hint(f"set enabled = true in accounts/{name}.toml", f"在 accounts/{name}.toml 中设 enabled = true")
        return
    channel = looked.documents["channel"].get(f"account:{name}")
    licence_expires = looked.rules.account.licence_expires
    if outcome.reason is ACCOUNT_EXPIRED and licence_expires is not None and looked.today > licence_expires.isoformat():
        yield Hint(f"set licence_expires in accounts/{name}.toml", f"在 accounts/{name}.toml 中更新 licence_expires")
    elif channel is None:
        yield Hint(f"apply for it: smsgw channel add account:{name}", f"申请通道：smsgw channel add account:{name}")
    else:
        steps = ", ".join(missing_reviews("channel", channel) or next_actions("channel", channel))
        yield Hint(f"the channel waits for: {steps}", f"通道待办：{steps}")


def _suspended(outcome: Refusal | Hold, looked: Looked) -> Iterator[Hint]:
    name = looked.rules.account.name
    order = looked.registers.orders.of(f"account:{name}", looked.draft.at_ms)
    if order is None:
        return
    since = looked.local(order.at_ms)
    until = looked.local(order.expires_ms) if order.expires_ms else "it is resumed"
    until_zh = looked.local(order.expires_ms) if order.expires_ms else "恢复为止"
    yield Hint(
        f"{order.who} suspended it at {since} until {until}: {order.reason}; smsgw account resume {name} ends it",
        f"{order.who} 于 {since} 停用该账号，至 {until_zh}：{order.reason}",
    )


def _paused(outcome: Refusal | Hold, looked: Looked) -> Iterator[Hint]:
    draft, account = looked.draft, looked.rules.account
    named = {
        "department": account.department,
        "account": account.name,
        "signature": draft.signature,
        "template": draft.template.id if draft.template is not None else "",
        "campaign": draft.campaign,
    }
    scopes = [f"{what}:{name}" for what, name in named.items() if name]
    for scope in (GLOBAL, *scopes, *(f"carrier:{name}" for name in draft.carriers)):
        pause = looked.registers.pauses.of(scope, draft.at_ms)
        if pause is None:
            continue
        since = looked.local(pause.at_ms)
        until = looked.local(pause.expires_ms) if pause.expires_ms else "resumed"
        until_zh = looked.local(pause.expires_ms) if pause.expires_ms else "恢复为止"
        yield Hint(
            f"{scope} was paused by {pause.who} at {since} until {until}: {pause.reason}; smsgw resume {scope} ends it",
            f"{pause.who} 于 {since} 暂停 {scope}，至 {until_zh}：{pause.reason}",
        )


def _class(outcome: Refusal | Hold, looked: Looked) -> Iterator[Hint]:
    draft, rules = looked.draft, looked.rules
    if outcome.reason is CLASS_SOURCE:
        own = rules.account.numbers.items()
        numbers = [number for number, classes in own if draft.message_class in (classes or ALL_CLASSES)]
        label = CLASS_LABELS[draft.message_class]
        shown = ", ".join(sorted(numbers)) or "none"
        yield Hint(f"numbers of {rules.account.name} for {label}: {shown}", f"本账号该类别可用主叫：{shown}")
        return
    rule = rules.profile.message_class
    said = normalise(draft.text)
    if rule is not None and not any(normalise(word) in said for word in rule.code_words):
        words = ", ".join(rule.code_words)
        yield Hint(f"a verification code has one of: {words}", f"验证码短信须含：{words}")
    links = ", ".join(links_in(draft.text))
    if links:
        yield Hint(f"take the link out: {links}", f"去掉链接：{links}")


def _signature(outcome: Refusal | Hold, looked: Looked) -> Iterator[Hint]:
    draft, account = looked.draft, looked.account
    today = looked.today
    registered = looked.registers.signatures.of(account)
    usable = set(looked.rules.account.signatures) - set(registered)
    usable |= {
        name
        for name, each in registered.items()
        if each.state == "active" and (not each.expires or today <= each.expires)
    }
    typed = _between(draft.text)
    entry = registered.get(typed)
    if entry is not None and entry.state in ("draft", "suspended"):
        step = "activate" if entry.state == "draft" else "resume"
        yield Hint(f"smsgw signature {step} {account} {typed}", f"启用签名：smsgw signature {step} {account} {typed}")
    near = difflib.get_close_matches(typed, usable, n=1, cutoff=0.5) if typed else []
    if near:
        yield Hint(f"did you mean {OPEN}{near[0]}{CLOSE}?", f"是否应为{OPEN}{near[0]}{CLOSE}")
    names = sorted(usable)
    shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    yield Hint(f"in force for {account}: {shown or 'none'}", f"本账号有效签名：{shown or '无'}")


def _unsubscribe(outcome: Refusal | Hold, looked: Looked) -> Iterator[Hint]:
    if outcome.reason is not UNSUBSCRIBE_MISSING:
        return
    carrier = looked.site.carriers.get(looked.draft.carrier)
    own = carrier.policy().unsubscribe_phrases if carrier is not None else ()
    phrases = own or looked.rules.profile.unsubscribe.phrases
    if phrases:
        yield Hint(f"put {phrases[0]} at the end", f"结尾加“{phrases[0]}”")


def _service_phone(outcome: Refusal | Hold, looked: Looked) -> Iterator[Hint]:
    phone = looked.rules.account.service_phone
    if phone:
        yield Hint(f"write {phone} into the text", f"在短信中写明 {phone}")
    else:
        file = f"accounts/{looked.account}.toml"
        yield Hint(f"set service_phone in {file}", f"在 {file} 中设置 service_phone")


def _words(outcome: Refusal | Hold, looked: Looked) -> Iterator[Hint]:
    for entry in looked.registers.words.all(looked.draft.plain):
        if entry.action != "count":
            category = f", {entry.category}" if entry.category else ""
            category_zh = f"，{entry.category}" if entry.category else ""
            yield Hint(
                f"{entry.word}: {entry.list} list{category}, {entry.action}",
                f"“{entry.word}”：{_LISTS_ZH.get(entry.list, entry.list)}词库{category_zh}",
            )


def _contact(outcome: Refusal | Hold, looked: Looked) -> Iterator[Hint]:
    mine = [
        f"{each['value']}" + ("" if each.get("state") == "active" else f" ({each.get('state')})")
        for each in looked.documents["contact"].values()
        if each.get("account") in ("*", looked.account)
    ]
    shown = ", ".join(sorted(mine)[:_SHOWN]) or "none"
    shown_zh = shown if mine else "无"
    yield Hint(f"registered for {looked.account}: {shown}", f"本账号已登记：{shown_zh}")
    add = f"smsgw contact add {looked.account} link|phone VALUE"
    yield Hint(f"register it: {add}", f"登记：{add}")


def _template(outcome: Refusal | Hold, looked: Looked) -> Iterator[Hint]:
    draft = looked.draft
    body = draft.text[draft.body_start : draft.body_end]
    nearest = looked.registers.templates.nearest(looked.account, body, looked.today)
    if nearest is None:
        yield Hint(f"there is no template for {looked.account}: smsgw template add", "本账号没有模板，请先申请模板")
        return
    entry, why = nearest
    yield Hint(f"nearest template {reference(entry)}: {why}", f"最接近的模板 {reference(entry)}：{why}")
    yield Hint(f"its text: {entry.text}", f"模板原文：{entry.text}")


def _length(outcome: Refusal | Hold, looked: Looked) -> Iterator[Hint]:
    most = looked.rules.profile.length.max_chars[looked.draft.message_class]
    over = len(looked.draft.text) - (most or 0)
    yield Hint(f"{counted(over, 'character')} too many", f"超出 {over} 个字符")


def _window(outcome: Refusal | Hold, looked: Looked) -> Iterator[Hint]:
    opens_ms = 0
    if isinstance(outcome, Hold):
        opens_ms = outcome.until_ms
    elif outcome.retry_after_s is not None:
        opens_ms = looked.draft.at_ms + outcome.retry_after_s * 1000
    if opens_ms:
        opens = looked.local(opens_ms)
        yield Hint(f"opens {opens}", f"{opens} 起可发送")


def _route(outcome: Refusal | Hold, looked: Looked) -> Iterator[Hint]:
    account = looked.rules.account
    routes = [each for each in looked.site.routes.routes if each.is_for(account.name, account.department)]
    for route in routes[:_SHOWN]:
        takes = describe(route)
        yield Hint(f"route {route.name} takes {takes}", f"路由 {route.name}：{takes}")
    if not routes:
        yield Hint("routes.toml has no route for this account", "routes.toml 中没有本账号的路由")


def _between(text: str) -> str:
    """What stands between the signature's marks, at the front or else the end; empty for nothing."""
    if text.startswith(OPEN) and CLOSE in text:
        return text[1 : text.index(CLOSE)]
    if text.endswith(CLOSE) and OPEN in text:
        return text[text.rindex(OPEN) + 1 : -1]
    return ""


_HINTS: Final[Mapping[str, Callable[[Refusal | Hold, Looked], Iterator[Hint]]]] = {
    "account": _account,
    "suspended": _suspended,
    "paused": _paused,
    "class": _class,
    "signature": _signature,
    "unsubscribe": _unsubscribe,
    "service_phone": _service_phone,
    "words": _words,
    "contact": _contact,
    "template": _template,
    "length": _length,
    "window.hard": _window,
    "window.soft": _window,
    "route": _route,
}
