"""What a channel is told: one message for all alarms of a moment, in Chinese or English. Pure.

Owns: how alarms and their figures are written. An alarm's labels are names of the site's things; no number of anybody
is among them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import tzinfo
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

from smsgw.clock import from_ms
from smsgw.policy.alarms.kinds import KINDS, Unit
from smsgw.policy.alarms.rules import Labels, Rule
from smsgw.policy.alarms.standing import Standing
from smsgw.policy.alarms.telling import News

MOST_SHOWN: Final = 20
_LABELS: Final = {
    "carrier": ("通道", "carrier"), "province": ("省份", "province"), "class": ("类别", "class"),
    "account": ("账号", "account"), "template": ("模板", "template"), "status": ("状态", "status"),
    "of": ("类型", "kind"), "name": ("名称", "name"), "year": ("年份", "year"), "gateway": ("网关", "gateway"),
    "channel": ("告警通道", "channel"),
}  # fmt: skip
_NEWS: Final = {"firing": ("告警", "firing"), "again": ("持续", "still firing"), "resolved": ("恢复", "resolved")}
_MARKS: Final = {"firing": "🔴", "again": "🟠", "resolved": "🟢"}
_CLASSES: Final = {"otp": "验证码", "notice": "通知", "marketing": "营销"}
_TEST: Final = (
    ("测试", "这是一条测试消息。收到它说明告警可以送达这里。"),
    ("test", "This is a test. Who reads it can be reached by alarms here."),
)


class Item(NamedTuple):
    """An alarm of which a channel is told."""

    standing: Standing
    rule: Rule
    news: News


class Message(NamedTuple):
    """As apprise takes it."""

    title: str
    body: str


def words_of(kind: str, language: str) -> tuple[str, str]:
    """What a kind is called, and what to do about it."""
    zh, en, do_zh, do_en = _words()[kind]
    return (zh, do_zh) if language == "zh" else (en, do_en)


def message(items: Sequence[Item], language: str, site: str, zone: tzinfo, address: str) -> Message:
    """All of it as one message, the worst first. ``address``: of the console's page, empty for none."""
    order = ("firing", "again", "resolved")
    sorted_items = sorted(
        items, key=lambda each: (order.index(each.news), each.rule.severity != "page", each.standing.id)
    )
    lines = [_block(each, language, zone) for each in sorted_items[:MOST_SHOWN]]
    left = len(items) - MOST_SHOWN
    if left > 0:
        lines.append(f"……另有 {left} 项" if language == "zh" else f"… and {left} more")
    if address:
        lines.append(address)
    return Message(_title(sorted_items, language, site), "\n\n".join(lines))


def trial(language: str, site: str) -> Message:
    """What a channel is told to see whether it works."""
    word, text = _TEST[language != "zh"]
    return Message(f"[smsgw {site}] {word}", text)


def labels_in_words(labels: Labels, language: str) -> str:
    """``通道 alpha，省份 广东``."""
    second = language != "zh"
    shown = (f"{_LABELS[name][second]} {_label(name, value, second)}" for name, value in labels)
    return (", " if second else "，").join(shown)


def _label(name: str, value: str, second: bool) -> str:
    return value if second or name != "class" else _CLASSES.get(value, value)


def figure(value: float, unit: Unit, language: str = "en") -> str:
    """A value as people read it."""
    zh = language == "zh"
    if unit == "share":
        return f"{value:.1%}".replace(".0%", "%")
    if unit == "seconds":
        return _duration(value, zh)
    if unit == "times":
        return f"{value:.2g} 倍" if zh else f"{value:.2g}×"
    amount = f"{value:,.0f}"
    words = {"days": (" 天", " days"), "messages": (" 条", ""), "binds": (" 条连接", " binds")}[unit]
    return amount + words[not zh]


def _duration(seconds: float, zh: bool) -> str:
    for size, word_zh, word in ((86_400, " 天", " d"), (3600, " 小时", " h"), (60, " 分钟", " min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g}{word_zh if zh else word}"
    return f"{seconds:.3g}{' 秒' if zh else ' s'}"


def sentence(standing: Standing, rule: Rule, language: str) -> str:
    """``送达率过低：通道 alpha 72%（阈值 80%，412 条，近 15 分钟）``."""
    name, _ = words_of(standing.kind, language)
    unit, zh = KINDS[standing.kind].unit, language == "zh"
    notes = [("阈值 " if zh else "threshold ") + figure(standing.threshold, unit, language)]
    if standing.volume and unit in ("share", "times", "seconds"):
        notes.append(f"{standing.volume:,} 条" if zh else f"of {standing.volume:,}")
    if rule.window_s:
        span = _duration(rule.window_s, zh)
        notes.append(f"近 {span}" if zh else f"last {span}")
    labels = labels_in_words(standing.labels, language)
    value = figure(standing.value, unit, language)
    if zh:
        return f"{name}：{labels}{' ' if labels else ''}{value}（{'，'.join(notes)}）"
    return f"{name}: {labels}{' ' if labels else ''}{value} ({', '.join(notes)})"


def _block(item: Item, language: str, zone: tzinfo) -> str:
    standing, zh = item.standing, language == "zh"
    lines = [f"{_MARKS[item.news]} [{_NEWS[item.news][not zh]}] {sentence(standing, item.rule, language)}"]
    began = _at(standing.bad_ms, zone)
    if item.news == "resolved":
        ended = _at(standing.resolved_ms, zone)
        lines.append(f"{began} 至 {ended}" if zh else f"from {began} to {ended}")
    else:
        lines.append(f"自 {began}" if zh else f"since {began}")
    if standing.acted:
        lines.append(("已自动处理：" if zh else "Done of itself: ") + standing.acted)
    if item.news != "resolved":
        lines.append(("处理：" if zh else "Do: ") + words_of(standing.kind, language)[1])
    return "\n".join(lines)


def _title(items: Sequence[Item], language: str, site: str) -> str:
    zh = language == "zh"
    counts = [
        f"{sum(each.news == news for each in items)} {words[not zh]}"
        for news, words in _NEWS.items()
        if any(each.news == news for each in items)
    ]
    first = items[0]
    name = words_of(first.standing.kind, language)[0]
    what = f"{_NEWS[first.news][not zh]} {name}" if len(items) == 1 else ("，" if zh else ", ").join(counts)
    return f"[smsgw {site}] {what}"


def _at(ms: int, zone: tzinfo) -> str:
    return from_ms(ms).astimezone(zone).strftime("%m-%d %H:%M")


@cache
def _words() -> dict[str, list[str]]:
    found: dict[str, list[str]] = json.loads(files("smsgw.alarms").joinpath("words.json").read_text(encoding="utf-8"))
    return found
