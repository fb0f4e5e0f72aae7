"""A gateway whose first carrier has codes, a breaker and patience; what the scenarios of failover stand on.

Alpha is that carrier; beta delivers everything; gamma wants the signature at the end. Numbers beginning 1990000 steer
alpha (``simulators.carrier.magic``). Counts are taken at the carriers.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from simulators.carrier.settings import CarrierSettings
from simulators.carrier.sim import CarrierSim
from tests.e2e.stage import Stage, open_stage, routes, state_and_err
from tests.ports import free_port


@contextlib.asynccontextmanager
async def open_failover(directory: Path) -> AsyncIterator[Stage]:
    """The gateway and its carriers."""
    carriers = {
        "alpha": CarrierSettings(port=free_port(), seed=5),
        "beta": CarrierSettings(magic_prefix=""),
        "gamma": CarrierSettings(magic_prefix=""),
    }
    overrides = {
        "carriers/alpha.toml": {
            "failover_after": "300ms",
            "binds": [{"type": "transceiver"}],
            "response": "3s",
            "statuses": {"0x45": "reroute"},
            "codes": {
                "base": "cn", "ported": ["NP:1243"], "ported_to": {"NP:1243": "unicom"}, "opens": "11:00",
                "signature_after": 2,
            },
            "failover": {
                "on_timeout": True, "on_receipt": True, "latency": "400ms", "response": {"otp": "300ms"},
            },
            "breaker": {"sample": 40, "probe": 0.2, "probe_sample": 10, "open": "1m"},
        },
        "accounts/orders.toml": {"rate": "1000/s", "window": 200},
        "routes.toml": {
            "route": [
                {"name": "front-or-end", "prefix": ["8619900004520"], "carriers": ["alpha", "gamma", "beta"]},
                {"name": "balanced", "prefix": ["8613955"], "weights": {"alpha": 50, "beta": 50}},
                *routes({"everything-else": {"carriers": ["alpha", "beta"]}}),
            ]
        },
    }  # fmt: skip
    more = {"gamma": {"signature_position": "end", "lanes": None}}
    async with open_stage(directory, carriers, overrides, more_carriers=more) as stage:
        yield stage


def at(sim: CarrierSim, recipient: str) -> int:
    """How many PDUs for a recipient a carrier has had."""
    return sum(each.recipient.endswith(recipient[-11:]) for each in sim.received)


async def sent(stage: Stage, recipient: str, account: str = "orders") -> str:
    (answer,) = await stage.send(account, recipient)
    assert answer.ok, answer
    return answer.message_id


async def all_sent(stage: Stage, recipients: list[str]) -> list[str]:
    await stage.esme("orders")  # bound once, not once for each of them
    return await asyncio.gather(*(sent(stage, recipient) for recipient in recipients))


async def outcome(stage: Stage, recipient: str, account: str = "orders") -> tuple[str | None, int, int]:
    """The one receipt of a message to a recipient, and how often alpha and beta had it."""
    (receipt,) = await stage.receipts(account, await sent(stage, recipient, account))
    return state_and_err(receipt)[0], at(stage.alpha, recipient), at(stage.beta, recipient)


def events(stage: Stage, name: str, **fields: object) -> int:
    return sum(all(each.get(key) == value for key, value in fields.items()) for each in stage.gateway.events(name))
