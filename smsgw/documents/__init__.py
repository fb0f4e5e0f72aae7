"""TOML files as people edit them: values with their lines, models made from them, errors that name the place.

Owned here: reading and locating, the kinds of values that any file may hold, and how what is wrong is
said. What a key means belongs to whoever has the model: ``smsgw.config`` for sites, ``simulators.scenario``.
"""
