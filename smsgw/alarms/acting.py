"""What alarms do of themselves: pause a template, suspend a carrier; at most so often an hour, always audited.

Owns: the bounds. Something is done once for each time that an alarm begins; who takes it back is not overruled. A
carrier is never suspended when no other one is up, for that would stop everything. The words are Chinese and English,
for they go to the audit log and to every channel.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from smsgw.errors import RequestError
from smsgw.policy.alarms.kinds import LABEL_OF, PAUSE_TEMPLATE
from smsgw.policy.alarms.rules import Rule
from smsgw.policy.alarms.standing import FIRING, Standing
from smsgw.policy.orders import SUSPEND
from smsgw.services import orders, pauses
from smsgw.services.desk import Desk

HOUR_MS: Final = 3_600_000
PERSON: Final = "alarms"


def can(standing: Standing, rule: Rule) -> bool:
    """Whether the rule has an action, and the alarm names what it is about."""
    labels = dict(standing.labels)
    return bool(rule.action) and LABEL_OF[rule.action] in labels and "province" not in labels


def is_asked(standing: Standing, rule: Rule) -> bool:
    """Whether something is to be done about an alarm that was not done yet; not while it is good and about to end."""
    return standing.state == FIRING and not standing.good_ms and not standing.acted and can(standing, rule)


def recent(acts: Collection[int], now_ms: int) -> list[int]:
    """Those of the last hour."""
    return [at_ms for at_ms in acts if 0 <= now_ms - at_ms < HOUR_MS]


async def act(
    desk: Desk, standing: Standing, rule: Rule, why: str, carriers_up: Collection[str] | None
) -> tuple[bool, str]:
    """Do it: whether it was done, and what became of it, with how to take it back. ``carriers_up`` None: not known."""
    name = dict(standing.labels)[LABEL_OF[rule.action]]
    expires = f"{round(rule.action_for_s)}s" if rule.action_for_s else ""
    try:
        if rule.action == PAUSE_TEMPLATE:
            await pauses.pause(desk, f"template:{name}", why=why, expires=expires)
            return True, f"template {name} paused · 已暂停模板; smsgw resume template:{name}"
        if not set(carriers_up or ()) - {name}:
            return False, f"carrier {name} not suspended: no other is up · 无其他可用通道，未停用"
        await orders.give(desk, f"carrier:{name}", SUSPEND, why=why, expires=expires)
    except RequestError as error:
        return False, f"{rule.action} {name}: {error}"
    return True, f"carrier {name} suspended · 已停用通道; smsgw carrier resume {name}"
