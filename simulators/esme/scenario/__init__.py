"""Scenarios of applications: TOML files with applications, steps and expectations.

``model`` is the file, ``load`` reads it, ``play`` carries its steps out one after the other (a step may go on in
the background), ``command`` is ``run``, ``check`` and ``schema``. What a carrier does is no part of it.
"""

from simulators.esme.scenario.load import load_scenario
from simulators.esme.scenario.model import Application, Scenario, Step
from simulators.esme.scenario.play import Play

__all__ = ["Application", "Play", "Scenario", "Step", "load_scenario"]
