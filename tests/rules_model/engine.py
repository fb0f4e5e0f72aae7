"""The engine as the gateway uses it: compiled rules over live registers, then ``admit`` on a real server, in batches.

``compare`` runs a world through it and through the naive model, and tells where they disagree.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field, replace

from smsgw.errors import StoreError
from smsgw.policy.caps import CapRows, CapSet, content_hash
from smsgw.policy.entries import KINDS, Kind
from smsgw.policy.model import Draft, Hold, Refusal
from smsgw.policy.pipeline import Rules, compile_rules
from smsgw.policy.registers import Registers, compile_register
from smsgw.store.admission import ACCEPTED, CAPPED, FORBIDDEN, NO_CONSENT, Admission, AdmitItem, AdmitReply
from smsgw.store.connection import Store
from smsgw.store.facts import FactChange, FactOp
from smsgw.store.keys import mt_suffix
from smsgw.store.recipients import RecipientFacts, facts_for, scope_carrier
from tests.rules_model.naive import Naive
from tests.rules_model.world import ACCOUNTS, CARRIERS, CLASSES, PROFILE, ROUTES, WORKDAYS, Deed, Message, World

BATCH = 256
_FACT_REASONS = {"o": "optout", "b": "blacklisted", "d": "dead_number"}
_OPS = {
    "stop": FactOp.OPT_OUT, "start": FactOp.SUBSCRIBE, "consent": FactOp.CONSENT, "blacklist": FactOp.BLACKLIST,
    "unblacklist": FactOp.UNBLACKLIST, "carrier": FactOp.BLACKLIST, "dead": FactOp.DEAD, "undead": FactOp.UNDEAD,
    "tier": FactOp.TIER,
}  # fmt: skip


class Engine:
    """``judge`` messages in batches; ``do`` a deed between two batches."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._facts = RecipientFacts(store)
        self._registers = Registers()
        caps = CapSet(PROFILE.caps, PROFILE.zone, PROFILE.same_content)
        owners = {number: name for name, account in ACCOUNTS.items() for number in account.numbers}
        profile = replace(PROFILE, source=replace(PROFILE.source, owners=owners))
        self._rules: dict[str, Rules] = {
            name: compile_rules(profile, account, ROUTES, CARRIERS, WORKDAYS, caps, self._registers, True)
            for name, account in ACCOUNTS.items()
        }
        self.admission = Admission(store, self._done, lambda: self._now_ms)
        self._now_ms = 0
        self._verdicts: list[str | None] = []
        self._open = 0
        self._answered = asyncio.Event()
        self._known: dict[tuple[object, ...], tuple[str, ...]] = {}

    def put(self, naive: Naive, kind: Kind) -> None:
        """Put a register of the model in force; it goes through the form that it has in the store."""
        documents = json.loads(json.dumps(naive.registers[kind]))
        self._registers.put(kind, compile_register(kind, documents))

    async def do(self, deed: Deed) -> None:
        """A word of a recipient or of staff about one."""
        values = deed.values
        scope = scope_carrier(values["carrier"]) if deed.what == "carrier" else values["scope"]
        if deed.what in ("blacklist", "unblacklist", "dead", "undead", "tier"):
            scope = ""
        source = values["tier"] if deed.what == "tier" else "model"
        await self._facts.write([
            FactChange(None, _OPS[deed.what], values["number"], scope, source, values["at_ms"], "model",
                       values["expires_ms"], "v1")
        ])  # fmt: skip

    async def judge(self, messages: list[Message]) -> list[str | None]:
        """A verdict for each: None, "review", or the rule id of its refusal."""
        self._verdicts = [None] * len(messages)
        self._answered.clear()
        for number, message in enumerate(messages):
            self._now_ms = message.at_ms
            self._submit(number, message)
        if self._open:
            await self._answered.wait()
        return self._verdicts

    def _submit(self, number: int, message: Message) -> None:
        draft = Draft(
            message.account, CLASSES[message.account], message.source_addr, message.number, message.text, 1,
            message.at_ms, tier=message.tier, campaign=message.campaign, audience=message.audience,
        )  # fmt: skip
        rules = self._rules[message.account]
        outcome = rules(draft)
        if isinstance(outcome, Refusal):
            self._verdicts[number] = outcome.reason.rule_id
            return
        assert not isinstance(outcome, Hold), outcome
        assert draft.route is not None
        caps = rules.cap_rows(draft)
        key = (message.account, draft.message_class, draft.signature, draft.carrier)
        facts = self._known.get(key)
        if facts is None:
            asked = rules.facts(draft.message_class)
            facts = self._known[key] = facts_for(
                message.account, draft.signature or "", draft.carrier, optout=asked.optout, blacklist=asked.blacklist,
                dead=asked.dead_number, consent=asked.consent,
            )  # fmt: skip
        self._open += 1
        self.admission.submit(
            AdmitItem(
                (number, caps, draft.review), self._store.recipients.hash(message.number), ["00" + f"{number:018x}"],
                b"x", mt_suffix(draft.carrier, draft.message_class), message.at_ms, b"", facts,
                caps.script_rows(message.at_ms) if caps is not None else (), message.tier, draft.message_class,
                lot="review" if draft.review else "", due_ms=message.at_ms + 60_000 if draft.review else 0,
                content=content_hash(draft.plain) if caps is not None and caps.same_content is not None else b"",
            )
        )  # fmt: skip

    def _done(self, items: list[AdmitItem], replies: list[AdmitReply] | StoreError) -> None:
        if isinstance(replies, StoreError):
            raise replies
        for item, reply in zip(items, replies, strict=True):
            number, caps, review = item.context  # type: ignore[misc]
            self._verdicts[number] = _verdict(reply, caps, review)
        self._open -= len(items)
        if not self._open:
            self._answered.set()


