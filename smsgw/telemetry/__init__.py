"""Telemetry: what the gateway tells of itself. Logs, metrics, and the HTTP port that shows them.

Stands below every room and knows none: ``masking`` and ``logs``, ``repeats``, ``counters`` and
``metrics``, ``ops``.
"""
