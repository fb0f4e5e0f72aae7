"""What happens now: rates, carriers, queues, and what needs somebody; of a running site, from what its gateways say.

Owns: who may see how much of it. Who sees only some accounts sees those accounts' rates and pauses, and of carriers
only whether they are up. A gateway that does not answer is named, and all else is told as far as it is known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from smsgw import __version__
from smsgw.policy.reasons import REASONS
from smsgw.services.desk import Desk
from smsgw.services.queues import Lane
from smsgw.services.scope import EVERYBODY
from smsgw.services.sight import MINUTE_MS, Sight, Span, rate, rates

HOUR_MS: Final = 60 * MINUTE_MS
#: What waits so long in a queue is worth a look.
OLD_S: Final = 30.0
Level = Literal["bad", "warn", "info"]
State = Literal["up", "partly", "down", "suspended", "drained", "unknown"]


@dataclass(frozen=True, slots=True)
class Waits:
    """What the store says waits: by carrier and lane, held, parked by lot, not taken by applications."""

    lanes: Sequence[Lane] = ()
    held: int = 0
    parked: Mapping[str, int] | None = None


class GatewayShown(BaseModel):
    """One gateway that the console asks."""

    address: str
    answers: bool
    node: str = ""
    version: str = ""
    role: str = ""
    site_version: int = Field(0, description="The version of the site that runs there; 0: it follows none. 配置版本。")
    why: str = Field("", description="Why it does not answer, or is not ready. 未应答或未就绪的原因。")


class Rates(BaseModel):
    """A second, over the last seconds. ``out`` is null for who sees only some accounts."""

    accepted: float
    refused: float
    receipts: float
    mo: float
    out: float | None


class Series(BaseModel):
    """Rates a second at these times (ms since 1970), oldest first."""

    at_ms: list[int]
    accepted: list[float]
    refused: list[float]
    receipts: list[float]
    out: list[float] | None


class Delivery(BaseModel):
    """Final receipts of the last hour, as far as the console has looked on. ``share`` null: none came."""

    results: int
    delivered: int
    share: float | None


class Refused(BaseModel):
    """How often a rule refused in the last hour."""

    rule: str
    count: int
    text: str
    text_zh: str
    remedy: str = ""
    remedy_zh: str = ""


class LaneShown(BaseModel):
    """What waits in a carrier's lane."""

    model_config = ConfigDict(from_attributes=True)

    carrier: str
    lane: str
    waiting: int
    oldest_s: float


class CarrierBrief(BaseModel):
    """A carrier in a strip. The figures are null for who sees only some accounts."""

    name: str
    state: State
    why_not: str = ""
    binds_up: int | None = None
    binds: int | None = None
    out: float | None = None
    delivery: Delivery | None = None


class PauseBrief(BaseModel):
    """A pause in force, as gateways tell it."""

    scope: str
    reason: str
    who: str
    since_ms: int
    ends_ms: int = Field(description="0: until it is resumed. 0 表示直到人工恢复。")


class Attention(BaseModel):
    """Something that somebody should know. ``kind`` is a word for programs; ``detail`` says it in English."""

    level: Level
    kind: str
    subject: str = ""
    detail: str = ""
    count: int = 0


class StoreShown(BaseModel):
    """The store as gateways see it."""

    up: bool
    server: str = ""
    memory_used: float = Field(0, description="Share of its limit; 0 without one. 内存占用比例。")
    refuses: str = Field("", description="What is refused for want of memory. 因内存不足而拒绝的类别。")
    replicas_short: int = 0


class Overview(BaseModel):
    """Everything at a glance."""

    at_ms: int
    business_time: str
    scoped: bool = Field(description="Only of some accounts. 仅限部分账号。")
    gateways: list[GatewayShown]
    rates: Rates
    recent: Series
    minutes: Series
    delivery: Delivery | None
    refused: list[Refused]
    queues: list[LaneShown] | None
    held: int | None
    parked: dict[str, int] | None
    undelivered: int = Field(description="Receipts and MO that applications have not taken yet. 应用未取的回执与上行。")
    carriers: list[CarrierBrief]
    pauses: list[PauseBrief]
    attention: list[Attention]
    store: StoreShown | None
    console_version: str = __version__


