"""What short links cost a message: ``python tests/bench/bench_short_links.py`` from the project's root.

The decision without a store, and its envelope, over the messages of ``rule_world``, as ratios to a site without short
links: an account that has them and sends texts without a link; texts with a link that is known. Each is measured right
beside the other, some thousands of times, and the middle ratio counts, so that a busy machine does not matter. What
leaves with a short link is made once more for the carrier: microseconds of that by themselves.
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.append(str(Path(__file__).parents[2]))

from smsgw.carrier.settings import CarrierSettings
from smsgw.gateway.outgoing import Outgoing
from smsgw.gateway.short_links import ShortLinkDesk
from smsgw.policy.calendar import Workdays
from smsgw.policy.model import ALL_CLASSES, Draft, MessageClass
from smsgw.policy.pipeline import Rules, compile_rules
from smsgw.policy.references import ReferenceShare
from smsgw.policy.routing import Route, RouteTable
from smsgw.policy.short_links import Place, ShortLinks
from smsgw.smpp.alphabet import encode_text
from smsgw.smpp.pdu import submit_sm
from smsgw.store.envelope import Envelope, packed
from tests.bench.rule_world import Message, World

SHAPE = ShortLinks("https://s.cn/", 8, ALL_CLASSES)
_AT_ONCE = 100
_ROUNDS = 400


def rules_of(world: World, short_links: ShortLinks | None) -> Rules:
    """The world's rules, with or without short links, and one route: routes are not what is compared."""
    parts, table = world.parts, RouteTable([Route("rest", None, None, (), ("alpha",))])
    account = replace(parts.account, short_links=short_links)
    return compile_rules(parts.profile, account, table, parts.carriers, Workdays(), None, world.registers, True)


class _Desk:
    """A desk that knows every link."""

    def __init__(self, rules: Rules) -> None:
        recipients = SimpleNamespace(key_for=lambda purpose: b"k" * 32)
        context: Any = SimpleNamespace(
            store=SimpleNamespace(recipients=recipients), rules={"shop": SimpleNamespace(rules=rules)}
        )
        self.desk = ShortLinkDesk(context)
        self.desk.links = SimpleNamespace(put=lambda new: self.desk.stored([new], [True]))  # type: ignore[assignment]


def decided(rules: Rules, desk: ShortLinkDesk | None) -> Callable[[Draft, bytes], object]:
    """As ``gateway.mt`` does it: the rules, the links, the envelope."""

    def call(draft: Draft, pdu: bytes) -> object:
        outcome = rules(draft)
        assert outcome is None, outcome
        if draft.links and desk is not None:
            while not desk.ready(draft, [pdu], lambda why: None):
                pass
        return packed(
            ["0" * 20], [pdu], "shop", draft.message_class, draft.recipient, "1069", draft.signature or "", [1], 1, 1,
            2, 0, draft.segments, draft.carriers, 0, "", "", "", "", -1, "rest", "", "", draft.links or (),
        )  # fmt: skip

    return call


def ratio(world: World, one: Callable[..., object], other: Callable[..., object], chosen: Sequence[Message]) -> float:
    """Median of ``other`` / ``one``, measured in turns."""
    made = [(world.draft(each), submit_sm(1, source_addr=b"1069", destination_addr=b"86138", data_coding=8,
             short_message=encode_text(each.text, 8)[:254])) for each in chosen]  # fmt: skip
    found = []
    for number in range(_ROUNDS):
        first = number * _AT_ONCE % len(made)
        part = made[first : first + _AT_ONCE]
        times = []
        for call in (one, other) if number % 2 else (other, one):
            drafts = [(world.draft(chosen[first + n]), pdu) for n, (_, pdu) in enumerate(part)]
            gc.disable()
            started = time.process_time_ns()
            for draft, pdu in drafts:
                call(draft, pdu)
            times.append(time.process_time_ns() - started)
            gc.enable()
        found.append(times[1] / times[0] if number % 2 else times[0] / times[1])
    return statistics.median(found)


def main() -> None:
    """Print the ratios."""
    world = World()
    off, on = rules_of(world, None), rules_of(world, SHAPE)
    desk = _Desk(on).desk
    messages = [each for each in world.messages(20_000) if len(each.text) <= 120]
    plain = [each for each in messages if "example.com" not in each.text][:10_000]
    text = "【示例商城】会员日全场五折，详见 shop7.example.com/spring 客服4008001234，拒收请回复R"
    linked = [Message(MessageClass.MARKETING, text, each.recipient) for each in plain[:5_000]]
    base = decided(off, None)
    print(f"same twice (what is noise)                {ratio(world, base, decided(off, None), plain):.3f}")
    print(f"short links on, texts without a link      {ratio(world, base, decided(on, desk), plain):.3f}")
    print(f"short links on, each text with one link   {ratio(world, base, decided(on, desk), linked):.3f}")
    pdu = submit_sm(
        1, source_addr=b"1069", destination_addr=b"86138", data_coding=8, short_message=encode_text(text, 8)
    )
    start = text.index("shop7")
    place = Place(start, start + len("shop7.example.com/spring"), "https://s.cn/aB3dE6gH")
    outgoing = Outgoing(CarrierSettings("alpha", "h", 1, "u", "p", ("transceiver",)), ReferenceShare())
    for name, links in (("as it came", ()), ("with a short link", (place,))):
        envelope = Envelope(["0" * 20], [pdu], "shop", 2, "86138", "1069", "", [1], 1, links=links)
        best = float("inf")
        for _ in range(7):
            started = time.process_time_ns()
            for _ in range(5_000):
                outgoing.ship(envelope)
            best = min(best, (time.process_time_ns() - started) / 5_000 / 1e3)
        print(f"made for the carrier, {name:<18} {best:6.2f} µs")


if __name__ == "__main__":
    main()
