"""One file of the archive: written whole and forced to disk, read back, and verified block by block.

Owns: the Parquet form. The footer's key ``smsgw`` holds, as JSON: ``runs`` (rows of each sorted run), ``blocks`` (a
digest for every 1,024 rows of a run, each made of the one before), ``covers`` (which octets of which raw files are in
it) and the ``digest`` of all. Contents of a block lie sealed in its first row, because a thousand of them compress to
a tenth; ``read_runs`` gives each row its own again.

Invariants: a name appears only when the whole file is on the disk; a run is sorted by message id and then time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from hmac import compare_digest
from pathlib import Path
from typing import Any, Final

import msgpack  # type: ignore[import-untyped, unused-ignore]
import pyarrow as pa
import pyarrow.parquet as pq

from smsgw.records.archive.columns import BLOCK_ROWS, EMPTY, SCHEMA, TYPES, block_octets
from smsgw.records.archive.knowledge import Keys

RUN_ROWS: Final = 250_000
"""Rows of a run at most: what is held in memory at a time, about 100 MB."""
_GROUP_ROWS: Final = 64 * BLOCK_ROWS
_BLOCK_DIGEST: Final = 16
_META: Final = b"smsgw"
_VERSION: Final = 1
_LEVEL: Final = 6
_CONTENT: Final = SCHEMA.get_field_index("content")
# Text of few values as a dictionary; ids and hashes repeat within a message, so each is told by what differs from the
# last.
_DELTA: Final = ("message_id", "recipient_hash", "recipient_masked", "carrier_message_id")
_ENCODINGS: Final = {**dict.fromkeys(_DELTA, "DELTA_BYTE_ARRAY"),
                     **dict.fromkeys(("at_ms", "age_ms"), "DELTA_BINARY_PACKED"), "content": "PLAIN"}  # fmt: skip
_DICTIONARIES: Final = [name for name in TYPES if name not in _ENCODINGS]

Covers = Mapping[str, tuple[str, int]]
"""By name of a raw file: the digest of its first frame's header, which tells it from a later one, and the offset up to
which its frames are in the archive."""


class Damaged(OSError):
    """A file is not what its chain of digests says; the text names the file and the rows."""


@dataclass(frozen=True, slots=True)
class Footer:
    """What a file says of itself."""

    runs: tuple[int, ...]
    blocks: tuple[str, ...]
    covers: Covers
    digest: str

    @property
    def rows(self) -> int:
        return sum(self.runs)


def sorted_run(table: pa.Table) -> pa.Table:
    """The rows of one run in order; those of one message and millisecond stay as they were."""
    return table.take(pa.compute.sort_indices(table, [("message_id", "ascending"), ("at_ms", "ascending")]))


def write_file(path: Path, runs: Iterable[pa.Table], covers: Covers, keys: Keys) -> Footer:
    """Write sorted runs, with contents in the clear, as a new file at ``path``; forced to disk. Raises OSError."""
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    blocks: list[str] = []
    lengths: list[int] = []
    last = b""
    with open(path, "wb", opener=_private) as file:
        with pq.ParquetWriter(
            file, SCHEMA, compression="zstd", compression_level=_LEVEL, use_dictionary=_DICTIONARIES,
            column_encoding=_ENCODINGS, write_statistics=True, store_schema=False,
            bloom_filter_options={"recipient_hash": {"ndv": _GROUP_ROWS // 4, "fpp": 0.01}},
        ) as writer:  # fmt: skip
            for run in runs:
                for start in range(0, run.num_rows, _GROUP_ROWS):
                    sealed = [_sealed(block, keys) for block in _blocks(run.slice(start, _GROUP_ROWS))]
                    for block in sealed:
                        last = _block_digest(keys.chain, last, block)
                        blocks.append(last.hex())
                    writer.write_table(pa.concat_tables(sealed), row_group_size=_GROUP_ROWS)
                lengths.append(run.num_rows)
            footer = Footer(
                tuple(lengths), tuple(blocks), dict(covers), _file_digest(keys.chain, lengths, last, covers)
            )
            said = {
                "version": _VERSION,
                "runs": footer.runs,
                "blocks": blocks,
                "covers": covers,
                "digest": footer.digest,
            }
            writer.add_key_value_metadata({_META: json.dumps(said).encode()})
        file.flush()
        os.fsync(file.fileno())
    return footer


def read_footer(path: Path) -> Footer:
    """What a file says of itself, unverified. Raises Damaged for what is no file of ours, and OSError."""
    with pq.ParquetFile(_opened(path)) as file:
        return _footer(path, file)


def read_runs(path: Path, keys: Keys) -> Iterator[pa.Table]:
    """The runs of a file with contents in the clear, unverified. Raises Damaged, and OSError."""
    with pq.ParquetFile(_opened(path)) as file:
        groups = iter(range(file.num_row_groups))
        for length in _footer(path, file).runs:
            found: list[pa.Table] = []
            while sum(each.num_rows for each in found) < length:
                found.append(_whole(file.read_row_group(next(groups))))
            table = pa.concat_tables(found)
            yield pa.concat_tables([opened(block, keys) for block in _blocks(table)])


def verify_file(path: Path, keys: Keys) -> Footer:
    """Look at every row. Raises Damaged with the first rows that don't fit, and OSError."""
    with pq.ParquetFile(_opened(path)) as file:
        footer = _footer(path, file)
        last, number, start = b"", 0, 0
        try:
            for group in range(file.num_row_groups):
                for block in _blocks(file.read_row_group(group)):
                    last = _block_digest(keys.chain, last, block)
                    if number >= len(footer.blocks) or not compare_digest(last.hex(), footer.blocks[number]):
                        raise Damaged(f"{path.name}: rows {start + 1}–{start + block.num_rows} were changed")
                    number, start = number + 1, start + block.num_rows
        except Damaged:
            raise
        except (pa.ArrowException, OSError) as error:
            raise Damaged(f"{path.name}: can't be read behind row {start}: {error}") from error
        if start != footer.rows:
            raise Damaged(f"{path.name}: has {start} rows, its footer says {footer.rows}")
        if not compare_digest(_file_digest(keys.chain, list(footer.runs), last, footer.covers), footer.digest):
            raise Damaged(f"{path.name}: its footer was changed")
        return footer


