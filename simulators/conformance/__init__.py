"""A conformance run: a carrier that leads a real application through what it must do right.

``bench`` plays the carrier and writes down every PDU, ``checks`` is the table of what is looked at, ``exam`` is
what a check may do, ``run`` goes through the table, ``report`` tells the result, ``commands`` is the command.
"""
