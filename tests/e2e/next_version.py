"""The next version of smsgw: a copy of the package in which everything that a version may change is changed.

Other texts of all scripts, so that no version runs another's; schema 2, which processes of schema 1 may share, with a
step that counts how often it ran for each partition; one field more in envelopes, reports, states, and in the documents
and words of processes about the site's versions. What is patched must be there exactly once, so it can't be forgotten.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Final

from tests.e2e.gateway import ROOT

VERSION: Final = "99.0.0"
SCHEMA: Final = 2
STEPS_FIELD: Final = "steps_to_2"
LATER: Final = "of-the-next-version"
_STEP: Final = f'''
async def _to_2(store: Store, partition: int) -> None:
    await store.command(partition, "HINCRBY", keys.meta(partition), "{STEPS_FIELD}", 1)


STEPS: Mapping[int, Step] = {{1: _to_2}}
'''
_PATCHES: Final = {
    "__init__.py": ((r'__version__ = "[^"]+"', f'__version__ = "{VERSION}"'),),
    "store/keys.py": ((r"\nSCHEMA = 1\n", f"\nSCHEMA = {SCHEMA}\n"),),
    "store/schema.py": ((r"\nSTEPS: Mapping\[int, Step\] = \{\}\n", _STEP),),
    "store/envelope.py": ((r"\*\(\(self\.links, \*self\.later\) if self\.links or self\.later else \(\)\),",
                           f'self.links, *(self.later or ["{LATER}"]),'),),
    "store/state.py": (
        (r"return header \+ account\.encode\(\) \+ b\"\\0\" \+ source_addr\.encode\(\)",
         f'return header + account.encode() + b"\\\\0" + source_addr.encode() + b"\\\\0{LATER}"'),
    ),
    "store/versions.py": (
        (r'return \{\*\*body\.pop\("later"\), \*\*body\}', f'return {{"{LATER}": 1, **body.pop("later"), **body}}'),
        (r"body = pack\(asdict\((replace\(process, .*\))\)\)", rf'body = pack({{**asdict(\1), "{LATER}": 1}})'),
    ),
    "gateway/reports.py": (
        (r"return pack\(report if report\.stat else report\[:4\]\)", f'return pack((*report, "{LATER}"))'),
    ),
}  # fmt: skip


def next_version(directory: Path) -> Path:
    """Make it in a directory that is not there yet; processes that are started in it run it."""
    package = directory / "smsgw"
    shutil.copytree(ROOT / "smsgw", package, ignore=shutil.ignore_patterns("__pycache__"))
    for name, patches in _PATCHES.items():
        path = package / name
        text = path.read_text(encoding="utf-8")
        for pattern, new in patches:
            text, count = re.subn(pattern, new, text)
            assert count == 1, f"{name}: {pattern} is there {count} times"
        path.write_text(text, encoding="utf-8")
    for path in (package / "store" / "scripts").glob("*.lua"):
        path.write_text(path.read_text(encoding="utf-8") + f"-- {LATER}\n", encoding="utf-8")
    return directory
