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
    "account.unapproved": "账号通道未获批准或批准已失效",
    "account.suspended": "账号已停用（人工操作）",
    "paused": "发送已暂停",
    "class.content": "内容与声明的短信类别不符",
    "class.source": "主叫号码不用于该类别或该账号",
    "signature.missing": "短信缺少签名【…】，或签名位置不对",
    "signature.unregistered": "签名未在本账号报备",
    "signature.malformed": "签名格式不正确",
    "unsubscribe.missing": "营销短信结尾缺少退订方式",
    "unsubscribe.forbidden": "非营销短信不得带退订方式",
    "service_phone": "短信缺少客服电话",
    "words.national": "内容含国家禁用词",
    "words.company": "内容含公司禁用词，或人工审核未通过",
    "contact": "内容中的链接或电话未登记",
    "template": "内容与已审批模板不符",
    "length": "短信超过规定长度",
    "window.hard": "当前为禁止发送时段",
    "window.soft": "不在规定的发送日期或时段内",
    "route.none": "没有可用的路由",
    "optout": "接收人已退订",
    "blacklisted": "接收人在黑名单中",
    "dead_number": "号码为空号或停机",
    "consent": "接收人未同意接收营销短信",
    "frequency": "该接收人已达到发送频次上限",
    "same_content": "该接收人近期已收到相同内容",
    "quota": "账号配额已用完",
    "rate": "账号发送速率超限",
    "queue.full": "发送队列已满",
    "store.away": "规则存储暂不可用",
}
