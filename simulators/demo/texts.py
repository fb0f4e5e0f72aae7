"""Chinese words for what the gateway says in English.

Written down here again, since a simulator shares no rules with the gateway; a test compares them with
the gateway's own table.
"""

from __future__ import annotations

CLASSES_ZH = {"otp": "验证码", "notice": "通知", "marketing": "营销"}

RULES_ZH = {
    "number.invalid": "接收号码无效",
    "account.disabled": "账号未启用",
    "account.expired": "账号资质已过期",
    "signature.missing": "短信缺少签名【…】，或签名位置不对",
    "signature.unregistered": "签名未在本账号报备",
    "signature.malformed": "签名格式不正确",
    "unsubscribe.missing": "营销短信结尾缺少退订方式",
    "unsubscribe.forbidden": "非营销短信不得带退订方式",
    "window.hard": "当前为禁止发送时段",
    "window.soft": "不在规定的发送日期或时段内",
    "route.none": "没有可用的路由",
    "optout": "接收人已退订",
    "frequency": "该接收人已达到发送频次上限",
    "rate": "账号发送速率超限",
    "queue.full": "发送队列已满",
    "store.away": "规则存储暂不可用",
}
