"""Pieces come to ClickHouse once, whatever is killed when; somebody who is erased is erased there, too."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smsgw.records.archive import raw
from smsgw.records.archive.person import erase
from smsgw.records.archive.verification import verify
from smsgw.records.clickhouse import schema, shipping
from smsgw.records.clickhouse.client import ClickHouseError, Client, Server
from smsgw.records.clickhouse.ledger import Ledger
from smsgw.records.clickhouse.shipping import NOTE
from smsgw.records.history import Asked, Embedded
from smsgw.records.record import HOUR_MS, Step
from tests.unit.records.archive.world import HASH, HOUR, KEYS, NUMBER, life, message_id

from .conftest import Sending

once = pytest.mark.parametrize("url", ["server"], indirect=True)
"""Where the dialect does not matter, for chdb is slow at many small statements."""


class Killed(BaseException):
    """At the moment that a test has chosen."""


def begin(world: Sending) -> None:
    """Two pieces of a running hour are there, a third one and the hour's end come next."""
    world.now_ms = HOUR + HOUR_MS // 2
    for number in (0, 10):
        world.write([row for each in range(number, number + 8) for row in life(each, HOUR + each)])
        world.round()
    world.write([row for each in range(20, 28) for row in life(each, HOUR + each)])
    world.now_ms = HOUR + 2 * HOUR_MS


def dying(at: int, patched: pytest.MonkeyPatch) -> Callable[[], int]:
    """Before the ``at``-th statement from now; gives how many came."""
    real, came = Client._post, 0

    def post(client: Client, *arguments: Any) -> bytes:
        nonlocal came
        if came == at:
            raise Killed
        came += 1
        return real(client, *arguments)

    patched.setattr(Client, "_post", post)
    return lambda: came


def whole(world: Sending) -> None:
    """ClickHouse has what the archive has, once, and nothing besides."""
    count = world.count()
    assert (count.waiting, count.faults) == (0, ())
    assert world.there().statistics(Asked()) == Embedded(world.directory).statistics(Asked())
    counting = Ledger(Client(world.server)).counting()
    _idle(world)
    assert world.rows(f"SELECT count() FROM {{records}} WHERE batch NOT IN {counting}") == [(0,)]
    assert not (world.archive / NOTE).exists()


def _idle(world: Sending) -> None:
    """Removals are done by and by."""
    shipper = world.shipper(world.archive, None)
    shipper._wait()
    shipper.close()


def test_a_kill_at_any_step_counts_everything_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str, request: pytest.FixtureRequest
) -> None:
    if request.node.callspec.params["url"] != "server":
        pytest.skip("the statements are the same, and chdb is slow at many small ones")
    monkeypatch.setattr(raw, "LOCK_KEPT_S", 0.0)
    died = 0
    for at in range(0, 200, 7):
        here = Sending(tmp_path / str(at), server=Server(url, f"killed_{at}"))
        begin(here)
        with monkeypatch.context() as patched:
            came = dying(at, patched)
            with contextlib.suppress(Killed):
                here.round()
        expected = sorted(Embedded(here.directory).find())
        assert len(expected) == 24 * 5
        assert sorted(here.there().find()) == expected, at
        here.round()
        whole(here)
        died += 1
        if came() < at:
            break
    else:
        pytest.fail("it has no end")
    assert died > 3


