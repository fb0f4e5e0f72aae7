"""Every reason that smsgw gives for refusing or holding a message: one table, stable ids and statuses.

Owns: rule ids, command statuses, fallbacks and their texts in English and Chinese. Never chooses one.
The vendor statuses lie in SMPP 3.4 §5.1.3's vendor range (0x400–0x4FF). Never 0x58 for a recipient's
cap: clients retry a throttled message for ever. Only what is raised somewhere is listed.
"""

from __future__ import annotations

from typing import Final

from smsgw.policy.model import Reason

_SUBMIT_FAIL: Final = 0x45  # ESME_RSUBMITFAIL
_BAD_RECIPIENT: Final = 0x0B  # ESME_RINVDSTADR
_BAD_SCHEDULE: Final = 0x61  # ESME_RINVSCHED
_SYSTEM_ERROR: Final = 0x08  # ESME_RSYSERR

NUMBER_INVALID: Final = Reason(
    0, "number.invalid", _BAD_RECIPIENT, _BAD_RECIPIENT,
    "the recipient is not a valid number", "接收号码无效",
    "write the recipient with its country code, or as a mobile number of this country",
    "接收号码应为本国手机号，或带国家码的号码",
)  # fmt: skip
ACCOUNT_DISABLED: Final = Reason(
    1, "account.disabled", 0x401, _SUBMIT_FAIL,
    "the account is not enabled", "账号未启用",
    "an engineer must enable the account",
    "由工程师启用账号",
)  # fmt: skip
ACCOUNT_EXPIRED: Final = Reason(
    1, "account.expired", 0x401, _SUBMIT_FAIL,
    "the account's licence has expired", "账号资质已过期",
    "renew the licence and enter its new last day",
    "更新资质并登记新的有效期",
)  # fmt: skip
ACCOUNT_UNAPPROVED: Final = Reason(
    1, "account.unapproved", 0x401, _SUBMIT_FAIL,
    "the account is not approved for use", "账号通道未获批准或批准已失效",
    "have the channel reviewed by market, legal and technical, approved by management and activated",
    "通道须经市场、法务、技术评审，管理层批准并启用",
)  # fmt: skip
ACCOUNT_SUSPENDED: Final = Reason(
    1, "account.suspended", 0x401, _SUBMIT_FAIL,
    "the account is suspended", "账号已停用（人工操作）",
    "wait until it is resumed; whoever suspended it gave the reason",
    "等待恢复；操作人已写明原因",
)  # fmt: skip
PAUSED: Final = Reason(
    2, "paused", 0x450, _SUBMIT_FAIL,
    "sending is paused", "发送已暂停",
    "wait until it is resumed; whoever paused it gave the reason",
    "等待恢复；暂停人已写明原因",
)  # fmt: skip
CLASS_CONTENT: Final = Reason(
    3, "class.content", 0x451, _SUBMIT_FAIL,
    "the content does not fit the declared class", "内容与声明的短信类别不符",
    "a verification code names itself (验证码 and the like) and has no link; send anything else under its own class",
    "验证码短信须含“验证码”等字样且不得含链接；其他内容请按相应类别发送",
)  # fmt: skip
CLASS_SOURCE: Final = Reason(
    3, "class.source", 0x451, _SUBMIT_FAIL,
    "the source number is not for this class or account", "主叫号码不用于该类别或该账号",
    "send from a number that is registered for this account and class",
    "使用为本账号、本类别登记的号码发送",
)  # fmt: skip
SIGNATURE_MISSING: Final = Reason(
    4, "signature.missing", 0x402, _SUBMIT_FAIL,
    "the text has no signature 【…】 where it must stand", "短信缺少签名【…】，或签名位置不对",
    "put a registered signature 【…】 at the front or the end, as the carrier takes it",
    "按运营商要求在开头或结尾加上已报备的签名【…】",
)  # fmt: skip
SIGNATURE_UNREGISTERED: Final = Reason(
    4, "signature.unregistered", 0x403, _SUBMIT_FAIL,
    "the signature is not registered for this account", "签名未在本账号报备",
    "register the signature for this account, or use one that is registered and in force",
    "为本账号报备该签名，或改用有效的已报备签名",
)  # fmt: skip
SIGNATURE_MALFORMED: Final = Reason(
    4, "signature.malformed", 0x404, _SUBMIT_FAIL,
    "the signature is not well-formed", "签名格式不正确",
    "use letters, digits and Han characters, as many as the profile allows, closed by 】",
    "签名只用汉字、字母、数字，字数符合规定，并以】结束",
)  # fmt: skip
UNSUBSCRIBE_MISSING: Final = Reason(
    5, "unsubscribe.missing", 0x405, _SUBMIT_FAIL,
    "the text does not end with how to unsubscribe", "营销短信结尾缺少退订方式",
    "end the text with one of the carrier's phrases, such as 拒收请回复R",
    "在结尾写明退订方式，例如“拒收请回复R”",
)  # fmt: skip
UNSUBSCRIBE_FORBIDDEN: Final = Reason(
    5, "unsubscribe.forbidden", 0x406, _SUBMIT_FAIL,
    "only marketing may say how to unsubscribe", "非营销短信不得带退订方式",
    "take the unsubscribe phrase out, or send the message as marketing",
    "去掉退订语，或按营销短信发送",
)  # fmt: skip
SERVICE_PHONE: Final = Reason(
    6, "service_phone", 0x407, _SUBMIT_FAIL,
    "the text does not name the account's service phone", "短信缺少客服电话",
    "write the account's service phone into the text",
    "在短信中写明本账号的客服电话",
)  # fmt: skip
WORDS_NATIONAL: Final = Reason(
    7, "words.national", 0x440, _SUBMIT_FAIL,
    "the text has a word of the national list", "内容含国家禁用词",
    "take the word out",
    "删除该词",
)  # fmt: skip
WORDS_COMPANY: Final = Reason(
    7, "words.company", 0x441, _SUBMIT_FAIL,
    "the text has a word of the company's list, or was rejected by a reviewer", "内容含公司禁用词，或人工审核未通过",
    "take the word out, or ask the compliance staff",
    "删除该词，或联系合规人员",
)  # fmt: skip
CONTACT: Final = Reason(
    8, "contact", 0x442, _SUBMIT_FAIL,
    "a link or phone number in the text is not registered", "内容中的链接或电话未登记",
    "register the link or phone number for this account, or take it out",
    "为本账号登记该链接或电话，或将其删除",
)  # fmt: skip
TEMPLATE: Final = Reason(
    9, "template", 0x443, _SUBMIT_FAIL,
    "the text matches no approved template", "内容与已审批模板不符",
    "use an active template word for word, with variables within their bounds and without links",
    "按已启用的模板原文发送，变量须符合类型和长度且不含链接",
)  # fmt: skip
LENGTH: Final = Reason(
    10, "length", 0x444, 0x01,
    "the text is longer than allowed", "短信超过规定长度",
    "shorten the text",
    "缩短内容",
)  # fmt: skip
WINDOW_HARD: Final = Reason(
    11, "window.hard", 0x420, _BAD_SCHEDULE,
    "no message of this class may be sent at this hour", "当前为禁止发送时段",
    "send it when the window is open",
    "在允许时段内发送",
)  # fmt: skip
WINDOW_SOFT: Final = Reason(
    12, "window.soft", 0x421, _BAD_SCHEDULE,
    "outside of the days and hours set for this class, account or campaign", "不在规定的发送日期或时段内",
    "send it within the days and hours of its class, account and campaign",
    "在该类别、账号、活动规定的日期和时段内发送",
)  # fmt: skip
ROUTE_NONE: Final = Reason(
    13, "route.none", 0x452, _SUBMIT_FAIL,
    "no route leads to this recipient", "没有可用的路由",
    "an engineer must add a route for this account, class and recipient",
    "由工程师为该账号、类别和号码增加路由",
)  # fmt: skip
OPTOUT: Final = Reason(
    14, "optout", 0x410, _BAD_RECIPIENT,
    "the recipient has unsubscribed", "接收人已退订",
    "only the recipient can change it: START, 订阅, or newer consent",
    "只有接收人重新订阅或给出更晚的同意才能恢复",
)  # fmt: skip
BLACKLISTED: Final = Reason(
    14, "blacklisted", 0x411, _BAD_RECIPIENT,
    "the recipient is blacklisted", "接收人在黑名单中",
    "take the number off the list with a reason, or wait until the entry ends",
    "写明理由后移出黑名单，或等待条目到期",
)  # fmt: skip
DEAD_NUMBER: Final = Reason(
    14, "dead_number", 0x414, _BAD_RECIPIENT,
    "the number is known to be dead", "号码为空号或停机",
    "forget the number if it is in use again, or wait until the entry ends",
    "号码恢复使用后可撤销，或等待条目到期",
)  # fmt: skip
CONSENT: Final = Reason(
    15, "consent", 0x412, _SUBMIT_FAIL,
    "the recipient has not consented to marketing", "接收人未同意接收营销短信",
    "record the recipient's consent with source, wording version and time",
    "登记接收人的同意，写明来源、文本版本和时间",
)  # fmt: skip
FREQUENCY: Final = Reason(
    16, "frequency", 0x430, _SUBMIT_FAIL,
    "the recipient has had as many messages as a cap allows", "该接收人已达到发送频次上限",
    "wait until the cap allows another message",
    "等到频次允许后再发",
)  # fmt: skip
SAME_CONTENT: Final = Reason(
    17, "same_content", 0x431, _SUBMIT_FAIL,
    "the recipient has had the same content already", "该接收人近期已收到相同内容",
    "wait, or send something else",
    "稍后再发，或更换内容",
)  # fmt: skip
QUOTA: Final = Reason(
    18, "quota", 0x432, _SUBMIT_FAIL,
    "the account has used up its quota", "账号配额已用完",
    "wait for the next day or month, or have the quota raised",
    "等到下一日或下一月，或申请提高配额",
)  # fmt: skip
RATE: Final = Reason(
    18, "rate", 0x58, 0x58,
    "the account sends faster than its rate", "账号发送速率超限",
    "send slower, or have the rate raised",
    "降低发送速率，或申请提高",
)  # fmt: skip
QUEUE_FULL: Final = Reason(
    19, "queue.full", 0x14, 0x14,
    "the queue is full", "发送队列已满",
    "try again later",
    "稍后重试",
)  # fmt: skip
STORE_AWAY: Final = Reason(
    19, "store.away", 0x453, _SYSTEM_ERROR,
    "the rule store can't be reached", "规则存储暂不可用",
    "try again later",
    "稍后重试",
)  # fmt: skip

REASONS: Final[dict[str, Reason]] = {
    reason.rule_id: reason
    for reason in (
        NUMBER_INVALID,
        ACCOUNT_DISABLED,
        ACCOUNT_EXPIRED,
        ACCOUNT_UNAPPROVED,
        ACCOUNT_SUSPENDED,
        PAUSED,
        CLASS_CONTENT,
        CLASS_SOURCE,
        SIGNATURE_MISSING,
        SIGNATURE_UNREGISTERED,
        SIGNATURE_MALFORMED,
        UNSUBSCRIBE_MISSING,
        UNSUBSCRIBE_FORBIDDEN,
        SERVICE_PHONE,
        WORDS_NATIONAL,
        WORDS_COMPANY,
        CONTACT,
        TEMPLATE,
        LENGTH,
        WINDOW_HARD,
        WINDOW_SOFT,
        ROUTE_NONE,
        OPTOUT,
        BLACKLISTED,
        DEAD_NUMBER,
        CONSENT,
        FREQUENCY,
        SAME_CONTENT,
        QUOTA,
        RATE,
        QUEUE_FULL,
        STORE_AWAY,
    )
}
"""All reasons by rule id, in the order of the rules."""