def overview(desk: Desk, sight: Sight, waits: Waits | None) -> Overview:
    """All of it. ``waits`` None: the store does not say."""
    desk.require_role(*EVERYBODY)
    whole, scoped = sight.whole, desk.accounts is not None
    accounts = {name: each for name, each in whole.get("accounts", {}).items() if desk.sees(name)}
    pauses = [PauseBrief(**each) for each in whole.get("pauses", ()) if _may_see_pause(desk, each["scope"])]
    hour = sight.since(sight.at_ms - HOUR_MS)
    lanes = None if waits is None or scoped else [LaneShown.model_validate(each) for each in waits.lanes]
    return Overview(
        at_ms=sight.at_ms,
        business_time=str(whole.get("business_time", "")),
        scoped=scoped,
        gateways=gateways(sight) if not scoped else [],
        rates=_rates(sight.now, desk.sees, scoped),
        recent=_series(list(sight.looks), desk.sees, scoped),
        minutes=_series(list(sight.minutes), desk.sees, scoped),
        delivery=None if scoped else delivery(hour, _any),
        refused=refused(hour, desk.sees),
        queues=lanes,
        held=None if waits is None or scoped else waits.held,
        parked=None if scoped else dict(waits.parked if waits and waits.parked else {}),
        undelivered=sum(each.get("outbox", 0) for each in accounts.values()),
        carriers=[_brief(name, desk, sight, hour) for name in carrier_names(desk, sight)],
        pauses=pauses,
        attention=_attention(desk, sight, accounts, lanes or []),
        store=_store(whole) if not scoped else None,
    )


def gateways(sight: Sight) -> list[GatewayShown]:
    """Each that is asked, in the order of the settings."""
    found = []
    for address, page in sight.gateways.items():
        if isinstance(page, str):
            found.append(GatewayShown(address=address, answers=False, why=page))
            continue
        found.append(
            GatewayShown(
                address=address,
                answers=True,
                node=str(page.get("node", "")),
                version=str(page.get("version", "")),
                role=str(page.get("role", "")),
                site_version=int(page.get("site_version", 0)),
                why="; ".join(map(str, page.get("not_ready", {}).values())),
            )
        )
    return found


def refused(span: Span, sees: Callable[[str], bool]) -> list[Refused]:
    """Rules that refused within a time, the most frequent first."""
    counts: dict[str, int] = {}
    for key, count in span.counts.items():
        if key[0] == "refused" and sees(key[1]):
            counts[key[2]] = counts.get(key[2], 0) + count
    return [
        Refused(rule=rule, count=count, **in_words(rule))
        for rule, count in sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    ]


def in_words(rule: str) -> dict[str, str]:
    """What a rule says and what would mend it, in both languages; a rule of another version is its own word."""
    reason = REASONS.get(rule)
    if reason is None:
        return {"text": rule, "text_zh": rule}
    return {
        "text": reason.text, "text_zh": reason.text_zh, "remedy": reason.remedy, "remedy_zh": reason.remedy_zh
    }  # fmt: skip


def delivery(span: Span, wanted: Callable[[str], bool]) -> Delivery:
    """How much was delivered, of these carriers."""
    results, delivered = span.total("results", wanted), span.total("delivered", wanted)
    return Delivery(results=results, delivered=delivered, share=round(delivered / results, 4) if results else None)


def carrier_names(desk: Desk, sight: Sight) -> list[str]:
    """Those of the site, and what else gateways have, as of a version that the console has not read."""
    return list(dict.fromkeys([*desk.site.carriers, *sight.whole.get("carriers", {})]))


def carrier_state(found: Mapping[str, Any] | None, order: str = "") -> State:
    """In one word, of what the gateways say; ``order``: what staff ordered of it."""
    if order == "suspend":
        return "suspended"
    if order == "drain" or (found is not None and found.get("drained")):
        return "drained"
    if found is None:
        return "unknown"
    up = found.get("binds_up", 0)
    return "down" if not up else "up" if up >= found.get("binds", 0) else "partly"


def ordered(sight: Sight, scope: str) -> str:
    """What is ordered of a scope, as gateways have it in force."""
    found = (each["action"] for each in sight.whole.get("orders", ()) if each["scope"] == scope)
    return str(next(found, ""))


def _any(_: str) -> bool:
    return True


def _brief(name: str, desk: Desk, sight: Sight, hour: Span) -> CarrierBrief:
    found = sight.whole.get("carriers", {}).get(name)
    state = carrier_state(found, ordered(sight, f"carrier:{name}"))
    if desk.accounts is not None or found is None:
        return CarrierBrief(name=name, state=state)
    return CarrierBrief(
        name=name,
        state=state,
        why_not=str(found.get("why_not", "")),
        binds_up=found["binds_up"],
        binds=found["binds"],
        out=rate(sight.now, "out", name.__eq__),
        delivery=delivery(hour, name.__eq__),
    )


