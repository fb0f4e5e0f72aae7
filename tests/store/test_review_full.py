"""A Redis that is full: nothing new is accepted, and everything that frees memory or was promised goes on."""

from __future__ import annotations

import asyncio

from smsgw.store.facts import FactChange, FactOp, FactResult, Facts
from smsgw.store.looks import FORBIDDEN, MAY_BE_SENT, LookReply, Looks
from tests.store.kit import NUMBER, Kit, until
from tests.store.test_streams import STREAM, put


async def test_marks_looks_acknowledgements_and_opt_outs_go_on(kit: Kit) -> None:
    looked: list[object] = []
    recorded: list[object] = []
    marked: list[object] = []
    acked: list[object] = []
    looks = Looks(kit.store, lambda contexts, replies: looked.append(replies))
    facts = Facts(kit.store, lambda changes, replies: recorded.append(replies))
    kit.run(looks.commit.run())
    kit.run(facts.commit.run())
    await put(kit, 0, 1, 2)
    read = await kit.read(STREAM, 3)
    await kit.command("CONFIG", "SET", "maxmemory", "1")
    try:
        kit.marks.advance(STREAM, read[0][1][0], marked.append)
        looks.put(None, kit.store.recipients.hash(NUMBER), ("o",), kit.now_ms)
        facts.put(FactChange(None, FactOp.OPT_OUT, NUMBER, "", "mo", kit.now_ms))
        entry = (await kit.command("XRANGE", STREAM, "-", "+"))[0][0]
        await kit.store.evaluate(0, kit.outbound._ack, _ack(entry))
        acked.append(None)
        await until(lambda: marked and looked and recorded)
    finally:
        await kit.command("CONFIG", "SET", "maxmemory", "0")
        await asyncio.sleep(0)
    assert marked == [None]
    assert looked in ([[LookReply(MAY_BE_SENT)]], [[LookReply(FORBIDDEN, "o")]])
    assert recorded == [[FactResult.CHANGED]]


def _ack(entry: bytes) -> bytes:
    """One of the messages of an entry of several."""
    from smsgw.store.packing import to_script

    return to_script([(STREAM, [entry], [[0]])])