def opened(block: pa.Table, keys: Keys) -> pa.Table:
    """The rows of one block with each row's own content. Raises what ``keys.open`` raises."""
    found = opened_contents(block.column("content")[0].as_py(), keys)
    return _with_contents(block, [found.get(at, b"") for at in range(block.num_rows)]) if found else block


def opened_contents(sealed: bytes, keys: Keys) -> dict[int, bytes]:
    """The contents of a block, by row, from what stands in its first one. Raises what ``keys.open`` raises."""
    if not sealed:
        return {}
    packed = pa.decompress(keys.open(sealed[4:]), int.from_bytes(sealed[:4], "big"), "zstd").to_pybytes()
    return dict(msgpack.unpackb(packed, use_list=False))


def _sealed(block: pa.Table, keys: Keys) -> pa.Table:
    contents = block.column("content").to_pylist()
    there = [(at, content) for at, content in enumerate(contents) if content]
    if there:
        packed = msgpack.packb(there)
        contents = [len(packed).to_bytes(4, "big") + keys.seal(pa.compress(packed, "zstd", asbytes=True))]
        contents += [b""] * (block.num_rows - 1)
    return _with_contents(block, contents) if there else block


def _with_contents(block: pa.Table, contents: list[bytes]) -> pa.Table:
    return block.set_column(_CONTENT, SCHEMA.field(_CONTENT), pa.chunked_array([contents], pa.binary()))


def _blocks(run: pa.Table) -> Iterator[pa.Table]:
    for start in range(0, run.num_rows, BLOCK_ROWS):
        yield run.slice(start, BLOCK_ROWS)


def _whole(table: pa.Table) -> pa.Table:
    """With every column of this version, those that an older one did not have empty."""
    columns = [
        table.column(name) if name in table.column_names else pa.chunked_array([[EMPTY[name]] * table.num_rows], kind)
        for name, kind in TYPES.items()
    ]
    return pa.table([column.cast(kind) for column, kind in zip(columns, TYPES.values(), strict=True)], schema=SCHEMA)


def _footer(path: Path, file: Any) -> Footer:
    try:
        said = json.loads((file.metadata.metadata or {})[_META])
        covers = {name: (str(first), int(end)) for name, (first, end) in said["covers"].items()}
        return Footer(tuple(map(int, said["runs"])), tuple(map(str, said["blocks"])), covers, str(said["digest"]))
    except (KeyError, ValueError, TypeError, AttributeError):
        raise Damaged(f"{path.name}: has no footer of an archive") from None


def _opened(path: Path) -> Any:
    """A file that pyarrow can read; Damaged where its end is no Parquet footer."""
    try:
        pq.read_metadata(path)
    except pa.ArrowException as error:
        raise Damaged(f"{path.name}: is no Parquet file, or was cut: {error}") from error
    return path


def _block_digest(key: bytes, last: bytes, block: pa.Table) -> bytes:
    return blake2b(last + block_octets(block), digest_size=_BLOCK_DIGEST, key=key, person=b"archive block").digest()


def _file_digest(key: bytes, runs: list[int], last: bytes, covers: Covers) -> str:
    said = json.dumps([runs, last.hex(), {name: list(each) for name, each in covers.items()}], sort_keys=True)
    return blake2b(said.encode(), digest_size=32, key=key, person=b"archive file").hexdigest()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o640)
