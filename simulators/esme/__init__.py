"""The simulated application (ESME role): ``EsmeSim`` in a test, ``python -m simulators.esme`` as a command."""

from simulators.esme.answer import Answer
from simulators.esme.settings import EsmeSettings
from simulators.esme.sim import EsmeSim, Incoming

__all__ = ["Answer", "EsmeSettings", "EsmeSim", "Incoming"]
