"""The chain of the archive against whoever changes its file without the secrets."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from smsgw.records.archive.chain import ERASED, NAME, PURGED, WRITTEN, Chain, Link, read_chain

KEY = b"c" * 32
FILES = [f"2026-11-18T{hour:02d}.000001-000001.parquet" for hour in range(4)]


def written(directory: Path) -> list[Link]:
    chain = Chain(directory, KEY)
    for name in FILES:
        chain.append("2026-11-18T12:00:00+00:00", WRITTEN, name, "ab" * 32, 5)
    chain.append("2026-11-19T12:00:00+00:00", ERASED, FILES[1], "cd" * 32, 5, note="one recipient, 3 records")
    chain.append("2026-11-20T12:00:00+00:00", PURGED, FILES[0], note="older than 1 days")
    chain.append("2026-11-20T12:00:01+00:00", WRITTEN, "joined", "ef" * 32, 10, FILES[2:])
    return list(chain.read.links)


def test_what_should_be_there() -> None:
    with TemporaryDirectory() as name:
        written(Path(name))
        read = read_chain(Path(name), KEY)
        assert read.fault == ""
        assert {file: link.digest for file, link in read.present().items()} == {
            FILES[1]: "cd" * 32,
            "joined": "ef" * 32,
        }
        assert Chain(Path(name), KEY).read.links == read.links
        assert read_chain(Path(name), b"d" * 32).fault.startswith("line 1 of chain.jsonl was changed")


@settings(max_examples=40)
@given(st.data())
def test_nothing_but_cutting_the_end_goes_unnoticed(data: st.DataObject) -> None:
    with TemporaryDirectory() as name:
        path = Path(name) / NAME
        links = written(Path(name))
        octets = bytearray(path.read_bytes())
        lines = bytes(octets).splitlines(keepends=True)
        act = data.draw(st.sampled_from(["octet", "drop", "swap", "double", "cut"]))
        at = data.draw(st.integers(0, len(lines) - 2))
        if act == "octet":
            place = data.draw(st.integers(0, len(octets) - 1))
            octets[place] ^= data.draw(st.integers(1, 255))
            path.write_bytes(octets)
        else:
            changed = {
                "drop": lines[:at] + lines[at + 1 :],
                "swap": [*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]],
                "double": [*lines[: at + 1], *lines[at:]],
                "cut": lines[:at],
            }[act]
            path.write_bytes(b"".join(changed))
        read = read_chain(Path(name), KEY)
        assert read.links == links[: len(read.links)]  # whatever is believed was written
        if act == "cut":
            assert (read.fault, len(read.links)) == ("", at)
        elif len(read.links) < len(links) - 1:
            assert read.fault