def _rates(span: Span, sees: Callable[[str], bool], scoped: bool) -> Rates:
    return Rates(
        accepted=rate(span, "in", sees),
        refused=rate(span, "refused", sees),
        receipts=rate(span, "receipts", sees),
        mo=rate(span, "mo", sees),
        out=None if scoped else rate(span, "out", _any),
    )


def _series(spans: Sequence[Span], sees: Callable[[str], bool], scoped: bool) -> Series:
    return Series(
        at_ms=[each.at_ms for each in spans],
        accepted=rates(spans, "in", sees),
        refused=rates(spans, "refused", sees),
        receipts=rates(spans, "receipts", sees),
        out=None if scoped else rates(spans, "out", _any),
    )


def _may_see_pause(desk: Desk, scope: str) -> bool:
    what, _, name = scope.partition(":")
    return desk.accounts is None or what == "global" or (what == "account" and desk.sees(name))


def _store(whole: Mapping[str, Any]) -> StoreShown | None:
    found = whole.get("store")
    if found is None:
        return None
    return StoreShown(
        up=found.get("up", False),
        server=str(found.get("server", "")),
        memory_used=found.get("memory_used", 0),
        refuses=str(found.get("memory_refused") or ""),
        replicas_short=found.get("replicas_short", 0),
    )


def _attention(
    desk: Desk, sight: Sight, accounts: Mapping[str, Mapping[str, Any]], lanes: Sequence[LaneShown]
) -> list[Attention]:
    """The worst first."""
    found = [
        Attention(level="warn", kind="account", subject=name)
        for name, each in accounts.items()
        if not each.get("in_force", True)
    ]
    if desk.accounts is None:
        found += _of_gateways(sight) + _of_carriers(desk, sight, lanes)
    order = ("bad", "warn", "info")
    return sorted(found, key=lambda each: order.index(each.level))


def _of_gateways(sight: Sight) -> list[Attention]:
    whole = sight.whole
    found = [
        Attention(level="bad", kind="gateway" if not each.answers else "not_ready", subject=each.node or each.address,
                  detail=each.why)
        for each in gateways(sight)
        if each.why
    ]  # fmt: skip
    store = _store(whole)
    if store is not None and not store.up:
        found.append(Attention(level="bad", kind="store", detail="Redis can't be reached"))
    if store is not None and store.refuses:
        found.append(Attention(level="bad", kind="memory", subject=store.refuses, detail=f"{store.memory_used:.0%}"))
    failing = whole.get("records", {}).get("failing")
    if failing:
        found.append(Attention(level="bad", kind="records", detail=str(failing)))
    review = sum(count for lot, count in whole.get("parked", {}).items() if lot.partition(":")[0] == "review")
    if review:
        found.append(Attention(level="info", kind="review", count=review))
    return found


def _of_carriers(desk: Desk, sight: Sight, lanes: Sequence[LaneShown]) -> list[Attention]:
    whole = sight.whole
    found: list[Attention] = []
    for name in carrier_names(desk, sight) if whole else ():
        each = whole["carriers"].get(name)
        state = carrier_state(each, ordered(sight, f"carrier:{name}"))
        if state in ("down", "partly"):
            level: Level = "bad" if state == "down" else "warn"
            found.append(Attention(level=level, kind=state, subject=name, detail=_why_down(each)))
        if each is not None and each.get("slowed"):
            found.append(Attention(level="warn", kind="slowed", subject=name))
        if each is not None and each.get("receipts_overdue"):
            found.append(Attention(level="warn", kind="overdue", subject=name, count=each["receipts_overdue"]))
    for each in whole.get("breakers", ()):
        subject = " ".join(filter(None, (each["carrier"], each["province"])))
        found.append(Attention(level="warn", kind="breaker", subject=subject, detail=each["why"]))
    found += [
        Attention(level="info", kind="order", subject=each["scope"], detail=each["reason"])
        for each in whole.get("orders", ())
    ]
    for each in lanes:
        if each.waiting and each.oldest_s > OLD_S:
            subject = f"{each.carrier} {each.lane}"
            found.append(Attention(level="warn", kind="queue", subject=subject, count=each.waiting))
    return found


def _why_down(found: Mapping[str, Any]) -> str:
    down = (str(each["why_down"]) for each in found.get("links", ()) if each.get("why_down"))
    return str(found.get("why_not") or next(down, ""))
