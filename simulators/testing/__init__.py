"""The simulators for tests of other projects: in a thread with its own event loop, behind handles for any thread.

``simulators.pytest_plugin`` has them as fixtures; ``running_carrier`` and ``running_esme`` as context managers,
for other test runners and wider scopes.

    with running_carrier(receipts={"delay": "2s"}) as carrier:
        ...connect to carrier.port and send...
        carrier.expect(destination="138*", count=1, deadline_s=5)
"""

from simulators.testing.carrier import CarrierHandle
from simulators.testing.esme import EsmeHandle
from simulators.testing.messages import SimMessage
from simulators.testing.stage import running_carrier, running_esme

__all__ = ["CarrierHandle", "EsmeHandle", "SimMessage", "running_carrier", "running_esme"]
