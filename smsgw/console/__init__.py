"""The console: what staff and their programs do over HTTP. A process of its own beside the gateway, on the same store.

Start with ``app``. Every route only reads the request, calls one function of ``services`` and answers what it gives;
reasons and the audit are decided there, rights there as well as in ``rights``. This room may touch services, config,
the table of steps, telemetry, clock and errors; never the gateway, an edge or Redis itself.
"""
