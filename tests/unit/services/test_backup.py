"""Backups at the desk: who may, what the file is, and what is written down of it."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from smsgw.errors import RequestError
from smsgw.services import backup, optouts, pauses
from smsgw.services.desk import Desk
from smsgw.store.connection import Store
from tests.unit.services.conftest import MakeDesk, fault

NUMBER = "+8613800138000"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "copy.backup"


async def actions(desk: Desk) -> list[tuple[str, str, str, str]]:
    return [(each.who, each.action, each.subject, each.why) async for each in desk.log.all()]


async def test_made_shown_and_put_back(desk: Desk, store: Store, file: Path) -> None:
    await optouts.add(desk, NUMBER, "asked on the phone", account="shop")
    await pauses.pause(desk, "account:shop", why="complaints")
    made = await backup.export(desk, file, "nightly")
    assert file.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in file.parent.iterdir()] == [file.name]
    assert made.counts == {
        "registered": 1, "audit entries": 2, "recipients": 1, "quota counters": 0, "ported numbers": 0,
        "learnt id forms": 0, "short links": 0,
    }  # fmt: skip
    assert backup.show(file, store.recipients, desk.site.secrets_file) == made
    before = await actions(desk)
    assert before[-1] == ("root", "backup.export", "backup copy.backup", "nightly")

    await store.command(0, "FLUSHALL")
    await store.ready()
    fresh = Desk(desk.site, store, desk.person, desk.now_ms)
    looked = await backup.put_back(fresh, file, "a new machine", dry_run=True)
    assert (await fresh.log.head()).seq == 0
    done = await backup.put_back(fresh, file, "a new machine")
    assert done.taken == looked.taken == made.counts
    assert done.audit_left == ""
    assert [(each.kind, each.source) for each in (await optouts.show(fresh, NUMBER)).facts] == [
        ("optout", "staff:root")
    ]
    assert [each.scope for each in (await pauses.list_(fresh)).items] == ["account:shop"]
    subject = "backup copy.backup"
    assert await actions(fresh) == [
        *before[:-1],
        ("root", "backup.import_begun", subject, "a new machine"),
        ("root", "backup.import", subject, "a new machine"),
    ]
    assert not (await fresh.log.verify()).faults


async def test_never_over_a_file_and_with_a_reason(desk: Desk, file: Path) -> None:
    file.write_text("mine")
    with pytest.raises(RequestError) as caught:
        await backup.export(desk, file, "nightly")
    assert fault(caught) == ("invalid", f"{file}: is there already; name a new file")
    assert file.read_text() == "mine"
    with pytest.raises(RequestError, match="every change needs a reason"):
        await backup.export(desk, file.with_name("other"), "")
    with pytest.raises(RequestError, match="every change needs a reason"):
        await backup.put_back(desk, file, "")


async def test_a_directory_that_is_not_there(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="can't be written: No such file or directory"):
        await backup.export(desk, tmp_path / "nowhere" / "copy", "nightly")


async def test_a_file_system_without_links(desk: Desk, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: str, target: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    made = await backup.export(desk, file, "nightly")
    assert made.octets == file.stat().st_size
    assert [each.name for each in file.parent.iterdir()] == [file.name]
    with pytest.raises(RequestError, match="is there already"):
        await backup.export(desk, file, "nightly")


async def test_who_may(desk_of: MakeDesk, file: Path) -> None:
    with pytest.raises(RequestError, match=r"li\.na needs one of the roles engineer, technical"):
        await backup.export(desk_of("li.na", "market", "viewer"), file, "nightly")
    await backup.export(desk_of("wang", "engineer"), file, "nightly")
    with pytest.raises(RequestError, match="wang needs one of the roles technical, compliance"):
        await backup.put_back(desk_of("wang", "engineer"), file, "back")


async def test_a_broken_file_changes_nothing(desk: Desk, file: Path) -> None:
    await backup.export(desk, file, "nightly")
    octets = bytearray(file.read_bytes())
    octets[-1] ^= 1
    file.write_bytes(bytes(octets))
    before = await actions(desk)
    with pytest.raises(RequestError, match="was changed"):
        await backup.put_back(desk, file, "back")
    assert await actions(desk) == before
