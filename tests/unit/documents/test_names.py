"""The nearest valid name."""

from __future__ import annotations

from smsgw.documents.names import with_hint


def test_names_the_nearest_and_the_rest() -> None:
    assert with_hint("no such", "beat", ["alpha", "beta"]) == "no such; did you mean 'beta'? valid: alpha, beta"


def test_case_does_not_matter() -> None:
    assert "did you mean 'Alpha'?" in with_hint("no such", "ALPHA", ["Alpha", "beta"])


def test_nothing_near_lists_what_there_is() -> None:
    assert with_hint("no such", "zzz", ["alpha", "beta"]) == "no such; valid: alpha, beta"


def test_a_long_list_is_cut() -> None:
    names = [f"name{number}" for number in range(20)]
    assert with_hint("no such", "zzz", names).endswith(", …")
    assert "valid" not in with_hint("no such", "name1", names)


def test_without_names_there_is_only_the_message() -> None:
    assert with_hint("no such", "x", []) == "no such"
    assert with_hint("no such", 5, [], list_valid=False) == "no such"