@once
def test_a_line_that_turns_up_late_counts_nothing(world: Sending, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process died while the ledger's line was under way, and the server takes it when all is done anew."""
    world.write([row for number in range(4) for row in life(number, HOUR + number)])
    late: list[tuple[Any, ...]] = []
    with monkeypatch.context() as patched:

        def write(ledger: Ledger, *arguments: Any) -> None:
            late.append(arguments)
            raise Killed

        patched.setattr(Ledger, "write", write)
        with pytest.raises(Killed):
            world.round()
    world.round()
    whole(world)
    Ledger(Client(world.server)).write(*late[0])
    world.round()
    assert world.count().records == 20
    assert world.there().statistics(Asked()) == Embedded(world.directory).statistics(Asked())


def test_an_hour_that_is_over_is_one_batch_and_its_stage_goes(world: Sending) -> None:
    begin(world)
    assert world.rows("SELECT count(), max(stage <> '') FROM {records}") == [(80, 1)]
    assert world.round().sent == 1
    whole(world)
    assert world.rows("SELECT count(), max(stage <> ''), uniqExact(batch) FROM {records}") == [(120, 0, 1)]
    assert world.rows("SELECT count() FROM {batches}") == [(1,)]
    assert world.round().sent == 0


@once
def test_who_is_away_is_waited_for_and_told_once(world: Sending, caplog: pytest.LogCaptureFixture) -> None:
    there = world.server
    world.server = Server("http://127.0.0.1:9", timeout_s=2.0)
    world.write(life(1))
    keeper = world.keeper()
    done = keeper.round()
    assert (done.taken_rows, done.removed_raw, done.sent) == (5, 1, 0)
    keeper.round()
    assert [record.message for record in caplog.records] == ["records.clickhouse.failed"]
    assert keeper.away.startswith("ClickHouse at http://127.0.0.1:9: can't be reached")
    with pytest.raises(ClickHouseError, match="can't be reached"):
        world.there().find()
    world.server, world.asking = there, None
    assert len(world.there().find()) == 5  # from the file that waits
    assert world.count().waiting == 1
    assert world.round().sent == 1
    whole(world)


def test_somebody_is_erased_everywhere(world: Sending) -> None:
    """Also from what another machine has sent."""
    other = Sending(world.directory.with_name("other"), server=world.server)
    for each, number in ((world, 1), (other, 50)):
        each.write([row for at in range(3) for row in life(number + at, HOUR + at, rhash=HASH if at else "stays")])
        each.round()
    figures = world.there().statistics(Asked())
    assert len(world.there().of_recipient(HASH, KEYS)) == 12
    keeper = world.keeper()
    assert erase(keeper, HASH, KEYS) == (1, 6)
    there = world.there()
    assert there.of_recipient(HASH, KEYS) == []
    assert there.find(recipient_hash=HASH) == []
    assert [len(there.find(message_id(number, HOUR))) for number in (2, 51)] == [5, 5]
    left = world.rows("SELECT count() FROM {records} WHERE content <> '' AND recipient_hash = ''")
    assert left == world.rows(f"SELECT count() FROM {{recipients}} WHERE recipient_hash = '{HASH}'") == [(0,)]
    assert [kept.number for kept in there.of_recipient("stays", KEYS) if kept.pdus] == [NUMBER, NUMBER]
    assert there.statistics(Asked()) == figures
    assert world.round().sent == 0  # nothing is sent again for it
    assert [each.count().faults for each in (world, other)] == [(), ()]
    assert verify(world.archive, KEYS).faults == ()


@once
def test_an_erasure_that_was_cut_short_is_sent_anew(world: Sending, monkeypatch: pytest.MonkeyPatch) -> None:
    world.write([row for at in range(3) for row in life(at, HOUR + at)])
    keeper = world.keeper()
    keeper.round()
    monkeypatch.setattr(shipping.Shipper, "erase", lambda *arguments: (_ for _ in ()).throw(Killed))
    with pytest.raises(Killed):
        erase(keeper, HASH, KEYS)
    assert len(world.there().of_recipient(HASH, KEYS)) == 9
    assert world.round().sent == 1
    assert world.there().of_recipient(HASH, KEYS) == []
    whole(world)
    assert world.rows("SELECT count() FROM {records} WHERE recipient_hash <> ''") == [(0,)]


def test_what_is_too_old_goes_with_its_day(world: Sending) -> None:
    day_ms = 24 * HOUR_MS
    world.write(life(1))
    world.round()
    world.days = 1
    world.now_ms = HOUR + day_ms + 3 * HOUR_MS
    world.write(life(2, HOUR + day_ms))
    world.round()
    assert {record.message_id for record in world.there().find()} == {message_id(2, HOUR + day_ms)}
    assert world.rows("SELECT uniqExact(day) FROM {records}") == [(2,)]  # the day is not over
    world.now_ms += day_ms
    world.write(life(3, world.now_ms - 3 * HOUR_MS))
    world.round()
    assert world.rows("SELECT DISTINCT day FROM {batches} ORDER BY day") == [(20261119,), (20261120,)]
    assert world.rows("SELECT DISTINCT day FROM {counts} ORDER BY day") == [(20261119,), (20261120,)]
    assert world.there().statistics(Asked()) == Embedded(world.directory).statistics(Asked())


def test_what_does_not_agree_is_told(world: Sending) -> None:
    world.write([row for number in range(4) for row in life(number, HOUR + number)])
    world.round()
    client = Client(world.server)
    client.do(f"ALTER TABLE {client.table('records')} DELETE WHERE step = {int(Step.RECEIPT)}")
    _idle(world)
    (fault,) = world.count().faults
    assert fault == "ClickHouse: 2026-11-18T11.000001-000001.parquet: has 16 records, 20 were sent"
    shutil.rmtree(world.archive / "2026-11-18")
    assert world.count().faults == (fault,)


def test_the_tables_are_made_once_and_not_by_an_older_program(world: Sending) -> None:
    client = Client(world.server)
    assert schema.version_of(client) == 0
    schema.prepare(client)
    schema.prepare(client)
    assert schema.migrate(client) == schema.version_of(client) == schema.VERSION
    assert world.rows(f"SELECT count() FROM {client.table('versions')}") == [(1,)]
    client.do(f"INSERT INTO {client.table('versions')} VALUES (99, 0)")
    for made in (schema.prepare, schema.migrate):
        with pytest.raises(ClickHouseError, match="are of version 99, and this program knows 1: upgrade smsgw"):
            made(client)


def test_older_tables_wait_for_the_command_and_lose_nothing(world: Sending, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version more, as a later program would have it: whoever asks or sends says which command mends it."""
    world.write(life(1))
    world.round()
    client = Client(world.server)

    def later(client: Client) -> list[str]:
        return [f"ALTER TABLE {client.table('counts')} ADD COLUMN `later` Int64"]

    monkeypatch.setattr(schema, "_VERSIONS", (*schema._VERSIONS, later))
    monkeypatch.setattr(schema, "VERSION", 2)
    monkeypatch.setitem(schema.COLUMNS, "counts", {**schema.COLUMNS["counts"], "later": "Int64"})
    world.asking = None
    with pytest.raises(ClickHouseError, match=r"are of version 1, .* needs 2: run `smsgw archive clickhouse-init`"):
        world.there().statistics(Asked())
    keeper = world.keeper()
    world.write(life(2))
    assert keeper.round().sent == 0
    assert "run `smsgw archive clickhouse-init`" in keeper.away
    assert (schema.migrate(client), schema.version_of(client)) == (1, 2)
    schema.prepare(client)
    assert world.there().statistics(Asked())[0].counts["accepted"] == 1


def test_tables_of_somebody_else_are_left_alone(world: Sending) -> None:
    client = Client(world.server)
    client.do(f"CREATE DATABASE `{world.server.database}`")
    client.do(f"CREATE TABLE {client.table('records')} (day UInt32, stage String) ENGINE = MergeTree ORDER BY day")
    for made in (schema.prepare, schema.migrate):
        with pytest.raises(ClickHouseError, match=r"records\.batch should be UInt64, and is missing; name another"):
            made(client)
    assert schema.version_of(client) == 0


def test_columns_change_with_the_version() -> None:
    """A column more is a version more: write what it does to the tables that are there."""
    columns = sum(len(each) for each in schema.COLUMNS.values())
    assert (schema.VERSION, columns) == (1, 100)


def test_errors_are_one_line_without_what_was_asked(world: Sending, url: str) -> None:
    client = Client(world.server)
    with pytest.raises(ClickHouseError) as caught:
        client.rows("SELECT nothing FROM nowhere.at_all")
    assert str(caught.value).startswith(f"ClickHouse at {url}: Code: ")
    assert "\n" not in str(caught.value)
    if schema.version_of(client):
        pytest.fail("each test has a database of its own")


def test_a_wrong_password_is_refused(url: str, request: pytest.FixtureRequest) -> None:
    if request.node.callspec.params["url"] != "server":
        pytest.skip("chdb has no users")
    for user in ("sms", "nobody"):
        with pytest.raises(ClickHouseError, match="check user and password_file of ") as caught:
            Client(Server(url, user=user, password="hunter2")).rows("SELECT 1")
        assert "hunter2" not in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_certificate_that_nobody_knows_is_told(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text("nothing", encoding="ascii")
    with pytest.raises(ClickHouseError, match=r"https://127\.0\.0\.1:9: .*ca\.pem, the ca of .* is no PEM file"):
        Client(Server("https://127.0.0.1:9", ca=ca)).rows("SELECT 1")


@once
@pytest.mark.parametrize("at", [1, 6, 7])
def test_an_answer_that_is_lost_counts_nothing_twice(world: Sending, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """The server has taken what it was told, and the connection ends before it says so."""
    world.write(life(1))
    keeper = world.keeper()
    keeper.round()
    world.write(life(2))
    real, came = Client._post, 0

    def post(client: Client, *arguments: Any) -> bytes:
        nonlocal came
        answer = real(client, *arguments)
        came += 1
        if came == at + 1:
            raise ClickHouseError("the answer was lost")
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(Client, "_post", post)
        keeper.round()
    assert (came, keeper.away) == (at + 1, "the answer was lost")
    keeper.round()
    assert keeper.away == ""
    whole(world)
