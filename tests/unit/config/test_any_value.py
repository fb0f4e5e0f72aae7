"""Whatever a key is set to, a site loads or says what is wrong with it in our own words."""

from __future__ import annotations

import re

import pytest

from smsgw.documents.problems import ConfigErrors

from .conftest import EXAMPLE, SiteCopy

VALUES = (
    "-1", "99999999999999999999", "1.5", "inf", "true", '""', '"x"', '"\\u0000"', '"１２３"',
    f'"{"9" * 400}s"', f'"{"9" * 400}"', "[]", "[5]", "[[1]]", "[{}]", '["x", "x"]', "{}", "{a = 1}", "2027-01-01",
    "12:00:00",
)  # fmt: skip
FILES = sorted(str(path.relative_to(EXAMPLE)) for path in EXAMPLE.rglob("*.toml") if "state" not in path.parts)
_KEY = re.compile(r"(?m)^(?:# )?([A-Za-z0-9_-]+) = .*$")
_OTHERS_WORDS = re.compile(r"Input should|Value error|pydantic|Traceback")


@pytest.mark.parametrize("file", FILES)
def test_any_value_for_any_key(site: SiteCopy, file: str) -> None:
    path = site.directory / file
    text = path.read_text(encoding="utf-8")
    for number, key in enumerate(_KEY.finditer(text)):
        # One value for each key and file: another one for the next key, so that all of them get their turn.
        value = VALUES[(number + len(file)) % len(VALUES)]
        path.write_text(f"{text[: key.start()]}{key[1]} = {value}{text[key.end() :]}", encoding="utf-8")
        assert not _OTHERS_WORDS.search(_errors(site)), f"{key[1]} = {value}"


def _errors(site: SiteCopy) -> str:
    try:
        site.load()
    except ConfigErrors as found:
        return str(found)
    return ""
