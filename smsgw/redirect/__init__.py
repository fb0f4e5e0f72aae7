"""Where short links lead to: a small server of its own, beside gateways and console.

``app`` answers, ``visitors`` tells people from machines, ``pages`` is what a person sees whose link leads nowhere,
``serving`` runs it. It knows no recipient, and keeps nothing of who came.
"""