def _verdict(reply: AdmitReply, caps: CapRows | None, review: str) -> str | None:
    if reply.code == ACCEPTED:
        return "review" if review else None
    if reply.code == FORBIDDEN:
        return _FACT_REASONS[reply.fact[0]]
    if reply.code == NO_CONSENT:
        return "consent"
    assert reply.code == CAPPED, reply
    assert caps is not None
    return caps.refusal(reply.row, 1).reason.rule_id


@dataclass(slots=True)
class Comparison:
    """How often each verdict came, and where the two differ."""

    messages: int = 0
    deeds: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    differences: list[tuple[Message, str | None, str | None]] = field(default_factory=list)


async def compare(store: Store, seed: int, count: int) -> Comparison:
    """Run ``count`` messages; ends early after ten differences. The store must be empty and have one partition."""
    world, naive, engine = World(seed, count), Naive(), Engine(store)
    for kind in KINDS:
        engine.put(naive, kind)
    found = Comparison()
    commit = asyncio.ensure_future(engine.admission.commit.run())
    waiting: list[Message] = []

    async def judge() -> None:
        verdicts = await engine.judge(waiting)
        for message, seen in zip(waiting, verdicts, strict=True):
            wanted = naive.judge(message)
            found.verdicts[wanted or "accepted"] += 1
            if seen != wanted:
                found.differences.append((message, wanted, seen))
        found.messages += len(waiting)
        waiting.clear()

    try:
        while found.messages < count and len(found.differences) < 10:
            step = world.step()
            if isinstance(step, Message):
                waiting.append(step)
                if len(waiting) < BATCH:
                    continue
            await judge()
            if isinstance(step, Deed):
                found.deeds += 1
                naive.do(step)
                if step.what in ("pause", "resume"):
                    engine.put(naive, "pause")
                    engine.put(naive, "order")
                elif step.what == "toggle":
                    engine.put(naive, step.values["kind"])
                else:
                    await engine.do(step)
    finally:
        commit.cancel()
        await asyncio.gather(commit, return_exceptions=True)
    return found
