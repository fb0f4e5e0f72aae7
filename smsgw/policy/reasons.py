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
)  # fmt: skip
ACCOUNT_DISABLED: Final = Reason(
    1, "account.disabled", 0x401, _SUBMIT_FAIL,
    "the account is not enabled", "账号未启用",
)  # fmt: skip
ACCOUNT_EXPIRED: Final = Reason(
    1, "account.expired", 0x401, _SUBMIT_FAIL,
    "the account's licence has expired", "账号资质已过期",
)  # fmt: skip
SIGNATURE_MISSING: Final = Reason(
    4, "signature.missing", 0x402, _SUBMIT_FAIL,
    "the text has no signature 【…】 where it must stand", "短信缺少签名【…】，或签名位置不对",
)  # fmt: skip
SIGNATURE_UNREGISTERED: Final = Reason(
    4, "signature.unregistered", 0x403, _SUBMIT_FAIL,
    "the signature is not registered for this account", "签名未在本账号报备",
)  # fmt: skip
SIGNATURE_MALFORMED: Final = Reason(
    4, "signature.malformed", 0x404, _SUBMIT_FAIL,
    "the signature is not well-formed", "签名格式不正确",
)  # fmt: skip
UNSUBSCRIBE_MISSING: Final = Reason(
    5, "unsubscribe.missing", 0x405, _SUBMIT_FAIL,
    "the text does not end with how to unsubscribe", "营销短信结尾缺少退订方式",
)  # fmt: skip
UNSUBSCRIBE_FORBIDDEN: Final = Reason(
    5, "unsubscribe.forbidden", 0x406, _SUBMIT_FAIL,
    "only marketing may say how to unsubscribe", "非营销短信不得带退订方式",
)  # fmt: skip
WINDOW_HARD: Final = Reason(
    11, "window.hard", 0x420, _BAD_SCHEDULE,
    "no message of this class may be sent at this hour", "当前为禁止发送时段",
)  # fmt: skip
WINDOW_SOFT: Final = Reason(
    12, "window.soft", 0x421, _BAD_SCHEDULE,
    "outside of the days and hours set for this class or account", "不在规定的发送日期或时段内",
)  # fmt: skip
ROUTE_NONE: Final = Reason(
    13, "route.none", 0x452, _SUBMIT_FAIL,
    "no route leads to this recipient", "没有可用的路由",
)  # fmt: skip
OPTOUT: Final = Reason(
    14, "optout", 0x410, _BAD_RECIPIENT,
    "the recipient has unsubscribed", "接收人已退订",
)  # fmt: skip
FREQUENCY: Final = Reason(
    16, "frequency", 0x430, _SUBMIT_FAIL,
    "the recipient has had as many messages as a cap allows", "该接收人已达到发送频次上限",
)  # fmt: skip
RATE: Final = Reason(
    18, "rate", 0x58, 0x58,
    "the account sends faster than its rate", "账号发送速率超限",
)  # fmt: skip
QUEUE_FULL: Final = Reason(
    19, "queue.full", 0x14, 0x14,
    "the queue is full", "发送队列已满",
)  # fmt: skip
STORE_AWAY: Final = Reason(
    19, "store.away", 0x453, _SYSTEM_ERROR,
    "the rule store can't be reached", "规则存储暂不可用",
)  # fmt: skip

REASONS: Final[dict[str, Reason]] = {
    reason.rule_id: reason
    for reason in (
        NUMBER_INVALID,
        ACCOUNT_DISABLED,
        ACCOUNT_EXPIRED,
        SIGNATURE_MISSING,
        SIGNATURE_UNREGISTERED,
        SIGNATURE_MALFORMED,
        UNSUBSCRIBE_MISSING,
        UNSUBSCRIBE_FORBIDDEN,
        WINDOW_HARD,
        WINDOW_SOFT,
        ROUTE_NONE,
        OPTOUT,
        FREQUENCY,
        RATE,
        QUEUE_FULL,
        STORE_AWAY,
    )
}
"""All reasons by rule id, in the order of the rules."""
