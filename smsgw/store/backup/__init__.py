"""Copies of what can't be lost, and putting them back: the file (``frames``), out of the store (``gather``), into one
(``restore``). What waits to be sent is not in a copy: the store's own files keep it."""
