"""The file of a backup: read back as written, and whatever is changed, cut, moved or added is found and told."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path

import pytest

from smsgw.errors import RequestError
from smsgw.store.backup.frames import MAGIC, MOST_ROWS, Reader, Section, Writer
from smsgw.store.seal import Recipients

OURS = Recipients(b"o" * 32)
THEIRS = Recipients(b"t" * 32)
ROWS = {
    Section.AUDIT: [(1, b"packed", b"hash"), (2, b"\x00", b"")],
    Section.FACTS: [(f"hash{n}", b"known" * n) for n in range(3)],
}


def written(rows: dict[Section, list[tuple[object, ...]]] = ROWS) -> bytes:
    file = BytesIO()
    writer = Writer(file, OURS, smsgw="1.2.3", schema=7, partitions=4, made_ms=1_800_000_000_000)
    for section, some in rows.items():
        for row in some:
            writer.add(section, row)
    writer.end()
    return file.getvalue()


def reader(tmp_path: Path, octets: bytes) -> Reader:
    path = tmp_path / "backup"
    path.write_bytes(octets)
    return Reader(path)


def looked_at(path: Path, recipients: Recipients) -> None:
    """As a command looks at a file before it takes anything of it."""
    found = Reader(path)
    found.check(recipients, Path("state/secrets.toml"))
    list(found.rows(recipients))


def read(tmp_path: Path, octets: bytes, *only: Section) -> dict[Section, list[tuple[object, ...]]]:
    found: dict[Section, list[tuple[object, ...]]] = {}
    for section, rows in reader(tmp_path, octets).rows(OURS, *only):
        found.setdefault(section, []).extend(tuple(row) for row in rows)
    return found


def frames(octets: bytes) -> list[tuple[int, int]]:
    """Begin and end of each frame."""
    at = len(MAGIC)
    at += 4 + int.from_bytes(octets[at : at + 4], "big")
    found = []
    while at < len(octets):
        end = at + 5 + int.from_bytes(octets[at : at + 4], "big")
        found.append((at, end))
        at = end
    return found


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    octets = written()
    assert read(tmp_path, octets) == ROWS
    assert b"packed" not in octets
    found = reader(tmp_path, octets)
    assert (found.header.smsgw, found.header.schema, found.header.partitions) == ("1.2.3", 7, 4)
    list(found.rows(OURS))
    assert found.counts == {Section.AUDIT: 2, Section.FACTS: 3}


def test_only_some_sections_are_read(tmp_path: Path) -> None:
    assert read(tmp_path, written(), Section.AUDIT) == {Section.AUDIT: ROWS[Section.AUDIT]}


def test_many_rows_are_several_frames(tmp_path: Path) -> None:
    many: dict[Section, list[tuple[object, ...]]] = {
        Section.QUOTA: [("shop", "d1", n, 5) for n in range(MOST_ROWS * 2)]
    }
    octets = written(many)
    assert len(frames(octets)) == 3
    assert read(tmp_path, octets) == many


def test_the_same_is_never_written_alike() -> None:
    first, second = written(), written()
    begin = frames(first)[0][0]
    assert first[begin:] != second[begin:]


def test_a_file_that_is_cut_anywhere_is_found(tmp_path: Path) -> None:
    octets = written()
    for length in range(len(octets)):
        with pytest.raises(RequestError, match="backup"):
            read(tmp_path, octets[:length])


def test_any_changed_octet_is_found(tmp_path: Path) -> None:
    octets = written()
    for at in range(len(octets)):
        changed = bytearray(octets)
        changed[at] ^= 0x10
        with pytest.raises(RequestError, match="backup"):
            read(tmp_path, bytes(changed))


def test_the_place_is_told(tmp_path: Path) -> None:
    octets = bytearray(written())
    begin, end = frames(bytes(octets))[1]
    octets[end - 1] ^= 1
    with pytest.raises(RequestError, match=f"frame 1 at octet {begin} was changed"):
        read(tmp_path, bytes(octets))


def test_frames_that_change_places_are_found(tmp_path: Path) -> None:
    octets = written()
    (one, two), (_, three) = frames(octets)[:2]
    with pytest.raises(RequestError, match="frame 0 at octet"):
        read(tmp_path, octets[:one] + octets[two:three] + octets[one:two] + octets[three:])


def test_a_frame_of_another_file_is_found(tmp_path: Path) -> None:
    octets, other = written(), written()
    begin, end = frames(octets)[0]
    with pytest.raises(RequestError, match="frame 0 at octet"):
        read(tmp_path, octets[:begin] + other[begin:end] + octets[end:])


def test_a_frame_that_is_gone_is_found(tmp_path: Path) -> None:
    octets = written()
    begin, end = frames(octets)[1]
    with pytest.raises(RequestError, match="frame 1 at octet"):
        read(tmp_path, octets[:begin] + octets[end:])


def test_what_follows_the_end_is_found(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="something follows frame 2, the last one"):
        read(tmp_path, written() + b"x")


def test_other_secrets_are_told(tmp_path: Path) -> None:
    found = reader(tmp_path, written())
    found.check(OURS, Path("secrets.toml"))
    with pytest.raises(RequestError, match=r"was made with other secrets than secrets\.toml; put back"):
        found.check(THEIRS, Path("secrets.toml"))


def test_the_page_quotes_what_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    octets, path = written(), Path("monday.backup")
    (begin, end), (last, _) = frames(octets)[1:]
    damaged = [
        octets[: end - 1] + bytes([octets[end - 1] ^ 1]) + octets[end:],
        octets[: begin + 9],
        octets[:last],
        octets + b"x",
        octets[: len(MAGIC) + 9],
        b"number,tier\n",
        octets,
    ]
    said = []
    for number, each in enumerate(damaged, 1):
        path.write_bytes(each)
        with pytest.raises(RequestError) as refused:
            looked_at(path, THEIRS if number == len(damaged) else OURS)
        said.append(f"smsgw: {refused.value}")
    page = (Path(__file__).parents[3] / "docs" / "keeping.md").read_text(encoding="utf-8")
    quoted = [line for line in page.splitlines() if line.startswith("smsgw: monday.backup: ")]
    assert [re.sub("[0-9]+", "N", line) for line in quoted] == [re.sub("[0-9]+", "N", line) for line in said]


def test_no_backup_and_no_file(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="is no backup of smsgw"):
        reader(tmp_path, b"something else")
    with pytest.raises(RequestError, match="can't be read: No such file"):
        Reader(tmp_path / "nothing")


def test_sections_of_a_later_version_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    octets = written({**ROWS, 77: [("what", "ever")]})  # type: ignore[dict-item]
    found = reader(tmp_path, octets)
    assert {section for section, _ in found.rows(OURS)} == set(ROWS)
    assert set(found.counts) == set(ROWS)
