"""The worked example of docs/planning.md: every reckoning gives the result beside it, with the costs of its table."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "planning.md").read_text(encoding="utf-8")
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
#: Round results are given to two figures and more.
EXACTLY = 0.015


def rows(heading: str) -> list[list[str]]:
    """The rows of the first table below a heading."""
    _, _, after = PAGE.partition(f"## {heading}\n")
    lines = [line for line in after.partition("\n## ")[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def value(text: str) -> float:
    """Numbers joined by + × ÷, multiplied and divided from the left before they are added."""
    total = 0.0
    for part in text.split("+"):
        words = part.replace("×", " × ").replace("÷", " ÷ ").split()
        result = number(words[0])
        for sign, word in zip(words[1::2], words[2::2], strict=True):
            assert sign in "×÷"
            result = result * number(word) if sign == "×" else result / number(word)
        total += result
    return total


def number(text: str) -> float:
    assert NUMBER.fullmatch(text), text
    return float(text.replace(",", ""))


EXAMPLE = rows("50 million a day")


def test_there_is_an_example() -> None:
    assert len(EXAMPLE) > 20


@pytest.mark.parametrize("row", EXAMPLE, ids=lambda row: row[0][:50])
def test_a_line_gives_its_result(row: list[str]) -> None:
    _, reckoning, result = row
    assert value(reckoning) == pytest.approx(number(result), rel=EXACTLY)


def test_costs_in_the_example_are_those_of_the_table() -> None:
    """Each octet and microsecond that is multiplied by messages or recipients stands in the table of costs."""
    costs = {number(found) for _, cost, _ in rows("What things cost") for found in NUMBER.findall(cost)}
    used = {
        number(words[position + 1])
        for _, reckoning, _ in EXAMPLE
        for words in [reckoning.split()]
        for position, word in enumerate(words)
        if word == "×" and words[position + 2 :][:1] == ["÷"] and len(words[position + 3 :]) == 1
        if number(words[position + 3]) >= 1_000_000 and number(words[position + 1]) > 10
    }
    assert used
    assert used <= costs, used - costs


def test_results_are_carried_over() -> None:
    """What is added up, and what later lines begin with, are results of earlier lines."""
    results = [row[2] for row in EXAMPLE]
    (added,) = [row[1] for row in EXAMPLE if row[0] == "together, GB"]
    begin = next(index for index, row in enumerate(EXAMPLE) if row[0].startswith("states of a day"))
    end = next(index for index, row in enumerate(EXAMPLE) if row[0] == "together, GB")
    assert [part.strip() for part in added.split("+")] == results[begin:end]
    for index, row in enumerate(EXAMPLE):
        first = row[1].split()[0]
        if "," in first and number(first) < 10_000:
            assert first in results[:index], row[0]
