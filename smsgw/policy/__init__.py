"""Decisions, pure: may this message be sent, when, by which route, and what next when a carrier refuses.

Read ``model`` first (the values), then ``profile`` (the settings rules are compiled from), then
``pipeline`` (the order of the rules). Nothing here reads a clock, a file, a socket or a source of
chance: time and chance are arguments. What needs state (opt-outs, caps, duplicates) is decided by
the store's scripts; ``caps`` only prepares the rows they count by.
"""
