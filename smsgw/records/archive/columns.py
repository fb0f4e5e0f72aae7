"""The columns of an archived record, and their canonical octets, which digests are made of.

A record is one step, as in ``records.record``, and what was added to it: department, template, campaign, network and
province of its message, cost, class of the carrier's code, and ``age_ms`` since the message was accepted (-1 unknown).
No column has nulls: empty text, 0 and -1 stand for "not known at this step". ``detail`` holds the values of the step
that have no column of their own, as a JSON array. ``content`` is the message itself, packed, empty but at its
acceptance; on disk it is sealed, see ``files``. ``counts`` is 0 for what is told a second time: a receipt that came
twice, a message held again, a receipt that belongs to no message. New columns go to the end; a file that has not got
them reads as empty.
"""

from __future__ import annotations

import struct
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

BLOCK_ROWS: Final = 1_024
"""So many rows share a digest and one sealed piece of content."""
TYPES: Final = {
    "at_ms": pa.int64(), "step": pa.int16(), "message_id": pa.string(), "account": pa.string(),
    "carrier": pa.string(), "message_class": pa.int16(), "recipient_hash": pa.string(),
    "recipient_masked": pa.string(), "segments": pa.int32(), "status": pa.int64(), "rule_id": pa.string(),
    "signature": pa.string(), "latency_ms": pa.float64(), "department": pa.string(), "template": pa.string(),
    "campaign": pa.string(), "network": pa.string(), "province": pa.string(), "cost": pa.float64(),
    "age_ms": pa.int64(), "state": pa.int16(), "err": pa.string(), "code_class": pa.string(),
    "carrier_message_id": pa.string(), "detail": pa.string(), "content": pa.binary(), "counts": pa.int16(),
}  # fmt: skip
SCHEMA: Final = pa.schema([pa.field(name, kind, nullable=False) for name, kind in TYPES.items()])
EMPTY: Final = {
    name: "" if pa.types.is_string(kind) else b"" if pa.types.is_binary(kind) else -1 if name == "age_ms" else 0
    for name, kind in TYPES.items()
}
#: Of a person: what an erasure takes away.
PERSONAL: Final = ("recipient_hash", "recipient_masked", "content")


def block_octets(block: pa.Table) -> bytes:
    """The canonical octets of one row or more: their number, then each column in the order of its file.

    Numbers little-endian, texts and octets as their lengths (4 octets each) and then all of them.
    """
    pieces = [struct.pack("<I", block.num_rows)]
    for column in block.columns:
        pieces.extend(_octets(pa.concat_arrays(column.chunks)))
    return b"".join(pieces)


def _octets(array: Any) -> tuple[bytes, ...]:
    count, start = len(array), array.offset
    if pa.types.is_string(array.type) or pa.types.is_binary(array.type):
        _, offsets, data = array.buffers()
        if data is None:
            return (bytes(4 * count),)
        ends = memoryview(offsets).cast("i")
        lengths = pc.binary_length(array)
        _, sizes = lengths.buffers()
        sized = memoryview(sizes)[lengths.offset * 4 : (lengths.offset + count) * 4]
        return bytes(sized), bytes(memoryview(data)[ends[start] : ends[start + count]])
    width = array.type.bit_width // 8
    return (bytes(memoryview(array.buffers()[1])[start * width : (start + count) * width]),)
