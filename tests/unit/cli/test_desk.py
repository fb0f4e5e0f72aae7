"""Who sits at the desk: the user of the machine, or somebody else who is then named beside them."""

from __future__ import annotations

import os
import pwd
from typing import Any

import pytest

from smsgw.cli.desk import os_user
from tests.unit.cli.conftest import WHY, Run, done, shown

NUMBER = "13800138000"
NOBODY = 4_000_000_000


def entries(smsgw: Run) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = shown(smsgw("audit", "list", "--json"))["items"]
    return found


def test_the_log_says_who_typed_it_for_somebody_else(smsgw: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "wang")
    user = pwd.getpwuid(os.getuid()).pw_name
    done(smsgw("optout", "add", NUMBER, *WHY))
    done(smsgw("optout", "remove", NUMBER, "--who", "wang", *WHY))
    other, own = entries(smsgw)
    assert (own["who"], own["detail"].get("os_user")) == (user, None)
    assert (other["who"], other["detail"]["os_user"]) == ("wang", user)
    assert f"os user {user}" in done(smsgw("audit", "list"))


def test_also_beside_a_document_and_around_a_list(tmp_path: Any, smsgw: Run) -> None:
    done(smsgw("pause", "account:shop", "--who", "wang", *WHY))
    file = tmp_path / "list.csv"
    file.write_text(f"{NUMBER}\n")
    done(smsgw("blacklist", "import", str(file), "--who", "wang", *WHY))
    done(smsgw("word", "add", "company", "内部价", "--who", "wang", *WHY))
    assert [each["detail"]["os_user"] for each in entries(smsgw)] == [os_user()] * 4


def test_a_user_without_a_name(smsgw: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: NOBODY)
    assert os_user() == f"uid {NOBODY}"
    done(smsgw("optout", "add", NUMBER, *WHY))
    done(smsgw("optout", "add", NUMBER, "--account", "shop", "--who", "wang", *WHY))
    other, own = entries(smsgw)
    assert own["who"] == f"uid {NOBODY}"
    assert other["detail"]["os_user"] == f"uid {NOBODY}"
