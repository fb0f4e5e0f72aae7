"""How two sets of site files differ, in words: routes, carriers, accounts, profiles, and what needs a restart.

Owns: finding what is the same thing on both sides (an account by its system_id, a route by its name or by what it
matches) and one line for each key that differs. Compares what the files say, not how they are laid out; comments and
order of keys don't count, the order of routes does. Secrets are never shown, only that they changed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Final

from smsgw.config.bundle import OWN_TABLES, Bundle, to_toml
from smsgw.config.load import NODE_FILE, ROUTES_FILE

SECRET: Final = "(not shown)"
MOST_CHARS: Final = 80
_SECRETS: Final = ("password", "token", "secret")
_NAMES: Final = {"accounts": "account", "carriers": "carrier", "profiles": "profile"}


@dataclass(frozen=True, slots=True)
class Change:
    """``what`` is ``account shop``, ``route 3 "codes"``; ``key`` empty for a whole thing; ``how`` a few words."""

    what: str
    key: str
    how: str

    def __str__(self) -> str:
        return f"{self.what}: {self.key}: {self.how}" if self.key else f"{self.what}: {self.how}"


def differences(before: Bundle, after: Bundle) -> list[Change]:
    """Everything that a change from ``before`` to ``after`` does, routes first. Tables of one process are left out."""
    found: list[Change] = []
    names = sorted({*before.files, *after.files}, key=lambda name: (name != ROUTES_FILE, name))
    for name in names:
        old, new = _parsed(before, name), _parsed(after, name)
        if old == new and before.files.get(name) == after.files.get(name):
            continue
        if name.endswith(".csv"):
            found += _lines(name, before.files.get(name, ""), after.files.get(name, ""))
        elif name == ROUTES_FILE:
            found += _routes(old or {}, new or {})
        elif old is None or new is None:
            found.append(Change(_thing(name), "", "removed" if new is None else "new"))
        else:
            found += _tables(_thing(name), old, new)
    return found


def _parsed(bundle: Bundle, name: str) -> dict[str, Any] | None:
    text = bundle.files.get(name)
    if text is None or name.endswith(".csv"):
        return None
    found = tomllib.loads(text)
    return {key: value for key, value in found.items() if key not in OWN_TABLES} if name == NODE_FILE else found


def _thing(name: str) -> str:
    folder, _, rest = name.rpartition("/")
    kind = _NAMES.get(folder)
    return f"{kind} {rest.removesuffix('.toml')}" if kind else name


def _tables(what: str, old: Mapping[str, Any], new: Mapping[str, Any], above: str = "") -> Iterator[Change]:
    for key in [*old, *(key for key in new if key not in old)]:
        path = f"{above}.{key}" if above else key
        was, now = old.get(key), new.get(key)
        if was == now:
            continue
        if isinstance(was, Mapping) and isinstance(now, Mapping):
            yield from _tables(what, was, now, path)
        elif _is_list_of_tables(was) and _is_list_of_tables(now):
            yield from _rows(what, path, was or (), now or ())
        elif _is_secret(key) and was is not None and now is not None:
            yield Change(what, path, f"changed {SECRET}")
        elif key not in old:
            yield Change(what, path, f"set to {_shown(path, now)}")
        elif key not in new:
            yield Change(what, path, f"no longer set, was {_shown(path, was)}")
        else:
            yield Change(what, path, f"{_shown(path, was)} → {_shown(path, now)}")


def _rows(what: str, path: str, old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> Iterator[Change]:
    """Entries of ``[[path]]``, by their name where they have one, else by their place."""
    before = {str(row.get("name", index + 1)): row for index, row in enumerate(old)}
    after = {str(row.get("name", index + 1)): row for index, row in enumerate(new)}
    for name in [*before, *(name for name in after if name not in before)]:
        label = f"{path} {name}"
        if name not in after:
            yield Change(what, label, "removed")
        elif name not in before:
            yield Change(what, label, f"new: {_line(after[name])}")
        else:
            yield from _tables(what, before[name], after[name], label)


def _routes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    before, after = list(old.get("route", ())), list(new.get("route", ()))
    yield from _tables(ROUTES_FILE, _but_routes(old), _but_routes(new))
    matcher = SequenceMatcher(None, [_identity(row) for row in before], [_identity(row) for row in after], False)
    gone: dict[str, int] = {}
    new_ones: list[int] = []
    for tag, first, last, start, end in matcher.get_opcodes():
        if tag == "equal":
            for offset in range(last - first):
                yield from _route_changes(before[first + offset], after[start + offset], start + offset)
        else:
            gone.update({_identity(before[place]): place for place in range(first, last)})
            new_ones += range(start, end)
    for place in new_ones:
        row = after[place]
        was = gone.pop(_identity(row), None)
        if was is None:
            yield Change(_route(row, place), "", f"new: {_line(row)}")
        else:
            yield Change(_route(row, place), "", f"moved here from place {was + 1}")
            yield from _route_changes(before[was], row, place)
    for place in gone.values():
        yield Change(_route(before[place], place), "", f"removed: {_line(before[place])}")
    tests = [len(each.get("test", ())) for each in (old, new)]
    if old.get("test") != new.get("test"):
        yield Change(ROUTES_FILE, "test", f"{tests[0]} → {tests[1]} assertions" if tests[0] != tests[1] else "changed")


def _but_routes(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key not in ("route", "test")}


def _route_changes(before: Mapping[str, Any], after: Mapping[str, Any], place: int) -> Iterator[Change]:
    yield from _tables(_route(after, place), before, after)


_WAYS: Final = ("carriers", "weights", "backups", "prefer", "max_cost")


def _identity(row: Mapping[str, Any]) -> str:
    """What makes a route the same one: its name, else what it matches."""
    if row.get("name"):
        return str(row["name"])
    return to_toml({key: row[key] for key in sorted(row) if key not in _WAYS})


def _route(row: Mapping[str, Any], place: int) -> str:
    name = row.get("name")
    return f"route {place + 1} {name}" if name else f"route {place + 1}"


def _lines(name: str, before: str, after: str) -> list[Change]:
    old, new = set(before.splitlines()), set(after.splitlines())
    return [Change(name, "", f"{len(new - old)} lines new, {len(old - new)} gone")] if old != new else []


def _is_list_of_tables(value: object) -> bool:
    return value is None or (isinstance(value, list) and all(isinstance(each, dict) for each in value))


def _line(row: Mapping[str, Any]) -> str:
    return _cut(", ".join(f"{key} = {_shown(key, value)}" for key, value in row.items() if key != "name"))


def _shown(path: str, value: object) -> str:
    if _is_secret(path.rpartition(".")[2]):
        return SECRET
    return _cut(to_toml({"": _without_secrets(value)})[5:].rstrip("\n"))


def _without_secrets(value: object) -> object:
    """A table that is shown whole may hold one."""
    if isinstance(value, Mapping):
        return {key: SECRET if _is_secret(key) else _without_secrets(each) for key, each in value.items()}
    return [_without_secrets(each) for each in value] if isinstance(value, list) else value


def _is_secret(key: str) -> bool:
    return key.startswith(_SECRETS) and not key.endswith("_file")


def _cut(text: str) -> str:
    return text if len(text) <= MOST_CHARS else f"{text[: MOST_CHARS - 1]}…"
