"""Live control of simulated carriers: an HTTP API, the page that uses it, and the command ``simctl``.

Owns how a running simulation is looked at and steered from outside. Decides nothing about how a carrier
behaves: every request ends in a call of ``CarrierSim``, ``CarrierGroup`` or what plays the time line.
"""
