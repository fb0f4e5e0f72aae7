"""Sites of a size, as changes to config/bench: so many routes, carriers, accounts, requests of a window.

All keep what the rules cost the same: the same profile, one text, one message a recipient. Names are made from numbers,
so a site of one size is the same one every time.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tests.site_files import Overrides, merged

BENCH: Final = Path(__file__).parents[3] / "config" / "bench"
FIRST_RECIPIENT: Final = 8_613_800_000_000
#: A source that no account has for its own, for loads of several accounts.
ANY_SOURCE: Final = "1069000900"
CODES_SOURCE: Final = "1069000131"
CODE: Final = "【示例商城】您的验证码是{n}，五分钟内有效。"
PASSWORD: Final = "load1234"
#: Recipients of all routes together where a load's messages are spread over them; more than a load has.
SPREAD: Final = 100_000
OTHER_ACCOUNTS: Final = 20
_NETWORKS: Final = ("mobile", "unicom", "telecom")
_PROVINCES: Final = (
    "guangdong", "jiangsu", "shandong", "zhejiang", "henan", "sichuan", "hubei", "fujian", "hunan", "anhui",
)  # fmt: skip
#: Beginnings of numbers, of which none is the load's (138).
_BEGINNINGS: Final = ("130", "131", "133", "135", "136", "139", "150", "151", "155", "186", "187", "189")


def accounts(count: int) -> tuple[tuple[str, str], ...]:
    """Names and passwords of so many accounts like ``load``, as a load takes them."""
    return tuple((f"load{number:03d}", PASSWORD) for number in range(count))


def account_files(count: int, changes: Mapping[str, Any] | None = None) -> Overrides:
    """The files of ``accounts``; with ``changes`` to each.

    They share the stored form of the password of ``load``, so that a process derives it once for all of them.
    """
    plain = merged(_table("accounts/load.toml"), {"numbers": None, **(changes or {})})
    return {f"accounts/{name}.toml": {**plain, "system_id": name} for name, _ in accounts(count)}


def codes_file() -> Overrides:
    """An account ``codes`` that sends verification codes from a number of its own."""
    changes = {
        "system_id": "codes",
        "class": "otp",
        "numbers": [{"number": CODES_SOURCE, "signature": "示例商城"}],
    }
    return {"accounts/codes.toml": merged(_table("accounts/load.toml"), changes)}


def sessions(names: int) -> Overrides:
    """A site on which ``load`` may bind a thousand times, and so many other accounts too."""
    room = {"max_binds": 1000, "window": 1000}
    return {"accounts/load.toml": {**room, "numbers": None}, **account_files(names, room)}


def windows(application: int = 1000, carrier: int = 500) -> Overrides:
    """Unanswered requests: of an account at us, and ours on each bind at the carrier."""
    return {"accounts/load.toml": {"window": application}, "carriers/alpha.toml": {"window": carrier}}


def carriers(count: int) -> Overrides:
    """``alpha`` and others like it, with two binds each and equal shares of the traffic; beta for all that are down.

    Each has a system_id of its own and all the same address: one simulator tells them apart, and receipts come to who
    knows their ids.
    """
    names = ["alpha", *(f"c{number:03d}" for number in range(1, count))]
    alike = _table("carriers/alpha.toml")
    route = {"name": "bench", "class": ["otp", "notice", "marketing"], "backups": ["beta"]}
    files: dict[str, Mapping[str, Any]] = {
        "routes.toml": {"route": [{**route, "weights": dict.fromkeys(names, 1)}]},
    }
    for name in names[1:]:
        files[f"carriers/{name}.toml"] = {**alike, "name": name, "system_id": f"smsgw{name}"}
    return files


def routes(count: int, spread: bool = False) -> Overrides:
    """So many routes to the same carriers, and the accounts that some of them name.

    The load's messages are taken by the last one, behind all others; with ``spread`` by one after the other, each for
    some recipients from ``FIRST_RECIPIENT`` on. ``count`` is then a power of ten.
    """
    last = _table("routes.toml")["route"][-1]
    others = _blocks(count - 1) if spread else _engineers(count - 1)
    made = [
        {"name": f"r{number:05d}", **conditions, "carriers": last["carriers"]}
        for number, conditions in enumerate(others)
    ]
    return {"routes.toml": {"route": [*made, last]}, **account_files(OTHER_ACCOUNTS)}


def block(count: int) -> int:
    """Recipients of one of so many routes."""
    return max(1, SPREAD // count)


def _blocks(count: int) -> Iterator[Mapping[str, Any]]:
    """As many recipients for each, from the load's first one on."""
    for number in range(count):
        yield {"prefix": str(FIRST_RECIPIENT // block(count + 1) + number)}


def _engineers(count: int) -> Iterator[Mapping[str, Any]]:
    """A tenth by account, network and province, a tenth by signature, the rest by home location; none for the load."""
    by_account = min(count // 10, OTHER_ACCOUNTS * len(_NETWORKS) * len(_PROVINCES))
    by_signature = count // 10
    for number in range(by_account):
        rest, account = divmod(number, OTHER_ACCOUNTS)
        province, network = divmod(rest, len(_NETWORKS))
        yield {
            "account": f"load{account:03d}",
            "network": _NETWORKS[network],
            "province": _PROVINCES[province],
        }
    for number in range(by_signature):
        yield {"signature": f"签名{number}"}
    for number in range(count - by_account - by_signature):
        block, beginning = divmod(number, len(_BEGINNINGS))
        narrowed = {"class": ["marketing"], "segments": ">=2"} if number % 10 == 0 else {}
        yield {"prefix": f"86{_BEGINNINGS[beginning]}{block:04d}", **narrowed}


def queues() -> Overrides:
    """Room for millions of waiting messages, none of which grows so old that it goes before its lane."""
    never = {"lanes": {"age_after": "0s"}}
    return {
        "smsgw.toml": {"store": {"queue_limit": 100_000_000}},
        "carriers/alpha.toml": never,
        "carriers/beta.toml": never,
        **codes_file(),
    }


def _table(name: str) -> dict[str, Any]:
    return tomllib.loads((BENCH / name).read_text(encoding="utf-8"))
