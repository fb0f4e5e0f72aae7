"""Whether workers have shared out the binds, by what they say."""

from __future__ import annotations

from typing import Any

import pytest

from smsgw.supervisor.shares import unsettled

OURS = ("n-1", "n-2", "n-3")
#: Of each bind, worker by worker: "u" up, "d" leased and down, "." somebody else's.
KINDS = {"t": "transceiver", "r": "receiver"}


def pages(kinds: str, *workers: str, others: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    return [
        {
            "other_nodes": [*OURS, *others],
            "carriers": {
                "c": {
                    "links": [
                        {"id": f"c#{number}", "kind": KINDS[kind], "leased": state in "ud", "up": state == "u"}
                        for number, (kind, state) in enumerate(zip(kinds, states, strict=True))
                    ]
                }
            },
        }
        for states in workers
    ]


@pytest.mark.parametrize(
    ("kinds", "workers"),
    [
        ("tt", ("u.", ".u")),
        ("t", ("u", ".")),
        ("tttt", ("uu..", "..uu", "....")),  # nobody has more than its share
        ("tr", ("uu", "..")),
        ("tt", ("d.", ".d")),  # the carrier is down
        ("tt", ("..", "..")),  # drained
        ("", ("", "")),
    ],
)
def test_settled(kinds: str, workers: tuple[str, ...]) -> None:
    assert unsettled(pages(kinds, *workers), OURS) == ""


@pytest.mark.parametrize(
    ("kinds", "workers"),
    [
        ("tt", ("uu", "..")),  # the other has not got its share
        ("tt", ("u.", "..")),  # let go of, and not taken yet
        ("tt", ("u.", ".d")),  # taken, and not up yet
        ("ttr", ("u.u", ".d.")),
        ("tt", ("uu", "..", "..")),
    ],
)
def test_on_their_way(kinds: str, workers: tuple[str, ...]) -> None:
    assert unsettled(pages(kinds, *workers), OURS) == "c"


def test_binds_that_another_machine_may_have_are_not_waited_for() -> None:
    assert unsettled(pages("tttt", "u...", ".u..", others=("far",)), OURS) == ""
    assert unsettled(pages("tttt", "uuu.", "...u", others=("far",)), OURS) == "c"


def test_workers_that_say_nothing_of_carriers() -> None:
    assert unsettled([{"not_ready": {}}, {}], OURS) == ""
    assert unsettled([], OURS) == ""
