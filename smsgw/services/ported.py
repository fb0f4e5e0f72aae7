"""Which network a number belongs to, and from where that is known; what a carrier taught wrongly can be put right.

A network that was put right is known to all processes within seconds, like one that a carrier taught.
"""

from __future__ import annotations

from pydantic import BaseModel

from smsgw.policy.number_plan import NETWORKS, OTHER, planned_network
from smsgw.policy.numbers import mask
from smsgw.services.desk import Desk, named
from smsgw.services.recipients import digits_of, reason_of, subject
from smsgw.store.ported import PortedNumbers


class NumberNetwork(BaseModel):
    """A number's network. ``source``: ``learnt``, ``file`` (numbers/ported.csv) or ``plan`` (its prefix)."""

    number: str
    network: str
    source: str
    planned: str
    province: str


async def show(desk: Desk, number: str) -> NumberNetwork:
    """The network that routes see."""
    desk.require_reader()
    digits = digits_of(desk, number)
    known: dict[str, str] = {}
    await PortedNumbers(desk.store, known).load()
    return _network(desk, digits, known)


async def set_network(desk: Desk, number: str, network: str, why: str) -> NumberNetwork:
    """Say which network a number belongs to."""
    desk.require("engineer")
    digits, why = digits_of(desk, number), reason_of(why)
    network = named("network", network, (*NETWORKS, OTHER), "network").replace(OTHER, "")
    await desk.audit("number.network", subject(desk, digits), why, network=network or OTHER)
    known: dict[str, str] = {}
    numbers = PortedNumbers(desk.store, known)
    numbers.learn(digits, network)
    await numbers.write()
    return _network(desk, digits, known)


def _network(desk: Desk, digits: str, known: dict[str, str]) -> NumberNetwork:
    plan = desk.site.routes.plan
    listed = plan.ported.get(digits) if plan.ported else None
    source = "learnt" if digits in known else "plan" if listed is None else "file"
    network, planned = plan.network(digits, known), planned_network(digits)
    return NumberNetwork(
        number=mask(digits),
        network=network or OTHER,
        source=source,
        planned=planned or OTHER,
        province=plan.province(digits),
    )
