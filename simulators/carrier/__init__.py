"""The simulated carrier (SMSC role): ``CarrierSim`` in a test, ``python -m simulators.carrier`` as a command."""

from simulators.carrier.group import CarrierGroup
from simulators.carrier.message import Message
from simulators.carrier.settings import CarrierSettings
from simulators.carrier.sim import CarrierSim

__all__ = ["CarrierGroup", "CarrierSettings", "CarrierSim", "Message"]
