"""Arrow tables as blocks of ClickHouse's Native form, column by column, which servers of every age read.

A block: how many columns and rows, then each column's name, type and values. Whole numbers and fractions are
little-endian, as Arrow has them; texts are each its length, as a varint, and its octets.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

KINDS: Final = {
    "Int16": pa.int16(), "Int32": pa.int32(), "Int64": pa.int64(), "UInt32": pa.uint32(), "UInt64": pa.uint64(),
    "Float64": pa.float64(), "String": pa.binary(),
}  # fmt: skip
BLOCK_ROWS: Final = 65_536


def blocks(table: pa.Table, kinds: dict[str, str]) -> Iterator[bytes]:
    """A table's rows; ``kinds``: ClickHouse's type of each column, by name, in order."""
    for start in range(0, table.num_rows, BLOCK_ROWS):
        yield _block(table.slice(start, BLOCK_ROWS), kinds)


def _block(table: pa.Table, kinds: dict[str, str]) -> bytes:
    octets = [_varint(len(kinds)), _varint(table.num_rows)]
    for name, kind in kinds.items():
        array = pa.concat_arrays(table.column(name).cast(KINDS[kind]).chunks)
        octets += [_text(name), _text(kind), _texts(array) if kind == "String" else _numbers(array)]
    return b"".join(octets)


def _numbers(array: Any) -> bytes:
    width = array.type.bit_width // 8
    return bytes(memoryview(array.buffers()[1])[array.offset * width : (array.offset + len(array)) * width])


def _texts(array: Any) -> bytes:
    """All at once: each value joined to its length, and then the octets of all of them."""
    lengths = pc.binary_length(array)
    each = pc.unique(lengths)
    heads = pa.array([_varint(length) for length in each.to_pylist()], pa.binary())
    joined = pc.binary_join_element_wise(heads.take(pc.index_in(lengths, value_set=each)), array, b"")
    _, ends, data = joined.buffers()
    offsets = memoryview(ends).cast("i")
    return bytes(memoryview(data)[offsets[joined.offset] : offsets[joined.offset + len(joined)]])


def _text(value: str) -> bytes:
    return _varint(len(value)) + value.encode()


def _varint(number: int) -> bytes:
    octets = bytearray()
    while number > 127:
        octets.append(number & 127 | 128)
        number >>= 7
    octets.append(number)
    return bytes(octets)
