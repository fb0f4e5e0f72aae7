"""The demonstration: gateway, carriers and applications on this machine, with expectations that are checked.

``python -m simulators.demo`` (``bin/demo``). ``acts`` says what happens and what must come of it, as data;
``stage`` starts everything; ``play`` and ``failover`` perform; ``audit`` judges at the end; ``screen`` and
``report`` tell. It knows the gateway only from outside: its site files, its SMPP port, its ops port.
"""
