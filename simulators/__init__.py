"""Simulators of both neighbours of a gateway: a carrier (SMSC) and an application (ESME).

They share only ``smsgw.smpp`` with the gateway, so that a fault of the gateway can't hide in
its own test tool. Both run as commands (``python -m simulators.carrier``,
``python -m simulators.esme``) and inside a test's event loop (``CarrierSim``, ``EsmeSim``).
"""
