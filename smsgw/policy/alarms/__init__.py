"""Alarms, as decisions: which kinds there are, when one begins and ends, and who is told of it when.

Time is handed in, business time in ms. Facts are gathered elsewhere (``smsgw.alarms``) and come as plain values.
"""
