"""The Lua scripts: loading, shared parts, and their names for keys.

Owns the text that Redis runs: ``scripts/<name>.lua``, in which a line ``-- include: <part>`` is replaced
by ``scripts/parts/<part>.lua``, preceded by those names of ``keys.LUA_NAMES`` that it mentions.
The sha is that of the resulting text, so two versions of smsgw never run each other's scripts.
"""

from __future__ import annotations

import re
from functools import cache
from hashlib import sha1
from importlib.resources import files

from smsgw.store.keys import LUA_NAMES

_INCLUDE = re.compile(r"^-- include: (\w+)$", re.MULTILINE)
_NAME = re.compile(r"\bKEY_\w+")


class Script:
    """One script: ``name``, ``text`` as Redis gets it, ``sha``, and ``header`` (its leading comment)."""

    __slots__ = ("header", "name", "sha", "text")

    def __init__(self, name: str) -> None:
        source = _read(f"{name}.lua")
        self.name = name
        self.header = "\n".join(_leading_comment(source))
        body = _INCLUDE.sub(lambda match: _read(f"parts/{match[1]}.lua"), source)
        used = [known for known in LUA_NAMES if known in _NAME.findall(body)]
        names = "".join(f"local {known} = KEYS[1] .. '{LUA_NAMES[known]}'\n" for known in used)
        self.text = names + body
        self.sha = sha1(self.text.encode(), usedforsecurity=False).hexdigest()


def _read(path: str) -> str:
    return files("smsgw.store").joinpath("scripts", *path.split("/")).read_text(encoding="utf-8")


def _leading_comment(source: str) -> list[str]:
    lines = []
    for line in source.splitlines():
        if not line.startswith("--"):
            break
        lines.append(line)
    return lines


@cache
def script(name: str) -> Script:
    """The script of ``scripts/<name>.lua``, read once."""
    return Script(name)


def script_names() -> list[str]:
    """All scripts, sorted."""
    entries = files("smsgw.store").joinpath("scripts").iterdir()
    return sorted(entry.name.removesuffix(".lua") for entry in entries if entry.name.endswith(".lua"))
