"""The alarms of a site at work: facts from gateways, store and records, judged, told to channels, acted upon.

It runs beside the console, or alone (``smsgw alarms run``); of all machines one process at a time does it.
"""
