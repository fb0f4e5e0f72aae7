"""Millions of entries written straight into Redis, in the form in which the store writes them.

Opt-outs are what ``scripts/facts.lua`` leaves of an answer to a signature's number; waiting messages are real sealed
envelopes of one segment, 40 in a stream entry as a busy gateway writes them. While much is written Redis keeps no
log of it: ``unlogged`` writes it out once, at the end. Everything is of partition 0, as on a site with one Redis.
What can go wrong: StoreError as from every call of Redis; TimeoutError when it does not get its log written.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from smsgw.smpp import pdu
from smsgw.store import keys
from smsgw.store.channel import Channel, target_of
from smsgw.store.entries import MOST_IN_ENTRY
from smsgw.store.envelope import Envelope
from smsgw.store.packing import to_script
from smsgw.store.recipients import fact_signature
from smsgw.store.seal import Recipients
from smsgw.store.secrets import Secrets

SIGNATURE: Final = "示例商城"
TEXT: Final = "【示例商城】秋季新品上架，全场八折，欢迎选购，满三百元包邮，编号000000001。拒收请回复R"
#: First number that opted out; none to whom a load sends.
FIRST_OPTED_OUT: Final = 8_615_000_000_000
#: 2025-11-18 10:30 in Shanghai.
ACCEPTED_MS: Final = 1_763_433_000_000
#: So many different envelopes; a backlog repeats them.
POOL: Final = 40_000
_OPTOUTS_A_CALL: Final = 1_000
_ENTRIES_A_CALL: Final = 40
_CALL_S: Final = 300.0
_REWRITE_S: Final = 600.0
_LOOK_S: Final = 0.2

#: KEYS none. ARGV: stream, part key, how many in an entry, then blobs; as ``scripts/parts/entries.lua`` appends.
FILL_STREAM: Final = """
local stream, part, size = ARGV[1], ARGV[2], tonumber(ARGV[3])
for first = 4, #ARGV, size do
  local last = math.min(first + size - 1, #ARGV)
  if first == last then
    redis.call('XADD', stream, '*', 'm', ARGV[first])
  else
    local some = {unpack(ARGV, first, last)}
    local id = redis.call('XADD', stream, '*', 'b', cmsgpack.pack(some))
    redis.call('HSET', part, id, string.format('%.0f', #some * 1099511627776))
  end
end
return redis.call('HINCRBY', part, 'n', #ARGV - 3)
"""


def channel_to(url: str) -> Channel:
    """A connection that waits longer than a gateway would."""
    return Channel(target_of(url, 5.0), _CALL_S)


async def used_octets(channel: Channel) -> int:
    """Redis' used memory."""
    return int((await _info(channel, "memory"))["used_memory"])


async def _info(channel: Channel, section: str) -> dict[str, str]:
    lines = (await channel.call("INFO", section)).decode().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


@asynccontextmanager
async def unlogged(channel: Channel) -> AsyncIterator[None]:
    """Nothing of what is written in the block is logged; behind it the log is written anew, and complete."""
    await channel.call("CONFIG", "SET", "appendonly", "no")
    yield
    await channel.call("CONFIG", "SET", "appendonly", "yes")
    deadline_s = time.monotonic() + _REWRITE_S
    while True:
        found = await _info(channel, "persistence")
        if found["aof_enabled"] == "1" and not any(
            int(found[key]) for key in ("aof_rewrite_in_progress", "aof_rewrite_scheduled")
        ):
            break
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"Redis did not write its log within {_REWRITE_S:g} s")
        await asyncio.sleep(_LOOK_S)
    if found.get("aof_last_bgrewrite_status", "ok") != "ok":
        raise TimeoutError("Redis could not write its log; is the disk full?")


# -- opt-outs


def opted_out(at_ms: int = ACCEPTED_MS, source: str = "mo") -> bytes:
    """What is known of a recipient who answered R to the signature's number, and of nothing else."""
    return to_script({fact_signature(SIGNATURE): (source, at_ms)})


async def fill_opt_outs(channel: Channel, recipients: Recipients, count: int) -> None:
    """So many recipients from ``FIRST_OPTED_OUT`` on have opted out."""
    packed = opted_out()
    under_way: asyncio.Task[object] | None = None
    for first in range(0, count, _OPTOUTS_A_CALL):
        some: list[str | bytes] = []
        for number in range(first, min(first + _OPTOUTS_A_CALL, count)):
            some += (keys.who(0, recipients.hash(str(FIRST_OPTED_OUT + number))), packed)
        # One call is under way while the next is made.
        if under_way is not None:
            await under_way
        under_way = asyncio.ensure_future(channel.call("MSET", *some))
        await asyncio.sleep(0)
    if under_way is not None:
        await under_way


# -- waiting messages


def blobs(secrets: Secrets, carriers: Sequence[str], count: int = POOL) -> list[bytes]:
    """Sealed messages of the account ``load``, for the first of the carriers and then the others."""
    seal = secrets.sealer().seal
    return [seal(envelope.pack()) for envelope in _envelopes(carriers, count)]


def _envelopes(carriers: Sequence[str], count: int) -> Iterator[Envelope]:
    for number in range(count):
        recipient = f"86139{number:08d}"
        message_id = f"00{ACCEPTED_MS // 1000:08x}aaaa{number:06x}"
        raw = pdu.submit_sm(
            number + 1, source_addr=b"1069000130", destination_addr=recipient.encode(), data_coding=8,
            registered_delivery=1, short_message=TEXT.encode("utf-16-be"),
        )  # fmt: skip
        yield Envelope(
            [message_id], [raw], "load", 2, recipient, "1069000130", SIGNATURE, [1], ACCEPTED_MS,
            carriers=list(carriers), route="bench",
        )  # fmt: skip


async def fill_waiting(
    channel: Channel, waiting: Sequence[bytes], carrier: str, count: int, in_entry: int = MOST_IN_ENTRY
) -> None:
    """So many messages wait in the carrier's marketing lane; ``waiting`` are repeated."""
    stream = keys.mt(0, carrier, 2)
    a_call = _ENTRIES_A_CALL * MOST_IN_ENTRY
    for first in range(0, count, a_call):
        some = [waiting[(first + n) % len(waiting)] for n in range(min(a_call, count - first))]
        await channel.call("EVAL", FILL_STREAM, 0, stream, keys.part(stream), in_entry, *some)


async def waiting_messages(channel: Channel, carrier: str, lane: int) -> int:
    """How many wait in a carrier's lane."""
    return int(await channel.call("HGET", keys.part(keys.mt(0, carrier, lane)), "n") or 0)
