"""A directory of records with a gateway's rows, and what the archive is told of its site."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgpack  # type: ignore[import-untyped, unused-ignore]

from smsgw.records.archive.keeper import Keeper
from smsgw.records.archive.knowledge import Enclosed, Keys, Knowledge
from smsgw.records.history import ARCHIVE
from smsgw.records.log import Fsync, RecordLog
from smsgw.records.record import HOUR_MS, NO_CLASS, Row, Step
from smsgw.store.seal import Sealer

HOUR = 1_795_000_000_000 // HOUR_MS * HOUR_MS
"""The beginning of an hour: 2026-11-18T11 UTC."""
SEALER = Sealer({1: b"k" * 32}, 1)
KEYS = Keys(b"c" * 32, SEALER.seal, SEALER.open)
NUMBER = "8613800138000"
HASH = "Ab3dEf6hIj9kLmN0"


def enclosed(blob: bytes) -> Enclosed | None:
    *texts, pdus = msgpack.unpackb(SEALER.open(blob), use_list=False)
    return Enclosed(*texts, pdus)


def price(carrier: str, network: str) -> float:
    return {"mobile": 0.03, "": 0.05}.get(network, 0.04)


def code_class(carrier: str, status: int, codes: tuple[str, ...]) -> str:
    return {"MBBLACK": "blacklist"}.get(codes[0], "flow" if status == 0x58 else "")


KNOWLEDGE = Knowledge({"shop": "retail"}, price, code_class, enclosed)


@dataclass(slots=True)
class World:
    """``now_ms``: what the keeper takes for now; records may be kept for ``days``."""

    directory: Path
    now_ms: int = HOUR + 5 * HOUR_MS
    days: int = 0
    knowledge: Knowledge = KNOWLEDGE

    @property
    def archive(self) -> Path:
        return self.directory / ARCHIVE

    def write(self, rows: Iterable[Row], node: str = "node1", flush_every: int = 1000) -> None:
        """As a gateway does that ends then."""
        log = RecordLog(self.directory, node, lambda: HOUR, fsync=Fsync.NEVER)
        for number, row in enumerate(rows, 1):
            log.append(row)
            if number % flush_every == 0:
                log.flush()
        log.close()

    def keeper(self) -> Keeper:
        return Keeper(self.directory, self.knowledge, KEYS, lambda: self.now_ms, self.days * 24 * HOUR_MS)

    def round(self) -> Any:
        return self.keeper().round()

    def files(self) -> list[str]:
        return sorted(path.name for path in self.archive.glob("2*/*"))


def message_id(number: int, at_ms: int) -> str:
    return f"00{at_ms // 1000:08x}0001{number:06x}"


def life(
    number: int,
    at_ms: int = HOUR,
    *,
    rhash: str = HASH,
    err: str = "000",
    account: str = "shop",
    network: str = "mobile",
    content: bool = True,
    receipt_ms: int = 3000,
) -> list[Row]:
    """The five steps of a message; with an ``err`` it was not delivered."""
    name = message_id(number, at_ms)
    sealed = SEALER.seal(
        msgpack.packb([NUMBER, "10690", "sale@1", "spring", network, "广东", (f"【示例】第{number}条".encode(),)])
    )
    who = (2, rhash, "138****8000", 1, 0, "", "示例")
    more: tuple[object, ...] = (sealed,) if content else ()
    return [
        (at_ms, Step.ACCEPTED, name, account, "", *who, 2, "main", *more),
        (at_ms + 4, Step.SENT, name, account, "alpha", *who, 0, 1),
        (at_ms + 20, Step.ANSWERED, name, account, "alpha", *who, 15.5, f"c{number}"),
        (at_ms + receipt_ms, Step.RECEIPT, name, account, "alpha", NO_CLASS, "", "", 0, 0, "", "", 0,
         2 if err == "000" else 5, err, f"c{number}"),
        (at_ms + receipt_ms + 10, Step.RECEIPT_RETURNED, name, account, "", NO_CLASS, "", "", 0, 0, "", "", 0,
         2 if err == "000" else 5),
    ]  # fmt: skip
