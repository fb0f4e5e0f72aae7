"""Messages that the pages of search and timeline find: delivered, refused, with the carrier's PDUs."""

from __future__ import annotations

from typing import Final

import msgpack  # type: ignore[import-untyped, unused-ignore]

from smsgw.records.record import NO_CLASS, Step
from smsgw.smpp.pdu import response
from tests.e2e.console_pages.harness import Scene
from tests.unit.console.test_search import BEGAN, NUMBER, SUBMIT_SM_RESP, TEXT, message_id
from tests.unit.console.test_search import Scene as Records
from tests.unit.records.archive.world import World

FOUND: Final = message_id(0, BEGAN)
"""Delivered, its carrier's PDUs kept."""


async def seed_messages(scene: Scene) -> None:
    """Two messages, and one that was refused."""
    records = Records(scene.site, World(scene.site.records_dir))
    records.hasher = scene.store.recipients
    sent, said = records._pdu(NUMBER, TEXT + "0"), response(SUBMIT_SM_RESP, 0, 7, b"c0-0")
    pdus = [(BEGAN + 4, int(Step.SENT), FOUND, "alpha", sent), (BEGAN + 20, int(Step.ANSWERED), FOUND, "alpha", said)]
    batch = records.sealer.seal(msgpack.packb(pdus))
    rows = [*records.life(0), *records.life(10), records.refused(BEGAN + 30_000)]
    rows.append((BEGAN, Step.CARRIER_PDU, "", "", "", NO_CLASS, "", "", 0, 0, "", "", 0, batch))
    records.world.write(rows, "node7")
