"""Commands about recipients: opt-outs, consent, blacklist, dead numbers, tiers; a module each.

A full number is printed only where its whole is what was asked for by typing it.
"""
