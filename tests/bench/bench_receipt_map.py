"""What other forms of the receipt map would cost the store. Run: ``python tests/bench/bench_receipt_map.py``.

The map is one key an id, written at settlement and again, short, when a receipt ends its message. Beside it: a hash for
what ended in the same hour (the map's own key goes), a hash for what was sent in the same quarter of an hour, and small
hashes of ids that begin alike. CPU of the server and memory per message, of ids that come in a row and of random ones.
Only the writing and reading of the form itself, in batches: the least of all rounds, for a busy machine adds to them.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
from collections.abc import Iterator

from smsgw.store.connection import Store
from smsgw.store.packing import to_script
from smsgw.store.secrets import new_secrets
from smsgw.store.server import EmbeddedServer

BATCH = 128
VALUE, ENDED = bytes(175), b"1" + b"0" * 20
HEAD = """
local call, rows, tag, keys, ids = redis.call, cmsgpack.unpack(ARGV[1]), KEYS[1], {}, {}
for n = 1, #rows, 2 do
  keys[#keys + 1] = tag .. ':rcpt:alpha:' .. rows[n]
  ids[#ids + 1] = rows[n]
end
"""
END_HASH = "call('HSET', tag .. ':ended', unpack(rows)) call('PEXPIRE', tag .. ':ended', '90000000')"
SET = "for n = 1, #keys do call('SET', keys[n], rows[2 * n], 'PX', '{ttl}') end"
GENERATION = "call('HSET', tag .. ':gen', unpack(rows)) call('PEXPIRE', tag .. ':gen', '259200000')"
SLICE = """for n = 1, #ids do
  local key = tag .. ':slice:' .. string.sub(ids[n], 1, -3)
  call('HSET', key, string.sub(ids[n], -2), rows[2 * n])
  call('PEXPIRE', key, '259200000')
end"""
FORMS = {
    "a key an id": (SET.format(ttl=259_200_000), "call('MGET', unpack(keys))", SET.format(ttl=90_000_000)),
    "ended by the hour": (
        SET.format(ttl=259_200_000),
        "call('MGET', unpack(keys))",
        f"call('DEL', unpack(keys)) {END_HASH}",
    ),
    "sent by the quarter": (
        GENERATION,
        "call('HMGET', tag .. ':gen', unpack(ids))",
        f"call('HDEL', tag .. ':gen', unpack(ids)) {END_HASH}",
    ),
    "ids that begin alike": (SLICE,),
}
"""Form → sending, looking, ending; of the last one sending says enough."""


def some_ids(total: int, in_a_row: bool) -> list[str]:
    first = random.randrange(10**11)
    return [f"{first + n if in_a_row else random.randrange(10**12):012d}" for n in range(total)]


def batches(ids: list[str], value: bytes) -> Iterator[bytes]:
    for first in range(0, len(ids), BATCH):
        yield to_script([part for each in ids[first : first + BATCH] for part in (each, value)])


async def figure(store: Store, section: str, *names: str) -> float:
    """The sum of what ``INFO`` shows under these names."""
    lines = (await store.command(0, "INFO", section)).decode().split("\r\n")
    shown = dict(line.split(":", 1) for line in lines if ":" in line)
    return sum(float(shown[name]) for name in names)


async def measure(store: Store, steps: tuple[str, ...], ids: list[str]) -> tuple[list[float], float, float]:
    """µs of each step, octets after sending, octets at the end."""
    await store.command(0, "FLUSHALL", "SYNC")
    before = await figure(store, "memory", "used_memory")
    cpu: list[float] = []
    octets: list[float] = []
    for place, step in enumerate(steps):
        began = await figure(store, "cpu", "used_cpu_user", "used_cpu_sys")
        for payload in batches(ids, ENDED if place == 2 else VALUE):
            await store.command(0, "EVAL", HEAD + step, "1", "{p00}", payload)
        cpu.append((await figure(store, "cpu", "used_cpu_user", "used_cpu_sys") - began) / len(ids) * 1e6)
        octets.append((await figure(store, "memory", "used_memory") - before) / len(ids))
    return cpu, octets[0], octets[-1]


async def run(arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as directory:
        server = EmbeddedServer(directory, binary=arguments.server, fsync="always")
        await server.start()
        secrets = new_secrets()
        store = Store(server.url, sealer=secrets.sealer(), recipients=secrets.hasher())
        least: dict[tuple[str, bool], list[float]] = {}
        last: dict[tuple[str, bool], tuple[float, float]] = {}
        try:
            for _ in range(arguments.rounds):
                for in_a_row in (True, False):
                    for form, steps in FORMS.items():
                        cpu, sent, ended = await measure(store, steps, some_ids(arguments.total, in_a_row))
                        name = form, in_a_row
                        least[name] = [min(pair) for pair in zip(cpu, least.get(name, cpu), strict=True)]
                        last[name] = sent, ended
        finally:
            await store.close()
            await server.stop()
    print(f"{'':22}{'ids':10}{'octets':>7}{'ended':>7}  µs a message: sending, looking, ending")
    for (form, in_a_row), figures in least.items():
        sent, ended = last[form, in_a_row]
        shown = "".join(f"{each:7.2f}" for each in figures)
        print(f"{form:22}{'in a row' if in_a_row else 'random':10}{sent:7.0f}{ended:7.0f}  {shown}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", help="path to a redis-server or valkey-server")
    parser.add_argument("--total", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
