"""What a site has for people to choose from: accounts, departments, carriers, tiers, and the steps of each review.

Of accounts only those that the person sees.
"""

from __future__ import annotations

from pydantic import BaseModel, Field

from smsgw.clock import from_ms
from smsgw.policy.approvals import STEPS, Step
from smsgw.policy.model import CLASS_LABELS
from smsgw.services.desk import EVERYBODY, Desk
from smsgw.services.tiers import tier_names


class AccountNamed(BaseModel):
    """One account, with what belongs to it by the site's files."""

    name: str
    department: str
    signatures: list[str]


class StepNamed(BaseModel):
    """A step of a kind of document. ``review``: only by somebody who neither wrote it nor looked at it before."""

    action: str
    before: list[str]
    after: str
    roles: list[str]
    review: bool


class SiteNamed(BaseModel):
    """What there is, and the zone that its times are written in."""

    zone: str = Field(description="Such as Asia/Shanghai. 时区。")
    now: str = Field(description="Business time. 业务时间。")
    accounts: list[AccountNamed]
    departments: list[str]
    carriers: list[str]
    tiers: list[str]
    classes: list[str]
    steps: dict[str, list[StepNamed]] = Field(description="By kind, such as template. 各类资料的审批步骤。")


def names(desk: Desk) -> SiteNamed:
    """Those of the site."""
    desk.require_role(*EVERYBODY)
    site = desk.site
    accounts = [
        AccountNamed(name=name, department=each.department, signatures=list(each.signatures))
        for name, each in sorted(site.accounts.items())
        if desk.sees(name)
    ]
    return SiteNamed(
        zone=str(desk.zone),
        now=from_ms(desk.now_ms()).astimezone(desk.zone).isoformat(timespec="seconds"),
        accounts=accounts,
        departments=sorted({each.department for each in accounts} - {""}),
        carriers=sorted(site.carriers) if desk.accounts is None else [],
        tiers=sorted(tier_names(site)),
        classes=list(CLASS_LABELS),
        steps={kind: [_named(step) for step in steps] for kind, steps in STEPS.items()},
    )


def _named(step: Step) -> StepNamed:
    return StepNamed(
        action=step.action, before=list(step.before), after=step.after, roles=list(step.roles), review=step.review
    )
