"""The command before it is loaded."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from smsgw.__main__ import main


class _Interrupted(ModuleType):
    def __getattr__(self, name: str) -> object:
        raise KeyboardInterrupt


def test_ctrl_c_while_it_loads_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "smsgw.cli.main", _Interrupted("smsgw.cli.main"))
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
