"""What staff do, once, for the commands and for the console: register, approve, pause, look up.

Start with ``desk``: who asks, with what authority, and the audit of what they change. Then one module a register. This
room may touch config, store, policy, documents, records, clock and errors; never the gateway, an edge, a command or the
console. Every change needs a reason and is audited with who and when, before and after. Everything that a person
did wrong is a RequestError with a sentence that names the field.
"""
