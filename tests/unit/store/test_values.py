"""Forms of what lies in Redis: sealed values, envelopes, states, ids, key names."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsgw.errors import ConfigError, StoreError, StoreLocked, StoreNotRun, StoreRefused
from smsgw.store import keys
from smsgw.store.channel import not_opened
from smsgw.store.entries import Groups, entry_key, expand, split, unsettled
from smsgw.store.envelope import Envelope, packed
from smsgw.store.packing import pack, to_script
from smsgw.store.seal import Recipients, Sealer, SealError
from smsgw.store.secrets import load, load_or_create
from smsgw.store.state import MessageStatus, parse_state, state_header, state_value
from smsgw.store.wire import StoreBusy, error_reply

KEY, OTHER_KEY = bytes(32), bytes([1]) * 32


@given(st.binary(max_size=300))
def test_a_sealed_value_opens_and_is_never_the_same_twice(value: bytes) -> None:
    sealer = Sealer({1: KEY}, 1)
    first, second = sealer.seal(value), sealer.seal(value)
    assert sealer.open(first) == sealer.open(second) == value
    assert first[1:13] != second[1:13]
    assert len(first) == len(value) + 29


def test_keys_are_rotated_and_a_lost_one_is_named() -> None:
    old = Sealer({1: KEY}, 1).seal(b"body")
    rotated = Sealer({1: KEY, 2: OTHER_KEY}, 2)
    assert rotated.open(old) == b"body"
    assert rotated.seal(b"x")[0] == 2
    with pytest.raises(SealError, match="unknown key 1"):
        Sealer({2: OTHER_KEY}, 2).open(old)


@pytest.mark.parametrize("where", [0, 5, 13, -1])
def test_a_changed_value_is_not_opened(where: int) -> None:
    sealer = Sealer({1: KEY, 2: OTHER_KEY}, 1)
    sealed = bytearray(sealer.seal(b"body"))
    sealed[where] ^= 3
    for broken in (bytes(sealed), bytes(sealed[:20]), b"\x01", b""):
        with pytest.raises(SealError):
            sealer.open(broken)


def test_bad_keys() -> None:
    for ring, current in (({}, 1), ({1: b"short"}, 1), ({300: KEY}, 300)):
        with pytest.raises(SealError):
            Sealer(ring, current)
    with pytest.raises(SealError):
        Recipients(b"short")


def test_recipients_are_hashed_with_the_secret() -> None:
    one, other = Recipients(bytes(32)), Recipients(bytes([1]) * 32)
    number = "8613800000001"
    assert one.hash(number) == one.hash(number) == Recipients(bytes(32)).hash(number)
    assert one.hash(number) != other.hash(number)
    assert len(one.hash(number)) == 16
    assert {one.partition(str(8613800000000 + n), 4) for n in range(100)} == {0, 1, 2, 3}
    assert one.partition(number, 4) == one.partition_of_hash(one.hash(number), 4)


def test_secrets_are_made_once_and_only_for_their_owner(tmp_path: Path) -> None:
    path = tmp_path / "state" / "secrets.toml"
    first = load_or_create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_or_create(path) == first
    assert first.sealer().open(first.sealer().seal(b"x")) == b"x"
    assert first.hasher().hash("1") == first.hasher().hash("1")
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        load(path)
    assert [entry.name for entry in path.parent.iterdir()] == ["secrets.toml"]


@pytest.mark.parametrize(
    ("page", "key"),
    [
        ("current = ", ""),
        ("current = 1", "keys"),
        ('current = 1\n[keys]\n1 = "AAAA"', "keys.1"),
        ('current = 1\n[keys]\nx = "AAAA"', "keys.x"),
        ('current = 2\n[keys]\n1 = "' + "A" * 43 + '="', "current"),
        ('current = 1\nrecipients = "?"\n[keys]\n1 = "' + "A" * 43 + '="', "recipients"),
    ],
)
def test_a_wrong_page_of_secrets_says_where(tmp_path: Path, page: str, key: str) -> None:
    path = tmp_path / "secrets.toml"
    path.touch(0o600)
    path.write_text(page)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert caught.value.key == key


def test_secrets_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        load(tmp_path / "nothing")


def envelope() -> Envelope:
    return Envelope(
        ["00aa", "00ab"], [os.urandom(200), b""], "shop", 2, "8613800000001", "10690001", "示例", [1, 0], 1_800_000_000,
        expires_at_ms=5, due_ms=6, segments=2, carriers=["alpha", "beta"], tried=["alpha"], attempts=3, flags=1,
    )  # fmt: skip


def test_an_envelope_is_what_it_was() -> None:
    first = envelope()
    again = Envelope.unpack(first.pack())
    assert all(getattr(again, name) == getattr(first, name) for name in Envelope.__slots__)
    assert again.looked_at_ms == first.accepted_at_ms


@pytest.mark.parametrize(
    "packed", [b"", b"\xc1", b"\x01", pack([1]), pack([1] * 5), pack([2, []]), pack({}), b"\x93\x01"]
)
def test_no_envelope(packed: bytes) -> None:
    with pytest.raises(StoreError):
        Envelope.unpack(packed)


def test_a_new_message_is_packed_as_its_envelope() -> None:
    fields: dict[str, Any] = dict(  # noqa: C408  the names are those of the arguments
        message_ids=["a" * 20, "b" * 20], pdus=[b"one", b"two"], account="shop", message_class=2,
        recipient="8613800138000", source_addr="1069", signature="示例", registered=[1, 0], accepted_at_ms=5,
        looked_at_ms=6, expires_at_ms=7, due_ms=8, segments=3, carriers=["alpha", "beta"], flags=9, template="t1@2",
        campaign="autumn", lot="review", note="company:word", lane=0, route="bench", network="mobile",
        province="beijing",
    )  # fmt: skip
    assert packed(**fields) == Envelope(**fields).pack()


def test_states() -> None:
    value = state_value(state_header(2, 1034, 1_800_000_000_000), "shop", "10690001")
    assert value[:17] == b"20341800000000000"
    assert parse_state(value) == MessageStatus(2, 34, 1_800_000_000_000, "shop", "10690001")
    assert len(state_header(8, 0, 10**15)) == 17
    with pytest.raises(StoreError):
        parse_state(b"what")


def test_key_names() -> None:
    assert keys.mt(10, "alpha", 2) == "{p0a}:mt:alpha:2"
    assert keys.mt(10, "alpha", 2) == keys.TAGS[10] + ":mt:" + keys.mt_suffix("alpha", 2)
    assert keys.partition_of_key("{p0a}:mt:alpha:2") == 10
    assert keys.home("0a17", 16) == 10
    assert keys.part("{p0a}:out:shop") == "{p0a}:part:out:shop"
    for wrong in ("", "p0a:mt", "{x0a}:mt", "{p0}"):
        with pytest.raises(ValueError, match=r"not a key of ours|invalid literal"):
            keys.partition_of_key(wrong)
    # Stable for ever: another answer is a migration.
    assert [keys.account_partition(name, 16) for name in ("shop", "bank")] == [2, 10]
    assert [keys.carrier_partition("alpha", "1", partitions) for partitions in (1, 16)] == [0, 9]


def test_entries_hold_one_message_or_several() -> None:
    raw = [
        [b"5-0", [b"m", b"one"]],
        [b"5-1", [b"b", to_script([b"two", b"three"])]],
        [b"6-0", [b"f", to_script([[b"l", b"four"], [b"m", b"five"]])]],
    ]
    messages = expand(raw)
    assert messages == [
        (b"5-0", [b"m", b"one"]),
        (b"5-1:0", [b"m", b"two"]),
        (b"5-1:1", [b"m", b"three"]),
        (b"6-0:0", [b"l", b"four"]),
        (b"6-0:1", [b"m", b"five"]),
    ]
    assert [entry_key(entry_id) for entry_id, _ in messages] == [(5, 0, 0), (5, 1, 0), (5, 1, 1), (6, 0, 0), (6, 0, 1)]
    assert unsettled(messages, {b"5-1": (2 << 40) + 0b10, b"6-0": 2 << 40}) == [messages[0], messages[1], *messages[3:]]
    assert [split(entry_id) for entry_id in (b"5-0", b"5-1:39")] == [(b"5-0", -1), (b"5-1", 39)]


def test_messages_are_grouped_by_stream_and_entry() -> None:
    groups = Groups()
    for position, (stream, entry_id) in enumerate((("a", b"1-0:3"), ("b", b"1-0"), ("a", b"2-0"), ("a", b"1-0:4"))):
        groups.add(stream, entry_id, position)
    assert groups.rows() == [
        ("a", [b"1-0", b"2-0"], [[3, 4], [-1]], [[0, 3], [2]]),
        ("b", [b"1-0"], [[-1]], [[1]]),
    ]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("LOADING Redis is loading the dataset in memory", StoreBusy),
        ("READONLY You can't write against a read only replica.", StoreBusy),
        ("CLUSTERDOWN The cluster is down", StoreBusy),
        ("MISCONF Redis is configured", StoreBusy),
        ("ERR Error running script (call to f_0): @user_script:12: -READONLY You can't write", StoreBusy),
        ("OOM command not allowed", StoreRefused),
        ("WRONGTYPE Operation", StoreRefused),
        ("ERR unknown command", StoreRefused),
        ("ERR max number of clients reached", StoreNotRun),
        ("NOAUTH Authentication required.", StoreLocked),
        ("WRONGPASS invalid username-password pair or user is disabled.", StoreLocked),
        ("NOPERM this user may not", StoreLocked),
        ("ERR AUTH <password> called without any password configured for the default user.", StoreLocked),
    ],
)
def test_error_replies_of_redis(reply: str, kind: type[StoreError]) -> None:
    error = error_reply(reply)
    assert type(error) is kind
    assert reply.rstrip(".") in str(error)
    if isinstance(error, StoreBusy):
        assert error.code in reply


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ConnectionRefusedError(111, "Connect call failed ('10.0.0.5', 6379)"), "connection refused"),
        (socket.gaierror(-2, "Name or service not known"), "name or service not known"),
        (RuntimeError("The transport is closed."), "the transport is closed"),
    ],
)
def test_why_nothing_could_be_reached(error: Exception, why: str) -> None:
    told = str(not_opened("10.0.0.5:6379", error))
    assert told == f"no connection to 10.0.0.5:6379: {why}; is Redis running there? (see store.url)"


def test_keys_for_other_purposes_are_derived_from_the_secret() -> None:
    first, second = Recipients(bytes(32)), Recipients(bytes([1]) * 32)
    keys = {first.key_for("audit log"), first.key_for("other"), second.key_for("audit log")}
    assert len(keys) == 3
    assert {len(key) for key in keys} == {32}
    assert first.key_for("audit log") == Recipients(bytes(32)).key_for("audit log")
