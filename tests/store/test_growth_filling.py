"""What benchmarks write straight into Redis is what the store would have written."""

from __future__ import annotations

from smsgw.store import keys
from smsgw.store.queues import Queues
from smsgw.store.recipients import fact_signature, scope_signature
from tests.bench.growth import filling
from tests.store.kit import Kit


async def test_an_opt_out_is_what_the_script_writes(kit: Kit) -> None:
    channel = filling.channel_to(kit.url)
    await filling.fill_opt_outs(channel, kit.secrets.hasher(), 2_500)
    other = "8613912345678"
    await kit.facts.add(other, scope_signature(filling.SIGNATURE), "mo", filling.ACCEPTED_MS)

    async def stored(number: str) -> object:
        return await kit.command("GET", keys.who(0, kit.store.recipients.hash(number)))

    written = await stored(other)
    assert written
    for number in (0, 999, 1_000, 2_499):
        assert await stored(str(filling.FIRST_OPTED_OUT + number)) == written
    assert await stored(str(filling.FIRST_OPTED_OUT + 2_500)) is None
    assert [fact.kind for fact in await kit.facts.show(str(filling.FIRST_OPTED_OUT))] == ["optout"]
    assert fact_signature(filling.SIGNATURE) == "o:s:示例商城"
    await channel.close()


async def test_waiting_messages_can_be_read_and_are_counted(kit: Kit) -> None:
    channel = filling.channel_to(kit.url)
    blobs = filling.blobs(kit.secrets, ("beta", "alpha"), 50)
    # Two full entries and one message alone in the third.
    await filling.fill_waiting(channel, blobs, "beta", 81)
    queues = Queues(kit.store)
    lengths = {(each.carrier, each.lane): each.waiting for each in await queues.lengths(["alpha", "beta"])}
    assert lengths[("beta", 2)] == await filling.waiting_messages(channel, "beta", 2) == 81
    assert lengths[("alpha", 2)] == 0
    envelopes = await queues.first("beta", 2, 100)
    assert len(envelopes) == 81
    ends = [each.recipient[-2:] for each in envelopes[48:52]]
    assert ends == ["48", "49", "00", "01"], "the same ones again when there are no others"
    assert envelopes[0].carriers == ["beta", "alpha"]
    await channel.close()


async def test_what_is_written_unlogged_is_in_the_log_afterwards(kit: Kit) -> None:
    channel = filling.channel_to(kit.url)
    async with filling.unlogged(channel):
        await filling.fill_opt_outs(channel, kit.secrets.hasher(), 1_000)
        assert b"aof_enabled:0" in await channel.call("INFO", "persistence")
    told = dict(
        line.split(b":", 1) for line in (await channel.call("INFO", "persistence")).splitlines() if b":" in line
    )
    assert told[b"aof_enabled"] == b"1"
    assert int(told[b"aof_current_size"]) > 1_000 * len(filling.opted_out())
    await channel.close()
