"""``bin/soak-rules``: as many messages as wanted, in runs of at most a hundred thousand, each with its own seed."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from smsgw.store.connection import Store, StoreSettings
from smsgw.store.secrets import new_secrets
from smsgw.store.server import EmbeddedServer
from tests.rules_model.engine import Comparison, compare

RUN = 100_000


async def _run(seed: int, count: int) -> Comparison:
    with tempfile.TemporaryDirectory() as directory:
        server = EmbeddedServer(Path(directory), None, "no")
        await server.start()
        secrets = new_secrets()
        store = Store(server.url, sealer=secrets.sealer(), recipients=secrets.hasher(), settings=StoreSettings())
        try:
            await store.ready()
            return await compare(store, seed, count)
        finally:
            await store.close()
            await server.stop()


def main() -> int:
    """The exit status: 0 when both agreed on every message."""
    parser = argparse.ArgumentParser(prog="bin/soak-rules", description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    began_s = time.monotonic()
    verdicts: Counter[str] = Counter()
    done, seed = 0, options.seed
    while done < options.messages:
        found = asyncio.run(_run(seed, min(RUN, options.messages - done)))
        verdicts += found.verdicts
        done += found.messages
        print(
            f"seed {seed}: {found.messages} messages, {found.deeds} deeds, {time.monotonic() - began_s:.0f} s",
            flush=True,
        )
        for message, wanted, seen in found.differences:
            print(f"  model {wanted or 'accepts'}, engine {seen or 'accepts'}: {message}")
        if found.differences:
            return 1
        seed += 1
    for verdict, times in verdicts.most_common():
        print(f"{times:10,} {verdict}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
