"""Admission: looks before counts, what is written, what is refused, and what a dry run leaves alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from smsgw.store import keys
from smsgw.store.admission import ACCEPTED, CAPPED, FORBIDDEN, FULL, GONE, MEMORY, AdmitReply, Others
from smsgw.store.facts import FactChange, FactOp
from smsgw.store.recipients import (
    FACT_COMPANY,
    SCOPE_COMPANY,
    fact_account,
    fact_carrier,
    fact_signature,
    facts_for,
    scope_account,
    scope_cap,
)
from smsgw.store.streams import waiting_messages
from tests.store.kit import DAY_MS, MINUTE_MS, NOW_MS, NUMBER, Kit

STREAM = "{p00}:mt:alpha:2"
OTHER = "8613800000002"


def clock(key: str, limit: int, period_ms: int = DAY_MS, tiers: dict[str, int] | None = None) -> list[Any]:
    start = NOW_MS - NOW_MS % period_ms
    return [key, 0, limit, tiers or {}, start, start + period_ms, period_ms]


def rolling(key: str, limit: int, period_ms: int = MINUTE_MS) -> list[Any]:
    return [key, 1, limit, {}, 0, 0, period_ms]


async def test_an_accepted_message_is_in_its_stream_with_its_state(kit: Kit) -> None:
    assert await kit.admit(kit.item()) == [AdmitReply(ACCEPTED)]
    message = (await kit.read(STREAM, 1))[0]
    assert (message[1][1], message[2]) == ([b"m", b"body-0"], False)
    status = await kit.states.query("00" + "0" * 16)
    assert status is not None
    assert (status.message_state, status.account, status.source_addr) == (1, "shop", "10690001")


async def test_a_batch_keeps_its_order_within_a_stream(kit: Kit) -> None:
    items = [kit.item(str(8613800000000 + n), n) for n in range(100)]
    assert await kit.codes(*items) == [ACCEPTED] * 100
    assert [message[1][1][1] for message in await kit.read(STREAM, 100)] == [b"body-%d" % n for n in range(100)]
    assert await waiting_messages(kit.store, STREAM) == 100


async def test_an_opt_out_refuses_and_names_the_fact(kit: Kit) -> None:
    facts = (FACT_COMPANY, fact_account("shop"), fact_signature("示例"))
    await kit.facts.add(NUMBER, scope_account("shop"), "mo", NOW_MS)
    assert await kit.admit(kit.item(facts=facts), kit.item(OTHER, facts=facts)) == [
        AdmitReply(FORBIDDEN, fact="o:a:shop"),
        AdmitReply(ACCEPTED),
    ]
    await kit.facts.add(NUMBER, SCOPE_COMPANY, "mo", NOW_MS)
    assert await kit.admit(kit.item(facts=facts)) == [AdmitReply(FORBIDDEN, fact="o")]
    assert await kit.codes(kit.item(facts=())) == [ACCEPTED]


async def test_messages_of_one_batch_see_each_others_counts(kit: Kit) -> None:
    caps = (clock("day", 2),)
    replies = await kit.admit(*(kit.item(n=n, caps=caps) for n in range(3)), kit.item(OTHER, 9, caps=caps))
    end_ms = caps[0][5]
    assert replies == [
        AdmitReply(ACCEPTED),
        AdmitReply(ACCEPTED),
        AdmitReply(CAPPED, row=0, retry_after_ms=end_ms - NOW_MS, seen=2, limit=2),
        AdmitReply(ACCEPTED),
    ]


async def test_a_refused_message_counts_nowhere(kit: Kit) -> None:
    first, second = clock("first", 10), clock("second", 1)
    assert await kit.codes(kit.item(caps=(first, second)), kit.item(caps=(first, second))) == [ACCEPTED, CAPPED]
    report = await kit.admission.dry(kit.item(caps=(first, second)))
    assert report.seen == [1, 1]
    assert report.reply.row == 1


async def test_a_clock_cap_begins_anew_with_its_bucket(kit: Kit) -> None:
    assert await kit.codes(kit.item(caps=(clock("day", 1),)), kit.item(caps=(clock("day", 1),))) == [ACCEPTED, CAPPED]
    kit.now_ms += DAY_MS
    tomorrow = clock("day", 1)
    tomorrow[4:6] = [tomorrow[4] + DAY_MS, tomorrow[5] + DAY_MS]
    assert await kit.codes(kit.item(caps=(tomorrow,)), kit.item(caps=(tomorrow,))) == [ACCEPTED, CAPPED]


async def test_a_rolling_cap_counts_exactly_the_last_period(kit: Kit) -> None:
    caps = (rolling("minute", 2),)
    assert await kit.codes(kit.item(caps=caps)) == [ACCEPTED]
    kit.now_ms += 10_000
    assert await kit.codes(kit.item(caps=caps)) == [ACCEPTED]
    (refused,) = await kit.admit(kit.item(caps=caps))
    assert refused == AdmitReply(CAPPED, row=0, retry_after_ms=50_000, seen=2, limit=2)
    kit.now_ms += 49_999
    assert await kit.codes(kit.item(caps=caps)) == [CAPPED]
    kit.now_ms += 1
    assert await kit.codes(kit.item(caps=caps), kit.item(caps=caps)) == [ACCEPTED, CAPPED]


async def test_a_tier_picks_another_limit(kit: Kit) -> None:
    caps = (clock("day", 1, tiers={"loyal": 3}),)
    await kit.facts.set_tier(NUMBER, "loyal")
    assert await kit.codes(*(kit.item(n=n, caps=caps) for n in range(4))) == [ACCEPTED] * 3 + [CAPPED]
    assert await kit.codes(*(kit.item(OTHER, n, caps=caps) for n in range(2))) == [ACCEPTED, CAPPED]
    assert await kit.codes(kit.item(OTHER, caps=caps, tier="loyal")) == [ACCEPTED]


async def test_a_limit_of_nothing_lets_nothing_through(kit: Kit) -> None:
    (clocked, rolled) = await kit.admit(kit.item(caps=(clock("c", 0),)), kit.item(caps=(rolling("r", 0),)))
    assert isinstance(clocked, AdmitReply)
    assert isinstance(rolled, AdmitReply)
    assert (clocked.code, rolled.code, rolled.retry_after_ms) == (CAPPED, CAPPED, MINUTE_MS)


async def test_a_held_message_is_counted_when_it_is_due(kit: Kit) -> None:
    due_ms = NOW_MS + DAY_MS
    tomorrow = clock("day", 1)
    tomorrow[4:6] = [tomorrow[4] + DAY_MS, tomorrow[5] + DAY_MS]
    held = kit.item(caps=(tomorrow,), at_ms=due_ms, due_ms=due_ms)
    assert await kit.codes(held, kit.item(n=1, caps=(clock("day", 1),))) == [ACCEPTED, ACCEPTED]
    assert [(each.held_id, each.due_ms, each.blob) for each in await kit.held.due(0, due_ms)] == [
        (held.message_ids[0], due_ms, held.blob)
    ]
    assert await kit.codes(held._replace(message_ids=["00ff"])) == [CAPPED]


async def test_a_full_queue_refuses_and_a_settled_message_makes_room(kit: Kit) -> None:
    assert await kit.codes(*(kit.item(n=n, queue_limit=2) for n in range(3))) == [ACCEPTED, ACCEPTED, FULL]
    read = await kit.read(STREAM, 2)
    kit.settlement.done(None, STREAM, read[0][1][0])
    await kit.drain()
    assert await kit.codes(*(kit.item(n=n, queue_limit=2) for n in range(2))) == [ACCEPTED, FULL]


async def test_a_stream_that_was_deleted_is_not_full_for_ever(kit: Kit) -> None:
    await kit.codes(kit.item(), kit.item(n=1))
    await kit.command("DEL", STREAM)
    assert await kit.codes(kit.item(queue_limit=1), kit.item(n=1, queue_limit=1)) == [ACCEPTED, FULL]


async def test_low_memory_refuses_marketing_first_and_codes_last(kit: Kit) -> None:
    for stage, codes in enumerate(
        ([ACCEPTED, ACCEPTED, ACCEPTED], [ACCEPTED, ACCEPTED, MEMORY], [ACCEPTED, MEMORY, MEMORY], [MEMORY] * 3)
    ):
        kit.admission.memory_stage = stage
        items = [kit.item(n=10 * stage + each, message_class=each) for each in range(3)]
        assert await kit.codes(*items) == codes


async def test_dry_tells_everything_and_writes_nothing(kit: Kit) -> None:
    caps = (clock("day", 2), rolling("minute", 1))
    before = await kit.keys()
    report = await kit.admission.dry(kit.item(caps=caps, queue_limit=5))
    assert (report.reply, report.seen) == (AdmitReply(ACCEPTED), [0, 0])
    assert await kit.keys() == before
    await kit.admit(kit.item(caps=caps))
    report = await kit.admission.dry(kit.item(caps=caps))
    assert (report.reply.code, report.reply.row, report.seen) == (CAPPED, 1, [1, 1])


async def test_admitted_once_by_name(kit4: Kit) -> None:
    """A second try whose answer was lost is asked for again, perhaps by another process."""
    item = kit4.item()
    other = item._replace(blob=b"sealed once more")
    assert (await kit4.admission.once("m:alpha:c1", item)).code == ACCEPTED
    assert (await kit4.admission.once("m:alpha:c1", other)).code == ACCEPTED
    stream = keys.mt(keys.home(item.message_ids[0], 4), "alpha", 2)
    assert [message[1][1][1] for message in await kit4.read(stream, 1)] == [item.blob]
    assert await waiting_messages(kit4.store, stream) == 1
    assert (await kit4.admission.once("m:beta:c1", other)).code == ACCEPTED
    assert await waiting_messages(kit4.store, stream) == 2


async def test_a_group_of_segments_is_decided_once(kit: Kit) -> None:
    await kit.command("HSET", "{p00}:long:g", "1", "segment")
    await kit.command("ZADD", "{p00}:longdue", 1, "g")
    assert await kit.codes(kit.item(long_group="g"), kit.item(long_group="g")) == [ACCEPTED, GONE]
    assert await waiting_messages(kit.store, STREAM) == 1
    assert not [key for key in await kit.keys() if ":long" in key]


async def test_counters_outlive_their_buckets_and_no_more(kit: Kit) -> None:
    await kit.admit(kit.item(caps=(clock("day", 9), rolling("minute", 9))))
    left_ms = await kit.command("PTTL", keys.cap(0, kit.store.recipients.hash(NUMBER)))
    end_ms = clock("day", 9)[5]
    assert end_ms - NOW_MS < left_ms <= end_ms - NOW_MS + 3_600_000


async def test_only_final_states_are_kept_when_ids_prove_themselves(make_kit: Any) -> None:
    kit = await make_kit(enroute_states=False)
    item = kit.item(state=b"")
    await kit.admit(item)
    assert await kit.states.query(item.message_ids[0]) is None
    kit.sent((await kit.read(STREAM, 1))[0], "c1", item.message_ids[0])
    await kit.drain()
    await kit.receipt("c1")
    status = await kit.states.query(item.message_ids[0])
    assert status is not None
    assert status.message_state == 2


async def test_a_carriers_own_blacklist_sends_the_message_to_the_next_one(kit: Kit) -> None:
    alpha, beta, gamma = (("b", fact_carrier(name), "d") for name in ("alpha", "beta", "gamma"))
    others = (("beta:2", beta), ("gamma:2", gamma))
    asked: list[int] = []
    await kit.facts.blacklist(NUMBER, "DB:0144", NOW_MS, "receipt", carrier="alpha")
    await kit.facts.blacklist(NUMBER, "DB:0144", NOW_MS, "receipt", carrier="beta")

    def ask(number: int) -> Callable[[], Others]:
        def give() -> Others:
            asked.append(number)
            return others

        return give

    item, fine = kit.item(facts=alpha, others=ask(1)), kit.item(OTHER, 1, facts=alpha, others=ask(2))
    assert await kit.admit(item, fine) == [AdmitReply(ACCEPTED)] * 2
    assert asked == [1], "of others nobody asks for nothing"
    assert await kit.codes(item._replace(long_group="decided")) == [GONE]
    assert asked == [1, 1], "segments are gone with a first refusal"
    assert len(await kit.read("{p00}:mt:gamma:2", 1)) == 1
    assert len(await kit.read(STREAM, 1)) == 1
    assert await kit.codes(kit.item(facts=alpha)) == [FORBIDDEN]
    await kit.facts.dead(NUMBER, "MK:0001", NOW_MS, "receipt")
    assert await kit.admit(item) == [AdmitReply(FORBIDDEN, fact="b:c:alpha")]


async def test_a_carriers_own_cap_stops_the_recipient_whatever_others_there_are(kit: Kit) -> None:
    alpha = facts_for("shop", "", "alpha", optout=False, blacklist=True, dead=False, consent=False, cap=True)
    change = FactChange(
        None, FactOp.REFUSED, NUMBER, scope_cap("alpha"), "MILIMIT", NOW_MS, within_ms=1, keep_ms=60_000
    )  # fmt: skip
    await kit.facts.write([change])
    item = kit.item(facts=alpha, others=(("beta:2", ("b",)),))
    assert await kit.admit(item) == [AdmitReply(FORBIDDEN, fact="b:k:alpha")]
    assert await kit.codes(item._replace(at_ms=NOW_MS + 60_000)) == [ACCEPTED]
