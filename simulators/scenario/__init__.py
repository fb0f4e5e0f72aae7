"""Scenario files: what carriers are there, what they do, what happens when, and what must come of it.

Owned here: the TOML form of everything in ``CarrierSettings``, both ways; time lines; the shipped library.
Never decides what a carrier does with a message: that is ``simulators.carrier``. Times of a time line are
business time. What is wrong with a file is raised at once as ConfigErrors, one line for each place.
"""

from simulators.scenario.changes import parse_changes, show_settings
from simulators.scenario.load import load_scenario
from simulators.scenario.model import ClockPlan, End, Event, Phase, Scenario
from simulators.scenario.play import Play
from simulators.scenario.schema import json_schema

__all__ = [
    "ClockPlan",
    "End",
    "Event",
    "Phase",
    "Play",
    "Scenario",
    "json_schema",
    "load_scenario",
    "parse_changes",
    "show_settings",
]
